//! The FROM clause.

use super::query::names;
use super::{LONG, Printer};
use crate::types::quote;
use rsdbt_googlesql::query::{Expr, From, Node, Table};

impl Printer<'_> {
    pub(super) fn from(&mut self, from: &From) -> String {
        match from {
            From::Table(table, alias) => table_source(table, alias),
            From::Cte(name, alias) => format!("{} AS {}", quote(name), quote(alias)),
            From::Query { query, alias, lateral } => {
                let word = if *lateral { "LATERAL " } else { "" };
                format!("{word}({}) AS {}({})", self.query(query), quote(alias), names(&query.columns))
            }
            From::Unnest { array, alias, offset, lateral } => {
                let word = if *lateral { "LATERAL " } else { "" };
                format!("{word}({}) AS {}", self.unnest(array, *offset), quote(alias))
            }
            From::Join { kind, left, right, on } => {
                let (left, mut right_text) = (self.from(left), self.from(right));
                if joins(right) {
                    right_text = format!("({right_text})");
                }
                let on = on.as_ref().map(|on| format!(" ON {}", self.expr(on))).unwrap_or_default();
                format!("{left} {kind} JOIN {right_text}{on}")
            }
            From::Sample { source, percent } => self.sample(source, percent),
        }
    }

    /// The items of an array as `v`, their places from 0 as `o`; the array itself once.
    fn unnest(&mut self, array: &Expr, offset: bool) -> String {
        let list = self.expr(array);
        let items = |list: &str| {
            let places = format!(", CAST(generate_subscripts({list}, 1) - 1 AS BIGINT) AS \"o\"");
            format!("SELECT unnest({list}) AS \"v\"{}", if offset { &places } else { "" })
        };
        if offset && list.len() > LONG {
            return format!("{} FROM (SELECT {list} AS \"a\") AS \"_a\"", items("\"_a\".\"a\""));
        }
        items(&list)
    }

    /// A share of the rows. DuckDB samples blocks of thousands of rows where BigQuery's are small: rows it is.
    fn sample(&mut self, source: &From, percent: &Expr) -> String {
        let share = match &percent.node {
            Node::Int(number) => Some(number.to_string()),
            Node::Float(digits) => Some(digits.clone()),
            _ => None,
        };
        let text = self.from(source);
        let plain = matches!(source, From::Table(..) | From::Cte(..) | From::Query { lateral: false, .. });
        match (share, alias(source)) {
            (Some(share), _) if plain => format!("{text} TABLESAMPLE BERNOULLI ({share} PERCENT)"),
            (_, Some(alias)) => {
                let lateral = if text.starts_with("LATERAL ") { "LATERAL " } else { "" };
                let percent = self.expr(percent);
                format!("{lateral}(SELECT * FROM {text} WHERE random() * 100 < {percent}) AS {}", quote(alias))
            }
            // DuckDB has no sample of a join, whose items must stay in sight: its condition lets a share through
            (_, None) => {
                format!("{text} INNER JOIN (SELECT 1) AS \"_sample\" ON random() * 100 < {}", self.expr(percent))
            }
        }
    }
}

pub(super) fn alias(source: &From) -> Option<&str> {
    match source {
        From::Table(_, alias) | From::Cte(_, alias) => Some(alias),
        From::Query { alias, .. } | From::Unnest { alias, .. } => Some(alias),
        From::Sample { source, .. } => alias(source),
        From::Join { .. } => None,
    }
}

/// Whether the text of an item is a join, which needs brackets on the right of another.
fn joins(item: &From) -> bool {
    match item {
        From::Join { .. } => true,
        From::Sample { source, .. } => joins(source),
        _ => false,
    }
}

/// A table by the engine's name; one that is made up names its columns here.
fn table_source(table: &Table, alias: &str) -> String {
    if !table.path.is_empty() {
        return format!("{} AS {}", table.engine, quote(alias));
    }
    let columns: Vec<String> = table.columns.iter().map(|(name, _)| quote(name)).collect();
    format!("{} AS {}({})", table.engine, quote(alias), columns.join(", "))
}
