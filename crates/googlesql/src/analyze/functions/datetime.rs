//! Dates and times.

use super::extract::part_name;
use super::{Special, count, refused, unknown};
use crate::analyze::{Analyzer, Scope};
use crate::ast::{Call, Kind};
use crate::query::{Expr, Node};
use crate::types::Type;
use crate::{Result, SqlError};

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

/// A type with dates or times: the beginning of its functions' names, and its forms.
struct Family {
    prefix: &'static str,
    ty: Type,
    add: &'static str,
    diff: &'static str,
    trunc: &'static str,
    /// TIME has no buckets
    bucket: Option<&'static str>,
}

const FAMILIES: [Family; 4] = [
    Family {
        prefix: "TIMESTAMP_",
        ty: Type::Timestamp,
        add: "$timestamp_add",
        diff: "$timestamp_diff",
        trunc: "$timestamp_trunc",
        bucket: Some("$timestamp_bucket"),
    },
    Family {
        prefix: "DATETIME_",
        ty: Type::DateTime,
        add: "$datetime_add",
        diff: "$datetime_diff",
        trunc: "$datetime_trunc",
        bucket: Some("$datetime_bucket"),
    },
    Family {
        prefix: "DATE_",
        ty: Type::Date,
        add: "$date_add",
        diff: "$date_diff",
        trunc: "$date_trunc",
        bucket: Some("$date_bucket"),
    },
    Family {
        prefix: "TIME_",
        ty: Type::Time,
        add: "$time_add",
        diff: "$time_diff",
        trunc: "$time_trunc",
        bucket: None,
    },
];

/// The type that a function works on: its name's, or the argument's own (DATE_TRUNC of a TIMESTAMP is fine).
fn family(t: &Analyzer<'_>, call: &Call, value: &Expr) -> Result<&'static Family> {
    let upper = call.name.to_uppercase();
    let named = FAMILIES.iter().find(|f| upper.starts_with(f.prefix)).unwrap_or(&FAMILIES[2]);
    let own = FAMILIES.iter().find(|f| f.ty == value.ty);
    if let Some(own) = own.filter(|own| (own.ty == Type::Time) == (named.ty == Type::Time)) {
        return Ok(own);
    }
    if t.fits(value, &named.ty) { Ok(named) } else { Err(refused(call, &value.ty)) }
}

const DATES: &[&str] = &["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];
const TIMES: &[&str] = &["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"];

fn bad_part(call: &Call, part: &str, ty: &Type) -> SqlError {
    let name = call.name.to_uppercase();
    let message = format!("{name} does not support the {part} date part when the argument is {ty} type");
    SqlError::semantic(message, call.at)
}

/// The parts that each type can be added in.
fn check_added(call: &Call, part: &str, ty: &Type) -> Result<()> {
    let fine = match ty {
        Type::Date => DATES.contains(&part),
        Type::Time => TIMES.contains(&part),
        Type::Timestamp => TIMES.contains(&part) || part == "DAY",
        _ => DATES.contains(&part) || TIMES.contains(&part),
    };
    if fine { Ok(()) } else { Err(bad_part(call, part, ty)) }
}

/// The parts to which each type can be cut.
fn check_cut(call: &Call, part: &str, ty: &Type) -> Result<()> {
    let time = TIMES.contains(&part) || matches!(part, "NANOSECOND" | "TIME" | "DATETIME");
    let fine = match ty {
        Type::Date => !time && part != "DATE",
        Type::Time => time,
        _ => true,
    };
    if fine { Ok(()) } else { Err(bad_part(call, part, ty)) }
}

fn add(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 2..=2)?;
    let value = t.expr(&call.args[0], scope)?;
    if value.ty == Type::Unknown {
        return Ok(value);
    }
    let family = family(t, call, &value)?;
    let value = t.convert(value, &family.ty);
    let minus = call.name.to_uppercase().ends_with("SUB");
    let Kind::Interval { value: amount, from, to: None } = &call.args[1].kind else {
        let interval = t.expr(&call.args[1], scope)?;
        if !matches!(interval.ty, Type::Interval | Type::Unknown) {
            return Err(SqlError::semantic("Expected INTERVAL expression", call.args[1].at));
        }
        return t.arithmetic(if minus { "-" } else { "+" }, value, interval, call.at);
    };
    let amount = t.expr(amount, scope)?;
    if amount.ty.distance(&Type::Int64).is_none() {
        return Err(SqlError::semantic(format!("INTERVAL needs an INT64, this is {}", amount.ty), call.args[1].at));
    }
    let part = from.text.to_uppercase();
    check_added(call, &part, &family.ty)?;
    let amount = t.convert(amount, &Type::Int64);
    let amount = if minus { t.form("$neg", vec![amount], Type::Int64) } else { amount };
    Ok(t.form(family.add, vec![value, amount, Expr::text(part)], family.ty.clone()))
}

fn add_months(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 2..=2)?;
    let value = t.wanted(call, &call.args[0], &Type::Date, scope)?;
    let months = t.wanted(call, &call.args[1], &Type::Int64, scope)?;
    Ok(t.form("$date_add", vec![value, months, Expr::text("MONTH")], Type::Date))
}

fn diff(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 2..=3)?;
    let (a, b) = (t.expr(&call.args[0], scope)?, t.expr(&call.args[1], scope)?);
    let part = match call.args.get(2) {
        Some(part) => part_name(part)?,
        None => "DAY".to_owned(),
    };
    let pair = [(a, call.at), (b, call.at)];
    let common = t.common_of(&pair).unwrap_or(pair[0].0.ty.clone());
    let [a, b] = pair.map(|(value, _)| value);
    if common == Type::Unknown {
        return Ok(Expr::new(Node::Null, Type::Int64));
    }
    let family = if matches!(common, Type::Null | Type::String) {
        family(t, call, &a)?
    } else {
        family(t, call, &Expr::new(Node::Local(String::new()), common))?
    };
    let ty = &family.ty;
    for value in [&a, &b] {
        if !t.fits(value, ty) {
            return Err(refused(call, &value.ty));
        }
    }
    check_cut(call, &part, ty)?;
    if *ty == Type::Timestamp
        && (matches!(part.as_str(), "MONTH" | "QUARTER" | "YEAR" | "ISOYEAR" | "ISOWEEK") || part.starts_with("WEEK"))
    {
        return Err(bad_part(call, &part, ty));
    }
    let sides = vec![t.convert(a, ty), t.convert(b, ty)];
    if *ty == Type::Date && part == "DAY" {
        return Ok(t.form("$date_diff_days", sides, Type::Int64));
    }
    let args = sides.into_iter().chain([Expr::text(part)]).collect();
    Ok(t.form(family.diff, args, Type::Int64))
}

fn trunc(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 1..=3)?;
    let value = t.expr(&call.args[0], scope)?;
    let part = match call.args.get(1) {
        Some(part) => part_name(part)?,
        None => "DAY".to_owned(),
    };
    if value.ty == Type::Unknown {
        return Ok(unknown());
    }
    let mut family = family(t, call, &value)?;
    if family.ty == Type::Date && !call.name.to_uppercase().starts_with("DATE_") {
        family = &FAMILIES[1];
    }
    let ty = family.ty.clone();
    check_cut(call, &part, &ty)?;
    let value = t.convert(value, &ty);
    if ty == Type::Timestamp {
        let zone = match call.args.get(2) {
            Some(zone) => t.wanted(call, zone, &Type::String, scope)?,
            None => t.zone(),
        };
        return Ok(t.form(family.trunc, vec![value, Expr::text(part), zone], ty));
    }
    if ty == Type::Date && matches!(part.as_str(), "MONTH" | "YEAR" | "QUARTER") {
        return Ok(t.form("$date_trunc_plain", vec![value, Expr::text(part.to_lowercase())], ty));
    }
    Ok(t.form(family.trunc, vec![value, Expr::text(part)], ty))
}

fn last_day(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 1..=2)?;
    let value = t.expr(&call.args[0], scope)?;
    let value = match value.ty {
        Type::DateTime => t.cast_value(value, &Type::Date, call.at)?,
        _ if t.fits(&value, &Type::Date) => t.convert(value, &Type::Date),
        ty => return Err(refused(call, &ty)),
    };
    let part = match call.args.get(1) {
        Some(part) => part_name(part)?,
        None => "MONTH".to_owned(),
    };
    Ok(t.form("$last_day", vec![value, Expr::text(part)], Type::Date))
}

fn bucket(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 2..=3)?;
    let value = t.expr(&call.args[0], scope)?;
    if value.ty == Type::Unknown {
        return Ok(unknown());
    }
    let family = family(t, call, &value)?;
    let (Some(form), ty) = (family.bucket, family.ty.clone()) else {
        return Err(refused(call, &value.ty));
    };
    let width = t.wanted(call, &call.args[1], &Type::Interval, scope)?;
    let origin = match call.args.get(2) {
        Some(origin) => t.wanted(call, origin, &ty, scope)?,
        None => {
            let text = match ty {
                Type::Date => "1950-01-01",
                Type::Timestamp => "1950-01-01 00:00:00+00",
                _ => "1950-01-01 00:00:00",
            };
            t.cast_value(Expr::text(text), &ty, call.at)?
        }
    };
    let value = t.convert(value, &ty);
    Ok(t.form(form, vec![value, width, origin], ty))
}
