//! Which settings make a node another one: of what was written, all but those that say where and for whom it is built.

use serde_json::{Map, Value as Json};

/// Settings of nodes that are no difference in themselves: places are compared apart from them.
const NODE_IGNORES: [&str; 5] = ["alias", "schema", "database", "tags", "group"];
/// Of tests only these count.
const TEST_COUNTS: [&str; 8] =
    ["severity", "where", "limit", "fail_calc", "warn_if", "error_if", "store_failures", "store_failures_as"];

/// Whether two `unrendered_config`s of a resource type are equal, as dbt sees it.
pub fn are_same(kind: &str, new: &Json, old: &Json) -> bool {
    let none = Map::new();
    let of = |node: &'_ Json| node.get("unrendered_config").and_then(Json::as_object).cloned().unwrap_or_default();
    let (new, old) = (of(new), of(old));
    let counts = |key: &str| match kind {
        "test" => TEST_COUNTS.contains(&key),
        "source" | "exposure" => true,
        _ => !NODE_IGNORES.contains(&key),
    };
    let keys = new.keys().chain(old.keys()).filter(|key| counts(key));
    keys.into_iter().all(|key| new.get(key) == old.get(key)) || (new == none && old == none)
}
