//! Where a node is built: dbt's macros `generate_database_name`, `generate_schema_name` and `generate_alias_name`.

use super::host::World;
use crate::ir::{Node, ResourceType};
use indexmap::IndexMap;
use rsdbt_base::Diagnostic;
use rsdbt_jinja::{Data, Scope};
use serde_json::{Map, Value as Json, json};

/// The node as naming macros see it.
pub fn node_json(node: &Node) -> Json {
    json!({
        "name": node.name, "alias": node.alias, "package_name": node.package, "resource_type": node.resource_type.word(),
        "path": node.path, "original_file_path": node.original_file_path, "unique_id": node.unique_id, "fqn": node.fqn,
        "config": node.config, "tags": node.tags(), "version": node.version, "schema": node.schema, "database": node.database,
        "description": node.description, "columns": {}, "meta": node.config.get("meta"),
    })
}

/// Sets database, schema and alias of a node from its configuration.
pub fn place(world: &World, node: &mut Node) -> Result<(), Diagnostic> {
    let own = node.config.clone();
    let custom = |key: &str| own.get(key).cloned().unwrap_or(Json::Null);
    let (mut database, mut schema) = (custom("database"), custom("schema"));
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
    // One scope serves the three macros: the node is converted once.
    let host = world.host(&node.package, node_json(node), Map::clone(&node.config));
    let scope = world.engine.scope(host, &node.package);
    let name = |part: &str, custom: Json| name(world, &scope, part, custom, &node.name);
    let database = name("database", database)?;
    let schema = if verbatim { schema.as_str().unwrap_or_default().to_owned() } else { name("schema", schema)? };
    let alias = name("alias", custom("alias"))?;
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
