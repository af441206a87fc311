//! Python's `datetime` module: date, time, datetime and timedelta, with pytz zones.

use super::python;
use crate::call::{arguments, bad};
use chrono::format::{Item, StrftimeItems};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike};
use indexmap::IndexMap;
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A datetime; `zone` is an IANA name's zone, `None` for a naive one.
#[derive(Debug, Clone)]
pub struct DateTime {
    pub(super) naive: NaiveDateTime,
    pub(super) zone: Option<chrono_tz::Tz>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Date(pub(super) NaiveDate);

#[derive(Debug, Clone, PartialEq)]
pub struct Time(pub(super) NaiveTime);

#[derive(Debug, Clone, PartialEq)]
pub struct Delta(pub(super) TimeDelta);

#[derive(Debug, Clone)]
pub struct Zone(pub chrono_tz::Tz);

impl DateTime {
    pub fn from_micros(micros: i64, zoned: bool) -> Value {
        let naive = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default().naive_utc();
        Value::from_object(DateTime { naive, zone: zoned.then_some(chrono_tz::UTC) })
    }

    pub fn naive(naive: NaiveDateTime) -> Value {
        Value::from_object(DateTime { naive, zone: None })
    }

    pub fn is_zoned(&self) -> bool {
        self.zone.is_some()
    }

    fn offset_seconds(&self) -> i64 {
        let Some(zone) = self.zone else { return 0 };
        match zone.offset_from_local_datetime(&self.naive).earliest() {
            Some(offset) => i64::from(offset.fix().local_minus_utc()),
            None => 0,
        }
    }

    pub fn utc_micros(&self) -> i64 {
        self.naive.and_utc().timestamp_micros() - self.offset_seconds() * 1_000_000
    }

    fn offset_text(&self, colon: &str) -> String {
        let seconds = self.offset_seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        format!("{sign}{:02}{colon}{:02}", seconds.abs() / 3600, seconds.abs() % 3600 / 60)
    }

    fn iso(&self, separator: char) -> String {
        let time = clock(self.naive.time());
        let offset = self.zone.map(|_| self.offset_text(":")).unwrap_or_default();
        format!("{}{separator}{time}{offset}", self.naive.date())
    }

    fn in_zone(&self, zone: chrono_tz::Tz) -> DateTime {
        let utc = chrono::DateTime::from_timestamp_micros(self.utc_micros()).unwrap_or_default();
        DateTime { naive: utc.with_timezone(&zone).naive_local(), zone: Some(zone) }
    }

    /// The same moment on another zone's clock.
    pub fn shifted(&self, zone: chrono_tz::Tz) -> Value {
        Value::from_object(self.in_zone(zone))
    }

    /// `CET`, `UTC`; empty without a zone.
    fn abbreviation(&self) -> String {
        let known = self.zone.and_then(|zone| zone.offset_from_local_datetime(&self.naive).earliest());
        known.map(|offset| offset.to_string()).unwrap_or_default()
    }

    fn strftime(&self, format: &str) -> Result<String, Error> {
        let zone = self.abbreviation();
        let offset = self.zone.map(|_| self.offset_text("")).unwrap_or_default();
        let format = format.replace("%Z", &zone).replace("%z", &offset);
        strftime(self.naive, &format)
    }
}

fn clock(time: NaiveTime) -> String {
    match time.nanosecond() / 1_000 {
        0 => time.format("%H:%M:%S").to_string(),
        _ => time.format("%H:%M:%S%.6f").to_string(),
    }
}

fn strftime(moment: NaiveDateTime, format: &str) -> Result<String, Error> {
    let format = format.replace("%f", "%6f").replace("%c", "%a %b %e %H:%M:%S %Y").replace("%x", "%m/%d/%y");
    let items: Vec<Item> = StrftimeItems::new(&format).collect();
    if items.contains(&Item::Error) {
        return Err(bad(format!("strftime does not know the format {}", python::quoted(&format))));
    }
    Ok(moment.format_with_items(items.into_iter()).to_string())
}

/// `strptime`: the missing parts are those of 1900-01-01 00:00.
pub fn strptime(text: &str, format: &str) -> Result<Value, Error> {
    let chrono_format = format.replace("%f", "%6f").replace(".%6f", "%.f");
    let parsed = NaiveDateTime::parse_from_str(text, &chrono_format)
        .or_else(|_| NaiveDate::parse_from_str(text, &chrono_format).map(|d| d.and_time(NaiveTime::MIN)));
    parsed.map(DateTime::naive).map_err(|_| {
        bad(format!("time data {} does not match format {}", python::quoted(text), python::quoted(format)))
    })
}

/// `fromisoformat` of a datetime.
pub fn from_iso(text: &str) -> Result<Value, Error> {
    if let Ok(moment) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(DateTime::from_micros(moment.timestamp_micros(), true));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|d| d.and_time(NaiveTime::MIN)))
        .map(DateTime::naive)
        .ok_or_else(|| bad(format!("Invalid isoformat string: {}", python::quoted(text))))
}

impl Date {
    pub fn from_days(days: i32) -> Value {
        let date = NaiveDate::default().checked_add_signed(TimeDelta::days(i64::from(days))).unwrap_or_default();
        Value::from_object(Date(date))
    }

    pub fn value(date: NaiveDate) -> Value {
        Value::from_object(Date(date))
    }
}

impl Delta {
    pub fn value(delta: TimeDelta) -> Value {
        Value::from_object(Delta(delta))
    }

    /// `timedelta(days=, hours=, ...)`.
    pub fn build(positional: &[Value], named: &IndexMap<String, Value>) -> Result<Value, Error> {
        const UNITS: [(&str, f64); 7] = [
            ("days", 86_400e6),
            ("seconds", 1e6),
            ("microseconds", 1.0),
            ("milliseconds", 1e3),
            ("minutes", 60e6),
            ("hours", 3_600e6),
            ("weeks", 604_800e6),
        ];
        let mut micros = 0.0;
        for (at, (name, scale)) in UNITS.iter().enumerate() {
            if let Some(value) = positional.get(at).or_else(|| named.get(*name)) {
                micros += f64::try_from(value.clone())? * scale;
            }
        }
        Ok(Delta::value(TimeDelta::microseconds(micros.round() as i64)))
    }
}

/// `a + b` and `a - b` where a datetime, date or timedelta takes part; `None` when none does.
pub fn arithmetic(left: &Value, right: &Value, minus: bool) -> Option<Result<Value, Error>> {
    let signed = |delta: &Delta| if minus { -delta.0 } else { delta.0 };
    let delta = right.downcast_object_ref::<Delta>();
    if let (Some(moment), Some(delta)) = (left.downcast_object_ref::<DateTime>(), delta) {
        let naive = moment.naive.checked_add_signed(signed(delta)).ok_or_else(|| bad("date value out of range"));
        return Some(naive.map(|naive| Value::from_object(DateTime { naive, zone: moment.zone })));
    }
    if let (Some(date), Some(delta)) = (left.downcast_object_ref::<Date>(), delta) {
        let moved = date.0.checked_add_signed(TimeDelta::days(signed(delta).num_days()));
        return Some(moved.map(Date::value).ok_or_else(|| bad("date value out of range")));
    }
    if let (Some(a), Some(b)) = (left.downcast_object_ref::<Delta>(), delta) {
        return Some(Ok(Delta::value(a.0 + signed(b))));
    }
    if !minus && left.downcast_object_ref::<Delta>().is_some() {
        return arithmetic(right, left, false);
    }
    if minus {
        if let (Some(a), Some(b)) = (left.downcast_object_ref::<DateTime>(), right.downcast_object_ref::<DateTime>()) {
            return Some(Ok(Delta::value(TimeDelta::microseconds(a.utc_micros() - b.utc_micros()))));
        }
        if let (Some(a), Some(b)) = (left.downcast_object_ref::<Date>(), right.downcast_object_ref::<Date>()) {
            return Some(Ok(Delta::value(a.0 - b.0)));
        }
    }
    None
}

/// `timedelta * n`.
pub fn multiply(left: &Value, right: &Value) -> Option<Value> {
    let (delta, factor) = match left.downcast_object_ref::<Delta>() {
        Some(delta) => (delta, right),
        None => (right.downcast_object_ref::<Delta>()?, left),
    };
    let factor = f64::try_from(factor.clone()).ok()?;
    let micros = delta.0.num_microseconds()? as f64 * factor;
    Some(Delta::value(TimeDelta::microseconds(micros.round() as i64)))
}

fn replaced(date: NaiveDate, named: &IndexMap<String, Value>) -> Option<NaiveDate> {
    let part = |name: &str| named.get(name).and_then(Value::as_i64);
    let year = part("year").map_or(date.year(), |y| y as i32);
    let month = part("month").map_or(date.month(), |m| m as u32);
    let day = part("day").map_or(date.day(), |d| d as u32);
    NaiveDate::from_ymd_opt(year, month, day)
}

fn date_part(date: NaiveDate, key: &str) -> Option<Value> {
    Some(match key {
        "year" => Value::from(date.year()),
        "month" => Value::from(date.month()),
        "day" => Value::from(date.day()),
        _ => return None,
    })
}

fn date_method(date: NaiveDate, method: &str) -> Option<Value> {
    Some(match method {
        "weekday" => Value::from(date.weekday().num_days_from_monday()),
        "isoweekday" => Value::from(date.weekday().number_from_monday()),
        "toordinal" => Value::from(date.num_days_from_ce()),
        "isocalendar" => {
            let week = date.iso_week();
            let parts = [week.year(), week.week() as i32, date.weekday().number_from_monday() as i32];
            super::tuple(parts.map(Value::from).to_vec())
        }
        _ => return None,
    })
}

fn time_part(time: NaiveTime, key: &str) -> Option<Value> {
    Some(match key {
        "hour" => Value::from(time.hour()),
        "minute" => Value::from(time.minute()),
        "second" => Value::from(time.second()),
        "microsecond" => Value::from(time.nanosecond() / 1_000),
        _ => return None,
    })
}

impl Object for DateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if key == "tzinfo" {
            return Some(self.zone.map_or_else(|| Value::from(()), |zone| Value::from_object(Zone(zone))));
        }
        date_part(self.naive.date(), key).or_else(|| time_part(self.naive.time(), key))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (args, named) = arguments(args);
        let text = |at: usize| args.get(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(match method {
            "strftime" => Value::from(self.strftime(&text(0))?),
            "isoformat" => Value::from(self.iso(text(0).chars().next().unwrap_or('T'))),
            "date" => Date::value(self.naive.date()),
            "time" => Value::from_object(Time(self.naive.time())),
            "utcoffset" | "dst" if self.zone.is_none() => Value::from(()),
            "utcoffset" => Delta::value(TimeDelta::seconds(self.offset_seconds())),
            "tzname" => self.zone.map_or_else(|| Value::from(()), |_| Value::from(self.abbreviation())),
            "timestamp" => Value::from(self.utc_micros() as f64 / 1e6),
            "astimezone" => {
                let zone =
                    args.first().and_then(|zone| zone.downcast_object_ref::<Zone>()).map_or(chrono_tz::UTC, |z| z.0);
                Value::from_object(self.in_zone(zone))
            }
            "replace" => {
                let date = replaced(self.naive.date(), &named).ok_or_else(|| bad("day is out of range for month"))?;
                let part = |name: &str, own: u32| named.get(name).and_then(Value::as_i64).map_or(own, |v| v as u32);
                let time = self.naive.time();
                let micros = part("microsecond", time.nanosecond() / 1_000);
                let (hour, minute) = (part("hour", time.hour()), part("minute", time.minute()));
                let time = NaiveTime::from_hms_micro_opt(hour, minute, part("second", time.second()), micros);
                let time = time.ok_or_else(|| bad("hour must be in 0..23"))?;
                let zone = match named.get("tzinfo") {
                    Some(zone) => zone.downcast_object_ref::<Zone>().map(|z| z.0),
                    None => self.zone,
                };
                Value::from_object(DateTime { naive: date.and_time(time), zone })
            }
            _ => return date_method(self.naive.date(), method).ok_or_else(|| Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other.downcast_ref::<DateTime>().map(|other| self.utc_micros().cmp(&other.utc_micros()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso(' '))
    }
}

impl Object for Date {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        date_part(self.0, key.as_str()?)
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (args, named) = arguments(args);
        Ok(match method {
            "strftime" => {
                let format = args.first().and_then(Value::as_str).unwrap_or_default();
                Value::from(strftime(self.0.and_time(NaiveTime::MIN), format)?)
            }
            "isoformat" => Value::from(self.0.to_string()),
            "replace" => Date::value(replaced(self.0, &named).ok_or_else(|| bad("day is out of range for month"))?),
            _ => return date_method(self.0, method).ok_or_else(|| Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other.downcast_ref::<Date>().map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Object for Time {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        time_part(self.0, key.as_str()?)
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "isoformat" => Ok(Value::from(clock(self.0))),
            "strftime" => {
                let format = args.first().and_then(Value::as_str).unwrap_or_default();
                Ok(Value::from(strftime(NaiveDate::default().and_time(self.0), format)?))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other.downcast_ref::<Time>().map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clock(self.0))
    }
}

impl Object for Delta {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let micros = self.0.num_microseconds()?;
        Some(match key.as_str()? {
            "days" => Value::from(micros.div_euclid(86_400_000_000)),
            "seconds" => Value::from(micros.rem_euclid(86_400_000_000) / 1_000_000),
            "microseconds" => Value::from(micros.rem_euclid(1_000_000)),
            _ => return None,
        })
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        match method {
            "total_seconds" => Ok(Value::from(self.0.num_microseconds().unwrap_or(i64::MAX) as f64 / 1e6)),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other.downcast_ref::<Delta>().map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.num_microseconds().unwrap_or(i64::MAX);
        let days = micros.div_euclid(86_400_000_000);
        let rest = micros.rem_euclid(86_400_000_000);
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        let seconds = rest / 1_000_000;
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if rest % 1_000_000 != 0 { write!(f, ".{:06}", rest % 1_000_000) } else { Ok(()) }
    }
}

impl Object for Zone {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "zone").then(|| Value::from(self.0.name()))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args.first().and_then(|moment| moment.downcast_object_ref::<DateTime>())) {
            ("localize", Some(moment)) => Ok(Value::from_object(DateTime { naive: moment.naive, zone: Some(self.0) })),
            ("normalize", Some(moment)) => Ok(Value::from_object(moment.in_zone(self.0))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}
