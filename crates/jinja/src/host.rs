//! What templates ask of the world, in plain data. `parse` answers by recording, `exec` by looking up and asking the warehouse.

use indexmap::IndexMap;
use rsdbt_base::{Code, Place};
use serde_json::Value as Json;

/// How an adapter writes names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quoting {
    #[default]
    Double,
    Backtick,
}

impl Quoting {
    pub fn mark(self) -> char {
        match self {
            Quoting::Double => '"',
            Quoting::Backtick => '`',
        }
    }

    pub fn quote(self, name: &str) -> String {
        let mark = self.mark();
        match self {
            Quoting::Double => format!("{mark}{}{mark}", name.replace('"', "\"\"")),
            Quoting::Backtick => format!("{mark}{name}{mark}"),
        }
    }
}

/// dbt's Relation: a possibly partial name of a table, view or CTE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relation {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub identifier: Option<String>,
    /// "table", "view", "cte", ...; `None` when nobody knows yet.
    pub kind: Option<String>,
    pub quoting: Quoting,
    /// Whether database, schema and identifier are quoted.
    pub quoted: [bool; 3],
    /// What cuts rows away where the relation is printed, not where `.render()` is called: `--empty`, a batch's window.
    pub rows: Option<String>,
}

impl Relation {
    pub fn new(database: &str, schema: &str, identifier: &str, quoting: Quoting) -> Self {
        Relation {
            database: Some(database.to_owned()),
            schema: Some(schema.to_owned()),
            identifier: Some(identifier.to_owned()),
            kind: None,
            quoting,
            quoted: [true; 3],
            rows: None,
        }
    }

    /// The name, or a subquery with those of its rows that count.
    pub fn print(&self) -> String {
        match &self.rows {
            Some(clause) => format!("(select * from {} {clause})", self.render()),
            None => self.render(),
        }
    }

    /// The name alone.
    pub fn render(&self) -> String {
        if self.kind.as_deref() == Some("cte") {
            return self.identifier.clone().unwrap_or_default();
        }
        let parts = [&self.database, &self.schema, &self.identifier];
        let named: Vec<String> = parts
            .iter()
            .zip(self.quoted)
            .filter_map(|(part, quoted)| part.as_ref().map(|name| (name, quoted)))
            .map(|(name, quoted)| if quoted { self.quoting.quote(name) } else { name.clone() })
            .collect();
        named.join(".")
    }
}

/// dbt's Column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnData {
    pub name: String,
    pub data_type: String,
    pub quoting: Quoting,
}

/// A query's result as templates see it (agate's Table). `types` are agate's names, such as `Integer`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableData {
    pub columns: Vec<String>,
    pub types: Vec<String>,
    pub rows: Vec<Vec<Data>>,
}

/// A value that crosses the border between templates and the rest of rsdbt.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Data {
    #[default]
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Exact digits.
    Decimal(String),
    Text(String),
    /// Microseconds since 1970-01-01; the flag tells a moment (UTC) from a wall-clock time.
    DateTime(i64, bool),
    /// Days since 1970-01-01.
    Date(i32),
    List(Vec<Data>),
    Tuple(Vec<Data>),
    Map(IndexMap<String, Data>),
    Relation(Relation),
    Column(ColumnData),
    Table(TableData),
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
            Data::Text(text) | Data::Decimal(text) => !text.is_empty(),
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
            Data::Decimal(text) => text.parse::<f64>().map_or_else(|_| Json::from(text.clone()), Json::from),
            Data::Text(text) => Json::from(text.clone()),
            Data::DateTime(..) | Data::Date(_) => Json::from(self.moment_text()),
            Data::List(items) | Data::Tuple(items) => Json::Array(items.iter().map(Data::to_json).collect()),
            Data::Map(items) => Json::Object(items.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
            Data::Relation(relation) => Json::from(relation.render()),
            Data::Column(column) => Json::from(column.name.clone()),
            Data::Table(table) => Json::Array(
                table
                    .rows
                    .iter()
                    .map(|row| Json::Object(table.columns.iter().cloned().zip(row.iter().map(Data::to_json)).collect()))
                    .collect(),
            ),
        }
    }

    fn moment_text(&self) -> String {
        match self {
            Data::Date(days) => chrono::NaiveDate::default()
                .checked_add_signed(chrono::TimeDelta::days(i64::from(*days)))
                .map(|d| d.to_string())
                .unwrap_or_default(),
            Data::DateTime(micros, zoned) => chrono::DateTime::from_timestamp_micros(*micros)
                .map(|t| t.format("%Y-%m-%dT%H:%M:%S%.f").to_string() + if *zoned { "+00:00" } else { "" })
                .unwrap_or_default(),
            _ => String::new(),
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

impl Arguments {
    /// The argument at `index`, or the one called `name`.
    pub fn get(&self, index: usize, name: &str) -> Option<&Data> {
        self.positional.get(index).or_else(|| self.named.get(name))
    }

    pub fn text(&self, index: usize, name: &str) -> Option<String> {
        self.get(index, name).and_then(Data::as_text).map(str::to_owned)
    }

    pub fn flag(&self, index: usize, name: &str, default: bool) -> bool {
        self.get(index, name).map_or(default, Data::is_true)
    }

    pub fn relation(&self, index: usize, name: &str) -> Option<&Relation> {
        match self.get(index, name) {
            Some(Data::Relation(relation)) => Some(relation),
            _ => None,
        }
    }
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
    fn adapter(&self, method: &str, arguments: &Arguments) -> Result<Data, Fault>;
    fn log(&self, message: &str, info: bool);
    fn warn(&self, message: &str);
    fn doc(&self, package: Option<&str>, name: &str) -> Result<String, Fault>;
    /// Called with each macro's unique id before it runs.
    fn macro_called(&self, unique_id: &str);
    fn quoting(&self) -> Quoting;
    /// Called when a template has asked for the time: what it gives may differ the next time.
    fn clock_read(&self) {}
    /// `write(sql)`: the text that belongs into target/run.
    fn write(&self, _text: &str) {}
    /// A constant that stands in for a macro (`overrides:` of a unit test).
    fn stand_in(&self, _macro_name: &str) -> Option<Data> {
        None
    }
}
