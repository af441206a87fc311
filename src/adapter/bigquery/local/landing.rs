//! Landing of event batches: one transaction a batch, no event twice.

use super::LocalSession;
use crate::adapter::duckdb::{client, warehouse as duck};
use crate::adapter::{DbError, DbErrorKind, Value};

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Landed {
    pub fresh: u64,
    /// Events whose id was in the table already.
    pub known: u64,
}

const STAGE: &str = "rsdbt_landing_stage";

impl LocalSession {
    /// Appends rows whose first column, a unique id, is not in the table yet. All of the batch is kept, or nothing.
    /// `dataset.table` must exist; rows have its columns in its order.
    pub fn land(&mut self, dataset: &str, table: &str, rows: &[Vec<Value>]) -> Result<Landed, DbError> {
        let target = format!("{}.{}.{}", duck::name(self.connection.catalog()), duck::name(dataset), duck::name(table));
        self.begin()?;
        let landed = self.land_in_transaction(&target, rows);
        match landed {
            Ok(landed) => self.commit().map(|()| landed),
            Err(error) => {
                self.rollback()?;
                Err(error)
            }
        }
    }

    fn land_in_transaction(&mut self, target: &str, rows: &[Vec<Value>]) -> Result<Landed, DbError> {
        self.connection.query(&format!("create or replace temp table {STAGE} as from {target} limit 0"))?;
        self.append(rows)?;
        let key = self.connection.describe(&format!("select * from {target}"))?;
        let key = key.first().map(|column| duck::name(&column.name)).unwrap_or_default();
        let inserted = self.connection.query(&format!(
            "insert into {target} select distinct on ({key}) * from {STAGE} as fresh \
             where not exists (select 1 from {target} as known where known.{key} = fresh.{key})"
        ))?;
        let fresh = match inserted.rows.first().and_then(|row| row.first()) {
            Some(Value::Int(count)) => u64::try_from(*count).unwrap_or(0),
            _ => 0,
        };
        Ok(Landed { fresh, known: rows.len() as u64 - fresh })
    }

    fn append(&mut self, rows: &[Vec<Value>]) -> Result<(), DbError> {
        let refused = |why: client::Error| DbError::new(DbErrorKind::Execution, why.to_string());
        let mut appender =
            self.connection.client().appender_to_catalog_and_db(STAGE, "temp", "main").map_err(refused)?;
        for row in rows {
            appender.append_row(client::appender_params_from_iter(row.iter().map(cell))).map_err(refused)?;
        }
        appender.flush().map_err(refused)
    }
}

fn cell(value: &Value) -> client::types::Value {
    use client::types::{TimeUnit, Value as Raw};
    match value {
        Value::Bool(v) => Raw::Boolean(*v),
        Value::Int(v) => Raw::HugeInt(*v),
        Value::Float(v) => Raw::Double(*v),
        Value::Text(text) | Value::Decimal(text) => Raw::Text(text.clone()),
        Value::Bytes(bytes) => Raw::Blob(bytes.clone()),
        Value::Date(days) => Raw::Date32(*days),
        Value::DateTime(micros) | Value::Timestamp(micros) => Raw::Timestamp(TimeUnit::Microsecond, *micros),
        // Events have no other kinds of values.
        Value::Null | Value::Time(_) | Value::Interval { .. } | Value::List(_) | Value::Struct(_) => Raw::Null,
    }
}
