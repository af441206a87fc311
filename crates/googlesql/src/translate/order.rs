//! ORDER BY with BigQuery's rules: NULL is the smallest value, NaN the smallest number.

use super::scope::{Col, Scope};
use super::select::{Picked, aliases};
use super::{Output, Result, SqlError, Translator, Typed, column};
use crate::ast::{Expr, Kind, Order};
use crate::types::{Type, quote};

impl Translator<'_> {
    /// One sort key as DuckDB text; a float gets a second key before it.
    pub(super) fn sort_key(&self, value: &Typed, order: &Order) -> Result<String> {
        if matches!(value.ty, Type::Json | Type::Geography | Type::Struct(_) | Type::Array(_)) {
            return Err(SqlError::semantic(
                format!("ORDER BY does not support expressions of type {}", value.ty),
                order.value.at,
            ));
        }
        if let Type::Range(_) = &value.ty {
            // an open start is the earliest, an open end the latest
            let (first_end, last_end) =
                if order.descending { ("NULLS LAST", "NULLS FIRST") } else { ("NULLS FIRST", "NULLS LAST") };
            let direction = if order.descending { "DESC" } else { "ASC" };
            let nulls = if order.nulls_first.unwrap_or(!order.descending) { "DESC" } else { "ASC" };
            let sql = &value.sql;
            return Ok(format!(
                "(({sql}) IS NULL) {nulls}, ({sql})._start {direction} {first_end}, ({sql})._end {direction} {last_end}"
            ));
        }
        if order.collate.is_some() {
            return Err(SqlError::unsupported("COLLATE", order.value.at));
        }
        let direction = if order.descending { "DESC" } else { "ASC" };
        let first = order.nulls_first.unwrap_or(!order.descending);
        let nulls = if first { "NULLS FIRST" } else { "NULLS LAST" };
        let plain = self.plain(value);
        if value.ty == Type::Float64 {
            let nan = if order.descending { "ASC" } else { "DESC" };
            return Ok(format!("isnan({plain}) {nan} {nulls}, {plain} {direction} {nulls}"));
        }
        Ok(format!("{plain} {direction} {nulls}"))
    }

    pub(super) fn sort_keys(&mut self, order: &[Order], scope: &Scope) -> Result<String> {
        let keys: Vec<String> = order
            .iter()
            .map(|o| {
                let value = self.expr(&o.value, scope)?;
                self.sort_key(&value, o)
            })
            .collect::<Result<_>>()?;
        Ok(keys.join(", "))
    }

    /// ORDER BY of a plain SELECT: aliases hide columns, numbers count columns.
    pub(super) fn order_select(
        &mut self,
        mut out: Output,
        order: &[Order],
        picked: &[Picked],
        scope: &Scope,
    ) -> Result<Output> {
        let mut seen = scope.clone();
        seen.first.extend(aliases(picked));
        let mut keys = Vec::new();
        for item in order {
            let value = match ordinal(&item.value)? {
                Some(index) => picked.get(index).map(|p| p.value.clone()).ok_or_else(|| out_of_range(&item.value))?,
                None => self.expr(&item.value, &seen)?,
            };
            keys.push(self.sort_key(&value, item)?);
        }
        out.sql.push_str(&format!(" ORDER BY {}", keys.join(", ")));
        Ok(out)
    }

    /// ORDER BY behind DISTINCT or AS STRUCT: only what is selected can be ordered by.
    pub(super) fn order_distinct(
        &mut self,
        out: Output,
        order: &[Order],
        picked: &[Picked],
        scope: &Scope,
        outer: &Scope,
    ) -> Result<Output> {
        let alias = self.fresh("d");
        let mut seen = scope.clone();
        seen.first.extend(aliases(picked));
        let mut keys = Vec::new();
        for item in order {
            let index = match ordinal(&item.value)? {
                Some(index) => Some(index),
                None => {
                    let value = self.expr(&item.value, &seen)?;
                    picked.iter().position(|p| p.value.sql == value.sql)
                }
            };
            let col = index.filter(|_| !out.value).and_then(|i| out.cols.get(i));
            let value = match (col, index) {
                (Some(col), _) => Typed::new(column(&alias, &col.phys), col.ty.clone()),
                (None, Some(i)) if out.value => match &out.cols[0].ty {
                    Type::Struct(fields) if i < fields.len() => {
                        let cols = super::select::struct_cols(&column(&alias, "_v"), fields);
                        Typed::new(cols[i].sql.clone(), cols[i].ty.clone())
                    }
                    ty => Typed::new(column(&alias, "_v"), ty.clone()),
                },
                _ => self.expr(&item.value, &self.output_scope(&out, &alias, outer))?,
            };
            keys.push(self.sort_key(&value, item)?);
        }
        Ok(self.wrap_ordered(out, &alias, &keys.join(", ")))
    }

    fn wrap_ordered(&self, mut out: Output, alias: &str, keys: &str) -> Output {
        let names: Vec<String> = out.cols.iter().map(|c| column(alias, &c.phys)).collect();
        out.sql = format!("SELECT {} FROM ({}) AS {} ORDER BY {keys}", names.join(", "), out.sql, quote(alias));
        out
    }

    /// The columns of an output as a scope of their own.
    pub(super) fn output_scope(&self, out: &Output, alias: &str, outer: &Scope) -> Scope {
        let mut scope = Scope::child(outer);
        scope.star = out
            .cols
            .iter()
            .map(|c| Col { name: c.name.clone(), sql: column(alias, &c.phys), ty: c.ty.clone() })
            .collect();
        scope
    }

    /// ORDER BY behind a set operation or a bracketed query.
    pub(super) fn ordered(&mut self, out: Output, order: &[Order], outer: &Scope) -> Result<Output> {
        if order.is_empty() {
            return Ok(out);
        }
        let alias = self.fresh("o");
        let scope = self.output_scope(&out, &alias, outer);
        let mut keys = Vec::new();
        for item in order {
            let value = match ordinal(&item.value)? {
                Some(index) => {
                    let col = scope.star.get(index).ok_or_else(|| out_of_range(&item.value))?;
                    Typed::new(col.sql.clone(), col.ty.clone())
                }
                None => self.expr(&item.value, &scope)?,
            };
            keys.push(self.sort_key(&value, item)?);
        }
        Ok(self.wrap_ordered(out, &alias, &keys.join(", ")))
    }
}

fn ordinal(value: &Expr) -> Result<Option<usize>> {
    match &value.kind {
        Kind::Int(text) => {
            text.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).map(Some).ok_or_else(|| out_of_range(value))
        }
        _ => Ok(None),
    }
}

fn out_of_range(value: &Expr) -> SqlError {
    SqlError::semantic("ORDER BY column number is out of SELECT column number range", value.at)
}
