//! What templates ask of the world, in plain data. `parse` answers by recording, `exec` by looking up and asking the warehouse.

use indexmap::IndexMap;
use rsdbt_base::{Code, Column, Dialect, Place, Relation, Table, Value};
use serde_json::Value as Json;

/// A value that crosses the border between templates and the rest of rsdbt.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Data {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Microseconds since 1970-01-01; the flag tells a moment (UTC) from a wall-clock time.
    DateTime(i64, bool),
    List(Vec<Data>),
    Tuple(Vec<Data>),
    Map(IndexMap<String, Data>),
    Relation(Relation),
    /// dbt's Column, with the dialect that quotes its name.
    Column(Column, Dialect),
    /// A query's result.
    Table(Table),
}

impl Data {
    pub fn text(text: impl Into<String>) -> Data {
        Data::Text(text.into())
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn is_true(&self) -> bool {
        match self {
            Data::None => false,
            Data::Bool(value) => *value,
            Data::Int(value) => *value != 0,
            Data::Float(value) => *value != 0.0,
            Data::Text(text) => !text.is_empty(),
            Data::List(items) | Data::Tuple(items) => !items.is_empty(),
            Data::Map(items) => !items.is_empty(),
            _ => true,
        }
    }

    /// JSON, with relations and the like as their text.
    pub fn to_json(&self) -> Json {
        match self {
            Data::None => Json::Null,
            Data::Bool(value) => Json::Bool(*value),
            Data::Int(value) => Json::from(*value),
            Data::Float(value) => Json::from(*value),
            Data::Text(text) => Json::from(text.clone()),
            Data::DateTime(micros, true) => Value::Timestamp(*micros).to_json(),
            Data::DateTime(micros, false) => Value::DateTime(*micros).to_json(),
            Data::List(items) | Data::Tuple(items) => Json::Array(items.iter().map(Data::to_json).collect()),
            Data::Map(items) => Json::Object(items.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
            Data::Relation(relation) => Json::from(relation.render()),
            Data::Column(column, _) => Json::from(column.name.clone()),
            Data::Table(table) => table.to_json(),
        }
    }
}

impl From<Json> for Data {
    fn from(json: Json) -> Data {
        match json {
            Json::Null => Data::None,
            Json::Bool(value) => Data::Bool(value),
            Json::Number(number) => match number.as_i64() {
                Some(int) => Data::Int(int),
                None => Data::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Data::Text(text),
            Json::Array(items) => Data::List(items.into_iter().map(Data::from).collect()),
            Json::Object(items) => Data::Map(items.into_iter().map(|(k, v)| (k, Data::from(v))).collect()),
        }
    }
}

/// Why the world said no to a template.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    pub code: Code,
    pub message: String,
    pub help: Option<String>,
    /// The statement that a warehouse refused, and the byte in it.
    pub sql: Option<(String, Option<usize>)>,
    /// dbt's word for the class: "Compilation", "Database", "Runtime", ...
    pub class: &'static str,
    /// The place of the user's mistake, where it is not the template.
    pub place: Option<Place>,
}

impl Fault {
    pub fn compilation(message: impl Into<String>) -> Self {
        Fault { code: Code::JINJA, message: message.into(), help: None, sql: None, class: "Compilation", place: None }
    }

    pub fn new(code: Code, class: &'static str, message: impl Into<String>) -> Self {
        Fault { code, message: message.into(), help: None, sql: None, class, place: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}

/// The arguments of a call from a template.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    pub positional: Vec<Data>,
    pub named: IndexMap<String, Data>,
}

/// The world as one template sees it. One value per node and phase.
pub trait Host: Send + Sync {
    /// dbt's `execute`: false while parsing.
    fn executing(&self) -> bool;
    fn reference(&self, package: Option<&str>, name: &str, version: Option<&str>) -> Result<Data, Fault>;
    fn source(&self, source: &str, table: &str) -> Result<Data, Fault>;
    fn var(&self, name: &str) -> Option<Json>;
    fn env_var(&self, name: &str) -> Option<String>;
    /// Whether `env_var` may give what begins with `DBT_ENV_SECRET_`: in profiles and packages only.
    fn may_read_secrets(&self) -> bool {
        false
    }
    /// `config(a=1)`: the values of an in-file configuration.
    fn configure(&self, values: IndexMap<String, Data>) -> Result<(), Fault>;
    fn config(&self, key: &str) -> Option<Data>;
    /// A plain variable of the context (`this`, `target`, `model`, ...); `None` when there is none of that name.
    fn variable(&self, name: &str) -> Option<Data>;
    /// One of dbt's `flags`.
    fn flag(&self, name: &str) -> Option<Data> {
        match self.variable("flags")? {
            Data::Map(mut flags) => flags.swap_remove(name),
            _ => None,
        }
    }
    fn adapter(&self, method: &str, arguments: Arguments) -> Result<Data, Fault>;
    fn log(&self, message: &str, info: bool);
    fn warn(&self, message: &str);
    fn doc(&self, package: Option<&str>, name: &str) -> Result<String, Fault>;
    /// Called with the unique id of a macro that the text itself calls, before it runs; not of those that macros call.
    fn macro_called(&self, unique_id: &str);
    /// The SQL that the project is written in.
    fn dialect(&self) -> Dialect;
    /// Called when a template has asked for the time: what it gives may differ the next time.
    fn clock_read(&self) {}
    /// `write(sql)`: the text that belongs into target/run.
    fn write(&self, _text: &str) {}
    /// A constant that stands in for a macro (`overrides:` of a unit test).
    fn stand_in(&self, _macro_name: &str) -> Option<Data> {
        None
    }
}
