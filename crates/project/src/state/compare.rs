//! One resource of two manifests, part by part, as dbt 1.11 compares them.

use super::{Change, configs};
use serde_json::Value as Json;
use std::collections::BTreeSet;

fn text<'j>(node: &'j Json, key: &str) -> &'j str {
    node.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// A missing field and a null one say the same.
fn part<'j>(node: &'j Json, path: &str) -> Option<&'j Json> {
    node.pointer(path).filter(|value| !value.is_null())
}

fn are_equal(new: &Json, old: &Json, paths: &[&str]) -> bool {
    paths.iter().all(|path| part(new, path) == part(old, path))
}

/// Whether a resource is new or not what it was, its macros apart.
pub fn is_modified(new: &Json, old: Option<&Json>) -> bool {
    let kind = text(new, "resource_type");
    let Some(old) = old else {
        // dbt says of these that what was not there before has not changed.
        return !["source", "exposure"].contains(&kind);
    };
    match kind {
        "source" => !is_same_source(new, old),
        "exposure" => !is_same_exposure(new, old),
        "unit_test" => part(new, "/checksum") != part(old, "/checksum"),
        "test" if part(new, "/test_metadata").is_some() => {
            !(configs::are_same(kind, new, old) && are_equal(new, old, &["/fqn"]))
        }
        _ => !is_same_node(new, old),
    }
}

/// Whether one part of a resource is not what it was. What has no such part is not selected.
pub fn differs(new: &Json, old: Option<&Json>, change: Change) -> bool {
    let kind = text(new, "resource_type");
    let is_node = !["source", "exposure", "unit_test"].contains(&kind);
    let has = match change {
        Change::Configs => kind != "unit_test",
        Change::Relation => is_node || kind == "source",
        _ => is_node,
    };
    let same: fn(&Json, &Json) -> bool = match change {
        Change::Body => is_same_body,
        Change::Configs => |new, old| configs::are_same(text(new, "resource_type"), new, old),
        Change::Descriptions => are_same_descriptions,
        Change::Relation if kind == "source" => is_same_source_relation,
        Change::Relation => is_same_relation,
        Change::Contract => is_same_contract,
        _ => return false,
    };
    has && old.is_none_or(|old| !same(new, old))
}

fn is_same_node(new: &Json, old: &Json) -> bool {
    let kind = text(new, "resource_type");
    is_same_body(new, old)
        && configs::are_same(kind, new, old)
        && are_same_descriptions(new, old)
        && are_equal(new, old, &["/fqn"])
        && is_same_relation(new, old)
        && is_same_contract(new, old)
        && (kind != "model" || are_equal(new, old, &["/latest_version", "/access", "/deprecation_date"]))
}

fn is_same_body(new: &Json, old: &Json) -> bool {
    if text(new, "resource_type") == "seed" {
        return are_equal(new, old, &["/checksum/name", "/checksum/checksum"]);
    }
    // dbt keeps the line ends of Windows, which are no difference.
    text(new, "raw_code").replace("\r\n", "\n") == text(old, "raw_code").replace("\r\n", "\n")
}

/// Descriptions count where the warehouse gets them.
fn are_same_descriptions(new: &Json, old: &Json) -> bool {
    let persists = |what: &str| new.pointer(&format!("/config/persist_docs/{what}")) == Some(&Json::Bool(true));
    let of_columns = |node: &Json| -> Vec<(String, String)> {
        let columns = node.get("columns").and_then(Json::as_object);
        let mut all: Vec<(String, String)> = columns
            .into_iter()
            .flatten()
            .map(|(name, column)| (name.clone(), text(column, "description").to_owned()))
            .collect();
        all.sort();
        all
    };
    (!persists("relation") || text(new, "description") == text(old, "description"))
        && (!persists("columns") || of_columns(new) == of_columns(old))
}

/// As it was written: what a target or a macro makes of it is no difference.
fn is_same_relation(new: &Json, old: &Json) -> bool {
    let paths = ["/unrendered_config/database", "/unrendered_config/schema", "/unrendered_config/alias"];
    paths.iter().all(|path| new.pointer(path) == old.pointer(path))
}

fn is_same_contract(new: &Json, old: &Json) -> bool {
    if text(new, "resource_type") != "model" {
        return true;
    }
    let is_enforced = |node: &Json| node.pointer("/contract/enforced") == Some(&Json::Bool(true));
    match (is_enforced(new), is_enforced(old)) {
        (false, false) => true,
        (true, true) => are_equal(new, old, &["/contract/checksum"]),
        _ => false,
    }
}

fn is_same_source_relation(new: &Json, old: &Json) -> bool {
    are_equal(new, old, &["/database", "/schema", "/identifier"])
}

fn is_same_source(new: &Json, old: &Json) -> bool {
    is_same_source_relation(new, old)
        && configs::are_same("source", new, old)
        && are_equal(new, old, &["/fqn", "/quoting", "/loaded_at_field", "/external"])
        && rules(new) == rules(old)
}

/// How old a source may be. No rule at all has several forms.
fn rules(source: &Json) -> Vec<Option<&Json>> {
    let parts = ["warn_after/count", "warn_after/period", "error_after/count", "error_after/period", "filter"];
    parts.iter().map(|rule| part(source, &format!("/freshness/{rule}"))).collect()
}

fn is_same_exposure(new: &Json, old: &Json) -> bool {
    let parents = |node: &Json| -> BTreeSet<String> {
        let nodes = node.pointer("/depends_on/nodes").and_then(Json::as_array);
        nodes.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let paths = ["/fqn", "/type", "/owner", "/maturity", "/url", "/description", "/label"];
    are_equal(new, old, &paths) && parents(new) == parents(old) && configs::are_same("exposure", new, old)
}
