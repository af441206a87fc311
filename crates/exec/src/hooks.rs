//! `on-run-start` and `on-run-end`: each hook is rendered and run, then committed, and has a result of its own.

use super::host::RunHost;
use super::result::{blank_result, fail, located};
use super::world::World;
use indexmap::IndexMap;
use rsdbt_base::Diagnostic;
use rsdbt_jinja::{Data, RenderError};
use rsdbt_project::artifact::node_json;
use rsdbt_project::ir::{Hook, HookTime, NodeResult, RunResults, Status, Timing};
use rsdbt_sys as sys;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

/// Runs the hooks of one time. After one that fails the others are skipped.
///
/// # Errors
/// A hook cannot be rendered: as in dbt, this is no result but the end.
pub fn run(world: &Arc<World>, time: HookTime, results: &RunResults) -> Result<Vec<NodeResult>, Diagnostic> {
    let hooks: Vec<&Hook> = world.manifest.hooks.iter().filter(|hook| hook.time == time).collect();
    let (total, mut done, mut failed) = (hooks.len(), Vec::new(), false);
    for (at, hook) in hooks.into_iter().enumerate() {
        let id = &hook.node.unique_id;
        let title = format!("hook: {}.{}.{}", hook.node.package, time.word(), hook.index);
        let result = if failed {
            blank_result(world, id, Status::Skipped)
        } else {
            world.listener.started(at + 1, total, &title, id);
            one(world, hook, results)?
        };
        failed |= result.status.is_failure();
        world.listener.finished(at + 1, total, &title, &result);
        done.push(result);
    }
    Ok(done)
}

fn one(world: &Arc<World>, hook: &Hook, results: &RunResults) -> Result<NodeResult, Diagnostic> {
    let begun = Instant::now();
    let node = Arc::new(hook.node.clone());
    let host = Arc::new(RunHost::new(world, &node, None));
    let mut result = NodeResult { thread: "main".to_owned(), ..blank_result(world, &node.unique_id, Status::Success) };
    variables(world, &host, results);
    let scope = world.engine.scope(host.clone(), &node.package);
    let started = sys::now_utc();
    let sql = host.set_comment().map_err(fail).and_then(|()| world.engine.render_text(&node.raw_code, &scope));
    let name = format!("{}.{}.{}", node.package, hook.time.word(), hook.index);
    let sql = sql.map_err(|error| {
        host.rollback();
        located(world, &node, None, error).note(format!("in {name}: {}", node.raw_code))
    })?;
    let rendered = sys::now_utc();
    result.compiled_code = Some(sql.clone());
    let outcome = host.execute(sql.trim(), true).and_then(|_| host.commit()).map_err(fail);
    result.timing.push(Timing { name: "compile", started, completed: rendered });
    result.timing.push(Timing { name: "execute", started: rendered, completed: sys::now_utc() });
    result.execution_time = begun.elapsed().as_secs_f64();
    match outcome {
        Ok(()) => {
            result.failures = Some(0);
            result.message = Some(format!("{name} passed"));
        }
        Err(error) => broken(world, &host, &mut result, error, &name),
    }
    Ok(result)
}

fn broken(world: &Arc<World>, host: &RunHost, result: &mut NodeResult, error: RenderError, name: &str) {
    host.rollback();
    result.status = Status::Error;
    result.failures = Some(1);
    let found = located(world, &host.node, result.compiled_code.as_deref(), error);
    result.message = Some(format!("{name} failed, error:\n {}", found.message));
    result.diagnostic = Some(found.note(format!("in {name}: {}", host.node.raw_code)));
}

/// `schemas`, `database_schemas` and `results`.
fn variables(world: &World, host: &RunHost, results: &RunResults) {
    let nodes = world.selected.iter().filter_map(|id| world.manifest.nodes.get(id));
    let schemas: BTreeSet<String> = nodes
        .filter(|node| node.resource_type.is_refable() && !node.is_ephemeral())
        .map(|node| node.schema.clone())
        .collect();
    let database = || Data::text(world.invocation.database.clone());
    let pairs = schemas.iter().map(|schema| Data::Tuple(vec![database(), Data::text(schema.clone())])).collect();
    host.set_variable("database_schemas", Data::List(pairs));
    host.set_variable("schemas", Data::List(schemas.into_iter().map(Data::Text).collect()));
    host.set_variable("results", Data::List(results.results.iter().map(|result| result_data(world, result)).collect()));
}

/// A result as `results` of on-run-end shows it.
fn result_data(world: &World, result: &NodeResult) -> Data {
    let node = world.manifest.nodes.get(&result.unique_id);
    let node = node.map(|node| Data::from(node_json(node, &world.manifest, world.invocation.dialect)));
    Data::Map(IndexMap::from([
        ("status".to_owned(), Data::text(result.status.word())),
        ("node".to_owned(), node.unwrap_or_default()),
        ("unique_id".to_owned(), Data::text(result.unique_id.clone())),
        ("message".to_owned(), result.message.clone().map_or(Data::None, Data::Text)),
        ("failures".to_owned(), result.failures.map_or(Data::None, Data::Int)),
        ("execution_time".to_owned(), Data::Float(result.execution_time)),
        ("thread_id".to_owned(), Data::text(result.thread.clone())),
        ("adapter_response".to_owned(), Data::from(Json::Object(result.adapter_response.clone()))),
    ]))
}
