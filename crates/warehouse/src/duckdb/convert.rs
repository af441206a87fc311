//! DuckDB's values and types in the project's own words.

use crate::{DbError, DbErrorKind, Value};
use duckdb::core::{LogicalTypeHandle, LogicalTypeId as Id};
use duckdb::types::{TimeUnit, Value as Raw};

/// The name that `DESCRIBE` would print for a type.
pub fn type_name(logical: &LogicalTypeHandle) -> String {
    if let Some(alias) = logical.get_alias() {
        return alias;
    }
    match logical.id() {
        Id::Boolean => "BOOLEAN".into(),
        Id::Tinyint => "TINYINT".into(),
        Id::Smallint => "SMALLINT".into(),
        Id::Integer => "INTEGER".into(),
        Id::Bigint => "BIGINT".into(),
        Id::Hugeint => "HUGEINT".into(),
        Id::UTinyint => "UTINYINT".into(),
        Id::USmallint => "USMALLINT".into(),
        Id::UInteger => "UINTEGER".into(),
        Id::UBigint => "UBIGINT".into(),
        Id::UHugeint => "UHUGEINT".into(),
        Id::Float => "FLOAT".into(),
        Id::Double => "DOUBLE".into(),
        Id::Decimal => format!("DECIMAL({},{})", logical.decimal_width(), logical.decimal_scale()),
        Id::Varchar => "VARCHAR".into(),
        Id::Blob => "BLOB".into(),
        Id::Date => "DATE".into(),
        Id::Time => "TIME".into(),
        Id::Timestamp => "TIMESTAMP".into(),
        Id::TimestampTZ => "TIMESTAMP WITH TIME ZONE".into(),
        Id::TimestampS => "TIMESTAMP_S".into(),
        Id::TimestampMs => "TIMESTAMP_MS".into(),
        Id::TimestampNs => "TIMESTAMP_NS".into(),
        Id::Interval => "INTERVAL".into(),
        Id::Uuid => "UUID".into(),
        Id::Bit => "BIT".into(),
        Id::Bignum => "BIGNUM".into(),
        Id::SqlNull => "INTEGER".into(),
        Id::List | Id::Array => format!("{}[]", type_name(&logical.child(0))),
        Id::Struct => {
            let fields: Vec<String> = (0..logical.num_children())
                .map(|i| format!("{} {}", quote(&logical.child_name(i)), type_name(&logical.child(i))))
                .collect();
            format!("STRUCT({})", fields.join(", "))
        }
        Id::Map => format!("MAP({}, {})", type_name(&logical.child(0)), type_name(&logical.child(1))),
        other => format!("{other:?}").to_uppercase(),
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn micros(unit: TimeUnit, count: i64) -> i64 {
    match unit {
        TimeUnit::Second => count.saturating_mul(1_000_000),
        TimeUnit::Millisecond => count.saturating_mul(1_000),
        TimeUnit::Microsecond => count,
        TimeUnit::Nanosecond => count.div_euclid(1_000),
    }
}

fn child(logical: Option<&LogicalTypeHandle>, index: usize) -> Option<LogicalTypeHandle> {
    logical.filter(|l| index < l.num_children()).map(|l| l.child(index))
}

/// One value; the logical type tells a moment from a wall-clock time, which Arrow's units alone do not.
pub fn value(raw: Raw, logical: Option<&LogicalTypeHandle>) -> Value {
    match raw {
        Raw::Null => Value::Null,
        Raw::Boolean(v) => Value::Bool(v),
        Raw::TinyInt(v) => Value::Int(v.into()),
        Raw::SmallInt(v) => Value::Int(v.into()),
        Raw::Int(v) => Value::Int(v.into()),
        Raw::BigInt(v) => Value::Int(v.into()),
        Raw::HugeInt(v) => Value::Int(v),
        Raw::UTinyInt(v) => Value::Int(v.into()),
        Raw::USmallInt(v) => Value::Int(v.into()),
        Raw::UInt(v) => Value::Int(v.into()),
        Raw::UBigInt(v) => Value::Int(v.into()),
        Raw::UHugeInt(v) => i128::try_from(v).map_or_else(|_| Value::Decimal(v.to_string()), Value::Int),
        Raw::Float(v) => Value::Float(v.into()),
        Raw::Double(v) => Value::Float(v),
        Raw::Decimal(v) => Value::Decimal(v.to_string()),
        Raw::Text(v) | Raw::Enum(v) => Value::Text(v),
        Raw::Blob(v) | Raw::Geometry(v) => Value::Bytes(v),
        Raw::Date32(v) => Value::Date(v),
        Raw::Time64(unit, v) => Value::Time(micros(unit, v)),
        Raw::Timestamp(unit, v) => match logical.map(LogicalTypeHandle::id) {
            Some(Id::TimestampTZ) => Value::Timestamp(micros(unit, v)),
            _ => Value::DateTime(micros(unit, v)),
        },
        Raw::Interval { months, days, nanos } => Value::Interval { months, days, micros: nanos / 1_000 },
        Raw::List(items) | Raw::Array(items) => {
            let inner = child(logical, 0);
            Value::List(items.into_iter().map(|item| value(item, inner.as_ref())).collect())
        }
        Raw::Struct(fields) => Value::Struct(
            fields
                .iter()
                .enumerate()
                .map(|(i, (name, field))| (name.clone(), value(field.clone(), child(logical, i).as_ref())))
                .collect(),
        ),
        Raw::Map(entries) => Value::List(
            entries
                .iter()
                .map(|(k, v)| {
                    Value::Struct(vec![
                        ("key".into(), value(k.clone(), None)),
                        ("value".into(), value(v.clone(), None)),
                    ])
                })
                .collect(),
        ),
        Raw::Union(inner) => value(*inner, None),
        // A kind of value that a later client brings: its own text is the honest answer.
        other => Value::Text(format!("{other:?}")),
    }
}

/// DuckDB's refusal, read from its JSON form (`errors_as_json`) where it has one.
pub fn error(raw: duckdb::Error, sql: &str) -> DbError {
    let text = raw.to_string();
    let body = text.find('{').map(|at| &text[at..]);
    let Some(details) = body.and_then(|json| serde_json::from_str::<serde_json::Value>(json).ok()) else {
        let mut error = DbError::new(kind_of("", &text), text);
        error.sql = Some(sql.to_owned());
        return error;
    };
    let field = |name: &str| details.get(name).and_then(|v| v.as_str()).unwrap_or_default();
    let class = field("exception_type");
    let mut message = field("exception_message").to_owned();
    if message.is_empty() {
        message = text.clone();
    } else if !class.is_empty() {
        message = format!("{class} Error: {message}");
    }
    // DuckDB adds the whole expression, which may be pages long.
    if let Some(end) = message.find(" when casting from source column") {
        message.truncate(end);
    }
    let mut error = DbError::new(kind_of(class, &message), message);
    error.sql = Some(sql.to_owned());
    error.position = field("position").parse().ok();
    let candidates = field("candidates");
    if !candidates.is_empty() {
        error.help = Some(format!("did you mean {}?", candidates.replace(',', ", ")));
    }
    error
}

fn kind_of(class: &str, message: &str) -> DbErrorKind {
    match class {
        "Parser" => DbErrorKind::Syntax,
        "Binder" | "Catalog" => DbErrorKind::Semantic,
        "INTERRUPT" | "Interrupt" => DbErrorKind::Interrupted,
        "Conversion" | "Constraint" | "Invalid Input" | "Out of Range" => DbErrorKind::Execution,
        _ if message.contains("Could not set lock on file") => DbErrorKind::Locked,
        _ if message.contains("Parser Error") => DbErrorKind::Syntax,
        _ if message.contains("Interrupted!") => DbErrorKind::Interrupted,
        _ => DbErrorKind::Other,
    }
}
