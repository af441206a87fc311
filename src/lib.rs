//! rsdbt: dbt for BigQuery on a laptop. The rooms and their order are described in ARCHITECTURE.md.

pub mod adapter;
pub mod artifact;
pub mod base;
pub mod cli;
pub mod config;
pub mod dashboard;
pub mod diff;
pub mod exec;
pub mod ir;
pub mod jinja;
pub mod load;
pub mod ml;
pub mod parse;
pub mod pubsub;
pub mod report;
pub mod resolve;
pub mod select;
pub mod shop;
pub mod sim;
pub mod sql;
pub mod stream;
pub mod sys;
