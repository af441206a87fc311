//! sources.json v3: what `source freshness` found.

use super::stamp;
use crate::ir::{Invocation, Manifest, NodeResult, RunResults};
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

pub fn sources_json(
    results: &RunResults,
    manifest: &Manifest,
    invocation: &Invocation,
    generated: &DateTime<Utc>,
) -> Json {
    json!({
        "metadata": super::metadata("sources/v3", invocation, generated),
        "results": results.results.iter().map(|found| result(found, manifest)).collect::<Vec<_>>(),
        "elapsed_time": results.elapsed,
    })
}

fn result(found: &NodeResult, manifest: &Manifest) -> Json {
    let Some(freshness) = &found.freshness else {
        return json!({"unique_id": found.unique_id, "error": found.message, "status": found.word()});
    };
    let rules = manifest.sources.get(&found.unique_id).and_then(|source| source.freshness.as_ref());
    let age = freshness.snapshotted_at - freshness.max_loaded_at;
    json!({
        "unique_id": found.unique_id, "max_loaded_at": stamp(&freshness.max_loaded_at),
        "snapshotted_at": stamp(&freshness.snapshotted_at),
        "max_loaded_at_time_ago_in_s": age.as_seconds_f64(), "status": found.word(),
        "criteria": super::node::freshness(rules), "adapter_response": found.adapter_response,
        "timing": super::results::timing(found), "thread_id": found.thread, "execution_time": found.execution_time,
    })
}
