//! JSON: paths, extraction, conversion. A document travels as text.

use super::json_read::document_of;
use super::number::{parse_float, shortest};
use super::{Answer, Out, Row, Val, int, text};
use serde_json::Value;

pub(super) const TABLE: &[Row] = &[
    ("bq_parse_json", "s>j", |a| {
        document_of(a[0].text())
            .map_err(|why| format!("Invalid input to PARSE_JSON: {why}"))
            .and_then(|v| text(sorted(v).to_string()))
    }),
    ("bq_json_sorted", "s>s", |a| text(sorted(parse(a[0].text())?).to_string())),
    ("bq_json_value", "ss>s", |a| scalar(a, true)),
    ("bq_json_extract_scalar", "ss>s", |a| scalar(a, false)),
    ("bq_json_query", "ss>s", |a| document(a, true, true)),
    ("bq_json_query_text", "ss>s", |a| document(a, true, false)),
    ("bq_json_extract", "ss>s", |a| document(a, false, true)),
    ("bq_json_extract_text", "ss>s", |a| document(a, false, false)),
    ("bq_json_array", "sss>[s", |a| match found(a[0].text(), a[1].text(), a[2].text() == "query")? {
        Some(Value::Array(items)) => Ok(Out::List(items.into_iter().map(|v| Some(Out::Text(v.to_string()))).collect())),
        _ => Ok(Out::Null),
    }),
    ("bq_json_value_array", "sss>[s", |a| match found(a[0].text(), a[1].text(), a[2].text() == "query")? {
        Some(Value::Array(items)) => {
            let mut list = Vec::new();
            for item in &items {
                match (item, plain(item)) {
                    (Value::Null, _) => list.push(None),
                    (_, Some(value)) => list.push(Some(Out::Text(value))),
                    (_, None) => return Ok(Out::Null),
                }
            }
            Ok(Out::List(list))
        }
        _ => Ok(Out::Null),
    }),
    ("bq_json_field", "ss>j", |a| match parse(a[0].text())? {
        Value::Object(mut map) => Ok(map.shift_remove(a[1].text()).map_or(Out::Null, |v| Out::Text(v.to_string()))),
        _ => Ok(Out::Null),
    }),
    ("bq_json_item", "si>j", |a| match parse(a[0].text())? {
        Value::Array(items) => Ok(usize::try_from(a[1].int())
            .ok()
            .and_then(|i| items.get(i).map(|v| Out::Text(v.to_string())))
            .unwrap_or(Out::Null)),
        _ => Ok(Out::Null),
    }),
    ("bq_json_type", "s>s", |a| text(kind(&parse(a[0].text())?))),
    ("bq_json_keys", "sis>[s", |a| {
        let mut keys = Vec::new();
        let arrays = match a[2].text().to_lowercase().split_whitespace().collect::<Vec<_>>().as_slice() {
            ["strict"] => 0,
            ["lax"] => 1,
            ["lax", "recursive"] | ["recursive", "lax"] => usize::MAX,
            _ => return Err(format!("Invalid JSON mode specified: {}", a[2].text())),
        };
        collect_keys(&parse(a[0].text())?, "", (a[1].int(), arrays), arrays, &mut keys);
        keys.sort();
        keys.dedup();
        Ok(Out::List(keys.into_iter().map(|k| Some(Out::Text(k))).collect()))
    }),
    ("bq_json_string", "s>s", |a| match parse(a[0].text())? {
        Value::String(s) => text(s),
        other => Err(mismatch(&other, "STRING")),
    }),
    ("bq_json_bool", "s>b", |a| match parse(a[0].text())? {
        Value::Bool(b) => Ok(Out::Bool(b)),
        other => Err(mismatch(&other, "BOOL")),
    }),
    ("bq_json_int", "s>i", |a| match parse(a[0].text())? {
        Value::Number(n) => {
            whole(&n).map_or(Err(format!("The provided JSON number {n} cannot be converted to an int64")), int)
        }
        other => Err(mismatch(&other, "INT64")),
    }),
    ("bq_json_float", "s>f", |a| match parse(a[0].text())? {
        Value::Number(n) => n.as_f64().map_or(Ok(Out::Null), |f| Ok(Out::Float(f))),
        other => Err(mismatch(&other, "FLOAT64")),
    }),
    ("bq_json_exact_float", "s>f", |a| match parse(a[0].text())? {
        Value::Number(n) => match n.as_f64().filter(|f| n.is_f64() || *f as i128 == whole_number(&n)) {
            Some(exact) => Ok(Out::Float(exact)),
            None => Err(format!("JSON number: {n} cannot be converted to FLOAT64 without loss of precision")),
        },
        other => Err(mismatch(&other, "FLOAT64")),
    }),
    ("bq_json_lax_string", "s>s", |a| {
        Ok(match parse(a[0].text())? {
            Value::Number(n) if n.is_f64() => Out::Text(shortest(n.as_f64().unwrap_or(0.0))),
            value => plain(&value).map_or(Out::Null, Out::Text),
        })
    }),
    ("bq_json_lax_bool", "s>b", |a| {
        Ok(match parse(a[0].text())? {
            Value::Bool(b) => Out::Bool(b),
            Value::Number(n) => Out::Bool(n.as_f64().is_some_and(|f| f != 0.0)),
            Value::String(s) if s.eq_ignore_ascii_case("true") => Out::Bool(true),
            Value::String(s) if s.eq_ignore_ascii_case("false") => Out::Bool(false),
            _ => Out::Null,
        })
    }),
    ("bq_json_lax_int", "s>i", |a| {
        Ok(match parse(a[0].text())? {
            Value::Bool(b) => Out::Int(i64::from(b)),
            Value::Number(n) => lax_int(n.as_i64(), n.as_f64()),
            Value::String(s) => lax_int(s.trim().parse().ok(), parse_float(&s)),
            _ => Out::Null,
        })
    }),
    ("bq_json_lax_float", "s>f", |a| {
        Ok(match parse(a[0].text())? {
            Value::Number(n) => n.as_f64().map_or(Out::Null, Out::Float),
            Value::String(s) => parse_float(&s).map_or(Out::Null, Out::Float),
            _ => Out::Null,
        })
    }),
    ("bq_json_quote", "s>s", |a| text(quote(a[0].text()))),
    ("bq_json_pretty", "s>s", |a| text(pretty(a[0].text())?)),
    ("bq_json_int_text", "i>s", |a| text(a[0].int().to_string())),
    ("bq_json_wide_int", "i>s", |a| {
        let value = a[0].int();
        text(if value.unsigned_abs() > 1 << 53 { format!("\"{value}\"") } else { value.to_string() })
    }),
    ("bq_json_float_text", "f>s", |a| {
        let value = a[0].float();
        let shown = shortest(value);
        text(match value {
            v if v.is_nan() => "\"NaN\"".into(),
            v if v.is_infinite() => {
                if v > 0.0 {
                    "\"Infinity\"".into()
                } else {
                    "\"-Infinity\"".to_owned()
                }
            }
            _ => shown,
        })
    }),
    // as a text of its own: a number only where a FLOAT64 holds it as a whole number
    ("bq_json_decimal_text", "s>s", |a| {
        let short = super::number::trimmed(a[0].text());
        let small = short.parse::<i64>().is_ok_and(|n| n.unsigned_abs() <= 1 << 53);
        text(if small { short } else { format!("\"{short}\"") })
    }),
    ("bq_json_decimal", "sb>s", |a| {
        let short = super::number::trimmed(a[0].text());
        let exact = short
            .parse::<f64>()
            .is_ok_and(|f| super::number::parse_decimal(&shortest(f), 18) == super::number::parse_decimal(&short, 18));
        text(match (exact, a[1].bool()) {
            (true, _) => short,
            (false, true) => format!("\"{short}\""),
            (false, false) => short.parse().map_or(short, shortest),
        })
    }),
];

/// The members of objects in the order of their names, as a JSON value holds them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut members: Vec<(String, Value)> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

pub(super) fn parse(document: &str) -> Result<Value, String> {
    document_of(document).map_err(|why| format!("Invalid JSON: {why}"))
}

fn quote(value: &str) -> String {
    Value::from(value).to_string()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn mismatch(value: &Value, wanted: &str) -> String {
    format!("The provided JSON input is not a {wanted}: it is of type {}", kind(value))
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9.2e18).map(|f| f as i64))
}

fn whole_number(number: &serde_json::Number) -> i128 {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)).unwrap_or_default()
}

fn lax_int(exact: Option<i64>, float: Option<f64>) -> Out {
    match (exact, float) {
        (Some(value), _) => Out::Int(value),
        (None, Some(f)) if f.is_finite() && f.round().abs() < 9.223_372_036_854_775e18 => Out::Int(f.round() as i64),
        _ => Out::Null,
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// A JSONPath. The old functions (`strict` false) quote keys as `['a']`, the new ones as `."a"`.
pub(super) fn path(text: &str, strict: bool) -> Result<Vec<Step>, String> {
    let bad = || format!("Invalid token in JSONPath at: {text}");
    let mut rest = text.trim().strip_prefix('$').ok_or_else(|| format!("JSONPath must start with '$': {text}"))?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('.') {
            if let Some(quoted) = tail.strip_prefix('"') {
                let (key, after) = quoted_key(quoted, '"').ok_or_else(bad)?;
                steps.push(Step::Key(key));
                rest = after;
                continue;
            }
            let end = tail.find(['.', '[']).unwrap_or(tail.len());
            if end == 0 {
                return Err(bad());
            }
            steps.push(Step::Key(tail[..end].to_owned()));
            rest = &tail[end..];
        } else if let Some(tail) = rest.strip_prefix('[') {
            let mark = tail.chars().next().filter(|c| matches!(c, '\'' | '"'));
            if let Some(mark) = mark {
                if strict && mark == '\'' {
                    return Err(bad());
                }
                let (key, after) = quoted_key(&tail[1..], mark).ok_or_else(bad)?;
                steps.push(Step::Key(key));
                rest = after.strip_prefix(']').ok_or_else(bad)?;
                continue;
            }
            let end = tail.find(']').ok_or_else(bad)?;
            let inside = tail[..end].trim();
            steps.push(match inside.parse::<usize>() {
                Ok(i) => Step::Item(i),
                Err(_) if !strict && !inside.is_empty() && !inside.starts_with('-') => Step::Key(inside.to_owned()),
                Err(_) => return Err(bad()),
            });
            rest = &tail[end + 1..];
        } else {
            return Err(bad());
        }
    }
    Ok(steps)
}

fn quoted_key(text: &str, mark: char) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => key.push(chars.next()?.1),
            c if c == mark => return Some((key, &text[i + c.len_utf8()..])),
            c => key.push(c),
        }
    }
    None
}

fn step(value: Value, step: &Step) -> Option<Value> {
    match (value, step) {
        (Value::Object(mut map), Step::Key(key)) => map.swap_remove(key),
        (Value::Array(mut items), Step::Item(i)) if *i < items.len() => Some(items.swap_remove(*i)),
        (Value::Array(mut items), Step::Key(key)) => {
            key.parse::<usize>().ok().filter(|i| *i < items.len()).map(|i| items.swap_remove(i))
        }
        _ => None,
    }
}

/// What a path finds; a text that is no JSON finds nothing.
fn found(document: &str, text: &str, strict: bool) -> Result<Option<Value>, String> {
    let steps = path(text, strict)?;
    let Ok(mut value) = document_of(document) else { return Ok(None) };
    for s in &steps {
        match step(value, s) {
            Some(inner) => value = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(s) => Some(s.clone()),
        _ => None,
    }
}

fn scalar(a: &[Val<'_>], strict: bool) -> Answer {
    Ok(found(a[0].text(), a[1].text(), strict)?.as_ref().and_then(plain).map_or(Out::Null, Out::Text))
}

/// In a text a JSON null is a NULL; in a JSON value it stays one.
fn document(a: &[Val<'_>], strict: bool, json: bool) -> Answer {
    Ok(match found(a[0].text(), a[1].text(), strict)? {
        Some(Value::Null) if !json => Out::Null,
        Some(value) => Out::Text(value.to_string()),
        None => Out::Null,
    })
}

/// The keys of objects, `depth` levels deep; also of objects in arrays, where as many arrays may be around them.
fn collect_keys(value: &Value, prefix: &str, (depth, arrays): (i64, usize), left: usize, keys: &mut Vec<String>) {
    match value {
        Value::Array(items) if left > 0 => {
            items.iter().for_each(|item| collect_keys(item, prefix, (depth, arrays), left - 1, keys));
        }
        Value::Object(map) if depth > 0 => {
            for (key, inner) in map {
                let plain = key.chars().all(|c| c.is_alphanumeric() || c == '_');
                let shown = if plain { key.clone() } else { format!("\"{key}\"") };
                let name = if prefix.is_empty() { shown } else { format!("{prefix}.{shown}") };
                keys.push(name.clone());
                collect_keys(inner, &name, (depth - 1, arrays), arrays, keys);
            }
        }
        _ => {}
    }
}

/// The document over several lines, as TO_JSON_STRING(x, true) prints it.
pub(super) fn pretty(document: &str) -> Result<String, String> {
    serde_json::to_string_pretty(&parse(document)?).map_err(|why| why.to_string())
}
