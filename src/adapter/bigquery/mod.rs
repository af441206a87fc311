//! BigQuery: in the cloud (`cloud`), and on a laptop (`local`).

pub mod cloud;
pub mod local;
