//! `run`, `build`, `test`, `seed`, `snapshot`, `parse`, `run-operation`.

use crate::args::OperationArgs;
use crate::options::{Options, yaml_map};
use crate::pipeline::{self, Ready, counted, kind};
use crate::report::{Report, Told};
use crate::{FAILED, OK, Stop, cost, signals};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_exec::{Job, Purpose, World};
use rsdbt_project::ir::{HookTime, NodeResult, RunResults, Status};
use rsdbt_project::select::NodeSet;
use rsdbt_sources::provide::{needed, ways};
use std::sync::Arc;

/// Which resource types a command runs.
fn runs(command: &str, kind: &str) -> bool {
    match command {
        "run" => kind == "model",
        "test" => matches!(kind, "test" | "unit_test"),
        "seed" => kind == "seed",
        "snapshot" => kind == "snapshot",
        _ => matches!(kind, "model" | "seed" | "snapshot" | "test" | "unit_test"),
    }
}

pub fn run(options: &Options, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    report.line(&format!("Running with rsdbt={}", env!("CARGO_PKG_VERSION")));
    let ready = pipeline::prepare(options, report)?;
    report.told(&Told::Found, &pipeline::found(&ready.manifest));
    let mut selected = ready.select(options)?;
    selected.retain(|id| runs(options.command, &kind(id)));
    if selected.is_empty() {
        return nothing(options, report, ready);
    }
    let (world, raw) = ready.world(options, report, &selected)?;
    stop_on_signal(&world);
    let threads = raw.profile.threads;
    report.line("");
    pipeline::unnamed_file(&raw.profile).iter().for_each(|line| report.line(line));
    concurrency(threads, &raw.profile.target, selected.len(), report);
    let job = Job {
        ids: selected.clone(),
        threads,
        fail_fast: options.fail_fast,
        tests_block: options.command == "build",
        purpose: Purpose::Build,
    };
    if options.building.cost.dry_run {
        return cost::dry_run(options, &world, job, report);
    }
    cost::check_limit(options, &world, job.clone(), report)?;
    create_schemas(&world, &selected)?;
    let hooks = matches!(options.command, "run" | "build" | "seed" | "snapshot" | "test");
    let mut before =
        if hooks { rsdbt_exec::hooks::run(&world, HookTime::Start, &RunResults::default())? } else { Vec::new() };
    let mut results = rsdbt_exec::run(&world, job);
    name_ways(&world, &mut results);
    let mut broken = None;
    if hooks {
        let after = rsdbt_exec::hooks::run(&world, HookTime::End, &results);
        let after = after.unwrap_or_else(|found| {
            broken = Some(found);
            Vec::new()
        });
        before.append(&mut results.results);
        results.results = before.into_iter().chain(after).collect();
    }
    report.finish();
    if options.write_json {
        pipeline::write_manifest(
            &world.manifest,
            &world.invocation,
            &world.target_path,
            &pipeline::compiled(&results),
        )?;
        pipeline::write_results(&world, &results)?;
    }
    if let Some(found) = broken {
        return Err(found.into());
    }
    Ok(conclude(&results, options, report, world.stops.stopped()))
}

/// A model that failed for want of its source is told how to get it.
fn name_ways(world: &World, results: &mut RunResults) {
    for result in &mut results.results {
        let Some(found) = result.diagnostic.as_mut().filter(|found| found.help.is_none()) else { continue };
        let read = needed(&world.manifest, &NodeSet::from([result.unique_id.clone()]));
        let absent = read.intersection(&world.absent).find_map(|id| world.manifest.sources.get(id));
        if let Some(source) = absent {
            let name = result.unique_id.split('.').nth(2).unwrap_or_default();
            found.help = Some(ways(source, name));
        }
    }
}

fn nothing(options: &Options, report: &Arc<dyn Report>, ready: Ready) -> Result<u8, Stop> {
    report.diagnostic(&Diagnostic::warning(
        Code::USAGE,
        "Nothing to do. Try checking your model configs and model specification args",
    ));
    if options.write_json {
        ready.write_manifest()?;
        let json =
            rsdbt_project::artifact::run_results_json(&RunResults::default(), &ready.invocation, &rsdbt_sys::now_utc());
        pipeline::write_json(&ready.target_path, "run_results.json", &json)?;
    }
    Ok(OK)
}

/// `clone`: every selected relation as the state's environment has it.
pub fn clone(options: &Options, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ready = pipeline::prepare(options, report)?;
    let mut selected = ready.select(options)?;
    selected.retain(|id| matches!(kind(id).as_str(), "model" | "seed" | "snapshot"));
    let (world, raw) = ready.world(options, report, &selected)?;
    stop_on_signal(&world);
    create_schemas(&world, &selected)?;
    let job = Job {
        ids: selected,
        threads: raw.profile.threads,
        fail_fast: options.fail_fast,
        tests_block: false,
        purpose: Purpose::Clone,
    };
    let results = rsdbt_exec::run(&world, job);
    report.finish();
    if options.write_json {
        pipeline::write_manifest(&world.manifest, &world.invocation, &world.target_path, &Default::default())?;
        pipeline::write_results(&world, &results)?;
    }
    Ok(conclude(&results, options, report, world.stops.stopped()))
}

/// Ctrl-C interrupts what runs; a second one ends the process.
pub fn stop_on_signal(world: &Arc<World>) {
    let world = Arc::downgrade(world);
    signals::on_stop(move || match world.upgrade() {
        Some(world) if !world.stops.stopped() => {
            eprintln!("interrupted: stopping (press again to end at once)");
            world.stops.stop();
        }
        _ => std::process::exit(130),
    });
}

/// Every schema that the run builds in, one after the other: DuckDB refuses to do it in parallel.
fn create_schemas(world: &Arc<World>, selected: &NodeSet) -> Result<(), Stop> {
    let dialect = world.invocation.dialect;
    let mut schemas: Vec<(String, String)> = selected
        .iter()
        .filter_map(|id| world.manifest.nodes.get(id))
        .filter(|node| node.has_relation())
        .map(|node| (node.database.clone(), node.schema.clone()))
        .collect();
    schemas.sort();
    schemas.dedup();
    if schemas.is_empty() {
        return Ok(());
    }
    let fail = |error: rsdbt_warehouse::DbError| Stop(vec![pipeline::connection_error(&error)]);
    let mut session = world.session().map_err(fail)?;
    for (database, schema) in schemas {
        let known = session.schemas(&database).map_err(fail)?;
        if !known.iter().any(|name| name.eq_ignore_ascii_case(&schema)) {
            let name = format!("{}.{}", dialect.quote(&database), dialect.quote(&schema));
            session.run(&format!("create schema if not exists {name}")).map_err(fail)?;
        }
    }
    Ok(())
}

/// How many nodes will run at once, and where.
pub fn concurrency(threads: usize, target: &str, nodes: usize, report: &Arc<dyn Report>) {
    let text = format!("Concurrency: {} (target='{target}')", counted(threads, "thread"));
    report.told(&Told::Concurrency { threads, target, nodes }, &text);
    report.line("");
}

fn conclude(results: &RunResults, options: &Options, report: &Arc<dyn Report>, stopped: bool) -> u8 {
    let is = |wanted: &[Status]| results.count(|status| wanted.contains(&status));
    let good = is(&[Status::Success, Status::Pass]);
    let (warned, skipped) = (is(&[Status::Warn]), is(&[Status::Skipped]));
    let failed = is(&[Status::Error, Status::Fail, Status::RuntimeError]);
    report.line("");
    let ran = what_ran(results);
    report.told(&Told::Finished(&ran, results.elapsed), &format!("Finished running {ran} in {:.2}s.", results.elapsed));
    let is_failure = failed + is(&[Status::PartialSuccess]) > 0 || (options.warn_error && warned > 0) || stopped;
    report.line("");
    let partial = is(&[Status::PartialSuccess]);
    let summary = match (failed + partial, warned) {
        (0, 0) => "Completed successfully".to_owned(),
        (0, _) => format!("Completed with {}:", counted(warned, "warning")),
        _ => {
            let partial =
                if partial == 1 { "1 partial success".to_owned() } else { format!("{partial} partial successes") };
            format!("Completed with {}, {partial}, and {}:", counted(failed, "error"), counted(warned, "warning"))
        }
    };
    report.told(&Told::EndOfRun { errors: failed, partial, warnings: warned }, &summary);
    for result in &results.results {
        tell(result, report);
    }
    report.line("");
    let total = results.results.len();
    let counts =
        [("pass", good), ("warn", warned), ("error", failed), ("skip", skipped), ("noop", 0), ("total", total)];
    let partial = if partial > 0 { format!(" PARTIAL SUCCESS={partial}") } else { String::new() };
    let line = format!("Done. PASS={good} WARN={warned} ERROR={failed} SKIP={skipped} NO-OP=0{partial} TOTAL={total}");
    report.told(&Told::Stats(&counts), &line);
    if is_failure { FAILED } else { OK }
}

/// Details of a node that did not go well.
fn tell(result: &NodeResult, report: &Arc<dyn Report>) {
    match (&result.diagnostic, result.status) {
        (Some(diagnostic), _) => report.diagnostic(diagnostic),
        (None, Status::Fail | Status::Warn) => {
            let message = format!("{}: {}", result.unique_id, result.message.clone().unwrap_or_default());
            let found = if result.status == Status::Fail {
                Diagnostic::error(Code::TEST, message)
            } else {
                Diagnostic::warning(Code::TEST, message)
            };
            report.diagnostic(&found.help(
                "the failing rows: rsdbt show -s ".to_owned() + result.unique_id.split('.').nth(2).unwrap_or_default(),
            ));
        }
        _ => {}
    }
}

/// "2 seeds, 5 table models, 3 data tests".
fn what_ran(results: &RunResults) -> String {
    let mut counts: std::collections::BTreeMap<String, usize> = Default::default();
    for result in &results.results {
        let word = match kind(&result.unique_id).as_str() {
            "test" => "data test".to_owned(),
            "unit_test" => "unit test".to_owned(),
            "operation" => "project hook".to_owned(),
            other => other.to_owned(),
        };
        *counts.entry(word).or_default() += 1;
    }
    counts.iter().map(|(noun, count)| counted(*count, noun)).collect::<Vec<_>>().join(", ")
}

/// `parse`.
pub fn parse(options: &Options, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let begun = std::time::Instant::now();
    let ready = pipeline::prepare(options, report)?;
    report.told(&Told::Found, &pipeline::found(&ready.manifest));
    if options.write_json {
        ready.write_manifest()?;
    }
    let done = if ready.is_unchanged { "Nothing has changed since the last time; done" } else { "Parsed" };
    report.line(&format!("{done} in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3));
    // The process ends: nobody needs its memory back piece by piece.
    std::mem::forget(ready);
    Ok(OK)
}

/// `run-operation`.
pub fn operation(options: &Options, arguments: &OperationArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let named = match &arguments.args {
        Some(text) => yaml_map(text, "--args")?,
        None => Default::default(),
    };
    let ready = pipeline::prepare(options, report)?;
    let (world, _) = ready.world(options, report, &NodeSet::new())?;
    let begun = std::time::Instant::now();
    let started = rsdbt_sys::now_utc();
    let outcome = rsdbt_exec::run_operation(&world, &arguments.name, named);
    let status = if outcome.is_ok() { Status::Success } else { Status::Error };
    let id = format!("operation.{}.{}", world.invocation.project, arguments.name);
    let result = NodeResult {
        unique_id: id,
        status,
        message: None,
        failures: None,
        adapter_response: Default::default(),
        compiled_code: None,
        relation_name: None,
        thread: "MainThread".to_owned(),
        execution_time: begun.elapsed().as_secs_f64(),
        timing: vec![rsdbt_project::ir::Timing { name: "execute", started, completed: rsdbt_sys::now_utc() }],
        freshness: None,
        batches: None,
        diagnostic: None,
    };
    if options.write_json {
        pipeline::write_manifest(&world.manifest, &world.invocation, &world.target_path, &Default::default())?;
        pipeline::write_results(&world, &RunResults { results: vec![result], elapsed: begun.elapsed().as_secs_f64() })?;
    }
    match outcome {
        Ok(_) => Ok(OK),
        Err(diagnostic) => {
            report.diagnostic(&diagnostic);
            Ok(FAILED)
        }
    }
}
