//! `mock`: rows for sources that nobody can reach: columns from the lock, YAML or the models, rules from the tests.

use crate::args::MockArgs;
use crate::options::Options;
use crate::pipeline::{self, Ready, counted, kind};
use crate::report::Report;
use crate::{OK, Stop};
use rsdbt_base::{Code, Diagnostic, Dialect};
use rsdbt_bqlocal::LocalBigQuery;
use rsdbt_exec::{Job, Purpose, World};
use rsdbt_project::ir::{NodeId, Source};
use rsdbt_project::select::NodeSet;
use rsdbt_sources::infer::Walker;
use rsdbt_sources::lock::{Lock, Way};
use rsdbt_sources::mock::{self, Settings, Wanted};
use rsdbt_sources::provide::Ground;
use rsdbt_sys as sys;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

pub fn mock(options: &Options, arguments: &MockArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ready = pipeline::prepare(options, report)?;
    let selected = ready.select(options)?;
    let needed: BTreeSet<NodeId> = ready.graph.with_ancestors(&selected, None);
    let root = ready.raw.project.root.clone();
    let external = pipeline::external_paths(&ready.raw.profile)?;
    let sources = ready.manifest.sources.clone();
    let ground = Ground::new(&sources, Path::new(&root), &external)?;
    let wanted = wanted(&sources, &needed, (&selected, &ground.lock), report);
    if wanted.is_empty() {
        report.diagnostic(&Diagnostic::warning(Code::USAGE, "the selection reads no source that needs rows"));
        return Ok(OK);
    }
    let settings = settings(arguments, &ground.lock)?;
    let (world, compiled) = compiled(ready, options, report, &needed)?;
    let manifest = &world.manifest;
    let shapes = mock::shapes(&ground, manifest, &compiled, Walker::new(rsdbt_duckdbsql::library()));
    let mock::Shaped { walker, rows, unread } = shapes.map_err(|why| Diagnostic::error(Code::PROPERTY, why))?;
    for (id, why) in unread {
        report.diagnostic(&Diagnostic::warning(Code::SQL_SYNTAX, format!("{id}: what it reads is not known: {why}")));
    }
    let (mut tables, unknown) = mock::plan(manifest, &walker, &rows, (&wanted, settings));
    for test in unknown {
        let message = format!("mock does not know how to obey the test {test}");
        report
            .diagnostic(&Diagnostic::warning(Code::TEST, message).help("give `meta: {mock: ...}` hints to the column"));
    }
    tables.retain(|table| has_columns(table, &sources, report));
    let names: Vec<String> = tables.iter().filter_map(|table| sources.get(&table.id)).map(full_name).collect();
    let mut lock = ground.lock.clone();
    mock::write(Path::new(&root), &mut lock, &tables, (&names, settings))
        .map_err(|error| Stop(vec![pipeline::connection_error(&error)]))?;
    tell(&tables, &lock, &sources, report);
    Ok(OK)
}

fn full_name(source: &Source) -> String {
    format!("{}.{}.{}", source.database, source.schema, source.identifier)
}

/// Sources that the selection reads and that have no rows of their own.
fn wanted(
    sources: &indexmap::IndexMap<NodeId, Source>,
    needed: &BTreeSet<NodeId>,
    (selected, lock): (&NodeSet, &Lock),
    report: &Arc<dyn Report>,
) -> BTreeSet<NodeId> {
    let mut wanted = BTreeSet::new();
    for source in sources.values().filter(|source| needed.contains(&source.unique_id)) {
        let pulled = lock.sources.get(&source.unique_id).is_some_and(|entry| entry.way == Way::Pull);
        let kept = match source.config.get("external_location").and_then(|value| value.as_str()) {
            Some(location) => Some(format!("its rows are the files {location}")),
            None if pulled && !selected.contains(&source.unique_id) => Some("its rows were pulled".to_owned()),
            None => None,
        };
        match kept {
            Some(why) => report.line(&format!("{}.{}: {why}", source.source_name, source.name)),
            None => _ = wanted.insert(source.unique_id.clone()),
        }
    }
    wanted
}

/// The last day is kept in the lock, so that the same seed gives the same rows tomorrow.
fn settings(arguments: &MockArgs, lock: &Lock) -> Result<Settings, Diagnostic> {
    let today = sys::now_utc().date_naive();
    let locked = lock.sources.values().filter_map(|entry| entry.until.as_ref()?.parse().ok()).max();
    let until = match arguments.until.as_deref() {
        None => locked.unwrap_or(today),
        Some("today") => today,
        Some(text) => text.parse().map_err(|_| {
            Diagnostic::error(Code::USAGE, format!("--until {text}: this is no day"))
                .help("write it as 2024-12-31, or today")
        })?,
    };
    Ok(Settings { rows: arguments.rows, seed: arguments.seed, until, days: arguments.days })
}

/// The SQL of the models that read the sources, in the order in which they are built. Templates that ask the warehouse find
/// an empty one.
fn compiled(
    ready: Ready,
    options: &Options,
    report: &Arc<dyn Report>,
    needed: &BTreeSet<NodeId>,
) -> Result<(Arc<World>, Vec<(NodeId, String)>), Stop> {
    let is_read = ready.raw.profile.dialect() == Dialect::GoogleSql;
    let fail = |error| Stop(vec![pipeline::connection_error(&error)]);
    let profile = &ready.raw.profile;
    let warehouse = LocalBigQuery::open(None, &profile.database, &profile.schema).map_err(fail)?;
    let threads = profile.threads;
    let is_model = |id: &&NodeId| is_read && matches!(kind(id).as_str(), "model" | "snapshot");
    let ids: NodeSet = needed.iter().filter(is_model).cloned().collect();
    let depth: BTreeMap<NodeId, usize> =
        ids.iter().map(|id| (id.clone(), ready.graph.with_ancestors([id], None).len())).collect();
    let mut options = options.clone();
    options.write_json = false;
    let (world, _) = ready.with_warehouse(&options, report, &ids, Arc::new(warehouse))?;
    let job = Job { ids, threads, fail_fast: false, tests_block: false, purpose: Purpose::Compile };
    let results = rsdbt_exec::run(&world, job);
    let mut compiled = Vec::new();
    for result in results.results {
        match (result.compiled_code, result.diagnostic) {
            (Some(sql), _) if !sql.trim().is_empty() => compiled.push((result.unique_id, sql)),
            (_, Some(why)) => {
                let message = format!(
                    "{}: what it reads is not known, since it asks the warehouse first: {}",
                    result.unique_id, why.message
                );
                report.diagnostic(&Diagnostic::warning(why.code, message));
            }
            _ => {}
        }
    }
    // What a model reads has fewer ancestors than the model.
    compiled.sort_by(|a, b| (depth.get(&a.0), &a.0).cmp(&(depth.get(&b.0), &b.0)));
    Ok((world, compiled))
}

fn has_columns(table: &Wanted, sources: &indexmap::IndexMap<NodeId, Source>, report: &Arc<dyn Report>) -> bool {
    if table.columns.is_empty()
        && let Some(source) = sources.get(&table.id)
    {
        let message = format!("{}.{}: no column of it is known", source.source_name, source.name);
        report.diagnostic(
            &Diagnostic::warning(Code::SOURCE, message)
                .help(format!("declare its columns with `data_type` in {}", source.original_file_path)),
        );
    }
    !table.columns.is_empty()
}

fn tell(tables: &[Wanted], lock: &Lock, sources: &indexmap::IndexMap<NodeId, Source>, report: &Arc<dyn Report>) {
    for table in tables {
        let (Some(source), Some(entry)) = (sources.get(&table.id), lock.sources.get(&table.id)) else { continue };
        let rows: u64 = entry.files.iter().map(|file| file.rows).sum();
        let shards = if entry.files.len() > 1 { format!(", {} tables", entry.files.len()) } else { String::new() };
        report.line(&format!(
            "{}.{}: {rows} rows, {}{shards}",
            source.source_name,
            source.name,
            counted(table.columns.len(), "column")
        ));
    }
    report.line("Written to .rsdbt/sources/ and sources.lock; `rsdbt build` on a local target reads them");
}
