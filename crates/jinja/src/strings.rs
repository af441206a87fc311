//! Methods of Python's `str` that minijinja does not have.

use super::call::{arguments, bad};
use super::value::collections::{Dict, List};
use super::value::python;
use minijinja::formatting::{FormatStyle, format as str_format};
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

/// Called by minijinja for a method that an object does not have itself.
pub fn unknown_method(_: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String => string_method(value.as_str().unwrap_or_default(), method, args),
        ValueKind::Number if method == "is_integer" => {
            let float = f64::try_from(value.clone())?;
            Ok(Value::from(float.fract() == 0.0))
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

fn strip_set<'t>(text: &'t str, set: Option<&str>, start: bool, end: bool) -> &'t str {
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
    let all = |test: fn(char) -> bool| Value::from(!text.is_empty() && text.chars().all(test));
    Ok(match method {
        "upper" => Value::from(text.to_uppercase()),
        "lower" | "casefold" => Value::from(text.to_lowercase()),
        "strip" => Value::from(strip_set(text, arg(0), true, true)),
        "lstrip" => Value::from(strip_set(text, arg(0), true, false)),
        "rstrip" => Value::from(strip_set(text, arg(0), false, true)),
        "removeprefix" => Value::from(text.strip_prefix(first).unwrap_or(text)),
        "removesuffix" => Value::from(text.strip_suffix(first).unwrap_or(text)),
        "startswith" => Value::from(affix(&args).iter().any(|p| text.starts_with(p.as_str()))),
        "endswith" => Value::from(affix(&args).iter().any(|p| text.ends_with(p.as_str()))),
        "replace" => {
            let count = args.get(2).and_then(Value::as_usize).unwrap_or(usize::MAX);
            Value::from(text.replacen(first, arg(1).unwrap_or_default(), count))
        }
        "split" | "rsplit" => {
            let most = args.get(1).or_else(|| named.get("maxsplit")).and_then(Value::as_i64).filter(|n| *n >= 0);
            List::value(split(
                text,
                arg(0).or_else(|| named.get("sep").and_then(Value::as_str)),
                most,
                method == "rsplit",
            ))
        }
        "splitlines" => List::value(text.lines().map(Value::from).collect()),
        "partition" => match text.split_once(first) {
            Some((a, b)) => Value::from((a.to_owned(), first.to_owned(), b.to_owned())),
            None => Value::from((text.to_owned(), String::new(), String::new())),
        },
        "rpartition" => match text.rsplit_once(first) {
            Some((a, b)) => Value::from((a.to_owned(), first.to_owned(), b.to_owned())),
            None => Value::from((String::new(), String::new(), text.to_owned())),
        },
        "join" => {
            let items = args.first().cloned().unwrap_or_default();
            let parts: Result<Vec<String>, Error> = items
                .try_iter()?
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| bad("sequence item: expected str instance")))
                .collect();
            Value::from(parts?.join(text))
        }
        "find" | "index" | "rfind" => {
            let found = if method == "rfind" { text.rfind(first) } else { text.find(first) };
            match found {
                Some(at) => Value::from(text[..at].chars().count()),
                None if method == "index" => return Err(bad("substring not found")),
                None => Value::from(-1),
            }
        }
        "count" => Value::from(text.matches(first).count()),
        "format" => Value::from(str_format(FormatStyle::StrFormat, text, raw)?),
        "title" => Value::from(title(text)),
        "capitalize" => Value::from(capitalized(text)),
        "swapcase" => Value::from(
            text.chars()
                .flat_map(|c| {
                    if c.is_uppercase() { c.to_lowercase().collect::<Vec<_>>() } else { c.to_uppercase().collect() }
                })
                .collect::<String>(),
        ),
        "isdigit" | "isnumeric" | "isdecimal" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isupper" => Value::from(text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)),
        "islower" => Value::from(text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)),
        "isidentifier" => Value::from(
            text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && text.chars().all(|c| c.is_alphanumeric() || c == '_'),
        ),
        "zfill" | "ljust" | "rjust" | "center" => {
            let width = args.first().and_then(Value::as_usize).unwrap_or(0);
            let fill = if method == "zfill" { "0" } else { arg(1).unwrap_or(" ") };
            Value::from(padded(text, method, width, fill))
        }
        "encode" => Value::from(text),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn padded(text: &str, method: &str, width: usize, fill: &str) -> String {
    let missing = width.saturating_sub(text.chars().count());
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
