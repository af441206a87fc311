//! The one trait that every engine implements. Calls block; an engine that is asynchronous inside keeps that to itself.

use super::{Column, DbError, Table};

/// A table or view that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationInfo {
    pub schema: String,
    pub name: String,
    /// "table" or "view".
    pub kind: &'static str,
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
    /// Runs statements of the adapter's own dialect; the answer is that of the last one.
    fn run(&mut self, sql: &str) -> Result<Table, DbError>;

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

    fn schemas(&mut self, database: &str) -> Result<Vec<String>, DbError>;

    /// Replaces a table by rows of text, `None` for NULL, cast to the columns' types. Gives the number of rows.
    /// Errors leave the old table untouched when a transaction is open around it.
    fn load(&mut self, path: &Path, columns: &[Column], rows: &[Vec<Option<String>>]) -> Result<u64, DbError>;

    fn begin(&mut self) -> Result<(), DbError>;
    fn commit(&mut self) -> Result<(), DbError>;
    fn rollback(&mut self) -> Result<(), DbError>;

    fn stop_handle(&self) -> Stop;
}
