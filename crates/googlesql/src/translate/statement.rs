//! DDL and DML as DuckDB statements.

use super::scope::Scope;
use super::{OutCol, Result, SqlError, Translator, Typed};
use crate::ast::{Expr, Kind, Statement, StatementKind};
use crate::types::Type;

/// What running a plan means.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// the last statement answers with these columns
    Rows(Vec<OutCol>),
    /// rows of a table changed; the number must equal this expression, where there is one
    Modified(Option<String>),
    /// the catalog changed
    Catalog,
    None,
}

/// DuckDB statements that together carry out one BigQuery statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub sql: Vec<String>,
    pub effect: Effect,
    /// partitioning, clustering and options of a created table
    pub meta: Option<Meta>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meta {
    pub table: Vec<String>,
    pub kind: &'static str,
    pub partition: Option<String>,
    pub cluster: Vec<String>,
}

impl Plan {
    pub(super) fn of(sql: Vec<String>, effect: Effect) -> Plan {
        Plan { sql, effect, meta: None }
    }
}

impl Translator<'_> {
    /// A statement that is not procedural.
    pub fn statement(&mut self, statement: &Statement) -> Result<Plan> {
        match &statement.kind {
            StatementKind::Query(query) => {
                let out = self.top_query(query)?;
                Ok(Plan::of(vec![out.sql], Effect::Rows(out.cols)))
            }
            StatementKind::CreateSchema { mode, name } => {
                let exists = if mode.if_not_exists { "IF NOT EXISTS " } else { "" };
                Ok(Plan::of(
                    vec![format!("CREATE SCHEMA {exists}{}", self.catalog.schema(&name.parts))],
                    Effect::Catalog,
                ))
            }
            StatementKind::DropSchema { name, if_exists, cascade } => {
                let exists = if *if_exists { "IF EXISTS " } else { "" };
                let cascade = if *cascade { " CASCADE" } else { "" };
                Ok(Plan::of(
                    vec![format!("DROP SCHEMA {exists}{}{cascade}", self.catalog.schema(&name.parts))],
                    Effect::Catalog,
                ))
            }
            StatementKind::CreateTable { mode, name, parts, query, like, clone } => {
                let source = like.as_ref().or(clone.as_ref().map(|(p, _)| p));
                self.create_table(*mode, name, parts, query.as_deref(), source.map(|s| (s, like.is_some())))
            }
            StatementKind::CreateView { mode, name, columns, query, .. } => {
                self.create_view(*mode, name, columns, query)
            }
            StatementKind::Drop { what: what @ ("TABLE" | "VIEW"), name, if_exists } => {
                let exists = if *if_exists { "IF EXISTS " } else { "" };
                Ok(Plan::of(vec![format!("DROP {what} {exists}{}", self.catalog.target(&name.parts))], Effect::Catalog))
            }
            StatementKind::AlterTable { name, if_exists, view, actions } => {
                self.alter(name, *if_exists, *view, actions)
            }
            StatementKind::AlterSchema { .. } => Ok(Plan::of(Vec::new(), Effect::None)),
            StatementKind::Insert { table, columns, source, assert_rows } => {
                self.insert(table, columns, source, assert_rows.as_ref())
            }
            StatementKind::Update { table, alias, set, from, condition, assert_rows } => {
                self.update((table, alias.as_ref()), set, from.as_ref(), condition, assert_rows.as_ref())
            }
            StatementKind::Delete { table, alias, condition, assert_rows } => {
                let (_, scope, name) = self.target_scope(table, alias.as_ref())?;
                let condition = self.bool(condition, &scope)?;
                let sql = format!("DELETE FROM {name} WHERE {condition}");
                let rows = self.row_check(assert_rows.as_ref())?;
                Ok(Plan::of(vec![sql], Effect::Modified(rows)))
            }
            StatementKind::Merge { table, alias, source, on, whens } => {
                self.merge((table, alias.as_ref()), source, on, whens)
            }
            StatementKind::Truncate { table } => {
                self.relation(table)?;
                Ok(Plan::of(vec![format!("DELETE FROM {}", self.catalog.target(&table.parts))], Effect::Modified(None)))
            }
            _ => Err(SqlError::unsupported("this statement", statement.at)),
        }
    }

    pub(super) fn row_check(&mut self, rows: Option<&Expr>) -> Result<Option<String>> {
        rows.map(|r| self.expr(r, &Scope::default()).map(|t| t.sql)).transpose()
    }

    /// A scalar expression of the procedural language.
    pub fn standalone(&mut self, value: &Expr) -> Result<Typed> {
        self.expr(value, &Scope::default())
    }

    /// `value` as it must be stored in a variable of that type.
    pub fn assigned(&mut self, value: &Expr, ty: &Type) -> Result<String> {
        let typed = self.standalone(value)?;
        if matches!(value.kind, Kind::Text(_)) && *ty != Type::String && self.literal_target(&typed, ty).is_none() {
            return Err(SqlError::semantic(format!("a STRING does not coerce to {ty}"), value.at));
        }
        self.assign(&typed, ty, value.at)
    }
}
