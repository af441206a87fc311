//! DDL and DML as DuckDB statements.

use super::scope::{Col, Range, Scope};
use super::{OutCol, Output, Relation, Result, SqlError, Translator, Typed, column};
use crate::sql::ast::{
    Alter, ColumnDef, CreateMode, Expr, From, Ident, InsertSource, Kind, MergeAction, MergeWhen, Options, Path, Query,
    Statement, StatementKind, TableParts,
};
use crate::sql::types::{Type, quote};

/// What running a plan means.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// the last statement answers with these columns
    Rows(Vec<OutCol>),
    /// rows of a table changed; the number must equal this expression, where there is one
    Modified(Option<String>),
    /// the catalog changed
    Catalog,
    None,
}

/// DuckDB statements that together carry out one BigQuery statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub sql: Vec<String>,
    pub effect: Effect,
    /// partitioning, clustering and options of a created table
    pub meta: Option<Meta>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meta {
    pub table: Vec<String>,
    pub kind: &'static str,
    pub partition: Option<String>,
    pub cluster: Vec<String>,
}

impl Plan {
    fn of(sql: Vec<String>, effect: Effect) -> Plan {
        Plan { sql, effect, meta: None }
    }
}

const TWICE: &str = "UPDATE/MERGE must match at most one source row for each target row";

impl Translator<'_> {
    /// A statement that is not procedural.
    pub fn statement(&mut self, statement: &Statement) -> Result<Plan> {
        match &statement.kind {
            StatementKind::Query(query) => {
                let out = self.top_query(query)?;
                Ok(Plan::of(vec![out.sql], Effect::Rows(out.cols)))
            }
            StatementKind::CreateSchema { mode, name } => {
                let exists = if mode.if_not_exists { "IF NOT EXISTS " } else { "" };
                Ok(Plan::of(
                    vec![format!("CREATE SCHEMA {exists}{}", self.catalog.schema(&name.parts))],
                    Effect::Catalog,
                ))
            }
            StatementKind::DropSchema { name, if_exists, cascade } => {
                let exists = if *if_exists { "IF EXISTS " } else { "" };
                let cascade = if *cascade { " CASCADE" } else { "" };
                Ok(Plan::of(
                    vec![format!("DROP SCHEMA {exists}{}{cascade}", self.catalog.schema(&name.parts))],
                    Effect::Catalog,
                ))
            }
            StatementKind::CreateTable { mode, name, parts, query, like, clone } => {
                let source = like.as_ref().or(clone.as_ref().map(|(p, _)| p));
                self.create_table(*mode, name, parts, query.as_deref(), source.map(|s| (s, like.is_some())))
            }
            StatementKind::CreateView { mode, name, columns, query, .. } => {
                self.create_view(*mode, name, columns, query)
            }
            StatementKind::Drop { what: what @ ("TABLE" | "VIEW"), name, if_exists } => {
                let exists = if *if_exists { "IF EXISTS " } else { "" };
                Ok(Plan::of(vec![format!("DROP {what} {exists}{}", self.catalog.target(&name.parts))], Effect::Catalog))
            }
            StatementKind::AlterTable { name, if_exists, view, actions } => {
                self.alter(name, *if_exists, *view, actions)
            }
            StatementKind::AlterSchema { .. } => Ok(Plan::of(Vec::new(), Effect::None)),
            StatementKind::Insert { table, columns, source, assert_rows } => {
                self.insert(table, columns, source, assert_rows.as_ref())
            }
            StatementKind::Update { table, alias, set, from, condition, assert_rows } => {
                self.update((table, alias.as_ref()), set, from.as_ref(), condition, assert_rows.as_ref())
            }
            StatementKind::Delete { table, alias, condition, assert_rows } => {
                let (_, scope, name) = self.target_scope(table, alias.as_ref())?;
                let condition = self.bool(condition, &scope)?;
                let sql = format!("DELETE FROM {name} WHERE {condition}");
                let rows = self.row_check(assert_rows.as_ref())?;
                Ok(Plan::of(vec![sql], Effect::Modified(rows)))
            }
            StatementKind::Merge { table, alias, source, on, whens } => {
                self.merge((table, alias.as_ref()), source, on, whens)
            }
            StatementKind::Truncate { table } => {
                self.relation(table)?;
                Ok(Plan::of(vec![format!("DELETE FROM {}", self.catalog.target(&table.parts))], Effect::Modified(None)))
            }
            _ => Err(SqlError::unsupported("this statement", statement.at)),
        }
    }

    fn row_check(&mut self, rows: Option<&Expr>) -> Result<Option<String>> {
        rows.map(|r| self.expr(r, &Scope::default()).map(|t| t.sql)).transpose()
    }

    fn create_words(mode: CreateMode, what: &str) -> String {
        let replace = if mode.or_replace { "OR REPLACE " } else { "" };
        let temp = if mode.temp { "TEMP " } else { "" };
        let exists = if mode.if_not_exists { "IF NOT EXISTS " } else { "" };
        format!("CREATE {replace}{temp}{what} {exists}")
    }

    fn create_name(&self, mode: CreateMode, name: &Path) -> String {
        match (mode.temp, name.parts.last()) {
            (true, Some(last)) => quote(last),
            _ => self.catalog.target(&name.parts),
        }
    }

    fn create_table(
        &mut self,
        mode: CreateMode,
        name: &Path,
        parts: &TableParts,
        query: Option<&Query>,
        like: Option<(&Path, bool)>,
    ) -> Result<Plan> {
        let target = self.create_name(mode, name);
        let words = Self::create_words(mode, "TABLE");
        let meta = self.meta(name, parts);
        if let Some((source, empty)) = like {
            let relation = self.relation(source)?;
            let limit = if empty { " LIMIT 0" } else { "" };
            let sql = format!("{words}{target} AS SELECT * FROM {}{limit}", relation.sql);
            return Ok(Plan { sql: vec![sql], effect: Effect::Catalog, meta: Some(meta) });
        }
        let mut sql = Vec::new();
        match query {
            Some(query) => {
                let out = self.table_query(query, parts.columns.as_deref(), name.at)?;
                sql.push(format!("{words}{target} AS {}", out.sql));
                for column in parts.columns.iter().flatten() {
                    if column.not_null {
                        sql.push(format!(
                            "ALTER TABLE {target} ALTER COLUMN {} SET NOT NULL",
                            quote(&column.name.text)
                        ));
                    }
                    if let Some(default) = &column.default {
                        let value = self.expr(default, &Scope::default())?;
                        sql.push(format!(
                            "ALTER TABLE {target} ALTER COLUMN {} SET DEFAULT {}",
                            quote(&column.name.text),
                            value.sql
                        ));
                    }
                }
            }
            None => {
                let columns = parts.columns.as_deref().unwrap_or_default();
                let list: Vec<String> = columns.iter().map(|c| self.column_sql(c)).collect::<Result<_>>()?;
                if list.is_empty() {
                    return Err(SqlError::unsupported("a table without columns", name.at));
                }
                sql.push(format!("{words}{target} ({})", list.join(", ")));
            }
        }
        Ok(Plan { sql, effect: Effect::Catalog, meta: Some(meta) })
    }

    fn meta(&self, name: &Path, parts: &TableParts) -> Meta {
        let named = |value: &Expr| {
            let mut found = None;
            super::aggregate::walk(value, &mut |e| {
                if let Kind::Name(n) = &e.kind
                    && found.is_none()
                {
                    found = Some(n.text.clone());
                }
            });
            found
        };
        Meta {
            table: name.parts.clone(),
            kind: "TABLE",
            partition: parts.partition.as_ref().and_then(named),
            cluster: parts.cluster.iter().filter_map(named).collect(),
        }
    }

    fn column_sql(&mut self, def: &ColumnDef) -> Result<String> {
        let Some(name) = &def.ty else {
            return Err(SqlError::semantic(format!("Column {} needs a type", def.name.text), def.name.at));
        };
        let ty = self.ty(name)?;
        let mut sql = format!("{} {}", quote(&def.name.text), ty.duck());
        if def.not_null {
            sql.push_str(" NOT NULL");
        }
        if let Some(default) = &def.default {
            let value = self.expr(default, &Scope::default())?;
            sql.push_str(&format!(" DEFAULT {}", self.convert(&value, &ty)));
        }
        let _: &Options = &def.options;
        Ok(sql)
    }

    /// The query of a table or view: every column named, once, and of the declared type.
    fn table_query(&mut self, query: &Query, columns: Option<&[ColumnDef]>, at: usize) -> Result<Output> {
        let mut out = self.top_query(query)?;
        if let Some(columns) = columns.filter(|c| !c.is_empty()) {
            if columns.len() != out.cols.len() {
                return Err(SqlError::semantic(
                    format!("the column list has {} names, the query {} columns", columns.len(), out.cols.len()),
                    at,
                ));
            }
            let alias = self.fresh("k");
            let mut list = Vec::new();
            for (def, col) in columns.iter().zip(out.cols.iter_mut()) {
                let value = Typed::new(column(&alias, &col.phys), col.ty.clone());
                let ty = def.ty.as_ref().map(|t| self.ty(t)).transpose()?.unwrap_or_else(|| col.ty.clone());
                let sql = self.assign(&value, &ty, def.name.at)?;
                list.push(format!("{sql} AS {}", quote(&def.name.text)));
                *col = OutCol { name: Some(def.name.text.clone()), phys: def.name.text.clone(), ty };
            }
            out.sql = format!("SELECT {} FROM ({}) AS {}", list.join(", "), out.sql, quote(&alias));
        }
        for (i, col) in out.cols.iter().enumerate() {
            match &col.name {
                None => {
                    return Err(SqlError::semantic(
                        format!("CREATE TABLE columns must be named, but column {} has no name", i + 1),
                        query.at,
                    ));
                }
                Some(name) if *name != col.phys => {
                    return Err(SqlError::semantic(
                        format!("Duplicate column name {name} in CREATE TABLE or VIEW"),
                        query.at,
                    ));
                }
                _ => {}
            }
        }
        Ok(out)
    }

    fn create_view(&mut self, mode: CreateMode, name: &Path, columns: &[ColumnDef], query: &Query) -> Result<Plan> {
        let target = self.create_name(mode, name);
        let out = self.table_query(query, Some(columns), name.at)?;
        let words = Self::create_words(mode, "VIEW");
        Ok(Plan::of(vec![format!("{words}{target} AS {}", out.sql)], Effect::Catalog))
    }

    fn alter(&mut self, name: &Path, if_exists: bool, view: bool, actions: &[Alter]) -> Result<Plan> {
        let exists = if if_exists { "IF EXISTS " } else { "" };
        let what = if view { "VIEW" } else { "TABLE" };
        let head = format!("ALTER {what} {exists}{}", self.catalog.target(&name.parts));
        let mut sql = Vec::new();
        for action in actions {
            let tail = match action {
                Alter::AddColumn(def, if_missing) => {
                    let missing = if *if_missing { "IF NOT EXISTS " } else { "" };
                    if def.not_null {
                        return Err(SqlError::semantic(
                            "a REQUIRED column cannot be added to an existing table",
                            def.name.at,
                        ));
                    }
                    format!("ADD COLUMN {missing}{}", self.column_sql(def)?)
                }
                Alter::DropColumn(column, exists) => {
                    format!("DROP COLUMN {}{}", if *exists { "IF EXISTS " } else { "" }, quote(&column.text))
                }
                Alter::RenameColumn(old, new) => format!("RENAME COLUMN {} TO {}", quote(&old.text), quote(&new.text)),
                Alter::RenameTo(path) => format!("RENAME TO {}", quote(path.parts.last().map_or("", |p| p))),
                Alter::ColumnType(column, ty) => {
                    format!("ALTER COLUMN {} SET DATA TYPE {}", quote(&column.text), self.ty(ty)?.duck())
                }
                Alter::ColumnDropNotNull(column) => format!("ALTER COLUMN {} DROP NOT NULL", quote(&column.text)),
                Alter::ColumnSetDefault(column, value) => {
                    let value = self.expr(value, &Scope::default())?;
                    format!("ALTER COLUMN {} SET DEFAULT {}", quote(&column.text), value.sql)
                }
                Alter::ColumnDropDefault(column) => format!("ALTER COLUMN {} DROP DEFAULT", quote(&column.text)),
                Alter::SetOptions(_) | Alter::ColumnOptions(..) | Alter::Accepted => continue,
            };
            sql.push(format!("{head} {tail}"));
        }
        Ok(Plan::of(sql, Effect::Catalog))
    }

    /// A value for a column: BigQuery's assignment coercion, or why not.
    pub(super) fn assign(&self, value: &Typed, ty: &Type, at: usize) -> Result<String> {
        if value.sql == "DEFAULT" {
            return Ok("DEFAULT".into());
        }
        if value.ty.distance(ty).is_some() {
            return Ok(self.convert(value, ty));
        }
        let literal = self.literal_target(value, ty).is_some();
        let narrower =
            matches!(
                (&value.ty, ty),
                (Type::Float64, Type::Numeric | Type::BigNumeric)
                    | (Type::BigNumeric, Type::Numeric)
                    | (Type::Timestamp | Type::DateTime, Type::Date)
            ) || matches!((&value.ty, ty), (Type::Struct(_), Type::Struct(_)) | (Type::Array(_), Type::Array(_)));
        if literal || narrower {
            return self.cast_value(value, ty, at).map(|t| t.sql);
        }
        Err(SqlError::semantic(
            format!("Value has type {} which cannot be inserted into a column of type {ty}", value.ty),
            at,
        ))
    }

    fn find_column(relation: &Relation, name: &Ident) -> Result<(String, Type)> {
        relation
            .columns
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(&name.text))
            .cloned()
            .ok_or_else(|| SqlError::semantic(format!("Column {} is not present in the table", name.text), name.at))
    }

    fn insert(
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
    fn target_scope(&mut self, table: &Path, alias: Option<&Ident>) -> Result<(Relation, Scope, String)> {
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
        let names = crate::sql::types::field_names(fields);
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

    fn update(
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

    fn merge(
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

    /// A scalar expression of the procedural language.
    pub fn standalone(&mut self, value: &Expr) -> Result<Typed> {
        self.expr(value, &Scope::default())
    }

    /// `value` as it must be stored in a variable of that type.
    pub fn assigned(&mut self, value: &Expr, ty: &Type) -> Result<String> {
        let typed = self.standalone(value)?;
        if matches!(value.kind, Kind::Text(_)) && *ty != Type::String && self.literal_target(&typed, ty).is_none() {
            return Err(SqlError::semantic(format!("a STRING does not coerce to {ty}"), value.at));
        }
        self.assign(&typed, ty, value.at)
    }
}
