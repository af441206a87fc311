//! manifest.json v12, and the same nodes as templates see them (`graph`).

use super::node::{exposure_json, hook_json, node_json, owner, source_json, unit_test_json};
use crate::ir::{Invocation, MacroEntry, Manifest, Node, NodeId};
use chrono::{DateTime, Utc};
use rsdbt_base::Dialect;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write;

fn nodes(manifest: &Manifest, dialect: Dialect) -> Map<String, Json> {
    manifest.nodes.values().map(|node| (node.unique_id.clone(), node_json(node, manifest, dialect))).collect()
}

fn sources(manifest: &Manifest, dialect: Dialect) -> Map<String, Json> {
    manifest.sources.values().map(|source| (source.unique_id.clone(), source_json(source, dialect))).collect()
}

fn exposures(manifest: &Manifest) -> Map<String, Json> {
    manifest.exposures.values().map(|exposure| (exposure.unique_id.clone(), exposure_json(exposure))).collect()
}

fn unit_tests(manifest: &Manifest) -> Map<String, Json> {
    manifest.unit_tests.values().map(|test| (test.unique_id.clone(), unit_test_json(test))).collect()
}

/// dbt's `graph` variable.
pub fn graph_json(manifest: &Manifest, dialect: Dialect) -> Json {
    json!({
        "nodes": nodes(manifest, dialect), "sources": sources(manifest, dialect), "exposures": exposures(manifest),
        "unit_tests": unit_tests(manifest), "metrics": {}, "groups": manifest.groups, "semantic_models": {}, "saved_queries": {},
    })
}

/// The beginning of manifest.json: its metadata, which alone differ with every invocation. `manifest_body` goes on.
pub fn manifest_head(manifest: &Manifest, invocation: &Invocation, generated: &DateTime<Utc>) -> String {
    let mut metadata = super::metadata("manifest/v12", invocation, generated);
    if let Json::Object(map) = &mut metadata {
        map.insert("project_name".into(), Json::from(manifest.project.as_str()));
        map.insert("project_id".into(), Json::Null);
        map.insert("user_id".into(), Json::Null);
        map.insert("send_anonymous_usage_stats".into(), Json::Bool(false));
        map.insert("adapter_type".into(), Json::from(manifest.adapter_type.as_str()));
        map.insert("quoting".into(), json!({"database": true, "schema": true, "identifier": true, "column": null}));
    }
    format!("{{\"metadata\":{metadata},")
}

/// manifest.json behind its metadata; `compiled` has the SQL of nodes that were compiled.
pub fn manifest_body(manifest: &Manifest, dialect: Dialect, compiled: &BTreeMap<NodeId, String>) -> String {
    let mut out = String::from("\"nodes\":");
    let node = |node: &Node| {
        let mut json = node_json(node, manifest, dialect);
        if let (Json::Object(json), Some(sql)) = (&mut json, compiled.get(&node.unique_id)) {
            json.insert("compiled".into(), Json::Bool(true));
            json.insert("compiled_code".into(), Json::from(sql.as_str()));
            json.insert("extra_ctes_injected".into(), Json::Bool(true));
            json.insert("extra_ctes".into(), json!([]));
        }
        json
    };
    // One at a time: as one tree they would take several times the memory of the text.
    let hooks = manifest.hooks.iter().map(|hook| (hook.node.unique_id.as_str(), hook_json(hook, manifest, dialect)));
    object(&mut out, manifest.nodes.values().map(|n| (n.unique_id.as_str(), node(n))).chain(hooks));
    let macros: Map<String, Json> = manifest.macros.iter().map(|(id, entry)| (id.clone(), macro_json(entry))).collect();
    let docs: Map<String, Json> = manifest
        .docs
        .iter()
        .map(|(id, doc)| {
            let json = json!({
                "name": doc.name, "resource_type": "doc", "package_name": doc.package, "path": doc.file,
                "original_file_path": doc.file, "unique_id": id, "block_contents": doc.text,
            });
            (id.clone(), json)
        })
        .collect();
    let disabled: Map<String, Json> = manifest
        .disabled
        .iter()
        .map(|node| (node.unique_id.clone(), json!([node_json(node, manifest, dialect)])))
        .collect();
    let (parents, children) = maps(manifest);
    // Not by the macro `json`, which would copy all of it.
    let parts = [
        ("sources", sources(manifest, dialect).into()),
        ("macros", macros.into()),
        ("docs", docs.into()),
        ("exposures", exposures(manifest).into()),
        ("metrics", json!({})),
        ("groups", groups(manifest).into()),
        ("selectors", json!(manifest.selectors)),
        ("disabled", disabled.into()),
        ("parent_map", json!(parents)),
        ("child_map", json!(children)),
        ("group_map", json!({})),
        ("saved_queries", json!({})),
        ("semantic_models", json!({})),
        ("unit_tests", unit_tests(manifest).into()),
        ("functions", json!({})),
    ];
    for (name, part) in parts {
        _ = write!(out, ",\"{name}\":{part}");
    }
    out.push('}');
    out
}

/// Writes a JSON object, each of its values only when its turn comes.
fn object<'k>(out: &mut String, pairs: impl Iterator<Item = (&'k str, Json)>) {
    for (at, (key, value)) in pairs.enumerate() {
        _ = write!(out, "{}{}:{value}", if at == 0 { '{' } else { ',' }, Json::from(key));
    }
    out.push_str(if out.ends_with(':') { "{}" } else { "}" });
}

fn groups(manifest: &Manifest) -> Map<String, Json> {
    let group = |id: &String, entry: &Json| {
        let mut parts = id.splitn(3, '.').skip(1);
        json!({
            "name": entry.get("name"), "resource_type": "group", "package_name": parts.next(), "path": "", "original_file_path": "",
            "unique_id": id, "owner": owner(entry.get("owner")), "description": entry.get("description"), "config": {"meta": {}},
        })
    };
    manifest.groups.iter().map(|(id, entry)| (id.clone(), group(id, entry))).collect()
}

fn macro_json(entry: &MacroEntry) -> Json {
    json!({
        "name": entry.name, "resource_type": "macro", "package_name": entry.package, "path": entry.file,
        "original_file_path": entry.file, "unique_id": entry.unique_id, "macro_sql": entry.text,
        "depends_on": {"macros": entry.depends_on}, "description": entry.description, "meta": {}, "docs": {"show": true, "node_color": null},
        "patch_path": entry.patch_path, "arguments": entry.arguments, "created_at": 0.0,
        "supported_languages": (!entry.languages.is_empty()).then(|| entry.languages.clone()),
        "config": {"meta": {}, "docs": {"show": true, "node_color": null}},
    })
}

type Lists = BTreeMap<NodeId, Vec<NodeId>>;

fn maps(manifest: &Manifest) -> (Lists, Lists) {
    let mut parents = Lists::new();
    let mut children = Lists::new();
    for id in manifest.ids() {
        let mut above = manifest.parents(id).to_vec();
        above.sort();
        for parent in &above {
            children.entry(parent.clone()).or_default().push(id.clone());
        }
        children.entry(id.clone()).or_default();
        parents.insert(id.clone(), above);
    }
    children.values_mut().for_each(|list| list.sort());
    (parents, children)
}
