//! One resource as dbt writes it.

use crate::ir::{ColumnInfo, Exposure, Manifest, Node, RefCall, ResourceType, Source, UnitRows, UnitTest};
use indexmap::IndexMap;
use rsdbt_base::Dialect;
use serde_json::{Map, Value as Json, json};

fn refs(calls: &[RefCall]) -> Json {
    calls.iter().map(|call| json!({"name": call.name, "package": call.package, "version": call.version})).collect()
}

fn sources(calls: &[(String, String)]) -> Json {
    calls.iter().map(|(source, table)| json!([source, table])).collect()
}

fn columns(columns: &IndexMap<String, ColumnInfo>) -> Json {
    let column = |c: &ColumnInfo| {
        let mut json = json!({
            "name": c.name, "description": c.description, "meta": c.meta, "data_type": c.data_type, "constraints": c.constraints,
            "quote": c.quote, "config": {"meta": c.meta, "tags": c.tags}, "tags": c.tags, "granularity": null, "doc_blocks": [],
        });
        if !c.policy_tags.is_empty() {
            json["policy_tags"] = Json::from(c.policy_tags.clone());
        }
        json
    };
    Json::Object(columns.iter().map(|(name, c)| (name.clone(), column(c))).collect())
}

fn object(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

/// A model, seed, snapshot, test, analysis or operation.
pub fn node_json(node: &Node, manifest: &Manifest, dialect: Dialect) -> Json {
    let mut config = node.config.clone();
    if node.resource_type == ResourceType::Seed || node.resource_type == ResourceType::Test {
        config.shift_remove("access");
    }
    let stores = node.stores_failures();
    let relation = (node.resource_type.is_refable() && !node.is_ephemeral()) || stores;
    let macros: Vec<&String> = node.macros.iter().filter(|id| manifest.macros.contains_key(*id)).collect();
    let contract = config.get("contract").cloned().unwrap_or_else(|| json!({"enabled": false}));
    let enforced = contract.get("enforced").and_then(Json::as_bool).unwrap_or(false);
    let mut map = object(json!({
        "database": node.database, "schema": node.schema, "name": node.name, "resource_type": node.resource_type.word(),
        "package_name": node.package, "path": node.path, "original_file_path": node.original_file_path,
        "unique_id": node.unique_id, "fqn": node.fqn, "alias": node.alias,
        "checksum": {"name": "sha256", "checksum": node.checksum},
        "config": config, "tags": node.tags(), "description": node.description, "columns": columns(&node.columns),
        "meta": node.config.get("meta").cloned().unwrap_or_else(|| json!({})), "group": node.config.get("group"),
        "docs": node.config.get("docs").cloned().unwrap_or_else(|| json!({"show": true, "node_color": null})),
        "patch_path": node.patch_path, "build_path": null, "unrendered_config": node.unrendered_config,
        "created_at": 0.0, "relation_name": relation.then(|| node.relation(dialect).render()),
        "raw_code": node.raw_code, "doc_blocks": [],
    }));
    if node.resource_type == ResourceType::Seed {
        map.extend(object(json!({"root_path": node.root, "depends_on": {"macros": []}})));
        return Json::Object(map);
    }
    map.extend(object(json!({
        "language": "sql", "refs": refs(&node.refs), "sources": sources(&node.sources), "metrics": [], "functions": [],
        "depends_on": {"macros": macros, "nodes": node.depends_on}, "compiled_path": null,
        "contract": {"enforced": enforced, "alias_types": true, "checksum": null},
    })));
    match node.resource_type {
        ResourceType::Model => map.extend(object(json!({
            "access": node.settings().access, "constraints": node.constraints, "version": node.version,
            "latest_version": node.latest_version, "deprecation_date": null, "primary_key": primary_key(node, manifest), "time_spine": null,
        }))),
        ResourceType::Test => {
            let test = node.test.as_ref();
            if let Some(test) = test.filter(|t| t.is_generic()) {
                let metadata = json!({"name": test.name, "kwargs": test.kwargs, "namespace": test.namespace});
                map.extend(object(json!({
                    "column_name": test.column_name, "file_key_name": file_key(test.attached_node.as_deref()),
                    "attached_node": test.attached_node.as_ref().filter(|id| !id.starts_with("source.")), "test_metadata": metadata,
                })));
            }
        }
        _ => {}
    }
    Json::Object(map)
}

fn file_key(attached: Option<&str>) -> Option<String> {
    let id = attached?;
    let mut parts = id.splitn(3, '.');
    let kind = parts.next()?;
    Some(format!("{kind}s.{}", parts.nth(1)?))
}

/// The columns that tests show to be a key.
fn primary_key(node: &Node, manifest: &Manifest) -> Vec<String> {
    let tests = |name: &str| -> Vec<String> {
        let of = manifest.nodes.values().filter_map(|other| other.test.as_ref());
        of.filter(|t| t.name == name && t.attached_node.as_deref() == Some(node.unique_id.as_str()))
            .filter_map(|t| t.column_name.clone())
            .collect()
    };
    let not_null = tests("not_null");
    tests("unique").into_iter().filter(|column| not_null.contains(column)).collect()
}

pub fn source_json(source: &Source, dialect: Dialect) -> Json {
    json!({
        "database": source.database, "schema": source.schema, "name": source.name, "resource_type": "source",
        "package_name": source.package, "path": source.original_file_path, "original_file_path": source.original_file_path,
        "unique_id": source.unique_id, "fqn": source.fqn, "source_name": source.source_name,
        "source_description": source.source_description, "loader": source.loader, "identifier": source.identifier,
        "quoting": {"database": null, "schema": null, "identifier": null, "column": null}, "loaded_at_field": source.loaded_at_field,
        "loaded_at_query": source.loaded_at_query, "freshness": freshness(source.freshness.as_ref()), "external": null, "description": source.description,
        "columns": columns(&source.columns), "meta": source.meta, "source_meta": source.source_meta, "tags": source.tags(),
        "config": {"enabled": true, "event_time": null, "freshness": freshness(source.freshness.as_ref()), "loaded_at_field": source.loaded_at_field, "loaded_at_query": source.loaded_at_query, "meta": source.meta, "tags": source.tags()},
        "patch_path": null, "unrendered_config": {}, "relation_name": source.relation(dialect).render(),
        "created_at": 0.0, "unrendered_database": null, "unrendered_schema": null, "doc_blocks": [],
    })
}

pub fn freshness(given: Option<&Json>) -> Json {
    let Some(given) = given else { return Json::Null };
    let rule = |key: &str| given.get(key).cloned().unwrap_or_else(|| json!({"count": null, "period": null}));
    json!({"warn_after": rule("warn_after"), "error_after": rule("error_after"), "filter": given.get("filter")})
}

pub fn exposure_json(exposure: &Exposure) -> Json {
    let entry = |key: &str| exposure.entry.get(key).cloned().unwrap_or_default();
    let owner = exposure.entry.get("owner").cloned().unwrap_or_else(|| json!({"email": null, "name": null}));
    let tags = exposure.entry.get("tags").cloned().unwrap_or_else(|| json!([]));
    let meta = exposure.entry.get("meta").cloned().unwrap_or_else(|| json!({}));
    json!({
        "name": exposure.name, "resource_type": "exposure", "package_name": exposure.package, "path": exposure.original_file_path,
        "original_file_path": exposure.original_file_path, "unique_id": exposure.unique_id, "fqn": exposure.fqn,
        "type": entry("type"), "owner": owner, "description": exposure.description, "label": entry("label"),
        "maturity": entry("maturity"), "meta": meta, "tags": tags, "config": {"enabled": true, "tags": tags, "meta": meta},
        "unrendered_config": {}, "url": entry("url"), "depends_on": {"macros": [], "nodes": exposure.depends_on},
        "refs": refs(&exposure.refs), "sources": sources(&exposure.sources), "metrics": [], "created_at": 0.0,
    })
}

pub fn unit_test_json(test: &UnitTest) -> Json {
    let rows = |rows: &UnitRows| match rows {
        UnitRows::Dicts(rows) => json!({"rows": rows, "format": "dict", "fixture": null}),
        UnitRows::Sql(sql) => json!({"rows": sql, "format": "sql", "fixture": null}),
    };
    let given: Vec<Json> = test
        .given
        .iter()
        .map(|given| {
            let mut map = object(rows(&given.rows));
            map.insert("input".into(), Json::from(given.input.as_str()));
            Json::Object(map)
        })
        .collect();
    let tested = test.depends_on.first();
    json!({
        "name": test.name, "resource_type": "unit_test", "package_name": test.package, "path": test.original_file_path,
        "original_file_path": test.original_file_path, "unique_id": test.unique_id, "fqn": test.fqn, "model": test.model,
        "given": given, "expect": rows(&test.expect), "description": test.description, "overrides": null,
        "depends_on": {"macros": [], "nodes": test.depends_on}, "config": {"tags": [], "meta": {}, "enabled": true},
        "checksum": null, "schema": null, "created_at": 0.0, "versions": null, "version": null, "tested_node_unique_id": tested,
    })
}
