//! What makes and changes tables and views.

use super::Analyzer;
use super::coerce::{fit, limits};
use super::from::PARTITION_TIME;
use super::query::around;
use super::scope::Scope;
use super::statement::{AlterAction, ColumnPlan, Contents, Effect, Plan, Step, TableMeta};
use super::walk::walk;
use crate::ast::{self, Alter, ColumnDef, CreateMode, Ident, Kind, Path, TableParts};
use crate::query::{Expr, OutCol, Query, Table};
use crate::types::Type;
use crate::{Result, SqlError};

impl Analyzer<'_> {
    fn create_name(&self, mode: CreateMode, name: &Path) -> String {
        match (mode.temp, name.parts.last()) {
            (true, Some(last)) => self.catalog.temporary(last),
            _ => self.catalog.target(&name.parts),
        }
    }

    pub(super) fn create_table(
        &mut self,
        mode: CreateMode,
        name: &Path,
        parts: &TableParts,
        query: Option<&ast::Query>,
        like: Option<(&Path, bool)>,
    ) -> Result<Plan> {
        let target = self.create_name(mode, name);
        let mut later = Vec::new();
        let contents = match (like, query) {
            (Some((source, rows)), _) => Contents::Like { source: self.relation(source)?.engine, rows },
            (None, Some(query)) => {
                let out = self.table_query(query, parts.columns.as_deref(), name.at)?;
                for def in parts.columns.iter().flatten() {
                    let column = def.name.text.clone();
                    if def.not_null {
                        later.push(AlterAction::SetNotNull(column.clone()));
                    }
                    if let Some(default) = &def.default {
                        later.push(AlterAction::SetDefault(column, self.expr(default, &Scope::default())?));
                    }
                }
                Contents::Query(Box::new(out))
            }
            (None, None) => {
                let columns = parts.columns.as_deref().unwrap_or_default();
                if columns.is_empty() {
                    return Err(SqlError::unsupported("a table without columns", name.at));
                }
                let mut columns = columns.iter().map(|c| self.column_plan(c)).collect::<Result<Vec<_>>>()?;
                let by_arrival = ["_PARTITIONTIME", "_PARTITIONDATE"];
                let partition = parts.partition.as_ref().and_then(first_name).unwrap_or_default();
                if by_arrival.iter().any(|name| name.eq_ignore_ascii_case(&partition)) {
                    let default = Some(self.form("$partition_time", Vec::new(), Type::Timestamp));
                    columns.push(ColumnPlan {
                        name: PARTITION_TIME.into(),
                        ty: Type::Timestamp,
                        params: Vec::new(),
                        not_null: false,
                        default,
                    });
                }
                Contents::Columns(columns)
            }
        };
        let mut steps = vec![Step::CreateTable { target: target.clone(), mode, contents }];
        let alter = |action| Step::Alter { what: "TABLE", target: target.clone(), if_exists: false, action };
        steps.extend(later.into_iter().map(alter));
        Ok(Plan { steps, effect: Effect::Catalog, meta: Some(meta(name, parts)) })
    }

    fn column_plan(&mut self, def: &ColumnDef) -> Result<ColumnPlan> {
        let Some(name) = &def.ty else {
            return Err(SqlError::semantic(format!("Column {} needs a type", def.name.text), def.name.at));
        };
        let ty = self.ty(name)?;
        let default = match &def.default {
            Some(default) => {
                let value = self.expr(default, &Scope::default())?;
                Some(self.convert(value, &ty))
            }
            None => None,
        };
        let params = limits(name);
        Ok(ColumnPlan { name: def.name.text.clone(), ty, params, not_null: def.not_null, default })
    }

    /// The query of a table or view: every column named, once, and of the declared type.
    fn table_query(&mut self, query: &ast::Query, columns: Option<&[ColumnDef]>, at: usize) -> Result<Query> {
        let mut out = self.top_query(query)?;
        if let Some(defs) = columns.filter(|c| !c.is_empty()) {
            out = self.declared(out, defs, at)?;
        }
        for (i, col) in out.columns.iter().enumerate() {
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

    /// The query with the names and types of a column list.
    fn declared(&mut self, out: Query, defs: &[ColumnDef], at: usize) -> Result<Query> {
        if defs.len() != out.columns.len() {
            return Err(SqlError::semantic(
                format!("the column list has {} names, the query {} columns", defs.len(), out.columns.len()),
                at,
            ));
        }
        let alias = self.fresh("k");
        let (mut list, mut columns) = (Vec::new(), Vec::new());
        for (def, col) in defs.iter().zip(&out.columns) {
            let value = Expr::column(&alias, &col.phys, col.ty.clone());
            let ty = def.ty.as_ref().map(|t| self.ty(t)).transpose()?.unwrap_or_else(|| col.ty.clone());
            let mut value = self.assign(value, &ty, def.name.at)?;
            if let Some(name) = &def.ty {
                value = fit(self, value, name);
            }
            list.push(value);
            columns.push(OutCol { name: Some(def.name.text.clone()), phys: def.name.text.clone(), ty });
        }
        Ok(around(out, alias, list, columns))
    }

    pub(super) fn create_view(
        &mut self,
        mode: CreateMode,
        name: &Path,
        columns: &[ColumnDef],
        query: &ast::Query,
    ) -> Result<Plan> {
        let target = self.create_name(mode, name);
        let query = self.table_query(query, Some(columns), name.at)?;
        Ok(Plan::of(vec![Step::CreateView { target, mode, query }], Effect::Catalog))
    }

    pub(super) fn alter(&mut self, name: &Path, if_exists: bool, view: bool, actions: &[Alter]) -> Result<Plan> {
        let (what, target) = (if view { "VIEW" } else { "TABLE" }, self.catalog.target(&name.parts));
        let mut steps = Vec::new();
        for action in actions {
            if let Some(action) = self.alter_action(action)? {
                steps.push(Step::Alter { what, target: target.clone(), if_exists, action });
            }
        }
        Ok(Plan::of(steps, Effect::Catalog))
    }

    /// One change; nothing for what has no effect on a laptop.
    fn alter_action(&mut self, action: &Alter) -> Result<Option<AlterAction>> {
        Ok(Some(match action {
            Alter::AddColumn(def, _) if def.not_null => {
                return Err(SqlError::semantic("a REQUIRED column cannot be added to an existing table", def.name.at));
            }
            Alter::AddColumn(def, if_missing) => AlterAction::AddColumn(self.column_plan(def)?, *if_missing),
            Alter::DropColumn(column, if_exists) => AlterAction::DropColumn(column.text.clone(), *if_exists),
            Alter::RenameColumn(old, new) => AlterAction::RenameColumn(old.text.clone(), new.text.clone()),
            Alter::RenameTo(path) => AlterAction::RenameTo(path.parts.last().cloned().unwrap_or_default()),
            Alter::ColumnType(column, ty) => AlterAction::ColumnType(column.text.clone(), self.ty(ty)?),
            Alter::ColumnDropNotNull(column) => AlterAction::DropNotNull(column.text.clone()),
            Alter::ColumnSetDefault(column, value) => {
                AlterAction::SetDefault(column.text.clone(), self.expr(value, &Scope::default())?)
            }
            Alter::ColumnDropDefault(column) => AlterAction::DropDefault(column.text.clone()),
            Alter::SetOptions(_) | Alter::ColumnOptions(..) | Alter::Accepted => return Ok(None),
        }))
    }
}

/// The column of a table with that name.
pub(super) fn find_column(table: &Table, name: &Ident) -> Result<(String, Type)> {
    let found = table.columns.iter().chain(&table.hidden).find(|(n, _)| n.eq_ignore_ascii_case(&name.text)).cloned();
    found.ok_or_else(|| SqlError::semantic(format!("Column {} is not present in the table", name.text), name.at))
}

fn meta(name: &Path, parts: &TableParts) -> TableMeta {
    TableMeta {
        table: name.parts.clone(),
        partition: parts.partition.as_ref().and_then(first_name),
        granularity: parts.partition.as_ref().and_then(|value| names(value).into_iter().nth(1)),
        options: parts.options.iter().map(|(name, value)| option(&name.text, value)).collect(),
        cluster: parts.cluster.iter().filter_map(first_name).collect(),
    }
}

fn first_name(value: &ast::Expr) -> Option<String> {
    names(value).into_iter().next()
}

/// The names in an expression, in their order.
fn names(value: &ast::Expr) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, &mut |e| {
        if let Kind::Name(name) = &e.kind {
            found.push(name.text.clone());
        }
    });
    found
}

/// An option of a table: its name, its type and its value as BigQuery shows them.
fn option(name: &str, value: &ast::Expr) -> [String; 3] {
    let (ty, shown) = match &value.kind {
        Kind::Bool(flag) => ("BOOL", flag.to_string()),
        Kind::Int(digits) => ("INT64", digits.clone()),
        Kind::Float(digits) => ("FLOAT64", digits.clone()),
        Kind::Text(text) => ("STRING", format!("{text:?}")),
        Kind::Typed(name, text) => match &name.shape {
            ast::Shape::Plain(word, _) if word.eq_ignore_ascii_case("TIMESTAMP") => {
                ("TIMESTAMP", format!("TIMESTAMP {text:?}"))
            }
            _ => ("STRING", format!("{text:?}")),
        },
        Kind::Array { items, .. } => {
            let text = |e: &ast::Expr| if let Kind::Text(text) = &e.kind { format!("{text:?}") } else { String::new() };
            let pair = |item: &ast::Expr| match &item.kind {
                Kind::Struct { items, .. } => {
                    format!("STRUCT({})", items.iter().map(|(part, _)| text(part)).collect::<Vec<_>>().join(", "))
                }
                _ => text(item),
            };
            let shown = items.iter().map(pair).collect::<Vec<_>>().join(", ");
            ("ARRAY<STRUCT<STRING, STRING>>", format!("[{shown}]"))
        }
        _ => ("STRING", String::new()),
    };
    [name.to_owned(), ty.to_owned(), shown]
}
