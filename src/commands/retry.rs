//! `retry`: the command of the last run again, for what failed or was skipped there.

use super::run;
use crate::args::RetryArgs;
use crate::options::{Options, Retry};
use crate::report::Report;
use crate::{OK, Stop, pipeline};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_project::ir::{Batches, Window};
use rsdbt_project::load::load_settings;
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json};
use std::path::Path;
use std::sync::Arc;

/// Commands that can be done again.
const COMMANDS: [&str; 6] = ["build", "run", "test", "seed", "snapshot", "clone"];
/// Statuses of what is not done.
const UNDONE: [&str; 5] = ["error", "fail", "skipped", "runtime error", "partial success"];

pub fn retry(options: &Options, arguments: &RetryArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let mut again = options.clone();
    let results = last_results(options, arguments)?;
    let empty = Map::new();
    let args = results.get("args").and_then(Json::as_object).unwrap_or(&empty);
    take_over(&mut again, args, arguments);
    let asked = args.get("which").and_then(Json::as_str).unwrap_or_default();
    let Some(command) = COMMANDS.into_iter().find(|command| *command == asked) else {
        let message = format!("the last run was '{asked}', which cannot be done again by `retry`");
        return Err(Diagnostic::error(Code::USAGE, message).into());
    };
    again.command = command;
    let left = undone(&results);
    if left.nodes.is_empty() {
        report.line("Nothing to do: the last run left nothing undone");
        return Ok(OK);
    }
    again.retry = Some(left);
    if command == "clone" { run::clone(&again, report) } else { run::run(&again, report) }
}

fn last_results(options: &Options, arguments: &RetryArgs) -> Result<Json, Stop> {
    let (project, _) = load_settings(&options.load)?;
    let folder = match &arguments.state {
        Some(folder) => Path::new(&project.root).join(folder),
        None => pipeline::target_path(options, &project),
    };
    let file = folder.join("run_results.json");
    let wrong = |why: String| {
        let message = format!("Could not find previous run in '{}': {why}", file.display());
        Diagnostic::error(Code::FILE, message).help("run something first, or name the folder of a run with --state")
    };
    let text = sys::read(&file).map_err(|why| wrong(why.to_string()))?;
    Ok(serde_json::from_str(&text).map_err(|why| wrong(why.to_string()))?)
}

/// The options of the last run, where this command line does not say otherwise.
fn take_over(options: &mut Options, args: &Map<String, Json>, arguments: &RetryArgs) {
    let flag = |key: &str| args.get(key).and_then(Json::as_bool).unwrap_or(false);
    let text = |key: &str| args.get(key).and_then(Json::as_str).map(str::to_owned);
    let building = &mut options.building;
    building.full_refresh = arguments.full_refresh || flag("full_refresh");
    building.store_failures = flag("store_failures");
    building.empty = flag("empty");
    building.event_time_start = text("event_time_start");
    building.event_time_end = text("event_time_end");
    let stateful = &mut building.selecting.stateful;
    stateful.state = text("state").map(Into::into);
    stateful.defer_state = text("defer_state").map(Into::into);
    options.defer |= flag("defer");
    options.favor_state |= flag("favor_state");
    options.fail_fast |= flag("fail_fast");
    if options.load.target.is_none() {
        options.load.target = text("target");
    }
    if let Some(vars) = args.get("vars").and_then(Json::as_object) {
        for (name, value) in vars {
            options.load.vars.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn undone(results: &Json) -> Retry {
    let mut retry = Retry::default();
    for result in results.get("results").and_then(Json::as_array).into_iter().flatten() {
        let field = |key: &str| result.get(key).and_then(Json::as_str).unwrap_or_default();
        let id = field("unique_id");
        // Hooks run with every command.
        if id.starts_with("operation.") || !UNDONE.contains(&field("status")) {
            continue;
        }
        retry.nodes.insert(id.to_owned());
        let batches = |key: &str| -> Vec<Window> {
            let list = result.pointer(&format!("/batch_results/{key}")).and_then(Json::as_array);
            list.into_iter().flatten().filter_map(window).collect()
        };
        if field("status") == "partial success" {
            let batches = Batches { successful: batches("successful"), failed: batches("failed") };
            retry.batches.insert(id.to_owned(), batches);
        }
    }
    retry
}

fn window(pair: &Json) -> Option<Window> {
    let at = |index: usize| {
        let text = pair.get(index)?.as_str()?;
        chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
    };
    Some((at(0)?, at(1)?))
}
