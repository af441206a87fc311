//! Results as JSON, in the forms of BigQuery's own answers: NUMERIC as exact text, BYTES in base64, times in ISO form.

use crate::field_types;
use base64::Engine;
use rsdbt_googlesql::types::Type;
use rsdbt_warehouse::{Column, Table, Value};
use serde_json::{Value as Json, json};

/// A result as one document: `schema`, and `rows` as arrays in the order of the columns.
pub fn document(table: &Table) -> Json {
    let types: Vec<Option<Type>> = table.columns.iter().map(|c| field_types(&c.data_type)).collect();
    let schema: Vec<Json> = table.columns.iter().zip(&types).map(|(c, ty)| field(c, ty.as_ref())).collect();
    let rows: Vec<Json> = table.rows.iter().map(|row| Json::Array(row.iter().map(value).collect())).collect();
    json!({ "schema": schema, "rows": rows })
}

fn field(column: &Column, ty: Option<&Type>) -> Json {
    match ty {
        Some(ty) => schema_of(&column.name, ty),
        None => json!({ "name": column.name, "type": column.data_type, "mode": "NULLABLE" }),
    }
}

fn schema_of(name: &str, ty: &Type) -> Json {
    let (mode, ty) = match ty {
        Type::Array(inner) => ("REPEATED", &**inner),
        ty => ("NULLABLE", ty),
    };
    match ty {
        Type::Struct(fields) => {
            let fields: Vec<Json> = fields.iter().map(|f| schema_of(f.name.as_deref().unwrap_or(""), &f.ty)).collect();
            json!({ "name": name, "type": "STRUCT", "mode": mode, "fields": fields })
        }
        ty => json!({ "name": name, "type": ty.to_string(), "mode": mode }),
    }
}

/// A value: numbers, booleans and NULL as JSON has them, everything else as text; structs as arrays of their fields.
pub fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => i64::try_from(*n).map_or_else(|_| json!(n.to_string()), |n| json!(n)),
        Value::Float(f) if f.is_nan() => json!("NaN"),
        Value::Float(f) if f.is_infinite() => json!(if *f > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Float(f) => json!(f),
        Value::Bytes(b) => json!(base64::engine::general_purpose::STANDARD.encode(b)),
        Value::List(items) => Json::Array(items.iter().map(self::value).collect()),
        Value::Struct(fields) => Json::Array(fields.iter().map(|(_, v)| self::value(v)).collect()),
        other => json!(plain(other)),
    }
}

/// A value as text, in the forms of the JSON document.
pub fn plain(value: &Value) -> String {
    const DAY: i64 = 86_400_000_000;
    let date = |days: i64| {
        chrono::DateTime::from_timestamp(days * 86_400, 0).unwrap_or_default().format("%Y-%m-%d").to_string()
    };
    let clock = |micros: i64| {
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let shown = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if fraction == 0 { shown } else { format!("{shown}.{fraction:06}") }
    };
    match value {
        Value::Null => "NULL".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Decimal(text) | Value::Text(text) => text.clone(),
        Value::Date(days) => date(i64::from(*days)),
        Value::Time(micros) => clock(*micros),
        Value::DateTime(micros) => format!("{}T{}", date(micros.div_euclid(DAY)), clock(micros.rem_euclid(DAY))),
        Value::Timestamp(micros) => format!("{}T{}Z", date(micros.div_euclid(DAY)), clock(micros.rem_euclid(DAY))),
        Value::Interval { months, days, micros } => {
            let (m, u) = (months.unsigned_abs(), micros.unsigned_abs());
            let (seconds, fraction) = (u / 1_000_000, u % 1_000_000);
            let sign = |negative: bool| if negative { "-" } else { "" };
            let shown = format!(
                "{}{}-{} {days} {}{}:{}:{}",
                sign(*months < 0),
                m / 12,
                m % 12,
                sign(*micros < 0),
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            );
            if fraction == 0 { shown } else { format!("{shown}.{fraction:06}") }
        }
        nested => self::value(nested).to_string(),
    }
}
