//! Names and unique ids of generic tests, letter by letter as dbt makes them: state comparison and packages rely on them.

use crate::ir::TestInfo;
use crate::python::{repr, text};
use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

/// The short name, for files and aliases, and the full one.
pub fn names(kind: &str, label: &str, arguments: &IndexMap<String, Json>) -> (String, String) {
    let mut sorted: Vec<(&String, &Json)> = arguments.iter().filter(|(key, _)| *key != "model").collect();
    sorted.sort_by_key(|(key, _)| *key);
    let mut parts = Vec::new();
    for (_, value) in sorted {
        match value {
            Json::Array(items) => parts.extend(items.iter().map(text)),
            Json::Object(map) => parts.extend(map.values().map(text)),
            one => parts.push(text(one)),
        }
    }
    let clean: Vec<String> = parts.iter().map(|part| cleaned(part)).collect();
    let identifier = format!("{kind}_{label}");
    let full = format!("{identifier}_{}", clean.join("__"));
    if full.chars().count() < 64 {
        return (full.clone(), full);
    }
    let short: String = identifier.chars().take(30).collect();
    (format!("{short}_{}", md5(&full)), full)
}

/// Every run of other characters than letters, digits and `_` as one `_`.
fn cleaned(text: &str) -> String {
    let mut out = String::new();
    let mut in_run = false;
    for c in text.chars() {
        let is_plain = c.is_ascii_alphanumeric() || c == '_';
        if is_plain || !in_run {
            out.push(if is_plain { c } else { '_' });
        }
        in_run = !is_plain;
    }
    out
}

fn md5(text: &str) -> String {
    use md5::{Digest, Md5};
    rsdbt_base::hex(&Md5::digest(text.as_bytes()))
}

/// The end of a test's unique id: ten digits of what dbt hashes, its name and a picture of its arguments.
pub fn hash(name: &str, info: &TestInfo) -> String {
    let kwargs = info.kwargs.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let namespace = info.namespace.clone().map_or(Json::Null, Json::from);
    let metadata = Map::from_iter([
        ("namespace".to_owned(), namespace),
        ("name".to_owned(), Json::from(info.name.as_str())),
        ("kwargs".to_owned(), Json::Object(kwargs)),
    ]);
    md5(&format!("{name}{}", repr(&hashable(&Json::Object(metadata)))))[22..].to_owned()
}

/// Keys in order, and every other value as text.
fn hashable(value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            let mut sorted: Vec<(&String, &Json)> = map.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            Json::Object(sorted.into_iter().map(|(key, value)| (key.clone(), hashable(value))).collect())
        }
        Json::Array(items) => items.iter().map(hashable).collect(),
        other => Json::from(text(other)),
    }
}

/// A test's template: its macro, and its configuration as a call.
pub fn raw_code(info: &TestInfo, config: &Map<String, Json>) -> String {
    let namespace = info.namespace.as_ref().map(|namespace| format!("{namespace}.")).unwrap_or_default();
    let value = |value: &Json| match value {
        Json::String(text) => format!("\"{}\"", text.replace('"', "\\\"")),
        other => text(other),
    };
    let settings: Vec<String> = config.iter().map(|(key, setting)| format!("{key}={}", value(setting))).collect();
    let config = if settings.is_empty() { String::new() } else { format!("{{{{ config({}) }}}}", settings.join(",")) };
    format!("{{{{ {namespace}test_{}(**_dbt_generic_test_kwargs) }}}}{config}", info.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_those_of_dbt() {
        // From a manifest that dbt 1.11 wrote.
        let model = json!("{{ get_where_subquery(ref('m00_00001')) }}");
        let info = TestInfo {
            name: "not_null".to_owned(),
            kwargs: IndexMap::from([("column_name".to_owned(), json!("id")), ("model".to_owned(), model)]),
            ..TestInfo::default()
        };
        assert_eq!(hash("not_null_m00_00001_id", &info), "739b81a767");
    }
}
