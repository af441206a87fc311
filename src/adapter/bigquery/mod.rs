//! BigQuery: on a laptop (`local`).

pub mod local;
