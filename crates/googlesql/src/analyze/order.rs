//! ORDER BY: which values it sorts by. NULL is the smallest value unless NULLS FIRST or LAST says otherwise.

use super::Analyzer;
use super::query::around;
use super::scope::{Col, Scope};
use super::select::{Picked, aliases, struct_cols};
use crate::ast::{self, Kind, Order};
use crate::query::{Expr, OutCol, Query, SortKey};
use crate::types::Type;
use crate::{Result, SqlError};

impl Analyzer<'_> {
    pub(super) fn sort_key(&self, value: Expr, order: &Order) -> Result<SortKey> {
        if matches!(value.ty, Type::Json | Type::Geography | Type::Struct(_) | Type::Array(_)) {
            return Err(SqlError::semantic(
                format!("ORDER BY does not support expressions of type {}", value.ty),
                order.value.at,
            ));
        }
        if order.collate.is_some() {
            return Err(SqlError::unsupported("COLLATE", order.value.at));
        }
        let nulls_first = order.nulls_first.unwrap_or(!order.descending);
        Ok(SortKey { value: self.plain(value), descending: order.descending, nulls_first, plain: false })
    }

    pub(super) fn sort_keys(&mut self, order: &[Order], scope: &Scope) -> Result<Vec<SortKey>> {
        let mut keys = Vec::new();
        for item in order {
            let value = self.expr(&item.value, scope)?;
            keys.push(self.sort_key(value, item)?);
        }
        Ok(keys)
    }

    /// ORDER BY of a plain SELECT: aliases hide columns, numbers count columns.
    pub(super) fn order_select(&mut self, order: &[Order], picked: &[Picked], scope: &Scope) -> Result<Vec<SortKey>> {
        let mut seen = scope.clone();
        seen.first.extend(aliases(picked));
        let mut keys = Vec::new();
        for item in order {
            let value = match ordinal(&item.value)? {
                Some(index) => picked.get(index).map(|p| p.value.clone()).ok_or_else(|| out_of_range(&item.value)),
                None => self.expr(&item.value, &seen),
            };
            let value = self.recover(value)?;
            keys.push(self.sort_key(value, item)?);
        }
        Ok(keys)
    }

    /// ORDER BY behind DISTINCT: only what is selected can be ordered by.
    pub(super) fn order_distinct(
        &mut self,
        out: Query,
        order: &[Order],
        picked: &[Picked],
        scope: &Scope,
        outer: &Scope,
    ) -> Result<Query> {
        let alias = self.fresh("d");
        let mut seen = scope.clone();
        seen.first.extend(aliases(picked));
        let mut keys = Vec::new();
        for item in order {
            let index = match ordinal(&item.value)? {
                Some(index) => Some(index),
                None => {
                    let value = self.expr(&item.value, &seen)?;
                    picked.iter().position(|p| p.value == value)
                }
            };
            let value = match index {
                Some(i) => selected(&out, &alias, i).ok_or_else(|| out_of_range(&item.value))?,
                None => match self.expr(&item.value, &self.output_scope(&out, &alias, outer)) {
                    Err(error) => match &item.value.kind {
                        Kind::Name(name) if scope.find(name)?.is_some() => {
                            return Err(hidden(&name.text, item.value.at));
                        }
                        _ => return Err(error),
                    },
                    value => value?,
                },
            };
            keys.push(self.sort_key(value, item)?);
        }
        Ok(self.wrap_ordered(out, alias, keys))
    }

    fn wrap_ordered(&self, out: Query, alias: String, keys: Vec<SortKey>) -> Query {
        let (columns, is_value) = (out.columns.clone(), out.is_value);
        let list = column_exprs(&columns, &alias);
        let mut out = around(out, alias, list, columns);
        out.is_value = is_value;
        out.order = keys;
        out
    }

    /// The columns of an output as a scope of their own.
    pub(super) fn output_scope(&self, out: &Query, alias: &str, outer: &Scope) -> Scope {
        let mut scope = Scope::child(outer);
        let values = column_exprs(&out.columns, alias);
        scope.star = out.columns.iter().zip(values).map(|(c, value)| Col { name: c.name.clone(), value }).collect();
        scope
    }

    /// ORDER BY behind a set operation or a bracketed query.
    pub(super) fn ordered(&mut self, out: Query, order: &[Order], outer: &Scope) -> Result<Query> {
        if order.is_empty() {
            return Ok(out);
        }
        let alias = self.fresh("o");
        let scope = self.output_scope(&out, &alias, outer);
        let mut keys = Vec::new();
        for item in order {
            let value = match ordinal(&item.value)? {
                Some(index) => {
                    scope.star.get(index).map(|c| c.value.clone()).ok_or_else(|| out_of_range(&item.value))?
                }
                None => self.expr(&item.value, &scope)?,
            };
            keys.push(self.sort_key(value, item)?);
        }
        Ok(self.wrap_ordered(out, alias, keys))
    }
}

pub(super) fn column_exprs(columns: &[OutCol], alias: &str) -> Vec<Expr> {
    columns.iter().map(|c| Expr::column(alias, &c.phys, c.ty.clone())).collect()
}

/// The column of a query that was selected at a place: a field of the row where the query gives rows as values.
fn selected(out: &Query, alias: &str, index: usize) -> Option<Expr> {
    if !out.is_value {
        return out.columns.get(index).map(|col| Expr::column(alias, &col.phys, col.ty.clone()));
    }
    let row = out.columns.first().map(|col| Expr::column(alias, &col.phys, col.ty.clone()))?;
    match row.ty.clone() {
        Type::Struct(fields) => struct_cols(&row, &fields).into_iter().nth(index).map(|col| col.value),
        _ => Some(row),
    }
}

fn hidden(name: &str, at: usize) -> SqlError {
    let message =
        format!("ORDER BY clause expression references column {name} which is not visible after SELECT DISTINCT");
    SqlError::semantic(message, at)
}

fn ordinal(value: &ast::Expr) -> Result<Option<usize>> {
    match &value.kind {
        Kind::Int(text) => {
            text.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).map(Some).ok_or_else(|| out_of_range(value))
        }
        _ => Ok(None),
    }
}

fn out_of_range(value: &ast::Expr) -> SqlError {
    SqlError::semantic("ORDER BY column number is out of SELECT column number range", value.at)
}
