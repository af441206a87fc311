//! `--log-format json`: one object a line, with dbt's event names.

use super::{Report, to_text};
use rsdbt_base::{Diagnostic, Severity};
use rsdbt_exec::Listener;
use rsdbt_project::ir::{NodeResult, Status};
use serde_json::{Value as Json, json};
use std::io::Write;

pub struct JsonLog {
    pub invocation_id: String,
    pub quiet: bool,
}

/// dbt's event: name and code.
struct Event(&'static str, &'static str);

impl JsonLog {
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
                "ts": rsdbt_project::artifact::stamp(&rsdbt_sys::now_utc()), "category": "", "extra": {}, "pid": std::process::id(),
                "thread": std::thread::current().name().unwrap_or("MainThread"),
            },
            "data": data,
        });
        // A reader that has gone away is no error of ours.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

fn kind(id: &str) -> &str {
    id.split('.').next().unwrap_or_default()
}

fn node_info(id: &str, status: &str) -> Json {
    // `source.package.source.table`, `model.package.name`, ...
    let name = id.split('.').nth(if kind(id) == "source" { 3 } else { 2 }).unwrap_or(id);
    json!({"unique_id": id, "resource_type": kind(id), "node_name": name, "node_status": status})
}

impl Listener for JsonLog {
    fn started(&self, index: usize, total: usize, what: &str, id: &str) {
        let data = json!({"description": what, "index": index, "total": total, "node_info": node_info(id, "started")});
        self.event(&Event("LogStartLine", "Q011"), "info", &format!("{index} of {total} START {what}"), data);
    }

    fn finished(&self, index: usize, total: usize, what: &str, result: &NodeResult) {
        let event = match kind(&result.unique_id) {
            "seed" => Event("LogSeedResult", "Q016"),
            "snapshot" => Event("LogSnapshotResult", "Q015"),
            "source" => Event("LogFreshnessResult", "Q018"),
            "test" | "unit_test" => Event("LogTestResult", "Q007"),
            _ => Event("LogModelResult", "Q012"),
        };
        let level = match result.status {
            status if status.is_failure() => "error",
            Status::Warn => "warn",
            _ => "info",
        };
        let status = result.word();
        let data = json!({
            "description": what, "index": index, "total": total, "status": status, "execution_time": result.execution_time,
            "num_failures": result.failures, "node_info": node_info(&result.unique_id, status),
        });
        self.event(&event, level, &format!("{index} of {total} {} {what}", status.to_uppercase()), data);
        let run_result = json!({
            "status": status, "message": result.message, "execution_time": result.execution_time, "thread": result.thread,
            "num_failures": result.failures, "adapter_response": result.adapter_response,
        });
        let data = json!({"node_info": node_info(&result.unique_id, status), "run_result": run_result});
        self.event(
            &Event("NodeFinished", "Q025"),
            "debug",
            &format!("Finished running node {}", result.unique_id),
            data,
        );
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
        self.event(&Event("Note", "Z050"), "info", text, json!({}));
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
        self.event(&Event("StatsLine", "Z023"), if good { "info" } else { "error" }, text, json!({}));
    }

    fn finish(&self) {}
}
