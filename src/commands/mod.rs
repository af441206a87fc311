//! One file a command.

#[cfg(feature = "browser")]
pub mod browse;
pub mod check;
pub mod clean;
pub mod completions;
pub mod dashboard;
pub mod debug;
pub mod deps;
pub mod diff;
pub mod diff_rows;
pub mod docs;
pub mod freshness;
pub mod ingest;
pub mod lineage;
pub mod list;
pub mod live;
mod live_page;
pub mod man;
pub mod mock;
pub mod pubsub;
pub mod retry;
pub mod run;
pub mod shop;
pub mod show;
pub mod simulate;
pub mod sql;
