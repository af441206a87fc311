//! What is asked of a run: the nodes, and how far each of them is taken.

use rsdbt_project::ir::NodeId;
use std::collections::BTreeSet;

/// What to do with the selected nodes.
#[derive(Clone)]
pub struct Job {
    pub ids: BTreeSet<NodeId>,
    pub threads: usize,
    pub fail_fast: bool,
    /// `build`: data tests stand between a node and what depends on it.
    pub tests_block: bool,
    pub purpose: Purpose,
}

/// How far each node is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Build,
    /// To its SQL.
    Compile,
    /// To what the warehouse says it would read.
    Estimate,
    /// To a clone of what another environment built.
    Clone,
    /// To the age of sources.
    Freshness,
}
