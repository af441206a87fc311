//! run_results.json v6.

use super::stamp;
use crate::ir::{Batches, Invocation, NodeResult, RunResults, Window};
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

pub fn run_results_json(results: &RunResults, invocation: &Invocation, generated: &DateTime<Utc>) -> Json {
    json!({
        "metadata": super::metadata("run-results/v6", invocation, generated),
        "results": results.results.iter().map(result).collect::<Vec<_>>(),
        "elapsed_time": results.elapsed,
        "args": invocation.args,
    })
}

/// The phases of a node.
pub fn timing(result: &NodeResult) -> Vec<Json> {
    let phases = result.timing.iter();
    phases
        .map(|t| json!({"name": t.name, "started_at": stamp(&t.started), "completed_at": stamp(&t.completed)}))
        .collect()
}

/// dbt writes the borders of batches in another form than all other times.
fn iso(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

/// dbt's `batch_results`.
fn batches(batches: &Batches) -> Json {
    let list = |windows: &[Window]| windows.iter().map(|(from, to)| json!([iso(from), iso(to)])).collect::<Vec<_>>();
    json!({"successful": list(&batches.successful), "failed": list(&batches.failed)})
}

fn result(result: &NodeResult) -> Json {
    json!({
        "status": result.status.word(), "timing": timing(result), "thread_id": result.thread, "execution_time": result.execution_time,
        "adapter_response": result.adapter_response, "message": result.message, "failures": result.failures,
        "unique_id": result.unique_id, "compiled": result.compiled_code.is_some(), "compiled_code": result.compiled_code,
        "relation_name": result.relation_name, "batch_results": result.batches.as_ref().map(batches),
    })
}
