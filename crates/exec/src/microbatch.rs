//! `incremental_strategy='microbatch'`: a model is built in slices of time, each as if it were a run of its own.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use indexmap::IndexMap;
use rsdbt_base::{Code, Dialect};
use rsdbt_jinja::{Data, Fault};
use rsdbt_project::ir::Node;

/// From `start`, before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub start: NaiveDateTime,
    pub end: NaiveDateTime,
    /// Whether the slice is added to a table that is there, whatever full refresh says.
    pub grows: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Hour,
    Day,
    Month,
    Year,
}

const SIZES: [(&str, Size); 4] =
    [("hour", Size::Hour), ("day", Size::Day), ("month", Size::Month), ("year", Size::Year)];

impl Size {
    /// The beginning of the slice that a moment is in.
    fn floor(self, at: NaiveDateTime) -> NaiveDateTime {
        let day = match self {
            Size::Hour => return at.date().and_time(NaiveTime::MIN) + TimeDelta::hours(i64::from(at.hour())),
            Size::Day => Some(at.date()),
            Size::Month => at.date().with_day(1),
            Size::Year => NaiveDate::from_ymd_opt(at.year(), 1, 1),
        };
        day.unwrap_or(at.date()).and_time(NaiveTime::MIN)
    }

    fn add(self, at: NaiveDateTime, count: u32) -> Option<NaiveDateTime> {
        match self {
            Size::Hour => at.checked_add_signed(TimeDelta::hours(i64::from(count))),
            Size::Day => at.checked_add_days(Days::new(u64::from(count))),
            Size::Month => at.checked_add_months(Months::new(count)),
            Size::Year => at.checked_add_months(Months::new(12 * count)),
        }
    }

    fn before(self, at: NaiveDateTime, count: u32) -> NaiveDateTime {
        let back = match self {
            Size::Hour => at.checked_sub_signed(TimeDelta::hours(i64::from(count))),
            Size::Day => at.checked_sub_days(Days::new(u64::from(count))),
            Size::Month => at.checked_sub_months(Months::new(count)),
            Size::Year => at.checked_sub_months(Months::new(12 * count)),
        };
        back.unwrap_or(at)
    }
}

pub fn is_microbatch(node: &Node) -> bool {
    node.materialized() == "incremental" && node.settings().incremental_strategy.as_deref() == Some("microbatch")
}

fn moment(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let with_time = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let zoned = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.naive_utc());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
    with_time.or_else(zoned).or_else(day)
}

fn wrong(message: impl Into<String>) -> Fault {
    Fault::new(Code::CONFIG, "Compilation", message)
}

/// What the command line says: `--event-time-start`, `--event-time-end`.
#[derive(Debug, Clone, Default)]
pub struct Range {
    pub start: Option<String>,
    pub end: Option<String>,
}

/// The slices of a run, oldest first. `grows` is true when the table is there and is not to be built anew.
pub fn windows(node: &Node, range: &Range, grows: bool, now: DateTime<Utc>) -> Result<Vec<Window>, Fault> {
    let settings = &node.settings().microbatch;
    let needed = |key: &str, value: &Option<String>| {
        let missing = || wrong(format!("the microbatch model '{}' needs `{key}` in its config", node.name));
        value.clone().ok_or_else(missing)
    };
    let word = needed("batch_size", &settings.batch_size)?.to_lowercase();
    needed("event_time", &settings.event_time)?;
    let begin = needed("begin", &settings.begin)?;
    let Some((_, size)) = SIZES.iter().find(|(name, _)| *name == word) else {
        return Err(wrong(format!("`batch_size: {word}` is none of hour, day, month, year")));
    };
    let read = |what: &str, text: &str| {
        moment(text).ok_or_else(|| {
            wrong(format!("{what} '{text}' is not a time")).help("write it as 2026-01-31 or 2026-01-31T12:00:00")
        })
    };
    let last = size.floor(now.naive_utc());
    let start = match (&range.start, grows) {
        (Some(text), _) => size.floor(read("--event-time-start", text)?),
        (None, true) => size.before(last, settings.lookback).max(size.floor(read("`begin`", &begin)?)),
        (None, false) => size.floor(read("`begin`", &begin)?),
    };
    let end = match &range.end {
        Some(text) => read("--event-time-end", text)?,
        None => size.add(last, 1).unwrap_or(last),
    };
    if start >= end {
        return Err(wrong(format!("the time range of '{}' is empty: {start} to {end}", node.name)));
    }
    let mut windows = Vec::new();
    let mut at = start;
    while at < end {
        let next = size.add(at, 1).ok_or_else(|| wrong("the time range reaches beyond the calendar"))?;
        windows.push(Window { start: at, end: next.min(end), grows: grows || !windows.is_empty() });
        at = next;
    }
    Ok(windows)
}

impl Window {
    /// A condition on a column, as dbt writes it.
    pub fn condition(&self, column: &str, dialect: Dialect) -> String {
        let text = |at: NaiveDateTime| format!("'{}+00:00'", at.format("%Y-%m-%d %H:%M:%S"));
        let column = match dialect {
            Dialect::GoogleSql => format!("cast({column} as timestamp)"),
            Dialect::DuckDb => column.to_owned(),
        };
        format!("{column} >= {} and {column} < {}", text(self.start), text(self.end))
    }

    /// `model.batch`.
    pub fn data(&self) -> Data {
        let at = |time: NaiveDateTime| Data::DateTime(time.and_utc().timestamp_micros(), true);
        Data::Map(IndexMap::from([
            ("id".to_owned(), Data::text(self.start.format("%Y%m%dT%H").to_string())),
            ("event_time_start".to_owned(), at(self.start)),
            ("event_time_end".to_owned(), at(self.end)),
            ("grows".to_owned(), Data::Bool(self.grows)),
        ]))
    }

    pub fn name(&self) -> String {
        self.start.format("%Y-%m-%d %H:%M").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsdbt_project::ir::ResourceType;
    use serde_json::json;

    fn model(size: &str, begin: &str) -> Node {
        let mut node = Node::named(ResourceType::Model, "p", "m");
        for (key, value) in [("batch_size", json!(size)), ("begin", json!(begin)), ("event_time", json!("at"))] {
            node.config.insert(key.to_owned(), value);
        }
        node
    }

    fn starts(node: &Node, range: &Range, grows: bool) -> Vec<String> {
        let now = DateTime::parse_from_rfc3339("2026-03-02T05:30:00Z").expect("valid").to_utc();
        windows(node, range, grows, now).expect("windows").iter().map(Window::name).collect()
    }

    #[test]
    fn from_the_beginning_and_then_only_the_last_ones() {
        let node = model("day", "2026-02-27");
        let all = ["2026-02-27 00:00", "2026-02-28 00:00", "2026-03-01 00:00", "2026-03-02 00:00"];
        assert_eq!(starts(&node, &Range::default(), false), all);
        assert_eq!(starts(&node, &Range::default(), true), all[2..]);
        assert_eq!(starts(&model("month", "2026-01-15"), &Range::default(), false).len(), 3);
    }

    #[test]
    fn the_command_line_names_a_range() {
        let range = Range { start: Some("2026-01-01T10:20:00".into()), end: Some("2026-01-01 12:00:00".into()) };
        assert_eq!(starts(&model("hour", "2026-01-01"), &range, true), ["2026-01-01 10:00", "2026-01-01 11:00"]);
    }
}
