//! Coercion and CAST: a table of (from, to) with the DuckDB text for each.

use super::scope::Scope;
use super::{Literal, Result, SqlError, Translator, Typed, text};
use crate::ast::{Expr, Shape, TypeName};
use crate::types::{Type, field_names, quote};

/// `$1` is the value, `$z` the session's zone.
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

impl Translator<'_> {
    /// An implicit coercion that is known to be allowed.
    pub(super) fn convert(&self, value: &Typed, to: &Type) -> String {
        if value.ty == *to {
            return self.plain(value);
        }
        if value.is_null() {
            return format!("CAST({} AS {})", value.sql, to.duck());
        }
        match (&value.literal, to) {
            (Literal::Int, Type::Float64) => return value.sql.replace("::BIGINT", "::DOUBLE"),
            (Literal::Int, Type::Numeric | Type::BigNumeric) => {
                return value.sql.replace("::BIGINT", &format!("::{}", to.duck()));
            }
            (Literal::Float(digits), Type::Numeric | Type::BigNumeric) => {
                let name = if *to == Type::Numeric { "bq_text_numeric" } else { "bq_text_bignumeric" };
                return format!("{name}('{digits}')");
            }
            (Literal::EmptyArray, _) => return format!("CAST([] AS {})", to.duck()),
            _ => {}
        }
        self.cast_sql(&value.sql, &value.ty, to).unwrap_or_else(|| value.sql.clone())
    }

    fn cast_sql(&self, sql: &str, from: &Type, to: &Type) -> Option<String> {
        if from == to {
            return Some(sql.to_owned());
        }
        match (from, to) {
            (Type::Null, _) => Some(format!("CAST({sql} AS {})", to.duck())),
            (Type::Array(a), Type::Array(b)) => {
                if **a == Type::Null {
                    return Some(format!("CAST({sql} AS {})", to.duck()));
                }
                let item = self.cast_sql("e", a, b)?;
                Some(format!("list_transform({sql}, lambda e: {item})"))
            }
            (Type::Struct(a), Type::Struct(b)) if a.len() == b.len() => {
                let (old, new) = (field_names(a), field_names(b));
                if old == new && a.iter().zip(b).all(|(x, y)| x.ty == y.ty) {
                    return Some(sql.to_owned());
                }
                let mut parts = Vec::new();
                for i in 0..a.len() {
                    let field = self.cast_sql(&format!("({sql}).{}", quote(&old[i])), &a[i].ty, &b[i].ty)?;
                    parts.push(format!("{} := {field}", quote(&new[i])));
                }
                Some(format!("CASE WHEN ({sql}) IS NULL THEN NULL ELSE struct_pack({}) END", parts.join(", ")))
            }
            (Type::Range(_), Type::String) => {
                let Type::Range(inner) = from else { return None };
                let part = |side: &str| self.cast_sql(&format!("({sql}).\"{side}\""), inner, &Type::String);
                let (start, end) = (part("_start")?, part("_end")?);
                Some(format!(
                    "CASE WHEN ({sql}) IS NULL THEN NULL ELSE '[' || COALESCE({start}, 'UNBOUNDED') || ', ' || COALESCE({end}, 'UNBOUNDED') || ')' END"
                ))
            }
            _ => CASTS
                .iter()
                .find(|(a, b, _)| a == from && b == to)
                .map(|(.., template)| template.replace("$1", sql).replace("$z", &self.zone_sql())),
        }
    }

    /// CAST of a translated value.
    pub(super) fn cast_value(&self, value: &Typed, to: &Type, at: usize) -> Result<Typed> {
        if value.is_null() {
            return Ok(Typed::new(format!("CAST({} AS {})", value.sql, to.duck()), to.clone()));
        }
        if let (Literal::Float(digits), Type::Numeric | Type::BigNumeric) = (&value.literal, to) {
            let name = if *to == Type::Numeric { "bq_text_numeric" } else { "bq_text_bignumeric" };
            return Ok(Typed::new(format!("{name}('{digits}')"), to.clone()));
        }
        if let (Literal::EmptyArray, Type::Array(_)) = (&value.literal, to) {
            return Ok(Typed::new(self.convert(value, to), to.clone()));
        }
        if let (Literal::Text(content), Type::Range(inner)) = (&value.literal, to) {
            return self.range_literal(content, inner, at);
        }
        match self.cast_sql(&value.sql, &value.ty, to) {
            Some(sql) => Ok(Typed::new(sql, to.clone())),
            None => Err(SqlError::semantic(format!("Invalid cast from {} to {to}", value.ty), at)),
        }
    }

    pub(super) fn cast_expr(
        &mut self,
        inner: &Expr,
        name: &TypeName,
        safe: bool,
        extra: (Option<&Expr>, Option<&Expr>),
        scope: &Scope,
    ) -> Result<Typed> {
        let to = self.ty(name)?;
        let value = self.expr(inner, scope)?;
        let (format, zone) = extra;
        let zone_sql = match zone {
            Some(zone) => self.expr(zone, scope)?.sql,
            None => self.zone_sql(),
        };
        let mut result = match format {
            Some(format) => {
                let format = self.expr(format, scope)?;
                self.cast_format(&value, &to, &format, inner.at)?
            }
            None if zone.is_some() => {
                let kept = std::mem::take(&mut self.zone);
                let sql = self.cast_sql(&value.sql, &value.ty, &to).map(|s| s.replace(&text(""), &zone_sql));
                self.zone = kept;
                sql.map(|s| Typed::new(s, to.clone()))
                    .ok_or_else(|| SqlError::semantic(format!("Invalid cast from {} to {to}", value.ty), inner.at))?
            }
            None => self.cast_value(&value, &to, inner.at)?,
        };
        result = self.limit_type(result, name)?;
        if safe {
            result.sql = format!("TRY({})", result.sql);
        }
        Ok(result)
    }

    /// `STRING(5)`, `NUMERIC(10, 2)`: length checks and rounding of a parameterised type.
    pub(super) fn limit_type(&self, value: Typed, name: &TypeName) -> Result<Typed> {
        let Shape::Plain(_, params) = &name.shape else { return Ok(value) };
        let number = |i: usize| params.get(i).and_then(|p| p.parse::<u32>().ok());
        let Some(first) = number(0) else { return Ok(value) };
        let sql = match value.ty {
            Type::String | Type::Bytes => {
                let length = if value.ty == Type::String { "length" } else { "octet_length" };
                format!("rsdbt_sys.main.check_length({}, {length}({}), {first})", value.sql, value.sql)
            }
            Type::Numeric | Type::BigNumeric => {
                let scale = number(1).unwrap_or(0);
                let duck = value.ty.duck();
                format!("CAST(CAST({} AS DECIMAL({},{scale})) AS {duck})", value.sql, first.min(38))
            }
            _ => return Ok(value),
        };
        Ok(Typed::new(sql, value.ty))
    }

    fn cast_format(&mut self, value: &Typed, to: &Type, format: &Typed, at: usize) -> Result<Typed> {
        use Type::*;
        let (v, f) = (&value.sql, &format.sql);
        let sql = match (&value.ty, to) {
            (Date | DateTime | Time | Timestamp | Int64 | Numeric | BigNumeric | Float64, String)
            | (String, Date | DateTime | Time | Timestamp) => {
                return Err(SqlError::unsupported(format!("CAST({} AS {to} FORMAT ...)", value.ty), at)
                    .help("FORMAT_DATE, PARSE_DATE and their kin are supported"));
            }
            (Bytes, String) => format!("bq_cast_bytes_text({v}, {f})"),
            (String, Bytes) => format!("bq_cast_text_bytes({v}, {f})"),
            (Null, _) => format!("CAST(NULL AS {})", to.duck()),
            (from, to) => {
                return Err(SqlError::semantic(format!("CAST from {from} to {to} with FORMAT is not possible"), at));
            }
        };
        Ok(Typed::new(sql, to.clone()))
    }
}
