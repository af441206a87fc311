//! Coercion and CAST: a table of (from, to) with the DuckDB text for each; arrays, structs and ranges go by their parts.

use super::template::expand;
use super::{Printer, int};
use crate::types::{duck, quote, text};
use rsdbt_googlesql::query::{Casting, Expr, Node};
use rsdbt_googlesql::types::{Field, Type, field_names};

/// `$1` is the value, `$z` the zone.
const CASTS: &[(Type, Type, &str)] = &[
    (Type::Int64, Type::Bool, "($1 <> 0)"),
    (Type::Int64, Type::Float64, "CAST($1 AS DOUBLE)"),
    (Type::Int64, Type::Numeric, "CAST($1 AS DECIMAL(38,9))"),
    (Type::Int64, Type::BigNumeric, "CAST($1 AS DECIMAL(38,18))"),
    (Type::Int64, Type::String, "CAST($1 AS VARCHAR)"),
    (Type::Float64, Type::Int64, "bq_float_int($1)"),
    (Type::Float64, Type::Numeric, "bq_float_numeric($1)"),
    (Type::Float64, Type::BigNumeric, "bq_float_bignumeric($1)"),
    (Type::Float64, Type::String, "bq_float_text($1)"),
    (Type::Numeric, Type::Int64, "CAST(round($1) AS BIGINT)"),
    (Type::Numeric, Type::Float64, "CAST($1 AS DOUBLE)"),
    (Type::Numeric, Type::BigNumeric, "CAST($1 AS DECIMAL(38,18))"),
    (Type::Numeric, Type::String, "bq_decimal_text(CAST($1 AS VARCHAR))"),
    (Type::BigNumeric, Type::Int64, "CAST(round($1) AS BIGINT)"),
    (Type::BigNumeric, Type::Float64, "CAST($1 AS DOUBLE)"),
    (Type::BigNumeric, Type::Numeric, "CAST($1 AS DECIMAL(38,9))"),
    (Type::BigNumeric, Type::String, "bq_decimal_text(CAST($1 AS VARCHAR))"),
    (Type::Bool, Type::Int64, "CAST($1 AS BIGINT)"),
    (Type::Bool, Type::String, "CAST($1 AS VARCHAR)"),
    (Type::String, Type::Bool, "bq_text_bool($1)"),
    (Type::String, Type::Int64, "bq_text_int($1)"),
    (Type::String, Type::Float64, "bq_text_float($1)"),
    (Type::String, Type::Numeric, "bq_text_numeric($1)"),
    (Type::String, Type::BigNumeric, "bq_text_bignumeric($1)"),
    (Type::String, Type::Bytes, "encode($1)"),
    (Type::String, Type::Date, "bq_text_date($1)"),
    (Type::String, Type::Time, "bq_text_time($1)"),
    (Type::String, Type::DateTime, "bq_text_datetime($1)"),
    (Type::String, Type::Timestamp, "bq_text_timestamp($1, $z)"),
    (Type::String, Type::Interval, "bq_text_interval($1)"),
    (Type::Bytes, Type::String, "bq_bytes_text($1)"),
    (Type::Date, Type::String, "bq_date_text($1)"),
    (Type::Date, Type::DateTime, "CAST($1 AS TIMESTAMP)"),
    (Type::Date, Type::Timestamp, "bq_datetime_timestamp(CAST($1 AS TIMESTAMP), $z)"),
    (Type::DateTime, Type::String, "bq_datetime_text($1)"),
    (Type::DateTime, Type::Date, "CAST($1 AS DATE)"),
    (Type::DateTime, Type::Time, "CAST($1 AS TIME)"),
    (Type::DateTime, Type::Timestamp, "bq_datetime_timestamp($1, $z)"),
    (Type::Timestamp, Type::String, "bq_timestamp_text($1, $z)"),
    (Type::Timestamp, Type::Date, "CAST(bq_timestamp_datetime($1, $z) AS DATE)"),
    (Type::Timestamp, Type::Time, "CAST(bq_timestamp_datetime($1, $z) AS TIME)"),
    (Type::Timestamp, Type::DateTime, "bq_timestamp_datetime($1, $z)"),
    (Type::Time, Type::String, "bq_time_text($1)"),
    (Type::Interval, Type::String, "bq_interval_text($1)"),
];

impl Printer<'_> {
    /// A cast. A constant becomes a constant of the type, an array or struct that is written out goes by its parts.
    pub(super) fn cast(&mut self, inner: &Expr, casting: &Casting, to: &Type) -> String {
        if inner.ty == *to || inner.ty == Type::Unknown {
            return self.expr(inner);
        }
        match (&inner.node, to) {
            _ if inner.is_null() => format!("CAST({} AS {})", self.expr(inner), duck(to)),
            (Node::Int(number), Type::Float64 | Type::Numeric | Type::BigNumeric) => int(*number, &duck(to)),
            (Node::Float(digits), Type::Numeric) => format!("bq_text_numeric('{digits}')"),
            (Node::Float(digits), Type::BigNumeric) => format!("bq_text_bignumeric('{digits}')"),
            (Node::Array(items), Type::Array(element)) if !items.is_empty() => {
                let items: Vec<String> = items.iter().map(|item| self.part(item, casting, element)).collect();
                format!("[{}]", items.join(", "))
            }
            (Node::Struct(parts), Type::Struct(fields)) if parts.len() == fields.len() => {
                let mut list = Vec::new();
                for (((_, part), field), name) in parts.iter().zip(fields).zip(field_names(fields)) {
                    list.push(format!("{} := {}", quote(&name), self.part(part, casting, &field.ty)));
                }
                format!("struct_pack({})", list.join(", "))
            }
            _ => {
                let zone = match &casting.zone {
                    Some(zone) => self.expr(zone),
                    None => text(self.zone),
                };
                let plain = self.expr(inner);
                self.cast_text(&plain, &inner.ty, to, &zone)
            }
        }
    }

    fn part(&mut self, part: &Expr, casting: &Casting, to: &Type) -> String {
        if part.ty == *to { self.settled(part) } else { self.cast(part, casting, to) }
    }

    /// The text of a value of one type as the text of a value of another.
    pub(super) fn cast_text(&mut self, plain: &str, from: &Type, to: &Type, zone: &str) -> String {
        if from == to {
            return plain.to_owned();
        }
        match (from, to) {
            (Type::Null, _) => format!("CAST({plain} AS {})", duck(to)),
            (Type::Array(a), Type::Array(_)) if **a == Type::Null => format!("CAST({plain} AS {})", duck(to)),
            (Type::Array(a), Type::Array(b)) => self.each(plain, |p, item| p.cast_text(item, a, b, zone)),
            (Type::Struct(a), Type::Struct(b)) if a.len() == b.len() => {
                if field_names(a) == field_names(b) && a.iter().zip(b).all(|(x, y)| x.ty == y.ty) {
                    return plain.to_owned();
                }
                self.once(plain, |p, value| p.cast_struct(value, (a, b), zone))
            }
            (Type::Range(inner), Type::String) => self.once(plain, |p, value| {
                let side = |p: &mut Self, side: &str| {
                    let end = p.cast_text(&format!("({value}).\"{side}\""), inner, &Type::String, zone);
                    format!("COALESCE({end}, 'UNBOUNDED')")
                };
                let (start, end) = (side(p, "_start"), side(p, "_end"));
                format!("CASE WHEN ({value}) IS NULL THEN NULL ELSE '[' || {start} || ', ' || {end} || ')' END")
            }),
            _ => {
                let template = CASTS.iter().find(|(a, b, _)| a == from && b == to).map_or("$1", |(.., text)| text);
                expand(template, |slot| match slot {
                    '1' => Some(plain.to_owned()),
                    'z' => Some(zone.to_owned()),
                    _ => None,
                })
            }
        }
    }

    fn cast_struct(&mut self, value: &str, (from, to): (&[Field], &[Field]), zone: &str) -> String {
        let names = field_names(from).into_iter().zip(field_names(to));
        let mut parts = Vec::new();
        for ((old, new), (a, b)) in names.zip(from.iter().zip(to)) {
            let field = self.cast_text(&format!("({value}).{}", quote(&old)), &a.ty, &b.ty, zone);
            parts.push(format!("{} := {field}", quote(&new)));
        }
        format!("CASE WHEN ({value}) IS NULL THEN NULL ELSE struct_pack({}) END", parts.join(", "))
    }

    /// `STRING(5)`, `NUMERIC(10, 2)`: a length that is checked, a precision and scale that round.
    pub(super) fn fit(&mut self, inner: &Expr, numbers: &[u32]) -> String {
        let plain = self.expr(inner);
        let first = numbers.first().copied().unwrap_or(38);
        match inner.ty {
            Type::String | Type::Bytes => {
                let length = if inner.ty == Type::String { "length" } else { "octet_length" };
                self.once(&plain, |_, value| {
                    format!("rsdbt_sys.main.check_length({value}, {length}({value}), {first})")
                })
            }
            Type::Numeric | Type::BigNumeric => {
                let precision = first.min(38);
                let scale = numbers.get(1).copied().unwrap_or(0).min(precision);
                format!("CAST(CAST({plain} AS DECIMAL({precision},{scale})) AS {})", duck(&inner.ty))
            }
            _ => plain,
        }
    }
}
