//! A model's contract: constraints with all of dbt's fields, and the checksum that state comparison knows it by.

use crate::ir::Node;
use crate::load::sha256;
use crate::python::{repr, text};
use serde_json::{Map, Value as Json, json};

/// Whether the model promises its columns.
pub fn is_enforced(node: &Node) -> bool {
    node.config.get("contract").and_then(|contract| contract.get("enforced")) == Some(&Json::Bool(true))
}

/// A constraint with the fields that were not written.
pub fn constraint(given: &Json, of_model: bool) -> Json {
    let field = |key: &str, default: Json| (key.to_owned(), given.get(key).cloned().unwrap_or(default));
    let mut all = Map::from_iter([
        field("type", Json::Null),
        field("name", Json::Null),
        field("expression", Json::Null),
        field("warn_unenforced", Json::Bool(true)),
        field("warn_unsupported", Json::Bool(true)),
        field("to", Json::Null),
        field("to_columns", json!([])),
    ]);
    if of_model {
        all.extend([field("columns", json!([]))]);
    }
    Json::Object(all)
}

/// dbt's checksum of an enforced contract: of the pictures that Python gives of its parts.
pub fn checksum(node: &Node) -> Option<String> {
    if !is_enforced(node) {
        return None;
    }
    let mut columns: Vec<_> = node.columns.values().collect();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    let mut state = String::new();
    for column in columns {
        let data_type = column.data_type.as_deref().unwrap_or("None");
        let constraints = picture(&column.constraints, false);
        state.push_str(&format!("|{}{data_type}{constraints}", column.name));
    }
    if ["table", "incremental"].contains(&node.materialized()) {
        state.push_str(node.materialized());
        state.push_str(&picture(&node.constraints, true));
    }
    Some(sha256(&state))
}

fn picture(constraints: &[Json], of_model: bool) -> String {
    let class = if of_model { "ModelLevelConstraint" } else { "ColumnLevelConstraint" };
    let one = |given: &Json| {
        let Json::Object(fields) = constraint(given, of_model) else { return String::new() };
        let field = |(key, value): (&String, &Json)| match key.as_str() {
            "type" => format!("type=<ConstraintType.{0}: '{0}'>", text(value)),
            _ => format!("{key}={}", repr(value)),
        };
        format!("{class}({})", fields.iter().map(field).collect::<Vec<_>>().join(", "))
    };
    format!("[{}]", constraints.iter().map(one).collect::<Vec<_>>().join(", "))
}
