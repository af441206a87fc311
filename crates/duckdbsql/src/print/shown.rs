//! FORMAT: values as `%t` and `%T` print them. They travel as tagged texts to one function.

use super::{LONG, Printer};
use crate::types::{quote, text};
use rsdbt_googlesql::query::Expr;
use rsdbt_googlesql::types::{Type, field_names};

impl Printer<'_> {
    /// `FORMAT(pattern, values...)`
    pub(super) fn format(&mut self, args: &[Expr]) -> String {
        let operands: Vec<&Expr> = args.iter().collect();
        self.bound(
            &operands,
            |i, text| i > 0 && text.len() > LONG,
            |p, given| {
                let Some((pattern, values)) = given.split_first() else { return "NULL".into() };
                let (mut kinds, mut plains, mut literals) = (Vec::new(), Vec::new(), Vec::new());
                for value in values {
                    let plain = p.expr(value);
                    kinds.push(kind(&plain, &value.ty));
                    plains.push(p.shown(&plain, &value.ty, false));
                    literals.push(p.shown(&plain, &value.ty, true));
                }
                let list = |items: Vec<String>| format!("CAST([{}] AS VARCHAR[])", items.join(", "));
                let pattern = p.expr(pattern);
                format!("bq_format({pattern}, {}, {}, {})", list(kinds), list(plains), list(literals))
            },
        )
    }

    pub(super) fn shown_of(&mut self, args: &[Expr], literal: bool) -> String {
        let Some(value) = args.first() else { return "'NULL'".into() };
        let plain = self.expr(value);
        self.shown(&plain, &value.ty, literal)
    }

    /// A value as `%t` (or, with `literal`, `%T`) prints it.
    fn shown(&mut self, plain: &str, ty: &Type, literal: bool) -> String {
        let word = |name: &str, sql: String| if literal { format!("'{name} \"' || {sql} || '\"'") } else { sql };
        let sql = match ty {
            Type::Null | Type::Unknown => return "'NULL'".into(),
            Type::String if literal => format!("bq_quote_text({plain})"),
            Type::String => plain.to_owned(),
            Type::Bytes if literal => format!("bq_quote_bytes({plain})"),
            Type::Bytes => format!("bq_escape_bytes({plain})"),
            Type::Float64 if literal => format!("bq_float_literal({plain})"),
            Type::Float64 => format!("bq_float_shown({plain})"),
            Type::Numeric | Type::BigNumeric => {
                word(&ty.to_string(), format!("bq_decimal_text(CAST({plain} AS VARCHAR))"))
            }
            Type::Json if literal => format!("'JSON ' || bq_quote_text(CAST({plain} AS VARCHAR))"),
            Type::Json => format!("CAST({plain} AS VARCHAR)"),
            Type::Geography => format!("({plain}).\"_wkt\""),
            Type::Array(inner) => {
                let items = self.each(plain, |p, item| p.shown(item, inner, literal));
                format!("'[' || array_to_string({items}, ', ') || ']'")
            }
            Type::Struct(fields) => self.once(plain, |p, value| {
                let mut parts = Vec::new();
                for (field, name) in fields.iter().zip(field_names(fields)) {
                    parts.push(p.shown(&format!("({value}).{}", quote(&name)), &field.ty, literal));
                }
                let open = if fields.len() == 1 && literal { "'STRUCT('" } else { "'('" };
                format!("{open} || {} || ')'", parts.join(" || ', ' || "))
            }),
            _ => {
                let zone = text(self.zone);
                let sql = self.cast_text(plain, ty, &Type::String, &zone);
                match ty {
                    Type::Date | Type::DateTime | Type::Timestamp | Type::Time => word(&ty.to_string(), sql),
                    Type::Interval if literal => format!("'INTERVAL \"' || {sql} || '\" YEAR TO SECOND'"),
                    Type::Range(_) if literal => format!("'{ty} \"' || {sql} || '\"'"),
                    _ => sql,
                }
            }
        };
        format!("COALESCE({sql}, 'NULL')")
    }
}

/// The letter by which `bq_format` knows the kind of a value.
fn kind(plain: &str, ty: &Type) -> String {
    let tag = match ty {
        Type::Null | Type::Unknown => return "'0'".into(),
        Type::Int64 => "i",
        Type::Float64 => "f",
        Type::Numeric | Type::BigNumeric => "n",
        Type::String => "s",
        Type::Bytes => "b",
        Type::Json => "j",
        _ => "o",
    };
    format!("CASE WHEN {plain} IS NULL THEN '0' ELSE '{tag}' END")
}
