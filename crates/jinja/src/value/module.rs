//! `modules.datetime`, `modules.pytz`, `modules.re` and `modules.itertools`.

use super::collections::{Dict, List};
use super::{datetime, regex};
use crate::call::{arguments, bad};
use crate::env::scope_of;
use chrono::{DateTime, NaiveTime, Utc};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use rsdbt_sys as sys;
use std::sync::Arc;

/// A module, or a class inside one: its members are functions.
#[derive(Debug, Clone, Copy)]
struct Module(&'static str);

/// A function of a module as a value: it can be called or passed on.
#[derive(Debug, Clone)]
struct Function {
    module: &'static str,
    name: String,
}

/// The value of `modules`.
pub fn modules() -> Value {
    let entries = ["datetime", "pytz", "re", "itertools"];
    Dict::value(entries.iter().map(|name| (Value::from(*name), Value::from_object(Module(name)))).collect())
}

impl Object for Module {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let module = |name| Some(Value::from_object(Module(name)));
        match (self.0, name) {
            ("datetime", "datetime") => module("datetime.datetime"),
            ("datetime", "date") => module("datetime.date"),
            ("datetime", "time") => module("datetime.time"),
            ("datetime", "timedelta") => module("datetime.timedelta"),
            ("datetime", "timezone") => module("datetime.timezone"),
            ("datetime.timezone", "utc") | ("pytz", "utc" | "UTC") => {
                Some(Value::from_object(datetime::Zone(chrono_tz::UTC)))
            }
            ("re", flag) if flag_value(flag).is_some() => flag_value(flag).map(Value::from),
            (module, name) => Some(Value::from_object(Function { module, name: name.to_owned() })),
        }
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (args, named) = arguments(args);
        let parts: Vec<i64> = args.iter().filter_map(Value::as_i64).collect();
        let part = |name: &str| named.get(name).and_then(Value::as_i64);
        match self.0 {
            "datetime.datetime" | "datetime.date" if parts.is_empty() && !named.is_empty() => {
                let names = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
                let parts: Vec<i64> = names.iter().map(|n| part(n).unwrap_or(0)).collect();
                if self.0 == "datetime.date" { datetime::date_of(&parts[..3]) } else { datetime::datetime_of(&parts) }
            }
            "datetime.datetime" => datetime::datetime_of(&parts),
            "datetime.date" => datetime::date_of(&parts),
            "datetime.timedelta" => datetime::Delta::build(&args, &named),
            _ => Err(bad(format!("{} is not callable", self.0))),
        }
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match self.get_value(&Value::from(method)) {
            Some(member) => member.call(state, args),
            None => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (args, named) = arguments(args);
        let text = |at: usize| args.get(at).and_then(Value::as_str).unwrap_or_default();
        match self.module {
            "datetime.datetime" => date_time(state, &self.name, &args, &named),
            "datetime.date" => date(state, &self.name, &args),
            "pytz" if self.name == "timezone" => match text(0).parse::<chrono_tz::Tz>() {
                Ok(zone) => Ok(Value::from_object(datetime::Zone(zone))),
                Err(_) => Err(bad(format!("pytz knows no time zone '{}'", text(0)))),
            },
            "re" => re(&self.name, &args, &named),
            "itertools" => itertools(&self.name, &args, &named),
            _ => Err(bad(format!("modules.{} has no '{}'", self.module, self.name))),
        }
    }
}

/// The time, which the host hears of.
fn now(state: &State) -> DateTime<Utc> {
    if let Some(locals) = scope_of(state) {
        locals.scope().host().clock_read();
    }
    sys::now_utc()
}

fn date_time(
    state: &State,
    name: &str,
    args: &[Value],
    named: &indexmap::IndexMap<String, Value>,
) -> Result<Value, Error> {
    let text = |at: usize| args.get(at).and_then(Value::as_str).unwrap_or_default();
    match name {
        "now" => match args.first().or_else(|| named.get("tz")).and_then(|z| z.downcast_object_ref::<datetime::Zone>())
        {
            Some(zone) => {
                let moment = datetime::DateTime::from_micros(now(state).timestamp_micros(), true);
                let zoned = moment.downcast_object_ref::<datetime::DateTime>().map(|m| m.shifted(zone.0));
                zoned.ok_or_else(|| bad("a datetime is a datetime"))
            }
            None => Ok(datetime::DateTime::naive(now(state).naive_utc())),
        },
        "utcnow" | "today" => Ok(datetime::DateTime::naive(now(state).naive_utc())),
        "strptime" => datetime::strptime(text(0), text(1)),
        "fromisoformat" => datetime::from_iso(text(0)),
        "fromtimestamp" | "utcfromtimestamp" => {
            let seconds = args.first().cloned().map(f64::try_from).transpose()?.unwrap_or_default();
            Ok(datetime::DateTime::from_micros((seconds * 1e6) as i64, false))
        }
        "combine" => {
            let date = args.first().map(ToString::to_string).unwrap_or_default();
            let time = args.get(1).map(ToString::to_string).unwrap_or_else(|| NaiveTime::MIN.to_string());
            datetime::from_iso(&format!("{date} {time}"))
        }
        _ => Err(bad(format!("datetime.datetime has no '{name}'"))),
    }
}

fn date(state: &State, name: &str, args: &[Value]) -> Result<Value, Error> {
    match name {
        "today" => Ok(datetime::Date::value(now(state).date_naive())),
        "fromisoformat" => {
            let text = args.first().and_then(Value::as_str).unwrap_or_default();
            chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map(datetime::Date::value)
                .map_err(|_| bad(format!("Invalid isoformat string: '{text}'")))
        }
        _ => Err(bad(format!("datetime.date has no '{name}'"))),
    }
}

fn flag_value(name: &str) -> Option<i64> {
    Some(match name {
        "I" | "IGNORECASE" => 2,
        "M" | "MULTILINE" => 8,
        "S" | "DOTALL" => 16,
        "X" | "VERBOSE" => 64,
        "A" | "ASCII" | "U" | "UNICODE" => 0,
        _ => return None,
    })
}

fn re(name: &str, args: &[Value], named: &indexmap::IndexMap<String, Value>) -> Result<Value, Error> {
    let text = |at: usize| args.get(at).and_then(Value::as_str).unwrap_or_default();
    if name == "escape" {
        let escaped: String = text(0)
            .chars()
            .flat_map(|c| if c.is_alphanumeric() || c == '_' { vec![c] } else { vec!['\\', c] })
            .collect();
        return Ok(Value::from(escaped));
    }
    let flags_at = match name {
        "compile" => 1,
        "sub" => 4,
        "split" => 3,
        _ => 2,
    };
    let flags = args.get(flags_at).or_else(|| named.get("flags")).and_then(Value::as_i64).unwrap_or(0);
    if let Some(pattern) = args.first().and_then(|p| p.downcast_object::<regex::Pattern>()) {
        return pattern.apply(name, &args[1..], text(if name == "sub" { 2 } else { 1 }));
    }
    let pattern = regex::compile(text(0), flags)?;
    if name == "compile" {
        return Ok(Value::from_object(pattern));
    }
    let rest = args.get(1..).unwrap_or_default();
    pattern.apply(name, rest, text(if name == "sub" { 2 } else { 1 }))
}

fn itertools(name: &str, args: &[Value], named: &indexmap::IndexMap<String, Value>) -> Result<Value, Error> {
    let sequence = |at: usize| -> Result<Vec<Value>, Error> {
        args.get(at).map_or_else(|| Ok(Vec::new()), |v| Ok(v.try_iter()?.collect()))
    };
    let size = |at: usize| args.get(at).and_then(Value::as_usize);
    let tuples = |all: Vec<Vec<Value>>| List::value(all.into_iter().map(super::tuple).collect());
    match name {
        "chain" => {
            let all: Result<Vec<Vec<Value>>, Error> = (0..args.len()).map(sequence).collect();
            Ok(List::value(all?.concat()))
        }
        "product" => {
            let repeat = named.get("repeat").and_then(Value::as_usize).unwrap_or(1);
            let once: Result<Vec<Vec<Value>>, Error> = (0..args.len()).map(sequence).collect();
            let pools = std::iter::repeat_n(once?, repeat).flatten();
            let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
            for pool in pools {
                rows = rows
                    .iter()
                    .flat_map(|row| pool.iter().map(|v| [row.as_slice(), std::slice::from_ref(v)].concat()))
                    .collect();
            }
            Ok(tuples(rows))
        }
        "combinations" | "permutations" | "combinations_with_replacement" => {
            let pool = sequence(0)?;
            let length = size(1).unwrap_or(pool.len());
            Ok(tuples(choose(&pool, length, name)))
        }
        "repeat" => Ok(List::value(vec![args.first().cloned().unwrap_or_default(); size(1).unwrap_or(1)])),
        "islice" => {
            let (start, stop) = if args.len() > 2 { (size(1).unwrap_or(0), size(2)) } else { (0, size(1)) };
            let step = size(3).unwrap_or(1).max(1);
            let items = sequence(0)?;
            let end = stop.unwrap_or(items.len()).min(items.len());
            Ok(List::value(items[start.min(end)..end].iter().step_by(step).cloned().collect()))
        }
        "zip_longest" => {
            let all: Result<Vec<Vec<Value>>, Error> = (0..args.len()).map(sequence).collect();
            let all = all?;
            let fill = named.get("fillvalue").cloned().unwrap_or_else(|| Value::from(()));
            let longest = all.iter().map(Vec::len).max().unwrap_or(0);
            let row = |i: usize| all.iter().map(|s| s.get(i).cloned().unwrap_or_else(|| fill.clone())).collect();
            Ok(tuples((0..longest).map(row).collect()))
        }
        "accumulate" => {
            let mut total: Option<Value> = None;
            let mut out = Vec::new();
            for item in sequence(0)? {
                let next = match total {
                    Some(sum) => super::super::ops::add(&sum, &item)?,
                    None => item,
                };
                out.push(next.clone());
                total = Some(next);
            }
            Ok(List::value(out))
        }
        _ => Err(bad(format!("modules.itertools has no '{name}'"))),
    }
}

/// Python's order: by position in the pool.
fn choose(pool: &[Value], length: usize, how: &str) -> Vec<Vec<Value>> {
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length {
        let mut longer = Vec::new();
        for row in &rows {
            let from = match how {
                "combinations" => row.last().map_or(0, |last| last + 1),
                "combinations_with_replacement" => row.last().copied().unwrap_or(0),
                _ => 0,
            };
            for at in from..pool.len() {
                if how != "permutations" || !row.contains(&at) {
                    longer.push([row.as_slice(), &[at]].concat());
                }
            }
        }
        rows = longer;
    }
    rows.into_iter().map(|row| row.into_iter().map(|at| pool[at].clone()).collect()).collect()
}
