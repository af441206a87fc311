//! `debug`: where settings come from, and whether the warehouse answers.

use crate::options::Options;
use crate::pipeline;
use crate::report::Report;
use crate::{FAILED, OK, Stop};
use rsdbt_project::load::load_settings;
use serde_json::Value as Json;
use std::sync::Arc;

pub fn debug(options: &Options, connection: bool, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    if connection {
        report.line("Skipping steps before connection verification");
    }
    report.line(&format!("rsdbt version: {}", env!("CARGO_PKG_VERSION")));
    report.line(&format!("speaks dbt {}", rsdbt_base::DBT_VERSION));
    let (project, profile) = match load_settings(&options.load) {
        Ok(found) => found,
        Err(diagnostics) => {
            diagnostics.iter().for_each(|diagnostic| report.diagnostic(diagnostic));
            report.summary("1 check failed", false);
            return Ok(FAILED);
        }
    };
    report.line(&format!("project: {} in {}", project.name, project.root));
    report.line(&format!("profile: {}, target {} of type {}", profile.name, profile.target, profile.kind));
    report.line("Connection:");
    for (key, value) in profile.target_variable() {
        if let Json::String(_) | Json::Number(_) | Json::Bool(_) = value {
            report.line(&format!("  {key}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
    }
    let answer = pipeline::open(&profile, &project.root).and_then(|warehouse| {
        let mut session = warehouse.session()?;
        session.run("select 1 as id").map(|_| warehouse.describe())
    });
    match answer {
        Ok(what) => {
            report.line(&format!("Connection test: OK connection ok ({what})"));
            report.summary("All checks passed!", true);
            Ok(OK)
        }
        Err(error) => {
            report.line("Connection test: ERROR");
            report.diagnostic(&pipeline::connection_error(&error));
            report.summary("1 check failed", false);
            Ok(FAILED)
        }
    }
}
