//! Settings of dbt-bigquery that rsdbt does not carry out: a model that has one is refused, so that nothing is ignored silently.

use crate::ir::Node;
use rsdbt_base::{Code, Diagnostic, Place};
use serde_json::Value as Json;

type Asks = fn(&Json) -> bool;

fn is_given(value: &Json) -> bool {
    !matches!(value, Json::Null | Json::Bool(false))
}

/// (key, whether the value asks for it, what to do instead).
const REFUSED: &[(&str, Asks, &str)] = &[
    ("time_ingestion_partitioning", is_given, "partition by a column"),
    (
        "table_format",
        |value| value.as_str().is_some_and(|text| !text.eq_ignore_ascii_case("default")),
        "build a native table",
    ),
    ("catalog_name", is_given, "build a native table"),
    ("storage_uri", is_given, "build a native table"),
    ("base_location_root", is_given, "build a native table"),
    ("submission_method", is_given, "Python models do not run here: write the model in SQL"),
    (
        "packages",
        |value| value.as_array().is_some_and(|list| !list.is_empty()),
        "Python models do not run here: write the model in SQL",
    ),
];

/// The first setting of a model that cannot be carried out.
pub fn check(node: &Node) -> Result<(), Diagnostic> {
    let partition = node.setting("partition_by");
    for (key, asks, instead) in REFUSED {
        let value = node.setting(key).or_else(|| partition.and_then(|map| map.get(*key)));
        if value.is_some_and(asks) {
            let message = format!("`{key}` of model '{}' is not supported", node.name);
            return Err(Diagnostic::error(Code::CONFIG, message)
                .at(Place::file(&node.original_file_path))
                .help(format!("{instead}; COMPATIBILITY.md has the list of settings")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::ResourceType;
    use serde_json::json;

    #[test]
    fn what_cannot_be_done_is_refused() {
        let mut node = Node::named(ResourceType::Model, "p", "m");
        node.config.insert("packages".into(), json!([]));
        node.config.insert("partition_by".into(), json!({"field": "a", "time_ingestion_partitioning": false}));
        assert!(check(&node).is_ok());
        node.config.insert("partition_by".into(), json!({"field": "a", "time_ingestion_partitioning": true}));
        assert!(check(&node).is_err_and(|found| found.message.contains("time_ingestion_partitioning")));
    }
}
