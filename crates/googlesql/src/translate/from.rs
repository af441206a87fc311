//! The FROM clause: what it reads, and the scope it gives.

use super::scope::{Col, Range, Scope};
use super::select::struct_cols;
use super::{OutCol, Output, Result, SqlError, Translator, Typed, column};
use crate::ast::{Expr, From, FromKind, Ident, JoinOn, Kind, Path};
use crate::types::{Type, quote};

impl Translator<'_> {
    /// A FROM clause as DuckDB text with its scope, whose parent is `outer`.
    pub(super) fn from(&mut self, from: &From, outer: &Scope) -> Result<(String, Scope)> {
        let empty = Scope::child(outer);
        self.source(from, &empty)
    }

    /// `left` holds the FROM items before this one, which an array join may name.
    pub(super) fn source(&mut self, from: &From, left: &Scope) -> Result<(String, Scope)> {
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
                let word = if *lateral { "LATERAL " } else { "" };
                Ok(self.query_source(word, out, alias.as_ref(), left))
            }
            FromKind::Unnest { values, alias, offset } => match values.as_slice() {
                [value] => self.unnest_source(value, alias.as_ref(), offset.as_ref(), left),
                _ => Err(SqlError::unsupported("UNNEST of several arrays", from.at)),
            },
            FromKind::Call { call, alias } => {
                let out = self.table_function(call, left)?;
                Ok(self.query_source("", out, alias.as_ref(), left))
            }
            FromKind::Join { kind, left: a, right: b, on } => self.join(kind, a, b, on, left),
            FromKind::Pivot { source, pivot, alias } => {
                let (sql, scope) = self.source(source, left)?;
                let out = self.pivot(&sql, &scope, pivot)?;
                Ok(self.query_source("", out, alias.as_ref(), left))
            }
            FromKind::Unpivot { source, unpivot, alias } => {
                let (sql, scope) = self.source(source, left)?;
                let out = self.unpivot(&sql, &scope, unpivot)?;
                Ok(self.query_source("", out, alias.as_ref(), left))
            }
            FromKind::Sample { source, percent } => {
                let (sql, scope) = self.source(source, left)?;
                let percent = self.expr(percent, left)?;
                Ok((format!("(SELECT * FROM {sql} TABLESAMPLE ({} PERCENT))", percent.sql), scope))
            }
        }
    }

    fn check_system_time(&self, value: Option<&Expr>, at: usize) -> Result<()> {
        let now =
            value.is_some_and(|v| matches!(&v.kind, Kind::Call(c) if c.name.eq_ignore_ascii_case("CURRENT_TIMESTAMP")));
        if now {
            Ok(())
        } else {
            Err(SqlError::unsupported("FOR SYSTEM_TIME AS OF", at).help("DuckDB keeps no history of a table"))
        }
    }

    /// A translated query as a FROM item.
    pub(super) fn query_source(
        &mut self,
        word: &str,
        out: Output,
        alias: Option<&Ident>,
        left: &Scope,
    ) -> (String, Scope) {
        let phys = alias.map_or_else(|| self.fresh("t"), |a| a.text.clone());
        let names: Vec<String> = out.cols.iter().map(|c| quote(&c.phys)).collect();
        let sql = format!("{word}({}) AS {}({})", out.sql, quote(&phys), names.join(", "));
        let scope = self.scope_of(&phys, alias.map(|a| a.text.as_str()), &out.cols, out.value, left);
        (sql, scope)
    }

    fn scope_of(&self, phys: &str, alias: Option<&str>, cols: &[OutCol], value: bool, left: &Scope) -> Scope {
        let mut scope = Scope { parent: left.parent.clone(), ..Scope::default() };
        let mut list: Vec<Col> =
            cols.iter().map(|c| Col { name: c.name.clone(), sql: column(phys, &c.phys), ty: c.ty.clone() }).collect();
        let mut row = None;
        if value && let Some(only) = list.first().cloned() {
            row = Some((only.sql.clone(), only.ty.clone()));
            match &only.ty {
                Type::Struct(fields) => list = struct_cols(&only.sql, fields),
                _ => list[0].name = alias.map(str::to_owned),
            }
        }
        scope.star = list.clone();
        if let Some(alias) = alias {
            scope.ranges.push(Range { alias: alias.to_owned(), cols: list, value: row });
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
    ) -> Result<(String, Scope)> {
        if let [name] = path.parts.as_slice()
            && let Some(cte) = self.ctes.iter().rev().find(|c| c.name.eq_ignore_ascii_case(name)).cloned()
        {
            let shown = alias.map_or_else(|| name.clone(), |a| a.text.clone());
            let sql = format!("{} AS {}", quote(&cte.phys), quote(&shown));
            return Ok((sql, self.scope_of(&shown, Some(&shown), &cte.cols, cte.value, left)));
        }
        if names.len() > 1 && left.find_range(&names[0]).is_some() {
            let value = path_expr(names);
            return self.unnest_source(&value, alias, offset, left);
        }
        let Some(relation) = self.catalog.relation(&path.parts)? else {
            if names.len() > 1 && left.find(&names[0])?.is_some() {
                return self.unnest_source(&path_expr(names), alias, offset, left);
            }
            return Err(SqlError::semantic(format!("Not found: Table {}", path.text()), path.at));
        };
        let shown = alias.map(|a| a.text.clone()).or_else(|| path.parts.last().cloned()).unwrap_or_default();
        let cols: Vec<OutCol> = relation
            .columns
            .iter()
            .map(|(n, ty)| OutCol { name: Some(n.clone()), phys: n.clone(), ty: ty.clone() })
            .collect();
        let sql = format!("{} AS {}", relation.sql, quote(&shown));
        Ok((sql, self.scope_of(&shown, Some(&shown), &cols, false, left)))
    }

    /// `UNNEST(array) [AS alias] [WITH OFFSET [AS name]]`
    fn unnest_source(
        &mut self,
        value: &Expr,
        alias: Option<&Ident>,
        offset: Option<&Option<Ident>>,
        left: &Scope,
    ) -> Result<(String, Scope)> {
        let array = self.expr(value, left)?;
        let element = match &array.ty {
            Type::Array(inner) => super::select::known(inner),
            Type::Null => Type::Int64,
            other => {
                return Err(SqlError::semantic(
                    format!("Values referenced in UNNEST must be arrays. UNNEST contains expression of type {other}"),
                    value.at,
                ));
            }
        };
        let sql_array = match &array.ty {
            Type::Array(inner) if **inner != Type::Null => array.sql.clone(),
            _ => format!("CAST({} AS {}[])", array.sql, element.duck()),
        };
        let phys = self.fresh("u");
        let offset_sql = if offset.is_some() {
            format!(", generate_subscripts({sql_array}, 1) - 1 AS \"o\"")
        } else {
            String::new()
        };
        let sql = format!("LATERAL (SELECT unnest({sql_array}) AS \"v\"{offset_sql}) AS {}", quote(&phys));
        let cols = [OutCol { name: None, phys: "v".into(), ty: element.clone() }];
        let shown = alias.map(|a| a.text.as_str());
        let mut scope = self.scope_of(&phys, shown, &cols, true, left);
        if let Some(name) = offset {
            let name = name.as_ref().map_or_else(|| "offset".to_owned(), |n| n.text.clone());
            let col = Col {
                name: Some(name.clone()),
                sql: format!("CAST({} AS BIGINT)", column(&phys, "o")),
                ty: Type::Int64,
            };
            scope.star.push(col.clone());
            let row = Some((col.sql.clone(), Type::Int64));
            scope.ranges.push(Range { alias: name, cols: vec![col], value: row });
        }
        Ok((sql, scope))
    }

    fn join(&mut self, kind: &str, a: &From, b: &From, on: &JoinOn, left: &Scope) -> Result<(String, Scope)> {
        let (left_sql, left_scope) = self.source(a, left)?;
        // the right side may name the items of the left one (array joins), and what both sit in
        let mut visible = left.clone();
        visible.star.extend(left_scope.star.iter().cloned());
        visible.ranges.extend(left_scope.ranges.iter().cloned());
        let (right_sql, right_scope) = self.source(b, &visible)?;
        for range in &right_scope.ranges {
            if left_scope.range(&range.alias).is_some() {
                return Err(SqlError::semantic(
                    format!("Duplicate table alias {} in the same FROM clause", range.alias),
                    b.at,
                ));
            }
        }
        self.join_scopes(kind, (left_sql, left_scope), (right_sql, right_scope), on)
    }

    pub(super) fn join_scopes(
        &mut self,
        kind: &str,
        a: (String, Scope),
        b: (String, Scope),
        on: &JoinOn,
    ) -> Result<(String, Scope)> {
        let ((left_sql, left), (right_sql, right)) = (a, b);
        let mut scope = left.clone();
        scope.ranges.extend(right.ranges.iter().cloned());
        let right_sql =
            if right_sql.contains(" JOIN ") && !right_sql.starts_with('(') && !right_sql.starts_with("LATERAL") {
                format!("({right_sql})")
            } else {
                right_sql
            };
        if let JoinOn::Using(names) = on {
            let (condition, star) = self.using(kind, &left, &right, names)?;
            scope.star = star;
            return Ok((format!("{left_sql} {kind} JOIN {right_sql} ON {condition}"), scope));
        }
        scope.star.extend(right.star.iter().cloned());
        if kind == "CROSS" {
            return Ok((format!("{left_sql} CROSS JOIN {right_sql}"), scope));
        }
        let condition = match on {
            JoinOn::On(condition) => self.bool(condition, &scope)?,
            _ => "TRUE".to_owned(),
        };
        Ok((format!("{left_sql} {kind} JOIN {right_sql} ON {condition}"), scope))
    }

    /// JOIN USING: the condition, and the columns in BigQuery's order: shared ones, the left's, the right's.
    fn using(&mut self, kind: &str, left: &Scope, right: &Scope, names: &[Ident]) -> Result<(String, Vec<Col>)> {
        let mut conditions = Vec::new();
        let mut star = Vec::new();
        let is = |col: &Col, name: &Ident| col.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&name.text));
        for name in names {
            let find = |scope: &Scope, side: &str| {
                scope.star.iter().find(|c| is(c, name)).cloned().ok_or_else(|| {
                    SqlError::semantic(
                        format!("Column {} in USING clause not found on {side} side of join", name.text),
                        name.at,
                    )
                })
            };
            let (a, b) = (find(left, "left")?, find(right, "right")?);
            let (x, y) = (Typed::new(a.sql.clone(), a.ty.clone()), Typed::new(b.sql.clone(), b.ty.clone()));
            conditions.push(self.comparison("=", &x, &y, name.at)?.sql);
            let ty = a.ty.common(&b.ty).unwrap_or_else(|| a.ty.clone());
            let sql = match kind {
                "FULL" => format!("COALESCE({}, {})", self.convert(&x, &ty), self.convert(&y, &ty)),
                "RIGHT" => b.sql.clone(),
                _ => a.sql.clone(),
            };
            let ty = match kind {
                "FULL" => ty,
                "RIGHT" => b.ty.clone(),
                _ => a.ty.clone(),
            };
            star.push(Col { name: a.name.clone(), sql, ty });
        }
        let rest =
            |scope: &Scope| scope.star.iter().filter(|c| !names.iter().any(|n| is(c, n))).cloned().collect::<Vec<_>>();
        star.extend(rest(left));
        star.extend(rest(right));
        Ok((conditions.join(" AND "), star))
    }
}

fn path_expr(names: &[Ident]) -> Expr {
    let mut value = Expr { at: names[0].at, end: names[0].at, kind: Kind::Name(names[0].clone()) };
    for name in &names[1..] {
        value = Expr { at: value.at, end: name.at, kind: Kind::Field(Box::new(value), name.clone()) };
    }
    value
}
