//! Dates, times and other values to text: the elements of FORMAT_*, and FORMAT itself.

use super::calendar::{self as cal, DAY};
use super::zone::{date_text, offset, offset_text};
use super::{Answer, Row, Val, text};

pub(super) const TABLE: &[Row] = &[
    ("bq_format_datetime", "sDs>s", |a| strftime(a[0].text(), a[1].int(), None, a[2].text())),
    ("bq_format_timestamp", "sTs>s", |a| {
        let shift = offset(a[1].int(), a[2].text())?;
        strftime(a[0].text(), a[1].int() + shift, Some((shift, a[2].text())), "TIMESTAMP")
    }),
    ("bq_format", "s[s[s[s>s", printf),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// `zone` is the offset and name where the value is a moment.
fn strftime(format: &str, local: i64, zone: Option<(i64, &str)>, what: &str) -> Answer {
    let mut whole = String::new();
    let mut items = format.chars().peekable();
    while let Some(c) = items.next() {
        if c != '%' {
            whole.push(c);
            continue;
        }
        let Some(mut element) = items.next() else {
            whole.push('%');
            break;
        };
        let mut extended = String::new();
        if element == 'E' {
            for next in items.by_ref() {
                extended.push(next);
                if !next.is_ascii_digit() && next != '*' {
                    break;
                }
            }
            element = extended.pop().unwrap_or('E');
            extended.insert(0, 'E');
        } else if element == 'O' {
            element = items.next().unwrap_or('O');
        }
        match part(element, &extended, local, zone, what) {
            Some(shown) => whole.push_str(&shown),
            None => {
                whole.push('%');
                whole.push_str(&extended);
                whole.push(element);
            }
        }
    }
    text(whole)
}

fn part(element: char, extended: &str, local: i64, zone: Option<(i64, &str)>, what: &str) -> Option<String> {
    let (day_number, time) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let (year, month, day) = cal::civil(day_number);
    let seconds = time / 1_000_000;
    let (hour, minute, second, micros) = (seconds / 3600, seconds / 60 % 60, seconds % 60, time % 1_000_000);
    let twelve = (hour + 11) % 12 + 1;
    let dated = what != "TIME";
    let again = |format: &str| match strftime(format, local, zone, what) {
        Ok(super::Out::Text(t)) => Some(t),
        _ => None,
    };
    // a DATE has no clock, a TIME no calendar: their elements stay as they are
    if !dated && "AaBbhCDdeFGgjmQUuVWwxYyc".contains(element)
        || what == "DATE" && "HIklMPpRrSTXsc".contains(element) && element != 's' && element != 'c'
    {
        return None;
    }
    Some(match element {
        'Y' if extended == "E4" => format!("{year:04}"),
        'Y' => year.to_string(),
        'y' => format!("{:02}", year % 100),
        'C' => format!("{:02}", year / 100),
        'm' => format!("{month:02}"),
        'd' => format!("{day:02}"),
        'e' => format!("{day:>2}"),
        'j' => format!("{:03}", day_number - cal::days(year, 1, 1) + 1),
        'B' => MONTHS[month as usize - 1].to_owned(),
        'b' | 'h' => MONTHS[month as usize - 1][..3].to_owned(),
        'A' => WEEKDAYS[cal::weekday(day_number) as usize].to_owned(),
        'a' => WEEKDAYS[cal::weekday(day_number) as usize][..3].to_owned(),
        'u' => ((cal::weekday(day_number) + 6) % 7 + 1).to_string(),
        'w' => cal::weekday(day_number).to_string(),
        'U' => format!("{:02}", cal::week_of_year(day_number, 0)),
        'W' => format!("{:02}", cal::week_of_year(day_number, 1)),
        'V' => format!("{:02}", cal::iso(day_number).1),
        'G' => cal::iso(day_number).0.to_string(),
        'g' => format!("{:02}", cal::iso(day_number).0 % 100),
        'J' => (day_number - cal::iso_year_start(day_number) + 1).to_string(),
        'Q' => ((month - 1) / 3 + 1).to_string(),
        'H' => format!("{hour:02}"),
        'k' => format!("{hour:>2}"),
        'I' => format!("{twelve:02}"),
        'l' => format!("{twelve:>2}"),
        'M' => format!("{minute:02}"),
        'S' => match extended.strip_prefix('E') {
            None | Some("") => format!("{second:02}"),
            Some("*") => {
                let fraction = format!("{micros:06}");
                let short = fraction.trim_end_matches('0');
                if short.is_empty() { format!("{second:02}") } else { format!("{second:02}.{short}") }
            }
            Some(n) => match n.parse::<usize>().ok()?.min(9) {
                0 => format!("{second:02}"),
                n => format!("{second:02}.{}", &format!("{micros:06}000")[..n]),
            },
        },
        'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'P' => if hour < 12 { "am" } else { "pm" }.to_owned(),
        'F' => date_text(day_number),
        'D' | 'x' => again("%m/%d/%y")?,
        'T' | 'X' => again("%H:%M:%S")?,
        'R' => again("%H:%M")?,
        'r' => again("%I:%M:%S %p")?,
        'c' => format!(
            "{} {} {day:>2} {hour:02}:{minute:02}:{second:02} {year}",
            &WEEKDAYS[cal::weekday(day_number) as usize][..3],
            &MONTHS[month as usize - 1][..3]
        ),
        's' => (local - zone.map_or(0, |(shift, _)| shift)).div_euclid(1_000_000).to_string(),
        'z' => {
            let (shift, _) = zone?;
            let short = offset_text(shift);
            let full = if short.contains(':') { short } else { format!("{short}:00") };
            if extended == "E" { full } else { full.replace(':', "") }
        }
        'Z' => {
            let (shift, name) = zone?;
            if name == "UTC" || shift == 0 && !name.contains('/') {
                "UTC".into()
            } else {
                format!("UTC{}", offset_text(shift).replace("+0", "+").replace("-0", "-"))
            }
        }
        'n' => "\n".into(),
        't' => "\t".into(),
        '%' => "%".into(),
        _ => return None,
    })
}

/// One `%` specifier.
struct Spec {
    flags: String,
    width: Option<i64>,
    precision: Option<i64>,
    letter: char,
}

/// `a[1]` the kinds of the arguments, `a[2]` their plain and `a[3]` their literal texts.
fn printf(a: &[Val<'_>]) -> Answer {
    let item = |list: usize, i: usize| a[list].list().get(i).and_then(|v| v.as_ref()).map(Val::text);
    let count = a[1].list().len();
    let mut used = 0;
    let mut whole = String::new();
    let mut items = a[0].text().chars().peekable();
    while let Some(c) = items.next() {
        if c != '%' {
            whole.push(c);
            continue;
        }
        if items.peek() == Some(&'%') {
            items.next();
            whole.push('%');
            continue;
        }
        let mut spec = Spec { flags: String::new(), width: None, precision: None, letter: ' ' };
        while let Some(flag) = items.next_if(|c| "-+ #0'".contains(*c)) {
            spec.flags.push(flag);
        }
        let number = |items: &mut std::iter::Peekable<std::str::Chars<'_>>, used: &mut usize| -> Option<i64> {
            if items.next_if_eq(&'*').is_some() {
                *used += 1;
                return item(2, *used - 1).and_then(|t| t.parse().ok());
            }
            let mut digits = String::new();
            while let Some(d) = items.next_if(char::is_ascii_digit) {
                digits.push(d);
            }
            digits.parse().ok()
        };
        spec.width = number(&mut items, &mut used);
        if items.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(&mut items, &mut used).unwrap_or(0));
        }
        spec.letter = items.next().ok_or("Invalid format string: it ends inside a specifier")?;
        if used >= count {
            return Err("Too few arguments to FORMAT for the format string".into());
        }
        let kind = item(1, used).unwrap_or("0");
        let shown = if spec.letter == 'T' { item(3, used) } else { item(2, used) };
        used += 1;
        match one(&spec, kind, shown.unwrap_or("NULL"))? {
            Some(shown) => whole.push_str(&shown),
            None => return Ok(super::Out::Null),
        }
    }
    if used < count {
        return Err("Too many arguments to FORMAT for the format string".into());
    }
    text(whole)
}

/// A formatted value; `None` where a NULL makes the whole result NULL.
fn one(spec: &Spec, kind: &str, shown: &str) -> Result<Option<String>, String> {
    let null = kind == "0" || (shown == "NULL" && kind != "s");
    if matches!(spec.letter, 't' | 'T') {
        return Ok(Some(padded(spec, shown.to_owned(), false)));
    }
    if null {
        return Ok(None);
    }
    let body = match (spec.letter, kind) {
        ('d' | 'i' | 'u', "i") => {
            return Ok(Some(signed(spec, shown.starts_with('-'), grouped(spec, shown.trim_start_matches('-')))));
        }
        ('o' | 'x' | 'X', "i") => {
            let value: i128 = shown.parse().map_err(|_| "bad integer".to_owned())?;
            let size = value.unsigned_abs();
            let digits = match spec.letter {
                'o' => format!("{}{size:o}", if spec.flags.contains('#') { "0" } else { "" }),
                'x' => format!("{}{size:x}", if spec.flags.contains('#') { "0x" } else { "" }),
                _ => format!("{}{size:X}", if spec.flags.contains('#') { "0X" } else { "" }),
            };
            return Ok(Some(signed(spec, value < 0, digits)));
        }
        ('f' | 'F' | 'e' | 'E' | 'g' | 'G', "f" | "n" | "i") if kind != "i" => {
            return real(spec, kind, shown).map(Some);
        }
        ('s', "s") => match spec.precision {
            Some(n) => shown.chars().take(n.max(0) as usize).collect(),
            None => shown.to_owned(),
        },
        ('s', "b") => shown.to_owned(),
        ('p', "j" | "s") => shown.to_owned(),
        ('P', "j" | "s") => super::json::pretty(shown)?,
        (letter, _) => return Err(format!("Invalid type for argument to FORMAT; %{letter} does not take this type")),
    };
    Ok(Some(padded(spec, body, false)))
}

fn grouped(spec: &Spec, digits: &str) -> String {
    let mut digits = digits.to_owned();
    if let Some(precision) = spec.precision {
        while (digits.len() as i64) < precision {
            digits.insert(0, '0');
        }
    }
    if !spec.flags.contains('\'') {
        return digits;
    }
    let (whole, rest) = digits.split_once('.').map_or((digits.as_str(), None), |(w, r)| (w, Some(r)));
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    rest.map_or(out.clone(), |r| format!("{out}.{r}"))
}

fn signed(spec: &Spec, negative: bool, digits: String) -> String {
    let sign = match negative {
        true => "-",
        false if spec.flags.contains('+') => "+",
        false if spec.flags.contains(' ') => " ",
        false => "",
    };
    let width = spec.width.unwrap_or(0).unsigned_abs() as usize;
    let zero =
        spec.flags.contains('0') && !spec.flags.contains('-') && digits.starts_with(|c: char| c.is_ascii_digit());
    let fill = width.saturating_sub(digits.chars().count() + sign.len());
    if zero { format!("{sign}{}{digits}", "0".repeat(fill)) } else { padded(spec, format!("{sign}{digits}"), true) }
}

fn padded(spec: &Spec, shown: String, _number: bool) -> String {
    let width = spec.width.unwrap_or(0);
    let fill = " ".repeat((width.unsigned_abs() as usize).saturating_sub(shown.chars().count()));
    if spec.flags.contains('-') || width < 0 { format!("{shown}{fill}") } else { format!("{fill}{shown}") }
}

fn real(spec: &Spec, kind: &str, shown: &str) -> Result<String, String> {
    let precision = spec.precision.unwrap_or(6).max(0) as usize;
    let upper = spec.letter.is_ascii_uppercase();
    let value = super::number::parse_float(shown).ok_or("bad number")?;
    let case = |s: String| if upper { s.to_uppercase() } else { s };
    if !value.is_finite() {
        let word = if value.is_nan() { "nan" } else { "inf" };
        return Ok(signed(&Spec { flags: spec.flags.replace('0', ""), ..*spec }, value < 0.0, case(word.into())));
    }
    let negative = shown.starts_with('-');
    let digits = match spec.letter.to_ascii_lowercase() {
        'f' if kind == "n" => decimal_fixed(shown.trim_start_matches('-'), precision),
        'f' => format!("{:.precision$}", value.abs()),
        'e' => exponent(value.abs(), precision),
        _ => general(value.abs(), precision.max(1), spec.flags.contains('#')),
    };
    Ok(signed(spec, negative, case(grouped(&Spec { precision: None, flags: spec.flags.clone(), ..*spec }, &digits))))
}

/// A decimal text at a number of places, rounded half away from zero.
fn decimal_fixed(digits: &str, places: usize) -> String {
    match super::number::parse_decimal(digits, places) {
        Some(scaled) if places > 0 => {
            let text = format!("{scaled:0>width$}", width = places + 1);
            let (whole, fraction) = text.split_at(text.len() - places);
            format!("{whole}.{fraction}")
        }
        Some(scaled) => scaled.to_string(),
        None => digits.to_owned(),
    }
}

fn exponent(value: f64, precision: usize) -> String {
    let shown = format!("{value:.precision$e}");
    let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let number: i32 = exponent.parse().unwrap_or(0);
    format!("{digits}e{}{:02}", if number < 0 { '-' } else { '+' }, number.abs())
}

fn general(value: f64, precision: usize, keep: bool) -> String {
    let shown = format!("{value:.*e}", precision - 1);
    let power: i32 = shown.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let strip =
        |s: String| if keep || !s.contains('.') { s } else { s.trim_end_matches('0').trim_end_matches('.').to_owned() };
    if power < -4 || power >= precision as i32 {
        let whole = exponent(value, precision - 1);
        let (digits, tail) = whole.split_once('e').unwrap_or((&whole, "+00"));
        return format!("{}e{tail}", strip(digits.to_owned()));
    }
    let places = (precision as i32 - 1 - power).max(0) as usize;
    strip(format!("{value:.places$}"))
}
