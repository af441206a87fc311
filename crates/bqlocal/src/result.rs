//! Results in BigQuery's spelling.

use rsdbt_googlesql::query::OutCol;
use rsdbt_googlesql::types::Type;
use rsdbt_warehouse::{Column, Table, Value};

/// A DuckDB result with the names and types that BigQuery gives.
pub(super) fn named(table: Table, cols: &[OutCol]) -> Table {
    let columns = cols
        .iter()
        .enumerate()
        .map(|(i, col)| Column {
            name: col.name.clone().unwrap_or_else(|| format!("f{i}_")),
            data_type: col.ty.to_string(),
        })
        .collect();
    let rows =
        table.rows.into_iter().map(|row| row.into_iter().zip(cols).map(|(v, c)| shaped(v, &c.ty)).collect()).collect();
    Table { columns, rows }
}

/// Values that DuckDB keeps in another shape: ranges, geographies, decimals with a fixed scale.
fn shaped(value: Value, ty: &Type) -> Value {
    match (value, ty) {
        (Value::Decimal(text), Type::Numeric | Type::BigNumeric) if text.contains('.') => {
            let short = text.trim_end_matches('0').trim_end_matches('.');
            Value::Decimal(if matches!(short, "" | "-0") { "0".into() } else { short.to_owned() })
        }
        (Value::Struct(fields), Type::Geography) => fields.into_iter().next().map_or(Value::Null, |(_, v)| v),
        (Value::Struct(fields), Type::Range(inner)) => {
            let ends: Vec<String> = fields.into_iter().map(|(_, v)| end_text(&v, inner)).collect();
            Value::Text(format!("[{})", ends.join(", ")))
        }
        (Value::Struct(fields), Type::Struct(types)) => Value::Struct(
            fields
                .into_iter()
                .zip(types)
                .map(|((_, v), f)| (f.name.clone().unwrap_or_default(), shaped(v, &f.ty)))
                .collect(),
        ),
        (Value::List(items), Type::Array(inner)) => Value::List(items.into_iter().map(|v| shaped(v, inner)).collect()),
        (Value::Date(days), Type::DateTime) => Value::DateTime(i64::from(days) * 86_400_000_000),
        (value, _) => value,
    }
}

fn end_text(value: &Value, inner: &Type) -> String {
    match (value, inner) {
        (Value::Null, _) => "UNBOUNDED".into(),
        (value, _) => crate::json::plain(value),
    }
}

/// The fields of a type as BigQuery spells it: what a client needs to print a schema. (name, type, repeated, fields)
pub fn field_types(data_type: &str) -> Option<Type> {
    rsdbt_googlesql::parse::type_name(data_type).ok().and_then(|name| Type::of_name(&name).ok())
}
