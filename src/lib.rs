//! rsdbt: dbt for BigQuery on a laptop. The rooms and their order are described in ARCHITECTURE.md.

pub mod adapter;
pub mod cli;
pub mod config;
pub mod dashboard;
pub mod diff;
pub mod exec;
pub mod load;
pub mod parse;
pub mod report;
pub mod resolve;
pub mod select;
pub mod shop;
pub mod stream;

pub use rsdbt_artifact as artifact;
pub use rsdbt_base as base;
pub use rsdbt_ir as ir;
pub use rsdbt_jinja as jinja;
pub use rsdbt_ml as ml;
pub use rsdbt_pubsub as pubsub;
pub use rsdbt_sim as sim;
pub use rsdbt_sql as sql;
pub use rsdbt_sys as sys;
