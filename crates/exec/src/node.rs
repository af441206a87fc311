//! One node: compile, then materialize, test or load it.

use super::files::write;
use super::host::RunHost;
use super::job::Purpose;
use super::result::{blank_result, fail, located};
use super::world::World;
use super::{batches, compile, freshness, microbatch, unit};
use indexmap::IndexMap;
use rsdbt_base::Value;
use rsdbt_jinja::{Data, Fault, RenderError};
use rsdbt_project::ir::{NodeResult, ResourceType, Status, TestSeverity, Timing};
use rsdbt_sys as sys;
use rsdbt_warehouse::Session;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Instant;

/// Runs one node. The session goes in and comes back for the next one.
pub fn run(
    world: &Arc<World>,
    id: &str,
    session: Option<Box<dyn Session>>,
    purpose: Purpose,
) -> (NodeResult, Option<Box<dyn Session>>) {
    let begun = Instant::now();
    if let Some(test) = world.manifest.unit_tests.get(id) {
        let (mut result, session) = unit::run(world, test, session, purpose);
        result.execution_time = begun.elapsed().as_secs_f64();
        return (result, session);
    }
    if let Some(source) = world.manifest.sources.get(id) {
        let (mut result, session) = freshness::check(world, source, session);
        result.execution_time = begun.elapsed().as_secs_f64();
        return (result, session);
    }
    let Some(node) = world.manifest.nodes.get(id) else {
        return (blank_result(world, id, Status::Skipped), session);
    };
    let node = Arc::new(node.clone());
    let (mut result, session) = if purpose == Purpose::Build && microbatch::is_microbatch(&node) {
        batches::run(world, &node, session)
    } else {
        one(world, Arc::new(RunHost::new(world, &node, session)), purpose)
    };
    result.execution_time = begun.elapsed().as_secs_f64();
    (result, session)
}

type Ran = (NodeResult, Option<Box<dyn Session>>);

/// A node as a whole, or one batch of it.
pub fn one(world: &Arc<World>, host: Arc<RunHost>, purpose: Purpose) -> Ran {
    let node = host.node.clone();
    let mut result = blank_result(world, &node.unique_id, Status::Success);
    let outcome = carry_out(world, &host, &mut result, purpose);
    if let Err(error) = outcome {
        host.rollback();
        result.status = if node.resource_type == ResourceType::Test { Status::RuntimeError } else { Status::Error };
        let class = error.fault.as_ref().map_or("Compilation", |fault| fault.class);
        let diagnostic = located(world, &node, result.compiled_code.as_deref(), error);
        let text = diagnostic.message.replace('\n', "\n  ");
        result.message = Some(format!(
            "{class} Error in {} {} ({})\n  {text}",
            node.resource_type, node.name, node.original_file_path
        ));
        result.diagnostic = Some(diagnostic);
    }
    if world.write && purpose == Purpose::Build {
        let text = host.ran();
        let failed = write(world, "run", &node, if node.resource_type == ResourceType::Seed { "" } else { &text });
        if let Err(why) = failed {
            world.listener.warned(&why);
        }
    }
    (result, host.into_session())
}

fn carry_out(
    world: &Arc<World>,
    host: &Arc<RunHost>,
    result: &mut NodeResult,
    purpose: Purpose,
) -> Result<(), RenderError> {
    let node = host.node.clone();
    let started = sys::now_utc();
    host.set_comment().map_err(fail)?;
    if node.resource_type != ResourceType::Seed && purpose != Purpose::Clone {
        let sql = compile::compile(host)?;
        if world.write
            && let Err(why) = write(world, "compiled", &node, &sql)
        {
            world.listener.warned(&why);
        }
        host.set_sql(&sql);
        result.compiled_code = Some(sql);
    }
    let compiled = sys::now_utc();
    result.timing.push(Timing { name: "compile", started, completed: compiled });
    match (purpose, node.resource_type) {
        // A freshness job has sources only.
        (Purpose::Compile | Purpose::Freshness, _) => {}
        (Purpose::Estimate, _) => estimate(world, host, result)?,
        (Purpose::Clone, _) => materialize(world, host, result, "clone")?,
        (Purpose::Build, ResourceType::Analysis | ResourceType::Operation) => {}
        (Purpose::Build, ResourceType::Test) => test(world, host, result)?,
        (Purpose::Build, _) => materialize(world, host, result, node.materialized())?,
    }
    if purpose == Purpose::Build {
        result.timing.push(Timing { name: "execute", started: compiled, completed: sys::now_utc() });
    }
    Ok(())
}

/// Asks the warehouse what the compiled query would read. Loading a seed reads nothing.
fn estimate(world: &Arc<World>, host: &Arc<RunHost>, result: &mut NodeResult) -> Result<(), RenderError> {
    let node = &host.node;
    if let Some(parent) = unbuilt_parent(world, host).map_err(fail)? {
        result.message = Some(format!("not known before {parent} is built"));
        return Ok(());
    }
    let bytes = match &result.compiled_code {
        Some(sql) if node.resource_type != ResourceType::Seed => {
            host.with_session(|session| session.estimate(sql)).map_err(fail)?.bytes
        }
        _ => 0,
    };
    result.adapter_response.insert("bytes_processed".to_owned(), Json::from(bytes));
    Ok(())
}

/// A selected node that this one reads and that is not there yet.
fn unbuilt_parent(world: &World, host: &RunHost) -> Result<Option<String>, Fault> {
    for id in host.node.depends_on.iter().filter(|id| world.selected.contains(*id)) {
        let Some(parent) = world.manifest.nodes.get(id) else { continue };
        if !parent.resource_type.is_refable() || parent.is_ephemeral() {
            continue;
        }
        if host.find(&parent.database, &parent.schema, &parent.alias)?.is_none() {
            return Ok(Some(parent.name.clone()));
        }
    }
    Ok(None)
}

/// Calls the node's materialization macro; what it does not commit itself is committed after it.
fn materialize(
    world: &Arc<World>,
    host: &Arc<RunHost>,
    result: &mut NodeResult,
    name: &str,
) -> Result<(), RenderError> {
    let node = &host.node;
    let Some(definition) = world.engine.registry().materialization(name, &node.package) else {
        let known: Vec<String> = world
            .engine
            .registry()
            .all()
            .iter()
            .filter_map(|m| {
                m.name.strip_prefix("materialization_").and_then(|n| n.rsplit_once('_')).map(|(n, _)| n.to_owned())
            })
            .collect();
        let message = format!(
            "No materialization '{name}' was found for adapter {}! (searched types 'default' and '{}')",
            world.invocation.adapter, world.invocation.adapter
        );
        let fault = Fault::compilation(message);
        return Err(fail(match rsdbt_base::closest(name, known.iter().map(String::as_str)) {
            Some(near) => fault.help(format!("did you mean '{near}'?")),
            None => fault,
        }));
    };
    let scope = world.engine.scope(host.clone(), &node.package);
    world.engine.call(&definition, &scope, IndexMap::new())?;
    let Some(Data::Map(main)) = scope.result("main") else {
        return Err(fail(Fault::compilation(format!("main is not being called during running model '{}'", node.name))));
    };
    host.commit().map_err(fail)?;
    if let Some(Data::Map(response)) = main.get("response") {
        result.adapter_response = response.iter().map(|(k, v)| (k.clone(), v.to_json())).collect();
        result.message = response.get("_message").and_then(Data::as_text).map(str::to_owned);
    } else if let Some(Data::Text(message)) = main.get("response") {
        result.message = Some(message.clone());
    }
    if node.resource_type == ResourceType::Seed
        && let Some(Json::Number(rows)) = result.adapter_response.get("rows_affected")
    {
        result.message = Some(format!("INSERT {rows}"));
    }
    Ok(())
}

/// Runs a data test through the `test` materialization and judges its count.
fn test(world: &Arc<World>, host: &Arc<RunHost>, result: &mut NodeResult) -> Result<(), RenderError> {
    let node = &host.node;
    let registry = world.engine.registry();
    let Some(definition) = registry.materialization("test", &node.package) else {
        return Err(fail(Fault::compilation("there is no materialization 'test'")));
    };
    let scope = world.engine.scope(host.clone(), &node.package);
    world.engine.call(&definition, &scope, IndexMap::new())?;
    host.commit().map_err(fail)?;
    let table = match scope.result("main") {
        Some(Data::Map(main)) => main.get("table").cloned(),
        _ => None,
    };
    let Some(Data::Table(table)) = table else {
        return Err(fail(Fault::compilation("the test's query was not run")));
    };
    let failures = match table.first("failures") {
        Some(Value::Int(count)) => i64::try_from(*count).unwrap_or(i64::MAX),
        Some(Value::Float(count)) => *count as i64,
        Some(Value::Decimal(text)) => text.parse::<f64>().map_or(0, |v| v as i64),
        _ => 0,
    };
    let is_true = |name: &str| match table.first(name) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Int(number)) => *number != 0,
        Some(_) => true,
    };
    let (warns, errs) = (is_true("should_warn"), is_true("should_error"));
    result.failures = Some(failures);
    let settings = node.settings();
    let plural = if failures == 1 { "result" } else { "results" };
    if settings.severity == TestSeverity::Error && errs {
        result.status = Status::Fail;
        result.message = Some(format!("Got {failures} {plural}, configured to fail if {}", settings.error_if));
    } else if warns {
        result.status = Status::Warn;
        result.message = Some(format!("Got {failures} {plural}, configured to warn if {}", settings.warn_if));
    } else {
        result.status = Status::Pass;
    }
    Ok(())
}
