//! Python's operators on template values: what the pre-pass writes in the place of `+ - * / // % ~` and literals.

use super::call::bad;
use super::value::collections::{Dict, List};
use super::value::undefined::is_undefined;
use super::value::{datetime, pairs, python};
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Value};

const NAMES: [&str; 12] =
    ["_add", "_sub", "_mul", "_div", "_floordiv", "_mod", "_concat", "_list", "_dict", "_slice", "_caller", "_unset"];

/// Names that the pre-pass writes and templates may not use.
pub fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name)
}

pub fn register(env: &mut Environment) {
    env.add_function("_add", |a: Value, b: Value| add(&a, &b));
    env.add_function("_sub", |a: Value, b: Value| match datetime::arithmetic(&a, &b, true) {
        Some(result) => result,
        None => number("-", &a, &b),
    });
    env.add_function("_mul", |a: Value, b: Value| multiply(&a, &b));
    env.add_function("_div", |a: Value, b: Value| number("/", &a, &b));
    env.add_function("_floordiv", |a: Value, b: Value| number("//", &a, &b));
    env.add_function("_mod", |a: Value, b: Value| match a.as_str() {
        Some(format) => super::format::percent(format, &b).map(Value::from),
        None => number("%", &a, &b),
    });
    env.add_function("_concat", |a: Value, b: Value| Value::from(python::text(&a) + &python::text(&b)));
    env.add_function("_list", |v: Value| -> Result<Value, Error> { Ok(List::value(v.try_iter()?.collect())) });
    env.add_function("_dict", |v: Value| Dict::value(pairs(&v).into_iter().collect()));
    env.add_function("_slice", |v: Value| -> Result<Value, Error> {
        match v.kind() {
            ValueKind::Seq | ValueKind::Iterable if !v.is_tuple() => Ok(List::value(v.try_iter()?.collect())),
            _ => Ok(v),
        }
    });
}

fn unsupported(operator: &str, a: &Value, b: &Value) -> Error {
    let name = |v: &Value| match v.kind() {
        ValueKind::None => "NoneType".to_owned(),
        ValueKind::String => "str".to_owned(),
        ValueKind::Number if v.is_integer() => "int".to_owned(),
        ValueKind::Number => "float".to_owned(),
        ValueKind::Seq => "list".to_owned(),
        ValueKind::Map => "dict".to_owned(),
        other => other.to_string(),
    };
    bad(format!("unsupported operand type(s) for {operator}: '{}' and '{}'", name(a), name(b)))
}

pub fn add(a: &Value, b: &Value) -> Result<Value, Error> {
    if is_undefined(a) && a.downcast_object_ref::<super::value::undefined::ParseTimeUndefined>().is_some() {
        return Ok(b.clone());
    }
    if let Some(result) = datetime::arithmetic(a, b, false) {
        return result;
    }
    match (a.kind(), b.kind()) {
        (ValueKind::String, ValueKind::String) => Ok(Value::from(python::text(a) + &python::text(b))),
        (ValueKind::Seq | ValueKind::Iterable, ValueKind::Seq | ValueKind::Iterable) => {
            Ok(List::value(a.try_iter()?.chain(b.try_iter()?).collect()))
        }
        _ => number("+", a, b),
    }
}

fn multiply(a: &Value, b: &Value) -> Result<Value, Error> {
    if let Some(delta) = datetime::multiply(a, b) {
        return Ok(delta);
    }
    let (sequence, times) = if b.is_integer() { (a, b) } else { (b, a) };
    let count = times.as_i64().unwrap_or(0).max(0) as usize;
    match sequence.kind() {
        ValueKind::String if times.is_integer() => Ok(Value::from(python::text(sequence).repeat(count))),
        ValueKind::Seq if times.is_integer() => {
            let items: Vec<Value> = sequence.try_iter()?.collect();
            Ok(List::value(std::iter::repeat_n(items, count).flatten().collect()))
        }
        _ => number("*", a, b),
    }
}

/// Python's arithmetic: whole numbers stay whole except for `/`; `//` and `%` follow the sign of the divisor.
fn number(operator: &str, a: &Value, b: &Value) -> Result<Value, Error> {
    let numeric = |v: &Value| matches!(v.kind(), ValueKind::Number | ValueKind::Bool);
    if !numeric(a) || !numeric(b) {
        // While parsing nothing is known yet: an unknown operand is no mistake.
        if a.is_undefined() || b.is_undefined() || is_undefined(a) || is_undefined(b) {
            return Ok(Value::UNDEFINED);
        }
        return Err(unsupported(operator, a, b));
    }
    let whole = |v: &Value| -> Option<i128> {
        match v.kind() {
            ValueKind::Bool => Some(i128::from(v.is_true())),
            _ if v.is_integer() => i128::try_from(v.clone()).ok(),
            _ => None,
        }
    };
    if let (Some(x), Some(y), true) = (whole(a), whole(b), operator != "/") {
        let result = match operator {
            "+" => x.checked_add(y),
            "-" => x.checked_sub(y),
            "*" => x.checked_mul(y),
            _ if y == 0 => return Err(bad("integer division or modulo by zero")),
            "//" => Some(x.div_euclid(y) - i128::from(y < 0 && x.rem_euclid(y) != 0)),
            _ => Some(((x % y) + y) % y),
        };
        return result.map(small).ok_or_else(|| bad("integer overflow"));
    }
    let float = |v: &Value| whole(v).map_or_else(|| f64::try_from(v.clone()), |w| Ok(w as f64));
    let (x, y) = (float(a)?, float(b)?);
    if y == 0.0 && matches!(operator, "/" | "//" | "%") {
        return Err(bad("division by zero"));
    }
    Ok(Value::from(match operator {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" => x / y,
        "//" => (x / y).floor(),
        _ => x - y * (x / y).floor(),
    }))
}

fn small(value: i128) -> Value {
    i64::try_from(value).map_or_else(|_| Value::from(value), Value::from)
}
