//! What every node of a run shares.

use super::comment::QueryComment;
use super::microbatch::Range;
use rsdbt_base::{Diagnostic, Relation};
use rsdbt_jinja::Engine;
use rsdbt_project::ir::{Batches, Graph, Invocation, Manifest, Node, NodeId, NodeResult};
use rsdbt_project::resolve::RefIndex;
use rsdbt_warehouse::{Session, Stop, Warehouse};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a run tells while it goes on.
pub trait Listener: Send + Sync {
    /// A node starts: its place among `total`.
    fn started(&self, index: usize, total: usize, what: &str, id: &str);
    fn finished(&self, index: usize, total: usize, what: &str, result: &NodeResult);
    /// `log(..., info=True)` and `print()` of templates.
    fn said(&self, message: &str);
    fn warned(&self, diagnostic: &Diagnostic);
}

/// When `ref` means another environment's relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Defer {
    #[default]
    Never,
    /// Where this one has none.
    Missing,
    /// For all that is not selected, too.
    Unselected,
}

/// Where another environment has the nodes.
#[derive(Debug, Default)]
pub struct Deferral {
    pub relations: BTreeMap<NodeId, Relation>,
    pub when: Defer,
}

/// A project that is ready to run.
pub struct World {
    pub engine: Engine,
    pub manifest: Manifest,
    pub graph: Graph,
    pub refs: RefIndex,
    pub invocation: Arc<Invocation>,
    pub warehouse: Arc<dyn Warehouse>,
    pub query_comment: QueryComment,
    pub deferral: Deferral,
    /// `retry`: batches of microbatch models that an earlier run built, and those that it did not.
    pub retried: BTreeMap<NodeId, Batches>,
    /// How many nodes, and batches of a node, run at once.
    pub threads: usize,
    /// `--event-time-start` and `--event-time-end`.
    pub batch_range: Range,
    pub listener: Arc<dyn Listener>,
    pub target_path: PathBuf,
    /// The manifest's nodes as templates see them (`graph`), made on first use.
    pub graph_json: std::sync::OnceLock<Json>,
    pub selected: BTreeSet<NodeId>,
    pub stops: Stops,
    /// Sources that are not on this machine.
    pub absent: BTreeSet<NodeId>,
    /// Writes compiled and run SQL to the target folder.
    pub write: bool,
}

impl World {
    pub fn session(&self) -> Result<Box<dyn Session>, rsdbt_warehouse::DbError> {
        let session = self.warehouse.session()?;
        self.stops.add(session.stop_handle());
        Ok(session)
    }

    /// Whether a model is built from nothing: its own setting goes before the command line.
    pub fn full_refresh(&self, node: &Node) -> bool {
        node.settings().full_refresh.unwrap_or_else(|| self.invocation.flag("FULL_REFRESH"))
    }

    /// A node as `what`: "sql table model main.x".
    pub fn title(&self, node: &Node) -> String {
        let name = if node.schema.is_empty() { node.alias.clone() } else { format!("{}.{}", node.schema, node.alias) };
        match node.resource_type {
            rsdbt_project::ir::ResourceType::Model => format!("sql {} model {name}", node.materialized()),
            rsdbt_project::ir::ResourceType::Seed => format!("seed file {name}"),
            rsdbt_project::ir::ResourceType::Snapshot => format!("snapshot {name}"),
            rsdbt_project::ir::ResourceType::Test => format!("test {}", node.name),
            other => format!("{other} {}", node.name),
        }
    }
}

/// Ways to stop every running statement.
#[derive(Default)]
pub struct Stops {
    handles: Mutex<Vec<Stop>>,
    stopped: AtomicBool,
}

impl Stops {
    fn add(&self, stop: Stop) {
        self.handles.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(stop);
    }

    /// Interrupts what runs and lets nothing new start.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for stop in self.handles.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
            stop();
        }
    }

    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}
