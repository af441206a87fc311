//! PIVOT and UNPIVOT, written out: one filtered aggregate a value, one row a column.

use super::scope::Scope;
use super::{OutCol, Output, Result, SqlError, Translator, Typed, column};
use crate::ast::{Expr, Ident, Kind, Pivot, Unpivot};
use crate::types::{Type, quote};

impl Translator<'_> {
    pub(super) fn pivot(&mut self, from: &str, scope: &Scope, pivot: &Pivot) -> Result<Output> {
        let mut used: Vec<String> = Vec::new();
        names_in(&pivot.column, &mut used);
        pivot.aggregates.iter().for_each(|(value, _)| names_in(value, &mut used));
        let key = self.expr(&pivot.column, scope)?;
        let mut out = Output::default();
        let (mut list, mut group) = (Vec::new(), Vec::new());
        for col in &scope.star {
            if col.name.as_deref().is_some_and(|n| used.iter().any(|u| u.eq_ignore_ascii_case(n))) {
                continue;
            }
            let phys = super::select::unique(&out.cols, col.name.as_deref());
            list.push(format!("{} AS {}", col.sql, quote(&phys)));
            group.push(col.sql.clone());
            out.cols.push(OutCol { name: col.name.clone(), phys, ty: col.ty.clone() });
        }
        for (value, alias) in &pivot.values {
            let label = match alias {
                Some(alias) => alias.text.clone(),
                None => {
                    value_label(value).ok_or_else(|| SqlError::semantic("this PIVOT value needs an alias", value.at))?
                }
            };
            let wanted = self.expr(value, scope)?;
            let ty = key
                .ty
                .common(&wanted.ty)
                .or_else(|| self.literal_target(&wanted, &key.ty))
                .ok_or_else(|| SqlError::semantic("the PIVOT value has another type than its column", value.at))?;
            self.filter =
                Some(format!("({} IS NOT DISTINCT FROM {})", self.convert(&key, &ty), self.convert(&wanted, &ty)));
            for (aggregate, prefix) in &pivot.aggregates {
                let value = self.expr(aggregate, scope);
                let value = value.inspect_err(|_| self.filter = None)?;
                let name = match prefix {
                    Some(prefix) => format!("{}_{label}", prefix.text),
                    None => label.clone(),
                };
                let phys = super::select::unique(&out.cols, Some(&name));
                list.push(format!("{} AS {}", self.plain(&value), quote(&phys)));
                out.cols.push(OutCol { name: Some(name), phys, ty: super::select::known(&value.ty) });
            }
            self.filter = None;
        }
        let group = if group.is_empty() { String::new() } else { format!(" GROUP BY {}", group.join(", ")) };
        out.sql = format!("SELECT {} FROM {from}{group}", list.join(", "));
        Ok(out)
    }

    pub(super) fn unpivot(&mut self, from: &str, scope: &Scope, unpivot: &Unpivot) -> Result<Output> {
        let find = |name: &Ident| {
            scope
                .star
                .iter()
                .find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&name.text)))
                .cloned()
                .ok_or_else(|| scope.unknown(name))
        };
        let gone: Vec<&Ident> = unpivot.columns.iter().flat_map(|(names, _)| names).collect();
        let mut out = Output::default();
        let mut list = Vec::new();
        for col in &scope.star {
            let name = col.name.clone().unwrap_or_default();
            if gone.iter().any(|g| g.text.eq_ignore_ascii_case(&name)) {
                continue;
            }
            let phys = super::select::unique(&out.cols, col.name.as_deref());
            list.push(format!("{} AS {}", col.sql, quote(&phys)));
            out.cols.push(OutCol { name: col.name.clone(), phys, ty: col.ty.clone() });
        }
        let mut types: Vec<Type> = Vec::new();
        for i in 0..unpivot.values.len() {
            let mut ty = Type::Null;
            for (names, _) in &unpivot.columns {
                let name = names
                    .get(i)
                    .ok_or_else(|| SqlError::semantic("UNPIVOT column groups differ in size", unpivot.name.at))?;
                ty = ty
                    .common(&find(name)?.ty)
                    .ok_or_else(|| SqlError::semantic("UNPIVOT columns have different types", name.at))?;
            }
            types.push(ty);
        }
        let (mut rows, mut label_type) = (Vec::new(), Type::String);
        for (names, label) in &unpivot.columns {
            let mut fields = Vec::new();
            for (i, (name, ty)) in names.iter().zip(&types).enumerate() {
                let col = find(name)?;
                fields.push(format!("v{i} := {}", self.convert(&Typed::new(col.sql, col.ty), ty)));
            }
            let label = match label {
                Some(value) => self.expr(value, scope)?,
                None => {
                    let all: Vec<String> =
                        names.iter().map(|n| find(n).map(|c| c.name.unwrap_or_default())).collect::<Result<_>>()?;
                    Typed::new(super::text(&all.join("_")), Type::String)
                }
            };
            label_type = label.ty.clone();
            fields.push(format!("n := {}", label.sql));
            rows.push(format!("struct_pack({})", fields.join(", ")));
        }
        let alias = self.fresh("p");
        let item = column(&alias, "r");
        let mut add = |name: &Ident, sql: String, ty: Type| {
            let phys = super::select::unique(&out.cols, Some(&name.text));
            list.push(format!("{sql} AS {}", quote(&phys)));
            out.cols.push(OutCol { name: Some(name.text.clone()), phys, ty });
        };
        for (i, (name, ty)) in unpivot.values.iter().zip(&types).enumerate() {
            add(name, format!("({item}).v{i}"), ty.clone());
        }
        add(&unpivot.name, format!("({item}).n"), label_type);
        let keep: Vec<String> = (0..types.len()).map(|i| format!("({item}).v{i} IS NOT NULL")).collect();
        let condition = if unpivot.include_nulls { String::new() } else { format!(" WHERE ({})", keep.join(" OR ")) };
        out.sql = format!(
            "SELECT {} FROM {from} CROSS JOIN LATERAL (SELECT unnest([{}]) AS \"r\") AS {}{condition}",
            list.join(", "),
            rows.join(", "),
            quote(&alias)
        );
        Ok(out)
    }
}

/// Every bare name in an expression; a PIVOT groups by the columns that are not among them.
fn names_in(value: &Expr, names: &mut Vec<String>) {
    super::aggregate::walk(value, &mut |e| {
        if let Kind::Name(name) = &e.kind {
            names.push(name.text.clone());
        }
        if let Kind::Field(_, name) = &e.kind {
            names.push(name.text.clone());
        }
    });
}

/// The column name that BigQuery makes of a PIVOT value.
fn value_label(value: &Expr) -> Option<String> {
    Some(match &value.kind {
        Kind::Null => "NULL".into(),
        Kind::Bool(b) => {
            if *b {
                "TRUE".into()
            } else {
                "FALSE".into()
            }
        }
        Kind::Int(text) => match text.strip_prefix('-') {
            Some(rest) => format!("minus_{rest}"),
            None => format!("_{text}"),
        },
        Kind::Text(text) => text.clone(),
        Kind::Float(text) | Kind::Typed(_, text) => format!("_{}", text.replace('.', "_point_").replace('-', "_")),
        _ => return None,
    })
}
