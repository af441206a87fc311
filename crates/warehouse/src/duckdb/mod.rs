//! Embedded DuckDB: files, connections, results. It runs DuckDB SQL and knows nothing of BigQuery or dbt.

mod batch;
mod connection;
mod convert;
pub mod files;
mod library;
mod shape;
pub mod warehouse;

pub use batch::Batch;
pub use connection::{Connection, Database, Interrupter};
pub use duckdb as client;
pub use library::VERSION;
pub use warehouse::DuckDb;
