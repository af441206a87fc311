//! EXTRACT and the names of date parts.

use crate::analyze::{Analyzer, Scope};
use crate::ast::{self, Kind};
use crate::query::{Expr, Node};
use crate::types::Type;
use crate::{Result, SqlError};

/// Date parts with a form of their own.
const NATIVE: &[(&str, &str)] = &[
    ("YEAR", "$extract_year"),
    ("MONTH", "$extract_month"),
    ("DAY", "$extract_day"),
    ("QUARTER", "$extract_quarter"),
    ("DAYOFYEAR", "$extract_dayofyear"),
    ("HOUR", "$extract_hour"),
    ("MINUTE", "$extract_minute"),
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
pub(in crate::analyze) fn part_name(value: &ast::Expr) -> Result<String> {
    let refuse = || SqlError::semantic("A valid date part name is required", value.at);
    match &value.kind {
        Kind::Name(name) => {
            let part = name.text.to_uppercase();
            if PARTS.contains(&part.as_str()) {
                return Ok(part);
            }
            let error =
                SqlError::semantic(format!("A valid date part name is required but found {}", name.text), value.at);
            Err(match rsdbt_base::closest(&part, PARTS.iter().copied()) {
                Some(near) => error.help(format!("did you mean {near}?")),
                None => error,
            })
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

impl Analyzer<'_> {
    pub(in crate::analyze) fn extract(
        &mut self,
        part: &ast::Expr,
        from: &ast::Expr,
        zone: Option<&ast::Expr>,
        scope: &Scope,
    ) -> Result<Expr> {
        let name = part_name(part)?;
        let value = self.expr(from, scope)?;
        let zone = match zone {
            Some(zone) => self.expr(zone, scope)?,
            None => self.zone(),
        };
        let own = value.ty.clone();
        let civil = match own {
            Type::Timestamp => self.form("$timestamp_datetime", vec![value, zone], Type::DateTime),
            Type::Date | Type::DateTime => value,
            Type::Null => self.convert(value, &Type::DateTime),
            Type::Unknown => Expr::new(Node::Null, Type::Unknown),
            Type::Time => return self.extract_time(name, value, part.at),
            Type::Interval => return Ok(self.form("$interval_part", vec![value, Expr::text(name)], Type::Int64)),
            other => return Err(SqlError::semantic(format!("EXTRACT from {other} is not defined"), from.at)),
        };
        let timed = ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "TIME", "DATETIME", "DATE"];
        if own == Type::Date && timed.contains(&name.as_str()) {
            let message = format!("EXTRACT from DATE does not support the {name} date part");
            return Err(SqlError::semantic(message, part.at));
        }
        match name.as_str() {
            "DATE" => self.cast_value(civil, &Type::Date, part.at),
            "TIME" => self.cast_value(civil, &Type::Time, part.at),
            "DATETIME" => Ok(self.convert(civil, &Type::DateTime)),
            known => Ok(match NATIVE.iter().find(|(n, _)| *n == known) {
                Some((_, form)) => self.form(form, vec![civil], Type::Int64),
                None => self.form("$extract", vec![civil, Expr::text(name)], Type::Int64),
            }),
        }
    }

    fn extract_time(&mut self, part: String, value: Expr, at: usize) -> Result<Expr> {
        if !["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"].contains(&part.as_str()) {
            return Err(SqlError::semantic(format!("EXTRACT from TIME does not support the {part} date part"), at));
        }
        Ok(self.form("$extract_time", vec![value, Expr::text(part)], Type::Int64))
    }
}
