//! Where a node is built: dbt's macros `generate_database_name`, `generate_schema_name` and `generate_alias_name`.

use super::host::World;
use crate::ir::{Node, ResourceType};
use indexmap::IndexMap;
use rsdbt_base::Diagnostic;
use rsdbt_jinja::{Data, INTERNAL, Registry, Scope};
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The node as naming macros see it.
pub fn node_json(node: &Node) -> Json {
    json!({
        "name": node.name, "alias": node.alias, "package_name": node.package, "resource_type": node.resource_type.word(),
        "path": node.path, "original_file_path": node.original_file_path, "unique_id": node.unique_id, "fqn": node.fqn,
        "config": node.config, "tags": node.tags(), "version": node.version, "schema": node.schema, "database": node.database,
        "description": node.description, "columns": {}, "meta": node.config.get("meta"),
    })
}

/// Names that rsdbt's own macros gave, which look at nothing but the setting: most nodes share a database and a schema.
#[derive(Default)]
pub struct Names {
    own: OnceLock<bool>,
    given: Mutex<HashMap<(&'static str, String), String>>,
}

impl Names {
    /// Whether no macro of a project or package takes part in naming.
    fn are_own(&self, registry: &Registry) -> bool {
        let is_own = |part: &str| {
            let name = format!("generate_{part}_name");
            let found = registry.find(registry.root(), &name);
            let called = registry.dispatch(&name, Some(INTERNAL), INTERNAL).ok();
            [found, called].into_iter().flatten().all(|definition| definition.package == INTERNAL)
        };
        *self.own.get_or_init(|| ["database", "schema", "alias"].into_iter().all(is_own))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(&'static str, String), String>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets database, schema and alias of a node from its configuration.
pub fn place(world: &World, node: &mut Node) -> Result<(), Diagnostic> {
    let custom = |key: &str| node.config.get(key).cloned().unwrap_or(Json::Null);
    let (mut database, mut schema, alias) = (custom("database"), custom("schema"), custom("alias"));
    if node.resource_type == ResourceType::Snapshot {
        // The older way to place snapshots.
        if let Some(target) = &node.settings().target_schema {
            schema = Json::from(target.as_str());
        }
        if let Some(target) = &node.settings().target_database {
            database = Json::from(target.as_str());
        }
    }
    let verbatim = node.resource_type == ResourceType::Snapshot && node.settings().target_schema.is_some();
    // One scope serves the three macros: the node is converted once. Of all of it our own macros want name and version.
    let are_own = world.names.are_own(world.engine.registry());
    let (view, config) = if are_own {
        (json!({"name": node.name, "version": node.version}), Map::new())
    } else {
        (node_json(node), Map::clone(&node.config))
    };
    let scope = world.engine.scope(world.host(&node.package, view, config), &node.package);
    let call = |part: &str, custom: Json| name(world, &scope, part, custom, &node.name);
    let shared = |part: &'static str, custom: Json| {
        if !are_own {
            return call(part, custom);
        }
        let key = (part, custom.to_string());
        if let Some(known) = world.names.lock().get(&key) {
            return Ok(known.clone());
        }
        let name = call(part, custom)?;
        world.names.lock().insert(key, name.clone());
        Ok(name)
    };
    let database = shared("database", database)?;
    let schema = if verbatim { schema.as_str().unwrap_or_default().to_owned() } else { shared("schema", schema)? };
    let alias = call("alias", alias)?;
    (node.database, node.schema, node.alias) = (database, schema, alias);
    Ok(())
}

fn name(world: &World, scope: &Scope, part: &str, custom: Json, fallback: &str) -> Result<String, Diagnostic> {
    let macro_name = format!("generate_{part}_name");
    let registry = world.engine.registry();
    // The root project's own rule goes for every package.
    let found = registry.find(registry.root(), &macro_name);
    let Some(definition) = found else { return Ok(custom.as_str().unwrap_or(fallback).to_owned()) };
    let first = definition.parameters.first().map_or_else(|| format!("custom_{part}_name"), |p| p.name.clone());
    let arguments = IndexMap::from([(first, Data::from(custom))]);
    let second = definition.parameters.get(1).map(|parameter| parameter.name.as_str());
    let answer = world.engine.call_about(&definition, scope, arguments, second).map_err(|error| error.diagnostic)?;
    Ok(match answer {
        Data::Text(text) => text.trim().to_owned(),
        Data::None => String::new(),
        other => other.to_json().to_string(),
    })
}
