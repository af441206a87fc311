//! Source data on this machine: files that stand for tables, `sources.lock`, and rows that are made up where nobody has access.
//! It never speaks to the cloud, and never writes into a table that it has not made.

pub mod infer;
pub mod location;
pub mod lock;
pub mod mock;
pub mod provide;
