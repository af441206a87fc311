//! Other invocations' artifacts: what `--state`, `--defer` and `result:` compare with.

use crate::Stop;
use crate::options::Options;
use rsdbt_base::Dialect;
use rsdbt_base::{Code, Diagnostic};
use rsdbt_exec::{Defer, Deferral};
use rsdbt_project::config::Project;
use rsdbt_project::ir::{Manifest, NodeId};
use rsdbt_project::select::Previous;
use rsdbt_project::state::State;
use rsdbt_sys as sys;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A folder as it was typed: relative to the project, as in dbt.
fn folder(project: &Project, typed: &Path) -> PathBuf {
    let inside = Path::new(&project.root).join(typed);
    if sys::exists(&inside) { inside } else { typed.to_owned() }
}

/// The manifest of a state folder.
pub fn read_state(project: &Project, typed: &Path, option: &str) -> Result<State, Stop> {
    let file = folder(project, typed).join("manifest.json");
    let wrong = |why: String| {
        Diagnostic::error(Code::FILE, format!("{option}: {} {why}", file.display()))
            .help("name the target folder of the other environment's last run")
    };
    let text = sys::read(&file).map_err(|why| wrong(format!("cannot be read: {why}")))?;
    State::read(&text).map_err(|why| wrong(why).into())
}

/// What `state:`, `result:` and `source_status:` look at, as far as the selection asks for it.
pub fn read(options: &Options, project: &Project, manifest: &Manifest, target: &Path) -> Result<Previous, Stop> {
    let selecting = &options.building.selecting;
    // A named selector may ask for anything.
    let is_named = sys::exists(&Path::new(&project.root).join("selectors.yml"));
    let asks = |word: &str| selecting.select.iter().chain(&selecting.exclude).any(|text| text.contains(word));
    let given = selecting.stateful.state.as_deref();
    let state = match given {
        Some(typed) if asks("state:") => Some(read_state(project, typed, "--state")?),
        Some(typed) if is_named => read_state(project, typed, "--state").ok(),
        _ => None,
    };
    let before = given.map(|typed| folder(project, typed));
    let results = || results(before.as_deref().unwrap_or(target));
    let fresher = || before.as_deref().map(|before| fresher(before, target));
    Ok(Previous {
        state: state.map(|state| state.compared_with(manifest)),
        results: if asks("result:") || is_named { results() } else { BTreeMap::new() },
        fresher: if asks("source_status:") || is_named { fresher() } else { None },
    })
}

/// Where `ref` finds what this target has not built: `--defer`.
pub fn deferral(options: &Options, project: &Project, dialect: Dialect) -> Result<Option<Deferral>, Stop> {
    let stateful = &options.building.selecting.stateful;
    if !options.defer {
        return Ok(None);
    }
    let Some(typed) = stateful.defer_state.as_deref().or(stateful.state.as_deref()) else {
        let error = Diagnostic::error(Code::USAGE, "--defer needs the folder of another environment's artifacts");
        return Err(error.help("name it with --state or --defer-state").into());
    };
    let option = if stateful.defer_state.is_some() { "--defer-state" } else { "--state" };
    let relations = read_state(project, typed, option)?.relations(dialect);
    let when = if options.favor_state { Defer::Unselected } else { Defer::Missing };
    Ok(Some(Deferral { relations, when }))
}

fn json(file: &Path) -> Vec<Json> {
    let text = sys::read(file).unwrap_or_default();
    let json: Json = serde_json::from_str(&text).unwrap_or_default();
    json.get("results").and_then(Json::as_array).cloned().unwrap_or_default()
}

fn field(result: &Json, key: &str) -> Option<String> {
    result.get(key).and_then(Json::as_str).map(str::to_owned)
}

/// Statuses of a run by unique id; a folder without one has none.
fn results(folder: &Path) -> BTreeMap<NodeId, String> {
    let results = json(&folder.join("run_results.json"));
    results.iter().filter_map(|result| Some((field(result, "unique_id")?, field(result, "status")?))).collect()
}

/// Sources that were loaded since the other invocation asked.
fn fresher(before: &Path, target: &Path) -> BTreeSet<NodeId> {
    let loaded = |folder: &Path| -> BTreeMap<NodeId, String> {
        let results = json(&folder.join("sources.json"));
        results.iter().filter_map(|r| Some((field(r, "unique_id")?, field(r, "max_loaded_at")?))).collect()
    };
    let (old, new) = (loaded(before), loaded(target));
    // The moments are written alike, so that their texts have their order.
    new.into_iter().filter(|(id, at)| old.get(id).is_none_or(|old| at > old)).map(|(id, _)| id).collect()
}

/// The relations that `clone` copies.
pub fn cloned(options: &Options, project: &Project, dialect: Dialect) -> Result<Deferral, Stop> {
    let stateful = &options.building.selecting.stateful;
    let Some(typed) = stateful.defer_state.as_deref().or(stateful.state.as_deref()) else {
        let error = Diagnostic::error(Code::USAGE, "clone needs the folder of another environment's artifacts");
        return Err(error.help("name it with --state").into());
    };
    Ok(Deferral { relations: read_state(project, typed, "--state")?.relations(dialect), when: Defer::Never })
}
