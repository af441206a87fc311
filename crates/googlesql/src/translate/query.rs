//! Queries: WITH, ORDER BY, LIMIT around a body.

use super::scope::Scope;
use super::{CteInfo, OutCol, Output, Result, SqlError, Translator};
use crate::ast::{Body, Cte, Expr, FromKind, Query};
use crate::types::{Type, quote};

impl Translator<'_> {
    /// A whole query at the top of a statement. A value table of structs gives its fields as columns.
    pub fn top_query(&mut self, query: &Query) -> Result<Output> {
        let scope = Scope::default();
        let out = self.query(query, &scope)?;
        match out.cols.first().map(|c| c.ty.clone()) {
            Some(Type::Struct(fields)) if out.value => Ok(self.flatten(&out, &fields)),
            _ => Ok(out),
        }
    }

    fn flatten(&mut self, out: &Output, fields: &[crate::types::Field]) -> Output {
        let names = crate::types::field_names(fields);
        let alias = self.fresh("v");
        let mut cols = Vec::new();
        let mut list = Vec::new();
        for (field, phys) in fields.iter().zip(names) {
            list.push(format!("({}).{} AS {}", super::column(&alias, &out.cols[0].phys), quote(&phys), quote(&phys)));
            cols.push(OutCol { name: field.name.clone(), phys, ty: field.ty.clone() });
        }
        Output {
            sql: format!("SELECT {} FROM ({}) AS {}", list.join(", "), out.sql, quote(&alias)),
            cols,
            value: false,
            literals: Vec::new(),
        }
    }

    pub(super) fn query(&mut self, query: &Query, outer: &Scope) -> Result<Output> {
        let depth = self.ctes.len();
        let with = self.with(query, outer)?;
        let out = self.query_body(query, outer);
        self.ctes.truncate(depth);
        let mut out = out?;
        if !with.is_empty() {
            let word = if query.recursive { "WITH RECURSIVE" } else { "WITH" };
            out.sql = format!("{word} {} {}", with.join(", "), out.sql);
        }
        Ok(out)
    }

    fn query_body(&mut self, query: &Query, outer: &Scope) -> Result<Output> {
        if !query.pipes.is_empty() || matches!(query.body, Body::From(_)) {
            return self.pipe_query(query, outer);
        }
        let mut out = match &query.body {
            Body::Select(select) => self.select(select, &query.order, outer)?,
            body => {
                let out = self.body(body, outer)?;
                self.ordered(out, &query.order, outer)?
            }
        };
        out.sql.push_str(&self.limit(query.limit.as_ref(), query.offset.as_ref(), outer)?);
        Ok(out)
    }

    pub(super) fn body(&mut self, body: &Body, outer: &Scope) -> Result<Output> {
        match body {
            Body::Select(select) => self.select(select, &[], outer),
            Body::Query(query) => {
                let mut out = self.query(query, outer)?;
                let closed = !query.order.is_empty()
                    || query.limit.is_some()
                    || !query.with.is_empty()
                    || matches!(query.body, Body::Set { .. });
                if closed {
                    let alias = self.fresh("q");
                    out.sql = format!("SELECT * FROM ({}) AS {}", out.sql, quote(&alias));
                }
                Ok(out)
            }
            Body::Set { op, left, right } => self.set_operation(op, left, right, outer),
            Body::From(from) => {
                let (sql, scope) = self.from(from, outer)?;
                Ok(self.select_star(&sql, &scope))
            }
        }
    }

    /// Every visible column of a FROM clause as an output.
    pub(super) fn select_star(&mut self, from: &str, scope: &Scope) -> Output {
        let mut out = Output::default();
        let mut list = Vec::new();
        for col in &scope.star {
            let phys = super::select::unique(&out.cols, col.name.as_deref());
            list.push(format!("{} AS {}", col.sql, quote(&phys)));
            out.cols.push(OutCol { name: col.name.clone(), phys, ty: col.ty.clone() });
        }
        out.sql = format!("SELECT {} FROM {from}", list.join(", "));
        out
    }

    pub(super) fn limit(&mut self, limit: Option<&Expr>, offset: Option<&Expr>, outer: &Scope) -> Result<String> {
        let mut sql = String::new();
        for (word, value) in [("LIMIT", limit), ("OFFSET", offset)] {
            if let Some(value) = value {
                let count = self.expr(value, outer)?;
                if count.ty != Type::Int64 && !count.is_null() {
                    return Err(SqlError::semantic(format!("{word} expects an INT64"), value.at));
                }
                if count.sql.starts_with("(-") || count.sql.starts_with('-') {
                    return Err(SqlError::semantic(format!("{word} must not be negative"), value.at));
                }
                let sql_value = if count.is_null() {
                    return Err(SqlError::semantic(format!("{word} must not be NULL"), value.at));
                } else {
                    count.sql
                };
                sql.push_str(&format!(" {word} {sql_value}"));
            }
        }
        Ok(sql)
    }

    /// The CTEs of a query as `name AS (...)`, pushed so that the rest sees them.
    fn with(&mut self, query: &Query, outer: &Scope) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for cte in &query.with {
            if cte.depth.is_some() {
                return Err(SqlError::unsupported("WITH DEPTH", cte.name.at));
            }
            let phys = self.cte_name(&cte.name.text);
            let recursive = query.recursive && mentions(&cte.query, &cte.name.text);
            let out = if recursive { self.recursive_cte(cte, &phys, outer)? } else { self.query(&cte.query, outer)? };
            let names: Vec<String> = out.cols.iter().map(|c| quote(&c.phys)).collect();
            texts.push(format!("{}({}) AS ({})", quote(&phys), names.join(", "), out.sql));
            self.ctes.push(CteInfo { name: cte.name.text.clone(), phys, cols: out.cols, value: out.value });
        }
        Ok(texts)
    }

    /// A CTE keeps its name unless an outer one of the same name is in sight, whose body it may use.
    fn cte_name(&mut self, name: &str) -> String {
        if self.ctes.iter().any(|c| c.name.eq_ignore_ascii_case(name)) { self.fresh(name) } else { name.to_owned() }
    }

    fn recursive_cte(&mut self, cte: &Cte, phys: &str, outer: &Scope) -> Result<Output> {
        let Body::Set { op, left, right } = &cte.query.body else {
            return Err(SqlError::semantic(format!("recursive query {} must be a UNION", cte.name.text), cte.name.at));
        };
        let depth = self.ctes.len();
        let with = self.with(&cte.query, outer)?;
        let base = self.body(left, outer)?;
        let info =
            CteInfo { name: cte.name.text.clone(), phys: phys.to_owned(), cols: base.cols.clone(), value: base.value };
        self.ctes.push(info);
        let step = self.body(right, outer)?;
        let mut cols = base.cols.clone();
        for (col, other) in cols.iter_mut().zip(&step.cols) {
            if let Some(ty) = col.ty.common(&other.ty) {
                col.ty = ty;
            }
        }
        let base = self.cast_columns(base, &cols);
        let step = self.cast_columns(step, &cols);
        self.ctes.truncate(depth);
        if op.kind != "UNION" || base.cols.len() != step.cols.len() {
            return Err(SqlError::semantic("a recursive term needs UNION of queries with as many columns", op.at));
        }
        let all = if op.all { "UNION ALL" } else { "UNION" };
        let mut sql = format!("({}) {all} ({})", base.sql, step.sql);
        if !with.is_empty() {
            sql = format!("WITH {} {sql}", with.join(", "));
        }
        Ok(Output { sql, cols, value: base.value, literals: Vec::new() })
    }
}

/// Whether a query names a table anywhere, found on the syntax tree's debug form of its paths.
fn mentions(query: &Query, name: &str) -> bool {
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
