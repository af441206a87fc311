//! Models in the user's file: schema `_rsdbt_ml`, one row a model, replaced as a whole.

use rsdbt_bqml::{Encoder, Iteration, Weights};
use rsdbt_duckdbsql::text;
use rsdbt_warehouse::duckdb::Connection;
use rsdbt_warehouse::{DbError, Value};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    KMeans { centroids: Vec<Vec<f64>>, cosine: bool },
    Logistic { weights: Weights, classes: Vec<String> },
    Linear { weights: Vec<f64> },
}

/// A trained model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub encoder: Encoder,
    /// name and BigQuery type of the label
    pub label: Option<(String, String)>,
    pub body: Body,
    pub history: Vec<Iteration>,
    /// ML.EVALUATE without input: the metrics in their order
    pub metrics: Vec<(String, Option<f64>)>,
}

const SETUP: &str = "CREATE SCHEMA IF NOT EXISTS _rsdbt_ml; CREATE TABLE IF NOT EXISTS _rsdbt_ml.models (name VARCHAR PRIMARY KEY, body VARCHAR NOT NULL)";

fn prepared(connection: &mut Connection) -> Result<bool, DbError> {
    let found = connection
        .query("SELECT count(*) FROM duckdb_tables() WHERE schema_name = '_rsdbt_ml' AND table_name = 'models'")?;
    Ok(found.rows.first().and_then(|row| row.first()) == Some(&Value::Int(1)))
}

/// Makes the store where it is missing: when a database is opened, since two transactions that make it would be in conflict.
pub fn prepare(connection: &mut Connection) -> Result<(), DbError> {
    if prepared(connection)? {
        return Ok(());
    }
    SETUP.split(';').try_for_each(|statement| connection.query(statement).map(|_| ()))
}

/// Writes or replaces a model, in one transaction of its own unless one is open.
pub fn save(connection: &mut Connection, name: &str, model: &Model) -> Result<(), DbError> {
    let body = serde_json::to_string(model)
        .map_err(|why| DbError::new(rsdbt_warehouse::DbErrorKind::Other, why.to_string()))?;
    connection
        .query(&format!("INSERT OR REPLACE INTO _rsdbt_ml.models VALUES ({}, {})", text(name), text(&body)))
        .map(|_| ())
}

/// A stored model; `None` when there is none of that name. Errors: the store cannot be read.
pub fn load(connection: &mut Connection, name: &str) -> Result<Option<Model>, DbError> {
    if !prepared(connection)? {
        return Ok(None);
    }
    let table = connection.query(&format!("SELECT body FROM _rsdbt_ml.models WHERE name = {}", text(name)))?;
    let Some(Value::Text(body)) = table.rows.first().and_then(|row| row.first()) else { return Ok(None) };
    serde_json::from_str(body).map(Some).map_err(|why| {
        DbError::new(
            rsdbt_warehouse::DbErrorKind::Other,
            format!("the model {name} was stored by another version: {why}"),
        )
        .help("train it again with CREATE OR REPLACE MODEL")
    })
}

/// Whether there is a model of that name, readable or not.
pub fn exists(connection: &mut Connection, name: &str) -> Result<bool, DbError> {
    if !prepared(connection)? {
        return Ok(false);
    }
    let table = connection.query(&format!("SELECT 1 FROM _rsdbt_ml.models WHERE name = {}", text(name)))?;
    Ok(!table.rows.is_empty())
}

/// Whether there was one to drop.
pub fn drop_model(connection: &mut Connection, name: &str) -> Result<bool, DbError> {
    if !exists(connection, name)? {
        return Ok(false);
    }
    connection.query(&format!("DELETE FROM _rsdbt_ml.models WHERE name = {}", text(name))).map(|_| true)
}
