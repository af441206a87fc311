//! What a plain scalar of YAML 1.1 means.

use crate::value::{datetime, moment, python};
use fancy_regex::{Captures, Regex};
use minijinja::Value;
use std::sync::LazyLock;

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static INT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        "^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
    )
});
static FLOAT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    )
});
static MOMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::?([0-9]{2}))?))?)?$",
    )
});

fn fits(pattern: &Option<Regex>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text).unwrap_or(false))
}

pub fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::from(()),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::from(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Value::from(false),
        _ => {}
    }
    let number = if fits(&INT, text) {
        whole(text)
    } else if fits(&FLOAT, text) {
        float(text)
    } else {
        date_or_time(text)
    };
    number.unwrap_or_else(|| Value::from(text))
}

/// Sign and the rest without underscores.
fn signed(text: &str) -> (bool, String) {
    let bare = text.trim_start_matches(['-', '+']).replace('_', "");
    (text.starts_with('-'), bare)
}

fn whole(text: &str) -> Option<Value> {
    let (negative, bare) = signed(text);
    let number = if bare == "0" {
        0
    } else if let Some(digits) = bare.strip_prefix("0b") {
        i128::from_str_radix(digits, 2).ok()?
    } else if let Some(digits) = bare.strip_prefix("0x") {
        i128::from_str_radix(digits, 16).ok()?
    } else if let Some(digits) = bare.strip_prefix('0') {
        i128::from_str_radix(digits, 8).ok()?
    } else {
        bare.split(':').try_fold(0i128, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?
    };
    Some(python::integer(if negative { -number } else { number }))
}

fn float(text: &str) -> Option<Value> {
    let (negative, bare) = signed(text);
    let number = match bare.to_lowercase().as_str() {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        sixty if sixty.contains(':') => {
            sixty.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))?
        }
        plain => plain.parse().ok()?,
    };
    Some(Value::from(if negative { -number } else { number }))
}

/// A date, or a date with a time; a zone makes it a moment in UTC.
fn date_or_time(text: &str) -> Option<Value> {
    let found = MOMENT.as_ref()?.captures(text).ok()??;
    let part = |at: usize| number(&found, at);
    let (year, month, day) = (part(1)?, part(2)?, part(3)?);
    if found.get(4).is_none() {
        return moment::date_of(&[year, month, day]).ok();
    }
    let micros = format!("{:0<6}", found.get(7).map_or("", |m| m.as_str()));
    let micros = micros.get(..6)?.parse::<i64>().ok()?;
    let local = moment::datetime_of(&[year, month, day, part(4)?, part(5)?, part(6)?, micros], None).ok()?;
    if found.get(8).is_none() {
        return Some(local);
    }
    let minutes = part(10).unwrap_or(0) * 60 + part(11).unwrap_or(0);
    let east = if found.get(9).is_some_and(|sign| sign.as_str() == "-") { -minutes } else { minutes };
    let local = local.downcast_object_ref::<datetime::DateTime>()?.utc_micros();
    Some(datetime::DateTime::from_micros(local - east * 60_000_000, true))
}

fn number(found: &Captures, at: usize) -> Option<i64> {
    found.get(at)?.as_str().parse().ok()
}
