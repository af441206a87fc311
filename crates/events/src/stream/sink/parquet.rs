//! A Parquet file, written by DuckDB out of a table in memory.

use super::{Sink, SinkError, WarehouseSink};
use crate::sim::Emission;
use rsdbt_bqlocal::{LocalBigQuery, LocalSession};
use std::path::{Path, PathBuf};

const DATASET: &str = "simulated";
const TABLE: &str = "events";

pub struct ParquetSink {
    session: LocalSession,
    path: PathBuf,
    run_id: String,
}

impl ParquetSink {
    pub fn new(path: &Path, run_id: &str) -> Result<ParquetSink, SinkError> {
        let session = LocalBigQuery::open(None, "local", DATASET)?.connect()?;
        Ok(ParquetSink { session, path: path.to_owned(), run_id: run_id.to_owned() })
    }
}

impl Sink for ParquetSink {
    /// Broken messages have no row; second deliveries are left out, as in a warehouse.
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError> {
        WarehouseSink::open(&mut self.session, DATASET, TABLE, &self.run_id)?.write(emissions)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let path = self.path.display().to_string().replace('\'', "''");
        let copy = format!("copy (from {DATASET}.{TABLE} order by seq) to '{path}' (format parquet)");
        self.session.duckdb().query(&copy)?;
        Ok(())
    }
}
