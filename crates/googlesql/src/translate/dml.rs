//! What changes rows: INSERT, UPDATE, MERGE.

use super::scope::{Col, Range, Scope};
use super::statement::{Effect, Plan};
use super::{Relation, Result, SqlError, Translator, Typed, column};
use crate::ast::{Expr, From, Ident, InsertSource, MergeAction, MergeWhen, Path};
use crate::types::{Type, quote};

const TWICE: &str = "UPDATE/MERGE must match at most one source row for each target row";

impl Translator<'_> {
    pub(super) fn insert(
        &mut self,
        table: &Path,
        columns: &[Ident],
        source: &InsertSource,
        assert_rows: Option<&Expr>,
    ) -> Result<Plan> {
        let relation = self.relation(table)?;
        let target = self.catalog.target(&table.parts);
        let wanted: Vec<(String, Type)> = match columns {
            [] => relation.columns.clone(),
            names => names.iter().map(|n| Self::find_column(&relation, n)).collect::<Result<_>>()?,
        };
        let names: Vec<String> = wanted.iter().map(|(n, _)| quote(n)).collect();
        let count = |n: usize, at: usize| {
            if n == wanted.len() {
                Ok(())
            } else {
                Err(SqlError::semantic(
                    format!("Inserted row has wrong column count; Has {n}, expected {}", wanted.len()),
                    at,
                ))
            }
        };
        let body = match source {
            InsertSource::Values(rows) => {
                let mut list = Vec::new();
                for row in rows {
                    count(row.len(), row.first().map_or(table.at, |e| e.at))?;
                    let mut values = Vec::new();
                    for (value, (_, ty)) in row.iter().zip(&wanted) {
                        let typed = self.expr(value, &Scope::default())?;
                        values.push(self.assign(&typed, ty, value.at)?);
                    }
                    list.push(format!("({})", values.join(", ")));
                }
                format!("VALUES {}", list.join(", "))
            }
            InsertSource::Query(query) => {
                let out = self.top_query(query)?;
                count(out.cols.len(), query.at)?;
                let alias = self.fresh("i");
                let mut list = Vec::new();
                for (i, (col, (_, ty))) in out.cols.iter().zip(&wanted).enumerate() {
                    let null = matches!(out.literals.get(i), Some(super::Literal::Null));
                    let literal = out
                        .literals
                        .get(i)
                        .filter(|l| matches!(l, super::Literal::Text(_)))
                        .cloned()
                        .unwrap_or(super::Literal::No);
                    let value = if null {
                        Typed::null()
                    } else {
                        Typed { sql: column(&alias, &col.phys), ty: col.ty.clone(), literal }
                    };
                    list.push(self.assign(&value, ty, query.at)?);
                }
                format!("SELECT {} FROM ({}) AS {}", list.join(", "), out.sql, quote(&alias))
            }
        };
        let rows = self.row_check(assert_rows)?;
        Ok(Plan::of(vec![format!("INSERT INTO {target} ({}) {body}", names.join(", "))], Effect::Modified(rows)))
    }

    /// The target of UPDATE, DELETE or MERGE: its relation, scope and DuckDB text with the alias.
    pub(super) fn target_scope(&mut self, table: &Path, alias: Option<&Ident>) -> Result<(Relation, Scope, String)> {
        let relation = self.relation(table)?;
        let shown = alias.map(|a| a.text.clone()).or_else(|| table.parts.last().cloned()).unwrap_or_default();
        let cols: Vec<Col> = relation
            .columns
            .iter()
            .map(|(n, ty)| Col { name: Some(n.clone()), sql: column(&shown, n), ty: ty.clone() })
            .collect();
        let mut scope = Scope { star: cols.clone(), ..Scope::default() };
        scope.ranges.push(Range { alias: shown.clone(), cols, value: None });
        let name = format!("{} AS {}", self.catalog.target(&table.parts), quote(&shown));
        Ok((relation, scope, name))
    }

    fn assignments(
        &mut self,
        relation: &Relation,
        set: &[(Vec<Ident>, Expr)],
        scope: &Scope,
        target: &Scope,
    ) -> Result<String> {
        // several nested fields of one column become one assignment
        let mut done: Vec<(String, Type, String)> = Vec::new();
        for (path, value) in set {
            let path = if path.len() > 1
                && target.range(&path[0].text).is_some()
                && Self::find_column(relation, &path[0]).is_err()
            {
                &path[1..]
            } else {
                path
            };
            let (name, ty) = Self::find_column(relation, &path[0])?;
            let typed = self.expr(value, scope)?;
            let current = match done.iter().find(|(n, ..)| *n == name) {
                Some((.., sql)) => sql.clone(),
                None => target
                    .star
                    .iter()
                    .find(|c| c.name.as_deref() == Some(&name))
                    .map(|c| c.sql.clone())
                    .unwrap_or_default(),
            };
            let sql = self.nested(&current, &ty, &path[1..], &typed, value.at)?;
            match done.iter_mut().find(|(n, ..)| *n == name) {
                Some(entry) if path.len() > 1 => entry.2 = sql,
                Some(_) => {
                    return Err(SqlError::semantic(format!("Update item {name} assigned more than once"), path[0].at));
                }
                None => done.push((name, ty, sql)),
            }
        }
        Ok(done.iter().map(|(name, _, sql)| format!("{} = {sql}", quote(name))).collect::<Vec<_>>().join(", "))
    }

    /// The value of a column after `column.path = value`.
    fn nested(&mut self, current: &str, ty: &Type, path: &[Ident], value: &Typed, at: usize) -> Result<String> {
        let Some((head, rest)) = path.split_first() else { return self.assign(value, ty, at) };
        let Type::Struct(fields) = ty else {
            return Err(SqlError::semantic(
                format!("Cannot access field {} on a value with type {ty}", head.text),
                head.at,
            ));
        };
        let names = crate::types::field_names(fields);
        let mut parts = Vec::new();
        let mut hit = false;
        for (field, phys) in fields.iter().zip(&names) {
            let inner = format!("({current}).{}", quote(phys));
            let sql = if field.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&head.text)) {
                hit = true;
                self.nested(&inner, &field.ty, rest, value, at)?
            } else {
                inner
            };
            parts.push(format!("{} := {sql}", quote(phys)));
        }
        if !hit {
            return Err(SqlError::semantic(format!("Field name {} does not exist in {ty}", head.text), head.at));
        }
        Ok(format!("struct_pack({})", parts.join(", ")))
    }

    pub(super) fn update(
        &mut self,
        target: (&Path, Option<&Ident>),
        set: &[(Vec<Ident>, Expr)],
        from: Option<&From>,
        condition: &Expr,
        assert_rows: Option<&Expr>,
    ) -> Result<Plan> {
        let (relation, own, name) = self.target_scope(target.0, target.1)?;
        let mut scope = own.clone();
        let mut source = String::new();
        if let Some(from) = from {
            let (sql, found) = self.from(from, &Scope::default())?;
            source = sql;
            scope.star.extend(found.star);
            scope.ranges.extend(found.ranges);
        }
        let list = self.assignments(&relation, set, &scope, &own)?;
        let condition = self.bool(condition, &scope)?;
        let mut sql = Vec::new();
        let mut tail = String::new();
        if !source.is_empty() {
            let alias = &own.ranges[0].alias;
            sql.push(format!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM {name}, {source} WHERE {condition} GROUP BY {} HAVING count(*) > 1) THEN error('{TWICE}') END",
                column(alias, "rowid").replace("\"rowid\"", "rowid")
            ));
            tail = format!(" FROM {source}");
        }
        sql.push(format!("UPDATE {name} SET {list}{tail} WHERE {condition}"));
        let rows = self.row_check(assert_rows)?;
        Ok(Plan::of(sql, Effect::Modified(rows)))
    }

    pub(super) fn merge(
        &mut self,
        target: (&Path, Option<&Ident>),
        source: &From,
        on: &Expr,
        whens: &[MergeWhen],
    ) -> Result<Plan> {
        let (relation, own, name) = self.target_scope(target.0, target.1)?;
        let (source_sql, source_scope) = self.from(source, &Scope::default())?;
        let mut both = own.clone();
        both.star.extend(source_scope.star.iter().cloned());
        both.ranges.extend(source_scope.ranges.iter().cloned());
        let condition = self.bool(on, &both)?;
        let mut sql = Vec::new();
        let touched = whens.iter().filter(|w| w.matched).collect::<Vec<_>>();
        if !touched.is_empty() {
            let mut reach = Vec::new();
            for when in &touched {
                reach.push(match &when.condition {
                    Some(c) => self.bool(c, &both)?,
                    None => "TRUE".into(),
                });
            }
            let rowid = format!("{}.rowid", quote(&own.ranges[0].alias));
            sql.push(format!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM {name} JOIN {source_sql} ON {condition} WHERE {} GROUP BY {rowid} HAVING count(*) > 1) THEN error('{TWICE}') END",
                reach.join(" OR ")
            ));
        }
        let mut text = format!("MERGE INTO {name} USING {source_sql} ON {condition}");
        for when in whens {
            text.push_str(&self.merge_when(when, &relation, &own, &source_scope, &both)?);
        }
        sql.push(text);
        Ok(Plan::of(sql, Effect::Modified(None)))
    }

    fn merge_when(
        &mut self,
        when: &MergeWhen,
        relation: &Relation,
        own: &Scope,
        source: &Scope,
        both: &Scope,
    ) -> Result<String> {
        let (words, seen) = match (when.matched, when.by_source) {
            (true, _) => ("MATCHED", both),
            (false, true) => ("NOT MATCHED BY SOURCE", own),
            (false, false) => ("NOT MATCHED BY TARGET", source),
        };
        let mut sql = format!(" WHEN {words}");
        if let Some(condition) = &when.condition {
            sql.push_str(&format!(" AND {}", self.bool(condition, seen)?));
        }
        match &when.action {
            MergeAction::Delete => sql.push_str(" THEN DELETE"),
            MergeAction::Update(set) => {
                sql.push_str(&format!(" THEN UPDATE SET {}", self.assignments(relation, set, seen, own)?))
            }
            MergeAction::Insert { columns, values } => {
                let wanted: Vec<(String, Type)> = match columns.as_slice() {
                    [] => relation.columns.clone(),
                    names => names.iter().map(|n| Self::find_column(relation, n)).collect::<Result<_>>()?,
                };
                let mut list = Vec::new();
                match values {
                    Some(values) => {
                        if values.len() != wanted.len() {
                            return Err(SqlError::semantic(
                                "the INSERT of this MERGE has another number of values than columns",
                                when.at,
                            ));
                        }
                        for (value, (_, ty)) in values.iter().zip(&wanted) {
                            let typed = self.expr(value, seen)?;
                            list.push(self.assign(&typed, ty, value.at)?);
                        }
                    }
                    None => {
                        for (name, ty) in &wanted {
                            let ident = Ident { text: name.clone(), at: when.at };
                            let typed = source.find(&ident)?.ok_or_else(|| source.unknown(&ident))?;
                            list.push(self.assign(&typed, ty, when.at)?);
                        }
                    }
                }
                let names: Vec<String> = wanted.iter().map(|(n, _)| quote(n)).collect();
                sql.push_str(&format!(" THEN INSERT ({}) VALUES ({})", names.join(", "), list.join(", ")));
            }
        }
        Ok(sql)
    }
}
