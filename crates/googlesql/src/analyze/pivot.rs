//! PIVOT and UNPIVOT, written out: one filtered aggregate a value, one row a column.

use super::Analyzer;
use super::scope::Scope;
use super::select::unique;
use super::walk::walk;
use crate::ast::{self, Ident, Kind, Pivot, Unpivot};
use crate::query::{Expr, From, GroupKey, Node, OutCol, Query, Select};
use crate::types::{Field, Type, known};
use crate::{Result, SqlError};

impl Analyzer<'_> {
    pub(super) fn pivot(&mut self, from: From, scope: &Scope, pivot: &Pivot) -> Result<Query> {
        let mut used: Vec<String> = Vec::new();
        names_in(&pivot.column, &mut used);
        pivot.aggregates.iter().for_each(|(value, _)| names_in(value, &mut used));
        let key = self.expr(&pivot.column, scope)?;
        let (mut list, mut group, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for col in &scope.star {
            if used.iter().any(|u| col.is(u)) {
                continue;
            }
            let phys = unique(&columns, col.name.as_deref());
            list.push(col.value.clone());
            group.push(GroupKey::Value(col.value.clone()));
            columns.push(OutCol { name: col.name.clone(), phys, ty: col.value.ty.clone() });
        }
        for (written, alias) in &pivot.values {
            let label = match alias {
                Some(alias) => alias.text.clone(),
                None => value_label(written)
                    .ok_or_else(|| SqlError::semantic("this PIVOT value needs an alias", written.at))?,
            };
            let wanted = self.expr(written, scope)?;
            let ty = if self.literal_fits(&wanted, &key.ty) { Some(key.ty.clone()) } else { key.ty.common(&wanted.ty) };
            let ty =
                ty.ok_or_else(|| SqlError::semantic("the PIVOT value has another type than its column", written.at))?;
            let sides = vec![self.convert(key.clone(), &ty), self.convert(wanted, &ty)];
            let condition = self.form("$is_not_distinct", sides, Type::Bool);
            for (aggregate, prefix) in &pivot.aggregates {
                self.filter = Some(condition.clone());
                let value = self.expr(aggregate, scope);
                self.filter = None;
                let value = self.plain(value?);
                if !self.aggregates(aggregate) {
                    return Err(SqlError::semantic(
                        "PIVOT expression must be an aggregate function call",
                        aggregate.at,
                    ));
                }
                let name = match prefix {
                    Some(prefix) => {
                        // the underscore that lets a number be a name is not needed behind another name
                        let number = alias.is_none() && !matches!(written.kind, Kind::Text(_));
                        let short = if number { label.strip_prefix('_').unwrap_or(&label) } else { &label };
                        format!("{}_{short}", prefix.text)
                    }
                    None => label.clone(),
                };
                let phys = unique(&columns, Some(&name));
                columns.push(OutCol { name: Some(name), phys, ty: value.ty.clone() });
                list.push(value);
            }
        }
        Ok(Query::select(Select { list, from: Some(from), group, ..Select::default() }, columns))
    }

    pub(super) fn unpivot(&mut self, from: From, scope: &Scope, unpivot: &Unpivot) -> Result<Query> {
        let gone: Vec<&Ident> = unpivot.columns.iter().flat_map(|(names, _)| names).collect();
        let (mut list, mut columns) = (Vec::new(), Vec::new());
        for col in scope.star.iter().filter(|col| !gone.iter().any(|g| col.is(&g.text))) {
            let phys = unique(&columns, col.name.as_deref());
            list.push(col.value.clone());
            columns.push(OutCol { name: col.name.clone(), phys, ty: col.value.ty.clone() });
        }
        let types = unpivot_types(unpivot, scope)?;
        let (mut rows, mut row_type) = (Vec::new(), Type::Null);
        for (names, label) in &unpivot.columns {
            let (mut parts, mut fields) = (Vec::new(), Vec::new());
            for (i, (name, ty)) in names.iter().zip(&types).enumerate() {
                parts.push((format!("v{i}"), self.convert(find(scope, name)?.1, ty)));
                fields.push(Field { name: Some(format!("v{i}")), ty: ty.clone() });
            }
            let label = match label {
                Some(value) => self.expr(value, scope)?,
                None => {
                    let all = names.iter().map(|n| find(scope, n).map(|(name, _)| name)).collect::<Result<Vec<_>>>()?;
                    Expr::text(all.join("_"))
                }
            };
            fields.push(Field { name: Some("n".into()), ty: label.ty.clone() });
            parts.push(("n".to_owned(), label));
            row_type = Type::Struct(fields);
            rows.push(Expr::new(Node::Struct(parts), row_type.clone()));
        }
        let alias = self.fresh("p");
        let item = Expr::column(&alias, "v", row_type.clone());
        let values: Vec<Expr> =
            types.iter().enumerate().map(|(i, ty)| item.clone().field(&format!("v{i}"), ty.clone())).collect();
        for (name, value) in unpivot.values.iter().zip(&values) {
            add(&mut columns, &mut list, name, value.clone());
        }
        let label_type = match &row_type {
            Type::Struct(fields) => fields.last().map_or(Type::String, |f| f.ty.clone()),
            _ => Type::String,
        };
        add(&mut columns, &mut list, &unpivot.name, item.field("n", label_type));
        let keep: Vec<Expr> =
            values.into_iter().map(|value| self.form("$is_not_null", vec![value], Type::Bool)).collect();
        let filter = (!unpivot.include_nulls).then(|| self.form("$or", keep, Type::Bool));
        let array = Expr::new(Node::Array(rows), Type::Array(Box::new(row_type)));
        let right = Box::new(From::Unnest { array, alias, offset: false, lateral: true });
        let from = From::Join { kind: "CROSS", left: Box::new(from), right, on: None };
        Ok(Query::select(Select { list, from: Some(from), filter, ..Select::default() }, columns))
    }
}

fn add(columns: &mut Vec<OutCol>, list: &mut Vec<Expr>, name: &Ident, value: Expr) {
    let phys = unique(columns, Some(&name.text));
    columns.push(OutCol { name: Some(name.text.clone()), phys, ty: known(&value.ty) });
    list.push(value);
}

fn find(scope: &Scope, name: &Ident) -> Result<(String, Expr)> {
    let col = scope.star.iter().find(|c| c.is(&name.text)).ok_or_else(|| scope.unknown(name))?;
    Ok((col.name.clone().unwrap_or_default(), col.value.clone()))
}

fn unpivot_types(unpivot: &Unpivot, scope: &Scope) -> Result<Vec<Type>> {
    let mut types = Vec::new();
    for i in 0..unpivot.values.len() {
        let mut ty = Type::Null;
        for (names, _) in &unpivot.columns {
            let name = names
                .get(i)
                .ok_or_else(|| SqlError::semantic("UNPIVOT column groups differ in size", unpivot.name.at))?;
            let own = find(scope, name)?.1.ty;
            if !matches!(ty, Type::Null) && ty != own && own != Type::Unknown {
                const DIFFER: &str = "The datatype of column does not match with other datatypes in the IN clause";
                return Err(SqlError::semantic(DIFFER, name.at));
            }
            ty = own;
        }
        types.push(ty);
    }
    Ok(types)
}

/// Every bare name in an expression; a PIVOT groups by the columns that are not among them.
fn names_in(value: &ast::Expr, names: &mut Vec<String>) {
    walk(value, &mut |e| {
        if let Kind::Name(name) | Kind::Field(_, name) = &e.kind {
            names.push(name.text.clone());
        }
    });
}

/// The column name that BigQuery makes of a PIVOT value.
fn value_label(value: &ast::Expr) -> Option<String> {
    Some(match &value.kind {
        Kind::Null => "NULL".into(),
        Kind::Bool(true) => "TRUE".into(),
        Kind::Bool(false) => "FALSE".into(),
        Kind::Int(text) => match text.strip_prefix('-') {
            Some(rest) => format!("minus_{rest}"),
            None => format!("_{text}"),
        },
        Kind::Text(text) => text.clone(),
        Kind::Float(text) | Kind::Typed(_, text) => format!("_{}", text.replace('.', "_point_").replace('-', "_")),
        _ => return None,
    })
}
