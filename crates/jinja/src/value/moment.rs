//! Dates and times from their parts, and back: constructors with Python's bounds, and `repr`.

use super::datetime::{Date, DateTime, Delta, Time};
use crate::call::bad;
use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};
use minijinja::{Error, Value};

/// Python's bounds of the parts of a date and a time, in their order.
const BOUNDS: [(&str, i64, i64); 7] = [
    ("year", 1, 9999),
    ("month", 1, 12),
    ("day", 1, 31),
    ("hour", 0, 23),
    ("minute", 0, 59),
    ("second", 0, 59),
    ("microsecond", 0, 999_999),
];

fn bounded(parts: &[i64], from: usize) -> Result<(), Error> {
    for ((name, least, most), part) in BOUNDS[from..].iter().zip(parts) {
        if part < least || part > most {
            return Err(bad(match *name {
                "year" => format!("year {part} is out of range"),
                "day" => "day is out of range for month".to_owned(),
                name => format!("{name} must be in {least}..{most}"),
            }));
        }
    }
    Ok(())
}

/// A date from `date(y, m, d)`.
pub fn date_of(parts: &[i64]) -> Result<Value, Error> {
    date(parts).map(Date::value)
}

fn date(parts: &[i64]) -> Result<NaiveDate, Error> {
    bounded(parts, 0)?;
    let [year, month, day, ..] = *parts else { return Err(bad("a date takes year, month and day")) };
    let date = NaiveDate::from_ymd_opt(year as i32, month as u32, day as u32);
    date.ok_or_else(|| bad("day is out of range for month"))
}

fn time(parts: &[i64]) -> Result<NaiveTime, Error> {
    bounded(parts, 3)?;
    let at = |i: usize| parts.get(i).copied().unwrap_or(0) as u32;
    NaiveTime::from_hms_micro_opt(at(0), at(1), at(2), at(3)).ok_or_else(|| bad("hour must be in 0..23"))
}

/// A time from `time(h, m, s, us)`.
pub fn time_of(parts: &[i64]) -> Result<Value, Error> {
    time(parts).map(|time| Value::from_object(Time(time)))
}

/// A datetime from `datetime(y, m, d, h, m, s, us, tzinfo)`.
pub fn datetime_of(parts: &[i64], zone: Option<chrono_tz::Tz>) -> Result<Value, Error> {
    let naive = date(parts)?.and_time(time(parts.get(3..).unwrap_or_default())?);
    Ok(Value::from_object(DateTime { naive, zone }))
}

/// `repr` of what this module makes.
pub fn repr(value: &Value) -> Option<String> {
    let listed = |name: &str, parts: Vec<i64>, least: usize| {
        let last = parts.iter().rposition(|part| *part != 0).map_or(least, |at| (at + 1).max(least));
        let parts: Vec<String> = parts[..last].iter().map(ToString::to_string).collect();
        format!("datetime.{name}({}", parts.join(", "))
    };
    let clock = |time: NaiveTime| vec![i64::from(time.hour()), i64::from(time.minute())];
    let fine = |time: NaiveTime| vec![i64::from(time.second()), i64::from(time.nanosecond() / 1_000)];
    let days = |date: NaiveDate| vec![i64::from(date.year()), i64::from(date.month()), i64::from(date.day())];
    if let Some(Date(date)) = value.downcast_object_ref() {
        return Some(listed("date", days(*date), 3) + ")");
    }
    if let Some(Time(time)) = value.downcast_object_ref() {
        return Some(listed("time", [clock(*time), fine(*time)].concat(), 2) + ")");
    }
    if let Some(DateTime { naive, zone }) = value.downcast_object_ref() {
        let parts = [days(naive.date()), clock(naive.time()), fine(naive.time())].concat();
        let zone = zone.map(|zone| format!(", tzinfo=<{}>", zone.name())).unwrap_or_default();
        return Some(format!("{}{zone})", listed("datetime", parts, 5)));
    }
    let Delta(delta) = value.downcast_object_ref()?;
    let micros = delta.num_microseconds()?;
    let parts = [
        ("days", micros.div_euclid(86_400_000_000)),
        ("seconds", micros.rem_euclid(86_400_000_000) / 1_000_000),
        ("microseconds", micros.rem_euclid(1_000_000)),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(_, part)| *part != 0).map(|(name, part)| format!("{name}={part}")).collect();
    Some(format!("datetime.timedelta({})", if told.is_empty() { "0".to_owned() } else { told.join(", ") }))
}
