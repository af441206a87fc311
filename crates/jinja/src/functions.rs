//! The global functions of every template, with Python's arguments: one row a function.

use super::call::{ReturnSignal, bad};
use super::signature::{Bound, Signature, plain};
use super::value::collections::{Dict, List};
use super::value::set::Set;
use super::value::{cursor, from_data, module, pairs, python, zip};
use super::{json, yaml};
use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use std::sync::Arc;

type Function = fn(&mut State, &Bound) -> Result<Value, Error>;

const FUNCTIONS: &[(&str, &str, Function)] = &[
    ("return", "_return(data)", |_, args| {
        let signal = ReturnSignal(args.value(0));
        Err(Error::new(ErrorKind::InvalidOperation, "return() outside of a macro").with_source(signal))
    }),
    ("dict", "dict(iterable=, **)", dict),
    ("range", "range(start=, stop=, step=)", range),
    ("namespace", "namespace(*, **)", namespace),
    ("cycler", "cycler(*)", |_, args| cursor::cycler(args.rest.clone())),
    ("joiner", "joiner(sep=)", |_, args| Ok(cursor::joiner(Value::from(args.text_or(0, ", "))))),
    ("tojson", "tojson(value, default=, sort_keys=)", |_, args| {
        json::dumps(&args.value(0), args.is_true(2), None).map(Value::from)
    }),
    ("fromjson", "fromjson(string, default=)", |_, args| {
        let read = args.value(0).as_str().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
        Ok(read.map_or_else(|| args.value(1), |json| from_data(json.into())))
    }),
    ("toyaml", "toyaml(value, default=, sort_keys=)", |_, args| {
        yaml::dump(&args.value(0), args.is_true(2)).map(Value::from)
    }),
    ("fromyaml", "fromyaml(value, default=)", |_, args| Ok(yaml::load(&args.text(0)).unwrap_or_else(|| args.value(1)))),
    ("set", "set(value, default=)", |_, args| match python::items(&args.value(0)) {
        Ok(items) => Set::of(items).map_or_else(|_| Ok(args.value(1)), |members| Ok(Set::value(members))),
        Err(_) => Ok(args.value(1)),
    }),
    ("set_strict", "set_strict(value)", |_, args| Set::of(python::items(&args.value(0))?).map(Set::value)),
    ("zip", "zip(*, **)", |_, args| {
        let default = args.named.get("default").cloned().unwrap_or_else(|| Value::from(()));
        Ok(zip::zip(&args.rest).unwrap_or(default))
    }),
    ("zip_strict", "zip_strict(*)", |_, args| zip::zip(&args.rest)),
    ("local_md5", "local_md5(value)", |_, args| Ok(Value::from(super::env::hash(&args.text(0))))),
    ("diff_of_two_dicts", "diff_of_two_dicts(dict_a, dict_b)", difference),
];

pub fn register(env: &mut Environment) {
    for (name, signature, function) in FUNCTIONS {
        let signature = Arc::new(Signature::parse(signature));
        env.add_function(*name, move |state: &mut State, args: Rest<ValueOrKwargs>| {
            function(state, &signature.bind(&plain(args))?)
        });
    }
    env.add_global("modules", module::modules());
    env.add_global("dbt_version", rsdbt_base::DBT_VERSION);
    for (name, value) in [("True", Value::from(true)), ("False", Value::from(false)), ("None", Value::from(()))] {
        env.add_global(name, value);
    }
}

fn dict(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let given = args.value(0);
    let mut items: indexmap::IndexMap<Value, Value> = match given.kind() {
        _ if args.get(0).is_none() => indexmap::IndexMap::new(),
        ValueKind::Map => pairs(&given).into_iter().collect(),
        _ => python::entries(&given)?.into_iter().collect(),
    };
    items.extend(args.named.iter().map(|(k, v)| (Value::from(k.as_str()), v.clone())));
    Ok(Dict::value(items))
}

/// As long as Jinja2's sandbox allows.
fn range(_: &mut State, args: &Bound) -> Result<Value, Error> {
    const LONGEST: i64 = 100_000;
    if args.get(0).is_none() {
        return Err(bad("range expected at least 1 argument, got 0"));
    }
    let (start, stop) = match args.get(1) {
        Some(_) => (args.int(0, 0)?, args.int(1, 0)?),
        None => (0, args.int(0, 0)?),
    };
    let step = args.int(2, 1)?;
    let span = if step > 0 { stop.saturating_sub(start) } else { start.saturating_sub(stop) };
    let count = match step {
        0 => return Err(bad("range() arg 3 must not be zero")),
        _ => (span.max(0) as u64).div_ceil(step.unsigned_abs()),
    };
    if count > LONGEST as u64 {
        return Err(bad(format!("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({LONGEST}).")));
    }
    Ok(Value::from_object(super::value::range::Range { start, stop, step, count: count as usize }))
}

fn namespace(state: &mut State, args: &Bound) -> Result<Value, Error> {
    let mut named: Vec<(String, Value)> = Vec::new();
    for map in &args.rest {
        let entries = if map.kind() == ValueKind::Map { pairs(map) } else { python::entries(map)? };
        named.extend(entries.into_iter().map(|(k, v)| (python::text(&k), v)));
    }
    named.extend(args.named.iter().map(|(k, v)| (k.clone(), v.clone())));
    let all: Kwargs = named.into_iter().collect();
    let plain = state.lookup("_namespace").ok_or_else(|| bad("namespace() is not there"))?;
    plain.call(state, &[Value::from(all)])
}

/// What the lists of one dict have beyond those of another, without regard to case.
fn difference(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let folded = |value: &Value| python::text(value).to_lowercase();
    let other: Vec<(String, Vec<String>)> = pairs(&args.value(1))
        .iter()
        .map(|(key, values)| Ok((folded(key), python::items(values)?.iter().map(folded).collect())))
        .collect::<Result<_, Error>>()?;
    let mut found = indexmap::IndexMap::new();
    for (key, values) in pairs(&args.value(0)) {
        let known = other.iter().find(|(name, _)| *name == folded(&key)).map(|(_, values)| values.as_slice());
        let known = known.unwrap_or_default();
        let more: Vec<Value> = python::items(&values)?.into_iter().filter(|v| !known.contains(&folded(v))).collect();
        if !more.is_empty() {
            found.insert(key, List::value(more));
        }
    }
    Ok(Dict::value(found))
}
