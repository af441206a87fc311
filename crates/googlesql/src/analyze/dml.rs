//! What changes rows: INSERT, UPDATE, MERGE.

use super::Analyzer;
use super::ddl::find_column;
use super::from::hidden_columns;
use super::query::around;
use super::scope::{Col, Range, Scope};
use super::setop::loose;
use super::statement::{Effect, MergeClause, MergeEffect, Plan, Step};
use crate::ast::{self, Ident, InsertSource, MergeAction, MergeWhen, Path};
use crate::query::{Body, Expr, Node, OutCol, Query, Table};
use crate::types::{Type, field_names};
use crate::{Result, SqlError};

impl Analyzer<'_> {
    pub(super) fn insert(
        &mut self,
        table: &Path,
        columns: &[Ident],
        source: &InsertSource,
        assert_rows: Option<&ast::Expr>,
    ) -> Result<Plan> {
        let relation = self.relation(table)?;
        let target = self.catalog.target(&table.parts);
        let wanted = wanted(&relation, columns)?;
        let count = |n: usize, at: usize| {
            if n == wanted.len() {
                return Ok(());
            }
            let message = format!("Inserted row has wrong column count; Has {n}, expected {}", wanted.len());
            Err(SqlError::semantic(message, at))
        };
        let rows = match source {
            InsertSource::Values(rows) => {
                let mut list = Vec::new();
                for row in rows {
                    count(row.len(), row.first().map_or(table.at, |e| e.at))?;
                    let mut values = Vec::new();
                    for (value, (_, ty)) in row.iter().zip(&wanted) {
                        let given = self.expr(value, &Scope::default())?;
                        values.push(self.assign(given, ty, value.at)?);
                    }
                    list.push(values);
                }
                Query::of(Body::Values(list), out_columns(&wanted))
            }
            InsertSource::Query(query) => {
                let out = self.top_query(query)?;
                count(out.columns.len(), query.at)?;
                let alias = self.fresh("i");
                let mut list = Vec::new();
                for (i, (col, (_, ty))) in out.columns.iter().zip(&wanted).enumerate() {
                    let value = match loose(&out, i) {
                        constant if constant.is_literal_null() || matches!(constant.node, Node::Text(_)) => constant,
                        _ => Expr::column(&alias, &col.phys, col.ty.clone()),
                    };
                    list.push(self.assign(value, ty, query.at)?);
                }
                around(out, alias, list, out_columns(&wanted))
            }
        };
        let columns = wanted.iter().map(|(name, _)| name.clone()).collect();
        let expected = self.expected(assert_rows)?;
        Ok(Plan::of(vec![Step::Insert { table: relation, target, columns, rows }], Effect::Modified { expected }))
    }

    /// The target of UPDATE, DELETE or MERGE: its table, its scope and the alias it goes by.
    pub(super) fn target_scope(&mut self, path: &Path, alias: Option<&Ident>) -> Result<(Table, Scope, String)> {
        let table = self.relation(path)?;
        let shown = alias.map(|a| a.text.clone()).or_else(|| path.parts.last().cloned()).unwrap_or_default();
        let column =
            |(n, ty): &(String, Type)| Col { name: Some(n.clone()), value: Expr::column(&shown, n, ty.clone()) };
        let cols: Vec<Col> = table.columns.iter().map(column).collect();
        let mut scope = Scope { star: cols.clone(), ..Scope::default() };
        let hidden = hidden_columns(&table, &shown);
        scope.ranges.push(Range { alias: shown.clone(), cols, value: None, hidden });
        Ok((table, scope, shown))
    }

    /// New values of columns; several nested fields of one column become one value.
    fn assignments(
        &mut self,
        table: &Table,
        set: &[(Vec<Ident>, ast::Expr)],
        scope: &Scope,
        target: &Scope,
    ) -> Result<Vec<(String, Expr)>> {
        let mut done: Vec<(String, Expr)> = Vec::new();
        for (path, value) in set {
            let through_alias =
                path.len() > 1 && target.range(&path[0].text).is_some() && find_column(table, &path[0]).is_err();
            let path = if through_alias { &path[1..] } else { path };
            let (name, ty) = find_column(table, &path[0])?;
            let given = self.expr(value, scope)?;
            let old = done.iter().position(|(n, _)| *n == name);
            let current = match old {
                Some(i) => done[i].1.clone(),
                None => target
                    .star
                    .iter()
                    .find(|c| c.name.as_deref() == Some(&name))
                    .map_or_else(Expr::null, |c| c.value.clone()),
            };
            let new = self.nested_value(current, &ty, &path[1..], given, value.at)?;
            match old {
                Some(i) if path.len() > 1 => done[i].1 = new,
                Some(_) => {
                    return Err(SqlError::semantic(format!("Update item {name} assigned more than once"), path[0].at));
                }
                None => done.push((name, new)),
            }
        }
        Ok(done)
    }

    /// The value of a column after `column.path = value`.
    fn nested_value(&mut self, current: Expr, ty: &Type, path: &[Ident], value: Expr, at: usize) -> Result<Expr> {
        let Some((head, rest)) = path.split_first() else { return self.assign(value, ty, at) };
        let Type::Struct(fields) = ty else {
            return Err(SqlError::semantic(
                format!("Cannot access field {} on a value with type {ty}", head.text),
                head.at,
            ));
        };
        let mut parts = Vec::new();
        let mut hit = false;
        for (field, phys) in fields.iter().zip(field_names(fields)) {
            let inner = current.clone().field(&phys, field.ty.clone());
            let is_it = field.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&head.text));
            hit |= is_it;
            let part = if is_it { self.nested_value(inner, &field.ty, rest, value.clone(), at)? } else { inner };
            parts.push((phys, part));
        }
        if !hit {
            return Err(SqlError::semantic(format!("Field name {} does not exist in {ty}", head.text), head.at));
        }
        Ok(Expr::new(Node::Struct(parts), ty.clone()))
    }

    pub(super) fn update(
        &mut self,
        target: (&Path, Option<&Ident>),
        set: &[(Vec<Ident>, ast::Expr)],
        from: Option<&ast::From>,
        condition: &ast::Expr,
        assert_rows: Option<&ast::Expr>,
    ) -> Result<Plan> {
        let (table, own, alias) = self.target_scope(target.0, target.1)?;
        let mut scope = own.clone();
        let mut source = None;
        if let Some(from) = from {
            let (item, found) = self.from(from, &Scope::default())?;
            source = Some(item);
            scope.star.extend(found.star);
            scope.ranges.extend(found.ranges);
        }
        let set = self.assignments(&table, set, &scope, &own)?;
        let condition = self.bool(condition, &scope)?;
        let target = self.catalog.target(&target.0.parts);
        let mut steps = Vec::new();
        if let Some(source) = &source {
            steps.push(Step::MatchOnce {
                target: target.clone(),
                alias: alias.clone(),
                source: source.clone(),
                on: condition.clone(),
                reach: None,
            });
        }
        steps.push(Step::Update { table, target, alias, set, from: source, condition });
        let expected = self.expected(assert_rows)?;
        Ok(Plan::of(steps, Effect::Modified { expected }))
    }

    pub(super) fn merge(
        &mut self,
        target: (&Path, Option<&Ident>),
        source: &ast::From,
        on: &ast::Expr,
        whens: &[MergeWhen],
    ) -> Result<Plan> {
        let (table, own, alias) = self.target_scope(target.0, target.1)?;
        let (source, source_scope) = self.from(source, &Scope::default())?;
        let mut both = own.clone();
        both.star.extend(source_scope.star.iter().cloned());
        both.ranges.extend(source_scope.ranges.iter().cloned());
        let on = self.bool(on, &both)?;
        let target = self.catalog.target(&target.0.parts);
        let mut steps = Vec::new();
        let matched: Vec<&MergeWhen> = whens.iter().filter(|when| when.matched).collect();
        if !matched.is_empty() {
            let mut reach = Vec::new();
            for when in &matched {
                reach.push(match &when.condition {
                    Some(condition) => self.bool(condition, &both)?,
                    None => Expr::bool(true),
                });
            }
            steps.push(Step::MatchOnce {
                target: target.clone(),
                alias: alias.clone(),
                source: source.clone(),
                on: on.clone(),
                reach: Some(self.form("$or", reach, Type::Bool)),
            });
        }
        let mut clauses = Vec::new();
        for when in whens {
            clauses.push(self.merge_clause(when, &table, &own, &source_scope, &both)?);
        }
        steps.push(Step::Merge { table, target, alias, source, on, clauses });
        Ok(Plan::of(steps, Effect::Modified { expected: None }))
    }

    fn merge_clause(
        &mut self,
        when: &MergeWhen,
        table: &Table,
        own: &Scope,
        source: &Scope,
        both: &Scope,
    ) -> Result<MergeClause> {
        let (words, seen) = match (when.matched, when.by_source) {
            (true, _) => ("MATCHED", both),
            (false, true) => ("NOT MATCHED BY SOURCE", own),
            (false, false) => ("NOT MATCHED BY TARGET", source),
        };
        let condition = when.condition.as_ref().map(|c| self.bool(c, seen)).transpose()?;
        let effect = match &when.action {
            MergeAction::Delete => MergeEffect::Delete,
            MergeAction::Update(set) => MergeEffect::Update(self.assignments(table, set, seen, own)?),
            MergeAction::Insert { columns, values } => {
                let wanted = wanted(table, columns)?;
                let mut list = Vec::new();
                match values {
                    Some(values) if values.len() != wanted.len() => {
                        return Err(SqlError::semantic(
                            "the INSERT of this MERGE has another number of values than columns",
                            when.at,
                        ));
                    }
                    Some(values) => {
                        for (value, (name, ty)) in values.iter().zip(&wanted) {
                            let given = self.expr(value, seen)?;
                            list.push((name.clone(), self.assign(given, ty, value.at)?));
                        }
                    }
                    None => {
                        for (name, ty) in &wanted {
                            let ident = Ident { text: name.clone(), at: when.at };
                            let given = source.find(&ident)?.ok_or_else(|| source.unknown(&ident))?;
                            list.push((name.clone(), self.assign(given, ty, when.at)?));
                        }
                    }
                }
                MergeEffect::Insert(list)
            }
        };
        Ok(MergeClause { when: words, condition, effect })
    }
}

/// The columns that an INSERT fills: the ones named, or all.
fn wanted(table: &Table, columns: &[Ident]) -> Result<Vec<(String, Type)>> {
    match columns {
        [] => Ok(table.columns.clone()),
        names => names.iter().map(|name| find_column(table, name)).collect(),
    }
}

fn out_columns(wanted: &[(String, Type)]) -> Vec<OutCol> {
    let column = |(name, ty): &(String, Type)| OutCol { name: Some(name.clone()), phys: name.clone(), ty: ty.clone() };
    wanted.iter().map(column).collect()
}
