//! Values that are used several times and computed once: they get a name around what uses them. What cannot stand inside a
//! lambda (subqueries, aggregates, windows) takes the value itself instead, up to a limit.

use super::scope::{Scope, same};
use super::{Analyzer, walk::walk};
use crate::ast::{self, Ident, Kind};
use crate::query::{Expr, Node, OutCol, Query, Select, SubqueryKind};
use crate::types::Type;
use crate::{Result, SqlError};
use std::fmt::Write;

/// How long an expression may be, as its tree is written out, once arguments stand in the place of parameters.
const LONGEST: usize = 4_000_000;

impl Analyzer<'_> {
    /// `body` over a value that it repeats. `heavy` says that what stands beside the value cannot be inside a lambda.
    pub(super) fn once(
        &mut self,
        value: Expr,
        heavy: bool,
        body: impl FnOnce(&mut Self, Expr) -> Result<Expr>,
    ) -> Result<Expr> {
        let written = matches!(value.node, Node::Struct(_) | Node::Array(_));
        if heavy || written || value.is_simple() || matches!(value.ty, Type::Null | Type::Unknown) {
            return body(self, value);
        }
        let name = Expr::new(Node::Local("_it".into()), value.ty.clone());
        let inner = body(self, name)?;
        let ty = inner.ty.clone();
        Ok(Expr::new(Node::Let(vec![("_it".into(), value)], Box::new(inner)), ty))
    }

    /// The body of a function over its arguments.
    pub(super) fn applied(&mut self, call: &ast::Call, body: &ast::Expr, bound: &[(String, Expr)]) -> Result<Expr> {
        if self.heavy.contains(&call.name.to_lowercase()) {
            return self.applied_in_query(call, body, bound);
        }
        let level = self.expanding.len();
        let (mut first, mut named) = (Vec::new(), Vec::new());
        for (param, value) in bound {
            if uses(body, param) < 2 || value.is_simple() {
                first.push((param.clone(), value.clone()));
                continue;
            }
            let name = format!("_{level}_{}", param.to_lowercase());
            let value = self.plain(value.clone());
            first.push((param.clone(), Expr::new(Node::Local(name.clone()), value.ty.clone())));
            named.push((name, value));
        }
        let value = self.expr(body, &Scope { first, ..Scope::default() })?;
        if value.is_heavy() && bound.iter().any(|(_, value)| !value.is_simple()) {
            self.heavy.insert(call.name.to_lowercase());
            return self.applied_in_query(call, body, bound);
        }
        if named.is_empty() {
            return Ok(value);
        }
        let ty = value.ty.clone();
        Ok(Expr::new(Node::Let(named, Box::new(value)), ty))
    }

    /// A body with subqueries: `(SELECT body FROM (SELECT argument AS x))`. What is aggregated stays in its own query.
    fn applied_in_query(&mut self, call: &ast::Call, body: &ast::Expr, bound: &[(String, Expr)]) -> Result<Expr> {
        let alias = self.fresh("a");
        let (mut first, mut list, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        let mut repeated = false;
        for (i, (param, value)) in bound.iter().enumerate() {
            let aggregated = super::select::has_aggregate(value) || super::select::has_window(value);
            repeated |= aggregated;
            if value.is_simple() || aggregated {
                first.push((param.clone(), value.clone()));
                continue;
            }
            let value = self.plain(value.clone());
            let phys = format!("p{i}");
            first.push((param.clone(), Expr::column(&alias, &phys, value.ty.clone())));
            columns.push(OutCol { name: None, phys, ty: value.ty.clone() });
            list.push(value);
        }
        let value = self.expr(body, &Scope { first, ..Scope::default() })?;
        let value = if repeated { short_enough(value, &call.name, call.at)? } else { value };
        if list.is_empty() {
            return Ok(value);
        }
        let ty = value.ty.clone();
        let column = OutCol { name: None, phys: "v".into(), ty: ty.clone() };
        let arguments = Query::select(Select { list, ..Select::default() }, columns);
        let query = super::query::around(arguments, alias, vec![value], vec![column]);
        Ok(Expr::new(Node::Subquery(SubqueryKind::Scalar, Box::new(query)), ty))
    }

    /// `WITH(a AS x, b AS a + 1, b * b)`
    pub(super) fn with_expr(
        &mut self,
        bindings: &[(Ident, ast::Expr)],
        body: &ast::Expr,
        scope: &Scope,
    ) -> Result<Expr> {
        let level = self.expanding.len();
        for names in [true, false] {
            let (mut inner, mut named, mut heavy) = (scope.clone(), Vec::new(), false);
            for (i, (name, bound)) in bindings.iter().enumerate() {
                let value = self.expr(bound, &inner)?;
                heavy |= i > 0 && value.is_heavy();
                let later = bindings[i + 1..].iter().map(|(_, later)| later).chain([body]);
                let repeated = later.map(|later| uses(later, &name.text)).sum::<usize>() > 1;
                if !names || !repeated || value.is_simple() {
                    inner.first.push((name.text.clone(), value));
                    continue;
                }
                let (local, value) = (format!("_{level}_{i}_{}", name.text.to_lowercase()), self.plain(value));
                inner.first.push((name.text.clone(), Expr::new(Node::Local(local.clone()), value.ty.clone())));
                named.push((local, value));
            }
            let value = self.expr(body, &inner)?;
            if named.is_empty() {
                return if names { Ok(value) } else { short_enough(value, "WITH", body.at) };
            }
            if !heavy && !value.is_heavy() {
                return Ok(named.into_iter().rev().fold(value, |body, binding| {
                    let ty = body.ty.clone();
                    Expr::new(Node::Let(vec![binding], Box::new(body)), ty)
                }));
            }
        }
        Err(SqlError::semantic("the expression WITH cannot be read", body.at))
    }
}

fn short_enough(value: Expr, name: &str, at: usize) -> Result<Expr> {
    if write!(Count(0), "{value:?}").is_ok() {
        return Ok(value);
    }
    let message = format!("{name} repeats its arguments so often that the expression becomes too long");
    Err(SqlError::unsupported(message, at).help("compute the arguments in a subquery before the call"))
}

/// Counts what is written to it, up to a limit.
struct Count(usize);

impl Write for Count {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len();
        if self.0 > LONGEST { Err(std::fmt::Error) } else { Ok(()) }
    }
}

/// How often an expression names something, outside of subqueries.
fn uses(value: &ast::Expr, name: &str) -> usize {
    let mut count = 0;
    walk(value, &mut |part| {
        if let Kind::Name(found) = &part.kind {
            count += usize::from(same(&found.text, name));
        }
    });
    count
}
