//! The warehouses: one trait, one implementation per engine. No SQL client type leaves its folder.

pub mod bigquery;
pub mod duckdb;
mod error;
mod value;
mod warehouse;

pub use error::{DbError, DbErrorKind};
pub use value::{Column, Table, Value};
pub use warehouse::{BigQueryTables, Estimate, Path, Receipt, RelationInfo, Session, Stop, Warehouse, job_link};
