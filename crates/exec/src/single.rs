//! What runs outside of a schedule: one node for `compile` and `show`, a macro for `run-operation`, the project's hooks.

use super::compile;
use super::host::RunHost;
use super::result::{fail, located};
use super::world::World;
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Table};
use rsdbt_jinja::Data;
use rsdbt_project::ir::{Node, NodeResult, ResourceType};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// Compiles one node that is not part of a run: `compile`, `show`.
pub fn compile_node(world: &Arc<World>, node: &Arc<Node>) -> Result<(Arc<RunHost>, String), Diagnostic> {
    let host = Arc::new(RunHost::new(world, node, None));
    match host.set_comment().map_err(fail).and_then(|()| compile::compile(&host)) {
        Ok(sql) => Ok((host, sql)),
        Err(error) => Err(located(world, node, None, error)),
    }
}

/// The first rows of a node's query.
pub fn show(world: &Arc<World>, node: &Arc<Node>, limit: Option<usize>) -> Result<Table, Diagnostic> {
    let (host, sql) = match node.resource_type {
        ResourceType::Seed => {
            let host = Arc::new(RunHost::new(world, node, None));
            (host, format!("select * from {}", node.relation(world.invocation.dialect).render()))
        }
        _ => compile_node(world, node)?,
    };
    let query = match limit {
        Some(limit) => {
            format!("select * from (\n{}\n) as model_limit_subq limit {limit}", sql.trim_end().trim_end_matches(';'))
        }
        None => sql.clone(),
    };
    let query = match &node.settings().sql_header {
        Some(header) => format!("{header}\n{query}"),
        None => query,
    };
    let outcome = host.execute(&query, false);
    outcome.map(|outcome| outcome.table).map_err(|fault| located(world, node, Some(&sql), fail(fault)))
}

/// `run-operation`: calls a macro and commits.
pub fn run_operation(world: &Arc<World>, name: &str, arguments: Map<String, Json>) -> Result<Data, Diagnostic> {
    let registry = world.engine.registry();
    let (package, bare) = name.split_once('.').unwrap_or((registry.root(), name));
    let Some(definition) = registry.find(package, bare) else {
        return Err(Diagnostic::error(
            Code::JINJA,
            format!("dbt could not find a macro with the name '{name}' in any package"),
        ));
    };
    let node = Arc::new(rsdbt_project::ir::operation(&world.invocation, registry.root(), name));
    let host = Arc::new(RunHost::new(world, &node, None));
    let scope = world.engine.scope(host.clone(), registry.root());
    let named = arguments.into_iter().map(|(k, v)| (k, Data::from(v))).collect();
    let answer = host.set_comment().map_err(fail).and_then(|()| world.engine.call(&definition, &scope, named));
    match answer.and_then(|data| host.commit().map(|()| data).map_err(fail)) {
        Ok(data) => Ok(data),
        Err(error) => {
            host.rollback();
            Err(located(world, &node, None, error))
        }
    }
}

/// `on-run-start` and `on-run-end`: each hook is rendered and run, then committed.
pub fn run_project_hooks(
    world: &Arc<World>,
    which: &str,
    hooks: &[String],
    results: &rsdbt_project::ir::RunResults,
) -> Result<(), Diagnostic> {
    let root = world.engine.registry().root().to_owned();
    let node = Arc::new(rsdbt_project::ir::operation(&world.invocation, &root, which));
    let host = Arc::new(RunHost::new(world, &node, None));
    let schemas: std::collections::BTreeSet<String> = world
        .selected
        .iter()
        .filter_map(|id| world.manifest.nodes.get(id))
        .filter(|n| n.resource_type.is_refable() && !n.is_ephemeral())
        .map(|n| n.schema.clone())
        .collect();
    host.set_variable("schemas", Data::List(schemas.iter().cloned().map(Data::Text).collect()));
    let pairs =
        schemas.iter().map(|s| Data::Tuple(vec![Data::text(world.invocation.database.clone()), Data::text(s.clone())]));
    host.set_variable("database_schemas", Data::List(pairs.collect()));
    host.set_variable("results", Data::List(results.results.iter().map(|r| result_data(world, r)).collect()));
    let scope = world.engine.scope(host.clone(), &root);
    host.set_comment().map_err(|fault| located(world, &node, None, fail(fault)))?;
    for hook in hooks {
        let outcome =
            world.engine.render_text(hook, &scope).and_then(|sql| host.execute(sql.trim(), true).map_err(fail));
        if let Err(error) = outcome.and_then(|_| host.commit().map_err(fail)) {
            host.rollback();
            return Err(located(world, &node, None, error).note(format!("in {which}: {hook}")));
        }
    }
    Ok(())
}

/// A result as `results` of on-run-end shows it.
fn result_data(world: &World, result: &NodeResult) -> Data {
    let node = world.manifest.nodes.get(&result.unique_id);
    let node =
        node.map(|n| Data::from(rsdbt_project::artifact::node_json(n, &world.manifest, world.invocation.dialect)));
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
