//! `type: duckdb`: DuckDB SQL as it is, on one file.

use super::{Connection, Database, files};
use crate::{
    Column, DbError, DbErrorKind, Files, Mounted, Outcome, Path, RelationInfo, Session, Stop, Table, Value, Warehouse,
};
use std::sync::Arc;

pub struct DuckDb {
    database: Arc<Database>,
    path: String,
    /// `settings:` of the profile, applied to every connection.
    settings: Vec<(String, String)>,
}

impl DuckDb {
    /// Opens a file, or memory for `:memory:`.
    pub fn open(path: &str, settings: Vec<(String, String)>) -> Result<Self, DbError> {
        let file = (path != ":memory:").then(|| std::path::Path::new(path));
        Ok(DuckDb { database: Database::open(file)?, path: path.to_owned(), settings })
    }
}

impl Warehouse for DuckDb {
    fn session(&self) -> Result<Box<dyn Session>, DbError> {
        let mut connection = self.database.connect()?;
        for (key, value) in &self.settings {
            connection.query(&format!("SET {key} = '{}'", value.replace('\'', "''")))?;
        }
        Ok(Box::new(DuckSession { connection }))
    }

    fn describe(&self) -> String {
        format!("duckdb {}", self.path)
    }
}

struct DuckSession {
    connection: Connection,
}

pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

pub fn name(part: &str) -> String {
    format!("\"{}\"", part.replace('"', "\"\""))
}

fn texts(table: Table) -> Vec<Vec<String>> {
    let cell = |value: Value| match value {
        Value::Text(text) => text,
        _ => String::new(),
    };
    table.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect()
}

/// Tables and views of one DuckDB schema.
pub fn relations(connection: &mut Connection, schema: &str) -> Result<Vec<RelationInfo>, DbError> {
    let wanted = text(&schema.to_lowercase());
    let sql = format!(
        "select schema_name, table_name, 'table' from duckdb_tables() where not internal and lower(schema_name) = {wanted} \
         union all select schema_name, view_name, 'view' from duckdb_views() where not internal and lower(schema_name) = {wanted} order by 1, 2"
    );
    let rows = texts(connection.query(&sql)?);
    let info = |row: Vec<String>| match <[String; 3]>::try_from(row) {
        Ok([schema, name, kind]) => {
            Some(RelationInfo { schema, name, kind: if kind == "view" { "view" } else { "table" } })
        }
        Err(_) => None,
    };
    Ok(rows.into_iter().filter_map(info).collect())
}

/// `("a" INTEGER, ...)`.
pub fn definitions(columns: &[Column]) -> String {
    let each: Vec<String> = columns.iter().map(|c| format!("{} {}", name(&c.name), c.data_type)).collect();
    format!("({})", each.join(", "))
}

const STAGE: &str = "rsdbt_seed_stage";

/// Replaces the rows of an empty `target` by rows of text, cast to `types`.
pub fn insert(
    connection: &mut Connection,
    target: &str,
    types: &[Column],
    rows: &[Vec<Option<String>>],
) -> Result<u64, DbError> {
    let cells: Vec<Column> =
        (0..types.len()).map(|at| Column { name: format!("c{at}"), data_type: "VARCHAR".to_owned() }).collect();
    connection.query(&format!("create or replace temp table {STAGE} {}", definitions(&cells)))?;
    append(connection, rows)?;
    let casts: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(at, c)| format!("cast(c{at} as {}) as {}", c.data_type, name(&c.name)))
        .collect();
    connection.query(&format!("insert into {target} select {} from {STAGE}", casts.join(", ")))?;
    connection.query(&format!("drop table {STAGE}"))?;
    Ok(rows.len() as u64)
}

fn append(connection: &Connection, rows: &[Vec<Option<String>>]) -> Result<(), DbError> {
    let refused = |why: duckdb::Error| DbError::new(DbErrorKind::Execution, why.to_string());
    let mut appender = connection.client().appender_to_catalog_and_db(STAGE, "temp", "main").map_err(refused)?;
    for row in rows {
        appender.append_row(duckdb::appender_params_from_iter(row.iter())).map_err(refused)?;
    }
    appender.flush().map_err(refused)
}

impl Session for DuckSession {
    fn execute(&mut self, sql: &str) -> Result<Outcome, DbError> {
        self.connection.execute(sql)
    }

    fn columns_of_query(&mut self, query: &str) -> Result<Vec<Column>, DbError> {
        self.connection.describe(query)
    }

    fn columns(&mut self, path: &Path) -> Result<Vec<Column>, DbError> {
        let sql = format!(
            "select column_name, data_type from duckdb_columns() where lower(schema_name) = {} and lower(table_name) = {} order by column_index",
            text(&path.schema.to_lowercase()),
            text(&path.name.to_lowercase())
        );
        let rows = texts(self.connection.query(&sql)?);
        let column = |row: Vec<String>| match <[String; 2]>::try_from(row) {
            Ok([name, data_type]) => Some(Column { name, data_type }),
            Err(_) => None,
        };
        Ok(rows.into_iter().filter_map(column).collect())
    }

    fn relations(&mut self, _: &str, schema: &str) -> Result<Vec<RelationInfo>, DbError> {
        relations(&mut self.connection, schema)
    }

    fn comments(&mut self, path: &Path) -> Result<(Option<String>, Vec<(String, String)>), DbError> {
        let place = |schema: &str, table: &str| {
            let (wanted, named) = (text(&path.schema.to_lowercase()), text(&path.name.to_lowercase()));
            format!("lower({schema}) = {wanted} and lower({table}) = {named} and comment is not null")
        };
        let own = format!(
            "select comment from duckdb_tables() where {} union all select comment from duckdb_views() where {}",
            place("schema_name", "table_name"),
            place("schema_name", "view_name")
        );
        let of_columns =
            format!("select column_name, comment from duckdb_columns() where {}", place("schema_name", "table_name"));
        let own = texts(self.connection.query(&own)?).into_iter().flatten().next();
        let columns = texts(self.connection.query(&of_columns)?);
        Ok((
            own,
            columns.into_iter().filter_map(|row| <[String; 2]>::try_from(row).ok()).map(|[n, c]| (n, c)).collect(),
        ))
    }

    fn schemas(&mut self, _: &str) -> Result<Vec<String>, DbError> {
        let rows = texts(self.connection.query("select distinct schema_name from duckdb_schemas() order by 1")?);
        Ok(rows.into_iter().flatten().collect())
    }

    fn load(&mut self, path: &Path, columns: &[Column], rows: &[Vec<Option<String>>]) -> Result<u64, DbError> {
        let target = format!("{}.{}.{}", name(self.connection.catalog()), name(path.schema), name(path.name));
        self.connection.query(&format!("create or replace table {target} {}", definitions(columns)))?;
        insert(&mut self.connection, &target, columns, rows)
    }

    fn mount(&mut self, path: &Path, files: &Files) -> Result<Mounted, DbError> {
        let known = texts(self.connection.query("select database_name from duckdb_databases()")?);
        if !known.iter().flatten().any(|known| known.eq_ignore_ascii_case(path.database)) {
            // The database that YAML names is not on this machine: an empty one of that name holds the files' tables.
            self.connection.query(&format!("attach if not exists ':memory:' as {}", name(path.database)))?;
        }
        let place = files::Place { catalog: path.database, schema: path.schema, table: path.name };
        files::mount(&mut self.connection, place, files, files::adopt_as_it_is)
    }

    fn unmount(&mut self, path: &Path) -> Result<(), DbError> {
        let place = files::Place { catalog: path.database, schema: path.schema, table: path.name };
        files::unmount(&mut self.connection, place)
    }

    fn begin(&mut self) -> Result<(), DbError> {
        self.connection.begin()
    }

    fn commit(&mut self) -> Result<(), DbError> {
        self.connection.commit()
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        self.connection.rollback()
    }

    fn stop_handle(&self) -> Stop {
        let interrupter = self.connection.interrupter();
        Box::new(move || interrupter.interrupt())
    }
}
