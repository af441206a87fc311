//! Walks over the syntax tree and over what analysis made of it.

use super::Analyzer;
use crate::ast::{Body, Expr, FromKind, Kind, Query, Set};
use crate::{Result, SqlError};

/// Visits an expression and what it is made of, without subqueries.
pub(super) fn walk(value: &Expr, visit: &mut impl FnMut(&Expr)) {
    visit(value);
    let mut each = |items: &[&Expr]| items.iter().for_each(|e| walk(e, visit));
    match &value.kind {
        Kind::Interval { value, .. }
        | Kind::Field(value, _)
        | Kind::Unary(_, value)
        | Kind::Is { value, .. }
        | Kind::Named(_, value) => each(&[value]),
        Kind::Index(a, b) | Kind::Binary(_, a, b) | Kind::IsDistinct { left: a, right: b, .. } => each(&[a, b]),
        Kind::Between { value, low, high, .. } => each(&[value, low, high]),
        Kind::In { value, set, .. } | Kind::Like { value, set, .. } => {
            each(&[value]);
            match set {
                Set::Items(items) => items.iter().for_each(|e| walk(e, visit)),
                Set::Unnest(array) => walk(array, visit),
                Set::Query(_) => {}
            }
        }
        Kind::Case { operand, whens, otherwise } => {
            operand.iter().chain(otherwise.iter()).for_each(|e| walk(e, visit));
            whens.iter().for_each(|(a, b)| {
                walk(a, visit);
                walk(b, visit);
            });
        }
        Kind::Cast { value, .. } | Kind::Extract { from: value, .. } => each(&[value]),
        Kind::Call(call) => {
            let keys = call.order.iter().map(|order| &order.value).chain(call.having.iter().map(|(_, key)| key));
            call.args.iter().chain(call.condition.iter()).chain(keys).for_each(|e| walk(e, visit));
        }
        Kind::Array { items, .. } => items.iter().for_each(|e| walk(e, visit)),
        Kind::Struct { items, .. } => items.iter().for_each(|(e, _)| walk(e, visit)),
        Kind::With { bindings, body } => {
            bindings.iter().for_each(|(_, e)| walk(e, visit));
            walk(body, visit);
        }
        _ => {}
    }
}

impl Analyzer<'_> {
    /// Whether an expression holds an aggregate outside subqueries and windows.
    pub(super) fn aggregates(&self, value: &Expr) -> bool {
        let mut found = false;
        walk(value, &mut |e| {
            if let Kind::Call(call) = &e.kind {
                found |= call.over.is_none() && self.is_aggregate(&call.name.to_uppercase());
            }
        });
        found
    }
}

impl Analyzer<'_> {
    /// Refuses aggregates and windows in a clause that sees single rows.
    pub(super) fn only_rows(&self, value: &Expr, clause: &str) -> Result<()> {
        let mut error = None;
        walk(value, &mut |e| {
            let Kind::Call(call) = &e.kind else { return };
            let message = if call.over.is_some() {
                format!("Analytic function not allowed in {clause}")
            } else if self.is_aggregate(&call.name.to_uppercase()) {
                format!("Aggregate function {} not allowed in {clause}", call.name.to_uppercase())
            } else {
                return;
            };
            error.get_or_insert(SqlError::semantic(message, call.at));
        });
        error.map_or(Ok(()), Err)
    }
}

/// Whether a query names a table in a FROM clause.
pub(super) fn mentions(query: &Query, name: &str) -> bool {
    let mut found = false;
    walk_body(&query.body, &mut |kind| {
        if let FromKind::Table { path, .. } = kind {
            found |= path.parts.len() == 1 && path.parts[0].eq_ignore_ascii_case(name);
        }
    });
    found
}

fn walk_body(body: &Body, visit: &mut impl FnMut(&FromKind)) {
    match body {
        Body::Select(select) => {
            if let Some(from) = &select.from {
                walk_from(&from.kind, visit);
            }
        }
        Body::Set { left, right, .. } => {
            walk_body(left, visit);
            walk_body(right, visit);
        }
        Body::Query(query) => walk_body(&query.body, visit),
        Body::From(from) => walk_from(&from.kind, visit),
    }
}

fn walk_from(kind: &FromKind, visit: &mut impl FnMut(&FromKind)) {
    visit(kind);
    match kind {
        FromKind::Join { left, right, .. } => {
            walk_from(&left.kind, visit);
            walk_from(&right.kind, visit);
        }
        FromKind::Query { query, .. } => walk_body(&query.body, visit),
        FromKind::Pivot { source, .. } | FromKind::Unpivot { source, .. } | FromKind::Sample { source, .. } => {
            walk_from(&source.kind, visit);
        }
        _ => {}
    }
}
