//! Batches into BigQuery, each row once: written down at an offset before they are sent, and sent again at the same
//! offset until BigQuery says that they are there.

mod client;
mod encode;

use super::api::{Api, pause};
use super::session::CloudSession;
use super::tables;
use super::{CloudBigQuery, settings::Settings};
use crate::{Account, Append, Batch, Dedupe, Destination, Field, Landed, Outbox, QUARANTINE_SUFFIX, Rows};
use crate::{DbError, DbErrorKind, Path, Session, Value};
use crate::{Lander, Target};
use client::{Client, Refused};
use gcp_bigquery_client::google::cloud::bigquery::storage::v1 as storage;
use prost::Message;
use rsdbt_sys as sys;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::append_rows_request::{ProtoData, Rows as Sent};
use tokio::runtime::Runtime;

const EVENTS: &str = "events";
const QUARANTINE: &str = "quarantine";
/// One request. And how long it is repeated before `ingest` hears of it, which goes on trying and can be stopped.
const ANSWER: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(20);
/// A request holds less than 10 MB, with everything around the rows.
const REQUEST: usize = 8 << 20;

/// A pair of tables where events land, with their streams and the journal of what goes there.
struct CloudLander {
    api: Arc<Api>,
    runtime: Arc<Runtime>,
    client: Client,
    outbox: Outbox,
    dataset: String,
    table: String,
    events: &'static [Field],
    quarantine: &'static [Field],
    /// Targets whose table is there.
    ready: HashSet<&'static str>,
}

impl Target for CloudBigQuery {
    /// The journal is `.ingest/PROJECT.DATASET.TABLE.duckdb` in the project; `Dedupe::Off` keeps it in memory, so that a
    /// test can show what it is for.
    fn lander(self, to: &Destination, dedupe: Dedupe) -> Result<Box<dyn Lander>, DbError> {
        let Destination { dataset, table, events, quarantine } = *to;
        let settings = &self.api.settings;
        let path = self.root.join(".ingest").join(format!("{}.{dataset}.{table}.duckdb", settings.project));
        let outbox = Outbox::open((dedupe == Dedupe::On).then_some(path.as_path()), &[EVENTS, QUARANTINE])?;
        let client = {
            let _inside = self.runtime.enter();
            Client::new(settings, self.tokens.clone())?
        };
        let made = tables::ensure_dataset(&self.api, &settings.project, dataset);
        self.runtime.block_on(made).map_err(|refusal| refusal.into_error(None))?;
        let mut lander = CloudLander {
            client,
            outbox,
            dataset: dataset.to_owned(),
            table: table.to_owned(),
            events,
            quarantine,
            ready: HashSet::new(),
            api: self.api,
            runtime: self.runtime,
        };
        // What a process that died has left.
        lander.flush()?;
        Ok(Box::new(lander))
    }
}

impl Lander for CloudLander {
    fn land(&mut self, batch: &Batch) -> Result<Landed, DbError> {
        // What an earlier try has left is known by now, so it must arrive before anything is acknowledged.
        self.flush()?;
        let mut appends = Vec::new();
        let events = self.prepare(EVENTS, &batch.events, &mut appends)?;
        let rejected = self.prepare(QUARANTINE, &batch.rejected, &mut appends)?;
        let landed = Landed { fresh: events, known: batch.events.len() as u64 - events, quarantined: rejected };
        let account = Account {
            batch_id: batch.ledger.clone().unwrap_or_default(),
            delivered: (batch.events.len() + batch.rejected.len()) as u64,
            fresh: landed.fresh,
            known: landed.known,
            quarantined: landed.quarantined,
        };
        sys::failpoint("sink-before-journal");
        self.outbox.write(&appends, &account)?;
        sys::failpoint("sink-after-journal");
        self.flush()?;
        sys::failpoint("sink-after-confirm");
        Ok(landed)
    }
}

impl CloudLander {
    fn settings(&self) -> &Settings {
        &self.api.settings
    }

    fn table_of(&self, target: &str) -> String {
        let suffix = if target == QUARANTINE { QUARANTINE_SUFFIX } else { "" };
        format!("{}{suffix}", self.table)
    }

    fn fields_of(&self, target: &str) -> &'static [Field] {
        if target == QUARANTINE { self.quarantine } else { self.events }
    }

    fn resource_of(&self, target: &str) -> String {
        format!("projects/{}/datasets/{}/tables/{}", self.settings().project, self.dataset, self.table_of(target))
    }

    /// Puts the rows whose keys are new into requests; gives how many that are.
    fn prepare(&mut self, target: &'static str, rows: &Rows, appends: &mut Vec<Append>) -> Result<u64, DbError> {
        let Some(keys) = rows.keys() else { return Ok(0) };
        self.ensure_table(target)?;
        let mut seen = HashSet::with_capacity(keys.len());
        let mut keep: Vec<bool> = keys.iter().map(|key| key.is_some_and(|key| seen.insert(key))).collect();
        let first: Vec<&str> = keys.iter().zip(&keep).filter_map(|(key, keep)| key.filter(|_| *keep)).collect();
        let known = self.outbox.stage(target, &first)?;
        keep.iter_mut().zip(keys.iter()).for_each(|(keep, key)| *keep &= key.is_some_and(|key| !known.contains(key)));
        if !keep.contains(&true) {
            return Ok(0);
        }
        let (stream, mut offset) = self.stream(target)?;
        let fresh = first.into_iter().filter(|key| !known.contains(*key));
        let mut fresh = fresh.zip(encode::encode(rows, &keep)).peekable();
        let mut count = 0;
        while let Some((key, row)) = fresh.next() {
            let mut size = row.len();
            let mut encoded = vec![row];
            while let Some((_, row)) = fresh.next_if(|_| size < REQUEST) {
                size += row.len();
                encoded.push(row);
            }
            let many = encoded.len() as i64;
            let data = ProtoData {
                writer_schema: Some(encode::schema(rows.fields())),
                rows: Some(storage::ProtoRows { serialized_rows: encoded }),
            };
            let request = storage::AppendRowsRequest {
                write_stream: stream.clone(),
                offset: Some(offset),
                trace_id: "rsdbt".to_owned(),
                rows: Some(Sent::ProtoRows(data)),
                ..Default::default()
            };
            appends.push(Append {
                target: target.to_owned(),
                stream: stream.clone(),
                offset,
                count: many,
                first_key: key.to_owned(),
                body: request.encode_to_vec(),
            });
            offset += many;
            count += many.unsigned_abs();
        }
        Ok(count)
    }

    /// Makes the target's table, or its missing columns, with the first batch, even if that has no rows for it: whoever
    /// looks for what is in quarantine must find a table.
    fn ensure_table(&mut self, target: &'static str) -> Result<(), DbError> {
        if !self.ready.contains(target) {
            let (project, name) = (&self.settings().project, self.table_of(target));
            let path = Path { database: project, schema: &self.dataset, name: &name };
            let fields = encode::fields(self.fields_of(target));
            let made = tables::ensure_table(&self.api, &path, &fields);
            self.runtime.block_on(made).map_err(|refusal| refusal.into_error(None))?;
            self.ready.insert(target);
        }
        Ok(())
    }

    /// The target's stream and its next offset; a new one when there is none.
    fn stream(&mut self, target: &'static str) -> Result<(String, i64), DbError> {
        if let Some(open) = self.outbox.stream(target)? {
            return Ok(open);
        }
        let name = self.new_stream(target)?;
        Ok((name, 0))
    }

    fn new_stream(&mut self, target: &str) -> Result<String, DbError> {
        let table = self.resource_of(target);
        let name = self.patiently(&table, async |client: &Client| client.create_stream(&table).await)?;
        let name = name.map_err(|why| DbError::new(DbErrorKind::Other, format!("no stream for {table}: {why}")))?;
        self.outbox.set_stream(target, &name)?;
        Ok(name)
    }

    /// Sends what is pending until all of it has arrived.
    fn flush(&mut self) -> Result<(), DbError> {
        let pending = self.outbox.pending()?;
        if pending.is_empty() {
            return Ok(());
        }
        for append in pending {
            self.deliver(append)?;
            sys::failpoint("sink-mid-append");
        }
        sys::failpoint("sink-after-append");
        self.outbox.confirm()
    }

    fn deliver(&mut self, mut append: Append) -> Result<(), DbError> {
        let mut moves = 0;
        loop {
            let request = request(&append)?;
            let place = append.stream.clone();
            match self.patiently(&place, async |client: &Client| client.append(request.clone()).await)? {
                Ok(()) => return Ok(()),
                Err(why) if moves > 3 => {
                    let message = format!("BigQuery takes no rows on any stream of {}: {why}", self.table);
                    return Err(DbError::new(DbErrorKind::Other, message));
                }
                Err(_) => moves += 1,
            }
            if self.is_there(&append)? {
                return Ok(());
            }
            append = self.redirect(append)?;
        }
    }

    /// Whether the rows of an append are in the table although their stream is lost. The stream takes nothing any more.
    fn is_there(&mut self, append: &Append) -> Result<bool, DbError> {
        let stream = append.stream.clone();
        // That it is ended already, or gone, is as good.
        _ = self.patiently(&stream, async |client: &Client| client.end_stream(&stream).await)?;
        let column = self.fields_of(&append.target).first().map_or("", |key| key.name);
        let key = append.first_key.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
        let (project, table) = (&self.settings().project, self.table_of(&append.target));
        let sql = format!("select count(*) from `{project}`.`{}`.`{table}` where {column} = '{key}'", self.dataset);
        let found = CloudSession::new(self.api.clone(), self.runtime.clone()).run(&sql)?;
        match found.rows.first().and_then(|row| row.first()) {
            Some(Value::Int(count)) => Ok(*count > 0),
            // To guess would lose the rows or double them.
            other => Err(DbError::new(DbErrorKind::Other, format!("BigQuery answers {other:?} to a count in {table}"))),
        }
    }

    /// The same rows on a stream that is open.
    fn redirect(&mut self, append: Append) -> Result<Append, DbError> {
        let (stream, offset) = match self.outbox.stream(&append.target)? {
            Some((stream, offset)) if stream != append.stream => (stream, offset),
            _ => (self.new_stream(&append.target)?, 0),
        };
        let mut request = request(&append)?;
        request.write_stream.clone_from(&stream);
        request.offset = Some(offset);
        let moved = Append { stream, offset, body: request.encode_to_vec(), ..append };
        self.outbox.redirect(&moved)?;
        Ok(moved)
    }

    /// Asks again until there is an answer, for some time. The inner error is the stream's.
    fn patiently<T>(
        &self,
        what: &str,
        call: impl AsyncFn(&Client) -> Result<T, Refused>,
    ) -> Result<Result<T, String>, DbError> {
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            let answer = self.runtime.block_on(async { tokio::time::timeout(ANSWER, call(&self.client)).await });
            let late = || Refused::Passing(format!("nothing for {} s", ANSWER.as_secs()));
            let why = match answer.unwrap_or_else(|_| Err(late())) {
                Ok(done) => return Ok(Ok(done)),
                Err(Refused::Already) => return Ok(Err("it is there already".to_owned())),
                Err(Refused::Stream(why)) => return Ok(Err(why)),
                Err(Refused::Final(error)) => return Err(error),
                Err(Refused::Passing(why)) => why,
            };
            let wait = pause(attempt);
            if begun.elapsed() + wait > self.settings().retry_deadline.min(PATIENCE) {
                let message = format!("no answer from BigQuery's Storage Write API about {what}: {why}");
                return Err(DbError::new(DbErrorKind::Other, message)
                    .help("check the network and `storage_endpoint`; what was not confirmed is in the journal"));
            }
            attempt += 1;
            std::thread::sleep(wait);
        }
    }
}

fn request(append: &Append) -> Result<storage::AppendRowsRequest, DbError> {
    storage::AppendRowsRequest::decode(append.body.as_slice())
        .map_err(|why| DbError::new(DbErrorKind::Unsupported, format!("the journal of `ingest` is damaged: {why}")))
}
