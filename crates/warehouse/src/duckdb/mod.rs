//! Embedded DuckDB: files, connections, results. It runs DuckDB SQL and knows nothing of BigQuery or dbt.

mod batch;
mod connection;
mod convert;
mod library;
pub mod warehouse;

pub use batch::Batch;
pub use connection::{Connection, Database, Interrupter};
pub use duckdb as client;
pub use library::VERSION;
pub use warehouse::DuckDb;
