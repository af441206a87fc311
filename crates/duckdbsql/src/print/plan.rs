//! The steps of a plan as DuckDB statements.

use super::Printer;
use crate::types::{duck, quote};
use rsdbt_googlesql::analyze::{AlterAction, ColumnPlan, Contents, MergeClause, MergeEffect, Step};
use rsdbt_googlesql::ast::CreateMode;
use rsdbt_googlesql::query::{Expr, From, Node};
use rsdbt_googlesql::types::Type;

const TWICE: &str = "UPDATE/MERGE must match at most one source row for each target row";

fn if_exists(yes: bool) -> &'static str {
    if yes { "IF EXISTS " } else { "" }
}

fn create(mode: CreateMode, what: &str) -> String {
    let replace = if mode.or_replace { "OR REPLACE " } else { "" };
    let temp = if mode.temp { "TEMP " } else { "" };
    let exists = if mode.if_not_exists { "IF NOT EXISTS " } else { "" };
    format!("CREATE {replace}{temp}{what} {exists}")
}

/// The type that a column is stored as: a NUMERIC with a scale rounds what is put into it.
fn stored(column: &ColumnPlan) -> String {
    match (&column.ty, column.params.as_slice()) {
        (Type::Numeric, [precision, scale @ ..]) => {
            let scale = scale.first().copied().unwrap_or(0);
            format!("DECIMAL({},{})", (*precision).min(38), scale.min(9))
        }
        (ty, _) => duck(ty),
    }
}

/// What holds a text to the length of its type.
fn length_check(column: &ColumnPlan) -> String {
    let length = match column.ty {
        Type::String => "length",
        Type::Bytes => "octet_length",
        _ => return String::new(),
    };
    match column.params.first() {
        Some(most) => format!(" CHECK ({length}({}) <= {most})", quote(&column.name)),
        None => String::new(),
    }
}

impl Printer<'_> {
    pub(crate) fn step(&mut self, step: &Step) -> String {
        match step {
            Step::Query(query) => self.query(query),
            Step::CreateSchema { name, if_not_exists } => {
                format!("CREATE SCHEMA {}{name}", if *if_not_exists { "IF NOT EXISTS " } else { "" })
            }
            Step::DropSchema { name, if_exists: exists, cascade } => {
                format!("DROP SCHEMA {}{name}{}", if_exists(*exists), if *cascade { " CASCADE" } else { "" })
            }
            Step::CreateTable { target, mode, contents } => {
                format!("{}{target} {}", create(*mode, "TABLE"), self.contents(contents))
            }
            Step::CreateView { target, mode, query } => {
                format!("{}{target} AS {}", create(*mode, "VIEW"), self.query(query))
            }
            Step::Drop { what, target, if_exists: exists } => format!("DROP {what} {}{target}", if_exists(*exists)),
            Step::Alter { what, target, if_exists: exists, action } => {
                format!("ALTER {what} {}{target} {}", if_exists(*exists), self.alter(action))
            }
            Step::Insert { target, columns, rows, .. } => {
                let names: Vec<String> = columns.iter().map(|name| quote(name)).collect();
                format!("INSERT INTO {target} ({}) {}", names.join(", "), self.query(rows))
            }
            Step::Update { target, alias, set, from, condition, .. } => {
                let from = from.as_ref().map(|from| format!(" FROM {}", self.from(from))).unwrap_or_default();
                let set = self.assignments(set);
                let condition = self.expr(condition);
                format!("UPDATE {target} AS {} SET {set}{from} WHERE {condition}", quote(alias))
            }
            Step::Delete { target, alias, condition } => {
                let alias = alias.as_ref().map(|alias| format!(" AS {}", quote(alias))).unwrap_or_default();
                let condition = condition.as_ref().map(|c| format!(" WHERE {}", self.expr(c))).unwrap_or_default();
                format!("DELETE FROM {target}{alias}{condition}")
            }
            Step::Merge { target, alias, source, on, clauses, .. } => {
                let (using, on) = self.merge_source(alias, source, on);
                let clauses: String = clauses.iter().map(|clause| self.merge_clause(clause)).collect();
                format!("MERGE INTO {target} AS {} USING {using} ON {on}{clauses}", quote(alias))
            }
            Step::MatchOnce { target, alias, source, on, reach } => {
                let (source, on) = (self.from(source), self.expr(on));
                let alias = quote(alias);
                let found = match reach {
                    Some(reach) => format!("{target} AS {alias} JOIN {source} ON {on} WHERE {}", self.expr(reach)),
                    None => format!("{target} AS {alias}, {source} WHERE {on}"),
                };
                format!(
                    "SELECT CASE WHEN EXISTS (SELECT 1 FROM {found} GROUP BY {alias}.rowid HAVING count(*) > 1) THEN error('{TWICE}') END"
                )
            }
        }
    }

    fn contents(&mut self, contents: &Contents) -> String {
        match contents {
            Contents::Query(query) => format!("AS {}", self.query(query)),
            Contents::Columns(columns) => {
                let columns: Vec<String> = columns
                    .iter()
                    .map(|column| format!("{}{}", self.column_plan(column), length_check(column)))
                    .collect();
                format!("({})", columns.join(", "))
            }
            Contents::Like { source, rows } => {
                format!("AS SELECT * FROM {source}{}", if *rows { "" } else { " LIMIT 0" })
            }
        }
    }

    fn column_plan(&mut self, column: &ColumnPlan) -> String {
        let not_null = if column.not_null { " NOT NULL" } else { "" };
        let default =
            column.default.as_ref().map(|value| format!(" DEFAULT {}", self.constant(value))).unwrap_or_default();
        format!("{} {}{not_null}{default}", quote(&column.name), stored(column))
    }

    /// A value in a DEFAULT, where DuckDB refuses lambdas.
    fn constant(&mut self, value: &Expr) -> String {
        self.inline = true;
        let text = self.expr(value);
        self.inline = false;
        text
    }

    fn alter(&mut self, action: &AlterAction) -> String {
        match action {
            AlterAction::AddColumn(column, if_missing) => {
                let missing = if *if_missing { "IF NOT EXISTS " } else { "" };
                format!("ADD COLUMN {missing}{}", self.column_plan(column))
            }
            AlterAction::DropColumn(name, exists) => format!("DROP COLUMN {}{}", if_exists(*exists), quote(name)),
            AlterAction::RenameColumn(old, new) => format!("RENAME COLUMN {} TO {}", quote(old), quote(new)),
            AlterAction::RenameTo(name) => format!("RENAME TO {}", quote(name)),
            AlterAction::ColumnType(name, ty) => format!("ALTER COLUMN {} SET DATA TYPE {}", quote(name), duck(ty)),
            AlterAction::SetNotNull(name) => format!("ALTER COLUMN {} SET NOT NULL", quote(name)),
            AlterAction::DropNotNull(name) => format!("ALTER COLUMN {} DROP NOT NULL", quote(name)),
            AlterAction::SetDefault(name, value) => {
                format!("ALTER COLUMN {} SET DEFAULT {}", quote(name), self.constant(value))
            }
            AlterAction::DropDefault(name) => format!("ALTER COLUMN {} DROP DEFAULT", quote(name)),
        }
    }

    fn assignments(&mut self, set: &[(String, Expr)]) -> String {
        let set: Vec<String> =
            set.iter().map(|(name, value)| format!("{} = {}", quote(name), self.expr(value))).collect();
        set.join(", ")
    }

    /// The source and condition of a MERGE. ON FALSE is a nested loop in DuckDB; a join over a column that is always NULL is not.
    fn merge_source(&mut self, target: &str, source: &From, on: &Expr) -> (String, String) {
        let text = self.from(source);
        match (&on.node, super::from::alias(source)) {
            (Node::Bool(false), Some(alias)) => (
                format!("(SELECT *, CAST(NULL AS BIGINT) AS \"_never\" FROM {text}) AS {}", quote(alias)),
                format!("{}.rowid = {}.\"_never\"", quote(target), quote(alias)),
            ),
            _ => {
                let on = self.expr(on);
                (text, on)
            }
        }
    }

    fn merge_clause(&mut self, clause: &MergeClause) -> String {
        let condition = clause.condition.as_ref().map(|c| format!(" AND {}", self.expr(c))).unwrap_or_default();
        let effect = match &clause.effect {
            MergeEffect::Delete => "DELETE".to_owned(),
            MergeEffect::Update(set) => format!("UPDATE SET {}", self.assignments(set)),
            MergeEffect::Insert(list) => {
                let names: Vec<String> = list.iter().map(|(name, _)| quote(name)).collect();
                let values: Vec<String> = list.iter().map(|(_, value)| self.expr(value)).collect();
                format!("INSERT ({}) VALUES ({})", names.join(", "), values.join(", "))
            }
        };
        format!(" WHEN {}{condition} THEN {effect}", clause.when)
    }
}
