//! What the translator may know: tables and columns read from DuckDB, routines and variables of the session.

use rsdbt_base::Code;
use rsdbt_duckdbsql::{of_duck, quote, text};
use rsdbt_googlesql::analyze::{Catalog, ModelCall};
use rsdbt_googlesql::ast::Function;
use rsdbt_googlesql::query::Table;
use rsdbt_googlesql::types::Type;
use rsdbt_googlesql::{Result, SqlError};
use rsdbt_warehouse::duckdb::Connection;
use rsdbt_warehouse::{DbError, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A session's view of names; columns are read once a statement.
pub(super) struct Names<'a> {
    pub connection: RefCell<&'a mut Connection>,
    pub project: &'a str,
    pub dataset: &'a str,
    pub zone: String,
    pub variables: &'a HashMap<String, Type>,
    pub routines: &'a HashMap<String, Arc<Function>>,
    pub cache: RefCell<HashMap<String, Option<Table>>>,
}

/// Dataset and name of a path; `None` for a bare name.
pub(super) fn split<'p>(path: &'p [String], project: &str) -> (Option<String>, &'p str) {
    match path {
        [name] => (None, name),
        [dataset, name] => (Some(dataset.clone()), name),
        [owner, dataset, name] => (Some(schema_name(owner, dataset, project)), name),
        _ => (None, path.last().map_or("", String::as_str)),
    }
}

fn schema_name(owner: &str, dataset: &str, project: &str) -> String {
    if owner.eq_ignore_ascii_case(project) { dataset.to_owned() } else { format!("{owner}__{dataset}") }
}

/// The catalog itself failed, which says nothing about the statement.
pub(super) fn unreadable(why: &DbError) -> SqlError {
    SqlError { code: Code::DATABASE, ..SqlError::semantic(format!("the catalog cannot be read: {}", why.message), 0) }
}

/// A table that the catalog knows.
fn table(path: &[String], engine: String, columns: Vec<(String, Type)>) -> Table {
    Table { path: path.to_vec(), engine, columns, input: None }
}

impl Names<'_> {
    /// The columns of the table that fits; `None` when there is none.
    fn read(&self, condition: &str) -> Result<Option<Vec<(String, Type)>>> {
        let sql = format!(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE NOT internal AND database_name <> 'rsdbt_sys' AND {condition} ORDER BY column_index"
        );
        let table = self.connection.borrow_mut().query(&sql).map_err(|why| unreadable(&why))?;
        let columns: Vec<(String, Type)> = table
            .rows
            .into_iter()
            .filter_map(|row| match (row.first(), row.get(1)) {
                (Some(Value::Text(name)), Some(Value::Text(ty))) => Some((name.clone(), of_duck(ty))),
                _ => None,
            })
            .collect();
        Ok((!columns.is_empty()).then_some(columns))
    }

    fn lookup(&self, path: &[String]) -> Result<Option<Table>> {
        if let Some(found) = super::information_schema::information_schema(path, self.project) {
            return Ok(Some(found));
        }
        if path.len() >= 2
            && path[path.len() - 1].eq_ignore_ascii_case("COLUMNS")
            && path[path.len() - 2].eq_ignore_ascii_case("INFORMATION_SCHEMA")
        {
            return Ok(Some(self.columns_view(&path[..path.len() - 2])));
        }
        let literal = |value: &str| value.replace('\'', "''");
        let (schema, name) = split(path, self.project);
        let named = format!("lower(table_name) = lower('{}')", literal(name));
        if schema.is_none()
            && let Some(columns) = self.read(&format!("database_name = 'temp' AND {named}"))?
        {
            return Ok(Some(table(path, format!("temp.main.{}", quote(name)), columns)));
        }
        let schema = schema.unwrap_or_else(|| self.default_schema().to_owned());
        let columns =
            self.read(&format!("database_name <> 'temp' AND schema_name = '{}' AND {named}", literal(&schema)))?;
        Ok(columns.map(|columns| table(path, self.target(path), columns)))
    }

    /// INFORMATION_SCHEMA.COLUMNS of a dataset, with BigQuery's names of the types.
    fn columns_view(&self, owner: &[String]) -> Table {
        let schema = match owner {
            [project, dataset] => schema_name(project, dataset, self.project),
            _ => owner.first().cloned().unwrap_or_else(|| self.default_schema().to_owned()),
        };
        let names = [
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "ordinal_position",
            "is_nullable",
            "data_type",
        ];
        let sql = format!(
            "SELECT schema_name, table_name, column_name, column_index, is_nullable, data_type FROM duckdb_columns() WHERE NOT internal AND database_name NOT IN ('rsdbt_sys', 'temp') AND schema_name = {} ORDER BY table_name, column_index",
            text(&schema)
        );
        let found = self.connection.borrow_mut().query(&sql).unwrap_or_default();
        let mut lines = vec!["(NULL, NULL, NULL, NULL, NULL::BIGINT, NULL, NULL)".to_owned()];
        for row in found.rows {
            if let [
                Value::Text(schema),
                Value::Text(table),
                Value::Text(column),
                Value::Int(position),
                nullable,
                Value::Text(ty),
            ] = row.as_slice()
            {
                let nullable = if *nullable == Value::Bool(false) { "NO" } else { "YES" };
                let cells = [self.project, schema, table, column].map(text).join(", ");
                lines.push(format!("({cells}, {position}, '{nullable}', {})", text(&of_duck(ty).to_string())));
            }
        }
        let sql = format!(
            "(SELECT * FROM (VALUES {}) AS c({}) WHERE column_name IS NOT NULL)",
            lines.join(", "),
            names.join(", ")
        );
        let ty = |n: &str| if n == "ordinal_position" { Type::Int64 } else { Type::String };
        let path: Vec<String> = owner.iter().cloned().chain(["INFORMATION_SCHEMA".into(), "COLUMNS".into()]).collect();
        table(&path, sql, names.iter().map(|n| ((*n).to_owned(), ty(n))).collect())
    }

    fn default_schema(&self) -> &str {
        if self.dataset.is_empty() { "main" } else { self.dataset }
    }
}

impl Catalog for Names<'_> {
    fn relation(&self, path: &[String]) -> Result<Option<Table>> {
        let key = path.join(".");
        if let Some(found) = self.cache.borrow().get(&key) {
            return Ok(found.clone());
        }
        let found = self.lookup(path)?;
        self.cache.borrow_mut().insert(key, found.clone());
        Ok(found)
    }

    fn target(&self, path: &[String]) -> String {
        let (schema, name) = split(path, self.project);
        let temp = schema.is_none()
            && self
                .read(&format!("database_name = 'temp' AND lower(table_name) = lower('{}')", name.replace('\'', "''")))
                .is_ok_and(|found| found.is_some());
        if temp {
            return format!("temp.main.{}", quote(name));
        }
        let schema = schema.unwrap_or_else(|| self.default_schema().to_owned());
        format!("{}.{}.{}", quote(self.connection.borrow().catalog()), quote(&schema), quote(name))
    }

    fn schema(&self, path: &[String]) -> String {
        let schema = match path {
            [owner, dataset] => schema_name(owner, dataset, self.project),
            _ => path.last().cloned().unwrap_or_default(),
        };
        format!("{}.{}", quote(self.connection.borrow().catalog()), quote(&schema))
    }

    fn temporary(&self, name: &str) -> String {
        quote(name)
    }

    fn routine(&self, path: &str) -> Option<Arc<Function>> {
        let parts: Vec<&str> = path.split('.').collect();
        let short = match parts.as_slice() {
            [owner, rest @ ..] if parts.len() == 3 && owner.eq_ignore_ascii_case(self.project) => rest.join("."),
            _ => path.to_owned(),
        };
        self.routines.get(&short.to_lowercase()).cloned()
    }

    fn variable(&self, name: &str) -> Option<Type> {
        self.variables.get(&name.to_lowercase()).cloned()
    }

    fn zone(&self) -> String {
        self.zone.clone()
    }

    fn model_call(&self, name: &str, call: &ModelCall) -> Result<Option<Table>> {
        let model = super::ml::load(&mut self.connection.borrow_mut(), &self.model_key(&call.model))
            .map_err(|why| unreadable(&why))?;
        match model {
            Some(model) => super::ml::relation(name, call, &model, &self.zone).map(Some),
            None => Err(SqlError::semantic(format!("Not found: Model {}", call.model.join(".")), call.at)),
        }
    }
}

impl Names<'_> {
    /// A model's name in the store: dataset and name.
    pub(super) fn model_key(&self, path: &[String]) -> String {
        let (schema, name) = split(path, self.project);
        format!("{}.{name}", schema.unwrap_or_else(|| self.default_schema().to_owned()))
    }
}
