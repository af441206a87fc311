//! Runs a selection: each node compiled, materialized and reported, in DAG order, on several threads.

mod calls;
mod compile;
mod host;
mod node;
mod schedule;
pub mod seed;
mod unit;
mod world;

pub use host::{RunHost, database_fault, table_data};
pub use node::{compile_node, run_operation, show};
pub use schedule::{Job, run};
pub use world::{Listener, Stops, World};
