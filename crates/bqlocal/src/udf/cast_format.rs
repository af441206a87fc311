//! CAST ... FORMAT of dates and times, in both directions. Its elements are not those of FORMAT_DATE.

use super::calendar::{self as cal, DAY};
use super::clock::checked_stamp;
use super::zone::{offset, to_moment};
use super::{Answer, Row, text};

const SECOND: i64 = 1_000_000;

pub(super) const TABLE: &[Row] = &[
    ("bq_cast_format", "Dss>s", |a| shown(a[0].int(), 0, a[1].text(), a[2].text())),
    ("bq_cast_format_timestamp", "Tss>s", |a| {
        let shift = offset(a[0].int(), a[2].text())?;
        shown(a[0].int() + shift, shift, a[1].text(), "TIMESTAMP")
    }),
    // text, format, what it becomes, the time now, for the year and month that are not given
    ("bq_cast_parse", "sssD>D", |a| {
        let read = Reader::read(a[0].text(), a[1].text(), a[2].text(), a[3].int())?;
        checked_stamp(Some(read.local()?), "DATETIME")
    }),
    ("bq_cast_parse_timestamp", "sssD>T", |a| {
        let read = Reader::read(a[0].text(), a[1].text(), "TIMESTAMP", a[3].int())?;
        let local = read.local()?;
        let moment = match read.shift {
            Some(shift) => local - shift,
            None => to_moment(local, a[2].text())?,
        };
        checked_stamp(Some(moment), "TIMESTAMP")
    }),
];

/// Elements by their spelling, longer ones first, and what has them: `d` dates, `t` times, `z` zones, nothing at all.
const ELEMENTS: &[(&str, char)] = &[
    ("SSSSS", 't'),
    ("MONTH", 'd'),
    ("Y,YYY", 'd'),
    ("IYYY", ' '),
    ("YYYY", 'd'),
    ("RRRR", 'd'),
    ("HH24", 't'),
    ("HH12", 't'),
    ("A.M.", 't'),
    ("P.M.", 't'),
    ("YYY", 'd'),
    ("MON", 'd'),
    ("DAY", 'd'),
    ("DDD", 'd'),
    ("TZH", 'z'),
    ("TZM", 'z'),
    ("FF1", 't'),
    ("FF2", 't'),
    ("FF3", 't'),
    ("FF4", 't'),
    ("FF5", 't'),
    ("FF6", 't'),
    ("FF7", 't'),
    ("FF8", 't'),
    ("FF9", 't'),
    ("YY", 'd'),
    ("RR", 'd'),
    ("MM", 'd'),
    ("DD", 'd'),
    ("DY", 'd'),
    ("HH", 't'),
    ("MI", 't'),
    ("SS", 't'),
    ("AM", 't'),
    ("PM", 't'),
    ("IW", ' '),
    ("WW", ' '),
    ("CC", ' '),
    ("Y", 'd'),
    ("D", 'd'),
    ("Q", ' '),
    ("W", ' '),
    ("J", ' '),
];

const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];
const DAYS: [&str; 7] = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

enum Item<'f> {
    Literal(String),
    /// its upper-case name, and as it is written
    Element(&'static str, &'f str),
}

/// A format as its items. Errors: something in it is no element, or one that the type does not have.
fn items<'f>(format: &'f str, what: &str) -> Result<Vec<Item<'f>>, String> {
    let (mut list, mut rest) = (Vec::new(), format);
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = rest[1..].find('"').ok_or_else(|| {
                format!("Cannot find matching \" for a quoted literal at {}", format.len() - rest.len())
            })?;
            list.push(Item::Literal(rest[1..=end].to_owned()));
            rest = &rest[end + 2..];
            continue;
        }
        if c.is_whitespace() || "-./,';:".contains(c) {
            list.push(Item::Literal(c.to_string()));
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let fits = |name: &str| rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        let found = ELEMENTS.iter().find(|(name, _)| fits(name));
        let Some((name, family)) = found else {
            return Err(format!("Cannot find matched format element at {}", format.len() - rest.len()));
        };
        let has = match what {
            "DATE" => "d",
            "TIME" => "t",
            "DATETIME" => "dt",
            _ => "dtz",
        };
        if !has.contains(*family) {
            return Err(format!("{what} does not support '{name}'"));
        }
        list.push(Item::Element(name, &rest[..name.len()]));
        rest = &rest[name.len()..];
    }
    Ok(list)
}

/// A word in the case of its element: `MONTH`, `Month` or `month`.
fn cased(word: &str, written: &str) -> String {
    let mut letters = written.chars().filter(|c| c.is_alphabetic());
    let (first, second) = (letters.next().unwrap_or('a'), letters.next().unwrap_or('a'));
    match (first.is_uppercase(), second.is_uppercase()) {
        (false, _) => word.to_lowercase(),
        (true, true) => word.to_uppercase(),
        (true, false) => format!("{}{}", &word[..1], word[1..].to_lowercase()),
    }
}

fn shown(local: i64, shift: i64, format: &str, what: &str) -> Answer {
    let (day, micros) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let (year, month, date) = cal::civil(day);
    let (hour, minute, second) = (micros / SECOND / 3600, micros / SECOND / 60 % 60, micros / SECOND % 60);
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let mut out = String::new();
    for item in items(format, what)? {
        let (name, written) = match item {
            Item::Literal(literal) => {
                out.push_str(&literal);
                continue;
            }
            Item::Element(name, written) => (name, written),
        };
        out.push_str(&match name {
            "YYYY" | "RRRR" => format!("{year:04}"),
            "Y,YYY" => format!("{},{:03}", year / 1000, year % 1000),
            "YYY" => format!("{:03}", year % 1000),
            "YY" | "RR" => format!("{:02}", year % 100),
            "Y" => (year % 10).to_string(),
            "MONTH" => cased(MONTHS[month as usize - 1], written),
            "MON" => cased(&MONTHS[month as usize - 1][..3], written),
            "MM" => format!("{month:02}"),
            "DAY" => cased(DAYS[cal::weekday(day) as usize], written),
            "DY" => cased(&DAYS[cal::weekday(day) as usize][..3], written),
            "DDD" => format!("{:03}", day - cal::days(year, 1, 1) + 1),
            "DD" => format!("{date:02}"),
            "D" => (cal::weekday(day) + 1).to_string(),
            "HH24" => format!("{hour:02}"),
            "HH" | "HH12" => format!("{twelve:02}"),
            "MI" => format!("{minute:02}"),
            "SS" => format!("{second:02}"),
            "SSSSS" => format!("{:05}", micros / SECOND),
            "AM" | "PM" => cased(if hour < 12 { "AM" } else { "PM" }, written),
            "A.M." | "P.M." => cased(if hour < 12 { "A.M." } else { "P.M." }, written),
            "TZH" => format!("{}{:02}", if shift < 0 { '-' } else { '+' }, shift.abs() / SECOND / 3600),
            "TZM" => format!("{:02}", shift.abs() / SECOND / 60 % 60),
            fraction => {
                let digits = format!("{:06}000", micros % SECOND);
                let count = usize::from(fraction.as_bytes()[2] - b'0');
                digits[..count].to_owned()
            }
        });
    }
    text(out)
}

/// What was found in a text. A year and month that are not given are those of now.
struct Reader {
    year: i64,
    month: i64,
    day: i64,
    of_year: Option<i64>,
    hour: i64,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    of_day: Option<i64>,
    micros: i64,
    shift: Option<i64>,
}

impl Reader {
    fn read(value: &str, format: &str, what: &str, now: i64) -> Result<Reader, String> {
        let (year, month, _) = cal::civil(now.div_euclid(DAY));
        let (day, hour, minute, second, micros) = (1, 0, 0, 0, 0);
        let (of_year, afternoon, of_day, shift) = (None, None, None, None);
        let mut read = Reader { year, month, day, of_year, hour, afternoon, minute, second, of_day, micros, shift };
        let items = items(format.trim(), what)?;
        let mut rest = value.trim();
        for item in &items {
            let place = value.len() - rest.len();
            let found = match item {
                Item::Literal(literal) if literal.trim().is_empty() => {
                    rest = rest.trim_start();
                    Some(())
                }
                Item::Literal(literal) => rest.strip_prefix(literal.as_str()).map(|tail| rest = tail),
                Item::Element(name, _) => read.element(name, &mut rest),
            };
            if found.is_none() {
                let shown = match item {
                    Item::Literal(literal) => literal,
                    Item::Element(name, _) => *name,
                };
                return Err(format!("Failed to parse input timestamp string at {place} with format element {shown}"));
            }
        }
        match rest.is_empty() {
            true => Ok(read),
            false => Err(format!(
                "Failed to parse input timestamp string at {}: more is there than the format says",
                value.len() - rest.len()
            )),
        }
    }

    fn element(&mut self, name: &str, rest: &mut &str) -> Option<()> {
        match name {
            "YYYY" | "RRRR" => self.year = digits(rest, 4)?,
            "Y,YYY" => {
                let thousands = digits(rest, 2)?;
                *rest = rest.strip_prefix(',')?;
                self.year = thousands * 1000 + digits(rest, 3)?;
            }
            "YYY" => self.year = self.year / 1000 * 1000 + digits(rest, 3)?,
            "YY" => self.year = self.year / 100 * 100 + digits(rest, 2)?,
            "RR" => {
                // the century in which the two digits are nearer
                let (two, now) = (digits(rest, 2)?, self.year % 100);
                let century = self.year / 100 + i64::from(two < 50 && now >= 50) - i64::from(two >= 50 && now < 50);
                self.year = century * 100 + two;
            }
            "Y" => self.year = self.year / 10 * 10 + digits(rest, 1)?,
            "MM" => self.month = digits(rest, 2)?,
            "MONTH" => self.month = word(rest, &MONTHS, usize::MAX)?,
            "MON" => self.month = word(rest, &MONTHS, 3)?,
            "DD" => self.day = digits(rest, 2)?,
            "DDD" => self.of_year = Some(digits(rest, 3)?),
            "HH24" => self.hour = digits(rest, 2).filter(|hour| *hour < 24)?,
            "HH" | "HH12" => self.hour = digits(rest, 2).filter(|hour| (1..=12).contains(hour))?,
            "MI" => self.minute = digits(rest, 2).filter(|minute| *minute < 60)?,
            "SS" => self.second = digits(rest, 2).filter(|second| *second <= 60)?,
            "SSSSS" => self.of_day = Some(digits(rest, 5).filter(|seconds| *seconds < 86_400)?),
            "AM" | "PM" | "A.M." | "P.M." => {
                let size = name.len();
                let found = rest.get(..size)?.to_uppercase();
                self.afternoon = Some(match found.as_str() {
                    "AM" | "A.M." => false,
                    "PM" | "P.M." => true,
                    _ => return None,
                });
                *rest = &rest[size..];
            }
            "TZH" => {
                let negative = rest.starts_with('-');
                *rest = rest.strip_prefix(['+', '-', ' ']).unwrap_or(rest);
                let hours = digits(rest, 2)? * 3600 * SECOND;
                self.shift = Some(if negative { -hours } else { hours });
            }
            "TZM" => {
                let (minutes, hours) = (digits(rest, 2)? * 60 * SECOND, self.shift.unwrap_or(0));
                self.shift = Some(if hours < 0 { hours - minutes } else { hours + minutes });
            }
            fraction if fraction.starts_with("FF") => {
                let most = usize::from(fraction.as_bytes()[2] - b'0');
                let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                let found = rest.get(..count).filter(|found| !found.is_empty())?;
                self.micros = format!("{found:0<6}")[..6].parse().ok()?;
                *rest = &rest[count..];
            }
            _ => return None,
        }
        Some(())
    }

    /// The time that the parts say.
    fn local(&self) -> Result<i64, String> {
        let day = match self.of_year {
            Some(place) if place >= 1 && place <= 365 + i64::from(cal::leap(self.year)) => {
                Some(cal::days(self.year, 1, 1) + place - 1)
            }
            Some(_) => None,
            None => cal::valid(self.year, self.month, self.day),
        };
        let day = day.ok_or("Failed to parse input timestamp string: the date does not exist")?;
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let seconds = self.of_day.unwrap_or((hour * 60 + self.minute) * 60 + self.second);
        Ok(day * DAY + seconds * SECOND + self.micros)
    }
}

fn digits(rest: &mut &str, most: usize) -> Option<i64> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (found, tail) = rest.split_at(count);
    *rest = tail;
    found.parse().ok()
}

/// The number of the month whose name begins the text.
fn word(rest: &mut &str, names: &[&str], most: usize) -> Option<i64> {
    let upper = rest.to_uppercase();
    let (place, size) = names.iter().enumerate().find_map(|(place, name)| {
        let short = &name[..name.len().min(most)];
        upper.starts_with(short).then_some((place, short.len()))
    })?;
    *rest = rest.get(size..)?;
    Some(place as i64 + 1)
}

#[cfg(test)]
mod tests {
    use super::super::Out;
    use super::shown;

    #[test]
    fn words_take_the_case_of_their_element() {
        // 1970-01-02
        let day = 86_400_000_000;
        let said = shown(day, 0, "Day MONTH mon DD", "DATE");
        assert_eq!(said, Ok(Out::Text("Friday JANUARY jan 02".into())));
        assert!(shown(day, 0, "HH24", "DATE").is_err_and(|why| why.contains("DATE does not support 'HH24'")));
    }
}
