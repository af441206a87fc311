//! Python's operators on template values: what the pre-pass writes in the place of `+ - * / // % ~` and literals.

use super::call::{Undefined, bad};
use super::signature;
use super::value::collections::{Dict, List};
use super::value::undefined::is_undefined;
use super::value::{datetime, method, pairs, python, set, tuple};
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use std::cmp::Ordering;

/// No template means more; Python would take all memory first.
const LONGEST: usize = 100_000_000;

const NAMES: [&str; 22] = [
    "_add",
    "_sub",
    "_mul",
    "_div",
    "_floordiv",
    "_mod",
    "_concat",
    "_list",
    "_dict",
    "_slice",
    "_caller",
    "_unset",
    "_lt",
    "_le",
    "_gt",
    "_ge",
    "_neg",
    "_iter",
    "_attr",
    "_namespace",
    "_unset_argument",
    "_done",
];

/// Names that the pre-pass writes and templates may not use.
pub fn is_reserved(name: &str) -> bool {
    NAMES.contains(&name)
}

type Binary = fn(&Value, &Value) -> Result<Value, Error>;

const BINARY: [(&str, Binary); 10] = [
    ("_add", add),
    ("_sub", |a, b| match datetime::arithmetic(a, b, true) {
        Some(result) => result,
        None => set::subtract(a, b).map_or_else(|| number("-", a, b), Ok),
    }),
    ("_mul", multiply),
    ("_div", |a, b| number("/", a, b)),
    ("_floordiv", |a, b| number("//", a, b)),
    ("_mod", |a, b| match a.as_str() {
        Some(format) => super::format::percent(format, b).map(Value::from),
        None => number("%", a, b),
    }),
    ("_lt", |a, b| ordered("<", a, b, |order| order.is_lt())),
    ("_le", |a, b| ordered("<=", a, b, |order| order.is_le())),
    ("_gt", |a, b| ordered(">", a, b, |order| order.is_gt())),
    ("_ge", |a, b| ordered(">=", a, b, |order| order.is_ge())),
];

pub fn register(env: &mut Environment) {
    for (name, operator) in BINARY {
        env.add_function(name, move |state: &State, a: Value, b: Value| forgiven(state, operator(&a, &b)));
    }
    env.add_function("_neg", |state: &State, value: Value| forgiven(state, negated(&value)));
    env.add_function("_concat", |a: Value, b: Value| Value::from(python::text(&a) + &python::text(&b)));
    env.add_function("_list", |v: Value| -> Result<Value, Error> { Ok(List::value(v.try_iter()?.collect())) });
    env.add_function("_dict", |v: Value| -> Result<Value, Error> {
        let entries = pairs(&v);
        entries.iter().try_for_each(|(key, _)| python::hashable(key))?;
        Ok(Dict::of(entries))
    });
    env.add_function("_iter", |state: &State, value: Value| match value.kind() {
        ValueKind::String => Ok(List::value(python::items(&value)?)),
        ValueKind::None if parsing(state) => Ok(Value::UNDEFINED),
        ValueKind::None | ValueKind::Number | ValueKind::Bool => python::items(&value).map(List::value),
        _ => Ok(value),
    });
    env.add_function("_done", |_: Value| Value::from(()));
    env.add_function("_attr", |state: &State, value: Value, name: &str| method::attribute(state, &value, name));
    env.add_function("_slice", |v: Value, from: Value, to: Value, step: Option<Value>| {
        sliced(&v, &from, &to, &step.unwrap_or_default())
    });
}

/// `value[from:to:step]`: a copy of the same kind.
fn sliced(value: &Value, from: &Value, to: &Value, step: &Value) -> Result<Value, Error> {
    if is_undefined(python::known(value)?) {
        return Ok(Value::UNDEFINED);
    }
    let bound = |value: &Value| match value.is_none() || value.is_undefined() {
        true => Ok(None),
        false => signature::whole(value).map(Some),
    };
    let (Ok(from), Ok(to), Ok(step)) = (bound(from), bound(to), bound(step)) else { return Ok(Value::UNDEFINED) };
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(bad("slice step cannot be zero"));
    }
    let items = match value.kind() {
        ValueKind::String | ValueKind::Seq => python::items(value)?,
        ValueKind::Iterable if value.downcast_object_ref::<set::Set>().is_none() => python::items(value)?,
        // Jinja2 finds nothing where Python would refuse.
        _ => return Ok(Value::UNDEFINED),
    };
    let length = items.len() as i64;
    // Python's bounds: from the end if negative, at most one beyond either end.
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |bound: Option<i64>, default: i64| {
        bound.map_or(default, |at| if at < 0 { (at + length).max(low) } else { at.min(high) })
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (mut at, end) = (place(from, first), place(to, last));
    let mut taken = Vec::new();
    while if step > 0 { at < end } else { at > end } {
        taken.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at = at.saturating_add(step);
    }
    Ok(match value.kind() {
        ValueKind::String => Value::from(taken.iter().map(python::text).collect::<String>()),
        _ if value.is_tuple() => tuple(taken),
        _ => List::value(taken),
    })
}

fn parsing(state: &State) -> bool {
    super::env::scope_of(state).is_some_and(|locals| !locals.scope().host().executing())
}

/// While parsing nothing is known yet: an unknown operand is no mistake.
fn forgiven(state: &State, result: Result<Value, Error>) -> Result<Value, Error> {
    match result {
        Err(error) if error.kind() == ErrorKind::UndefinedError && parsing(state) => Ok(Value::UNDEFINED),
        result => result,
    }
}

fn ordered(operator: &'static str, a: &Value, b: &Value, fits: fn(Ordering) -> bool) -> Result<Value, Error> {
    match set::relation(operator, a, b) {
        Some(result) => Ok(Value::from(result)),
        None => python::compare(operator, a, b).map(|order| Value::from(fits(order))),
    }
}

fn negated(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Number | ValueKind::Bool => number("-", &Value::from(0), value).map(|result| {
            // `0 - 0.0` would lose the sign of zero.
            if value.is_integer() { result } else { f64::try_from(value.clone()).map_or(result, |f| Value::from(-f)) }
        }),
        _ if datetime::multiply(value, &Value::from(-1)).is_some() => multiply(value, &Value::from(-1)),
        _ if is_undefined(python::known(value)?) => Ok(Value::UNDEFINED),
        _ => Err(bad(format!("bad operand type for unary -: '{}'", python::type_name(value)))),
    }
}

fn unsupported(operator: &str, a: &Value, b: &Value) -> Error {
    let (left, right) = (python::type_name(a), python::type_name(b));
    match (operator, left.as_str()) {
        ("+", "str" | "list" | "tuple") => bad(format!("can only concatenate {left} (not \"{right}\") to {left}")),
        ("*", "str" | "list" | "tuple") => bad(format!("can't multiply sequence by non-int of type '{right}'")),
        _ => bad(format!("unsupported operand type(s) for {operator}: '{left}' and '{right}'")),
    }
}

pub fn add(a: &Value, b: &Value) -> Result<Value, Error> {
    if is_undefined(a) && !a.is_undefined() {
        return Ok(b.clone());
    }
    if let Some(result) = datetime::arithmetic(a, b, false) {
        return result;
    }
    match (a.kind(), b.kind()) {
        (ValueKind::String, ValueKind::String) => Ok(Value::from(python::text(a) + &python::text(b))),
        (ValueKind::Seq | ValueKind::Iterable, ValueKind::Seq | ValueKind::Iterable)
            if a.is_tuple() == b.is_tuple() =>
        {
            let all = a.try_iter()?.chain(b.try_iter()?).collect();
            Ok(if a.is_tuple() { tuple(all) } else { List::value(all) })
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
    let longest = if sequence.kind() == ValueKind::String { LONGEST } else { LONGEST / 10 };
    if python::length(sequence).unwrap_or(0).saturating_mul(count) > longest {
        return Err(bad(format!("a sequence of more than {longest} members")));
    }
    match sequence.kind() {
        ValueKind::String if times.is_integer() => Ok(Value::from(python::text(sequence).repeat(count))),
        ValueKind::Seq if times.is_integer() => {
            let items: Vec<Value> = sequence.try_iter()?.collect();
            let all = std::iter::repeat_n(items, count).flatten().collect();
            Ok(if sequence.is_tuple() { tuple(all) } else { List::value(all) })
        }
        _ => number("*", a, b),
    }
}

/// Python's arithmetic: whole numbers stay whole except for `/`; `//` and `%` follow the sign of the divisor.
fn number(operator: &str, a: &Value, b: &Value) -> Result<Value, Error> {
    let numeric = |v: &Value| matches!(v.kind(), ValueKind::Number | ValueKind::Bool);
    if !numeric(a) || !numeric(b) {
        if a.is_undefined() || b.is_undefined() {
            return Err(Undefined::error(usize::from(!a.is_undefined())));
        }
        if is_undefined(a) || is_undefined(b) {
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
            "//" if y == 0 => return Err(bad("integer division or modulo by zero")),
            _ if y == 0 => return Err(bad("integer modulo by zero")),
            "//" => Some(x.div_euclid(y) - i128::from(y < 0 && x.rem_euclid(y) != 0)),
            _ => Some(((x % y) + y) % y),
        };
        return result.map(python::integer).ok_or_else(|| bad("integer overflow"));
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
