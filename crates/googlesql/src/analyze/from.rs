//! The FROM clause: what it reads, and the scope it gives.

use super::Analyzer;
use super::scope::{Col, Range, Scope};
use super::select::struct_cols;
use crate::ast::{self, FromKind, Ident, JoinOn, Kind, Path};
use crate::query::{Casting, Expr, From, Node, OutCol, Query, Table};
use crate::types::{Type, known};
use crate::{Result, SqlError};

impl Analyzer<'_> {
    /// A FROM clause with its scope, whose parent is `outer`.
    pub(super) fn from(&mut self, from: &ast::From, outer: &Scope) -> Result<(From, Scope)> {
        let empty = Scope::child(outer);
        self.source(from, &empty)
    }

    /// `left` holds the FROM items before this one, which an array join may name.
    pub(super) fn source(&mut self, from: &ast::From, left: &Scope) -> Result<(From, Scope)> {
        match &from.kind {
            FromKind::Table { path, names, alias, offset, as_of } => {
                if as_of.is_some() {
                    self.check_system_time(as_of.as_ref(), from.at)?;
                }
                self.table_source(path, names, alias.as_ref(), offset.as_ref(), left)
            }
            FromKind::Query { query, alias, lateral } => {
                let outer = if *lateral { left.clone() } else { left.parent.as_deref().cloned().unwrap_or_default() };
                let out = self.query(query, &outer)?;
                Ok(self.query_source(out, alias.as_ref(), left, *lateral))
            }
            FromKind::Unnest { values, alias, offset } => match values.as_slice() {
                [value] => self.unnest_source(value, alias.as_ref(), offset.as_ref(), left),
                _ => Err(SqlError::unsupported("UNNEST of several arrays", from.at)),
            },
            FromKind::Call { call, alias } => {
                let out = self.table_function(call, left)?;
                Ok(self.query_source(out, alias.as_ref(), left, false))
            }
            FromKind::Join { kind, left: a, right: b, on } => self.join(kind, a, b, on, left),
            FromKind::Pivot { source, pivot, alias } => {
                let (source, scope) = self.source(source, left)?;
                let out = self.pivot(source, &scope, pivot)?;
                Ok(self.query_source(out, alias.as_ref(), left, false))
            }
            FromKind::Unpivot { source, unpivot, alias } => {
                let (source, scope) = self.source(source, left)?;
                let out = self.unpivot(source, &scope, unpivot)?;
                Ok(self.query_source(out, alias.as_ref(), left, false))
            }
            FromKind::Sample { source, percent } => {
                let (source, scope) = self.source(source, left)?;
                let percent = self.expr(percent, left)?;
                Ok((From::Sample { source: Box::new(source), percent }, scope))
            }
        }
    }

    fn check_system_time(&self, value: Option<&ast::Expr>, at: usize) -> Result<()> {
        let now =
            value.is_some_and(|v| matches!(&v.kind, Kind::Call(c) if c.name.eq_ignore_ascii_case("CURRENT_TIMESTAMP")));
        if now {
            Ok(())
        } else {
            Err(SqlError::unsupported("FOR SYSTEM_TIME AS OF", at).help("DuckDB keeps no history of a table"))
        }
    }

    /// A query as a FROM item.
    pub(super) fn query_source(
        &mut self,
        query: Query,
        alias: Option<&Ident>,
        left: &Scope,
        lateral: bool,
    ) -> (From, Scope) {
        let phys = alias.map_or_else(|| self.fresh("t"), |a| a.text.clone());
        let shown = alias.map(|a| a.text.as_str());
        let scope = self.scope_of((&phys, shown), &query.columns, query.is_value, left);
        (From::Query { query: Box::new(query), alias: phys, lateral }, scope)
    }

    fn scope_of(&self, (phys, alias): (&str, Option<&str>), cols: &[OutCol], is_value: bool, left: &Scope) -> Scope {
        let mut scope = Scope { parent: left.parent.clone(), unknown: left.unknown, ..Scope::default() };
        let mut list: Vec<Col> = cols
            .iter()
            .map(|c| Col { name: c.name.clone(), value: Expr::column(phys, &c.phys, c.ty.clone()) })
            .collect();
        let mut row = None;
        if is_value && let Some(only) = list.first().cloned() {
            row = Some(only.value.clone());
            match &only.value.ty {
                Type::Struct(fields) => list = struct_cols(&only.value, fields),
                _ => list[0].name = alias.map(str::to_owned),
            }
        }
        scope.star = list.clone();
        if let Some(alias) = alias {
            scope.ranges.push(Range { alias: alias.to_owned(), cols: list, value: row, hidden: Vec::new() });
        }
        scope
    }

    fn table_source(
        &mut self,
        path: &Path,
        names: &[Ident],
        alias: Option<&Ident>,
        offset: Option<&Option<Ident>>,
        left: &Scope,
    ) -> Result<(From, Scope)> {
        if let [name] = path.parts.as_slice()
            && let Some(cte) = self.ctes.iter().rev().find(|c| c.name.eq_ignore_ascii_case(name)).cloned()
        {
            let shown = alias.map_or_else(|| name.clone(), |a| a.text.clone());
            let scope = self.scope_of((&shown, Some(&shown)), &cte.columns, cte.is_value, left);
            return Ok((From::Cte(cte.phys, shown), scope));
        }
        if names.len() > 1 && left.find_range(&names[0]).is_some() {
            let value = path_expr(names);
            let implied = alias.or(names.last());
            return self.unnest_source(&value, implied, offset, left);
        }
        let Some(table) = self.catalog.relation(&path.parts)? else {
            if names.len() > 1 && left.find(&names[0])?.is_some() {
                return self.unnest_source(&path_expr(names), alias.or(names.last()), offset, left);
            }
            return self.missing_table(path, alias, left);
        };
        let shown = alias.map(|a| a.text.clone()).or_else(|| path.parts.last().cloned()).unwrap_or_default();
        let mut scope = self.scope_of((&shown, Some(&shown)), &table_columns(&table), false, left);
        scope.ranges.iter_mut().for_each(|range| range.hidden = hidden_columns(&table, &shown));
        Ok((From::Table(table, shown), scope))
    }

    /// A table that is not there: an end, or a finding and a scope in which no name can be said to be wrong.
    fn missing_table(&mut self, path: &Path, alias: Option<&Ident>, left: &Scope) -> Result<(From, Scope)> {
        let error = SqlError::semantic(format!("Not found: Table {}", path.text()), path.at);
        let Some(findings) = &mut self.findings else { return Err(error) };
        findings.push(error);
        let shown = alias.map(|a| a.text.clone()).or_else(|| path.parts.last().cloned()).unwrap_or_default();
        let table = Table {
            path: path.parts.clone(),
            engine: String::new(),
            columns: Vec::new(),
            hidden: Vec::new(),
            input: None,
        };
        let scope = Scope { parent: left.parent.clone(), unknown: true, ..Scope::default() };
        Ok((From::Table(table, shown), scope))
    }

    /// `UNNEST(array) [AS alias] [WITH OFFSET [AS name]]`
    fn unnest_source(
        &mut self,
        value: &ast::Expr,
        alias: Option<&Ident>,
        offset: Option<&Option<Ident>>,
        left: &Scope,
    ) -> Result<(From, Scope)> {
        let array = self.expr(value, left)?;
        let element = match &array.ty {
            Type::Array(inner) => known(inner),
            Type::Null => Type::Int64,
            Type::Unknown => Type::Unknown,
            other => {
                return Err(SqlError::semantic(
                    format!("Values referenced in UNNEST must be arrays. UNNEST contains expression of type {other}"),
                    value.at,
                ));
            }
        };
        let array = self.convert(array, &Type::Array(Box::new(element.clone())));
        let phys = self.fresh("u");
        let cols = [OutCol { name: None, phys: "v".into(), ty: element }];
        let shown = alias.map(|a| a.text.as_str());
        let mut scope = self.scope_of((&phys, shown), &cols, true, left);
        if let Some(name) = offset {
            let name = name.as_ref().map_or_else(|| "offset".to_owned(), |n| n.text.clone());
            let value = Expr::column(&phys, "o", Type::Int64);
            let col = Col { name: Some(name.clone()), value: value.clone() };
            scope.star.push(col.clone());
            scope.ranges.push(Range { alias: name, cols: vec![col], value: Some(value), hidden: Vec::new() });
        }
        Ok((From::Unnest { array, alias: phys, offset: offset.is_some(), lateral: true }, scope))
    }

    fn join(
        &mut self,
        kind: &'static str,
        a: &ast::From,
        b: &ast::From,
        on: &JoinOn,
        left: &Scope,
    ) -> Result<(From, Scope)> {
        let (left_from, left_scope) = self.source(a, left)?;
        // the right side may name the items of the left one (array joins), and what both sit in
        let mut visible = left.clone();
        visible.star.extend(left_scope.star.iter().cloned());
        visible.ranges.extend(left_scope.ranges.iter().cloned());
        visible.unknown |= left_scope.unknown;
        let (right_from, right_scope) = self.source(b, &visible)?;
        for range in &right_scope.ranges {
            if left_scope.range(&range.alias).is_some() && range.value.is_none() {
                return Err(SqlError::semantic(
                    format!("Duplicate table alias {} in the same FROM clause", range.alias),
                    b.at,
                ));
            }
        }
        self.join_scopes(kind, (left_from, left_scope), (right_from, right_scope), on)
    }

    pub(super) fn join_scopes(
        &mut self,
        kind: &'static str,
        (left_from, left): (From, Scope),
        (right_from, right): (From, Scope),
        on: &JoinOn,
    ) -> Result<(From, Scope)> {
        let mut scope = left.clone();
        scope.unknown |= right.unknown;
        scope.ranges.extend(right.ranges.iter().cloned());
        let (left_from, right_from) = (Box::new(left_from), Box::new(right_from));
        let join = |on: Option<Expr>| From::Join { kind, left: left_from, right: right_from, on };
        if let JoinOn::Using(names) = on {
            let (condition, star) = self.using(kind, &left, &right, names)?;
            scope.star = star;
            return Ok((join(Some(condition)), scope));
        }
        scope.star.extend(right.star.iter().cloned());
        if kind == "CROSS" {
            return Ok((join(None), scope));
        }
        let condition = match on {
            JoinOn::On(condition) => {
                let found = self.condition(condition, "JOIN ON clause", &scope);
                self.recover(found)?
            }
            _ => Expr::bool(true),
        };
        Ok((join(Some(condition)), scope))
    }

    /// JOIN USING: the condition, and the columns in BigQuery's order: shared ones, the left's, the right's.
    fn using(&mut self, kind: &str, left: &Scope, right: &Scope, names: &[Ident]) -> Result<(Expr, Vec<Col>)> {
        let (mut conditions, mut star) = (Vec::new(), Vec::new());
        for name in names {
            let find = |scope: &Scope, side: &str| match scope.star.iter().find(|c| c.is(&name.text)) {
                Some(col) => Ok(col.clone()),
                None if scope.unknown => {
                    let value = Expr::new(Node::Null, Type::Unknown);
                    Ok(Col { name: Some(name.text.clone()), value })
                }
                None => Err(SqlError::semantic(
                    format!("Column {} in USING clause not found on {side} side of join", name.text),
                    name.at,
                )),
            };
            let (a, b) = (find(left, "left")?, find(right, "right")?);
            conditions.push(self.comparison("=", a.value.clone(), b.value.clone(), name.at)?);
            let ty = a.value.ty.common(&b.value.ty).unwrap_or_else(|| a.value.ty.clone());
            let value = match kind {
                "FULL" => {
                    let sides = vec![self.convert(a.value, &ty), self.convert(b.value, &ty)];
                    self.form("COALESCE", sides, ty)
                }
                "RIGHT" => b.value,
                _ => a.value,
            };
            star.push(Col { name: a.name, value });
        }
        let rest = |scope: &Scope| {
            let left_over = scope.star.iter().filter(|c| !names.iter().any(|n| c.is(&n.text)));
            left_over.cloned().collect::<Vec<_>>()
        };
        star.extend(rest(left));
        star.extend(rest(right));
        let condition = match <[Expr; 1]>::try_from(conditions) {
            Ok([only]) => only,
            Err(conditions) => self.form("$and", conditions, Type::Bool),
        };
        Ok((condition, star))
    }
}

/// The columns of a table that no star gives; the date of a partition is that of its time.
pub(super) fn hidden_columns(table: &Table, alias: &str) -> Vec<Col> {
    let mut cols = Vec::new();
    for (name, ty) in &table.hidden {
        let value = Expr::column(alias, name, ty.clone());
        if name == PARTITION_TIME {
            let casting = Casting { implicit: false, zone: Some(Box::new(Expr::text("UTC"))) };
            let date = Expr::new(Node::Cast(Box::new(value.clone()), casting), Type::Date);
            cols.push(Col { name: Some("_PARTITIONDATE".into()), value: date });
        }
        cols.push(Col { name: Some(name.clone()), value });
    }
    cols
}

/// The hidden column of a table that is partitioned by the time of arrival.
pub(super) const PARTITION_TIME: &str = "_PARTITIONTIME";

/// A table's columns as they are.
pub(super) fn table_columns(table: &Table) -> Vec<OutCol> {
    let column = |(name, ty): &(String, Type)| OutCol { name: Some(name.clone()), phys: name.clone(), ty: ty.clone() };
    table.columns.iter().map(column).collect()
}

fn path_expr(names: &[Ident]) -> ast::Expr {
    let mut value = ast::Expr { at: names[0].at, end: names[0].at, kind: Kind::Name(names[0].clone()) };
    for name in &names[1..] {
        value = ast::Expr { at: value.at, end: name.at, kind: Kind::Field(Box::new(value), name.clone()) };
    }
    value
}
