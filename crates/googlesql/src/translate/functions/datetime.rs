//! Dates and times.

use super::super::call::{Sig, Special, f};
use super::super::scope::Scope;
use super::super::{Result, Translator, Typed};
use super::extract::part_name;
use crate::SqlError;
use crate::ast::{Call, Expr, Kind};
use crate::types::Type;

pub(super) const TABLE: &[Sig] = &[
    f("CURRENT_TIMESTAMP", "", "T", "now()"),
    f("CURRENT_DATE", "", "d", "CAST(bq_timestamp_datetime(now(), $z) AS DATE)"),
    f("CURRENT_DATE", "s", "d", "CAST(bq_timestamp_datetime(now(), $1) AS DATE)"),
    f("CURRENT_DATETIME", "", "D", "bq_timestamp_datetime(now(), $z)"),
    f("CURRENT_DATETIME", "s", "D", "bq_timestamp_datetime(now(), $1)"),
    f("CURRENT_TIME", "", "t", "CAST(bq_timestamp_datetime(now(), $z) AS TIME)"),
    f("CURRENT_TIME", "s", "t", "CAST(bq_timestamp_datetime(now(), $1) AS TIME)"),
    f("DATE", "iii", "d", "bq_make_date($1, $2, $3)"),
    f("DATE", "d", "d", "$1"),
    f("DATE", "D", "d", "CAST($1 AS DATE)"),
    f("DATE", "T", "d", "CAST(bq_timestamp_datetime($1, $z) AS DATE)"),
    f("DATE", "Ts", "d", "CAST(bq_timestamp_datetime($1, $2) AS DATE)"),
    f("DATE", "s", "d", "bq_text_date($1)"),
    f("DATETIME", "iiiiii", "D", "bq_make_datetime($1, $2, $3, $4, $5, $6)"),
    f("DATETIME", "D", "D", "$1"),
    f("DATETIME", "d", "D", "CAST($1 AS TIMESTAMP)"),
    f("DATETIME", "dt", "D", "($1 + $2)"),
    f("DATETIME", "T", "D", "bq_timestamp_datetime($1, $z)"),
    f("DATETIME", "Ts", "D", "bq_timestamp_datetime($1, $2)"),
    f("DATETIME", "s", "D", "bq_text_datetime($1)"),
    f("TIMESTAMP", "T", "T", "$1"),
    f("TIMESTAMP", "s", "T", "bq_text_timestamp($1, $z)"),
    f("TIMESTAMP", "ss", "T", "bq_text_timestamp($1, $2)"),
    f("TIMESTAMP", "d", "T", "bq_datetime_timestamp(CAST($1 AS TIMESTAMP), $z)"),
    f("TIMESTAMP", "ds", "T", "bq_datetime_timestamp(CAST($1 AS TIMESTAMP), $2)"),
    f("TIMESTAMP", "D", "T", "bq_datetime_timestamp($1, $z)"),
    f("TIMESTAMP", "Ds", "T", "bq_datetime_timestamp($1, $2)"),
    f("TIME", "iii", "t", "bq_make_time($1, $2, $3)"),
    f("TIME", "t", "t", "$1"),
    f("TIME", "D", "t", "CAST($1 AS TIME)"),
    f("TIME", "T", "t", "CAST(bq_timestamp_datetime($1, $z) AS TIME)"),
    f("TIME", "Ts", "t", "CAST(bq_timestamp_datetime($1, $2) AS TIME)"),
    f("STRING", "T", "s", "bq_timestamp_text($1, $z)"),
    f("STRING", "Ts", "s", "bq_timestamp_text($1, $2)"),
    f("STRING", "d", "s", "bq_date_text($1)"),
    f("STRING", "D", "s", "bq_datetime_text($1)"),
    f("STRING", "t", "s", "bq_time_text($1)"),
    f("STRING", "j", "s", "bq_json_string($1)"),
    f("UNIX_DATE", "d", "i", "CAST($1 - DATE '1970-01-01' AS BIGINT)"),
    f("DATE_FROM_UNIX_DATE", "i", "d", "bq_date_add(DATE '1970-01-01', $1, 'DAY')"),
    f("UNIX_SECONDS", "T", "i", "bq_unix($1, 1000000)"),
    f("UNIX_MILLIS", "T", "i", "bq_unix($1, 1000)"),
    f("UNIX_MICROS", "T", "i", "epoch_us($1)"),
    f("TIMESTAMP_SECONDS", "i", "T", "bq_from_unix($1, 1000000)"),
    f("TIMESTAMP_MILLIS", "i", "T", "bq_from_unix($1, 1000)"),
    f("TIMESTAMP_MICROS", "i", "T", "bq_from_unix($1, 1)"),
    f("TIMESTAMP_FROM_UNIX_SECONDS", "i", "T", "bq_from_unix($1, 1000000)"),
    f("TIMESTAMP_FROM_UNIX_MILLIS", "i", "T", "bq_from_unix($1, 1000)"),
    f("TIMESTAMP_FROM_UNIX_MICROS", "i", "T", "bq_from_unix($1, 1)"),
    f("FORMAT_DATE", "sd", "s", "bq_format_datetime($1, CAST($2 AS TIMESTAMP), 'DATE')"),
    f("FORMAT_DATETIME", "sD", "s", "bq_format_datetime($1, $2, 'DATETIME')"),
    f("FORMAT_TIME", "st", "s", "bq_format_datetime($1, DATE '1970-01-01' + $2, 'TIME')"),
    f("FORMAT_TIMESTAMP", "sT", "s", "bq_format_timestamp($1, $2, $z)"),
    f("FORMAT_TIMESTAMP", "sTs", "s", "bq_format_timestamp($1, $2, $3)"),
    f("PARSE_DATE", "ss", "d", "CAST(bq_parse_datetime($1, $2, 'DATE') AS DATE)"),
    f("PARSE_DATETIME", "ss", "D", "bq_parse_datetime($1, $2, 'DATETIME')"),
    f("PARSE_TIME", "ss", "t", "CAST(bq_parse_datetime($1, $2, 'TIME') AS TIME)"),
    f("PARSE_TIMESTAMP", "ss", "T", "bq_parse_timestamp($1, $2, $z)"),
    f("PARSE_TIMESTAMP", "sss", "T", "bq_parse_timestamp($1, $2, $3)"),
];

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("DATE_ADD", add),
    ("DATE_SUB", add),
    ("DATETIME_ADD", add),
    ("DATETIME_SUB", add),
    ("TIMESTAMP_ADD", add),
    ("TIMESTAMP_SUB", add),
    ("TIME_ADD", add),
    ("TIME_SUB", add),
    ("ADD_MONTHS", add_months),
    ("DATE_DIFF", diff),
    ("DATETIME_DIFF", diff),
    ("TIMESTAMP_DIFF", diff),
    ("TIME_DIFF", diff),
    ("DATE_TRUNC", trunc),
    ("DATETIME_TRUNC", trunc),
    ("TIMESTAMP_TRUNC", trunc),
    ("TIME_TRUNC", trunc),
    ("LAST_DAY", last_day),
    ("DATE_BUCKET", bucket),
    ("DATETIME_BUCKET", bucket),
    ("TIMESTAMP_BUCKET", bucket),
];

const KINDS: &[(&str, Type, &str)] = &[
    ("TIMESTAMP_", Type::Timestamp, "timestamp"),
    ("DATETIME_", Type::DateTime, "datetime"),
    ("DATE_", Type::Date, "date"),
    ("TIME_", Type::Time, "time"),
];

/// The type that a function works on: its name's, or the argument's own (DATE_TRUNC of a TIMESTAMP is fine).
fn kind(t: &Translator<'_>, call: &Call, value: &Typed) -> Result<(String, &'static str, Type)> {
    let upper = call.name.to_uppercase();
    let (_, named, stem) = KINDS.iter().find(|(prefix, ..)| upper.starts_with(prefix)).unwrap_or(&KINDS[2]);
    let own = KINDS.iter().find(|(_, ty, _)| *ty == value.ty);
    if let Some((_, ty, stem)) =
        own.filter(|(_, ty, _)| value.ty.distance(named).is_none() || *ty == *named || upper.starts_with("DATE_"))
    {
        return Ok((value.sql.clone(), stem, ty.clone()));
    }
    if value.ty.distance(named).is_some() || t.literal_target(value, named).is_some() {
        return Ok((t.convert(value, named), stem, named.clone()));
    }
    Err(SqlError::semantic(
        format!("No matching signature for function {upper} for argument type {}", value.ty),
        call.at,
    ))
}

fn count(call: &Call, counts: std::ops::RangeInclusive<usize>) -> Result<()> {
    if counts.contains(&call.args.len()) {
        return Ok(());
    }
    Err(SqlError::semantic(format!("wrong number of arguments for function {}", call.name.to_uppercase()), call.at))
}

/// The parts that each type can be added in.
fn check_part(call: &Call, part: &str, ty: &Type) -> Result<()> {
    const DATES: &[&str] = &["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];
    const TIMES: &[&str] = &["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"];
    let fine = match ty {
        Type::Date => DATES.contains(&part),
        Type::Time => TIMES.contains(&part),
        Type::Timestamp => TIMES.contains(&part) || part == "DAY",
        _ => DATES.contains(&part) || TIMES.contains(&part),
    };
    if fine {
        Ok(())
    } else {
        Err(SqlError::semantic(format!("{} does not support the {part} date part", call.name.to_uppercase()), call.at))
    }
}

fn add(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    count(call, 2..=2)?;
    let value = t.expr(&call.args[0], scope)?;
    let (sql, stem, ty) = kind(t, call, &value)?;
    let Kind::Interval { value: amount, from, to: None } = &call.args[1].kind else {
        let interval = t.expr(&call.args[1], scope)?;
        let op = if call.name.to_uppercase().ends_with("SUB") { "-" } else { "+" };
        return t.arithmetic(op, &Typed::new(sql, ty), &interval, call.at);
    };
    let amount = t.expr(amount, scope)?;
    if !matches!(amount.ty, Type::Int64 | Type::Null) {
        return Err(SqlError::semantic(format!("INTERVAL needs an INT64, this is {}", amount.ty), call.args[1].at));
    }
    let part = from.text.to_uppercase();
    check_part(call, &part, &ty)?;
    let sign = if call.name.to_uppercase().ends_with("SUB") { "-" } else { "" };
    let amount = t.convert(&amount, &Type::Int64);
    Ok(Typed::new(format!("bq_{stem}_add({sql}, {sign}({amount}), '{part}')"), ty))
}

fn add_months(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    count(call, 2..=2)?;
    let values = t.exprs(&call.args, scope)?;
    Ok(Typed::new(
        format!("bq_date_add({}, {}, 'MONTH')", t.convert(&values[0], &Type::Date), values[1].sql),
        Type::Date,
    ))
}

fn diff(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    count(call, 2..=3)?;
    let (a, b) = (t.expr(&call.args[0], scope)?, t.expr(&call.args[1], scope)?);
    let part = match call.args.get(2) {
        Some(part) => part_name(part)?,
        None => "DAY".to_owned(),
    };
    let pair = [(a.clone(), call.at), (b.clone(), call.at)];
    let common = t.common_of(&pair).unwrap_or(a.ty.clone());
    let probe = if common == Type::Null || common == Type::String { a.clone() } else { Typed::new("x", common) };
    let (_, stem, ty) = kind(t, call, &probe)?;
    let (x, y) = (t.convert(&a, &ty), t.convert(&b, &ty));
    if ty == Type::Date && part == "DAY" {
        return Ok(Typed::new(format!("CAST({x} - {y} AS BIGINT)"), Type::Int64));
    }
    Ok(Typed::new(format!("bq_{stem}_diff({x}, {y}, '{part}')"), Type::Int64))
}

fn trunc(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    count(call, 1..=3)?;
    let value = t.expr(&call.args[0], scope)?;
    let (sql, stem, ty) = kind(t, call, &value)?;
    let part = match call.args.get(1) {
        Some(part) => part_name(part)?,
        None => "DAY".to_owned(),
    };
    if ty == Type::Timestamp {
        let zone = match call.args.get(2) {
            Some(zone) => t.expr(zone, scope)?.sql,
            None => t.zone_sql(),
        };
        return Ok(Typed::new(format!("bq_timestamp_trunc({sql}, '{part}', {zone})"), ty));
    }
    if ty == Type::Date && matches!(part.as_str(), "MONTH" | "YEAR" | "QUARTER") {
        return Ok(Typed::new(format!("CAST(date_trunc('{}', {sql}) AS DATE)", part.to_lowercase()), ty));
    }
    Ok(Typed::new(format!("bq_{stem}_trunc({sql}, '{part}')"), ty))
}

fn last_day(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    count(call, 1..=2)?;
    let value = t.expr(&call.args[0], scope)?;
    let sql = match value.ty {
        Type::DateTime => format!("CAST({} AS DATE)", value.sql),
        _ => t.convert(&value, &Type::Date),
    };
    let part = match call.args.get(1) {
        Some(part) => part_name(part)?,
        None => "MONTH".to_owned(),
    };
    Ok(Typed::new(format!("bq_last_day({sql}, '{part}')"), Type::Date))
}

fn bucket(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    count(call, 2..=3)?;
    let value = t.expr(&call.args[0], scope)?;
    let (sql, stem, ty) = kind(t, call, &value)?;
    let width = t.expr(&call.args[1], scope)?;
    let origin = match call.args.get(2) {
        Some(origin) => {
            let origin = t.expr(origin, scope)?;
            t.convert(&origin, &ty)
        }
        None => {
            format!("CAST('1950-01-01 00:00:00{}' AS {})", if ty == Type::Timestamp { "+00" } else { "" }, ty.duck())
        }
    };
    let _: Option<&Expr> = None;
    Ok(Typed::new(format!("bq_{stem}_bucket({sql}, {}, {origin})", width.sql), ty))
}
