//! `source freshness`.

use super::run;
use crate::args::{SourceArgs, SourceCommand};
use crate::options::Options;
use crate::pipeline::{self, counted, kind};
use crate::report::{Report, Told};
use crate::{FAILED, OK, Stop};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_exec::{Job, Purpose};
use rsdbt_project::artifact::sources_json;
use rsdbt_project::ir::{Freshness, HookTime, NodeResult, RunResults, Source, Status};
use std::path::Path;
use std::sync::Arc;

pub fn source(options: &Options, arguments: &SourceArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let SourceCommand::Freshness { output, .. } = &arguments.command;
    report.line(&format!("Running with rsdbt={}", env!("CARGO_PKG_VERSION")));
    let ready = pipeline::prepare(options, report)?;
    report.told(&Told::Found, &pipeline::found(&ready.manifest));
    let mut selected = ready.select(options)?;
    selected.retain(|id| kind(id) == "source" && ready.manifest.sources.get(id).is_some_and(has_rule));
    if selected.is_empty() {
        let message = "Nothing to do: no selected source has a 'freshness'";
        report.diagnostic(&Diagnostic::warning(Code::USAGE, message));
        return Ok(OK);
    }
    let flag = ready.raw.project.flags.get("source_freshness_run_project_hooks");
    let hooks = flag != Some(&serde_json::Value::Bool(false));
    let (world, raw) = ready.world(options, report, &selected)?;
    run::stop_on_signal(&world);
    let threads = raw.profile.threads;
    report.line("");
    run::concurrency(threads, &raw.profile.target, selected.len(), report);
    let job =
        Job { ids: selected, threads, fail_fast: options.fail_fast, tests_block: false, purpose: Purpose::Freshness };
    let mut of_hooks = Vec::new();
    if hooks {
        of_hooks.extend(rsdbt_exec::hooks::run(&world, HookTime::Start, &RunResults::default())?);
    }
    let results = rsdbt_exec::run(&world, job);
    if hooks {
        of_hooks.extend(rsdbt_exec::hooks::run(&world, HookTime::End, &results)?);
    }
    report.finish();
    for result in of_hooks.iter().chain(&results.results) {
        match (&result.diagnostic, &result.freshness) {
            (Some(diagnostic), _) => report.diagnostic(diagnostic),
            (None, Some(freshness)) => stale(result, freshness).iter().for_each(|found| report.diagnostic(found)),
            (None, None) => {}
        }
    }
    if options.write_json {
        pipeline::write_manifest(&world.manifest, &world.invocation, &world.target_path, &Default::default())?;
    }
    let json = sources_json(&results, &world.manifest, &world.invocation, &rsdbt_sys::now_utc());
    match output {
        Some(file) => {
            let folder = file.parent().unwrap_or(Path::new(""));
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            pipeline::write_json(folder, &name, &json)?;
        }
        None if options.write_json => pipeline::write_json(&world.target_path, "sources.json", &json)?,
        None => {}
    }
    report.line("Done.");
    let failed = results.failed() || of_hooks.iter().any(|result| result.status.is_failure());
    Ok(if failed || world.stops.stopped() { FAILED } else { OK })
}

fn has_rule(source: &Source) -> bool {
    let rules = source.freshness.as_ref();
    let given = |key: &str| rules.and_then(|rules| rules.get(key)).is_some_and(|rule| !rule.is_null());
    given("warn_after") || given("error_after")
}

/// What to say of a source that is too old.
fn stale(result: &NodeResult, freshness: &Freshness) -> Option<Diagnostic> {
    let age = freshness.snapshotted_at - freshness.max_loaded_at;
    let age = match (age.num_days(), age.num_hours()) {
        (days, _) if days > 366 * 1000 => "never: no row tells a time".to_owned(),
        (0, 0) => format!("{} ago", counted(age.num_minutes().max(0) as usize, "minute")),
        (0, hours) => format!("{} ago", counted(hours as usize, "hour")),
        (days, _) => format!("{} ago", counted(days as usize, "day")),
    };
    let message = format!("{} was last loaded {age}", result.unique_id);
    match result.status {
        Status::Fail => Some(Diagnostic::error(Code::TEST, message)),
        Status::Warn => Some(Diagnostic::warning(Code::TEST, message)),
        _ => None,
    }
}
