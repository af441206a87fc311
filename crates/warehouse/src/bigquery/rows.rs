//! Schemas and rows in the API's JSON, as values. The library's closed list of types has no RANGE, so they are read here.

use crate::{Column, Value};
use serde_json::{Value as Json, json};

/// The API's old names, as SQL has them.
const TYPES: [(&str, &str); 6] = [
    ("INTEGER", "INT64"),
    ("FLOAT", "FLOAT64"),
    ("BOOLEAN", "BOOL"),
    ("RECORD", "STRUCT"),
    ("DECIMAL", "NUMERIC"),
    ("BIGDECIMAL", "BIGNUMERIC"),
];

fn sql_name(name: &str) -> &str {
    TYPES.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new)
}

fn fields(schema: &Json) -> &[Json] {
    schema["fields"].as_array().map_or(&[], Vec::as_slice)
}

fn name(field: &Json) -> &str {
    field["name"].as_str().unwrap_or_default()
}

/// A field's type as SQL spells it: `ARRAY<STRUCT<a INT64>>`.
pub fn data_type(field: &Json) -> String {
    let word = sql_name(field["type"].as_str().unwrap_or_default());
    let one = match word {
        "STRUCT" => {
            let inner: Vec<String> = fields(field).iter().map(|f| format!("{} {}", name(f), data_type(f))).collect();
            format!("STRUCT<{}>", inner.join(", "))
        }
        "RANGE" => format!("RANGE<{}>", field["rangeElementType"]["type"].as_str().unwrap_or_default()),
        other => match (field["precision"].as_str(), field["scale"].as_str(), field["maxLength"].as_str()) {
            (Some(precision), Some(scale), _) => format!("{other}({precision}, {scale})"),
            (Some(precision), None, _) => format!("{other}({precision})"),
            (_, _, Some(length)) => format!("{other}({length})"),
            _ => other.to_owned(),
        },
    };
    if field["mode"] == "REPEATED" { format!("ARRAY<{one}>") } else { one }
}

pub fn columns(schema: &Json) -> Vec<Column> {
    fields(schema).iter().map(|field| Column { name: name(field).to_owned(), data_type: data_type(field) }).collect()
}

/// Rows of `rows` in an answer of getQueryResults with 64-bit timestamps.
pub fn rows(schema: &Json, rows: &Json) -> Vec<Vec<Value>> {
    let fields = fields(schema);
    let row = |row: &Json| fields.iter().enumerate().map(|(at, field)| cell(field, &row["f"][at]["v"])).collect();
    rows.as_array().map_or(&[][..], Vec::as_slice).iter().map(row).collect()
}

fn cell(field: &Json, value: &Json) -> Value {
    if field["mode"] == "REPEATED" {
        let items = value.as_array().map_or(&[][..], Vec::as_slice);
        return Value::List(items.iter().map(|item| one(field, &item["v"])).collect());
    }
    one(field, value)
}

fn one(field: &Json, value: &Json) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    if let Some(values) = value["f"].as_array() {
        let named = fields(field).iter().zip(values).map(|(f, v)| (name(f).to_owned(), cell(f, &v["v"])));
        return Value::Struct(named.collect());
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let word = sql_name(field["type"].as_str().unwrap_or_default());
    scalar(word, &text).unwrap_or(Value::Text(text))
}

/// A value of a type; `None` where the text is not one, or the type has no value of its own here.
fn scalar(word: &str, text: &str) -> Option<Value> {
    Some(match word {
        "INT64" => Value::Int(text.parse().ok()?),
        "FLOAT64" => Value::Float(match text {
            "Infinity" | "+Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            other => other.parse().ok()?,
        }),
        "BOOL" => Value::Bool(text.eq_ignore_ascii_case("true")),
        "NUMERIC" | "BIGNUMERIC" => Value::Decimal(text.to_owned()),
        "BYTES" => {
            use base64::Engine as _;
            Value::Bytes(base64::engine::general_purpose::STANDARD.decode(text).ok()?)
        }
        "DATE" => Value::Date(days(text)?),
        "TIME" => Value::Time(micros_of_day(text)?),
        "DATETIME" => {
            let (day, time) = text.split_once(['T', ' '])?;
            Value::DateTime(i64::from(days(day)?) * 86_400_000_000 + micros_of_day(time)?)
        }
        "TIMESTAMP" => Value::Timestamp(micros(text)?),
        "INTERVAL" => interval(text)?,
        _ => return None,
    })
}

/// Microseconds, or seconds with a fraction (as servers write that ignore `useInt64Timestamp`).
fn micros(text: &str) -> Option<i64> {
    if let Ok(whole) = text.parse() {
        return Some(whole);
    }
    let seconds: f64 = text.parse().ok()?;
    Some((seconds * 1e6).round() as i64)
}

fn days(text: &str) -> Option<i32> {
    let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let epoch = chrono::NaiveDate::from_ymd_opt(1970, 1, 1)?;
    i32::try_from(date.signed_duration_since(epoch).num_days()).ok()
}

fn micros_of_day(text: &str) -> Option<i64> {
    let time = chrono::NaiveTime::parse_from_str(text, "%H:%M:%S%.f").ok()?;
    time.signed_duration_since(chrono::NaiveTime::MIN).num_microseconds()
}

/// `Y-M D H:M:S.F`, each part with its own sign.
fn interval(text: &str) -> Option<Value> {
    let mut parts = text.split(' ');
    let (years, days, clock) = (parts.next()?, parts.next()?, parts.next()?);
    let signed = |text: &str| match text.strip_prefix('-') {
        Some(rest) => (-1, rest.to_owned()),
        None => (1, text.to_owned()),
    };
    let (sign, months) = signed(years);
    let (y, m) = months.split_once('-')?;
    let (clock_sign, clock) = signed(clock);
    let mut clock = clock.splitn(3, ':');
    let (hours, minutes, seconds) = (clock.next()?, clock.next()?, clock.next()?);
    let micros = (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?) * 60_000_000
        + (seconds.parse::<f64>().ok()? * 1e6).round() as i64;
    Some(Value::Interval {
        months: sign * (y.parse::<i32>().ok()? * 12 + m.parse::<i32>().ok()?),
        days: days.parse().ok()?,
        micros: i64::from(clock_sign) * micros,
    })
}

/// A seed's cell as a load job reads it. JSON goes as what it says, all else as text.
pub fn cell_json(column: &Column, text: &str) -> Json {
    let is_json = column.data_type.trim().eq_ignore_ascii_case("JSON");
    // Text that is no JSON goes as it is, for BigQuery to refuse or to take.
    let parsed = if is_json { serde_json::from_str(text).ok() } else { None };
    parsed.unwrap_or_else(|| Json::from(text))
}

/// A column of a seed as a field of a load job's schema: `NUMERIC(10, 2)` keeps its parameters.
pub fn field(column: &Column) -> Json {
    let text = column.data_type.trim();
    let (word, parameters) = match text.split_once('(') {
        Some((word, rest)) => (word.trim(), rest.trim_end_matches(')').split(',').map(str::trim).collect()),
        None => (text, Vec::new()),
    };
    let word = word.to_uppercase();
    let mut field = json!({"name": column.name, "type": sql_name(&word), "mode": "NULLABLE"});
    let keys: &[&str] =
        if matches!(word.as_str(), "STRING" | "BYTES") { &["maxLength"] } else { &["precision", "scale"] };
    for (key, value) in keys.iter().zip(parameters) {
        field[*key] = Json::from(value);
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_as_sql_spells_them() {
        let field = json!({"name": "a", "type": "RECORD", "mode": "REPEATED", "fields": [
            {"name": "n", "type": "NUMERIC", "precision": "10", "scale": "2"},
            {"name": "r", "type": "RANGE", "rangeElementType": {"type": "DATE"}}]});
        assert_eq!(data_type(&field), "ARRAY<STRUCT<n NUMERIC(10, 2), r RANGE<DATE>>>");
    }

    #[test]
    fn every_kind_of_cell() {
        let schema = json!({"fields": [
            {"name": "i", "type": "INTEGER"}, {"name": "f", "type": "FLOAT"}, {"name": "t", "type": "TIMESTAMP"},
            {"name": "d", "type": "DATETIME"}, {"name": "v", "type": "INTERVAL"}, {"name": "r", "type": "RANGE"},
            {"name": "l", "type": "INTEGER", "mode": "REPEATED"},
            {"name": "s", "type": "RECORD", "fields": [{"name": "b", "type": "BOOLEAN"}]}, {"name": "z", "type": "DATE"}]});
        let row = json!([{"f": [{"v": "7"}, {"v": "-Infinity"}, {"v": "1500000"}, {"v": "1970-01-02T00:00:01.5"},
            {"v": "-1-2 3 -4:05:06.5"}, {"v": "[2020-01-01, UNBOUNDED)"}, {"v": [{"v": "1"}, {"v": "2"}]},
            {"v": {"f": [{"v": "true"}]}}, {"v": null}]}]);
        let read = rows(&schema, &row);
        let wanted = vec![
            Value::Int(7),
            Value::Float(f64::NEG_INFINITY),
            Value::Timestamp(1_500_000),
            Value::DateTime(86_401_500_000),
            Value::Interval { months: -14, days: 3, micros: -14_706_500_000 },
            Value::Text("[2020-01-01, UNBOUNDED)".into()),
            Value::List(vec![Value::Int(1), Value::Int(2)]),
            Value::Struct(vec![("b".into(), Value::Bool(true))]),
            Value::Null,
        ];
        assert_eq!(read, vec![wanted]);
    }
}
