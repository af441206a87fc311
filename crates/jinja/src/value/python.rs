//! How Python prints: `str()` and `repr()` of every value a template can hold.

use minijinja::Value;
use minijinja::value::ValueKind;

/// `str(value)`; undefined prints as nothing, as in Jinja2.
pub fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => String::new(),
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        _ => repr(value),
    }
}

pub fn repr(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => "Undefined".to_owned(),
        ValueKind::None => "None".to_owned(),
        ValueKind::Bool => if value.is_true() { "True" } else { "False" }.to_owned(),
        ValueKind::Number if !value.is_integer() => {
            f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
        }
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Seq if value.is_tuple() => {
            let items = items(value);
            if items.len() == 1 { format!("({},)", items[0]) } else { format!("({})", items.join(", ")) }
        }
        ValueKind::Seq | ValueKind::Iterable if !is_own(value) => format!("[{}]", items(value).join(", ")),
        ValueKind::Map if !is_own(value) => {
            let entries: Vec<String> =
                super::pairs(value).iter().map(|(k, v)| format!("{}: {}", repr(k), repr(v))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => value.to_string(),
    }
}

/// Objects of ours print themselves; foreign sequences and maps print as lists and dicts.
fn is_own(value: &Value) -> bool {
    use super::{relation, table};
    value.downcast_object_ref::<relation::RelationObject>().is_some()
        || value.downcast_object_ref::<relation::ColumnObject>().is_some()
        || value.downcast_object_ref::<table::Table>().is_some()
        || value.downcast_object_ref::<table::Row>().is_some()
        || value.downcast_object_ref::<super::undefined::ParseTimeUndefined>().is_some()
}

fn items(value: &Value) -> Vec<String> {
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
