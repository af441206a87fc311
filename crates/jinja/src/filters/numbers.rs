//! Filters that make numbers or print them.

use super::Row;
use crate::call::bad;
use crate::signature::Bound;
use crate::value::python;
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

pub const FILTERS: &[Row] = &[
    (&["int"], "int(value, default=, base=)", int),
    (&["float"], "float(value, default=)", float),
    (&["round"], "round(value, precision=, method=)", round),
    (&["abs"], "abs(x)", abs),
    (&["filesizeformat"], "filesizeformat(value, binary=)", file_size),
];

fn int(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let value = args.value(0);
    python::known(&value)?;
    let base = u32::try_from(args.int(2, 10)?).unwrap_or(10);
    let parsed = match value.as_str() {
        Some(text) => from_text(text.trim(), base),
        None => match value.kind() {
            ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
            ValueKind::Number if value.is_integer() => Some(value),
            ValueKind::Number => truncated(f64::try_from(value)?),
            _ => None,
        },
    };
    Ok(parsed.unwrap_or_else(|| args.get(1).cloned().unwrap_or_else(|| Value::from(0))))
}

/// Python's `int(text, base)`, then `int(float(text))`.
fn from_text(text: &str, base: u32) -> Option<Value> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_lowercase().replace('_', "");
    let prefix = match base {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        _ => "",
    };
    let bare = lower.strip_prefix(prefix).unwrap_or(&lower);
    if (2..=36).contains(&base)
        && let Ok(number) = i128::from_str_radix(bare, base)
    {
        return Some(python::integer(sign * number));
    }
    text.parse::<f64>().ok().and_then(truncated)
}

fn truncated(number: f64) -> Option<Value> {
    number.is_finite().then(|| python::integer(number.trunc() as i128))
}

fn float(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let value = args.value(0);
    python::known(&value)?;
    let parsed = match value.as_str() {
        Some(text) => text.trim().replace('_', "").parse::<f64>().ok(),
        None if value.kind() == ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        None => f64::try_from(value).ok(),
    };
    Ok(parsed.map_or_else(|| args.get(1).cloned().unwrap_or_else(|| Value::from(0.0)), Value::from))
}

fn round(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let value = args.value(0);
    python::known(&value)?;
    let precision = args.int(1, 0)?;
    let method = args.text_or(2, "common");
    if !["common", "ceil", "floor"].contains(&method.as_str()) {
        return Err(bad("method must be common, ceil or floor"));
    }
    let number = match value.kind() {
        ValueKind::Number | ValueKind::Bool => python::number(&value)?,
        _ => return Err(bad(format!("type {} doesn't define __round__ method", python::type_name(&value)))),
    };
    let scale = 10f64.powi(precision.clamp(-300, 300) as i32);
    let rounded = match method.as_str() {
        "ceil" => (number * scale).ceil() / scale,
        "floor" => (number * scale).floor() / scale,
        _ => nearest(number, precision),
    };
    // Python's `round` leaves a whole number whole.
    Ok(if value.is_integer() && method == "common" { python::integer(rounded as i128) } else { Value::from(rounded) })
}

/// Half to even, judged by the exact value of the float: what formatting does.
fn nearest(number: f64, precision: i64) -> f64 {
    match usize::try_from(precision) {
        Ok(places) => format!("{number:.*}", places.min(300)).parse().unwrap_or(number),
        Err(_) => {
            let scale = 10f64.powi(precision.unsigned_abs().min(300) as i32);
            (number / scale).round_ties_even() * scale
        }
    }
}

fn abs(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let value = args.value(0);
    python::known(&value)?;
    match value.kind() {
        ValueKind::Bool => Ok(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => Ok(python::integer(i128::try_from(value)?.saturating_abs())),
        ValueKind::Number => Ok(Value::from(f64::try_from(value)?.abs())),
        _ => Err(bad(format!("bad operand type for abs(): '{}'", python::type_name(&value)))),
    }
}

fn file_size(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let bytes = python::number(&args.value(0))?;
    let binary = args.is_true(1);
    let base: f64 = if binary { 1024.0 } else { 1000.0 };
    let names = match binary {
        true => ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"],
        false => ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"],
    };
    if bytes == 1.0 {
        return Ok(Value::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::from(format!("{} Bytes", bytes.trunc())));
    }
    let at = (1..names.len()).find(|i| bytes < base.powi(*i as i32 + 1)).unwrap_or(names.len());
    Ok(Value::from(format!("{:.1} {}", bytes / base.powi(at as i32), names[at - 1])))
}
