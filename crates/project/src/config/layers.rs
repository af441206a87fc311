//! Which configuration wins: dbt_project.yml by folder, then YAML properties, then the file itself.

use super::yaml::{Node, Yaml};
use serde_json::{Map, Value as Json};

/// Keys whose values add up instead of replacing each other.
const APPENDED: [&str; 4] = ["tags", "pre-hook", "post-hook", "packages"];
/// Keys whose maps are merged key by key.
const MERGED: [&str; 4] = ["meta", "docs", "persist_docs", "quoting"];

/// dbt's other spellings of a key.
fn canonical(key: &str) -> String {
    let key = key.strip_prefix('+').unwrap_or(key);
    match key {
        "pre_hook" => "pre-hook".to_owned(),
        "post_hook" => "post-hook".to_owned(),
        "project" => "database".to_owned(),
        "dataset" => "schema".to_owned(),
        other => other.to_owned(),
    }
}

fn as_list(value: Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items,
        Json::Null => Vec::new(),
        one => vec![one],
    }
}

/// A hook is a text or a map with `sql` and `transaction`.
fn hook(value: Json) -> Json {
    match value {
        Json::String(sql) => serde_json::json!({"sql": sql, "transaction": true, "index": null}),
        Json::Object(mut map) => {
            map.entry("transaction").or_insert(Json::Bool(true));
            map.entry("index").or_insert(Json::Null);
            Json::Object(map)
        }
        other => other,
    }
}

/// Puts one layer on top of a configuration.
pub fn merge_into(config: &mut Map<String, Json>, layer: &Map<String, Json>) {
    for (key, value) in layer {
        let name = canonical(key);
        let mut value = value.clone();
        if name.ends_with("-hook") {
            value = Json::Array(as_list(value).into_iter().map(hook).collect());
        }
        if APPENDED.contains(&name.as_str()) {
            let mut items = as_list(config.get(&name).cloned().unwrap_or_default());
            for item in as_list(value) {
                if !name.starts_with("tags") || !items.contains(&item) {
                    items.push(item);
                }
            }
            config.insert(name, Json::Array(items));
            continue;
        }
        if name == "grants" {
            merge_grants(config, value);
            continue;
        }
        match (config.get_mut(&name), value) {
            (Some(Json::Object(old)), Json::Object(new)) if MERGED.contains(&name.as_str()) => old.extend(new),
            (Some(Json::Object(old)), Json::Object(new)) if name == "contract" => old.extend(new),
            (_, value) => {
                config.insert(name, value);
            }
        }
    }
}

/// `+select` adds to the grantees, `select` replaces them.
fn merge_grants(config: &mut Map<String, Json>, value: Json) {
    let Json::Object(new) = value else { return };
    let old = config.entry("grants").or_insert_with(|| Json::Object(Map::new()));
    let Json::Object(old) = old else { return };
    for (privilege, grantees) in new {
        let name = privilege.trim_start_matches('+').to_owned();
        let mut list =
            if privilege.starts_with('+') { as_list(old.get(&name).cloned().unwrap_or_default()) } else { Vec::new() };
        list.extend(as_list(grantees));
        old.insert(name, Json::Array(list));
    }
}

/// The layers of a config tree (`models:` and so on) along a node's fqn, outermost first.
/// A key with `+`, or without a map behind it, is a setting; the others are folders.
pub fn layered(tree: &Yaml, fqn: &[String]) -> Vec<Map<String, Json>> {
    let mut layers = Vec::new();
    let mut level = tree;
    let mut parts = fqn.iter();
    loop {
        let folder = parts.next();
        let mut layer = Map::new();
        for (key, value) in level.entries() {
            let is_setting = key.starts_with('+') || !value.is_map() || KNOWN_MAPS.contains(&key.as_str());
            if is_setting && folder.is_none_or(|folder| folder != key || !value.is_map()) {
                layer.insert(key.clone(), value.to_json());
            }
        }
        if !layer.is_empty() {
            layers.push(layer);
        }
        let next = folder.map(|folder| level.get(folder));
        match next {
            Some(next) if matches!(next.node, Node::Map(_)) => level = next,
            _ => return layers,
        }
    }
}

/// Settings whose value is a map even without a `+`.
const KNOWN_MAPS: [&str; 9] =
    ["meta", "persist_docs", "quoting", "column_types", "grants", "docs", "contract", "labels", "partition_by"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeper_folders_win_and_tags_add_up() {
        let yaml = super::super::yaml::parse(
            "p.yml",
            "shop:\n  +tags: a\n  +materialized: view\n  gold:\n    +materialized: table\n    tags: [b]\n",
        )
        .expect("valid");
        let mut config = Map::new();
        let fqn = ["shop", "gold", "m"].map(str::to_owned);
        for layer in layered(&yaml, &fqn) {
            merge_into(&mut config, &layer);
        }
        assert_eq!(Json::Object(config).to_string(), r#"{"tags":["a","b"],"materialized":"table"}"#);
    }
}
