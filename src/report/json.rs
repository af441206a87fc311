//! `--log-format json`: one object a line, with dbt's event names and fields.

use super::{Report, Told, to_text};
use rsdbt_base::Dialect;
use rsdbt_base::{Diagnostic, Severity};
use rsdbt_exec::Listener;
use rsdbt_project::artifact::stamp;
use rsdbt_project::ir::{Checksum, Manifest, Node, NodeResult, Status};
use rsdbt_sys as sys;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub struct JsonLog {
    invocation_id: String,
    quiet: bool,
    /// What is known of each node, by unique id.
    nodes: OnceLock<HashMap<String, Json>>,
    /// When the nodes that run were started.
    started: Mutex<HashMap<String, String>>,
}

/// dbt's event: name and code.
struct Event(&'static str, &'static str);

impl JsonLog {
    pub fn new(invocation_id: &str, quiet: bool) -> JsonLog {
        JsonLog { invocation_id: invocation_id.to_owned(), quiet, nodes: OnceLock::new(), started: Mutex::default() }
    }

    fn event(&self, event: &Event, level: &str, message: &str, mut data: Json) {
        if self.quiet && level == "info" {
            return;
        }
        if let Json::Object(map) = &mut data {
            map.insert("msg".into(), Json::from(message));
        }
        let line = json!({
            "info": {
                "name": event.0, "code": event.1, "level": level, "msg": message, "invocation_id": self.invocation_id,
                "ts": stamp(&sys::now_utc()), "category": "", "extra": {}, "pid": sys::process_id(),
                "thread": std::thread::current().name().unwrap_or("MainThread"),
            },
            "data": data,
        });
        // A reader that has gone away is no error of ours.
        let _ = writeln!(std::io::stdout().lock(), "{}", sys::masked(&line.to_string()));
    }

    fn starts(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node_info(&self, id: &str, status: &str, finished: bool) -> Json {
        let known = self.nodes.get().and_then(|nodes| nodes.get(id));
        let mut info = known.cloned().unwrap_or_else(|| {
            // `source.package.source.table`, `model.package.name`, ...
            let name = id.split('.').nth(if kind(id) == "source" { 3 } else { 2 }).unwrap_or(id);
            json!({"unique_id": id, "resource_type": kind(id), "node_name": name})
        });
        let at = if finished { stamp(&sys::now_utc()) } else { String::new() };
        info["node_status"] = Json::from(status);
        info["node_started_at"] = Json::from(self.starts().get(id).cloned().unwrap_or_default());
        info["node_finished_at"] = Json::from(at);
        info
    }
}

fn kind(id: &str) -> &str {
    id.split('.').next().unwrap_or_default()
}

/// What dbt's log says of a node before it runs.
fn facts(node: &Node, dialect: Dialect) -> Json {
    let checksum = match &node.checksum {
        Checksum::None => "",
        Checksum::Sha256(text) | Checksum::Path(text) => text,
    };
    let relation = if node.has_relation() { node.relation(dialect).render() } else { String::new() };
    json!({
        "unique_id": node.unique_id, "resource_type": node.resource_type.word(), "node_name": node.name,
        "node_path": node.path, "materialized": node.materialized(), "meta": node.config.get("meta"),
        "node_checksum": checksum,
        "node_relation": {
            "database": node.database, "schema": node.schema, "alias": node.alias, "relation_name": relation,
        },
    })
}

impl Listener for JsonLog {
    fn started(&self, index: usize, total: usize, what: &str, id: &str) {
        self.starts().insert(id.to_owned(), stamp(&sys::now_utc()));
        let event =
            if kind(id) == "operation" { Event("LogHookStartLine", "Q032") } else { Event("LogStartLine", "Q011") };
        let info = self.node_info(id, "started", false);
        let data = json!({"description": what, "index": index, "total": total, "node_info": info});
        self.event(&event, "info", &format!("{index} of {total} START {what}"), data);
    }

    fn finished(&self, index: usize, total: usize, what: &str, result: &NodeResult) {
        let event = match kind(&result.unique_id) {
            _ if result.status == Status::Skipped => Event("SkippingDetails", "Q034"),
            "seed" => Event("LogSeedResult", "Q016"),
            "snapshot" => Event("LogSnapshotResult", "Q015"),
            "source" => Event("LogFreshnessResult", "Q018"),
            "test" | "unit_test" => Event("LogTestResult", "Q007"),
            "operation" => Event("LogHookEndLine", "Q033"),
            _ => Event("LogModelResult", "Q012"),
        };
        let level = match result.status {
            status if status.is_failure() => "error",
            Status::Warn => "warn",
            _ => "info",
        };
        let status = result.word();
        let info = self.node_info(&result.unique_id, status, true);
        let schema = info.pointer("/node_relation/schema").cloned().unwrap_or_default();
        let data = json!({
            "description": what, "index": index, "total": total, "status": status, "execution_time": result.execution_time,
            "num_failures": result.failures, "num_models": total, "name": info["node_name"], "node_name": info["node_name"],
            "schema": schema, "relation": result.relation_name, "resource_type": kind(&result.unique_id),
            "result_message": result.message, "node_info": info,
        });
        self.event(&event, level, &format!("{index} of {total} {} {what}", status.to_uppercase()), data);
        let run_result = json!({
            "status": status, "message": result.message, "execution_time": result.execution_time, "thread": result.thread,
            "num_failures": result.failures, "adapter_response": result.adapter_response,
        });
        let data = json!({"node_info": info, "run_result": run_result});
        let text = format!("Finished running node {}", result.unique_id);
        self.event(&Event("NodeFinished", "Q025"), "debug", &text, data);
    }

    fn said(&self, message: &str) {
        self.event(&Event("JinjaLogInfo", "I062"), "info", message, json!({}));
    }

    fn warned(&self, diagnostic: &Diagnostic) {
        self.diagnostic(diagnostic);
    }
}

impl Report for JsonLog {
    fn line(&self, text: &str) {
        let event = if text.is_empty() { Event("Formatting", "Z017") } else { Event("Note", "Z050") };
        self.event(&event, "info", text, json!({}));
    }

    fn told(&self, what: &Told, text: &str) {
        let (event, data) = match what {
            Told::Found => (Event("FoundStats", "W006"), json!({"stat_line": text.trim_start_matches("Found ")})),
            Told::Concurrency { threads, target, nodes } => {
                let data = json!({"num_threads": threads, "target_name": target, "node_count": nodes});
                (Event("ConcurrencyLine", "Q027"), data)
            }
            Told::Finished(ran, seconds) => {
                let execution = format!(" in {seconds:.2} seconds ({seconds:.2}s)");
                let data = json!({"stat_line": ran, "execution": execution, "execution_time": seconds});
                (Event("FinishedRunningStats", "E047"), data)
            }
            Told::EndOfRun { errors, partial, warnings } => {
                let data = json!({
                    "num_errors": errors, "num_partial_success": partial, "num_warnings": warnings, "keyboard_interrupt": false,
                });
                (Event("EndOfRunSummary", "Z030"), data)
            }
            Told::Stats(counts) => {
                let stats = counts.iter().map(|(name, count)| ((*name).to_owned(), Json::from(*count))).collect();
                (Event("StatsLine", "Z023"), json!({"stats": Json::Object(stats)}))
            }
        };
        self.event(&event, "info", text, data);
    }

    fn knows(&self, manifest: &Manifest, dialect: Dialect) {
        let all = manifest.nodes.values().chain(manifest.hooks.iter().map(|hook| &hook.node));
        let nodes = all.map(|node| (node.unique_id.clone(), facts(node, dialect))).collect();
        // What was told first holds: a run has one manifest.
        _ = self.nodes.set(nodes);
    }

    fn diagnostic(&self, found: &Diagnostic) {
        let level = if found.severity == Severity::Error { "error" } else { "warn" };
        let place = found.place.as_ref();
        let data = json!({
            "code": found.code.0, "file": place.map(|p| p.file.as_str()), "line": place.map(|p| p.line),
            "column": place.map(|p| p.column), "help": found.help,
        });
        self.event(&Event("RunResultError", "Z024"), level, &to_text(found), data);
    }

    fn summary(&self, text: &str, good: bool) {
        self.event(&Event("Note", "Z050"), if good { "info" } else { "error" }, text, json!({}));
    }

    fn finish(&self) {}
}
