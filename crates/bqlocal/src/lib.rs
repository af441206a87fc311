//! BigQuery on an embedded DuckDB file: sessions that run BigQuery scripts. No BigQuery text reaches DuckDB untranslated.

mod catalog;
mod files;
mod information_schema;
pub mod json;
mod landing;
mod macros;
mod messages;
mod ml;
mod models;
mod printed;
mod result;
mod routines;
mod script;
mod session;
mod udf;
mod warehouse;

use rsdbt_warehouse::DbError;
use rsdbt_warehouse::duckdb::Database;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

pub use landing::Landing;
pub use result::field_types;
pub use session::LocalSession;

/// An open warehouse; sessions of it may run in parallel, one a thread.
pub struct LocalBigQuery {
    database: Arc<Database>,
    project: String,
    dataset: String,
    /// The file as shown to the user.
    file: String,
}

/// The instances that have their functions already, by address.
static READY: OnceLock<Mutex<HashSet<usize>>> = OnceLock::new();

impl LocalBigQuery {
    /// Opens a file (made if missing) or, for `None`, an empty database in memory, and registers BigQuery's functions.
    pub fn open(path: Option<&Path>, project: &str, dataset: &str) -> Result<LocalBigQuery, DbError> {
        let database = Database::open(path)?;
        let mut ready = READY.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = Arc::as_ptr(&database) as usize;
        // an address may be used again after its database was closed, so the database itself is asked
        if !ready.contains(&key) || !has_macros(&database)? {
            prepare(&database)?;
            ml::prepare(&mut database.connect()?)?;
            ready.insert(key);
        }
        drop(ready);
        let file = path.map_or_else(|| ":memory:".to_owned(), |path| path.display().to_string());
        Ok(LocalBigQuery { database, project: project.to_owned(), dataset: dataset.to_owned(), file })
    }

    /// A session of its own; it may move to another thread.
    pub fn connect(&self) -> Result<LocalSession, DbError> {
        LocalSession::new(self.database.connect()?, &self.project, &self.dataset)
    }
}

fn has_macros(database: &Arc<Database>) -> Result<bool, DbError> {
    let table =
        database.connect()?.query("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'rsdbt_sys'")?;
    Ok(table.rows.first().and_then(|row| row.first()) == Some(&rsdbt_warehouse::Value::Int(1)))
}

fn prepare(database: &Database) -> Result<(), DbError> {
    database.prepare(udf::register)?;
    database.prepare(ml::register)?;
    database.prepare(|connection| connection.execute_batch(&macros::script()))
}
