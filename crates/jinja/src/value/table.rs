//! A query's result as agate's Table: columns, rows, and values by name or position.

use super::collections::{Dict, List};
use super::{datetime, python};
use crate::call::{arguments, bad};
use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use rsdbt_base as base;
use std::fmt;
use std::sync::Arc;

#[derive(Debug)]
pub struct Table {
    data: base::Table,
    names: Arc<Vec<String>>,
    rows: Vec<Arc<Vec<Value>>>,
}

#[derive(Debug)]
pub struct Row {
    names: Arc<Vec<String>>,
    values: Arc<Vec<Value>>,
}

/// `table.columns`: by position or name.
#[derive(Debug)]
struct Columns(Arc<Table>);

#[derive(Debug)]
struct Column {
    name: String,
    values: Vec<Value>,
}

impl Table {
    pub fn new(data: base::Table) -> Self {
        let rows = data.rows.iter().map(|row| Arc::new(row.iter().map(cell).collect())).collect();
        Table { names: Arc::new(data.columns.iter().map(|column| column.name.clone()).collect()), rows, data }
    }

    pub fn data(&self) -> &base::Table {
        &self.data
    }

    fn row(&self, at: usize) -> Value {
        Value::from_object(Row { names: self.names.clone(), values: self.rows[at].clone() })
    }

    fn all_rows(&self) -> Vec<Value> {
        (0..self.rows.len()).map(|at| self.row(at)).collect()
    }

    fn column(&self, at: usize) -> Value {
        let values = self.rows.iter().map(|row| row.get(at).cloned().unwrap_or_default()).collect();
        Value::from_object(Column { name: self.names[at].clone(), values })
    }

    fn position(&self, key: &Value) -> Option<usize> {
        position(&self.names, key)
    }

    /// The columns at these places, as a table of its own.
    fn only(&self, places: &[usize], names: Vec<String>) -> Value {
        let column = |(at, name): (&usize, String)| base::Column { name, ..self.data.columns[*at].clone() };
        let data = base::Table {
            columns: places.iter().zip(names).map(column).collect(),
            rows: self.data.rows.iter().map(|row| places.iter().map(|at| row[*at].clone()).collect()).collect(),
        };
        Value::from_object(Table::new(data))
    }

    fn select(&self, wanted: &Value) -> Result<Value, Error> {
        let mut places = Vec::new();
        for key in wanted.try_iter()? {
            places.push(self.position(&key).ok_or_else(|| bad(format!("no column {}", python::repr(&key))))?);
        }
        Ok(self.only(&places, places.iter().map(|at| self.names[*at].clone()).collect()))
    }

    fn printed(&self) -> String {
        let mut lines = vec![format!("| {} |", self.names.join(" | "))];
        lines.push(format!("| {} |", self.names.iter().map(|n| "-".repeat(n.len())).collect::<Vec<_>>().join(" | ")));
        for row in &self.rows {
            lines.push(format!("| {} |", row.iter().map(python::text).collect::<Vec<_>>().join(" | ")));
        }
        lines.join("\n")
    }
}

/// agate's name of a column's type, such as `Integer`.
pub fn agate_type(column: &base::Column) -> &'static str {
    let upper = column.data_type.to_uppercase();
    match upper.split(['(', '<', ' ']).next().unwrap_or_default() {
        "BIGINT" | "INTEGER" | "SMALLINT" | "TINYINT" | "HUGEINT" | "INT64" | "UBIGINT" => "Integer",
        "DOUBLE" | "FLOAT" | "FLOAT64" | "DECIMAL" | "NUMERIC" | "BIGNUMERIC" => "Number",
        "BOOLEAN" | "BOOL" => "Boolean",
        "DATE" => "Date",
        "TIMESTAMP" | "DATETIME" => "DateTime",
        _ => "Text",
    }
}

/// A cell as Python has it.
fn cell(value: &base::Value) -> Value {
    use base::Value as Cell;
    match value {
        Cell::Null => Value::from(()),
        Cell::Bool(value) => Value::from(*value),
        Cell::Int(value) => i64::try_from(*value).map_or_else(|_| decimal(&value.to_string()), Value::from),
        Cell::Float(value) => Value::from(*value),
        Cell::Decimal(text) => decimal(text),
        Cell::Text(text) => Value::from(text.as_str()),
        Cell::Bytes(bytes) => Value::from(String::from_utf8_lossy(bytes)),
        Cell::Date(days) => datetime::Date::from_days(*days),
        Cell::DateTime(micros) => datetime::DateTime::from_micros(*micros, false),
        Cell::Timestamp(micros) => datetime::DateTime::from_micros(*micros, true),
        Cell::Time(_) | Cell::Interval { .. } => Value::from(value.text()),
        Cell::List(items) => List::value(items.iter().map(cell).collect()),
        Cell::Struct(fields) => {
            Dict::value(fields.iter().map(|(name, value)| (Value::from(name.as_str()), cell(value))).collect())
        }
    }
}

/// Whole numbers stay whole, others become floats: templates print and compare them.
fn decimal(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(whole) => Value::from(whole),
        Err(_) => text.parse::<f64>().map_or_else(|_| Value::from(text), Value::from),
    }
}

fn position(names: &[String], key: &Value) -> Option<usize> {
    if let Some(name) = key.as_str() {
        return names
            .iter()
            .position(|n| n == name)
            .or_else(|| names.iter().position(|n| n.eq_ignore_ascii_case(name)));
    }
    let at = key.as_i64()?;
    let at = if at < 0 { at + names.len() as i64 } else { at };
    usize::try_from(at).ok().filter(|at| *at < names.len())
}

impl Object for Table {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "rows" => List::value(self.all_rows()),
            "columns" => Value::from_object(Columns(self.clone())),
            "column_names" => super::tuple(self.names.iter().cloned().map(Value::from).collect()),
            "column_types" => {
                List::value(self.data.columns.iter().map(|column| Value::from(agate_type(column))).collect())
            }
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.all_rows())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (args, _) = arguments(args);
        let first = args.first().cloned().unwrap_or_default();
        Ok(match method {
            "values" => List::value(self.all_rows()),
            "print_table" | "print_csv" => Value::from(self.printed()),
            "select" => self.select(&first)?,
            "exclude" => {
                let without: Vec<usize> = first.try_iter()?.filter_map(|key| self.position(&key)).collect();
                let places: Vec<usize> = (0..self.names.len()).filter(|at| !without.contains(at)).collect();
                self.only(&places, places.iter().map(|at| self.names[*at].clone()).collect())
            }
            "rename" => {
                let mut names = self.names.to_vec();
                for (old, new) in super::pairs(&first) {
                    if let (Some(at), Some(new)) = (self.position(&old), new.as_str()) {
                        names[at] = new.to_owned();
                    }
                }
                self.only(&(0..names.len()).collect::<Vec<_>>(), names)
            }
            "limit" => {
                let mut data = self.data.clone();
                data.rows.truncate(first.as_usize().unwrap_or(usize::MAX));
                Value::from_object(Table::new(data))
            }
            "to_json" => Value::from(self.data.to_json().to_string()),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printed())
    }
}

impl Object for Row {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        position(&self.names, key).and_then(|at| self.values.get(at).cloned())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.to_vec())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let entries = || self.names.iter().cloned().map(Value::from).zip(self.values.iter().cloned());
        Ok(match method {
            "values" => super::tuple(self.values.to_vec()),
            "keys" => super::tuple(self.names.iter().cloned().map(Value::from).collect()),
            "dict" => Dict::value(entries().collect()),
            "items" => List::value(entries().map(Value::from).collect()),
            "get" => {
                let found = args.first().and_then(|key| self.get_value(key));
                found.unwrap_or_else(|| args.get(1).cloned().unwrap_or_else(|| Value::from(())))
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<String> = self.values.iter().map(python::repr).collect();
        write!(f, "<agate.Row: ({})>", values.join(", "))
    }
}

impl Object for Columns {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.position(key).map(|at| self.0.column(at))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values((0..self.0.names.len()).map(|at| self.0.column(at)).collect())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args.first()) {
            ("keys", _) => Ok(List::value(self.0.names.iter().cloned().map(Value::from).collect())),
            ("values", _) => Ok(List::value((0..self.0.names.len()).map(|at| self.0.column(at)).collect())),
            ("get", Some(key)) => Ok(self.get_value(key).unwrap_or_else(|| Value::from(()))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl Object for Column {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if key.as_str() == Some("name") {
            return Some(Value::from(self.name.clone()));
        }
        let at = key.as_i64()?;
        let at = if at < 0 { at + self.values.len() as i64 } else { at };
        self.values.get(usize::try_from(at).ok()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.clone())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        match method {
            "values" => Ok(List::value(self.values.clone())),
            "values_distinct" => {
                let mut distinct: Vec<Value> = Vec::new();
                for value in &self.values {
                    if !distinct.contains(value) {
                        distinct.push(value.clone());
                    }
                }
                Ok(List::value(distinct))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}
