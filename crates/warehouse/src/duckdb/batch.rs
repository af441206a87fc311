//! Results by column, for what reads millions of numbers: neither a value nor a row of its own is made for each cell.

use super::{Connection, convert};
use crate::DbError;
use duckdb::arrow::array::{Array, Float64Array, StringArray};
use duckdb::arrow::record_batch::RecordBatch;

/// Some rows of a result.
pub struct Batch(RecordBatch);

impl Batch {
    pub fn rows(&self) -> usize {
        self.0.num_rows()
    }

    /// A DOUBLE column without NULLs; `None` for any other.
    pub fn numbers(&self, column: usize) -> Option<&[f64]> {
        let array = self.0.columns().get(column)?.as_any().downcast_ref::<Float64Array>()?;
        (array.null_count() == 0).then(|| &array.values()[..])
    }

    /// A VARCHAR column without NULLs; `None` for any other.
    pub fn texts(&self, column: usize) -> Option<impl Iterator<Item = &str>> {
        let array = self.0.columns().get(column)?.as_any().downcast_ref::<StringArray>()?;
        (array.null_count() == 0).then(|| (0..array.len()).map(|row| array.value(row)))
    }
}

impl Connection {
    /// Runs a query and gives its rows in batches.
    pub fn batches(&mut self, sql: &str, mut each: impl FnMut(&Batch)) -> Result<(), DbError> {
        let fail = |why| convert::error(why, sql);
        let mut statement = self.client().prepare(sql).map_err(fail)?;
        statement.query_arrow([]).map_err(fail)?.for_each(|batch| each(&Batch(batch)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::duckdb::Database;

    #[test]
    fn columns_come_whole_and_without_nulls() {
        let mut connection = Database::open(None).and_then(|db| db.connect()).expect("an empty database opens");
        let (mut sum, mut words, mut others) = (0.0, Vec::new(), 0);
        let sql = "select i::double, 'w' || (i % 2), i, nullif(i, 3)::double from range(5000) as r(i)";
        let read = connection.batches(sql, |batch| {
            sum += batch.numbers(0).expect("numbers").iter().sum::<f64>();
            words.extend(batch.texts(1).expect("texts").map(str::to_owned));
            others += usize::from(batch.numbers(2).is_some()) + usize::from(batch.texts(2).is_some());
            others += usize::from(batch.rows() == 5_000 && batch.numbers(3).is_some());
        });
        read.expect("read");
        assert_eq!((sum, words.len(), words[1].as_str(), others), (12_497_500.0, 5_000, "w1", 0));
        connection.batches("select nope", |_| {}).expect_err("no such column");
    }
}
