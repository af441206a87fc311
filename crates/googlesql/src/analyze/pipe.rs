//! Pipe queries: every operator is one more SELECT around what came before.

use super::Analyzer;
use super::scope::{Col, Range, Scope};
use super::select::{Picked, implied, unique};
use crate::ast::{self, Body, GroupItem, Ident, Item, JoinOn, Order, Pipe};
use crate::query::{Expr, From, GroupKey, OutCol, Query, Select, SortKey};
use crate::types::{Type, known};
use crate::{Result, SqlError};

/// What the next operator reads: a FROM item with its scope.
type Stage = (From, Scope);

impl Analyzer<'_> {
    pub(super) fn pipe_query(&mut self, query: &ast::Query, outer: &Scope) -> Result<Query> {
        let mut stage = match &query.body {
            Body::From(from) => self.from(from, outer)?,
            body => {
                let out = self.body(body, outer)?;
                let mut out = self.ordered(out, &query.order, outer)?;
                self.limit(&mut out, query.limit.as_ref(), query.offset.as_ref(), outer)?;
                self.query_source(out, None, &Scope::child(outer), false)
            }
        };
        let mut with = Vec::new();
        for (pipe, at) in &query.pipes {
            if let Pipe::With(ctes) = pipe {
                with.extend(self.ctes(ctes, false, outer)?);
                continue;
            }
            stage = self.pipe_step(pipe, stage, outer, *at)?;
        }
        let mut out = self.select_star(stage.0, &stage.1);
        out.with = with;
        Ok(out)
    }

    fn pipe_step(&mut self, pipe: &Pipe, (from, scope): Stage, outer: &Scope, at: usize) -> Result<Stage> {
        match pipe {
            Pipe::Where(condition) => {
                let found = Some(self.bool(condition, &scope)?);
                let windows = found.as_ref().is_some_and(super::select::has_window);
                let (filter, qualify) = if windows { (None, found) } else { (found, None) };
                let select = Select { from: Some(from), filter, qualify, ..Select::default() };
                Ok(self.advance(select, &scope, &own(&scope), |_| {}))
            }
            Pipe::Order(order) => {
                let keys = self.sort_keys(order, &scope)?;
                Ok(self.advance(plain(from), &scope, &own(&scope), |out| out.order = keys))
            }
            Pipe::Limit(count, offset) => {
                let mut limits = Query::select(Select::default(), Vec::new());
                self.limit(&mut limits, Some(count), offset.as_ref(), outer)?;
                Ok(self.advance(plain(from), &scope, &own(&scope), |out| {
                    (out.limit, out.offset) = (limits.limit, limits.offset);
                }))
            }
            Pipe::Distinct => Ok(self.advance(Select { distinct: true, ..plain(from) }, &scope, &own(&scope), |_| {})),
            Pipe::Extend(items) | Pipe::Window(items) => {
                let mut cols = own(&scope);
                for item in items {
                    self.pick(item, &scope, &mut cols)?;
                }
                Ok(self.advance(plain(from), &scope, &cols, |_| {}))
            }
            Pipe::Set(list) => self.pipe_set(list, from, &scope),
            Pipe::Drop(names) => {
                for name in names {
                    need_column(&scope, name)?;
                }
                let gone = |col: &Picked| names.iter().any(|n| is(col, n));
                let cols: Vec<Picked> = own(&scope).into_iter().filter(|c| !gone(c)).collect();
                Ok(self.advance(plain(from), &scope, &cols, |_| {}))
            }
            Pipe::Rename(pairs) => {
                let mut cols = own(&scope);
                for (old, new) in pairs {
                    need_column(&scope, old)?;
                    cols.iter_mut().filter(|c| is(c, old)).for_each(|c| c.name = Some(new.text.clone()));
                }
                Ok(self.advance(plain(from), &scope, &cols, |_| {}))
            }
            Pipe::As(alias) => {
                let mut scope = scope;
                scope.ranges = vec![Range {
                    alias: alias.text.clone(),
                    cols: scope.star.clone(),
                    value: None,
                    hidden: Vec::new(),
                }];
                Ok((from, scope))
            }
            Pipe::Select(select) => self.pipe_select(select, from, &scope),
            Pipe::Aggregate { items, group, and_order } => {
                self.pipe_aggregate(items, group, *and_order, (from, &scope))
            }
            Pipe::Join { kind, right, on } => self.pipe_join(kind, right, on, (from, scope)),
            Pipe::SetOp(op, queries) => {
                let mut out = self.select_star(from, &scope);
                for query in queries {
                    let right = self.query(query, outer)?;
                    out = self.combine(op, out, right)?;
                }
                Ok(self.query_source(out, None, &Scope::child(outer), false))
            }
            Pipe::Pivot(pivot, alias) => {
                let out = self.pivot(from, &scope, pivot)?;
                Ok(self.query_source(out, alias.as_ref(), &Scope::child(outer), false))
            }
            Pipe::Unpivot(unpivot, alias) => {
                let out = self.unpivot(from, &scope, unpivot)?;
                Ok(self.query_source(out, alias.as_ref(), &Scope::child(outer), false))
            }
            Pipe::Assert(condition, message) => self.pipe_assert(condition, message, (from, &scope)),
            Pipe::StaticDescribe => Ok((from, scope)),
            Pipe::Sample(_) => Err(SqlError::unsupported("|> TABLESAMPLE", at)),
            Pipe::Call(..) => Err(SqlError::unsupported("|> CALL", at)),
            // the caller has taken it
            Pipe::With(_) => Ok((from, scope)),
        }
    }

    /// One more SELECT; table aliases go on meaning the columns that are still there.
    fn advance(
        &mut self,
        mut select: Select,
        scope: &Scope,
        cols: &[Picked],
        finish: impl FnOnce(&mut Query),
    ) -> Stage {
        let alias = self.fresh("pipe");
        let (mut columns, mut star) = (Vec::<OutCol>::new(), Vec::new());
        for col in cols {
            let phys = unique(&columns, col.name.as_deref());
            let ty = known(&col.value.ty);
            select.list.push(self.plain(col.value.clone()));
            star.push(Col { name: col.name.clone(), value: Expr::column(&alias, &phys, ty.clone()) });
            columns.push(OutCol { name: col.name.clone(), phys, ty });
        }
        let moved = |old: &Col| {
            let place = cols.iter().position(|c| c.value == old.value)?;
            Some(Col { name: old.name.clone(), ..star[place].clone() })
        };
        // an item of an array goes on being that item
        let whole = |old: &Option<Expr>| {
            let place = old.as_ref().and_then(|value| cols.iter().position(|c| c.value == *value))?;
            Some(star[place].value.clone())
        };
        let ranges = scope
            .ranges
            .iter()
            .map(|r| Range {
                alias: r.alias.clone(),
                cols: r.cols.iter().filter_map(moved).collect(),
                value: whole(&r.value),
                hidden: Vec::new(),
            })
            .filter(|r| !r.cols.is_empty())
            .collect();
        let mut query = Query::select(select, columns);
        finish(&mut query);
        let from = From::Query { query: Box::new(query), alias, lateral: false };
        let next = Scope { star, ranges, parent: scope.parent.clone(), unknown: scope.unknown, ..Scope::default() };
        (from, next)
    }

    fn pipe_select(&mut self, select: &ast::Select, from: From, scope: &Scope) -> Result<Stage> {
        let mut seen = scope.clone();
        seen.windows = select.windows.iter().map(|(n, w)| (n.text.clone(), w.clone())).collect();
        let mut cols = Vec::new();
        for item in &select.items {
            self.pick(item, &seen, &mut cols)?;
        }
        if select.shape.is_some() {
            let (list, columns) = self.shape(select, &cols)?;
            let mut out = Query::select(Select { distinct: select.distinct, list, ..plain(from) }, columns);
            out.is_value = true;
            return Ok(self.query_source(
                out,
                None,
                &Scope { parent: scope.parent.clone(), ..Scope::default() },
                false,
            ));
        }
        let (from, mut next) = self.advance(Select { distinct: select.distinct, ..plain(from) }, &seen, &cols, |_| {});
        next.ranges.clear();
        Ok((from, next))
    }

    fn pipe_set(&mut self, list: &[(Ident, ast::Expr)], from: From, scope: &Scope) -> Result<Stage> {
        let mut cols = own(scope);
        for (name, value) in list {
            if need_column(scope, name).is_err() {
                let message = format!("Column name in pipe SET not found in input table: {}", name.text);
                return Err(SqlError::semantic(message, name.at));
            }
            let value = self.expr(value, scope)?;
            cols.iter_mut().filter(|c| is(c, name)).for_each(|c| c.value = value.clone());
        }
        Ok(self.advance(plain(from), scope, &cols, |_| {}))
    }

    fn pipe_aggregate(
        &mut self,
        items: &[(Item, Option<bool>)],
        group: &[(GroupItem, Option<bool>)],
        and_order: bool,
        (from, scope): (From, &Scope),
    ) -> Result<Stage> {
        let (mut cols, mut keys, mut order): (Vec<Picked>, Vec<GroupKey>, Vec<SortKey>) = Default::default();
        for (item, direction) in group {
            let GroupItem::Value(value, alias) = item else {
                keys.push(self.group_item(item, &[], scope)?);
                continue;
            };
            let key = self.expr(value, scope)?;
            keys.push(GroupKey::Value(self.plain(key.clone())));
            if and_order || direction.is_some() {
                order.push(self.sort_key(key.clone(), &by(value, *direction == Some(true)))?);
            }
            let name = alias.as_ref().map(|a| a.text.clone()).or_else(|| implied(value));
            cols.push(Picked { name, value: key, alias: true, at: value.at });
        }
        for (item, direction) in items {
            let first = cols.len();
            self.pick(item, scope, &mut cols)?;
            if let Some(plain) = cols[first..].iter().find(|c| !super::select::has_aggregate(&c.value)) {
                let message = "Pipe AGGREGATE cannot include non-aggregate expressions";
                return Err(SqlError::semantic(message, plain.at));
            }
            if let (Some(descending), Item::Value(value, _)) = (direction, item) {
                order.push(self.sort_key(cols[first].value.clone(), &by(value, *descending))?);
            }
        }
        let select = Select { group: keys, ..plain(from) };
        let (from, mut next) = self.advance(select, scope, &cols, |out| out.order = order);
        next.ranges.clear();
        Ok((from, next))
    }

    fn pipe_join(&mut self, kind: &'static str, right: &ast::From, on: &JoinOn, left: Stage) -> Result<Stage> {
        let mut visible = Scope { parent: left.1.parent.clone(), unknown: left.1.unknown, ..Scope::default() };
        visible.star.clone_from(&left.1.star);
        visible.ranges.clone_from(&left.1.ranges);
        let right = self.source(right, &visible)?;
        self.join_scopes(kind, left, right, on)
    }

    fn pipe_assert(
        &mut self,
        condition: &ast::Expr,
        message: &[ast::Expr],
        (from, scope): (From, &Scope),
    ) -> Result<Stage> {
        let mut args = vec![self.bool(condition, scope)?];
        args.extend(self.exprs(message, scope)?);
        let filter = Some(self.form("$assert", args, Type::Bool));
        // a limit keeps conditions that come later from being tried before
        let all = Some(Expr::int(i64::MAX));
        Ok(self.advance(Select { filter, ..plain(from) }, scope, &own(scope), |out| out.limit = all))
    }
}

fn plain(from: From) -> Select {
    Select { from: Some(from), ..Select::default() }
}

fn by(value: &ast::Expr, descending: bool) -> Order {
    Order { value: value.clone(), descending, nulls_first: None, collate: None }
}

fn is(col: &Picked, wanted: &Ident) -> bool {
    col.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&wanted.text))
}

fn need_column(scope: &Scope, name: &Ident) -> Result<()> {
    if scope.unknown || scope.star.iter().any(|c| c.is(&name.text)) { Ok(()) } else { Err(scope.unknown(name)) }
}

/// The visible columns as they are.
fn own(scope: &Scope) -> Vec<Picked> {
    let column = |c: &Col| Picked { name: c.name.clone(), value: c.value.clone(), alias: false, at: 0 };
    scope.star.iter().map(column).collect()
}
