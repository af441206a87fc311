//! Statements that are not procedural, as steps over queries.

use super::Analyzer;
use super::scope::Scope;
use crate::ast::{self, CreateMode, Kind, Statement, StatementKind};
use crate::query::{Expr, From, Node, OutCol, Query, Table};
use crate::types::Type;
use crate::{Result, SqlError};

/// What running a plan means.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// the last step answers with these columns
    Rows(Vec<OutCol>),
    /// rows of a table changed; as many as expected, where there is an expectation
    Modified {
        expected: Option<Expr>,
    },
    /// the catalog changed
    Catalog,
    None,
}

/// Steps that together carry out one statement. Names of tables and schemas are the engine's, as the catalog gave them.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub effect: Effect,
    /// partitioning and clustering of a created table
    pub meta: Option<TableMeta>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableMeta {
    pub table: Vec<String>,
    pub partition: Option<String>,
    /// HOUR, MONTH or YEAR where the partition says so
    pub granularity: Option<String>,
    pub cluster: Vec<String>,
    /// name, type, value
    pub options: Vec<[String; 3]>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Query(Query),
    CreateSchema {
        name: String,
        if_not_exists: bool,
    },
    DropSchema {
        name: String,
        if_exists: bool,
        cascade: bool,
    },
    CreateTable {
        target: String,
        mode: CreateMode,
        contents: Contents,
    },
    CreateView {
        target: String,
        mode: CreateMode,
        query: Query,
    },
    Drop {
        what: &'static str,
        target: String,
        if_exists: bool,
    },
    Alter {
        what: &'static str,
        target: String,
        if_exists: bool,
        action: AlterAction,
    },
    Insert {
        table: Table,
        target: String,
        columns: Vec<String>,
        rows: Query,
    },
    Update {
        table: Table,
        target: String,
        alias: String,
        set: Vec<(String, Expr)>,
        from: Option<From>,
        condition: Expr,
    },
    Delete {
        target: String,
        alias: Option<String>,
        condition: Option<Expr>,
    },
    Merge {
        table: Table,
        target: String,
        alias: String,
        source: From,
        on: Expr,
        clauses: Vec<MergeClause>,
    },
    /// fails where a row of the target meets more than one row of the source
    MatchOnce {
        target: String,
        alias: String,
        source: From,
        on: Expr,
        reach: Option<Expr>,
    },
}

/// What a created table holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Contents {
    Query(Box<Query>),
    Columns(Vec<ColumnPlan>),
    /// the columns of another table, and its rows where it is copied
    Like {
        source: String,
        rows: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnPlan {
    pub name: String,
    pub ty: Type,
    /// the length of a STRING or BYTES, precision and scale of a NUMERIC
    pub params: Vec<u32>,
    pub not_null: bool,
    pub default: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterAction {
    AddColumn(ColumnPlan, bool),
    DropColumn(String, bool),
    RenameColumn(String, String),
    RenameTo(String),
    ColumnType(String, Type),
    SetNotNull(String),
    DropNotNull(String),
    SetDefault(String, Expr),
    DropDefault(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct MergeClause {
    /// MATCHED, NOT MATCHED BY TARGET or NOT MATCHED BY SOURCE
    pub when: &'static str,
    pub condition: Option<Expr>,
    pub effect: MergeEffect,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MergeEffect {
    Delete,
    Update(Vec<(String, Expr)>),
    Insert(Vec<(String, Expr)>),
}

impl Plan {
    pub(super) fn of(steps: Vec<Step>, effect: Effect) -> Plan {
        Plan { steps, effect, meta: None }
    }
}

impl Analyzer<'_> {
    /// A statement that is not procedural.
    pub fn statement(&mut self, statement: &Statement) -> Result<Plan> {
        match &statement.kind {
            StatementKind::Query(query) => {
                let query = self.top_query(query)?;
                let columns = query.columns.clone();
                Ok(Plan::of(vec![Step::Query(query)], Effect::Rows(columns)))
            }
            StatementKind::CreateSchema { mode, name } => {
                let step =
                    Step::CreateSchema { name: self.catalog.schema(&name.parts), if_not_exists: mode.if_not_exists };
                Ok(Plan::of(vec![step], Effect::Catalog))
            }
            StatementKind::DropSchema { name, if_exists, cascade } => {
                let name = self.catalog.schema(&name.parts);
                let step = Step::DropSchema { name, if_exists: *if_exists, cascade: *cascade };
                Ok(Plan::of(vec![step], Effect::Catalog))
            }
            StatementKind::CreateTable { mode, name, parts, query, like, clone } => {
                let source = like.as_ref().or(clone.as_ref().map(|(path, _)| path));
                self.create_table(*mode, name, parts, query.as_deref(), source.map(|s| (s, like.is_none())))
            }
            StatementKind::CreateView { mode, name, columns, query, .. } => {
                self.create_view(*mode, name, columns, query)
            }
            StatementKind::Drop { what: what @ ("TABLE" | "VIEW"), name, if_exists } => {
                let target = self.catalog.target(&name.parts);
                Ok(Plan::of(vec![Step::Drop { what, target, if_exists: *if_exists }], Effect::Catalog))
            }
            StatementKind::AlterTable { name, if_exists, view, actions } => {
                self.alter(name, *if_exists, *view, actions)
            }
            StatementKind::AlterSchema { .. } => Ok(Plan::of(Vec::new(), Effect::None)),
            StatementKind::Insert { table, columns, source, assert_rows } => {
                self.insert(table, columns, source, assert_rows.as_ref())
            }
            StatementKind::Update { table, alias, set, from, condition, assert_rows } => {
                let target = (table, alias.as_ref());
                self.update(target, set, from.as_ref(), condition, assert_rows.as_ref())
            }
            StatementKind::Delete { table, alias, condition, assert_rows } => {
                let (_, scope, shown) = self.target_scope(table, alias.as_ref())?;
                let condition = Some(self.bool(condition, &scope)?);
                let target = self.catalog.target(&table.parts);
                let expected = self.expected(assert_rows.as_ref())?;
                let step = Step::Delete { target, alias: Some(shown), condition };
                Ok(Plan::of(vec![step], Effect::Modified { expected }))
            }
            StatementKind::Merge { table, alias, source, on, whens } => {
                self.merge((table, alias.as_ref()), source, on, whens)
            }
            StatementKind::Truncate { table } => {
                self.relation(table)?;
                let target = self.catalog.target(&table.parts);
                let step = Step::Delete { target, alias: None, condition: None };
                Ok(Plan::of(vec![step], Effect::Modified { expected: None }))
            }
            _ => Err(SqlError::unsupported("this statement", statement.at)),
        }
    }

    pub(super) fn expected(&mut self, rows: Option<&ast::Expr>) -> Result<Option<Expr>> {
        rows.map(|rows| self.expr(rows, &Scope::default())).transpose()
    }

    /// A scalar expression of the procedural language.
    pub fn standalone(&mut self, value: &ast::Expr) -> Result<Expr> {
        self.expr(value, &Scope::default())
    }

    /// `value` as it must be stored in a variable of that type.
    pub fn assigned(&mut self, value: &ast::Expr, ty: &Type) -> Result<Expr> {
        let given = self.standalone(value)?;
        let is_text = matches!(value.kind, Kind::Text(_)) && matches!(given.node, Node::Text(_));
        if is_text && *ty != Type::String && !self.literal_fits(&given, ty) {
            return Err(SqlError::semantic(format!("a STRING does not coerce to {ty}"), value.at));
        }
        self.assign(given, ty, value.at)
    }
}
