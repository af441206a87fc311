//! Results as plain values, independent of any client library.

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
