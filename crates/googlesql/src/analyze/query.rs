//! Queries: WITH, ORDER BY, LIMIT around a body.

use super::scope::Scope;
use super::walk::mentions;
use super::{Analyzer, CteInfo};
use crate::ast;
use crate::query::{Body, Cte, Expr, From, Node, OutCol, Query, Select};
use crate::types::{Field, Type, field_names};
use crate::{Result, SqlError};

impl Analyzer<'_> {
    /// A whole query at the top of a statement. A value table of structs gives its fields as columns.
    pub fn top_query(&mut self, query: &ast::Query) -> Result<Query> {
        let out = self.query(query, &Scope::default())?;
        match out.columns.first().map(|c| c.ty.clone()) {
            Some(Type::Struct(fields)) if out.is_value => Ok(self.flatten(out, &fields)),
            _ => Ok(out),
        }
    }

    fn flatten(&mut self, out: Query, fields: &[Field]) -> Query {
        let alias = self.fresh("v");
        let row = Expr::column(&alias, &out.columns[0].phys, out.columns[0].ty.clone());
        let (mut list, mut columns) = (Vec::new(), Vec::new());
        for (field, phys) in fields.iter().zip(field_names(fields)) {
            list.push(row.clone().field(&phys, field.ty.clone()));
            columns.push(OutCol { name: field.name.clone(), phys, ty: field.ty.clone() });
        }
        around(out, alias, list, columns)
    }

    pub(super) fn query(&mut self, query: &ast::Query, outer: &Scope) -> Result<Query> {
        let depth = self.ctes.len();
        let with = self.with(query, outer)?;
        let out = self.query_body(query, outer);
        self.ctes.truncate(depth);
        let mut out = out?;
        if !with.is_empty() {
            if !out.with.is_empty() {
                out = nested(out);
            }
            out.with = with;
            out.recursive = query.recursive;
        }
        Ok(out)
    }

    fn query_body(&mut self, query: &ast::Query, outer: &Scope) -> Result<Query> {
        if !query.pipes.is_empty() || matches!(query.body, ast::Body::From(_)) {
            return self.pipe_query(query, outer);
        }
        let mut out = match &query.body {
            ast::Body::Select(select) => self.select(select, &query.order, outer)?,
            body => {
                let out = self.body(body, outer)?;
                self.ordered(out, &query.order, outer)?
            }
        };
        self.limit(&mut out, query.limit.as_ref(), query.offset.as_ref(), outer)?;
        Ok(out)
    }

    pub(super) fn body(&mut self, body: &ast::Body, outer: &Scope) -> Result<Query> {
        match body {
            ast::Body::Select(select) => self.select(select, &[], outer),
            ast::Body::Query(query) => self.query(query, outer),
            ast::Body::Set { op, left, right } => self.set_operation(op, left, right, outer),
            ast::Body::From(from) => {
                let (from, scope) = self.from(from, outer)?;
                Ok(self.select_star(from, &scope))
            }
        }
    }

    /// Every visible column of a FROM clause as an output.
    pub(super) fn select_star(&mut self, from: From, scope: &Scope) -> Query {
        let (mut list, mut columns) = (Vec::new(), Vec::new());
        for col in &scope.star {
            let phys = super::select::unique(&columns, col.name.as_deref());
            list.push(col.value.clone());
            columns.push(OutCol { name: col.name.clone(), phys, ty: col.value.ty.clone() });
        }
        Query::select(Select { list, from: Some(from), ..Select::default() }, columns)
    }

    pub(super) fn limit(
        &mut self,
        out: &mut Query,
        limit: Option<&ast::Expr>,
        offset: Option<&ast::Expr>,
        outer: &Scope,
    ) -> Result<()> {
        if limit.is_none() && offset.is_none() {
            return Ok(());
        }
        if out.limit.is_some() || out.offset.is_some() {
            let inner = std::mem::replace(out, Query::of(Body::Values(Vec::new()), Vec::new()));
            *out = nested(inner);
        }
        out.limit = limit.map(|value| self.row_count("LIMIT", value, outer)).transpose()?;
        out.offset = offset.map(|value| self.row_count("OFFSET", value, outer)).transpose()?;
        Ok(())
    }

    /// A number of rows: what is no constant is looked at when it is known.
    pub(super) fn row_count(&mut self, word: &str, value: &ast::Expr, scope: &Scope) -> Result<Expr> {
        let count = self.expr(value, scope)?;
        match (&count.node, &count.ty) {
            (_, Type::Unknown) => Ok(count),
            (Node::Int(n), _) if *n >= 0 => Ok(count),
            (Node::Null | Node::Int(_), _) | (_, Type::Null) => {
                let message = format!("{word} expects a non-negative integer literal or parameter");
                Err(SqlError::semantic(message, value.at))
            }
            (_, Type::Int64) => Ok(self.form("$row_count", vec![count], Type::Int64)),
            (_, ty) => Err(SqlError::semantic(format!("{word} expects an INT64, this is {ty}"), value.at)),
        }
    }

    /// The CTEs of a query, pushed so that the rest sees them.
    fn with(&mut self, query: &ast::Query, outer: &Scope) -> Result<Vec<Cte>> {
        self.ctes(&query.with, query.recursive, outer)
    }

    pub(super) fn ctes(&mut self, list: &[ast::Cte], recursive: bool, outer: &Scope) -> Result<Vec<Cte>> {
        let mut ctes = Vec::new();
        for (i, cte) in list.iter().enumerate() {
            if cte.depth.is_some() {
                return Err(SqlError::unsupported("WITH DEPTH", cte.name.at));
            }
            if list[..i].iter().any(|other| other.name.text.eq_ignore_ascii_case(&cte.name.text)) {
                let message = format!("Duplicate alias {} for WITH subquery", cte.name.text);
                return Err(SqlError::semantic(message, cte.name.at));
            }
            let name = self.cte_name(&cte.name.text);
            let recursive = recursive && mentions(&cte.query, &cte.name.text);
            let out = if recursive { self.recursive_cte(cte, &name, outer)? } else { self.query(&cte.query, outer)? };
            self.ctes.push(CteInfo {
                name: cte.name.text.clone(),
                phys: name.clone(),
                columns: out.columns.clone(),
                is_value: out.is_value,
            });
            ctes.push(Cte { name, query: out });
        }
        Ok(ctes)
    }

    /// A CTE keeps its name unless an outer one of the same name is in sight, whose body it may use.
    fn cte_name(&mut self, name: &str) -> String {
        if self.ctes.iter().any(|c| c.name.eq_ignore_ascii_case(name)) { self.fresh(name) } else { name.to_owned() }
    }

    fn recursive_cte(&mut self, cte: &ast::Cte, phys: &str, outer: &Scope) -> Result<Query> {
        let ast::Body::Set { op, left, right } = &cte.query.body else {
            return Err(SqlError::semantic(
                "Recursive query does not have the form <non-recursive-term> UNION [ALL|DISTINCT] <recursive-term>",
                cte.name.at,
            ));
        };
        let depth = self.ctes.len();
        let with = self.with(&cte.query, outer)?;
        let base = self.body(left, outer)?;
        self.ctes.push(CteInfo {
            name: cte.name.text.clone(),
            phys: phys.to_owned(),
            columns: base.columns.clone(),
            is_value: base.is_value,
        });
        let step = self.body(right, outer)?;
        self.ctes.truncate(depth);
        if let Body::Select(select) = &step.body
            && (!select.group.is_empty() || select.list.iter().any(super::select::has_aggregate))
        {
            // it would never end, since every round gives a row
            const REFUSED: &str = "A subquery containing a recursive reference must not use DISTINCT, GROUP BY, or any aggregate function";
            return Err(SqlError::semantic(REFUSED, cte.name.at));
        }
        if op.kind != "UNION" || base.columns.len() != step.columns.len() {
            return Err(SqlError::semantic("a recursive term needs UNION of queries with as many columns", op.at));
        }
        let mut columns = base.columns.clone();
        for (col, other) in columns.iter_mut().zip(&step.columns) {
            if let Some(ty) = col.ty.common(&other.ty) {
                col.ty = ty;
            }
        }
        let is_value = base.is_value;
        let base = Box::new(self.cast_columns(base, &columns));
        let step = Box::new(self.cast_columns(step, &columns));
        let mut out = Query::of(Body::Recursive { all: op.all, base, step }, columns);
        out.is_value = is_value;
        out.with = with;
        Ok(out)
    }
}

/// A query with brackets around it, so that clauses can be added outside of them.
pub(super) fn nested(query: Query) -> Query {
    let (columns, is_value) = (query.columns.clone(), query.is_value);
    let mut out = Query::of(Body::Nested(Box::new(query)), columns);
    out.is_value = is_value;
    out
}

/// `SELECT list FROM (query) AS alias`
pub(super) fn around(query: Query, alias: String, list: Vec<Expr>, columns: Vec<OutCol>) -> Query {
    let from = From::Query { query: Box::new(query), alias, lateral: false };
    Query::select(Select { list, from: Some(from), ..Select::default() }, columns)
}
