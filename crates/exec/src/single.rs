//! What runs outside of a schedule: one node for `compile` and `show`, a macro for `run-operation`.

use super::compile;
use super::host::RunHost;
use super::result::{fail, located};
use super::world::World;
use rsdbt_base::{Code, Diagnostic, Table};
use rsdbt_jinja::Data;
use rsdbt_project::ir::{Node, ResourceType};
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
