//! Models in the user's file: schema `_rsdbt_ml`, one row a model, replaced as a whole.

use crate::adapter::duckdb::Connection;
use crate::adapter::{DbError, Value};
use crate::ml::{Encoder, Iteration, Weights};
use crate::sql::translate::text;
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

fn prepared(connection: &mut Connection) -> bool {
    let found = connection
        .query("SELECT count(*) FROM duckdb_tables() WHERE schema_name = '_rsdbt_ml' AND table_name = 'models'");
    found.is_ok_and(|t| t.rows.first().and_then(|r| r.first()) == Some(&Value::Int(1)))
}

/// Writes or replaces a model, in one transaction of its own unless one is open.
pub fn save(connection: &mut Connection, name: &str, model: &Model) -> Result<(), DbError> {
    let body = serde_json::to_string(model)
        .map_err(|why| DbError::new(crate::adapter::DbErrorKind::Other, why.to_string()))?;
    if !prepared(connection) {
        for statement in SETUP.split(';') {
            connection.query(statement)?;
        }
    }
    connection
        .query(&format!("INSERT OR REPLACE INTO _rsdbt_ml.models VALUES ({}, {})", text(name), text(&body)))
        .map(|_| ())
}

pub fn load(connection: &mut Connection, name: &str) -> Option<Model> {
    if !prepared(connection) {
        return None;
    }
    let table = connection.query(&format!("SELECT body FROM _rsdbt_ml.models WHERE name = {}", text(name))).ok()?;
    match table.rows.first().and_then(|row| row.first()) {
        Some(Value::Text(body)) => serde_json::from_str(body).ok(),
        _ => None,
    }
}

pub fn exists(connection: &mut Connection, name: &str) -> bool {
    load(connection, name).is_some()
}

/// Whether there was one to drop.
pub fn drop_model(connection: &mut Connection, name: &str) -> Result<bool, DbError> {
    if !exists(connection, name) {
        return Ok(false);
    }
    connection.query(&format!("DELETE FROM _rsdbt_ml.models WHERE name = {}", text(name))).map(|_| true)
}
