//! A dbt project from files to a manifest, and from a manifest to dbt's artifacts:
//! `load -> RawProject -> parse -> Parsed -> resolve -> Manifest + Graph -> select -> NodeSet`. It never asks a warehouse.

pub mod artifact;
pub mod config;
pub mod ir;
pub mod load;
pub mod parse;
mod python;
pub mod resolve;
pub mod select;
pub mod state;
mod variables;

pub use variables::variable;
