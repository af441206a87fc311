//! JSON that changes: JSON_SET and its kin, removal, stripping.

use super::json::{Step, parse, path};
use super::{Answer, Out, Row, Val, text};
use serde_json::Value;

pub(super) const TABLE: &[Row] = &[
    ("bq_json_set", "jsssbb>s", set),
    ("bq_json_remove", "j[s>s", |a| {
        let mut document = parse(a[0].text())?;
        for item in a[1].list() {
            let Some(item) = item else { return Ok(Out::Null) };
            let steps = path(item.text(), true)?;
            let Some((last, rest)) = steps.split_last() else { return Err("The JSONPath cannot be '$'".into()) };
            if let Some(parent) = walk(&mut document, rest) {
                remove(parent, last);
            }
        }
        text(document.to_string())
    }),
    ("bq_json_strip_nulls", "jsbb>s", |a| {
        let mut document = parse(a[0].text())?;
        let steps = path(a[1].text(), true)?;
        if let Some(part) = walk(&mut document, &steps) {
            let gone = strip(part, a[2].bool(), a[3].bool());
            if gone && steps.is_empty() {
                document = Value::Null;
            }
        }
        text(document.to_string())
    }),
    ("bq_json_flatten", "j>[s", |a| {
        let mut items = Vec::new();
        flatten(parse(a[0].text())?, &mut items);
        Ok(Out::List(items))
    }),
    ("bq_json_object", "[s[s>s", |a| {
        let (keys, values) = (a[0].list(), a[1].list());
        if keys.len() != values.len() {
            return Err("JSON_OBJECT: the arrays have different lengths".into());
        }
        let mut parts: Vec<(String, String)> = Vec::new();
        for (key, value) in keys.iter().zip(values) {
            let key = key.as_ref().ok_or("JSON_OBJECT: a key must not be NULL")?.text().to_owned();
            // the first of equal keys wins
            if !parts.iter().any(|(k, _)| *k == key) {
                parts.push((key, value.as_ref().map_or("null", Val::text).to_owned()));
            }
        }
        let list: Vec<String> = parts.iter().map(|(k, v)| format!("{}:{v}", Value::from(k.as_str()))).collect();
        text(format!("{{{}}}", list.join(",")))
    }),
];

fn walk<'v>(mut value: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    for step in steps {
        value = match step {
            Step::Key(key) => value.as_object_mut()?.get_mut(key)?,
            Step::Item(i) => value.as_array_mut()?.get_mut(*i)?,
        };
    }
    Some(value)
}

fn remove(parent: &mut Value, step: &Step) {
    match (parent, step) {
        (Value::Object(map), Step::Key(key)) => {
            map.shift_remove(key);
        }
        (Value::Array(items), Step::Item(i)) if *i < items.len() => {
            items.remove(*i);
        }
        _ => {}
    }
}

/// Takes nulls (and with `empty` what they leave behind) away; true when the value itself should go.
fn strip(value: &mut Value, arrays: bool, empty: bool) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            for key in keys {
                if map.get_mut(&key).is_some_and(|inner| strip(inner, arrays, empty)) {
                    map.shift_remove(&key);
                }
            }
            empty && map.is_empty()
        }
        Value::Array(items) => {
            if arrays {
                items.retain_mut(|item| !strip(item, arrays, empty));
            } else {
                items.iter_mut().for_each(|item| {
                    strip(item, arrays, empty);
                });
            }
            empty && items.is_empty()
        }
        _ => false,
    }
}

fn flatten(value: Value, items: &mut Vec<Option<Out>>) {
    match value {
        Value::Array(list) => list.into_iter().for_each(|item| flatten(item, items)),
        other => items.push(Some(Out::Text(other.to_string()))),
    }
}

/// Document, path, value, which function, whether an array value is spread, whether missing keys are made.
fn set(a: &[Val<'_>]) -> Answer {
    let mut document = parse(a[0].text())?;
    let value = parse(a[2].text())?;
    let (mode, spread, create) = (a[3].text(), a[4].bool(), a[5].bool());
    let steps = path(a[1].text(), true)?;
    let values = match (spread, value) {
        (true, Value::Array(items)) => items,
        (_, value) => vec![value],
    };
    match mode {
        "JSON_SET" => put(&mut document, &steps, values.into_iter().next().unwrap_or(Value::Null), create),
        "JSON_ARRAY_APPEND" => match walk(&mut document, &steps) {
            Some(Value::Array(items)) => items.extend(values),
            Some(slot @ Value::Null) => *slot = Value::Array(values),
            _ => {}
        },
        _ => insert(&mut document, &steps, values),
    }
    text(document.to_string())
}

fn put(mut value: &mut Value, steps: &[Step], new: Value, create: bool) {
    for step in steps {
        if value.is_null() && create {
            *value = match step {
                Step::Key(_) => Value::Object(Default::default()),
                Step::Item(_) => Value::Array(Vec::new()),
            };
        }
        value = match (value, step) {
            (Value::Object(map), Step::Key(key)) => {
                if !create && !map.contains_key(key) {
                    return;
                }
                map.entry(key.clone()).or_insert(Value::Null)
            }
            (Value::Array(items), Step::Item(at)) => {
                if *at >= items.len() {
                    if !create || *at > 1_000_000 {
                        return;
                    }
                    items.resize(at + 1, Value::Null);
                }
                &mut items[*at]
            }
            _ => return,
        };
    }
    *value = new;
}

fn insert(document: &mut Value, steps: &[Step], values: Vec<Value>) {
    let Some((Step::Item(at), rest)) = steps.split_last() else { return };
    match walk(document, rest) {
        Some(Value::Array(items)) => {
            if *at > items.len() && *at < 1_000_000 {
                items.resize(*at, Value::Null);
            }
            let at = (*at).min(items.len());
            items.splice(at..at, values);
        }
        Some(slot @ Value::Null) => {
            let mut items = vec![Value::Null; *at];
            items.extend(values);
            *slot = Value::Array(items);
        }
        _ => {}
    }
}
