//! The columns that constraints or data tests show to be a model's key, found as dbt finds them.

use crate::ir::{Manifest, Node, NodeId, ResourceType};
use serde_json::Value as Json;
use std::collections::{BTreeSet, HashMap};

/// What the tests of one model say about its columns.
#[derive(Default)]
struct Tested {
    unique: BTreeSet<String>,
    disabled_unique: BTreeSet<String>,
    not_null: BTreeSet<String>,
}

/// Fills `primary_key` of every model.
pub fn infer(manifest: &mut Manifest) {
    let mut tested: HashMap<NodeId, Tested> = HashMap::new();
    for test in manifest.nodes.values().chain(&manifest.disabled) {
        let Some(info) = test.test.as_ref() else { continue };
        let Some(model) = info.attached_node.clone() else { continue };
        let columns = match (&info.column_name, info.kwargs.get("combination_of_columns")) {
            (Some(column), _) => vec![column.clone()],
            (None, Some(Json::Array(columns))) => columns.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            _ => continue,
        };
        let of = tested.entry(model).or_default();
        match info.name.as_str() {
            "unique" | "unique_combination_of_columns" if !test.settings().enabled => {
                of.disabled_unique.extend(columns);
            }
            "unique" | "unique_combination_of_columns" => of.unique.extend(columns),
            "not_null" => of.not_null.extend(columns),
            _ => {}
        }
    }
    for node in manifest.nodes.values_mut().filter(|node| node.resource_type == ResourceType::Model) {
        node.primary_key = constrained(node).or_else(|| tested.get(&node.unique_id).map(key)).unwrap_or_default();
    }
}

fn constrained(node: &Node) -> Option<Vec<String>> {
    let is_key = |constraint: &&Json| constraint.get("type").and_then(Json::as_str) == Some("primary_key");
    if let Some(constraint) = node.constraints.iter().find(is_key) {
        let columns = constraint.get("columns").and_then(Json::as_array);
        return Some(columns.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect());
    }
    let column = node.columns.values().find(|column| column.constraints.iter().any(|c| is_key(&c)))?;
    Some(vec![column.name.clone()])
}

fn key(tested: &Tested) -> Vec<String> {
    let is_unique = |column: &&String| tested.unique.contains(*column) || tested.disabled_unique.contains(*column);
    let both: Vec<String> = tested.not_null.iter().filter(is_unique).cloned().collect();
    let sets = [both, tested.unique.iter().cloned().collect(), tested.disabled_unique.iter().cloned().collect()];
    sets.into_iter().find(|columns| !columns.is_empty()).unwrap_or_default()
}
