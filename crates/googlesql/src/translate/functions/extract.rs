//! EXTRACT and the names of date parts.

use super::super::scope::Scope;
use super::super::{Result, Translator, Typed};
use crate::SqlError;
use crate::ast::{Expr, Kind};
use crate::types::Type;

/// Date parts with the DuckDB function where it means the same.
const NATIVE: &[(&str, &str)] = &[
    ("YEAR", "year"),
    ("MONTH", "month"),
    ("DAY", "day"),
    ("QUARTER", "quarter"),
    ("DAYOFYEAR", "dayofyear"),
    ("HOUR", "hour"),
    ("MINUTE", "minute"),
];
const WEEKDAYS: &[&str] = &["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];
const PARTS: &[&str] = &[
    "MICROSECOND",
    "MILLISECOND",
    "NANOSECOND",
    "SECOND",
    "MINUTE",
    "HOUR",
    "DAYOFWEEK",
    "DAY",
    "DAYOFYEAR",
    "WEEK",
    "ISOWEEK",
    "MONTH",
    "QUARTER",
    "YEAR",
    "ISOYEAR",
    "DATE",
    "TIME",
    "DATETIME",
];

/// `DAY`, `WEEK`, `WEEK_MONDAY` ... from a part as written.
pub(in crate::translate) fn part_name(value: &Expr) -> Result<String> {
    let refuse = || SqlError::semantic("a valid date part name is required", value.at);
    match &value.kind {
        Kind::Name(name) => {
            let part = name.text.to_uppercase();
            if PARTS.contains(&part.as_str()) {
                Ok(part)
            } else {
                Err(SqlError::semantic(format!("{part} is not a date part"), value.at))
            }
        }
        Kind::Call(call) if call.name.eq_ignore_ascii_case("WEEK") => match call.args.first().map(|a| &a.kind) {
            Some(Kind::Name(day)) if WEEKDAYS.contains(&day.text.to_uppercase().as_str()) => {
                Ok(format!("WEEK_{}", day.text.to_uppercase()))
            }
            _ => Err(refuse()),
        },
        _ => Err(refuse()),
    }
}

impl Translator<'_> {
    pub(in crate::translate) fn extract(
        &mut self,
        part: &Expr,
        from: &Expr,
        zone: Option<&Expr>,
        scope: &Scope,
    ) -> Result<Typed> {
        let part_text = part_name(part)?;
        let value = self.expr(from, scope)?;
        let zone = match zone {
            Some(zone) => self.expr(zone, scope)?.sql,
            None => self.zone_sql(),
        };
        let civil = match &value.ty {
            Type::Timestamp => format!("bq_timestamp_datetime({}, {zone})", value.sql),
            Type::Date | Type::DateTime => value.sql.clone(),
            Type::Null => "CAST(NULL AS TIMESTAMP)".into(),
            Type::Time => return self.extract_time(&part_text, &value, part.at),
            Type::Interval => {
                return Ok(Typed::new(format!("bq_interval_part({}, '{part_text}')", value.sql), Type::Int64));
            }
            other => return Err(SqlError::semantic(format!("EXTRACT from {other} is not defined"), from.at)),
        };
        let timed = ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "TIME", "DATETIME", "DATE"]
            .contains(&part_text.as_str());
        if value.ty == Type::Date && timed {
            return Err(SqlError::semantic(
                format!("EXTRACT from DATE does not support the {part_text} date part"),
                part.at,
            ));
        }
        match part_text.as_str() {
            "DATE" => Ok(Typed::new(format!("CAST({civil} AS DATE)"), Type::Date)),
            "TIME" => Ok(Typed::new(format!("CAST({civil} AS TIME)"), Type::Time)),
            "DATETIME" => Ok(Typed::new(civil, Type::DateTime)),
            known => {
                if let Some((_, name)) = NATIVE.iter().find(|(n, _)| *n == known) {
                    return Ok(Typed::new(format!("{name}({civil})"), Type::Int64));
                }
                Ok(Typed::new(format!("bq_extract(CAST({civil} AS TIMESTAMP), '{known}')"), Type::Int64))
            }
        }
    }

    fn extract_time(&mut self, part: &str, value: &Typed, at: usize) -> Result<Typed> {
        if !["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"].contains(&part) {
            return Err(SqlError::semantic(format!("EXTRACT from TIME does not support the {part} date part"), at));
        }
        Ok(Typed::new(format!("bq_extract(DATE '1970-01-01' + {}, '{part}')", value.sql), Type::Int64))
    }
}
