//! Values as Python shows them: dbt hashes such pictures, and its checksums are ours only if every letter is.

use serde_json::Value as Json;
use std::fmt::Write;

/// A value as Python's `str()` shows it.
pub fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Null => "None".to_owned(),
        Json::Number(number) => number.to_string(),
        Json::Array(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", quoted(key), repr(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// A value as Python's `repr()` shows it.
pub fn repr(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        other => text(other),
    }
}

fn quoted(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(mark);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == mark => _ = write!(out, "\\{c}"),
            c if c.is_control() => _ = write!(out, "\\x{:02x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push(mark);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_look_as_in_python() {
        for (value, picture) in [
            (json!("it's"), "\"it's\""),
            (json!("a'b\"c"), "'a\\'b\"c'"),
            (json!("a\n\\b"), "'a\\n\\\\b'"),
            (json!([1, 2.5, true, null, "x"]), "[1, 2.5, True, None, 'x']"),
            (json!({"a": {"b": []}}), "{'a': {'b': []}}"),
        ] {
            assert_eq!(repr(&value), picture);
        }
    }
}
