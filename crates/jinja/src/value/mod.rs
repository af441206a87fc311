//! Python's objects as minijinja objects: what templates can hold, change and print.

pub mod collections;
pub mod cursor;
pub mod datetime;
pub mod group;
pub mod itertools;
pub mod method;
pub mod module;
pub mod moment;
pub mod nested;
pub mod python;
pub mod range;
pub mod regex;
pub mod relation;
pub mod set;
pub mod table;
pub mod undefined;
pub mod view;
pub mod zip;

use super::host::Data;
use collections::{Dict, List};
use minijinja::Value;
use minijinja::value::ValueKind;

/// A template's value from plain data.
pub fn from_data(data: Data) -> Value {
    match data {
        Data::None => Value::from(()),
        Data::Bool(value) => Value::from(value),
        Data::Int(value) => Value::from(value),
        Data::Float(value) => Value::from(value),
        Data::Text(text) => Value::from(text),
        Data::DateTime(micros, zoned) => datetime::DateTime::from_micros(micros, zoned),
        Data::List(items) => List::value(items.into_iter().map(from_data).collect()),
        Data::Tuple(items) => tuple(items.into_iter().map(from_data).collect()),
        Data::Map(items) => Dict::value(items.into_iter().map(|(k, v)| (Value::from(k), from_data(v))).collect()),
        Data::Relation(relation) => Value::from_object(relation::RelationObject(relation)),
        Data::Column(column, dialect) => Value::from_object(relation::ColumnObject { column, dialect }),
        Data::Table(table) => Value::from_object(table::Table::new(table)),
    }
}

/// A Python tuple.
pub fn tuple(items: Vec<Value>) -> Value {
    Value::from_object(minijinja::value::Tuple::new(items))
}

/// Plain data from a template's value.
pub fn to_data(value: &Value) -> Data {
    if let Some(relation) = value.downcast_object_ref::<relation::RelationObject>() {
        return Data::Relation(relation.0.clone());
    }
    if let Some(column) = value.downcast_object_ref::<relation::ColumnObject>() {
        return Data::Column(column.column.clone(), column.dialect);
    }
    if let Some(table) = value.downcast_object_ref::<table::Table>() {
        return Data::Table(table.data().clone());
    }
    if let Some(moment) = value.downcast_object_ref::<datetime::DateTime>() {
        return Data::DateTime(moment.utc_micros(), moment.is_zoned());
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Data::None,
        ValueKind::Bool => Data::Bool(value.is_true()),
        ValueKind::Number => match value.as_i64().filter(|_| value.is_integer()) {
            Some(int) => Data::Int(int),
            None => f64::try_from(value.clone()).map_or(Data::None, Data::Float),
        },
        ValueKind::String => Data::text(value.as_str().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            let members = nested::inside(nested::identity(value), || members_to_data(value));
            members.unwrap_or_else(|| Data::text(python::ENDLESS))
        }
        _ => Data::Text(python::text(value)),
    }
}

fn members_to_data(value: &Value) -> Data {
    if value.kind() == ValueKind::Map {
        return Data::Map(pairs(value).into_iter().map(|(k, v)| (python::text(&k), to_data(&v))).collect());
    }
    let items: Vec<Data> = value.try_iter().map(|items| items.map(|v| to_data(&v)).collect()).unwrap_or_default();
    if value.is_tuple() { Data::Tuple(items) } else { Data::List(items) }
}

/// The entries of a mapping in its own order.
pub fn pairs(map: &Value) -> Vec<(Value, Value)> {
    if let Some(dict) = map.downcast_object_ref::<Dict>() {
        return dict.snapshot().into_iter().collect();
    }
    let Ok(keys) = map.try_iter() else { return Vec::new() };
    keys.filter_map(|key| map.get_item(&key).ok().map(|value| (key, value))).collect()
}
