//! Database files and connections. One file is opened once per process: a second instance would lose data silently.

use super::{convert, library};
use crate::{Column, DbError, DbErrorKind, Outcome, Table, Value};
use rsdbt_base::roomy;
use rsdbt_sys as sys;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// Per-connection settings: a new connection inherits none of them. DuckDB's own limit of 1,000 nested expressions guards a
/// small stack; its recursion runs on a large one here.
const CONNECTION_SETTINGS: &str = "SET errors_as_json = true; SET TimeZone = 'UTC'; SET enable_progress_bar = false; \
    SET max_expression_depth = 10000";

/// An open database; the last owner closes the file.
pub struct Database {
    /// The first connection, which every other one is cloned from.
    root: Mutex<duckdb::Connection>,
}

/// What DuckDB derives from equalities takes time and memory that grow with a high power of the number of joins on one
/// column: 100 of them take seconds, 300 minutes, 1,000 all memory.
const SLOW_OPTIMIZERS: &str = "filter_pullup,filter_pushdown,join_order";
const MANY_JOINS: usize = 60;
static CROWDED: Mutex<()> = Mutex::new(());

/// Whether a statement has many joins, or says the word as often: that costs it some speed.
fn is_crowded(sql: &str) -> bool {
    let words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.eq_ignore_ascii_case("join")).nth(MANY_JOINS).is_some()
}

static OPEN: OnceLock<Mutex<HashMap<PathBuf, Weak<Database>>>> = OnceLock::new();

impl Database {
    /// Opens a file (made if missing), or an empty database in memory for `None`.
    /// Errors: the file is locked by another process, is not a DuckDB file, or libduckdb is missing.
    pub fn open(path: Option<&Path>) -> Result<Arc<Database>, DbError> {
        library::load()?;
        let Some(path) = path else {
            return Database::open_with(":memory:".as_ref()).map(Arc::new);
        };
        let key = sys::canonical(path);
        let mut open = OPEN.get_or_init(Mutex::default).lock().expect("the registry of open files is never poisoned");
        if let Some(database) = open.get(&key).and_then(Weak::upgrade) {
            return Ok(database);
        }
        if let Some(parent) = key.parent() {
            sys::create_folder(parent)
                .map_err(|why| DbError::new(DbErrorKind::Other, format!("{}: {why}", parent.display())))?;
        }
        let database = Arc::new(Database::open_with(&key)?);
        open.insert(key, Arc::downgrade(&database));
        Ok(database)
    }

    fn open_with(path: &Path) -> Result<Database, DbError> {
        let config = duckdb::Config::default()
            .enable_autoload_extension(false)
            .and_then(|config| config.with("preserve_insertion_order", "true"))
            .map_err(|why| convert::error(why, ""))?;
        let root = duckdb::Connection::open_with_flags(path, config).map_err(|why| convert::error(why, ""))?;
        Ok(Database { root: Mutex::new(root) })
    }

    /// A new connection with the project's settings.
    pub fn connect(self: &Arc<Self>) -> Result<Connection, DbError> {
        let root = self.root.lock().expect("opening a connection does not panic");
        let inner = root.try_clone().map_err(|why| convert::error(why, ""))?;
        drop(root);
        let database = self.clone();
        let mut connection =
            Connection { inner, _database: database, catalog: String::new(), in_transaction: false, aborted: false };
        connection.query(CONNECTION_SETTINGS)?;
        let named = connection.query("SELECT current_database()")?;
        if let Some(Value::Text(name)) = named.rows.into_iter().flatten().next() {
            connection.catalog = name;
        }
        Ok(connection)
    }

    /// Runs `setup` on the first connection: instance-wide settings and functions.
    pub fn prepare<T>(&self, setup: impl FnOnce(&duckdb::Connection) -> duckdb::Result<T>) -> Result<T, DbError> {
        let root = self.root.lock().expect("setting up a database does not panic");
        setup(&root).map_err(|why| convert::error(why, ""))
    }
}

/// Stops the statement that a connection is running, from another thread.
#[derive(Clone)]
pub struct Interrupter(Arc<duckdb::InterruptHandle>);

impl Interrupter {
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

/// One connection, used by one thread at a time.
pub struct Connection {
    inner: duckdb::Connection,
    /// Keeps the file in the registry of open ones: a second instance of it in this process would ruin it.
    _database: Arc<Database>,
    /// DuckDB's name of the file: a schema may have the same one, so names are written in full.
    catalog: String,
    in_transaction: bool,
    /// DuckDB answers COMMIT of a broken transaction with success and keeps nothing; this remembers.
    aborted: bool,
}

impl Connection {
    /// The rows of one or more statements: those of the last one.
    pub fn query(&mut self, sql: &str) -> Result<Table, DbError> {
        self.execute(sql).map(|outcome| outcome.table)
    }

    /// Runs one or more statements; the outcome is the last one's.
    pub fn execute(&mut self, sql: &str) -> Result<Outcome, DbError> {
        let result = if is_crowded(sql) { self.crowded(sql) } else { roomy(|| self.run(sql)) };
        if let Err(error) = &result {
            self.note_failure(error);
        }
        result
    }

    /// Runs a statement of many joins without the optimizers that it would wait for. The setting is the whole database's, so
    /// one such statement runs at a time; others only lose speed.
    fn crowded(&mut self, sql: &str) -> Result<Outcome, DbError> {
        let _one = CROWDED.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.run("SELECT current_setting('disabled_optimizers')")?.table.rows.into_iter().flatten().next();
        let Some(Value::Text(before)) = before else { return roomy(|| self.run(sql)) };
        let list = if before.is_empty() { SLOW_OPTIMIZERS.to_owned() } else { format!("{before},{SLOW_OPTIMIZERS}") };
        let set = |list: &str| format!("SET disabled_optimizers = '{}'", list.replace('\'', "''"));
        self.run(&set(&list))?;
        let result = roomy(|| self.run(sql));
        // In a broken transaction DuckDB refuses this too; it does no harm.
        _ = self.run(&set(&before));
        result
    }

    fn run(&mut self, sql: &str) -> Result<Outcome, DbError> {
        let fail = |why| convert::error(why, sql);
        let mut statement = self.inner.prepare(sql).map_err(fail)?;
        let changed = statement.execute([]).map_err(fail)?;
        let mut rows = statement.raw_query();
        let mut table = Table::default();
        let mut types = Vec::new();
        if let Some(done) = rows.as_ref() {
            for (index, name) in done.column_names().into_iter().enumerate() {
                let logical = done.column_logical_type(index);
                table.columns.push(Column { name, data_type: convert::type_name(&logical) });
                types.push(logical);
            }
        }
        while let Some(row) = rows.next().map_err(fail)? {
            let mut values = Vec::with_capacity(types.len());
            for (index, logical) in types.iter().enumerate() {
                let raw: duckdb::types::Value = row.get(index).map_err(fail)?;
                values.push(convert::value(raw, Some(logical)));
            }
            table.rows.push(values);
        }
        Ok(Outcome { table, rows_affected: (changed > 0).then_some(changed as u64) })
    }

    /// The columns that a query would give, found without running it.
    pub fn describe(&mut self, query: &str) -> Result<Vec<Column>, DbError> {
        let table = self.query(&format!("DESCRIBE {query}"))?;
        Ok(table.rows.into_iter().filter_map(describe_row).collect())
    }

    pub fn begin(&mut self) -> Result<(), DbError> {
        self.query("BEGIN TRANSACTION")?;
        self.in_transaction = true;
        self.aborted = false;
        Ok(())
    }

    /// Errors when an earlier statement broke the transaction: nothing of it was kept then.
    pub fn commit(&mut self) -> Result<(), DbError> {
        if !self.in_transaction {
            return Ok(());
        }
        if self.aborted {
            self.rollback()?;
            return Err(DbError::new(DbErrorKind::Execution, "the transaction failed earlier; nothing of it was kept"));
        }
        let done = self.query("COMMIT");
        self.in_transaction = done.is_err() && self.in_transaction;
        done.map(|_| ())
    }

    pub fn rollback(&mut self) -> Result<(), DbError> {
        if !self.in_transaction {
            return Ok(());
        }
        self.in_transaction = false;
        self.aborted = false;
        // A commit that failed has already ended the transaction.
        match self.run("ROLLBACK") {
            Err(error) if !error.message.contains("no transaction is active") => Err(error),
            _ => Ok(()),
        }
    }

    /// DuckDB's name of the database that the connection works on.
    pub fn catalog(&self) -> &str {
        &self.catalog
    }

    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn note_failure(&mut self, error: &DbError) {
        if self.in_transaction && !matches!(error.kind, DbErrorKind::Syntax | DbErrorKind::Semantic) {
            self.aborted = true;
        }
    }

    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.inner.interrupt_handle())
    }

    /// The client's own connection, for appenders and functions inside the adapter.
    pub fn client(&self) -> &duckdb::Connection {
        &self.inner
    }
}

fn describe_row(row: Vec<Value>) -> Option<Column> {
    use Value::Text;
    match (row.first(), row.get(1)) {
        (Some(Text(name)), Some(Text(data_type))) => Some(Column { name: name.clone(), data_type: data_type.clone() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Connection {
        Database::open(None).and_then(|db| db.connect()).expect("an empty database opens")
    }

    #[test]
    fn values_keep_their_meaning() {
        let table = memory()
            .query("select 1::bigint a, 1.50::decimal(5,2) b, timestamptz '1970-01-01 00:00:01Z' c, timestamp '1970-01-01 00:00:01' d, [1, null] e, {'x': 'y'} f, '{}'::json g")
            .expect("the query runs");
        let types: Vec<&str> = table.columns.iter().map(|c| c.data_type.as_str()).collect();
        assert_eq!(
            types,
            [
                "BIGINT",
                "DECIMAL(5,2)",
                "TIMESTAMP WITH TIME ZONE",
                "TIMESTAMP",
                "INTEGER[]",
                "STRUCT(\"x\" VARCHAR)",
                "JSON"
            ]
        );
        assert_eq!(table.rows[0][1], Value::Decimal("1.50".into()));
        assert_eq!(table.rows[0][2], Value::Timestamp(1_000_000));
        assert_eq!(table.rows[0][3], Value::DateTime(1_000_000));
        assert_eq!(table.rows[0][4], Value::List(vec![Value::Int(1), Value::Null]));
        assert_eq!(table.rows[0][5], Value::Struct(vec![("x".into(), Value::Text("y".into()))]));
    }

    #[test]
    fn a_file_is_open_once_as_long_as_anyone_is_connected() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("x.duckdb");
        let open = || Database::open(Some(&path)).and_then(|db| db.connect()).expect("the file opens");
        // Of the first opening only the connection is left.
        let mut first = open();
        let mut second = open();
        first.query("create table t as select 1 as x").expect("created");
        assert_eq!(second.query("select x from t").expect("the same instance").rows[0][0], Value::Int(1));
    }

    #[test]
    fn only_changes_have_affected_rows() {
        let mut connection = memory();
        let mut affected = |sql: &str| connection.execute(sql).expect("it runs").rows_affected;
        // DuckDB's interface does not tell what CREATE TABLE AS made.
        assert_eq!(affected("create table t as select range as count from range(3)"), None);
        assert_eq!(affected("insert into t select 5"), Some(1));
        assert_eq!(affected("update t set count = 7 where count < 2"), Some(2));
        // A query may well have a column of that name.
        assert_eq!(affected("select count(*) as count from t"), None);
    }

    #[test]
    fn a_refusal_carries_its_place() {
        let error = memory().query("select 1 as a, nope from (select 1 as nose)").expect_err("no such column");
        assert_eq!(error.kind, DbErrorKind::Semantic);
        assert_eq!(error.position, Some(15));
    }

    #[test]
    fn many_joins_are_planned_in_seconds() {
        let mut connection = memory();
        connection.query("create table t as select 1 as id").expect("created");
        let joins: Vec<String> = (1..300).map(|n| format!("join t as t{n} on t{n}.id = t0.id")).collect();
        let begun = std::time::Instant::now();
        let table = connection.query(&format!("select count(*) from t as t0 {}", joins.join(" "))).expect("planned");
        assert_eq!(table.rows[0][0], Value::Int(1));
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
        let setting = connection.query("select current_setting('disabled_optimizers')").expect("a setting");
        assert_eq!(setting.rows[0][0], Value::Text(String::new()));
    }

    #[test]
    fn commit_after_a_failure_is_an_error() {
        let mut connection = memory();
        connection.query("create table t (x int)").expect("created");
        connection.begin().expect("begun");
        connection.query("insert into t values (1)").expect("inserted");
        connection.query("insert into t select 'x'::int").expect_err("not a number");
        connection.commit().expect_err("the transaction is broken");
        assert_eq!(connection.query("select count(*) from t").expect("readable").rows[0][0], Value::Int(0));
    }
}
