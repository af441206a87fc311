//! Where a simulation's events go: one file per kind of place.

mod bus;
mod file;
mod http;
mod parquet;
mod warehouse;

pub use bus::BusSink;
pub use file::{CsvSink, JsonSink};
pub use http::HttpSink;
pub use parquet::ParquetSink;
pub use warehouse::WarehouseSink;

use crate::sim::Emission;
use rsdbt_pubsub::BusError;
use rsdbt_warehouse::DbError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum SinkError {
    #[error("{0}")]
    Warehouse(#[from] DbError),
    #[error("{0}")]
    Bus(#[from] BusError),
    #[error("{0}")]
    File(String),
    /// Nobody reads the other end of the pipe any more.
    #[error("the reader of the events is gone")]
    Closed,
}

/// A place for events. When `write` returns, the place has them as safely as it keeps anything.
pub trait Sink {
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError>;

    /// After the last write.
    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
