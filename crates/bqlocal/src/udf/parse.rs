//! Texts to dates and times: CAST's forms and the format elements of PARSE_*.

use super::calendar::{self as cal, DAY};
use super::clock::checked_stamp;
use super::zone::to_moment;
use super::{Out, Row, int};

pub(super) const TABLE: &[Row] = &[
    ("bq_text_date", "s>d", |a| match Loose::read(a[0].text()) {
        Some(Loose { day, time, zone: None }) if time.is_none_or(|_| true) => int(day),
        _ => Err(format!("Invalid date: '{}'", a[0].text())),
    }),
    ("bq_text_datetime", "s>D", |a| match Loose::read(a[0].text()) {
        Some(Loose { day, time, zone: None }) => int(day * DAY + time.unwrap_or(0)),
        _ => Err(format!("Invalid datetime string \"{}\"", a[0].text())),
    }),
    ("bq_text_timestamp", "ss>T", |a| match Loose::read(a[0].text()) {
        Some(Loose { day, time, zone }) => {
            let local = day * DAY + time.unwrap_or(0);
            to_moment(local, zone.as_deref().unwrap_or(a[1].text()))
                .map_err(|_| format!("Invalid timestamp: '{}'", a[0].text()))
                .and_then(|moment| checked_stamp(Some(moment), "TIMESTAMP"))
        }
        None => Err(format!("Invalid timestamp: '{}'", a[0].text())),
    }),
    ("bq_text_time", "s>t", |a| {
        read_time(a[0].text()).map_or(Err(format!("Invalid time string \"{}\"", a[0].text())), int)
    }),
    ("bq_parse_datetime", "sss>D", |a| {
        let found = Fields::read(a[0].text(), a[1].text()).and_then(|f| f.local(a[2].text()));
        found.map(Out::Int).map_err(|why| failed(&why, a[1].text()))
    }),
    ("bq_parse_timestamp", "sss>T", |a| {
        let fields = Fields::read(a[0].text(), a[1].text()).map_err(|why| failed(&why, a[1].text()))?;
        if let Some(epoch) = fields.epoch {
            return checked_stamp(epoch.checked_mul(1_000_000), "TIMESTAMP");
        }
        let local = fields.local("TIMESTAMP").map_err(|why| failed(&why, a[1].text()))?;
        let zone = fields.zone.as_deref().unwrap_or(a[2].text());
        to_moment(local, zone).and_then(|v| checked_stamp(Some(v), "TIMESTAMP"))
    }),
];

fn failed(why: &str, value: &str) -> String {
    format!("Failed to parse input string \"{value}\"{}{why}", if why.is_empty() { "" } else { ": " })
}

/// `YYYY-[M]M-[D]D[( |T)[H]H:[M]M:[S]S[.F]][zone]`
struct Loose {
    day: i64,
    time: Option<i64>,
    zone: Option<String>,
}

/// Takes one to `most` digits.
fn digits(text: &mut &str, most: usize) -> Option<i64> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    let (number, rest) = text.split_at(count);
    *text = rest;
    number.parse().ok()
}

fn expect(text: &mut &str, c: char) -> Option<()> {
    *text = text.strip_prefix(c)?;
    Some(())
}

/// `H:M[:S[.F]]` in microseconds.
fn clock_text(text: &mut &str) -> Option<i64> {
    let hour = digits(text, 2)?;
    expect(text, ':')?;
    let minute = digits(text, 2)?;
    let mut micros = 0;
    let mut second = 0;
    if text.starts_with(':') {
        expect(text, ':')?;
        second = digits(text, 2)?;
        if let Some(rest) = text.strip_prefix('.') {
            let count = rest.bytes().take_while(u8::is_ascii_digit).count();
            if count > 9 {
                return None;
            }
            micros = format!("{:0<6}", &rest[..count])[..6].parse().ok()?;
            *text = &rest[count..];
        }
    }
    // a leap second is the next second, without a fraction
    let micros = if second == 60 { 0 } else { micros };
    (hour < 24 && minute < 60 && second <= 60).then_some(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

pub(super) fn read_time(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let time = clock_text(&mut rest)?;
    rest.is_empty().then_some(time % DAY)
}

impl Loose {
    fn read(text: &str) -> Option<Loose> {
        let mut rest = text.trim();
        let year = digits(&mut rest, 4)?;
        expect(&mut rest, '-')?;
        let month = digits(&mut rest, 2)?;
        expect(&mut rest, '-')?;
        let day = digits(&mut rest, 2)?;
        let day = cal::valid(year, month, day)?;
        let mut time = None;
        let timed = rest.starts_with(['T', 't'])
            || (rest.starts_with(' ') && rest.trim_start().starts_with(|c: char| c.is_ascii_digit()));
        if timed {
            rest = rest[1..].trim_start();
            time = Some(clock_text(&mut rest)?);
        }
        let zone = rest.trim();
        Some(Loose { day, time, zone: (!zone.is_empty()).then(|| zone.to_owned()) })
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// What the elements of a format string found.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    century: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    of_year: Option<i64>,
    hour: Option<i64>,
    half: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    epoch: Option<i64>,
    zone: Option<String>,
    iso: (Option<i64>, Option<i64>),
    week: Option<(i64, i64)>,
    weekday: Option<i64>,
}

impl Fields {
    fn read(format: &str, text: &str) -> Result<Fields, String> {
        let mut fields = Fields::default();
        let mut rest = text.trim_start();
        let mut items = format.chars().peekable();
        while let Some(c) = items.next() {
            if c.is_whitespace() {
                rest = rest.trim_start();
                continue;
            }
            if c != '%' {
                rest = rest.strip_prefix(c).ok_or_else(String::new)?;
                continue;
            }
            let mut element = items.next().ok_or("the format ends with %")?;
            let mut extended = String::new();
            if element == 'Y' && digits_next(items.clone()) {
                extended.push('4');
            } else if element == 'E' {
                for next in items.by_ref() {
                    extended.push(next);
                    if !next.is_ascii_digit() && next != '*' {
                        break;
                    }
                }
                element = extended.chars().last().unwrap_or('E');
            } else if element == 'O' {
                element = items.next().ok_or("the format ends with %O")?;
            }
            fields.element(element, &extended, &mut rest)?;
        }
        if rest.trim().is_empty() { Ok(fields) } else { Err(format!("\"{rest}\" is left over")) }
    }

    fn element(&mut self, element: char, extended: &str, rest: &mut &str) -> Result<(), String> {
        if matches!(element, 'e' | 'k' | 'l') {
            *rest = rest.trim_start();
        }
        let whole: Option<&str> = match element {
            'F' => Some("%Y-%m-%d"),
            'T' | 'X' => Some("%H:%M:%S"),
            'R' => Some("%H:%M"),
            'D' | 'x' => Some("%m/%d/%y"),
            'c' => Some("%a %b %e %H:%M:%S %Y"),
            'r' => Some("%I:%M:%S %p"),
            _ => None,
        };
        if let Some(format) = whole {
            return self.run(format, rest);
        }
        self.single(element, extended, rest).ok_or_else(|| format!("%{element} does not match"))
    }

    /// A format inside a format.
    fn run(&mut self, format: &str, rest: &mut &str) -> Result<(), String> {
        let mut items = format.chars();
        while let Some(c) = items.next() {
            match c {
                '%' => {
                    let element = items.next().unwrap_or('%');
                    self.element(element, "", rest)?;
                }
                c if c.is_whitespace() => *rest = rest.trim_start(),
                c => *rest = rest.strip_prefix(c).ok_or_else(String::new)?,
            }
        }
        Ok(())
    }

    fn single(&mut self, element: char, extended: &str, rest: &mut &str) -> Option<()> {
        match element {
            'Y' => {
                let negative = rest.starts_with('-');
                let most = if extended.starts_with('4') { 4 } else { 5 };
                let year = digits(rest, most)?;
                self.year = (!negative).then_some(year);
            }
            'y' => {
                let year = digits(rest, 2)?;
                self.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
            }
            'C' => self.century = Some(digits(rest, 2)?),
            'm' => self.month = Some(digits(rest, 2)?),
            'd' | 'e' => self.day = Some(digits(rest, 2)?),
            'j' => self.of_year = Some(digits(rest, 3)?),
            'H' | 'k' => self.hour = Some(digits(rest, 2).filter(|h| *h < 24)?),
            'I' | 'l' => self.hour = Some(digits(rest, 2).filter(|h| (1..=12).contains(h))?),
            'M' => self.minute = digits(rest, 2).filter(|m| *m < 60)?,
            'S' => {
                self.second = digits(rest, 2).filter(|s| *s <= 60)?;
                if !extended.is_empty()
                    && let Some(tail) = rest.strip_prefix('.')
                {
                    let most = extended.trim_end_matches('S').parse::<usize>().unwrap_or(9);
                    let count = tail.bytes().take(most).take_while(u8::is_ascii_digit).count();
                    self.micros = format!("{:0<6}", &tail[..count])[..6].parse().ok()?;
                    *rest = &tail[count..];
                }
            }
            'p' | 'P' => {
                let word = rest.get(..2)?.to_lowercase();
                self.half = Some(match word.as_str() {
                    "am" => false,
                    "pm" => true,
                    _ => return None,
                });
                *rest = &rest[2..];
            }
            'b' | 'B' | 'h' => self.month = Some(name(rest, &MONTHS)? as i64 + 1),
            'a' | 'A' => self.weekday = Some(name(rest, &WEEKDAYS)? as i64),
            'u' => self.weekday = Some(digits(rest, 1).filter(|d| (1..=7).contains(d))? % 7),
            'w' => self.weekday = Some(digits(rest, 1).filter(|d| *d < 7)?),
            'U' => self.week = Some((digits(rest, 2).filter(|w| *w <= 53)?, 0)),
            'W' => self.week = Some((digits(rest, 2).filter(|w| *w <= 53)?, 1)),
            'G' => self.iso.0 = Some(digits(rest, 4)?),
            'V' => self.iso.1 = Some(digits(rest, 2)?),
            'g' => {
                digits(rest, 2)?;
            }
            'Q' => {
                let quarter = digits(rest, 1).filter(|q| (1..=4).contains(q))?;
                self.month = Some(quarter * 3 - 2);
            }
            's' => {
                let negative = rest.strip_prefix('-');
                if let Some(tail) = negative {
                    *rest = tail;
                }
                let seconds = digits(rest, 18)?;
                self.epoch = Some(if negative.is_some() { -seconds } else { seconds });
            }
            'z' | 'Z' => self.zone = Some(zone(element, rest)?),
            '%' => expect(rest, '%')?,
            'n' | 't' => *rest = rest.trim_start(),
            _ => return None,
        }
        Some(())
    }

    /// The wall-clock time that the fields say; what is missing comes from 1970-01-01 00:00:00.
    fn local(&self, _what: &str) -> Result<i64, String> {
        let invalid = || "the date does not exist".to_owned();
        if let Some(epoch) = self.epoch {
            return epoch.checked_mul(1_000_000).ok_or_else(invalid);
        }
        let year = self.year.unwrap_or(self.century.map_or(1970, |c| c * 100));
        let mut day = cal::valid(year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok_or_else(invalid)?;
        if let Some(of_year) = self.of_year {
            if of_year < 1 || of_year > 365 + i64::from(cal::leap(year)) {
                return Err(invalid());
            }
            day = cal::days(year, 1, 1) + of_year - 1;
        }
        if let (Some(year), week) = self.iso {
            let start = cal::week_start(cal::days(year, 1, 4), 1);
            let weekday = self.weekday.map_or(0, |w| (w + 6) % 7);
            day = start + (week.unwrap_or(1) - 1) * 7 + weekday;
        } else if let (Some((week, first)), None) = (self.week, self.day) {
            let start = cal::days(year, 1, 1);
            let opening = start + (first - cal::weekday(start)).rem_euclid(7);
            day = opening + (week - 1) * 7 + (self.weekday.unwrap_or(first) - first).rem_euclid(7);
        }
        let hour = match (self.hour, self.half) {
            (Some(hour), Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
            (hour, _) => hour.unwrap_or(0),
        };
        Ok(day * DAY + ((hour * 60 + self.minute) * 60 + self.second) * 1_000_000 + self.micros)
    }
}

/// Whether an element that reads digits follows at once, so that a year has four of them: `%Y%m%d`.
fn digits_next(mut items: std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    items.next() == Some('%')
        && items.next().is_some_and(|element| element.is_alphabetic() && !"abBhpPntzZ".contains(element))
}

/// A month's or weekday's name, whole or by its first three letters.
fn name(rest: &mut &str, names: &[&str]) -> Option<usize> {
    let lower = rest.to_lowercase();
    let index = names.iter().position(|n| lower.starts_with(&n[..3]))?;
    let length = if lower.starts_with(names[index]) { names[index].len() } else { 3 };
    *rest = &rest[length..];
    Some(index)
}

fn zone(element: char, rest: &mut &str) -> Option<String> {
    if let Some(tail) = rest.strip_prefix('Z').filter(|t| !t.starts_with(|c: char| c.is_alphabetic())) {
        *rest = tail;
        return Some("UTC".into());
    }
    let count = if element == 'Z' {
        rest.find(char::is_whitespace).unwrap_or(rest.len())
    } else {
        rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | ':'))).unwrap_or(rest.len())
    };
    if count < 2 {
        return None;
    }
    let (zone, tail) = rest.split_at(count);
    *rest = tail;
    Some(zone.to_owned())
}
