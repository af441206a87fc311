//! What makes and changes tables and views.

use super::scope::Scope;
use super::statement::{Effect, Meta, Plan};
use super::{OutCol, Output, Relation, Result, SqlError, Translator, Typed, column};
use crate::ast::{Alter, ColumnDef, CreateMode, Expr, Ident, Kind, Options, Path, Query, TableParts};
use crate::types::{Type, quote};

impl Translator<'_> {
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

    pub(super) fn create_table(
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

    pub(super) fn create_view(
        &mut self,
        mode: CreateMode,
        name: &Path,
        columns: &[ColumnDef],
        query: &Query,
    ) -> Result<Plan> {
        let target = self.create_name(mode, name);
        let out = self.table_query(query, Some(columns), name.at)?;
        let words = Self::create_words(mode, "VIEW");
        Ok(Plan::of(vec![format!("{words}{target} AS {}", out.sql)], Effect::Catalog))
    }

    pub(super) fn alter(&mut self, name: &Path, if_exists: bool, view: bool, actions: &[Alter]) -> Result<Plan> {
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

    pub(super) fn find_column(relation: &Relation, name: &Ident) -> Result<(String, Type)> {
        relation
            .columns
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(&name.text))
            .cloned()
            .ok_or_else(|| SqlError::semantic(format!("Column {} is not present in the table", name.text), name.at))
    }
}
