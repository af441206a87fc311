//! Methods of Python's `str` that minijinja does not have.

use super::call::{arguments, bad};
use super::value::collections::{Dict, List};
use super::value::python;
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

/// What can be called on text.
pub const METHODS: &[&str] = &[
    "upper",
    "lower",
    "casefold",
    "strip",
    "lstrip",
    "rstrip",
    "removeprefix",
    "removesuffix",
    "startswith",
    "endswith",
    "replace",
    "split",
    "rsplit",
    "splitlines",
    "partition",
    "rpartition",
    "join",
    "find",
    "index",
    "rfind",
    "rindex",
    "count",
    "format",
    "title",
    "capitalize",
    "swapcase",
    "isdigit",
    "isnumeric",
    "isdecimal",
    "isalpha",
    "isalnum",
    "isspace",
    "isupper",
    "islower",
    "istitle",
    "isascii",
    "isidentifier",
    "zfill",
    "ljust",
    "rjust",
    "center",
    "expandtabs",
    "encode",
];

/// Called by minijinja for a method that an object does not have itself.
pub fn unknown_method(_: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match known_method(value, method, args) {
        Err(error) if error.kind() == ErrorKind::UnknownMethod && !value.is_undefined() => {
            // A callable that is stored under this name goes on to be called.
            let stored = value.get_attr(method).is_ok_and(|member| !member.is_undefined());
            Err(if stored { error } else { no_attribute(value, method) })
        }
        result => result,
    }
}

pub fn no_attribute(value: &Value, name: &str) -> Error {
    match value.kind() {
        ValueKind::None => bad(format!("'None' has no attribute '{name}'")),
        _ => bad(format!("'{} object' has no attribute '{name}'", python::type_name(value))),
    }
}

fn known_method(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => string_method(value.as_str().unwrap_or_default(), method, args),
        ValueKind::Number if method == "is_integer" => {
            let float = f64::try_from(value.clone())?;
            Ok(Value::from(float.fract() == 0.0))
        }
        ValueKind::Number if method == "bit_length" && value.is_integer() => {
            let size = i128::try_from(value.clone())?.unsigned_abs();
            Ok(Value::from(u128::BITS - size.leading_zeros()))
        }
        ValueKind::Seq if value.is_tuple() => match method {
            "index" | "count" => {
                let items: Vec<Value> = value.try_iter()?.collect();
                let wanted = args.first().cloned().unwrap_or_default();
                Ok(Value::from(match method {
                    "count" => items.iter().filter(|item| **item == wanted).count(),
                    _ => items
                        .iter()
                        .position(|item| *item == wanted)
                        .ok_or_else(|| bad("tuple.index(x): x not in tuple"))?,
                }))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        },
        ValueKind::Map => foreign_map(value, method, args),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// A dict that minijinja made itself (`namespace`, keyword arguments).
fn foreign_map(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let pairs = super::value::pairs(value);
    Ok(match method {
        "get" => {
            let found = args.first().and_then(|key| value.get_item(key).ok()).filter(|v| !v.is_undefined());
            found.unwrap_or_else(|| args.get(1).cloned().unwrap_or_else(|| Value::from(())))
        }
        "keys" => List::value(pairs.into_iter().map(|(k, _)| k).collect()),
        "values" => List::value(pairs.into_iter().map(|(_, v)| v).collect()),
        "items" => List::value(pairs.into_iter().map(Value::from).collect()),
        "copy" => Dict::value(pairs.into_iter().collect()),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

pub fn strip_set<'t>(text: &'t str, set: Option<&str>, start: bool, end: bool) -> &'t str {
    let fits = |c: char| set.map_or_else(|| c.is_whitespace(), |set| set.contains(c));
    let text = if start { text.trim_start_matches(fits) } else { text };
    if end { text.trim_end_matches(fits) } else { text }
}

fn affix(args: &[Value]) -> Vec<String> {
    match args.first() {
        Some(tuple) if tuple.kind() == ValueKind::Seq => {
            tuple.try_iter().map(|items| items.map(|item| python::text(&item)).collect()).unwrap_or_default()
        }
        Some(one) => vec![python::text(one)],
        None => Vec::new(),
    }
}

fn string_method(text: &str, method: &str, raw: &[Value]) -> Result<Value, Error> {
    let (args, named) = arguments(raw);
    let arg = |at: usize| args.get(at).and_then(Value::as_str);
    let first = arg(0).unwrap_or_default();
    if let Some(holds) = character_test(text, method) {
        return Ok(Value::from(holds));
    }
    Ok(match method {
        "upper" => Value::from(text.to_uppercase()),
        "lower" => Value::from(text.to_lowercase()),
        "casefold" => Value::from(text.to_lowercase().replace('ß', "ss")),
        "strip" => Value::from(strip_set(text, arg(0), true, true)),
        "lstrip" => Value::from(strip_set(text, arg(0), true, false)),
        "rstrip" => Value::from(strip_set(text, arg(0), false, true)),
        "removeprefix" => Value::from(text.strip_prefix(first).unwrap_or(text)),
        "removesuffix" => Value::from(text.strip_suffix(first).unwrap_or(text)),
        "startswith" => Value::from(affix(&args).iter().any(|p| part(text, &args).1.starts_with(p.as_str()))),
        "endswith" => Value::from(affix(&args).iter().any(|p| part(text, &args).1.ends_with(p.as_str()))),
        "replace" => {
            let count = args.get(2).or_else(|| named.get("count")).and_then(Value::as_usize).unwrap_or(usize::MAX);
            Value::from(text.replacen(first, arg(1).unwrap_or_default(), count))
        }
        "split" | "rsplit" => {
            let most = args.get(1).or_else(|| named.get("maxsplit")).and_then(Value::as_i64).filter(|n| *n >= 0);
            let separator = arg(0).or_else(|| named.get("sep").and_then(Value::as_str));
            if separator == Some("") {
                return Err(bad("empty separator"));
            }
            List::value(split(text, separator, most, method == "rsplit"))
        }
        "splitlines" => {
            let keep = args.first().or_else(|| named.get("keepends")).is_some_and(Value::is_true);
            let lines = text.split_inclusive('\n');
            List::value(
                lines.map(|line| Value::from(if keep { line } else { line.trim_end_matches(['\r', '\n']) })).collect(),
            )
        }
        "partition" => match text.split_once(first) {
            Some((a, b)) => triple(a, first, b),
            None => triple(text, "", ""),
        },
        "rpartition" => match text.rsplit_once(first) {
            Some((a, b)) => triple(a, first, b),
            None => triple("", "", text),
        },
        "join" => joined(text, &args)?,
        "find" | "index" | "rfind" | "rindex" => {
            let (start, inside) = part(text, &args);
            let found = if method.starts_with('r') { inside.rfind(first) } else { inside.find(first) };
            match found {
                Some(at) => Value::from(start + inside[..at].chars().count()),
                None if method.ends_with("index") => return Err(bad("substring not found")),
                None => Value::from(-1),
            }
        }
        "count" => Value::from(part(text, &args).1.matches(first).count()),
        "format" => Value::from(super::str_format::fill(text, raw)?),
        "title" => Value::from(title(text)),
        "capitalize" => Value::from(capitalized(text)),
        "swapcase" => Value::from(
            text.chars()
                .flat_map(|c| {
                    if c.is_uppercase() { c.to_lowercase().collect::<Vec<_>>() } else { c.to_uppercase().collect() }
                })
                .collect::<String>(),
        ),
        "zfill" | "ljust" | "rjust" | "center" => {
            let width = args.first().and_then(Value::as_usize).unwrap_or(0);
            let fill = if method == "zfill" { "0" } else { arg(1).unwrap_or(" ") };
            Value::from(padded(text, method, width, fill))
        }
        "expandtabs" => {
            let size = args.first().or_else(|| named.get("tabsize")).and_then(Value::as_usize).unwrap_or(8);
            Value::from(without_tabs(text, size))
        }
        "encode" => Value::from_bytes(text.as_bytes().to_vec()),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

/// `str.isdigit()` and its like; `None` for a method that is none of them.
fn character_test(text: &str, method: &str) -> Option<bool> {
    let all = |test: fn(char) -> bool| !text.is_empty() && text.chars().all(test);
    let any = |test: fn(char) -> bool| text.chars().any(test);
    Some(match method {
        "isdigit" | "isnumeric" | "isdecimal" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isupper" => any(char::is_uppercase) && !any(char::is_lowercase),
        "islower" => any(char::is_lowercase) && !any(char::is_uppercase),
        "istitle" => any(char::is_alphabetic) && title(text) == text,
        "isascii" => text.is_ascii(),
        "isidentifier" => {
            text.starts_with(|c: char| c.is_alphabetic() || c == '_') && all(|c| c.is_alphanumeric() || c == '_')
        }
        _ => return None,
    })
}

/// `separator.join(items)`.
fn joined(separator: &str, args: &[Value]) -> Result<Value, Error> {
    let Some(items) = args.first() else { return Err(bad("str.join() takes exactly one argument (0 given)")) };
    let mut parts = Vec::new();
    for (at, item) in python::items(items)?.iter().enumerate() {
        let wrong = || {
            let kind = python::type_name(item);
            bad(format!("sequence item {at}: expected str instance, {kind} found"))
        };
        parts.push(item.as_str().ok_or_else(wrong)?.to_owned());
    }
    Ok(Value::from(parts.join(separator)))
}

fn triple(a: &str, b: &str, c: &str) -> Value {
    super::value::tuple([a, b, c].map(Value::from).to_vec())
}

/// The part of a text that `find(sub, start, end)` looks at, and where it starts.
fn part<'t>(text: &'t str, args: &[Value]) -> (usize, &'t str) {
    let length = text.chars().count();
    let bound = |at: usize, default: usize| match args.get(at).and_then(Value::as_i64) {
        Some(place) if place < 0 => length.saturating_sub(place.unsigned_abs() as usize),
        Some(place) => (place as usize).min(length),
        None => default,
    };
    let (start, end) = (bound(1, 0), bound(2, length));
    let offset = |place: usize| text.char_indices().nth(place).map_or(text.len(), |(at, _)| at);
    (start, text.get(offset(start)..offset(end)).unwrap_or_default())
}

fn without_tabs(text: &str, size: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' => {
                let gap = if size == 0 { 0 } else { size - column % size };
                out.push_str(&" ".repeat(gap));
                column += gap;
            }
            c => {
                out.push(c);
                column = if c == '\n' { 0 } else { column + 1 };
            }
        }
    }
    out
}

/// Wider fields are cut to this: nobody means them, and they would not fit into memory.
pub const WIDEST: usize = 10_000_000;

pub fn padded(text: &str, method: &str, width: usize, fill: &str) -> String {
    let missing = width.min(WIDEST).saturating_sub(text.chars().count());
    match method {
        "ljust" => text.to_owned() + &fill.repeat(missing),
        "center" => {
            let left = missing / 2 + (missing & width & 1);
            fill.repeat(left) + text + &fill.repeat(missing - left)
        }
        "zfill" if text.starts_with(['-', '+']) => text[..1].to_owned() + &fill.repeat(missing) + &text[1..],
        _ => fill.repeat(missing) + text,
    }
}

fn split(text: &str, separator: Option<&str>, most: Option<i64>, from_right: bool) -> Vec<Value> {
    let limit = most.map_or(usize::MAX, |n| n as usize + 1);
    let parts: Vec<&str> = match separator {
        Some(separator) if from_right => {
            let mut parts: Vec<&str> = text.rsplitn(limit, separator).collect();
            parts.reverse();
            parts
        }
        Some(separator) => text.splitn(limit, separator).collect(),
        None if limit == usize::MAX => text.split_whitespace().collect(),
        None => text.trim().splitn(limit, char::is_whitespace).map(str::trim_start).collect(),
    };
    parts.into_iter().map(Value::from).collect()
}

pub fn title(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase())
        } else {
            out.extend(c.to_uppercase())
        }
        inside = c.is_alphabetic();
    }
    out
}

pub fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect()).unwrap_or_default()
}
