//! rsdbt: dbt for BigQuery on a laptop. The rooms and their order are described in ARCHITECTURE.md.

pub mod adapter;
pub mod base;
pub mod cli;
pub mod ml;
pub mod sql;
pub mod sys;
