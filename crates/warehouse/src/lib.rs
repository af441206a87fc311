//! The warehouses: one trait, one implementation per engine. No SQL client type leaves its folder.

#[cfg(feature = "cloud")]
pub mod bigquery;
#[cfg(not(feature = "cloud"))]
#[path = "no_cloud.rs"]
pub mod bigquery;
mod cells;
pub mod duckdb;
mod error;
mod files;
mod landing;
#[cfg(feature = "cloud")]
mod outbox;
mod warehouse;

pub use cells::{Cell, Cells, Rows, Texts};
pub use error::{DbError, DbErrorKind};
pub use files::{Files, Format, Mounted};
pub use landing::{Batch, Dedupe, Destination, Field, Kind, Landed, Lander, QUARANTINE_SUFFIX, Target};
#[cfg(feature = "cloud")]
use outbox::{Account, Append, Outbox};
pub use rsdbt_base::{Column, Table, Value};
pub use warehouse::{
    BigQueryTables, Estimate, Outcome, Path, Receipt, RelationInfo, Session, Stop, Warehouse, job_link,
};
