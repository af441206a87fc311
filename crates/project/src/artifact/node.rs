//! One resource as dbt writes it.

use super::contract;
use crate::ir::{
    Checksum, ColumnInfo, Exposure, Hook, Manifest, Node, RefCall, ResourceType, Source, UnitForm, UnitRows, UnitTest,
};
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
            "name": c.name, "description": c.description, "meta": c.meta, "data_type": c.data_type,
            "constraints": c.constraints.iter().map(|given| contract::constraint(given, false)).collect::<Vec<_>>(),
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

fn checksum(checksum: &Checksum) -> Json {
    let (name, text) = match checksum {
        Checksum::None => ("none", ""),
        Checksum::Sha256(digits) => ("sha256", digits.as_str()),
        Checksum::Path(path) => ("path", path.as_str()),
    };
    json!({"name": name, "checksum": text})
}

/// A model, seed, snapshot, test, analysis or operation.
pub fn node_json(node: &Node, manifest: &Manifest, dialect: Dialect) -> Json {
    let mut config = node.config.clone();
    if node.resource_type == ResourceType::Seed || node.resource_type == ResourceType::Test {
        config.shift_remove("access");
    }
    let macros: Vec<&String> = node.macros.iter().filter(|id| manifest.macros.contains_key(*id)).collect();
    let mut map = object(json!({
        "database": node.database, "schema": node.schema, "name": node.name, "resource_type": node.resource_type.word(),
        "package_name": node.package, "path": node.path, "original_file_path": node.original_file_path,
        "unique_id": node.unique_id, "fqn": node.fqn, "alias": node.alias,
        "checksum": checksum(&node.checksum),
        "config": config, "tags": node.tags(), "description": node.description, "columns": columns(&node.columns),
        "meta": node.config.get("meta").cloned().unwrap_or_else(|| json!({})), "group": node.config.get("group"),
        "docs": node.config.get("docs").cloned().unwrap_or_else(|| json!({"show": true, "node_color": null})),
        "patch_path": node.patch_path, "build_path": null, "unrendered_config": node.unrendered_config,
        "created_at": 0.0, "relation_name": node.has_relation().then(|| node.relation(dialect).render()),
        "raw_code": node.raw_code, "doc_blocks": [],
    }));
    if node.resource_type == ResourceType::Seed {
        map.extend(object(json!({"root_path": node.root, "depends_on": {"macros": []}})));
        return Json::Object(map);
    }
    map.extend(object(json!({
        "language": "sql", "refs": refs(&node.refs), "sources": sources(&node.sources), "metrics": [], "functions": [],
        "depends_on": {"macros": macros, "nodes": node.depends_on}, "compiled_path": null,
        "contract": {"enforced": contract::is_enforced(node), "alias_types": true, "checksum": contract::checksum(node)},
    })));
    match node.resource_type {
        ResourceType::Model => map.extend(object(json!({
            "access": node.settings().access,
            "constraints": node.constraints.iter().map(|given| contract::constraint(given, true)).collect::<Vec<_>>(),
            "version": node.version, "latest_version": node.latest_version, "deprecation_date": null,
            "primary_key": node.primary_key, "time_spine": null,
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
    let name = parts.nth(1)?;
    // Of a source it is the source, not its table.
    let name = if kind == "source" { name.split('.').next()? } else { name };
    Some(format!("{kind}s.{name}"))
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
        "patch_path": null, "unrendered_config": source.unrendered_config, "relation_name": source.relation(dialect).render(),
        "created_at": 0.0, "unrendered_database": source.unrendered_database, "unrendered_schema": source.unrendered_schema, "doc_blocks": [],
    })
}

pub fn freshness(given: Option<&Json>) -> Json {
    let Some(given) = given else { return Json::Null };
    let rule = |key: &str| given.get(key).cloned().unwrap_or_else(|| json!({"count": null, "period": null}));
    json!({"warn_after": rule("warn_after"), "error_after": rule("error_after"), "filter": given.get("filter")})
}

/// An owner with both of dbt's fields.
pub fn owner(given: Option<&Json>) -> Json {
    let mut all = object(json!({"email": null, "name": null}));
    all.extend(given.and_then(Json::as_object).cloned().unwrap_or_default());
    Json::Object(all)
}

pub fn exposure_json(exposure: &Exposure) -> Json {
    let entry = |key: &str| exposure.entry.get(key).cloned().unwrap_or_default();
    let owner = owner(exposure.entry.get("owner"));
    let tags = exposure.entry.get("tags").cloned().unwrap_or_else(|| json!([]));
    let meta = exposure.entry.get("meta").cloned().unwrap_or_else(|| json!({}));
    json!({
        "name": exposure.name, "resource_type": "exposure", "package_name": exposure.package, "path": relative(&exposure.original_file_path),
        "original_file_path": exposure.original_file_path, "unique_id": exposure.unique_id, "fqn": exposure.fqn,
        "type": entry("type"), "owner": owner, "description": exposure.description, "label": entry("label"),
        "maturity": entry("maturity"), "meta": meta, "tags": tags, "config": {"enabled": true, "tags": tags, "meta": meta},
        "unrendered_config": {}, "url": entry("url"), "depends_on": {"macros": [], "nodes": exposure.depends_on},
        "refs": refs(&exposure.refs), "sources": sources(&exposure.sources), "metrics": [], "created_at": 0.0,
    })
}

/// A path within its resource folder.
fn relative(path: &str) -> &str {
    path.split_once('/').map_or(path, |(_, rest)| rest)
}

/// An operation that a project's hook is.
pub fn hook_json(hook: &Hook, manifest: &Manifest, dialect: Dialect) -> Json {
    let mut map = object(node_json(&hook.node, manifest, dialect));
    map.insert("tags".into(), json!([hook.time.word()]));
    map.insert("index".into(), json!(hook.index + 1));
    Json::Object(map)
}

fn overrides(test: &UnitTest) -> Option<Json> {
    let part = |key: &str| test.overrides.get(key).cloned().unwrap_or_else(|| json!({}));
    (!test.overrides.is_empty())
        .then(|| json!({"macros": part("macros"), "vars": part("vars"), "env_vars": part("env_vars")}))
}

pub fn unit_test_json(test: &UnitTest) -> Json {
    let rows = |rows: &UnitRows, form: &UnitForm| match rows {
        UnitRows::Dicts(rows) => json!({"rows": rows, "format": form.format, "fixture": form.fixture}),
        UnitRows::Sql(sql) => json!({"rows": sql, "format": form.format, "fixture": form.fixture}),
    };
    let given: Vec<Json> = test
        .given
        .iter()
        .map(|given| {
            let mut map = object(rows(&given.rows, &given.form));
            map.insert("input".into(), Json::from(given.input.as_str()));
            Json::Object(map)
        })
        .collect();
    json!({
        "name": test.name, "resource_type": "unit_test", "package_name": test.package, "path": relative(&test.original_file_path),
        "original_file_path": test.original_file_path, "unique_id": test.unique_id, "fqn": test.fqn, "model": test.model,
        "given": given, "expect": rows(&test.expect, &test.expect_form), "description": test.description, "overrides": overrides(test),
        "depends_on": {"macros": [], "nodes": test.depends_on}, "config": test.config,
        "checksum": test.checksum, "schema": test.schema, "created_at": 0.0, "versions": null, "version": null,
    })
}
