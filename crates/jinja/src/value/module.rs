//! `modules.datetime`, `modules.pytz`, `modules.re` and `modules.itertools`.

use super::collections::Dict;
use super::{datetime, itertools, moment, regex};
use crate::call::{arguments, bad};
use crate::env::scope_of;
use crate::signature::{Bound, Signature};
use chrono::{DateTime, NaiveTime, Utc};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use rsdbt_sys as sys;
use std::sync::{Arc, LazyLock};

/// A module, or a class inside one: its members are functions.
#[derive(Debug, Clone, Copy)]
struct Module(&'static str);

/// A function of a module as a value: it can be called or passed on.
#[derive(Debug, Clone)]
struct Function {
    module: &'static str,
    name: String,
}

static DATE: LazyLock<Signature> = LazyLock::new(|| Signature::parse("date(year, month, day)"));
static TIME: LazyLock<Signature> =
    LazyLock::new(|| Signature::parse("time(hour=, minute=, second=, microsecond=, tzinfo=)"));
static DATETIME: LazyLock<Signature> =
    LazyLock::new(|| Signature::parse("datetime(year, month, day, hour=, minute=, second=, microsecond=, tzinfo=)"));

fn whole_parts(bound: &Bound, places: std::ops::Range<usize>) -> Result<Vec<i64>, Error> {
    places.map(|at| bound.int(at, 0)).collect()
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
        match self.0 {
            "datetime.datetime" => {
                let bound = DATETIME.bind(args)?;
                let zone = bound.some(7).and_then(|zone| zone.downcast_object_ref::<datetime::Zone>()).map(|z| z.0);
                moment::datetime_of(&whole_parts(&bound, 0..7)?, zone)
            }
            "datetime.date" => moment::date_of(&whole_parts(&DATE.bind(args)?, 0..3)?),
            "datetime.time" => moment::time_of(&whole_parts(&TIME.bind(args)?, 0..4)?),
            "datetime.timedelta" => {
                let (args, named) = arguments(args);
                datetime::Delta::build(&args, &named)
            }
            _ => Err(bad(format!("'{}' object is not callable", self.0))),
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
                Err(_) => Err(bad(format!("'{}' is no time zone that pytz knows", text(0)))),
            },
            "re" => re(&self.name, &args, &named),
            "itertools" => itertools::call(state, &self.name, &args, &named),
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

/// What `re.escape` escapes.
const SPECIAL: &str = "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}";

fn re(name: &str, args: &[Value], named: &indexmap::IndexMap<String, Value>) -> Result<Value, Error> {
    let text = |at: usize| args.get(at).and_then(Value::as_str).unwrap_or_default();
    if name == "escape" {
        let escaped: String =
            text(0).chars().flat_map(|c| if SPECIAL.contains(c) { vec!['\\', c] } else { vec![c] }).collect();
        return Ok(Value::from(escaped));
    }
    let flags_at = match name {
        "compile" => 1,
        "sub" | "subn" => 4,
        "split" => 3,
        _ => 2,
    };
    let flags = args.get(flags_at).or_else(|| named.get("flags")).and_then(Value::as_i64).unwrap_or(0);
    let rest = args.get(1..).unwrap_or_default();
    if let Some(pattern) = args.first().and_then(|p| p.downcast_object::<regex::Pattern>()) {
        return pattern.apply(name, rest, named);
    }
    let pattern = regex::compile(text(0), flags)?;
    if name == "compile" { Ok(Value::from_object(pattern)) } else { pattern.apply(name, rest, named) }
}
