//! One session: runs BigQuery scripts on one DuckDB connection.

use super::catalog::Names;
use super::result::named;
use super::script::{Flow, Frame};
use rsdbt_base::{Code, roomy};
use rsdbt_duckdbsql::{print_expr, print_plan, text};
use rsdbt_googlesql::analyze::{Analyzer, Catalog, Effect, Plan, Step};
use rsdbt_googlesql::ast::{Function, Statement, StatementKind};
use rsdbt_googlesql::query::{Expr, OutCol};
use rsdbt_googlesql::show::show;
use rsdbt_googlesql::types::Type;
use rsdbt_googlesql::{SqlError, parse};
use rsdbt_warehouse::duckdb::{Connection, Interrupter};
use rsdbt_warehouse::{Column, DbError, DbErrorKind, Outcome, Table, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What `explain` shows of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explain {
    /// the DuckDB text
    DuckDb,
    /// the query with its types, coercions and overloads
    Types,
}

pub struct LocalSession {
    pub(super) connection: Connection,
    pub(super) project: String,
    pub(super) dataset: String,
    pub(super) zone: String,
    pub(super) variables: HashMap<String, Type>,
    pub(super) routines: Routines,
    pub(super) procedures: HashMap<String, StatementKind>,
    /// the text that positions of the running script point into
    pub(super) text: String,
    /// collects the DuckDB text instead of running it
    pub(super) explained: Option<(Explain, Vec<String>)>,
    pub(super) last: Option<Table>,
    /// How many rows the last statement changed, if it was one that changes rows.
    pub(super) affected: Option<u64>,
}

/// User-defined functions by lower-case name.
#[derive(Default)]
pub(super) struct Routines(pub HashMap<String, Arc<Function>>);

impl LocalSession {
    pub(super) fn new(mut connection: Connection, project: &str, dataset: &str) -> Result<LocalSession, DbError> {
        connection.query("SET default_null_order = 'nulls_first_on_asc_last_on_desc'")?;
        Ok(LocalSession {
            connection,
            project: project.to_owned(),
            dataset: dataset.to_owned(),
            zone: "UTC".to_owned(),
            variables: HashMap::new(),
            routines: Routines::default(),
            procedures: HashMap::new(),
            text: String::new(),
            explained: None,
            last: None,
            affected: None,
        })
    }

    /// Runs a BigQuery script; the answer is that of the last statement that returns rows.
    pub fn run(&mut self, script: &str) -> Result<Table, DbError> {
        roomy(|| self.run_script(script))
    }

    fn run_script(&mut self, script: &str) -> Result<Table, DbError> {
        self.text = script.to_owned();
        self.last = None;
        self.affected = None;
        let statements = parse::script(script).map_err(|e| self.refused(e))?;
        let mut frame = Frame::default();
        match self.block(&statements, &mut frame)? {
            Flow::Next | Flow::Return => Ok(self.last.take().unwrap_or_default()),
            Flow::Break(_) | Flow::Continue(_) => {
                Err(DbError::new(DbErrorKind::Semantic, "BREAK or CONTINUE outside a loop"))
            }
        }
    }

    /// The DuckDB SQL that a script becomes; what cannot be known without running is left out.
    pub fn explain(&mut self, script: &str) -> Result<String, DbError> {
        self.shown(script, Explain::DuckDb).map(|texts| texts.join(";\n") + ";")
    }

    /// The queries of a script with their types. Other statements are run, since later ones may need what they make.
    pub fn explain_types(&mut self, script: &str) -> Result<String, DbError> {
        self.shown(script, Explain::Types).map(|texts| texts.join("\n"))
    }

    fn shown(&mut self, script: &str, what: Explain) -> Result<Vec<String>, DbError> {
        self.explained = Some((what, Vec::new()));
        let done = self.run(script);
        let texts = self.explained.take().map(|(_, texts)| texts).unwrap_or_default();
        done.map(|_| texts)
    }

    /// The columns that a query would give, found without running it.
    pub fn describe(&mut self, query: &str) -> Result<Vec<Column>, DbError> {
        roomy(|| self.describe_query(query))
    }

    fn describe_query(&mut self, query: &str) -> Result<Vec<Column>, DbError> {
        self.text = query.to_owned();
        let parsed = parse::query(query).map_err(|e| self.refused(e))?;
        let out = self.analyze(|t| t.top_query(&parsed))?;
        let sql = rsdbt_duckdbsql::print_query(&out, &self.zone);
        self.connection.describe(&sql).map_err(|e| self.failed(e, 0))?;
        let columns = |cols: &[OutCol]| named(Table::default(), cols).columns;
        Ok(columns(&out.columns))
    }

    /// The columns of a table or view; empty where there is none.
    pub fn columns_of(&mut self, path: &[String]) -> Result<Vec<Column>, DbError> {
        let names =
            names(&mut self.connection, &self.project, &self.dataset, &self.zone, &self.variables, &self.routines);
        let found = names.relation(path).map_err(|why| DbError::new(DbErrorKind::Other, why.message))?;
        let columns = found.map(|r| r.columns).unwrap_or_default();
        Ok(columns.into_iter().map(|(name, ty)| Column { name, data_type: ty.to_string() }).collect())
    }

    pub fn begin(&mut self) -> Result<(), DbError> {
        self.connection.begin()
    }

    pub fn commit(&mut self) -> Result<(), DbError> {
        self.connection.commit()
    }

    pub fn rollback(&mut self) -> Result<(), DbError> {
        self.connection.rollback()
    }

    pub fn interrupter(&self) -> Interrupter {
        self.connection.interrupter()
    }

    pub fn duckdb(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Runs an analysis with this session's names.
    pub(super) fn analyze<T>(
        &mut self,
        work: impl FnOnce(&mut Analyzer<'_>) -> rsdbt_googlesql::Result<T>,
    ) -> Result<T, DbError> {
        let names =
            names(&mut self.connection, &self.project, &self.dataset, &self.zone, &self.variables, &self.routines);
        let mut analyzer = Analyzer::new(&names, rsdbt_duckdbsql::library());
        let result = work(&mut analyzer);
        drop(names);
        result.map_err(|e| self.refused(e))
    }

    /// One statement that is not procedural.
    pub(super) fn simple(&mut self, statement: &Statement, params: &[(String, Expr)]) -> Result<(), DbError> {
        let plan = self.analyze(|t| {
            t.params = params.to_vec();
            t.statement(statement)
        })?;
        self.carry_out(&plan, statement.at)
    }

    pub(super) fn carry_out(&mut self, plan: &Plan, at: usize) -> Result<(), DbError> {
        let mut sql = print_plan(plan, &self.zone);
        if let Some((what, texts)) = &mut self.explained {
            match what {
                Explain::DuckDb => texts.extend(sql.iter().cloned()),
                Explain::Types => texts.extend(plan.steps.iter().filter_map(|step| match step {
                    Step::Query(query) => Some(show(query)),
                    _ => None,
                })),
            }
            if matches!(plan.effect, Effect::Rows(_)) {
                return Ok(());
            }
        }
        sql.extend(remark(plan));
        let own = sql.len() > 1 && !self.connection.in_transaction();
        if own {
            self.connection.begin()?;
        }
        let mut outcome = Outcome::default();
        for sql in &sql {
            match self.connection.execute(sql) {
                Ok(done) => outcome = done,
                Err(error) => {
                    if own {
                        self.connection.rollback()?;
                    }
                    return Err(self.failed(error, at));
                }
            }
        }
        if own {
            self.connection.commit().map_err(|e| self.failed(e, at))?;
        }
        self.after(plan, outcome, at)
    }

    fn after(&mut self, plan: &Plan, outcome: Outcome, at: usize) -> Result<(), DbError> {
        self.affected = None;
        match &plan.effect {
            Effect::Rows(cols) => self.last = Some(named(outcome.table, cols)),
            Effect::Modified { expected: wanted } => {
                let count = outcome.rows_affected.unwrap_or(0);
                self.affected = Some(count);
                self.connection.query(&format!("SET VARIABLE sys_row_count = {count}::BIGINT"))?;
                if let Some(wanted) = wanted {
                    let wanted = print_expr(wanted, &self.zone);
                    let expected = self.connection.query(&format!("SELECT CAST({wanted} AS BIGINT)"))?;
                    if expected.rows.first().and_then(|r| r.first()) != Some(&Value::Int(count.into())) {
                        let error = DbError::new(
                            DbErrorKind::Execution,
                            format!("ASSERT_ROWS_MODIFIED: {count} rows were modified"),
                        );
                        return Err(self.failed(error, at));
                    }
                }
            }
            Effect::Catalog | Effect::None => {}
        }
        Ok(())
    }

    /// A refusal of the translator, with its place in the script.
    pub(super) fn refused(&self, error: SqlError) -> DbError {
        let kind = match error.code {
            Code::SQL_SYNTAX => DbErrorKind::Syntax,
            Code::SQL_UNSUPPORTED => DbErrorKind::Unsupported,
            _ => DbErrorKind::Semantic,
        };
        let mut refused = DbError::new(kind, error.message).at(error.at, self.text.clone());
        refused.help = error.help;
        refused
    }

    /// A refusal of DuckDB: its position is in the translated text, so the statement's own place is given.
    pub(super) fn failed(&self, mut error: DbError, at: usize) -> DbError {
        if let Some(message) = super::messages::reworded(&error.message) {
            error.message = message;
        }
        error.position = Some(at);
        error.sql = Some(self.text.clone());
        error
    }
}

/// What DuckDB does not keep of a table, as its comment: `information_schema` reads it.
fn remark(plan: &Plan) -> Option<String> {
    let (Some(meta), Some(Step::CreateTable { target, mode, .. })) = (&plan.meta, plan.steps.first()) else {
        return None;
    };
    if mode.if_not_exists || (meta.partition.is_none() && meta.cluster.is_empty() && meta.options.is_empty()) {
        return None;
    }
    let noted = serde_json::json!({
        "cluster": meta.cluster, "granularity": meta.granularity, "options": meta.options, "partition": meta.partition,
    });
    Some(format!("COMMENT ON TABLE {target} IS {}", text(&noted.to_string())))
}

pub(super) fn names<'a>(
    connection: &'a mut Connection,
    project: &'a str,
    dataset: &'a str,
    zone: &str,
    variables: &'a HashMap<String, Type>,
    routines: &'a Routines,
) -> Names<'a> {
    Names {
        connection: RefCell::new(connection),
        project,
        dataset,
        zone: zone.to_owned(),
        variables,
        routines: &routines.0,
        cache: RefCell::default(),
    }
}
