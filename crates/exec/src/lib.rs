//! Runs a selection: each node compiled, materialized and reported, in DAG order, on several threads.

mod adapter;
mod comment;
mod compile;
mod freshness;
mod host;
mod microbatch;
mod node;
mod schedule;
pub mod seed;
mod unit;
mod world;

pub use comment::QueryComment;
pub use host::{RunHost, database_fault};
pub use microbatch::Range;
pub use node::{blank_result, compile_node, run_operation, run_project_hooks, show};
pub use schedule::{Job, Purpose, run};
pub use world::{Listener, Stops, World};
