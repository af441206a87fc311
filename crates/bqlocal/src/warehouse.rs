//! `method: local` behind the common trait: BigQuery's names in front, DuckDB's catalog behind.

use super::{LocalBigQuery, LocalSession, files};
use rsdbt_warehouse::duckdb::warehouse as duck;
use rsdbt_warehouse::{Column, DbError, Files, Mounted, Outcome, Path, RelationInfo, Session, Stop, Value, Warehouse};

impl Warehouse for LocalBigQuery {
    fn session(&self) -> Result<Box<dyn Session>, DbError> {
        Ok(Box::new(self.connect()?))
    }

    fn describe(&self) -> String {
        format!("bigquery, method local, on {}", self.file)
    }
}

impl LocalSession {
    /// The DuckDB schema of a dataset: its own name in the session's project, `project__dataset` elsewhere.
    fn schema_of(&self, project: &str, dataset: &str) -> String {
        if project == self.project { dataset.to_owned() } else { format!("{project}__{dataset}") }
    }
}

fn backticked(path: &Path) -> String {
    format!("`{}`.`{}`.`{}`", path.database, path.schema, path.name)
}

impl Session for LocalSession {
    fn execute(&mut self, sql: &str) -> Result<Outcome, DbError> {
        let table = LocalSession::run(self, sql)?;
        Ok(Outcome { table, rows_affected: self.affected })
    }

    fn columns_of_query(&mut self, query: &str) -> Result<Vec<Column>, DbError> {
        self.describe(query)
    }

    fn columns(&mut self, path: &Path) -> Result<Vec<Column>, DbError> {
        self.columns_of(&[path.database.to_owned(), path.schema.to_owned(), path.name.to_owned()])
    }

    fn relations(&mut self, database: &str, schema: &str) -> Result<Vec<RelationInfo>, DbError> {
        let inner = self.schema_of(database, schema);
        let found = duck::relations(&mut self.connection, &inner)?;
        Ok(found.into_iter().map(|info| RelationInfo { schema: schema.to_owned(), ..info }).collect())
    }

    fn schemas(&mut self, database: &str) -> Result<Vec<String>, DbError> {
        let table =
            self.connection.query("select distinct schema_name from duckdb_schemas() where not internal and schema_name <> '_rsdbt_ml' order by 1")?;
        let own = database == self.project;
        let prefix = format!("{database}__");
        let names = table.rows.into_iter().flatten().filter_map(|value| match value {
            Value::Text(name) if own => Some(name),
            Value::Text(name) => name.strip_prefix(&prefix).map(str::to_owned),
            _ => None,
        });
        Ok(names.collect())
    }

    fn load(&mut self, path: &Path, columns: &[Column], rows: &[Vec<Option<String>>]) -> Result<u64, DbError> {
        let name = backticked(path);
        let quoted: Vec<String> = columns.iter().map(|c| format!("`{}` {}", c.name, c.data_type)).collect();
        LocalSession::run(self, &format!("create or replace table {name} ({})", quoted.join(", ")))?;
        let inner = duck::name(&self.schema_of(path.database, path.schema));
        let target = format!("{}.{inner}.{}", duck::name(self.connection.catalog()), duck::name(path.name));
        // What BigQuery's types became in DuckDB.
        let types = self.connection.describe(&format!("select * from {target}"))?;
        duck::insert(&mut self.connection, &target, &types, rows)
    }

    fn mount(&mut self, path: &Path, files: &Files) -> Result<Mounted, DbError> {
        let schema = self.schema_of(path.database, path.schema);
        files::mount(&mut self.connection, (&schema, path.name), files)
    }

    fn unmount(&mut self, path: &Path) -> Result<(), DbError> {
        let schema = self.schema_of(path.database, path.schema);
        files::unmount(&mut self.connection, &schema, path.name)
    }

    fn begin(&mut self) -> Result<(), DbError> {
        LocalSession::begin(self)
    }

    fn commit(&mut self) -> Result<(), DbError> {
        LocalSession::commit(self)
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        LocalSession::rollback(self)
    }

    fn stop_handle(&self) -> Stop {
        let interrupter = self.interrupter();
        Box::new(move || interrupter.interrupt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_tells_its_rows_and_a_query_does_not() {
        let mut session: Box<dyn Session> =
            LocalBigQuery::open(None, "lab", "shop").expect("a database in memory").session().expect("a session");
        let mut affected = |sql: &str| session.execute(sql).expect("it runs").rows_affected;
        assert_eq!(affected("create temp table t as select 1 as count union all select 2"), None);
        assert_eq!(affected("update t set count = 3 where count > 1"), Some(1));
        assert_eq!(affected("delete from t where count > 5"), Some(0));
        assert_eq!(affected("delete from t where true; select 1 as count"), None);
    }
}
