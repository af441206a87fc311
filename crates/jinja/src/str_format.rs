//! Python's `str.format`: fields, conversions and percentages; widths and numbers are minijinja's.

use super::call::{arguments, bad};
use super::value::python;
use minijinja::formatting::{FormatStyle, format};
use minijinja::{Error, Value};

/// `text.format(*args, **kwargs)`.
pub fn fill(text: &str, args: &[Value]) -> Result<String, Error> {
    let (positional, named) = arguments(args);
    let mut out = String::new();
    let mut next = 0;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let mark = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(mark) {
            out.push_str(mark);
            rest = after;
            continue;
        }
        if mark == "{" && rest.is_empty() {
            return Err(bad("Single '{' encountered in format string"));
        }
        if mark == "}" {
            return Err(bad("Single '}' encountered in format string"));
        }
        let end = rest.find('}').ok_or_else(|| bad("expected '}' before end of string"))?;
        let (field, spec) = rest[..end].split_once(':').unwrap_or((&rest[..end], ""));
        let (path, conversion) = field.split_once('!').unwrap_or((field, ""));
        let start = path.find(['.', '[']).unwrap_or(path.len());
        let base = match path[..start].parse::<usize>() {
            Ok(at) => positional.get(at).cloned(),
            Err(_) if start > 0 => named.get(&path[..start]).cloned(),
            Err(_) => {
                next += 1;
                positional.get(next - 1).cloned()
            }
        };
        let missing = || match path[..start].chars().next() {
            Some(c) if !c.is_ascii_digit() => bad(python::quoted(&path[..start])),
            _ => bad("tuple index out of range"),
        };
        let value = member(&base.ok_or_else(missing)?, &path[start..])?;
        out.push_str(&field_text(&value, conversion, spec)?);
        rest = &rest[end + 1..];
    }
    Ok(out + rest)
}

/// What `.a[0]` leads to.
fn member(value: &Value, path: &str) -> Result<Value, Error> {
    let mut found = value.clone();
    for step in path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty()) {
        found = match step.parse::<usize>() {
            Ok(at) => found.get_item(&Value::from(at))?,
            Err(_) => found.get_attr(step)?,
        };
    }
    Ok(found)
}

fn field_text(value: &Value, conversion: &str, spec: &str) -> Result<String, Error> {
    let value = match conversion {
        "" => value.clone(),
        "s" => Value::from(python::text(value)),
        "r" | "a" => Value::from(python::repr(value)),
        other => return Err(bad(format!("Unknown conversion specifier {other}"))),
    };
    if spec.is_empty() {
        return Ok(python::text(&value));
    }
    match spec.strip_suffix('%') {
        Some(spec) => {
            let precision = if spec.contains('.') { "f" } else { ".6f" };
            let hundredfold = Value::from(python::number(&value)? * 100.0);
            Ok(format(FormatStyle::StrFormat, &format!("{{:{spec}{precision}}}"), &[hundredfold])? + "%")
        }
        None => format(FormatStyle::StrFormat, &format!("{{:{spec}}}"), &[value]),
    }
}
