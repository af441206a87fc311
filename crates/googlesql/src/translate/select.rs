//! One SELECT: its list, grouping, HAVING, QUALIFY, DISTINCT and the ORDER BY that belongs to it.

use super::scope::{Col, Scope};
use super::{OutCol, Output, Result, SqlError, Translator, Typed};
use crate::ast::{Expr, Group, GroupItem, Ident, Item, Kind, Order, Select};
use crate::types::{Field, Type, field_names, quote};

/// A column of the select list before it has a physical name.
#[derive(Clone)]
pub(super) struct Picked {
    pub name: Option<String>,
    pub value: Typed,
    /// whether the name was written as an alias
    pub alias: bool,
}

/// A physical name that no earlier column has.
pub(super) fn unique(cols: &[OutCol], name: Option<&str>) -> String {
    match name.filter(|n| !n.is_empty() && !cols.iter().any(|c| c.phys.eq_ignore_ascii_case(n))) {
        Some(name) => name.to_owned(),
        None => format!("_f{}_", cols.len()),
    }
}

impl Translator<'_> {
    pub(super) fn select(&mut self, select: &Select, order: &[Order], outer: &Scope) -> Result<Output> {
        let (from, mut scope) = match &select.from {
            Some(from) => {
                let (sql, scope) = self.from(from, outer)?;
                (format!(" FROM {sql}"), scope)
            }
            None => (String::new(), Scope::child(outer)),
        };
        scope.windows = select.windows.iter().map(|(name, window)| (name.text.clone(), window.clone())).collect();
        let mut picked = Vec::new();
        for item in &select.items {
            self.pick(item, &scope, &mut picked)?;
        }
        let mut tail = from;
        if let Some(condition) = &select.condition {
            tail.push_str(&format!(" WHERE {}", self.bool(condition, &scope)?));
        }
        if let Some(group) = &select.group {
            tail.push_str(&self.group(group, &picked, &scope, &select.items)?);
        }
        let mut late = scope.clone();
        late.last.extend(aliases(&picked));
        for (word, condition) in [("HAVING", &select.having), ("QUALIFY", &select.qualify)] {
            if let Some(condition) = condition {
                tail.push_str(&format!(" {word} {}", self.bool(condition, &late)?));
            }
        }
        let mut out = self.shape(select, &picked)?;
        let list: Vec<String> =
            out.1.iter().zip(&out.0.cols).map(|(sql, col)| format!("{sql} AS {}", quote(&col.phys))).collect();
        let distinct = if select.distinct { "DISTINCT " } else { "" };
        if select.distinct
            && let Some(bad) = out.0.cols.iter().find(|c| !c.ty.groupable())
        {
            return Err(SqlError::semantic(format!("SELECT DISTINCT on a column of type {}", bad.ty), select.at));
        }
        out.0.sql = format!("SELECT {distinct}{}{tail}", list.join(", "));
        let out = out.0;
        if order.is_empty() {
            return Ok(out);
        }
        if select.distinct || select.shape.is_some() {
            return self.order_distinct(out, order, &picked, &scope, outer);
        }
        self.order_select(out, order, &picked, &scope)
    }

    /// The output's columns with their expressions, after AS STRUCT / AS VALUE.
    fn shape(&mut self, select: &Select, picked: &[Picked]) -> Result<(Output, Vec<String>)> {
        let mut out = Output::default();
        match select.shape {
            Some("STRUCT") => {
                let fields: Vec<Field> =
                    picked.iter().map(|p| Field { name: p.name.clone(), ty: known(&p.value.ty) }).collect();
                let names = field_names(&fields);
                let parts: Vec<String> = picked
                    .iter()
                    .zip(names)
                    .map(|(p, n)| format!("{} := {}", quote(&n), self.plain(&p.value)))
                    .collect();
                out.value = true;
                out.cols.push(OutCol { name: None, phys: "_v".into(), ty: Type::Struct(fields) });
                Ok((out, vec![format!("struct_pack({})", parts.join(", "))]))
            }
            Some(_) => match picked {
                [only] => {
                    out.value = true;
                    out.cols.push(OutCol { name: None, phys: "_v".into(), ty: known(&only.value.ty) });
                    Ok((out, vec![self.plain(&only.value)]))
                }
                _ => Err(SqlError::semantic("SELECT AS VALUE needs exactly one column", select.at)),
            },
            None => {
                let kind = |v: &Typed| if v.is_null() { super::Literal::Null } else { v.literal.clone() };
                out.literals = picked.iter().map(|p| kind(&p.value)).collect();
                for p in picked {
                    let phys = unique(&out.cols, p.name.as_deref());
                    out.cols.push(OutCol { name: p.name.clone(), phys, ty: known(&p.value.ty) });
                }
                Ok((out, picked.iter().map(|p| self.plain(&p.value)).collect()))
            }
        }
    }

    /// A value with its type settled: an untyped NULL is an INT64.
    pub(super) fn plain(&self, value: &Typed) -> String {
        match &value.ty {
            Type::Null => format!("CAST({} AS BIGINT)", value.sql),
            Type::Array(inner) if **inner == Type::Null => format!("CAST({} AS BIGINT[])", value.sql),
            _ => value.sql.clone(),
        }
    }

    pub(super) fn pick(&mut self, item: &Item, scope: &Scope, picked: &mut Vec<Picked>) -> Result<()> {
        match item {
            Item::Value(value, alias) => {
                let typed = self.expr(value, scope)?;
                let name = alias.as_ref().map(|a| a.text.clone()).or_else(|| implied(value));
                picked.push(Picked { name, value: typed, alias: alias.is_some() });
                Ok(())
            }
            Item::Star { of, except, replace, at } => {
                let cols = self.star(of.as_ref(), scope, *at)?;
                self.pick_star(cols, except, replace, scope, picked)
            }
        }
    }

    fn star(&mut self, of: Option<&Expr>, scope: &Scope, at: usize) -> Result<Vec<Col>> {
        let Some(of) = of else {
            if scope.star.is_empty() {
                return Err(SqlError::semantic("SELECT * must have a FROM clause", at));
            }
            return Ok(scope.star.clone());
        };
        if let Kind::Name(name) = &of.kind
            && let Some(range) = scope.find_range(name)
            && (range.value.is_none() || !matches!(range.value, Some((_, Type::Struct(_)))))
        {
            return Ok(range.cols.clone());
        }
        let value = self.expr(of, scope)?;
        let Type::Struct(fields) = &value.ty else {
            return Err(SqlError::semantic(format!("Dot-star is not supported for type {}", value.ty), at));
        };
        Ok(struct_cols(&value.sql, fields))
    }

    fn pick_star(
        &mut self,
        cols: Vec<Col>,
        except: &[Ident],
        replace: &[(Expr, Ident)],
        scope: &Scope,
        picked: &mut Vec<Picked>,
    ) -> Result<()> {
        let is = |col: &Col, name: &Ident| col.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&name.text));
        for name in except.iter().chain(replace.iter().map(|(_, name)| name)) {
            if !cols.iter().any(|col| is(col, name)) {
                return Err(SqlError::semantic(
                    format!("Column {} in SELECT * EXCEPT or REPLACE does not exist", name.text),
                    name.at,
                ));
            }
        }
        for col in cols {
            if except.iter().any(|name| is(&col, name)) {
                continue;
            }
            let value = match replace.iter().find(|(_, name)| is(&col, name)) {
                Some((value, _)) => self.expr(value, scope)?,
                None => Typed::new(col.sql.clone(), col.ty.clone()),
            };
            picked.push(Picked { name: col.name, value, alias: false });
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, picked: &[Picked], scope: &Scope, items: &[Item]) -> Result<String> {
        match group {
            Group::All => {
                let mut keys = Vec::new();
                let mut index = 0;
                for item in items {
                    let mut one = Vec::new();
                    self.pick(item, scope, &mut one)?;
                    let aggregated = matches!(item, Item::Value(value, _) if super::aggregate::contains(value));
                    if !aggregated {
                        let constant = matches!(item, Item::Value(value, _) if is_constant(value));
                        keys.extend(
                            picked[index..index + one.len()].iter().filter(|_| !constant).map(|p| p.value.sql.clone()),
                        );
                    }
                    index += one.len();
                }
                Ok(if keys.is_empty() { String::new() } else { format!(" GROUP BY {}", keys.join(", ")) })
            }
            Group::Items(list) => {
                let parts: Vec<String> =
                    list.iter().map(|item| self.group_item(item, picked, scope)).collect::<Result<_>>()?;
                Ok(format!(" GROUP BY {}", parts.join(", ")))
            }
        }
    }

    pub(super) fn group_item(&mut self, item: &GroupItem, picked: &[Picked], scope: &Scope) -> Result<String> {
        match item {
            GroupItem::Empty => Ok("()".into()),
            GroupItem::Value(value, _) => {
                let key = self.group_key(value, picked, scope)?;
                if !key.ty.groupable() {
                    return Err(SqlError::semantic(
                        format!("Grouping by expressions of type {} is not allowed", key.ty),
                        value.at,
                    ));
                }
                Ok(self.plain(&key))
            }
            GroupItem::Nested(kind, sets) => {
                let mut parts = Vec::new();
                for set in sets {
                    let keys: Vec<String> =
                        set.iter().map(|i| self.group_item(i, picked, scope)).collect::<Result<_>>()?;
                    let nested = matches!(set.as_slice(), [GroupItem::Nested(..)]);
                    parts.push(if nested { keys.join(", ") } else { format!("({})", keys.join(", ")) });
                }
                Ok(format!("{kind} ({})", parts.join(", ")))
            }
        }
    }

    fn group_key(&mut self, value: &Expr, picked: &[Picked], scope: &Scope) -> Result<Typed> {
        if let Kind::Int(text) = &value.kind {
            let index = text.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            return index.and_then(|i| picked.get(i)).map(|p| p.value.clone()).ok_or_else(|| {
                SqlError::semantic(format!("GROUP BY is out of SELECT column number range: {text}"), value.at)
            });
        }
        if let Kind::Name(name) = &value.kind {
            let alias = picked
                .iter()
                .find(|p| p.alias && p.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&name.text)));
            if let Some(found) = alias {
                return Ok(found.value.clone());
            }
        }
        self.expr(value, scope)
    }
}

fn is_constant(value: &Expr) -> bool {
    matches!(value.kind, Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Text(_) | Kind::Typed(..))
}

/// A type fit for a column.
pub(super) fn known(ty: &Type) -> Type {
    match ty {
        Type::Null => Type::Int64,
        Type::Array(inner) => Type::Array(Box::new(known(inner))),
        _ => ty.clone(),
    }
}

/// The name a column has without an alias.
pub(super) fn implied(value: &Expr) -> Option<String> {
    match &value.kind {
        Kind::Name(name) | Kind::Field(_, name) => Some(name.text.clone()),
        _ => None,
    }
}

pub(super) fn aliases(picked: &[Picked]) -> Vec<(String, Typed)> {
    picked.iter().filter_map(|p| p.name.clone().map(|n| (n, p.value.clone()))).collect()
}

/// The fields of a struct value as columns.
pub(super) fn struct_cols(sql: &str, fields: &[Field]) -> Vec<Col> {
    field_names(fields)
        .into_iter()
        .zip(fields)
        .map(|(phys, field)| Col {
            name: field.name.clone(),
            sql: format!("({sql}).{}", quote(&phys)),
            ty: field.ty.clone(),
        })
        .collect()
}
