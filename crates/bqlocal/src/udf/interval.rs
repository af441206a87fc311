//! INTERVAL: months, days and microseconds, printed as `Y-M D H:M:S`.

use super::{Answer, Out, Row, Val, int, text};

const HOUR: i64 = 3_600_000_000;

pub(super) const TABLE: &[Row] = &[
    ("bq_interval", "is>v", |a| by_part(a[0].int(), a[1].text())),
    ("bq_make_interval", "iiiiii>v", |a| {
        let n: Vec<i64> = a.iter().map(Val::int).collect();
        let micros = n[3].checked_mul(HOUR).zip(n[4].checked_mul(60_000_000)).zip(n[5].checked_mul(1_000_000));
        let micros = micros.and_then(|((h, m), s)| h.checked_add(m)?.checked_add(s));
        make(n[0].checked_mul(12).and_then(|y| y.checked_add(n[1])), Some(n[2]), micros)
    }),
    ("bq_parse_interval", "ss>v", |a| parse(a[0].text(), a[1].text())),
    ("bq_text_interval", "s>v", |a| parse(a[0].text(), "ANY")),
    ("bq_interval_text", "v>s", |a| text(show(a[0].interval()))),
    ("bq_interval_part", "vs>i", part),
    ("bq_interval_divide", "vi>v", divide),
    ("bq_justify", "vs>v", justify),
    ("bq_clock_interval", "v>v", |a| match a[0].interval() {
        (0, days, micros) => Ok(Out::Interval(0, days, micros)),
        _ => Err("TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part.".into()),
    }),
    ("bq_check_interval", "v>v", |a| {
        let (m, d, u) = a[0].interval();
        make(Some(m.into()), Some(d.into()), Some(u))
    }),
];

/// An interval within BigQuery's limits: 10,000 years in each field.
fn make(months: Option<i64>, days: Option<i64>, micros: Option<i64>) -> Answer {
    let fits = |value: Option<i64>, most: i64, what: &str| match value {
        Some(value) if value.abs() <= most => Ok(value),
        Some(value) => Err(format!("Interval field {what} '{value}' is out of range -{most} to {most}")),
        None => Err(format!("Interval field {what} overflows")),
    };
    let months = fits(months, 120_000, "months")?;
    let days = fits(days, 3_660_000, "days")?;
    let micros = fits(micros, 87_840_000 * HOUR, "micros")?;
    Ok(Out::Interval(months as i32, days as i32, micros))
}

fn by_part(count: i64, part: &str) -> Answer {
    let zero = Some(0);
    match part {
        "YEAR" => make(count.checked_mul(12), zero, zero),
        "QUARTER" => make(count.checked_mul(3), zero, zero),
        "MONTH" => make(Some(count), zero, zero),
        "WEEK" => make(zero, count.checked_mul(7), zero),
        "DAY" => make(zero, Some(count), zero),
        part => match super::clock::unit(part) {
            Some(unit) => make(zero, zero, count.checked_mul(unit)),
            None => Err(format!("{part} is not a part of an INTERVAL")),
        },
    }
}

const FIELDS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];

/// A text such as `1-2 3 4:5:6.7`; `range` says which fields it has.
fn parse(value: &str, range: &str) -> Answer {
    let bad = || format!("Invalid INTERVAL value '{value}'");
    if let Some(rest) = value.trim().strip_prefix('P').filter(|_| range == "ANY") {
        return iso(rest).ok_or_else(bad)?;
    }
    let mut numbers = [0i64; 6];
    let mut micros = 0i64;
    let (from, to) = range.split_once(" TO ").unwrap_or((range, range));
    let index = |name: &str| FIELDS.iter().position(|f| *f == name);
    let (from, to) = match (index(from), index(to)) {
        (Some(from), Some(to)) => (from, to),
        _ if range == "ANY" => (0, 5),
        _ => return value.trim().parse::<i64>().map_err(|_| bad()).and_then(|n| by_part(n, range)),
    };
    let words: Vec<&str> = value.split_whitespace().collect();
    let mut fields: Vec<(usize, String)> = Vec::new();
    let mut next = from;
    for word in words {
        let (negative, body) = match word.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, word.strip_prefix('+').unwrap_or(word)),
        };
        let separator = if body.contains('-') { '-' } else { ':' };
        let first = match (body.contains('-'), body.contains(':')) {
            (true, _) => 0,
            (_, true) => next.max(3),
            _ if next == 1 && from == 0 => 2,
            _ => next,
        };
        for (k, part) in body.split(separator).enumerate() {
            let sign = if negative { "-" } else { "" };
            fields.push((first + k, format!("{sign}{part}")));
        }
        next = fields.last().map_or(next, |(i, _)| if *i == 1 { 2 } else { i + 1 });
    }
    for (i, part) in fields {
        if i > to || i > 5 {
            return Err(bad());
        }
        let (whole, fraction) = part.split_once('.').unwrap_or((&part, ""));
        if i != 5 && !fraction.is_empty() {
            return Err(bad());
        }
        numbers[i] = if whole == "-" { 0 } else { whole.parse().map_err(|_| bad())? };
        if i == 5 {
            let digits = format!("{fraction:0<6}");
            let parsed: i64 = digits.get(..6).and_then(|d| d.parse().ok()).ok_or_else(bad)?;
            micros = if part.starts_with('-') { -parsed } else { parsed };
        }
    }
    let time = numbers[3].checked_mul(HOUR).and_then(|h| {
        h.checked_add(numbers[4].checked_mul(60_000_000)?)?
            .checked_add(numbers[5].checked_mul(1_000_000)?)?
            .checked_add(micros)
    });
    make(numbers[0].checked_mul(12).and_then(|y| y.checked_add(numbers[1])), Some(numbers[2]), time)
}

/// The ISO 8601 form after its `P`.
fn iso(body: &str) -> Option<Answer> {
    let (date, time) = body.split_once('T').unwrap_or((body, ""));
    let (mut months, mut days, mut micros) = (0i64, 0i64, 0i64);
    for (part, timed) in [(date, false), (time, true)] {
        let mut number = String::new();
        for c in part.chars() {
            if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') {
                number.push(c);
                continue;
            }
            let value: f64 = number.parse().ok()?;
            number.clear();
            match (c, timed) {
                ('Y', false) => months += value as i64 * 12,
                ('M', false) => months += value as i64,
                ('W', false) => days += value as i64 * 7,
                ('D', false) => days += value as i64,
                ('H', true) => micros += value as i64 * HOUR,
                ('M', true) => micros += value as i64 * 60_000_000,
                ('S', true) => micros += (value * 1e6).round() as i64,
                _ => return None,
            }
        }
        if !number.is_empty() {
            return None;
        }
    }
    Some(make(Some(months), Some(days), Some(micros)))
}

pub(crate) fn show((months, days, micros): (i32, i32, i64)) -> String {
    let sign = |negative: bool| if negative { "-" } else { "" };
    let (m, u) = (months.unsigned_abs(), micros.unsigned_abs());
    let seconds = u / 1_000_000;
    let mut shown = format!(
        "{}{}-{} {days} {}{}:{}:{}",
        sign(months < 0),
        m / 12,
        m % 12,
        sign(micros < 0),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    match u % 1_000_000 {
        0 => {}
        f if f % 1_000 == 0 => shown.push_str(&format!(".{:03}", f / 1_000)),
        f => shown.push_str(&format!(".{f:06}")),
    }
    shown
}

fn part(a: &[Val<'_>]) -> Answer {
    let (months, days, micros) = a[0].interval();
    int(match a[1].text() {
        "YEAR" => i64::from(months / 12),
        "MONTH" => i64::from(months % 12),
        "DAY" => i64::from(days),
        "HOUR" => micros / HOUR,
        "MINUTE" => micros / 60_000_000 % 60,
        "SECOND" => micros / 1_000_000 % 60,
        "MILLISECOND" => micros / 1_000 % 1_000,
        "MICROSECOND" => micros % 1_000_000,
        other => return Err(format!("EXTRACT from INTERVAL does not support {other}")),
    })
}

fn divide(a: &[Val<'_>]) -> Answer {
    let (months, days, micros) = a[0].interval();
    let by = a[1].int();
    if by == 0 {
        return Err("Interval division by zero".into());
    }
    // what a field cannot divide evenly goes on to the next: a month is 30 days
    let (months, days) = (i64::from(months), i64::from(days));
    let days_total = days + months % by * 30;
    let micros_total = i128::from(micros) + i128::from(days_total % by) * i128::from(24 * HOUR);
    make(Some(months / by), Some(days_total / by), i64::try_from(micros_total / i128::from(by)).ok())
}

fn justify(a: &[Val<'_>]) -> Answer {
    let (months, days, micros) = a[0].interval();
    let (mut months, mut days, mut micros) = (i64::from(months), i64::from(days), micros);
    let mode = a[1].text();
    if mode != "DAYS" {
        days += micros / (24 * HOUR);
        micros %= 24 * HOUR;
    }
    if mode != "HOURS" {
        months += days / 30;
        days %= 30;
    }
    // all fields take one sign, the larger ones first
    if mode != "HOURS" && months.signum() * days.signum() < 0 {
        let sign = months.signum();
        (months, days) = (months - sign, days + sign * 30);
    }
    let above = if mode == "HOURS" || days != 0 { days.signum() } else { months.signum() };
    if mode != "DAYS" && above * micros.signum() < 0 {
        if days == 0 {
            (months, days) = (months - above, above * 30);
        }
        (days, micros) = (days - above, micros + above * 24 * HOUR);
    }
    make(Some(months), Some(days), Some(micros))
}
