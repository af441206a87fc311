//! Queries: WITH, set operations, ORDER BY, LIMIT and the plain pipe operators.

use super::{Low, Lower, Refused, end, only, refuse, start};
use crate::ast::{Body, Cte, Ident, Pipe, Query, Select, SetOp};
use crate::parse::chain;
use sqlparser::ast::{
    self as theirs, AssignmentTarget, LimitClause, Offset, OffsetRows, OrderBy, OrderByKind, PipeOperator,
    SelectFlavor, SetExpr, SetOperator, SetQuantifier, Spanned,
};

/// WITH's own part of a query.
type Ctes = (bool, Vec<Cte>);

impl Lower<'_> {
    pub(super) fn query(&self, query: &theirs::Query) -> Low<Query> {
        let theirs::Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        only(fetch.is_none() && locks.is_empty() && for_clause.is_none(), "FETCH or FOR")?;
        only(settings.is_none() && format_clause.is_none(), "SETTINGS or FORMAT")?;
        let (recursive, with) = self.ctes(with.as_ref())?;
        let at = self.query_at(query);
        let order = match order_by {
            None => Vec::new(),
            Some(OrderBy { kind: OrderByKind::Expressions(items), interpolate: None }) => self.orders(items)?,
            Some(_) => return refuse("ORDER BY ALL"),
        };
        let (limit, offset) = match limit_clause {
            None => (None, None),
            Some(LimitClause::LimitOffset { limit: Some(limit), offset, limit_by }) if limit_by.is_empty() => {
                let offset = match offset {
                    None => None,
                    Some(Offset { value, rows: OffsetRows::None }) => Some(self.expr(value)?),
                    Some(_) => return refuse("OFFSET .. ROWS"),
                };
                let limit = self.expr(limit)?;
                only(offset.as_ref().is_none_or(|offset| offset.at > limit.at), "OFFSET before LIMIT")?;
                (Some(limit), offset)
            }
            Some(_) => return refuse("a LIMIT of another kind"),
        };
        let pipes = pipe_operators.iter().map(|pipe| self.pipe(pipe)).collect::<Low<_>>()?;
        Ok(Query { at, recursive, with, body: self.body(body)?, order, limit, offset, pipes })
    }

    fn ctes(&self, with: Option<&theirs::With>) -> Low<Ctes> {
        let Some(theirs::With { with_token: _, recursive, cte_tables }) = with else { return Ok((false, Vec::new())) };
        let cte = |cte: &theirs::Cte| {
            let theirs::Cte { alias, query, from, materialized, closing_paren_token: _ } = cte;
            only(from.is_none() && materialized.is_none(), "a CTE of another kind")?;
            only(alias.columns.is_empty() && alias.at.is_none(), "the columns of a CTE")?;
            Ok(Cte { name: self.ident(&alias.name)?, query: self.query(query)?, depth: None })
        };
        Ok((*recursive, cte_tables.iter().map(cte).collect::<Low<_>>()?))
    }

    fn query_at(&self, query: &theirs::Query) -> usize {
        match &query.with {
            Some(with) => start(with.with_token.0.span),
            None => self.body_at(&query.body),
        }
    }

    fn body_at(&self, body: &SetExpr) -> usize {
        match body {
            SetExpr::Select(select) if select.flavor == SelectFlavor::Standard => start(select.select_token.0.span),
            SetExpr::Query(query) => self.back(self.query_at(query), &["("]),
            SetExpr::SetOperation { left, .. } => self.body_at(left),
            other => self.back(start(other.span()), &["FROM"]),
        }
    }

    fn body(&self, body: &SetExpr) -> Low<Body> {
        match body {
            SetExpr::Select(select) if select.flavor == SelectFlavor::Standard => {
                self.select(select).map(|select| Body::Select(Box::new(select)))
            }
            SetExpr::Select(select) => self.leading_from(select).map(|from| Body::From(Box::new(from))),
            SetExpr::Query(query) => self.query(query).map(|query| Body::Query(Box::new(query))),
            SetExpr::SetOperation { .. } => self.sets(body),
            SetExpr::Values(_) | SetExpr::Table(_) => refuse("VALUES or TABLE as a query"),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                refuse("DML as a query")
            }
        }
    }

    /// All queries of `a UNION ALL b UNION ALL c`, which lean to the left here.
    fn sets(&self, body: &SetExpr) -> Low<Body> {
        let (mut first, mut parts) = (body, Vec::new());
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            // INTERSECT binds tighter for sqlparser; BigQuery wants brackets there
            only(!matches!(right.as_ref(), SetExpr::SetOperation { .. }), "mixed set operations")?;
            parts.push((self.set_op(op, set_quantifier, self.body_at(right))?, self.body(right)?));
            first = left;
        }
        let mut left = self.body(first)?;
        let mut rest: Vec<(SetOp, Body)> = Vec::new();
        for (op, part) in parts.into_iter().rev() {
            if rest.last().is_some_and(|(last, _)| !chain::is_same(last, &op)) {
                left = chain::bodies(left, std::mem::take(&mut rest));
            }
            rest.push((op, part));
        }
        Ok(chain::bodies(left, rest))
    }

    fn set_op(&self, op: &SetOperator, quantifier: &SetQuantifier, right: usize) -> Low<SetOp> {
        let kind = match op {
            SetOperator::Union => "UNION",
            SetOperator::Except => "EXCEPT",
            SetOperator::Intersect => "INTERSECT",
            SetOperator::Minus => return refuse("MINUS"),
        };
        let (all, by_name) = match quantifier {
            SetQuantifier::All => (true, None),
            SetQuantifier::Distinct => (false, None),
            SetQuantifier::AllByName => (true, Some(None)),
            SetQuantifier::DistinctByName => (false, Some(None)),
            SetQuantifier::None | SetQuantifier::ByName => return refuse("a set operation without ALL or DISTINCT"),
        };
        let at = self.back(right, &[kind]);
        Ok(SetOp { at, kind, all, mode: None, strict: by_name.is_some(), by_name })
    }

    /// One pipe operator and where its `|>` stands. The ones that sqlparser keeps only in part are refused.
    fn pipe(&self, pipe: &PipeOperator) -> Low<(Pipe, usize)> {
        let at = |at| self.back(at, &["|>"]);
        Ok(match pipe {
            PipeOperator::Where { expr } => {
                let condition = self.expr(expr)?;
                let place = at(condition.at);
                (Pipe::Where(condition), place)
            }
            PipeOperator::Limit { expr, offset } => {
                let count = self.expr(expr)?;
                let place = at(count.at);
                (Pipe::Limit(count, offset.as_ref().map(|value| self.expr(value)).transpose()?), place)
            }
            PipeOperator::OrderBy { exprs } => {
                let items = self.orders(exprs)?;
                let place = at(items.first().ok_or(Refused("ORDER BY nothing"))?.value.at);
                (Pipe::Order(items), place)
            }
            PipeOperator::Select { exprs } => {
                let (items, place) = self.pipe_items(exprs)?;
                let next = self.tokens[(self.index(place) + 2).min(self.tokens.len() - 1)].at;
                (Pipe::Select(Box::new(bare_select(next, items))), place)
            }
            PipeOperator::Extend { exprs } => {
                let (items, place) = self.pipe_items(exprs)?;
                (Pipe::Extend(items), place)
            }
            PipeOperator::As { alias } => (Pipe::As(self.ident(alias)?), at(start(alias.span))),
            PipeOperator::Drop { columns } => {
                let first = columns.first().ok_or(Refused("DROP nothing"))?;
                (Pipe::Drop(self.idents(columns)?), at(start(first.span)))
            }
            PipeOperator::Rename { mappings } => {
                let pair = |m: &theirs::IdentWithAlias| Ok((self.ident(&m.ident)?, self.ident(&m.alias)?));
                let pairs: Vec<(Ident, Ident)> = mappings.iter().map(pair).collect::<Low<_>>()?;
                let place = at(pairs.first().ok_or(Refused("RENAME nothing"))?.0.at);
                (Pipe::Rename(pairs), place)
            }
            PipeOperator::Set { assignments } => {
                let pair = |a: &theirs::Assignment| match &a.target {
                    AssignmentTarget::ColumnName(name) => Ok((self.single(name)?, self.expr(&a.value)?)),
                    AssignmentTarget::Tuple(_) => refuse("SET of a tuple"),
                };
                let pairs: Vec<_> = assignments.iter().map(pair).collect::<Low<_>>()?;
                let place = at(pairs.first().ok_or(Refused("SET nothing"))?.0.at);
                (Pipe::Set(pairs), place)
            }
            PipeOperator::Join(_)
            | PipeOperator::Aggregate { .. }
            | PipeOperator::TableSample { .. }
            | PipeOperator::Union { .. }
            | PipeOperator::Intersect { .. }
            | PipeOperator::Except { .. }
            | PipeOperator::Call { .. }
            | PipeOperator::Pivot { .. }
            | PipeOperator::Unpivot { .. } => return refuse("a pipe operator"),
        })
    }

    fn pipe_items(&self, items: &[theirs::SelectItem]) -> Low<(Vec<crate::ast::Item>, usize)> {
        let first = items.first().ok_or(Refused("an empty list"))?;
        let place = end(first.span());
        Ok((self.items(items)?, self.back(place, &["|>"])))
    }
}

fn bare_select(at: usize, items: Vec<crate::ast::Item>) -> Select {
    Select {
        at,
        distinct: false,
        shape: None,
        items,
        from: None,
        condition: None,
        group: None,
        having: None,
        qualify: None,
        windows: Vec::new(),
    }
}
