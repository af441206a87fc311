//! What results are made of, whatever engine gave them. A cell has three shapes on its way out: the client library's, the
//! `Value` here, and the text, JSON or template value that someone wants of it. No fourth one stands between.

use serde_json::Value as Json;

/// One value. Temporal values count from 1970-01-01: days for `Date`, microseconds for the rest.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// Digits with a decimal point, as exact as the engine gave them.
    Decimal(String),
    Text(String),
    Bytes(Vec<u8>),
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// A wall-clock time without a zone.
    DateTime(i64),
    /// A moment.
    Timestamp(i64),
    Interval {
        months: i32,
        days: i32,
        micros: i64,
    },
    List(Vec<Value>),
    Struct(Vec<(String, Value)>),
}

/// A column of a result or relation; `data_type` in the adapter's own spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub data_type: String,
}

/// A whole result: `rows` are as wide as `columns`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
}

impl Value {
    /// JSON as dbt's results show it: decimals as numbers, times as ISO text, structs as objects.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(value) => i64::try_from(*value).map_or_else(|_| decimal(&value.to_string()), Json::from),
            Value::Float(value) => Json::from(*value),
            Value::Decimal(text) => decimal(text),
            Value::Text(text) => Json::from(text.as_str()),
            Value::Bytes(bytes) => Json::from(String::from_utf8_lossy(bytes)),
            Value::Date(_) | Value::Time(_) | Value::DateTime(_) | Value::Timestamp(_) | Value::Interval { .. } => {
                Json::from(self.moment().unwrap_or_default())
            }
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Struct(fields) => fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect(),
        }
    }

    /// A date, a time or an interval as text; nothing for other values.
    pub fn moment(&self) -> Option<String> {
        let clock = |micros: i64| {
            let seconds = micros / 1_000_000;
            format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
        };
        let wall = |micros: i64| {
            let at = chrono::DateTime::from_timestamp_micros(micros);
            at.map(|at| at.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
        };
        Some(match self {
            Value::Date(days) => {
                let at = chrono::DateTime::from_timestamp(i64::from(*days) * 86_400, 0);
                at.map(|at| at.date_naive().to_string()).unwrap_or_default()
            }
            Value::Time(micros) => clock(*micros),
            Value::DateTime(micros) => wall(*micros).unwrap_or_default(),
            Value::Timestamp(micros) => wall(*micros).map(|text| text + "+00:00").unwrap_or_default(),
            Value::Interval { months, days, micros } => format!("{months} months {days} days {}", clock(*micros)),
            _ => return None,
        })
    }

    /// The value as a reader sees it; `null` for NULL.
    pub fn text(&self) -> String {
        match self {
            Value::Text(text) | Value::Decimal(text) => text.clone(),
            Value::Int(value) => value.to_string(),
            other => match other.to_json() {
                Json::String(text) => text,
                json => json.to_string(),
            },
        }
    }
}

/// Digits as a number, as near as a float comes.
fn decimal(text: &str) -> Json {
    text.parse::<f64>().map_or_else(|_| Json::from(text), Json::from)
}

impl Table {
    /// Rows as objects.
    pub fn to_json(&self) -> Json {
        let object = |row: &Vec<Value>| -> Json {
            self.columns.iter().zip(row).map(|(column, cell)| (column.name.clone(), cell.to_json())).collect()
        };
        self.rows.iter().map(object).collect()
    }

    /// The first row's cell in the column of that name.
    pub fn first(&self, name: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))?;
        self.rows.first()?.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_json_and_text() {
        let json = |value: Value| value.to_json().to_string();
        assert_eq!(json(Value::Decimal("1.50".into())), "1.5");
        assert_eq!(json(Value::Date(19_723)), "\"2024-01-01\"");
        assert_eq!(json(Value::Timestamp(1_500_000)), "\"1970-01-01T00:00:01.500+00:00\"");
        assert_eq!(json(Value::Struct(vec![("a".into(), Value::List(vec![Value::Null]))])), "{\"a\":[null]}");
        assert_eq!(Value::Decimal("1.50".into()).text(), "1.50");
        assert_eq!(Value::Interval { months: 1, days: 2, micros: 3_600_000_000 }.text(), "1 months 2 days 01:00:00");
    }
}
