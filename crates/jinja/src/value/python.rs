//! How Python prints: `str()` and `repr()` of every value a template can hold.

use super::collections::{Dict, List};
use super::nested;
use super::set::Set;
use super::undefined::is_undefined;
use crate::call::{Undefined, bad};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use std::cmp::Ordering;

/// `str(value)`; undefined prints as nothing, as in Jinja2.
pub fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => String::new(),
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        ValueKind::Plain => value.to_string(),
        _ => repr(value),
    }
}

/// What stands for a list inside itself.
pub const ENDLESS: &str = "[...]";

pub fn repr(value: &Value) -> String {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return repr_of(value);
    }
    let endless = || if value.kind() == ValueKind::Map { "{...}" } else { ENDLESS }.to_owned();
    nested::inside(nested::identity(value), || repr_of(value)).unwrap_or_else(endless)
}

fn repr_of(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => "Undefined".to_owned(),
        ValueKind::None => "None".to_owned(),
        ValueKind::Bool => if value.is_true() { "True" } else { "False" }.to_owned(),
        ValueKind::Number if !value.is_integer() => {
            f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
        }
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Bytes => format!("b{}", quoted(&String::from_utf8_lossy(value.as_bytes().unwrap_or_default()))),
        ValueKind::Plain => super::moment::repr(value).unwrap_or_else(|| value.to_string()),
        ValueKind::Seq if value.is_tuple() => {
            let items = shown(value);
            if items.len() == 1 { format!("({},)", items[0]) } else { format!("({})", items.join(", ")) }
        }
        ValueKind::Seq | ValueKind::Iterable if !is_own(value) => format!("[{}]", shown(value).join(", ")),
        ValueKind::Map if !is_own(value) => {
            let entries: Vec<String> =
                super::pairs(value).iter().map(|(k, v)| format!("{}: {}", repr(k), repr(v))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => value.to_string(),
    }
}

/// Python's name of a value's class.
pub fn type_name(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => "Undefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        _ => match value.as_object().map(|object| object.type_name()) {
            Some(name) => return class_name(value, name),
            None => "object",
        },
    }
    .to_owned()
}

/// The Python class that an object of ours stands for.
fn class_name(value: &Value, rust: &str) -> String {
    let last = rust.rsplit("::").next().unwrap_or(rust);
    match (last, value.kind()) {
        ("RelationObject", _) => "BaseRelation",
        ("ColumnObject", _) => "Column",
        ("MacroValue", _) => "MacroGenerator",
        ("Set", _) => "set",
        ("DateTime", _) => "datetime.datetime",
        ("Date", _) => "datetime.date",
        ("Delta", _) => "datetime.timedelta",
        ("Time", _) => "datetime.time",
        ("Table" | "Row" | "Columns" | "Column" | "Namespace", _) => last,
        (_, ValueKind::Map) => "dict",
        (_, ValueKind::Seq | ValueKind::Iterable) => "list",
        _ => "object",
    }
    .to_owned()
}

/// The value, unless it is undefined: then nothing can be done with it.
pub fn known(value: &Value) -> Result<&Value, Error> {
    if value.is_undefined() { Err(Undefined::error(0)) } else { Ok(value) }
}

/// What iterating over a value gives: nothing for an undefined one.
pub fn items(value: &Value) -> Result<Vec<Value>, Error> {
    match value.kind() {
        _ if is_undefined(value) => Ok(Vec::new()),
        ValueKind::String => {
            Ok(value.as_str().unwrap_or_default().chars().map(|c| Value::from(c.to_string())).collect())
        }
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => Ok(value.try_iter()?.collect()),
        _ => Err(bad(format!("'{}' object is not iterable", type_name(value)))),
    }
}

/// Pairs out of a sequence of pairs.
pub fn entries(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    let pair = |(at, item): (usize, Value)| match <[Value; 2]>::try_from(items(&item)?) {
        Ok([key, value]) => Ok((key, value)),
        Err(other) => {
            Err(bad(format!("dictionary update sequence element #{at} has length {}; 2 is required", other.len())))
        }
    };
    items(value)?.into_iter().enumerate().map(pair).collect()
}

/// `len(value)`.
pub fn length(value: &Value) -> Result<usize, Error> {
    match value.kind() {
        _ if is_undefined(value) => Ok(0),
        ValueKind::String => Ok(value.as_str().unwrap_or_default().chars().count()),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            value.len().map_or_else(|| Ok(value.try_iter()?.count()), Ok)
        }
        _ => Err(bad(format!("object of type '{}' has no len()", type_name(value)))),
    }
}

/// A whole number of any size that fits 128 bits.
pub fn integer(value: i128) -> Value {
    i64::try_from(value).map_or_else(|_| Value::from(value), Value::from)
}

/// A number or a boolean as a float.
pub fn number(value: &Value) -> Result<f64, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()),
        _ => Err(bad(format!("must be real number, not {}", type_name(known(value)?)))),
    }
}

/// Python's `<` and its sisters as one order; what Python does not compare is an error.
pub fn compare(operator: &str, a: &Value, b: &Value) -> Result<Ordering, Error> {
    for (at, side) in [a, b].into_iter().enumerate() {
        if side.is_undefined() {
            return Err(Undefined::error(at));
        }
    }
    let numeric = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    let (left, right) = (type_name(a), type_name(b));
    let refused = || bad(format!("'{operator}' not supported between instances of '{left}' and '{right}'"));
    match (a.kind(), b.kind()) {
        _ if numeric(a) && numeric(b) => {
            let plain = |value: &Value| match value.kind() {
                ValueKind::Bool => Value::from(i64::from(value.is_true())),
                _ => value.clone(),
            };
            Ok(plain(a).cmp(&plain(b)))
        }
        (ValueKind::String, ValueKind::String) => Ok(a.as_str().cmp(&b.as_str())),
        (ValueKind::Seq, ValueKind::Seq) if left == right => {
            let (first, second) = (items(a)?, items(b)?);
            let Some((x, y)) = first.iter().zip(&second).find(|(x, y)| x != y) else {
                return Ok(first.len().cmp(&second.len()));
            };
            let endless = || Err(bad("maximum recursion depth exceeded in comparison"));
            nested::inside(nested::identity(a), || compare(operator, x, y)).unwrap_or_else(endless)
        }
        (ValueKind::Plain, ValueKind::Plain) if left == right && left.starts_with("datetime.") => Ok(a.cmp(b)),
        _ if is_undefined(a) || is_undefined(b) => Ok(Ordering::Equal),
        _ => Err(refused()),
    }
}

/// A key of a dict or a member of a set: what can change in place cannot be one.
pub fn hashable(value: &Value) -> Result<(), Error> {
    let mutable = value.downcast_object_ref::<List>().is_some()
        || value.downcast_object_ref::<Dict>().is_some()
        || value.downcast_object_ref::<Set>().is_some();
    if mutable { Err(bad(format!("unhashable type: '{}'", type_name(value)))) } else { Ok(()) }
}

/// `repr` with the keys of dicts in order, as `pprint` has them.
pub fn sorted_repr(value: &Value) -> String {
    let Some(dict) = value.downcast_object_ref::<Dict>() else { return repr(value) };
    let mut entries: Vec<(Value, Value)> = dict.snapshot().into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let shown = || -> Vec<String> { entries.iter().map(|(k, v)| format!("{}: {}", repr(k), sorted_repr(v))).collect() };
    let shown = nested::inside(nested::identity(value), shown);
    shown.map_or_else(|| "{...}".to_owned(), |shown| format!("{{{}}}", shown.join(", ")))
}

/// Objects of ours print themselves; foreign sequences and maps print as lists and dicts.
fn is_own(value: &Value) -> bool {
    use super::{relation, table};
    value.downcast_object_ref::<Set>().is_some()
        || value.downcast_object_ref::<super::view::View>().is_some()
        || value.downcast_object_ref::<super::range::Range>().is_some()
        || value.downcast_object_ref::<super::group::Group>().is_some()
        || value.downcast_object_ref::<relation::RelationObject>().is_some()
        || value.downcast_object_ref::<relation::ColumnObject>().is_some()
        || value.downcast_object_ref::<table::Table>().is_some()
        || value.downcast_object_ref::<table::Row>().is_some()
        || value.downcast_object_ref::<super::undefined::ParseTimeUndefined>().is_some()
}

fn shown(value: &Value) -> Vec<String> {
    value.try_iter().map(|items| items.map(|item| repr(&item)).collect()).unwrap_or_default()
}

/// Python's quoting: single quotes unless the text has some and no double ones.
pub fn quoted(text: &str) -> String {
    let mark = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(mark);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == mark => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(mark);
    out
}

/// Python's shortest float: `1.0`, `1e+16`, `1e-05`.
pub fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let scientific = format!("{value:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let number: i32 = exponent.parse().unwrap_or(0);
        let sign = if number < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", number.abs());
    }
    let plain = value.to_string();
    if plain.contains('.') { plain } else { plain + ".0" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_and_strings_print_as_in_python() {
        assert_eq!(float(1.0), "1.0");
        assert_eq!(float(1e16), "1e+16");
        assert_eq!(float(0.00001), "1e-05");
        assert_eq!(quoted("it's"), "\"it's\"");
    }
}
