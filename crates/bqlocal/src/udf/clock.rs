//! Adding to, subtracting and truncating dates and times.

use super::calendar::{self as cal, DAY};
use super::{Answer, Out, Row, Val, int};

pub(super) const TABLE: &[Row] = &[
    ("bq_date_add", "dis>d", |a| checked_date(date_add(a[0].int(), a[1].int(), a[2].text()))),
    ("bq_datetime_add", "Dis>D", |a| checked_stamp(stamp_add(a[0].int(), a[1].int(), a[2].text()), "DATETIME")),
    ("bq_timestamp_add", "Tis>T", |a| checked_stamp(stamp_add(a[0].int(), a[1].int(), a[2].text()), "TIMESTAMP")),
    ("bq_time_add", "tis>t", |a| match unit(a[2].text()).and_then(|u| u.checked_mul(a[1].int())) {
        Some(shift) => int((a[0].int() as i128 + shift as i128).rem_euclid(DAY as i128) as i64),
        None => Err("TIME_ADD overflow".into()),
    }),
    ("bq_date_diff", "dds>i", |a| date_diff(a[0].int(), a[1].int(), a[2].text())),
    ("bq_datetime_diff", "DDs>i", |a| datetime_diff(a[0].int(), a[1].int(), a[2].text())),
    ("bq_timestamp_diff", "TTs>i", |a| timestamp_diff(a[0].int(), a[1].int(), a[2].text())),
    ("bq_time_diff", "tts>i", |a| datetime_diff(a[0].int(), a[1].int(), a[2].text())),
    ("bq_date_trunc", "ds>d", |a| checked_date(date_trunc(a[0].int(), a[1].text()))),
    ("bq_datetime_trunc", "Ds>D", |a| checked_stamp(stamp_trunc(a[0].int(), a[1].text()), "DATETIME")),
    ("bq_time_trunc", "ts>t", |a| {
        unit(a[1].text()).map_or(Err(bad(a[1].text())), |u| int(a[0].int() - a[0].int().rem_euclid(u)))
    }),
    ("bq_last_day", "ds>d", last_day),
    ("bq_extract", "Ds>i", extract),
    ("bq_make_date", "iii>d", |a| {
        cal::valid(a[0].int(), a[1].int(), a[2].int())
            .map_or(Err(format!("Input calculates to invalid date: {}-{}-{}", a[0].int(), a[1].int(), a[2].int())), int)
    }),
    ("bq_make_datetime", "iiiiii>D", |a| {
        let day = cal::valid(a[0].int(), a[1].int(), a[2].int());
        match (day, clock(a[3].int(), a[4].int(), a[5].int())) {
            (Some(day), Some(time)) => int(day * DAY + time),
            _ => Err("Input calculates to invalid datetime".into()),
        }
    }),
    ("bq_make_time", "iii>t", |a| {
        clock(a[0].int(), a[1].int(), a[2].int()).map_or(Err("Input calculates to invalid time".into()), int)
    }),
    ("bq_unix", "Ti>i", |a| int(a[0].int().div_euclid(a[1].int()))),
    ("bq_from_unix", "ii>T", |a| checked_stamp(a[0].int().checked_mul(a[1].int()), "TIMESTAMP")),
    ("bq_date_bucket", "dvd>d", |a| {
        let (months, days, micros) = a[1].interval();
        if micros != 0 {
            return Err("DATE_BUCKET needs a width of days or months".into());
        }
        bucket(a[0].int() * DAY, (months, days, 0), a[2].int() * DAY).map(|v| Out::Int(v.div_euclid(DAY)))
    }),
    ("bq_datetime_bucket", "DvD>D", |a| bucket(a[0].int(), a[1].interval(), a[2].int()).map(Out::Int)),
    ("bq_timestamp_bucket", "TvT>T", |a| bucket(a[0].int(), a[1].interval(), a[2].int()).map(Out::Int)),
];

fn bad(part: &str) -> String {
    format!("the date part {part} is not possible here")
}

/// The microseconds of a part of fixed length.
pub(super) fn unit(part: &str) -> Option<i64> {
    Some(match part {
        "MICROSECOND" => 1,
        "MILLISECOND" => 1_000,
        "SECOND" => 1_000_000,
        "MINUTE" => 60_000_000,
        "HOUR" => 3_600_000_000,
        "DAY" => DAY,
        "WEEK" => 7 * DAY,
        _ => return None,
    })
}

fn months(part: &str) -> Option<i64> {
    Some(match part {
        "MONTH" => 1,
        "QUARTER" => 3,
        "YEAR" => 12,
        _ => return None,
    })
}

fn clock(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let fine = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    fine.then(|| ((hour * 60 + minute) * 60 + second) * 1_000_000)
}

pub(super) fn date_add(day: i64, count: i64, part: &str) -> Option<i64> {
    match months(part) {
        Some(months) => cal::add_months(day, count.checked_mul(months)?),
        None => day.checked_add(count.checked_mul(if part == "WEEK" { 7 } else { 1 })?),
    }
}

pub(super) fn stamp_add(stamp: i64, count: i64, part: &str) -> Option<i64> {
    match months(part) {
        Some(_) => Some(date_add(stamp.div_euclid(DAY), count, part)? * DAY + stamp.rem_euclid(DAY)),
        None => stamp.checked_add(count.checked_mul(unit(part)?)?),
    }
}

pub(super) fn checked_date(day: Option<i64>) -> Answer {
    match day.filter(|d| (cal::FIRST..=cal::LAST).contains(d)) {
        Some(day) => int(day),
        None => Err("the date is out of range: 0001-01-01 to 9999-12-31".into()),
    }
}

pub(super) fn checked_stamp(stamp: Option<i64>, what: &str) -> Answer {
    match stamp.filter(|s| (cal::FIRST..=cal::LAST).contains(&s.div_euclid(DAY))) {
        Some(stamp) => int(stamp),
        None => Err(format!("the {what} is out of range: years 1 to 9999")),
    }
}

fn date_diff(x: i64, y: i64, part: &str) -> Answer {
    if let Some(first) = cal::week_first(part) {
        return int((cal::week_start(x, first) - cal::week_start(y, first)) / 7);
    }
    let ((xy, xm, _), (yy, ym, _)) = (cal::civil(x), cal::civil(y));
    int(match part {
        "DAY" => x - y,
        "MONTH" => (xy - yy) * 12 + xm - ym,
        "QUARTER" => (xy - yy) * 4 + (xm - 1) / 3 - (ym - 1) / 3,
        "YEAR" => xy - yy,
        "ISOYEAR" => cal::iso(x).0 - cal::iso(y).0,
        _ => return Err(bad(part)),
    })
}

fn datetime_diff(x: i64, y: i64, part: &str) -> Answer {
    match unit(part).filter(|u| *u < DAY) {
        Some(1) => x.checked_sub(y).map_or(Err("the difference in MICROSECOND overflows".into()), int),
        Some(unit) => int(x.div_euclid(unit) - y.div_euclid(unit)),
        None => date_diff(x.div_euclid(DAY), y.div_euclid(DAY), part),
    }
}

/// Whole units between two moments.
fn timestamp_diff(x: i64, y: i64, part: &str) -> Answer {
    match unit(part).filter(|u| *u <= DAY) {
        Some(unit) => int(((x as i128 - y as i128) / unit as i128) as i64),
        None => Err(format!("TIMESTAMP_DIFF does not support the {part} date part")),
    }
}

pub(super) fn date_trunc(day: i64, part: &str) -> Option<i64> {
    if let Some(first) = cal::week_first(part) {
        return Some(cal::week_start(day, first));
    }
    let (year, month, _) = cal::civil(day);
    Some(match part {
        "DAY" => day,
        "MONTH" => cal::days(year, month, 1),
        "QUARTER" => cal::days(year, (month - 1) / 3 * 3 + 1, 1),
        "YEAR" => cal::days(year, 1, 1),
        "ISOYEAR" => cal::iso_year_start(day),
        _ => return None,
    })
}

pub(super) fn stamp_trunc(stamp: i64, part: &str) -> Option<i64> {
    match unit(part).filter(|u| *u < DAY) {
        Some(unit) => Some(stamp - stamp.rem_euclid(unit)),
        None => Some(date_trunc(stamp.div_euclid(DAY), part)? * DAY),
    }
}

fn last_day(a: &[Val<'_>]) -> Answer {
    let (day, part) = (a[0].int(), a[1].text());
    let next = match part {
        "ISOYEAR" => Some(cal::iso_year_start(cal::iso_year_start(day) + 370)),
        _ => {
            let start = date_trunc(day, part);
            if cal::week_first(part).is_some() {
                start.map(|s| s + 7)
            } else {
                start.and_then(|s| cal::add_months(s, months(part)?))
            }
        }
    };
    match (next, part) {
        (Some(next), _) => checked_date(Some(next - 1)),
        (None, "MONTH" | "QUARTER" | "YEAR") if cal::civil(day).0 == 9999 => int(cal::LAST),
        _ => Err(bad(part)),
    }
}

fn extract(a: &[Val<'_>]) -> Answer {
    let (stamp, part) = (a[0].int(), a[1].text());
    let (day, time) = (stamp.div_euclid(DAY), stamp.rem_euclid(DAY));
    if part == "ISOWEEK" {
        return int(cal::iso(day).1);
    }
    if let Some(first) = cal::week_first(part) {
        return int(cal::week_of_year(day, first));
    }
    let (year, month, of_month) = cal::civil(day);
    int(match part {
        "MICROSECOND" => time % 1_000_000,
        "MILLISECOND" => time / 1_000 % 1_000,
        "SECOND" => time / 1_000_000 % 60,
        "MINUTE" => time / 60_000_000 % 60,
        "HOUR" => time / 3_600_000_000,
        "DAYOFWEEK" => cal::weekday(day) + 1,
        "DAY" => of_month,
        "DAYOFYEAR" => day - cal::days(year, 1, 1) + 1,
        "MONTH" => month,
        "QUARTER" => (month - 1) / 3 + 1,
        "YEAR" => year,
        "ISOYEAR" => cal::iso(day).0,
        _ => return Err(bad(part)),
    })
}

/// The start of the bucket of a width that holds a moment.
fn bucket(stamp: i64, width: (i32, i32, i64), origin: i64) -> Result<i64, String> {
    let (months, days, micros) = width;
    if months != 0 {
        if days != 0 || micros != 0 || months < 0 {
            return Err("a bucket width must be of one kind and positive".into());
        }
        let months = i64::from(months);
        let at = |n: i64| cal::add_months(origin.div_euclid(DAY), n * months).map(|d| d * DAY + origin.rem_euclid(DAY));
        let ((y, m, _), (oy, om, _)) = (cal::civil(stamp.div_euclid(DAY)), cal::civil(origin.div_euclid(DAY)));
        let mut n = ((y - oy) * 12 + m - om).div_euclid(months);
        while at(n).is_some_and(|start| start > stamp) {
            n -= 1;
        }
        return at(n).ok_or_else(|| "the bucket is out of range".into());
    }
    let size = i64::from(days) * DAY + micros;
    if size <= 0 || (days != 0 && micros != 0) {
        return Err("a bucket width must be of one kind and positive".into());
    }
    Ok(origin + (stamp - origin).div_euclid(size) * size)
}
