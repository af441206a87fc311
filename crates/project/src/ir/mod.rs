//! The nouns of the pipeline: nodes, the manifest, the graph, results. A value is never changed by a later stage.

mod config;
mod graph;
mod invocation;
mod manifest;
mod node;
mod result;

pub use config::{Config, Microbatch, Settings, TestSeverity};
pub use graph::Graph;
pub use invocation::Invocation;
pub use manifest::{DocBlock, MacroEntry, Manifest};
pub use node::{
    Checksum, ColumnInfo, Exposure, Hook, HookTime, Node, NodeId, RefCall, ResourceType, Source, TestInfo, UnitForm,
    UnitGiven, UnitRows, UnitTest, age_limit, default_config, operation,
};
pub use result::{Batches, Freshness, NodeResult, RunResults, Status, Timing, Window};
