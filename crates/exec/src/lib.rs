//! Runs a selection: each node compiled, materialized and reported, in DAG order, on several threads.

mod adapter;
mod batches;
mod comment;
mod compile;
mod files;
mod freshness;
pub mod hooks;
mod host;
mod job;
mod microbatch;
mod node;
mod plan;
mod result;
mod schedule;
pub mod seed;
mod single;
mod unit;
mod world;

pub use comment::QueryComment;
pub use host::{RunHost, database_fault};
pub use job::{Job, Purpose};
pub use microbatch::Range;
pub use result::blank_result;
pub use schedule::run;
pub use single::{compile_node, run_operation, show};
pub use world::{Defer, Deferral, Listener, Stops, World};
