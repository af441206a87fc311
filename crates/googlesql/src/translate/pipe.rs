//! Pipe queries: every operator is one more SELECT around what came before.

use super::scope::{Col, Range, Scope};
use super::select::{Picked, implied, known, unique};
use super::{OutCol, Output, Result, SqlError, Translator, Typed, column};
use crate::ast::{Body, Expr, GroupItem, Ident, Item, JoinOn, Pipe, Query};
use crate::types::quote;

/// What the next operator reads: a FROM text with its scope.
type Stage = (String, Scope);

fn is(name: Option<&str>, wanted: &Ident) -> bool {
    name.is_some_and(|n| n.eq_ignore_ascii_case(&wanted.text))
}

impl Translator<'_> {
    pub(super) fn pipe_query(&mut self, query: &Query, outer: &Scope) -> Result<Output> {
        let mut stage = match &query.body {
            Body::From(from) => self.from(from, outer)?,
            body => {
                let mut out = self.body(body, outer)?;
                out = self.ordered(out, &query.order, outer)?;
                out.sql.push_str(&self.limit(query.limit.as_ref(), query.offset.as_ref(), outer)?);
                self.query_source("", out, None, &Scope::child(outer))
            }
        };
        for (pipe, at) in &query.pipes {
            stage = self.pipe_step(pipe, stage, outer, *at)?;
        }
        Ok(self.select_star(&stage.0, &stage.1))
    }

    fn pipe_step(&mut self, pipe: &Pipe, (sql, scope): Stage, outer: &Scope, at: usize) -> Result<Stage> {
        match pipe {
            Pipe::Where(condition) => {
                let tail = format!(" WHERE {}", self.bool(condition, &scope)?);
                Ok(self.advance(&sql, &scope, &own(&scope), "", &tail))
            }
            Pipe::Order(order) => {
                let tail = format!(" ORDER BY {}", self.sort_keys(order, &scope)?);
                Ok(self.advance(&sql, &scope, &own(&scope), "", &tail))
            }
            Pipe::Limit(count, offset) => {
                let tail = self.limit(Some(count), offset.as_ref(), outer)?;
                Ok(self.advance(&sql, &scope, &own(&scope), "", &tail))
            }
            Pipe::Distinct => Ok(self.advance(&sql, &scope, &own(&scope), "DISTINCT ", "")),
            Pipe::Extend(items) | Pipe::Window(items) => {
                let mut cols = own(&scope);
                for item in items {
                    self.pick(item, &scope, &mut cols)?;
                }
                Ok(self.advance(&sql, &scope, &cols, "", ""))
            }
            Pipe::Set(list) => self.pipe_set(list, &sql, &scope),
            Pipe::Drop(names) => {
                for name in names {
                    self.need_column(&scope, name)?;
                }
                let cols: Vec<Picked> =
                    own(&scope).into_iter().filter(|c| !names.iter().any(|n| is(c.name.as_deref(), n))).collect();
                Ok(self.advance(&sql, &scope, &cols, "", ""))
            }
            Pipe::Rename(pairs) => {
                let mut cols = own(&scope);
                for (old, new) in pairs {
                    self.need_column(&scope, old)?;
                    cols.iter_mut()
                        .filter(|c| is(c.name.as_deref(), old))
                        .for_each(|c| c.name = Some(new.text.clone()));
                }
                Ok(self.advance(&sql, &scope, &cols, "", ""))
            }
            Pipe::As(alias) => {
                let mut scope = scope;
                scope.ranges = vec![Range { alias: alias.text.clone(), cols: scope.star.clone(), value: None }];
                Ok((sql, scope))
            }
            Pipe::Select(select) => {
                let mut seen = scope.clone();
                seen.windows = select.windows.iter().map(|(n, w)| (n.text.clone(), w.clone())).collect();
                let mut cols = Vec::new();
                for item in &select.items {
                    self.pick(item, &seen, &mut cols)?;
                }
                if select.shape.is_some() {
                    return Err(SqlError::unsupported("|> SELECT AS", at));
                }
                let distinct = if select.distinct { "DISTINCT " } else { "" };
                let (sql, mut next) = self.advance(&sql, &seen, &cols, distinct, "");
                next.ranges.clear();
                Ok((sql, next))
            }
            Pipe::Aggregate { items, group, and_order } => {
                self.pipe_aggregate(items, group, *and_order, (&sql, &scope))
            }
            Pipe::Join { kind, right, on } => self.pipe_join(kind, right, on, (sql, scope)),
            Pipe::SetOp(op, queries) => {
                let mut out = self.select_star(&sql, &scope);
                for query in queries {
                    let right = self.query(query, outer)?;
                    out = self.combine(op, out, right)?;
                }
                Ok(self.query_source("", out, None, &Scope::child(outer)))
            }
            Pipe::Pivot(pivot, alias) => {
                let out = self.pivot(&sql, &scope, pivot)?;
                Ok(self.query_source("", out, alias.as_ref(), &Scope::child(outer)))
            }
            Pipe::Unpivot(unpivot, alias) => {
                let out = self.unpivot(&sql, &scope, unpivot)?;
                Ok(self.query_source("", out, alias.as_ref(), &Scope::child(outer)))
            }
            Pipe::Assert(condition, message) => self.pipe_assert(condition, message, (&sql, &scope)),
            Pipe::StaticDescribe => Ok((sql, scope)),
            Pipe::Sample(_) => Err(SqlError::unsupported("|> TABLESAMPLE", at)),
            Pipe::Call(..) => Err(SqlError::unsupported("|> CALL", at)),
            Pipe::With(_) => Err(SqlError::unsupported("|> WITH", at)),
        }
    }

    fn need_column(&self, scope: &Scope, name: &Ident) -> Result<()> {
        if scope.star.iter().any(|c| is(c.name.as_deref(), name)) { Ok(()) } else { Err(scope.unknown(name)) }
    }

    /// One more SELECT; table aliases go on meaning the columns that are still there.
    fn advance(&mut self, sql: &str, scope: &Scope, cols: &[Picked], distinct: &str, tail: &str) -> Stage {
        let alias = self.fresh("pipe");
        let (mut out, mut list, mut star) = (Vec::<OutCol>::new(), Vec::new(), Vec::new());
        for col in cols {
            let phys = unique(&out, col.name.as_deref());
            list.push(format!("{} AS {}", self.plain(&col.value), quote(&phys)));
            star.push(Col { name: col.name.clone(), sql: column(&alias, &phys), ty: known(&col.value.ty) });
            out.push(OutCol { name: col.name.clone(), phys, ty: known(&col.value.ty) });
        }
        let moved = |old: &Col| {
            cols.iter().position(|c| c.value.sql == old.sql).map(|i| Col { name: old.name.clone(), ..star[i].clone() })
        };
        let ranges = scope
            .ranges
            .iter()
            .map(|r| Range { alias: r.alias.clone(), cols: r.cols.iter().filter_map(moved).collect(), value: None })
            .filter(|r| !r.cols.is_empty())
            .collect();
        let text = format!("(SELECT {distinct}{} FROM {sql}{tail}) AS {}", list.join(", "), quote(&alias));
        (text, Scope { star: star.clone(), ranges, parent: scope.parent.clone(), ..Scope::default() })
    }

    fn pipe_set(&mut self, list: &[(Ident, Expr)], sql: &str, scope: &Scope) -> Result<Stage> {
        let mut cols = own(scope);
        for (name, value) in list {
            self.need_column(scope, name)?;
            let value = self.expr(value, scope)?;
            cols.iter_mut().filter(|c| is(c.name.as_deref(), name)).for_each(|c| c.value = value.clone());
        }
        Ok(self.advance(sql, scope, &cols, "", ""))
    }

    fn pipe_aggregate(
        &mut self,
        items: &[(Item, Option<bool>)],
        group: &[(GroupItem, Option<bool>)],
        and_order: bool,
        (sql, scope): (&str, &Scope),
    ) -> Result<Stage> {
        let (mut cols, mut keys, mut order) = (Vec::new(), Vec::new(), Vec::new());
        for (item, direction) in group {
            let GroupItem::Value(value, alias) = item else {
                keys.push(self.group_item(item, &[], scope)?);
                continue;
            };
            let key = self.expr(value, scope)?;
            keys.push(self.plain(&key));
            if and_order || direction.is_some() {
                let item = crate::ast::Order {
                    value: value.clone(),
                    descending: *direction == Some(true),
                    nulls_first: None,
                    collate: None,
                };
                order.push(self.sort_key(&key, &item)?);
            }
            let name = alias.as_ref().map(|a| a.text.clone()).or_else(|| implied(value));
            cols.push(Picked { name, value: key, alias: true });
        }
        for (item, direction) in items {
            let from = cols.len();
            self.pick(item, scope, &mut cols)?;
            if let (Some(descending), Item::Value(value, _)) = (direction, item) {
                let key = crate::ast::Order {
                    value: value.clone(),
                    descending: *descending,
                    nulls_first: None,
                    collate: None,
                };
                order.push(self.sort_key(&cols[from].value.clone(), &key)?);
            }
        }
        let mut tail = if keys.is_empty() { String::new() } else { format!(" GROUP BY {}", keys.join(", ")) };
        if !order.is_empty() {
            tail.push_str(&format!(" ORDER BY {}", order.join(", ")));
        }
        let (text, mut next) = self.advance(sql, scope, &cols, "", &tail);
        next.ranges.clear();
        Ok((text, next))
    }

    fn pipe_join(&mut self, kind: &str, right: &crate::ast::From, on: &JoinOn, left: Stage) -> Result<Stage> {
        let mut visible = Scope { parent: left.1.parent.clone(), ..Scope::default() };
        visible.star.clone_from(&left.1.star);
        visible.ranges.clone_from(&left.1.ranges);
        let right = self.source(right, &visible)?;
        self.join_scopes(kind, left, right, on)
    }

    fn pipe_assert(&mut self, condition: &Expr, message: &[Expr], (sql, scope): (&str, &Scope)) -> Result<Stage> {
        let test = self.bool(condition, scope)?;
        let mut parts = vec!["'Assert failed'".to_owned()];
        for part in message {
            let value = self.expr(part, scope)?;
            parts.push(self.shown(&value, false, part.at)?);
        }
        let shown = if parts.len() == 1 {
            parts[0].clone()
        } else {
            format!("'Assert failed: ' || {}", parts[1..].join(" || "))
        };
        let tail = format!(" WHERE CASE WHEN {test} THEN TRUE ELSE error({shown}) END");
        Ok(self.advance(sql, scope, &own(scope), "", &tail))
    }
}

/// The visible columns as they are.
fn own(scope: &Scope) -> Vec<Picked> {
    scope
        .star
        .iter()
        .map(|c| Picked { name: c.name.clone(), value: Typed::new(c.sql.clone(), c.ty.clone()), alias: false })
        .collect()
}
