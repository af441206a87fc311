//! What a run gave, node by node.

use super::NodeId;
use serde_json::{Map, Value as Json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Success,
    Error,
    Skipped,
    Pass,
    Fail,
    Warn,
    RuntimeError,
    /// Some batches of a microbatch model were built, others failed.
    PartialSuccess,
}

impl Status {
    /// dbt's word in run_results.json.
    pub fn word(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::Error | Status::RuntimeError => "error",
            Status::Skipped => "skipped",
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Warn => "warn",
            Status::PartialSuccess => "partial success",
        }
    }

    pub fn is_failure(self) -> bool {
        matches!(self, Status::Error | Status::RuntimeError | Status::Fail | Status::PartialSuccess)
    }
}

/// Start and end of a phase, as time since 1970-01-01 UTC.
#[derive(Debug, Clone)]
pub struct Timing {
    pub name: &'static str,
    pub started: chrono::DateTime<chrono::Utc>,
    pub completed: chrono::DateTime<chrono::Utc>,
}

/// When a source was loaded last, and when that was asked.
#[derive(Debug, Clone)]
pub struct Freshness {
    pub max_loaded_at: chrono::DateTime<chrono::Utc>,
    pub snapshotted_at: chrono::DateTime<chrono::Utc>,
}

/// Start and end of a slice of time.
pub type Window = (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>);

/// The slices of time that a microbatch model was built for.
#[derive(Debug, Clone, Default)]
pub struct Batches {
    pub successful: Vec<Window>,
    pub failed: Vec<Window>,
}

#[derive(Debug, Clone)]
pub struct NodeResult {
    pub unique_id: NodeId,
    pub status: Status,
    pub message: Option<String>,
    pub failures: Option<i64>,
    pub adapter_response: Map<String, Json>,
    pub compiled_code: Option<String>,
    pub relation_name: Option<String>,
    pub thread: String,
    /// Seconds.
    pub execution_time: f64,
    pub timing: Vec<Timing>,
    /// Of a microbatch model.
    pub batches: Option<Batches>,
    /// Of a source, in `source freshness`.
    pub freshness: Option<Freshness>,
    /// What went wrong, in full.
    pub diagnostic: Option<rsdbt_base::Diagnostic>,
}

#[derive(Debug, Clone, Default)]
pub struct RunResults {
    pub results: Vec<NodeResult>,
    /// Seconds.
    pub elapsed: f64,
}

impl NodeResult {
    /// dbt's word for the status; a source has words of its own.
    pub fn word(&self) -> &'static str {
        match self.status {
            Status::Fail if self.is_source() => "error",
            Status::Error | Status::RuntimeError if self.is_source() => "runtime error",
            status => status.word(),
        }
    }

    fn is_source(&self) -> bool {
        self.unique_id.starts_with("source.")
    }
}

impl RunResults {
    pub fn count(&self, test: impl Fn(Status) -> bool) -> usize {
        self.results.iter().filter(|result| test(result.status)).count()
    }

    pub fn failed(&self) -> bool {
        self.results.iter().any(|result| result.status.is_failure())
    }
}
