//! Time zones: moments to wall clocks and back, and the texts of dates and times.

use super::calendar::{self as cal, DAY};
use super::clock::{checked_stamp, stamp_trunc};
use super::{Out, Row, text};
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};

pub(super) const TABLE: &[Row] = &[
    ("bq_timestamp_datetime", "Ts>D", |a| Ok(Out::Int(a[0].int() + offset(a[0].int(), a[1].text())?))),
    ("bq_datetime_timestamp", "Ds>T", |a| {
        to_moment(a[0].int(), a[1].text()).and_then(|v| checked_stamp(Some(v), "TIMESTAMP"))
    }),
    ("bq_timestamp_trunc", "Tss>T", |a| {
        let (stamp, part, zone) = (a[0].int(), a[1].text(), a[2].text());
        let shift = offset(stamp, zone)?;
        let local = stamp_trunc(stamp + shift, part)
            .ok_or_else(|| format!("TIMESTAMP_TRUNC does not support the {part} date part"))?;
        // a part below a day keeps the offset of the moment
        let fixed = ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"].contains(&part);
        checked_stamp(Some(if fixed { local - shift } else { to_moment(local, zone)? }), "TIMESTAMP")
    }),
    ("bq_timestamp_text", "Ts>s", |a| {
        let shift = offset(a[0].int(), a[1].text())?;
        text(format!("{}{}", stamp_text(a[0].int() + shift, ' '), offset_text(shift)))
    }),
    ("bq_datetime_text", "D>s", |a| text(stamp_text(a[0].int(), ' '))),
    ("bq_date_text", "d>s", |a| text(date_text(a[0].int()))),
    ("bq_time_text", "t>s", |a| text(time_text(a[0].int()))),
    ("bq_json_timestamp", "T>s", |a| text(format!("\"{}Z\"", stamp_text(a[0].int(), 'T')))),
];

/// A fixed offset such as `+05:30`, `-8` or `UTC+1`, in microseconds.
fn fixed(zone: &str) -> Option<i64> {
    let body = zone.strip_prefix("UTC").filter(|rest| rest.starts_with(['+', '-'])).unwrap_or(zone);
    let sign = match body.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = match body[1..].split_once(':') {
        Some((h, m)) => (h, m),
        None if body.len() == 5 => (&body[1..3], &body[3..]),
        None => (&body[1..], "0"),
    };
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000_000)
}

fn named(zone: &str) -> Result<chrono_tz::Tz, String> {
    zone.parse::<chrono_tz::Tz>().map_err(|_| format!("Invalid time zone: {zone}"))
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Z" | "z" | "utc" | "Etc/UTC" | "GMT")
}

/// The last year whose changes of the clock the table of zones knows.
const KNOWN: i64 = 2037;

/// A time of a later year moved to a known one whose days have the same dates and names: clocks change on such a day.
fn familiar(stamp: i64) -> i64 {
    let (year, ..) = cal::civil(stamp.div_euclid(DAY));
    if year <= KNOWN {
        return stamp;
    }
    let first = |year: i64| cal::days(year, 1, 1);
    let alike =
        |other: &i64| cal::leap(*other) == cal::leap(year) && cal::weekday(first(*other)) == cal::weekday(first(year));
    let twin = (KNOWN - 27..=KNOWN).find(alike).unwrap_or(KNOWN);
    stamp + (first(twin) - first(year)) * DAY
}

/// What a zone's clocks show more than UTC at a moment, in microseconds.
pub(super) fn offset(stamp: i64, zone: &str) -> Result<i64, String> {
    if is_utc(zone) {
        return Ok(0);
    }
    if let Some(shift) = fixed(zone) {
        return Ok(shift);
    }
    let zone = named(zone)?;
    let moment =
        DateTime::from_timestamp(familiar(stamp).div_euclid(1_000_000), 0).ok_or("the timestamp is out of range")?;
    Ok(i64::from(zone.offset_from_utc_datetime(&moment.naive_utc()).fix().local_minus_utc()) * 1_000_000)
}

/// The moment when a zone's clocks show a time; in a gap the clocks' earlier offset counts.
pub(super) fn to_moment(local: i64, zone: &str) -> Result<i64, String> {
    if is_utc(zone) {
        return Ok(local);
    }
    if let Some(shift) = fixed(zone) {
        return Ok(local - shift);
    }
    let zone = named(zone)?;
    let naive: NaiveDateTime = DateTime::from_timestamp(familiar(local).div_euclid(1_000_000), 0)
        .ok_or("the datetime is out of range")?
        .naive_utc();
    let shift = match zone.offset_from_local_datetime(&naive) {
        LocalResult::Single(offset) => offset.fix().local_minus_utc(),
        LocalResult::Ambiguous(first, _) => first.fix().local_minus_utc(),
        LocalResult::None => {
            let before = naive - chrono::TimeDelta::hours(3);
            zone.offset_from_utc_datetime(&before).fix().local_minus_utc()
        }
    };
    Ok(local - i64::from(shift) * 1_000_000)
}

pub(super) fn offset_text(shift: i64) -> String {
    let minutes = shift.abs() / 60_000_000;
    let sign = if shift < 0 { '-' } else { '+' };
    if minutes % 60 == 0 {
        format!("{sign}{:02}", minutes / 60)
    } else {
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

pub(super) fn date_text(day: i64) -> String {
    let (year, month, day) = cal::civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `HH:MM:SS` with no, three or six decimals.
pub(super) fn time_text(time: i64) -> String {
    let seconds = time / 1_000_000;
    let micros = time % 1_000_000;
    let base = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match micros {
        0 => base,
        m if m % 1_000 == 0 => format!("{base}.{:03}", m / 1_000),
        m => format!("{base}.{m:06}"),
    }
}

pub(super) fn stamp_text(stamp: i64, between: char) -> String {
    format!("{}{between}{}", date_text(stamp.div_euclid(DAY)), time_text(stamp.rem_euclid(DAY)))
}
