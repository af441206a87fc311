//! Queries: WITH, SELECT, set operations, ORDER BY and LIMIT.

use super::Printer;
use crate::types::quote;
use rsdbt_googlesql::query::{Body, Expr, GroupKey, OutCol, Query, Select};

impl Printer<'_> {
    pub(crate) fn query(&mut self, query: &Query) -> String {
        let mut sql = self.with(query);
        sql.push_str(&self.body(query));
        if !query.order.is_empty() {
            sql.push_str(&format!(" ORDER BY {}", self.sort_keys(&query.order)));
        }
        for (word, count) in [("LIMIT", &query.limit), ("OFFSET", &query.offset)] {
            if let Some(count) = count {
                sql.push_str(&format!(" {word} {}", self.expr(count)));
            }
        }
        sql
    }

    fn with(&mut self, query: &Query) -> String {
        if query.with.is_empty() {
            return String::new();
        }
        let mut ctes = Vec::new();
        for cte in &query.with {
            let body = self.query(&cte.query);
            ctes.push(format!("{}({}) AS ({body})", quote(&cte.name), names(&cte.query.columns)));
        }
        let word = if query.recursive { "WITH RECURSIVE" } else { "WITH" };
        format!("{word} {} ", ctes.join(", "))
    }

    fn body(&mut self, query: &Query) -> String {
        match &query.body {
            Body::Select(select) => self.select(select, &query.columns),
            Body::Set { kind, all, .. } => self.set_operation(query, kind, *all),
            Body::Recursive { all, base, step } => {
                let word = if *all { "UNION ALL" } else { "UNION" };
                format!("({}) {word} ({})", self.query(base), self.query(step))
            }
            Body::Nested(inner) => format!("SELECT * FROM ({}) AS \"_q\"", self.query(inner)),
            Body::Values(rows) => self.values(rows),
        }
    }

    fn select(&mut self, select: &Select, columns: &[OutCol]) -> String {
        let mut list = Vec::new();
        for (value, col) in select.list.iter().zip(columns) {
            list.push(format!("{} AS {}", self.settled(value), quote(&col.phys)));
        }
        let distinct = if select.distinct { "DISTINCT " } else { "" };
        let mut sql = format!("SELECT {distinct}{}", list.join(", "));
        if let Some(from) = &select.from {
            sql.push_str(&format!(" FROM {}", self.from(from)));
        }
        if let Some(condition) = &select.filter {
            sql.push_str(&format!(" WHERE {}", self.expr(condition)));
        }
        if !select.group.is_empty() {
            sql.push_str(&format!(" GROUP BY {}", self.group_keys(&select.group)));
        }
        for (word, condition) in [("HAVING", &select.having), ("QUALIFY", &select.qualify)] {
            if let Some(condition) = condition {
                sql.push_str(&format!(" {word} {}", self.expr(condition)));
            }
        }
        sql
    }

    fn group_keys(&mut self, keys: &[GroupKey]) -> String {
        let keys: Vec<String> = keys.iter().map(|key| self.group_key(key)).collect();
        keys.join(", ")
    }

    fn group_key(&mut self, key: &GroupKey) -> String {
        match key {
            GroupKey::Value(value) => self.settled(value),
            GroupKey::Empty => "()".into(),
            GroupKey::Nested(kind, sets) => {
                let mut parts = Vec::new();
                for set in sets {
                    let keys = self.group_keys(set);
                    let nested = matches!(set.as_slice(), [GroupKey::Nested(..)]);
                    parts.push(if nested { keys } else { format!("({keys})") });
                }
                format!("{kind} ({})", parts.join(", "))
            }
        }
    }

    /// A set operation. A chain of one kind of UNION is printed flat: it may have thousands of arms, which DuckDB reads
    /// flat but not nested.
    fn set_operation(&mut self, query: &Query, kind: &str, all: bool) -> String {
        let (mut arms, mut left_most) = (Vec::new(), query);
        while let Body::Set { kind: other, all: other_all, left, right } = &left_most.body {
            let same = std::ptr::eq(left_most, query) || (*other == kind && *other_all == all && bare(left_most));
            if !same {
                break;
            }
            arms.push(&**right);
            left_most = left;
            if kind != "UNION" {
                break;
            }
        }
        arms.push(left_most);
        let arms: Vec<String> = arms.into_iter().rev().map(|arm| format!("({})", self.query(arm))).collect();
        let word = if all { format!(" {kind} ALL ") } else { format!(" {kind} ") };
        let list: Vec<String> = query.columns.iter().map(|c| format!("\"_s\".{}", quote(&c.phys))).collect();
        let names = names(&query.columns);
        format!("SELECT {} FROM ({}) AS \"_s\"({names})", list.join(", "), arms.join(&word))
    }

    fn values(&mut self, rows: &[Vec<Expr>]) -> String {
        let rows: Vec<String> = rows.iter().map(|row| format!("({})", self.list(row))).collect();
        format!("VALUES {}", rows.join(", "))
    }
}

/// Whether a query is nothing but its body.
fn bare(query: &Query) -> bool {
    query.with.is_empty() && query.order.is_empty() && query.limit.is_none() && query.offset.is_none()
}

/// The physical names of columns as a list.
pub(super) fn names(columns: &[OutCol]) -> String {
    columns.iter().map(|c| quote(&c.phys)).collect::<Vec<_>>().join(", ")
}
