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

pub(super) fn schema_name(owner: &str, dataset: &str, project: &str) -> String {
    if owner.eq_ignore_ascii_case(project) { dataset.to_owned() } else { format!("{owner}__{dataset}") }
}

/// The catalog itself failed, which says nothing about the statement.
pub(super) fn unreadable(why: &DbError) -> SqlError {
    SqlError { code: Code::DATABASE, ..SqlError::semantic(format!("the catalog cannot be read: {}", why.message), 0) }
}

/// A table that the catalog knows.
fn table(path: &[String], engine: String, columns: Vec<(String, Type)>) -> Table {
    Table { path: path.to_vec(), engine, columns, hidden: Vec::new(), input: None }
}

/// A table's columns; those whose NUMERIC is stored with fewer digits.
#[derive(Default)]
struct Stored {
    columns: Vec<(String, Type)>,
    narrow: Vec<String>,
}

impl Stored {
    /// How the table is read: NUMERIC(10, 2) limits what is stored, and is a NUMERIC in every query.
    fn read_as(&self, target: String) -> String {
        if self.narrow.is_empty() {
            return target;
        }
        let wide = |name: &String| format!("CAST({0} AS DECIMAL(38,9)) AS {0}", quote(name));
        let list: Vec<String> = self.narrow.iter().map(wide).collect();
        format!("(SELECT * REPLACE ({}) FROM {target})", list.join(", "))
    }
}

/// The column that holds when a row arrived is seen by its name only.
fn with_hidden(mut table: Table) -> Table {
    if let Some(place) = table.columns.iter().position(|(name, _)| name == "_PARTITIONTIME") {
        table.hidden.push(table.columns.remove(place));
    }
    table
}

impl Names<'_> {
    /// The columns of the table that fits; `None` when there is none.
    fn read(&self, condition: &str) -> Result<Option<Stored>> {
        let sql = format!(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE NOT internal AND database_name <> 'rsdbt_sys' AND {condition} ORDER BY column_index"
        );
        let table = self.connection.borrow_mut().query(&sql).map_err(|why| unreadable(&why))?;
        let mut stored = Stored::default();
        for row in table.rows {
            let [Value::Text(name), Value::Text(ty)] = row.as_slice() else { continue };
            if ty.starts_with("DECIMAL(") && !matches!(ty.as_str(), "DECIMAL(38,9)" | "DECIMAL(38,18)") {
                stored.narrow.push(name.clone());
            }
            stored.columns.push((name.clone(), of_duck(ty)));
        }
        Ok((!stored.columns.is_empty()).then_some(stored))
    }

    fn lookup(&self, path: &[String]) -> Result<Option<Table>> {
        if let Some(found) = super::information_schema::information_schema(self, path)? {
            return Ok(Some(found));
        }
        if path.last().is_some_and(|name| name.ends_with('*')) {
            return self.wildcard(path);
        }
        let literal = |value: &str| value.replace('\'', "''");
        let (schema, name) = split(path, self.project);
        let named = format!("lower(table_name) = lower('{}')", literal(name));
        if schema.is_none()
            && let Some(stored) = self.read(&format!("database_name = 'temp' AND {named}"))?
        {
            let engine = stored.read_as(format!("temp.main.{}", quote(name)));
            return Ok(Some(table(path, engine, stored.columns)));
        }
        let schema = schema.unwrap_or_else(|| self.default_schema().to_owned());
        let stored =
            self.read(&format!("database_name <> 'temp' AND schema_name = '{}' AND {named}", literal(&schema)))?;
        Ok(stored.map(|stored| with_hidden(table(path, stored.read_as(self.target(path)), stored.columns))))
    }

    /// `events_*`: all tables of that beginning, with the columns of the one made last, and the rest of each name.
    fn wildcard(&self, path: &[String]) -> Result<Option<Table>> {
        let (schema, name) = split(path, self.project);
        let (schema, prefix) = (schema.unwrap_or_else(|| self.default_schema().to_owned()), name.trim_end_matches('*'));
        let sql = format!(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal AND database_name NOT IN ('rsdbt_sys', 'temp') AND schema_name = {} AND starts_with(table_name, {}) ORDER BY table_oid, column_index",
            text(&schema),
            text(prefix)
        );
        let found = self.connection.borrow_mut().query(&sql).map_err(|why| unreadable(&why))?;
        let mut tables: Vec<(String, Vec<(String, String)>)> = Vec::new();
        for row in found.rows {
            let [Value::Text(name), Value::Text(column), Value::Text(ty)] = row.as_slice() else { continue };
            match tables.last_mut() {
                Some((last, columns)) if last == name => columns.push((column.clone(), ty.clone())),
                _ => tables.push((name.clone(), vec![(column.clone(), ty.clone())])),
            }
        }
        let Some((_, columns)) = tables.last().cloned() else { return Ok(None) };
        let catalog = quote(self.connection.borrow().catalog());
        let arm = |(name, own): &(String, Vec<(String, String)>)| {
            let list: Vec<String> = columns
                .iter()
                .map(|(column, ty)| match own.iter().find(|(other, _)| other.eq_ignore_ascii_case(column)) {
                    Some((other, _)) => format!("CAST({} AS {ty}) AS {}", quote(other), quote(column)),
                    None => format!("CAST(NULL AS {ty}) AS {}", quote(column)),
                })
                .chain([format!("{} AS \"_TABLE_SUFFIX\"", text(&name[prefix.len()..]))])
                .collect();
            format!("SELECT {} FROM {catalog}.{}.{}", list.join(", "), quote(&schema), quote(name))
        };
        let arms: Vec<String> = tables.iter().map(arm).collect();
        let columns = columns.iter().map(|(name, ty)| (name.clone(), of_duck(ty))).collect();
        let mut table = with_hidden(table(path, format!("({})", arms.join(" UNION ALL ")), columns));
        table.hidden.push(("_TABLE_SUFFIX".into(), Type::String));
        Ok(Some(table))
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
        let key = self.model_key(&call.model);
        let model = super::ml::load(&mut self.connection.borrow_mut(), &key).map_err(|why| unreadable(&why))?;
        let Some(model) = model else {
            return Err(SqlError::semantic(format!("Not found: Model {}", call.model.join(".")), call.at));
        };
        let catalog = self.connection.borrow().catalog().to_owned();
        super::ml::relation(name, call, (&key, &model), (&catalog, &self.zone)).map(Some)
    }
}

impl Names<'_> {
    /// A model's name in the store: dataset and name.
    pub(super) fn model_key(&self, path: &[String]) -> String {
        let (schema, name) = split(path, self.project);
        format!("{}.{name}", schema.unwrap_or_else(|| self.default_schema().to_owned()))
    }
}
