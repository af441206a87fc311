//! Landing of event batches: one transaction holds the rows, their de-duplication, the quarantine and the ledger.

use super::LocalSession;
use rsdbt_sys as sys;
use rsdbt_warehouse::duckdb::{client, warehouse as duck};
use rsdbt_warehouse::{Batch, DbError, DbErrorKind, Dedupe, Destination, Field, Landed, Lander};
use rsdbt_warehouse::{QUARANTINE_SUFFIX, Rows, Target, Value};
use std::collections::HashSet;

const LEDGER: &str =
    "batch_id STRING NOT NULL, committed_at TIMESTAMP, delivered INT64, fresh INT64, known INT64, quarantined INT64";
const LEDGER_TABLE: &str = "_ingest_batches";
/// The temporary table of a batch's keys.
const STAGE: &str = "rsdbt_stage";

/// A table where events land, ready for batches.
pub struct Landing {
    dataset: String,
    table: String,
    dedupe: Dedupe,
}

impl LocalSession {
    /// Creates what is missing: dataset, event table, quarantine and ledger.
    pub fn landing(&mut self, to: &Destination, dedupe: Dedupe) -> Result<Landing, DbError> {
        let Destination { dataset, table, events, quarantine } = *to;
        // Every checkpoint compresses the table's last rows again: DuckDB's 16 MB of log would mean one per few batches.
        self.connection.query("set checkpoint_threshold = '256MB'")?;
        self.run(&format!("create schema if not exists `{dataset}`"))?;
        self.run(&format!("create table if not exists `{dataset}`.`{LEDGER_TABLE}` ({LEDGER})"))?;
        // Sample rows that stood here make way for real ones.
        super::files::unmount(&mut self.connection, dataset, table)?;
        self.ensure_table(dataset, table, events)?;
        self.ensure_table(dataset, &format!("{table}{QUARANTINE_SUFFIX}"), quarantine)?;
        Ok(Landing { dataset: dataset.to_owned(), table: table.to_owned(), dedupe })
    }

    /// Makes a table where it is missing, and adds columns that an older one has not.
    fn ensure_table(&mut self, dataset: &str, table: &str, fields: &[Field]) -> Result<(), DbError> {
        let known = self.columns_of(&[self.project.clone(), dataset.to_owned(), table.to_owned()])?;
        let name = format!("`{dataset}`.`{table}`");
        if known.is_empty() {
            let columns: Vec<String> = fields.iter().map(declared).collect();
            return self.run(&format!("create table {name} ({})", columns.join(", "))).map(drop);
        }
        // The rows that are there have no value for it, so it cannot be required any more.
        let missing =
            fields.iter().filter(|field| !known.iter().any(|column| column.name.eq_ignore_ascii_case(field.name)));
        for field in missing {
            self.run(&format!("alter table {name} add column `{}` {}", field.name, field.kind.google_sql()))?;
        }
        Ok(())
    }

    /// What all sessions of this database in this process together may hold in memory: `512MB`. Only for a process that
    /// does nothing but land: a build needs more.
    pub fn limit_memory(mut self, most: &str) -> Result<LocalSession, DbError> {
        self.connection.query(&format!("set memory_limit = '{most}'"))?;
        Ok(self)
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

    /// Appends the rows that are new; gives how many these were.
    fn add(&mut self, dataset: &str, table: &str, rows: &Rows, dedupe: Dedupe) -> Result<u64, DbError> {
        let Some(keys) = rows.keys().filter(|keys| !keys.is_empty()) else { return Ok(0) };
        let fresh = match dedupe {
            Dedupe::Off => vec![true; keys.len()],
            Dedupe::On => {
                let mut known = self.known(dataset, table, rows)?;
                // The second one of a batch is as known as one that is in the table.
                keys.iter().map(|key| known.insert(key.unwrap_or_default().to_owned())).collect()
            }
        };
        let names: Vec<&str> = rows.fields().iter().map(|field| field.name).collect();
        let catalog = self.connection.catalog().to_owned();
        let client = self.connection.client();
        let mut appender =
            client.appender_with_columns_to_catalog_and_db(table, &catalog, dataset, &names).map_err(refused)?;
        appender.append_record_batch(rows.record_batch(Some(&fresh))?).map_err(refused)?;
        appender.flush().map_err(refused)?;
        Ok(fresh.iter().filter(|is_fresh| **is_fresh).count() as u64)
    }

    /// The keys of the batch that are in the table.
    fn known(&mut self, dataset: &str, table: &str, rows: &Rows) -> Result<HashSet<String>, DbError> {
        let target = self.full_name(dataset, table);
        let (Some(keys), Some(Field { name: key, .. })) = (rows.keys(), rows.fields().first()) else {
            return Ok(HashSet::new());
        };
        self.connection.query(&format!("create or replace temp table {STAGE} (key varchar)"))?;
        let mut appender =
            self.connection.client().appender_to_catalog_and_db(STAGE, "temp", "main").map_err(refused)?;
        appender.append_record_batch(keys.record_batch("key")?).map_err(refused)?;
        appender.flush().map_err(refused)?;
        drop(appender);
        let bound = |key: Option<&str>| key.unwrap_or_default().replace('\'', "''");
        // Keys that begin with a time are neighbours on disk: the range lets DuckDB skip all older rows.
        let found = self.connection.query(&format!(
            "select key from {STAGE} where key in (select {key} from {target} where {key} between '{}' and '{}')",
            bound(keys.iter().flatten().min()),
            bound(keys.iter().flatten().max()),
        ))?;
        let text = |row: Vec<Value>| match row.into_iter().next() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        Ok(found.rows.into_iter().filter_map(text).collect())
    }
}

fn declared(field: &Field) -> String {
    let required = if field.required { " NOT NULL" } else { "" };
    format!("`{}` {}{required}", field.name, field.kind.google_sql())
}

fn refused(why: client::Error) -> DbError {
    DbError::new(DbErrorKind::Execution, why.to_string())
}

struct LocalLander {
    session: LocalSession,
    landing: Landing,
}

impl Target for LocalSession {
    fn lander(mut self, to: &Destination, dedupe: Dedupe) -> Result<Box<dyn Lander>, DbError> {
        let landing = self.landing(to, dedupe)?;
        Ok(Box::new(LocalLander { session: self, landing }))
    }
}

impl Lander for LocalLander {
    fn land(&mut self, batch: &Batch) -> Result<Landed, DbError> {
        self.session.land(&self.landing, batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalBigQuery;
    use rsdbt_warehouse::Kind;

    #[test]
    fn a_table_that_is_there_gets_what_it_lacks() {
        const KEY: Field = Field { name: "id", kind: Kind::Text, required: true };
        const MORE: Field = Field { name: "at", kind: Kind::Timestamp, required: false };
        let mut session = LocalBigQuery::open(None, "lab", "shop").and_then(|open| open.connect()).expect("a session");
        let mut columns = |events: &'static [Field]| {
            let to = Destination { dataset: "shop", table: "events", events, quarantine: &[KEY] };
            session.landing(&to, Dedupe::On).expect("tables");
            session.columns_of(&["lab", "shop", "events"].map(str::to_owned)).expect("columns").len()
        };
        assert_eq!(columns(&[KEY]), 1);
        assert_eq!(columns(&[KEY, MORE]), 2);
        assert_eq!(columns(&[KEY, MORE]), 2);
    }

    #[test]
    fn landing_leaves_builds_their_memory() {
        let open = LocalBigQuery::open(None, "lab", "shop").expect("a database in memory");
        let session = || open.connect().expect("a session");
        let mut building = session();
        let mut limit = || {
            let table = building.duckdb().query("select current_setting('memory_limit')").expect("a setting");
            table.rows
        };
        let before = limit();
        let key = &[Field { name: "id", kind: Kind::Text, required: true }];
        let to = Destination { dataset: "shop", table: "events", events: key, quarantine: key };
        let lander = session().lander(&to, Dedupe::On).expect("a lander");
        assert_eq!(limit(), before);
        drop(lander);
        session().limit_memory("512MB").expect("a limit");
        assert_ne!(limit(), before);
    }
}
