//! Landing of event batches: one transaction holds the rows, their de-duplication, the quarantine and the ledger.

use super::LocalSession;
use crate::adapter::duckdb::{client, warehouse as duck};
use crate::adapter::{DbError, DbErrorKind, Value};
use crate::sys;
use client::arrow::array::{ArrayRef, BinaryArray, Int64Array, StringArray, TimestampMicrosecondArray};
use client::arrow::datatypes::{DataType, Field, Schema};
use client::arrow::record_batch::RecordBatch;
use std::collections::HashSet;
use std::sync::Arc;

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    Text(Vec<Option<String>>),
    Int(Vec<Option<i64>>),
    Bytes(Vec<Option<Vec<u8>>>),
    /// Microseconds since 1970-01-01.
    Timestamp(Vec<Option<i64>>),
}

/// Columns of equal length. The first one is the key: rows with a known key are not added again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<(&'static str, Cells)>,
}

/// A batch on its way into the warehouse.
#[derive(Debug, Default)]
pub struct Batch {
    pub events: Rows,
    /// Messages that are no events, with the reason; empty where there are none.
    pub rejected: Rows,
    /// The name of the batch in the ledger, for batches that have one.
    pub ledger: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Landed {
    pub fresh: u64,
    /// Events whose id was in the table already, or came twice in the batch.
    pub known: u64,
    pub quarantined: u64,
}

/// Whether rows with known keys are left out. `Off` exists so that a test can show what happens without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedupe {
    On,
    Off,
}

const EVENTS: &str = "event_id STRING NOT NULL, stream_id STRING, streamer_name STRING, stream_start_time TIMESTAMP, \
    viewer_id STRING, viewer_email STRING, viewer_state STRING, device_type STRING, event_time TIMESTAMP, \
    event_type STRING, product_id STRING, product_name STRING, chat_message STRING, \
    run_id STRING, shard INT64, seq INT64";
const QUARANTINE: &str = "quarantine_key STRING NOT NULL, reason STRING, raw BYTES, message_id STRING, \
    published_at TIMESTAMP, run_id STRING, shard INT64, seq INT64";
const LEDGER: &str =
    "batch_id STRING NOT NULL, committed_at TIMESTAMP, delivered INT64, fresh INT64, known INT64, quarantined INT64";
/// What tables had before events carried their place in a run.
const ADDED: [&str; 3] = ["run_id STRING", "shard INT64", "seq INT64"];

pub const QUARANTINE_SUFFIX: &str = "_quarantine";
const LEDGER_TABLE: &str = "_ingest_batches";

/// A table where events land, ready for batches.
pub struct Landing {
    dataset: String,
    table: String,
    dedupe: Dedupe,
}

impl LocalSession {
    /// Creates what is missing: dataset, event table, quarantine and ledger.
    pub fn landing(&mut self, dataset: &str, table: &str, dedupe: Dedupe) -> Result<Landing, DbError> {
        let name = |table: &str| format!("`{dataset}`.`{table}`");
        self.run(&format!("create schema if not exists `{dataset}`"))?;
        let tables = [
            (table.to_owned(), EVENTS),
            (format!("{table}{QUARANTINE_SUFFIX}"), QUARANTINE),
            (LEDGER_TABLE.to_owned(), LEDGER),
        ];
        for (table, columns) in &tables {
            self.run(&format!("create table if not exists {} ({columns})", name(table)))?;
        }
        for column in ADDED {
            self.run(&format!("alter table {} add column if not exists {column}", name(table)))?;
        }
        Ok(Landing { dataset: dataset.to_owned(), table: table.to_owned(), dedupe })
    }

    /// Adds a batch. All of it is kept, or nothing.
    pub fn land(&mut self, landing: &Landing, batch: &Batch) -> Result<Landed, DbError> {
        self.begin()?;
        match self.land_in_transaction(landing, batch) {
            Ok(landed) => {
                sys::failpoint("ingest-before-commit");
                self.commit()?;
                sys::failpoint("ingest-after-commit");
                Ok(landed)
            }
            Err(error) => {
                self.rollback()?;
                Err(error)
            }
        }
    }

    fn land_in_transaction(&mut self, landing: &Landing, batch: &Batch) -> Result<Landed, DbError> {
        let quarantine = format!("{}{QUARANTINE_SUFFIX}", landing.table);
        let fresh = self.add(&landing.dataset, &landing.table, &batch.events, landing.dedupe)?;
        sys::failpoint("ingest-mid-append");
        let quarantined = self.add(&landing.dataset, &quarantine, &batch.rejected, landing.dedupe)?;
        let known = batch.events.len() as u64 - fresh;
        if let Some(id) = &batch.ledger {
            let delivered = batch.events.len() + batch.rejected.len();
            let ledger = self.full_name(&landing.dataset, LEDGER_TABLE);
            let id = id.replace('\'', "''");
            self.connection.query(&format!(
                "insert into {ledger} values ('{id}', now(), {delivered}, {fresh}, {known}, {quarantined})"
            ))?;
        }
        Ok(Landed { fresh, known, quarantined })
    }

    fn full_name(&self, dataset: &str, table: &str) -> String {
        format!("{}.{}.{}", duck::name(self.connection.catalog()), duck::name(dataset), duck::name(table))
    }

    /// Appends to a temporary table, and from there what is new; gives how many rows that were.
    fn add(&mut self, dataset: &str, table: &str, rows: &Rows, dedupe: Dedupe) -> Result<u64, DbError> {
        let Some((key, Cells::Text(keys))) = rows.columns.first() else { return Ok(0) };
        if keys.is_empty() {
            return Ok(0);
        }
        let target = self.full_name(dataset, table);
        let stage = format!("rsdbt_stage_{table}");
        let names: Vec<String> = rows.columns.iter().map(|(name, _)| duck::name(name)).collect();
        let names = names.join(", ");
        self.connection.query(&format!(
            "create temp table if not exists {0} as select {names} from {target} limit 0; truncate {0}",
            duck::name(&stage)
        ))?;
        let (batch, least, most) = arrow(rows, keys, dedupe)?;
        let refused = |why: client::Error| DbError::new(DbErrorKind::Execution, why.to_string());
        let mut appender =
            self.connection.client().appender_to_catalog_and_db(&stage, "temp", "main").map_err(refused)?;
        appender.append_record_batch(batch).map_err(refused)?;
        appender.flush().map_err(refused)?;
        drop(appender);
        let stage = duck::name(&stage);
        // Keys that begin with a time are neighbours on disk: the range lets DuckDB skip all older rows.
        let unknown = match dedupe {
            Dedupe::Off => String::new(),
            Dedupe::On => format!(
                " where not exists (select 1 from {target} as known where known.{key} = fresh.{key} \
                 and known.{key} between '{}' and '{}')",
                least.replace('\'', "''"),
                most.replace('\'', "''")
            ),
        };
        let inserted = self
            .connection
            .query(&format!("insert into {target} ({names}) select {names} from {stage} as fresh{unknown}"))?;
        match inserted.rows.first().and_then(|row| row.first()) {
            Some(Value::Int(count)) => Ok(u64::try_from(*count).unwrap_or(0)),
            _ => Ok(0),
        }
    }
}

impl Rows {
    pub fn len(&self) -> usize {
        match self.columns.first() {
            Some((_, Cells::Text(values))) => values.len(),
            Some((_, Cells::Int(values) | Cells::Timestamp(values))) => values.len(),
            Some((_, Cells::Bytes(values))) => values.len(),
            None => 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The rows in Arrow's form, the first of each key only, and the least and the greatest key.
fn arrow(rows: &Rows, keys: &[Option<String>], dedupe: Dedupe) -> Result<(RecordBatch, String, String), DbError> {
    let mut seen = HashSet::with_capacity(keys.len());
    let keep: Vec<usize> =
        (0..keys.len()).filter(|at| seen.insert(keys[*at].as_deref()) || dedupe == Dedupe::Off).collect();
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (name, cells) in &rows.columns {
        let (kind, array): (DataType, ArrayRef) = match cells {
            Cells::Text(values) => {
                (DataType::Utf8, Arc::new(keep.iter().map(|at| values[*at].as_deref()).collect::<StringArray>()))
            }
            Cells::Int(values) => {
                (DataType::Int64, Arc::new(keep.iter().map(|at| values[*at]).collect::<Int64Array>()))
            }
            Cells::Bytes(values) => {
                (DataType::Binary, Arc::new(keep.iter().map(|at| values[*at].as_deref()).collect::<BinaryArray>()))
            }
            Cells::Timestamp(values) => {
                let array = keep.iter().map(|at| values[*at]).collect::<TimestampMicrosecondArray>();
                let array = array.with_timezone("UTC");
                (client::arrow::array::Array::data_type(&array).clone(), Arc::new(array))
            }
        };
        fields.push(Field::new(*name, kind, true));
        arrays.push(array);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|why| DbError::new(DbErrorKind::Other, why.to_string()))?;
    let texts = || keys.iter().flatten();
    let bound = |text: Option<&String>| text.cloned().unwrap_or_default();
    Ok((batch, bound(texts().min()), bound(texts().max())))
}
