//! The one trait that every engine implements. Calls block; an engine that is asynchronous inside keeps that to itself.

use super::{Column, DbError, DbErrorKind, Files, Mounted, Table};
use serde_json::Value as Json;

/// A table or view that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationInfo {
    pub schema: String,
    pub name: String,
    /// dbt's word: "table", "view", "materialized_view" or "external".
    pub kind: &'static str,
}

/// What a statement did and cost, where the engine tells: dbt's adapter response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The kind of statement, such as `CREATE TABLE`.
    pub code: String,
    pub rows_affected: Option<i64>,
    pub bytes_processed: Option<u64>,
    pub bytes_billed: Option<u64>,
    /// Milliseconds of a slot.
    pub slot_ms: Option<u64>,
    pub project: String,
    pub location: Option<String>,
    pub job_id: String,
}

impl Receipt {
    /// The job in Google's console.
    pub fn link(&self) -> String {
        job_link(&self.project, self.location.as_deref(), &self.job_id)
    }
}

/// A job in Google's console.
pub fn job_link(project: &str, location: Option<&str>, id: &str) -> String {
    let location = location.unwrap_or("US");
    format!("https://console.cloud.google.com/bigquery?project={project}&j=bq:{location}:{id}&page=queryresults")
}

/// What the last of some statements gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Its rows; empty where it gives none.
    pub table: Table,
    /// How many rows it inserted, updated or deleted. DuckDB tells 0 of what changes no row and of what cannot: that is `None`.
    pub rows_affected: Option<u64>,
}

/// What a statement would read, asked without running it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Estimate {
    /// Bytes; 0 for statements that read no table.
    pub bytes: u64,
    pub columns: Vec<Column>,
}

/// Where a relation lives. `database` is BigQuery's project; one DuckDB file has one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path<'p> {
    pub database: &'p str,
    pub schema: &'p str,
    pub name: &'p str,
}

/// Stops the statement that a session runs, from any thread.
pub type Stop = Box<dyn Fn() + Send + Sync>;

/// A warehouse that is open.
pub trait Warehouse: Send + Sync {
    /// A session for one thread, all settings made.
    fn session(&self) -> Result<Box<dyn Session>, DbError>;

    /// A line that tells the user where data goes, without secrets.
    fn describe(&self) -> String;
}

/// One conversation with a warehouse.
pub trait Session: Send {
    /// Runs statements of the adapter's own dialect; the outcome is that of the last one.
    fn execute(&mut self, sql: &str) -> Result<Outcome, DbError>;

    /// The same, for whoever wants the rows only.
    fn run(&mut self, sql: &str) -> Result<Table, DbError> {
        self.execute(sql).map(|outcome| outcome.table)
    }

    /// What a query would return, found without running it.
    fn columns_of_query(&mut self, query: &str) -> Result<Vec<Column>, DbError>;

    /// The columns of a table or view; empty when it does not exist.
    fn columns(&mut self, path: &Path) -> Result<Vec<Column>, DbError>;

    /// Tables and views of a schema; empty when there is no such schema.
    fn relations(&mut self, database: &str, schema: &str) -> Result<Vec<RelationInfo>, DbError>;

    /// The comment of a relation, and of its columns by name; nothing where the engine keeps none.
    fn comments(&mut self, _path: &Path) -> Result<(Option<String>, Vec<(String, String)>), DbError> {
        Ok((None, Vec::new()))
    }

    /// One relation as it exists.
    fn relation(&mut self, path: &Path) -> Result<Option<RelationInfo>, DbError> {
        let all = self.relations(path.database, path.schema)?;
        Ok(all.into_iter().find(|info| info.name.eq_ignore_ascii_case(path.name)))
    }

    fn schemas(&mut self, database: &str) -> Result<Vec<String>, DbError>;

    /// Replaces a table by rows of text, `None` for NULL, cast to the columns' types. Gives the number of rows.
    /// Errors leave the old table untouched when a transaction is open around it.
    fn load(&mut self, path: &Path, columns: &[Column], rows: &[Vec<Option<String>>]) -> Result<u64, DbError>;

    /// Makes files stand at a place, so that statements read them by its name. Only engines on this machine can.
    fn mount(&mut self, _path: &Path, _files: &Files) -> Result<Mounted, DbError> {
        Err(DbError::new(DbErrorKind::Unsupported, "files as sources are read by local targets only"))
    }

    /// Takes away files that stand at a place; what is no file's stays.
    fn unmount(&mut self, _path: &Path) -> Result<(), DbError> {
        Ok(())
    }

    fn begin(&mut self) -> Result<(), DbError>;
    fn commit(&mut self) -> Result<(), DbError>;
    fn rollback(&mut self) -> Result<(), DbError>;

    fn stop_handle(&self) -> Stop;

    /// What the last statement did and cost, told once; nothing where the engine does not tell.
    fn receipt(&mut self) -> Option<Receipt> {
        None
    }

    /// Labels of the jobs that follow, where the engine has jobs.
    fn set_labels(&mut self, _labels: Vec<(String, String)>) {}

    /// What a statement would read.
    fn estimate(&mut self, _sql: &str) -> Result<Estimate, DbError> {
        Err(DbError::new(DbErrorKind::Unsupported, "only BigQuery tells what a statement costs before it runs")
            .help("choose a target of `type: bigquery` that is not `method: local`"))
    }

    /// Tables as BigQuery's API has them; `None` for every other engine.
    fn tables(&mut self) -> Option<&mut dyn BigQueryTables> {
        None
    }
}

/// What BigQuery can do with tables and datasets beside SQL. Resources are JSON as in its REST reference.
pub trait BigQueryTables {
    /// A table's resource; `None` when there is no such table.
    fn resource(&mut self, path: &Path) -> Result<Option<Json>, DbError>;

    /// Changes the given fields of a table.
    fn patch(&mut self, path: &Path, change: Json) -> Result<(), DbError>;

    /// Copies tables, or partitions (`table$20240101`), over or behind the rows of `target`.
    fn copy(&mut self, sources: &[Path], target: &Path, disposition: &str) -> Result<(), DbError>;

    fn dataset(&mut self, project: &str, dataset: &str) -> Result<Option<Json>, DbError>;

    fn patch_dataset(&mut self, project: &str, dataset: &str, change: Json) -> Result<(), DbError>;
}
