//! What is on its way to another warehouse: appends that nobody has confirmed yet, the ids that were taken, and the
//! ledger. One DuckDB file; one transaction writes all that belongs together, and is on disk when it returns.

use crate::duckdb::{Connection, Database, client};
use crate::{DbError, DbErrorKind, Value};
use std::collections::HashSet;
use std::path::Path;

/// Ids are remembered so long: no Pub/Sub keeps a message longer than 31 days.
const DAYS: u32 = 32;

/// Rows that go to one table by one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Which of the landing's tables: a word.
    pub target: String,
    pub stream: String,
    pub offset: i64,
    pub count: i64,
    /// The key of the first row: rows of one request arrive together or not at all, so it stands for all.
    pub first_key: String,
    /// The request as it is sent, and sent again.
    pub body: Vec<u8>,
}

/// A line of the ledger.
#[derive(Debug, Clone, Default)]
pub struct Account {
    pub batch_id: String,
    pub delivered: u64,
    pub fresh: u64,
    pub known: u64,
    pub quarantined: u64,
}

pub struct Outbox {
    connection: Connection,
    targets: Vec<&'static str>,
}

fn refused(why: client::Error) -> DbError {
    DbError::new(DbErrorKind::Execution, why.to_string())
}

fn number(value: Option<&Value>) -> i64 {
    match value {
        Some(Value::Int(number)) => i64::try_from(*number).unwrap_or(i64::MAX),
        _ => 0,
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

impl Outbox {
    /// Opens a file, or an outbox that ends with the process. Targets are words.
    pub fn open(path: Option<&Path>, targets: &[&'static str]) -> Result<Outbox, DbError> {
        let mut connection = Database::open(path)?.connect()?;
        connection.query(
            "create table if not exists streams (target varchar primary key, name varchar, next_offset bigint);
             create sequence if not exists numbers;
             create table if not exists pending (number bigint default nextval('numbers'), target varchar,
                 stream varchar, start bigint, rows bigint, first_key varchar, body blob);
             create table if not exists _ingest_batches (batch_id varchar, committed_at timestamptz, delivered bigint,
                 fresh bigint, known bigint, quarantined bigint)",
        )?;
        for target in targets {
            connection.query(&format!(
                "create table if not exists taken_{target} (key varchar, day date);
                 delete from taken_{target} where day < current_date - {DAYS};
                 create temp table fresh_{target} (key varchar)"
            ))?;
        }
        Ok(Outbox { connection, targets: targets.to_vec() })
    }

    /// Which of these keys, all different, are taken already. The others are what `write` takes.
    pub fn stage(&mut self, target: &str, keys: &[&str]) -> Result<HashSet<String>, DbError> {
        self.connection.query(&format!("truncate fresh_{target}"))?;
        let (Some(least), Some(most)) = (keys.iter().min(), keys.iter().max()) else { return Ok(HashSet::new()) };
        let staged = format!("fresh_{target}");
        let mut appender =
            self.connection.client().appender_to_catalog_and_db(&staged, "temp", "main").map_err(refused)?;
        keys.iter().try_for_each(|key| appender.append_row([*key])).map_err(refused)?;
        appender.flush().map_err(refused)?;
        drop(appender);
        // Keys that begin with a time are neighbours on disk: the range lets DuckDB skip all older ones.
        let known = self.connection.query(&format!(
            "delete from {staged} where key in (select key from taken_{target} where key between '{}' and '{}') returning key",
            least.replace('\'', "''"),
            most.replace('\'', "''")
        ))?;
        Ok(known.rows.iter().map(|row| text(row.first())).collect())
    }

    /// The stream that a target is written by, and its next free offset.
    pub fn stream(&mut self, target: &str) -> Result<Option<(String, i64)>, DbError> {
        let found =
            self.connection.query(&format!("select name, next_offset from streams where target = '{target}'"))?;
        Ok(found.rows.first().map(|row| (text(row.first()), number(row.get(1)))))
    }

    /// A target gets another stream, which is empty.
    pub fn set_stream(&mut self, target: &str, name: &str) -> Result<(), DbError> {
        let name = name.replace('\'', "''");
        self.connection.query(&format!("insert or replace into streams values ('{target}', '{name}', 0)"))?;
        Ok(())
    }

    /// Keeps what was staged as taken, the appends as pending, and the account. All of it, or nothing.
    pub fn write(&mut self, appends: &[Append], account: &Account) -> Result<(), DbError> {
        self.together(|outbox| {
            for target in outbox.targets.clone() {
                outbox.connection.query(&format!(
                    "insert into taken_{target} select key, current_date from fresh_{target}; truncate fresh_{target}"
                ))?;
            }
            appends.iter().try_for_each(|append| outbox.add(append))?;
            let Account { batch_id, delivered, fresh, known, quarantined } = account;
            outbox.connection.query(&format!(
                "insert into _ingest_batches values ('{}', now(), {delivered}, {fresh}, {known}, {quarantined})",
                batch_id.replace('\'', "''")
            ))?;
            Ok(())
        })
    }

    /// What is not confirmed, in its order.
    pub fn pending(&mut self) -> Result<Vec<Append>, DbError> {
        let found = self
            .connection
            .query("select target, stream, start, rows, first_key, body from pending order by number")?;
        let append = |mut row: Vec<Value>| Append {
            body: match row.pop() {
                Some(Value::Bytes(body)) => body,
                _ => Vec::new(),
            },
            target: text(row.first()),
            stream: text(row.get(1)),
            offset: number(row.get(2)),
            count: number(row.get(3)),
            first_key: text(row.get(4)),
        };
        Ok(found.rows.into_iter().map(append).collect())
    }

    /// All pending appends have arrived.
    pub fn confirm(&mut self) -> Result<(), DbError> {
        self.connection.query("delete from pending").map(drop)
    }

    /// An append goes by another stream: `moved` takes the place of what was written for `first_key`.
    pub fn redirect(&mut self, moved: &Append) -> Result<(), DbError> {
        self.together(|outbox| {
            let (key, target) = (moved.first_key.replace('\'', "''"), &moved.target);
            outbox
                .connection
                .query(&format!("delete from pending where target = '{target}' and first_key = '{key}'"))?;
            outbox.add(moved)
        })
    }

    fn add(&mut self, append: &Append) -> Result<(), DbError> {
        let Append { target, stream, offset, count, first_key, body } = append;
        let insert = "insert into pending (target, stream, start, rows, first_key, body) values (?, ?, ?, ?, ?, ?)";
        let values = client::params![target, stream, offset, count, first_key, body];
        self.connection.client().execute(insert, values).map_err(refused)?;
        let next = offset + count;
        self.connection.query(&format!("update streams set next_offset = {next} where target = '{target}'"))?;
        Ok(())
    }

    fn together(&mut self, work: impl FnOnce(&mut Outbox) -> Result<(), DbError>) -> Result<(), DbError> {
        self.connection.begin()?;
        match work(self) {
            Ok(()) => self.connection.commit(),
            Err(error) => {
                self.connection.rollback()?;
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(key: &str, offset: i64) -> Append {
        let (target, stream) = ("events".to_owned(), "s".to_owned());
        Append { target, stream, offset, count: 2, first_key: key.to_owned(), body: vec![0, 255, 39] }
    }

    #[test]
    fn what_is_written_is_pending_until_it_is_confirmed() -> Result<(), DbError> {
        let mut outbox = Outbox::open(None, &["events", "quarantine"])?;
        outbox.set_stream("events", "s")?;
        assert!(outbox.stage("events", &["a", "it's"])?.is_empty());
        outbox.write(&[append("a", 0)], &Account::default())?;
        assert_eq!(outbox.stream("events")?, Some(("s".to_owned(), 2)));
        assert_eq!(outbox.stage("events", &["it's", "x"])?, HashSet::from(["it's".to_owned()]));
        outbox.write(&[append("x", 2)], &Account::default())?;
        assert_eq!(outbox.pending()?, [append("a", 0), append("x", 2)]);
        outbox.set_stream("events", "other")?;
        outbox.redirect(&Append { stream: "other".to_owned(), ..append("x", 0) })?;
        assert_eq!(outbox.pending()?.len(), 2);
        assert_eq!(outbox.stream("events")?, Some(("other".to_owned(), 2)));
        outbox.confirm()?;
        assert!(outbox.pending()?.is_empty() && outbox.stage("events", &["x"])?.contains("x"));
        Ok(())
    }
}
