//! Models in the user's file: schema `_rsdbt_ml`. `models` has a row a model, whose `body` is what the engine reads; the other
//! tables are what ML functions read, and people; the macros are what predictions call. All of a model is replaced at once.

use super::{macros, report};
use rsdbt_bqml::options::Literal;
use rsdbt_bqml::{Body, Encoder, Iteration};
use rsdbt_duckdbsql::{quote, text};
use rsdbt_googlesql::types::Type;
use rsdbt_warehouse::duckdb::Connection;
use rsdbt_warehouse::{DbError, DbErrorKind, Value};
use serde::{Deserialize, Serialize};

/// Grows with every change of what is kept.
const FORMAT: i128 = 2;

/// A trained model, as the engine keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Model {
    pub encoder: Encoder,
    /// name and type of each feature's column
    #[serde(with = "typed_names")]
    pub features: Vec<(String, Type)>,
    /// name and BigQuery type of the label
    pub label: Option<(String, String)>,
    pub body: Body,
    /// how far training rows are off, sorted, at even steps: of them `contamination` takes a part
    pub anomalies: Vec<f64>,
    /// the mean size of each feature's part in the training rows' predictions, where it was asked for
    pub explained: Option<Vec<f64>>,
    /// This and what follows is in the tables of the store only.
    #[serde(skip)]
    pub history: Vec<Iteration>,
    /// ML.EVALUATE without input: the metrics in their order
    #[serde(skip)]
    pub metrics: Vec<(String, Option<f64>)>,
}

impl Model {
    pub fn label_type(&self) -> Type {
        let ty = self.label.as_ref().and_then(|(_, ty)| crate::result::field_types(ty));
        ty.unwrap_or(Type::String)
    }
}

/// Types by their BigQuery names.
mod typed_names {
    use super::Type;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(list: &[(String, Type)], to: S) -> Result<S::Ok, S::Error> {
        let shown: Vec<(&str, String)> = list.iter().map(|(name, ty)| (name.as_str(), ty.to_string())).collect();
        shown.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, Type)>, D::Error> {
        let shown = Vec::<(String, String)>::deserialize(from)?;
        let typed = |(name, ty): (String, String)| (name, crate::result::field_types(&ty).unwrap_or(Type::String));
        Ok(shown.into_iter().map(typed).collect())
    }
}

/// What is said about a model, beside what it learned.
pub(super) struct About<'a> {
    pub kind: &'a str,
    pub options: &'a [(String, Literal)],
}

const MODELS: &str = "name VARCHAR, type VARCHAR, format_version BIGINT, options VARCHAR, features VARCHAR, \
    label VARCHAR, transform VARCHAR, generation BIGINT, body VARCHAR";

/// Makes the store where it is missing or older: when a database is opened, since two transactions that make it would be in
/// conflict.
pub(in super::super) fn prepare(connection: &mut Connection) -> Result<(), DbError> {
    let columns = "SELECT count(*) FROM duckdb_columns() WHERE schema_name = '_rsdbt_ml' AND (table_name <> 'models' OR column_name = 'format_version')";
    let wanted: usize = 1 + report::TABLES.iter().map(|table| table.columns.len() + 2).sum::<usize>();
    if connection.query(columns)?.rows.first() == Some(&vec![Value::Int(wanted as i128)]) {
        return Ok(());
    }
    connection.query("CREATE SCHEMA IF NOT EXISTS _rsdbt_ml")?;
    let older = "SELECT 1 FROM duckdb_columns() WHERE schema_name = '_rsdbt_ml' AND table_name = 'models' GROUP BY ALL HAVING NOT bool_or(column_name = 'format_version')";
    if !connection.query(older)?.rows.is_empty() {
        // Their names stay, so that they can be asked to be trained again.
        let nothing = MODELS.split(", ").map(|column| match column.split_once(' ') {
            Some((name @ ("name" | "body"), _)) => name.to_owned(),
            Some((name, ty)) => format!("CAST(NULL AS {ty}) AS {name}"),
            None => column.to_owned(),
        });
        let list: Vec<String> = nothing.collect();
        connection.query(&format!(
            "CREATE OR REPLACE TABLE _rsdbt_ml.models AS SELECT {} FROM _rsdbt_ml.models",
            list.join(", ")
        ))?;
    }
    connection.query(&format!("CREATE TABLE IF NOT EXISTS _rsdbt_ml.models ({MODELS})"))?;
    for table in report::TABLES {
        connection.query(&format!("CREATE OR REPLACE TABLE {}", table.definition()))?;
    }
    Ok(())
}

fn condition(column: &str, key: &str) -> String {
    format!("lower({column}) = {}", text(&key.to_lowercase()))
}

fn inside(connection: &mut Connection, statements: &[String]) -> Result<(), DbError> {
    statements.iter().try_for_each(|statement| connection.query(statement).map(|_| ()))
}

fn unwritable(why: &serde_json::Error) -> DbError {
    DbError::new(DbErrorKind::Other, why.to_string())
}

/// Writes or replaces a model; the caller has a transaction open.
pub(super) fn save(connection: &mut Connection, key: &str, model: &Model, about: &About<'_>) -> Result<(), DbError> {
    let catalog = connection.catalog().to_owned();
    let before = connection.query(&format!(
        "SELECT COALESCE(max(generation), 0) FROM _rsdbt_ml.models WHERE {}",
        condition("name", key)
    ))?;
    let Some(Value::Int(generation)) = before.rows.into_iter().flatten().next() else {
        return Err(DbError::new(DbErrorKind::Other, "the store of models cannot be read"));
    };
    remove(connection, key)?;
    let json = |value: serde_json::Result<String>| value.map_err(|why| unwritable(&why));
    let options: serde_json::Map<String, serde_json::Value> = about
        .options
        .iter()
        .map(|(name, value)| Ok((name.to_lowercase(), serde_json::to_value(value)?)))
        .collect::<serde_json::Result<_>>()
        .map_err(|why| unwritable(&why))?;
    let shown: Vec<(&str, String)> = model.features.iter().map(|(name, ty)| (name.as_str(), ty.to_string())).collect();
    let cells = [
        text(key),
        text(about.kind),
        FORMAT.to_string(),
        text(&json(serde_json::to_string(&options))?),
        text(&json(serde_json::to_string(&shown))?),
        model.label.as_ref().map_or("NULL".to_owned(), |(name, _)| text(name)),
        "NULL".to_owned(),
        (generation + 1).to_string(),
        text(&json(serde_json::to_string(model))?),
    ];
    connection.query(&format!("INSERT INTO _rsdbt_ml.models VALUES ({})", cells.join(", ")))?;
    for table in report::TABLES {
        write(connection, table, key, model)?;
    }
    inside(connection, &macros::create(&catalog, key, model).map_err(|why| unwritable(&why))?)
}

fn write(connection: &mut Connection, table: &report::Table, key: &str, model: &Model) -> Result<(), DbError> {
    match table.rows(key, model) {
        Some(statement) => connection.query(&statement).map(|_| ()),
        None => Ok(()),
    }
}

/// Adds the metrics of a model that has just been saved: they are computed by its macros.
pub(super) fn save_metrics(connection: &mut Connection, key: &str, model: &Model) -> Result<(), DbError> {
    report::Table::named("metrics").map_or(Ok(()), |table| write(connection, table, key, model))
}

fn remove(connection: &mut Connection, key: &str) -> Result<(), DbError> {
    connection.query(&format!("DELETE FROM _rsdbt_ml.models WHERE {}", condition("name", key)))?;
    for table in report::TABLES {
        connection.query(&format!("DELETE FROM _rsdbt_ml.{} WHERE {}", table.name, condition("model", key)))?;
    }
    Ok(())
}

/// A stored model; `None` when there is none of that name. Errors: the store cannot be read.
pub(in super::super) fn load(connection: &mut Connection, key: &str) -> Result<Option<Model>, DbError> {
    let table = connection
        .query(&format!("SELECT body, format_version FROM _rsdbt_ml.models WHERE {}", condition("name", key)))?;
    let Some([Value::Text(body), format]) = table.rows.first().map(Vec::as_slice) else { return Ok(None) };
    let read = match format {
        Value::Int(FORMAT) => serde_json::from_str(body).map(Some).map_err(|why| why.to_string()),
        other => Err(format!("its format is {other:?}, this program's {FORMAT}")),
    };
    read.map_err(|why| {
        DbError::new(DbErrorKind::Other, format!("the model {key} was stored by another version: {why}"))
            .help("train it again with CREATE OR REPLACE MODEL")
    })
}

/// Whether there is a model of that name, readable or not.
pub(in super::super) fn exists(connection: &mut Connection, key: &str) -> Result<bool, DbError> {
    let table = connection.query(&format!("SELECT 1 FROM _rsdbt_ml.models WHERE {}", condition("name", key)))?;
    Ok(!table.rows.is_empty())
}

/// The models of a dataset.
pub(in super::super) fn models_of(connection: &mut Connection, dataset: &str) -> Result<Vec<String>, DbError> {
    let prefix = text(&format!("{}.", dataset.to_lowercase()));
    let table = connection
        .query(&format!("SELECT name FROM _rsdbt_ml.models WHERE starts_with(lower(name), {prefix}) ORDER BY name"))?;
    let name = |value: Value| if let Value::Text(name) = value { Some(name) } else { None };
    Ok(table.rows.into_iter().flatten().filter_map(name).collect())
}

/// Whether there was one to drop.
pub(in super::super) fn drop_model(connection: &mut Connection, key: &str) -> Result<bool, DbError> {
    if !exists(connection, key)? {
        return Ok(false);
    }
    remove(connection, key)?;
    let catalog = connection.catalog().to_owned();
    inside(connection, &macros::bury(&catalog, key)).map(|()| true)
}

pub(in super::super) fn drop_models_of(connection: &mut Connection, dataset: &str) -> Result<(), DbError> {
    let models = models_of(connection, dataset)?;
    models.iter().try_for_each(|key| drop_model(connection, key).map(|_| ()))
}

/// Sets options that only say something about a model; NULL takes one away.
pub(in super::super) fn alter(
    connection: &mut Connection,
    key: &str,
    options: &[(String, Literal)],
) -> Result<(), DbError> {
    let table = connection.query(&format!("SELECT options FROM _rsdbt_ml.models WHERE {}", condition("name", key)))?;
    let Some(Value::Text(shown)) = table.rows.into_iter().flatten().next() else { return Ok(()) };
    let mut all: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&shown).map_err(|why| unwritable(&why))?;
    for (name, value) in options {
        match value {
            Literal::Null => all.shift_remove(&name.to_lowercase()),
            value => all.insert(name.to_lowercase(), serde_json::to_value(value).map_err(|why| unwritable(&why))?),
        };
    }
    let shown = serde_json::to_string(&all).map_err(|why| unwritable(&why))?;
    connection
        .query(&format!("UPDATE _rsdbt_ml.models SET options = {} WHERE {}", text(&shown), condition("name", key)))
        .map(|_| ())
}

/// A table of the store.
pub(super) fn table(catalog: &str, name: &str) -> String {
    format!("{}._rsdbt_ml.{name}", quote(catalog))
}
