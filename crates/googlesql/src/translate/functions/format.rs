//! FORMAT: its arguments travel as tagged texts to one function.

use super::super::call::{Sig, Special};
use super::super::scope::Scope;
use super::super::{Result, Translator, Typed, text};
use crate::SqlError;
use crate::ast::Call;
use crate::types::{Type, field_names, quote};

pub(super) const TABLE: &[Sig] = &[];
pub(super) const SPECIAL: &[(&str, Special)] = &[("FORMAT", format)];

fn format(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let values = t.exprs(&call.args, scope)?;
    let Some((pattern, rest)) = values.split_first() else {
        return Err(SqlError::semantic("FORMAT needs a format string", call.at));
    };
    let mut tagged = Vec::new();
    for value in rest {
        let (plain, literal) = (t.shown(value, false, call.at)?, t.shown(value, true, call.at)?);
        let tag = match &value.ty {
            Type::Int64 => "i",
            Type::Float64 => "f",
            Type::Numeric | Type::BigNumeric => "n",
            Type::String => "s",
            Type::Bytes => "b",
            Type::Null => "0",
            Type::Json => "j",
            _ => "o",
        };
        let tag = if tag == "0" {
            "'0'".to_owned()
        } else {
            format!("CASE WHEN {} IS NULL THEN '0' ELSE '{tag}' END", value.sql)
        };
        tagged.push(format!("struct_pack(k := {tag}, t := {plain}, l := {literal})"));
    }
    let kinds: Vec<String> = tagged.iter().map(|s| format!("({s}).k")).collect();
    let plains: Vec<String> = tagged.iter().map(|s| format!("({s}).t")).collect();
    let literals: Vec<String> = tagged.iter().map(|s| format!("({s}).l")).collect();
    let list = |items: Vec<String>| format!("CAST([{}] AS VARCHAR[])", items.join(", "));
    let pattern = t.convert(pattern, &Type::String);
    Ok(Typed::new(format!("bq_format({pattern}, {}, {}, {})", list(kinds), list(plains), list(literals)), Type::String))
}

impl Translator<'_> {
    /// A value as `%t` (or, with `literal`, `%T`) prints it.
    pub(in crate::translate) fn shown(&self, value: &Typed, literal: bool, at: usize) -> Result<String> {
        let plain = value.sql.clone();
        let word = |name: &str, sql: String| if literal { format!("'{name} \"' || {sql} || '\"'") } else { sql };
        let sql = match &value.ty {
            Type::Null => return Ok("'NULL'".into()),
            Type::String => {
                if literal {
                    format!("bq_quote_text({plain})")
                } else {
                    plain.clone()
                }
            }
            Type::Bytes => {
                if literal {
                    format!("bq_quote_bytes({plain})")
                } else {
                    format!("bq_escape_bytes({plain})")
                }
            }
            Type::Float64 => {
                if literal {
                    format!("bq_float_literal({plain})")
                } else {
                    format!("bq_float_shown({plain})")
                }
            }
            Type::Numeric => word("NUMERIC", format!("bq_decimal_text(CAST({plain} AS VARCHAR))")),
            Type::BigNumeric => word("BIGNUMERIC", format!("bq_decimal_text(CAST({plain} AS VARCHAR))")),
            Type::Json => {
                if literal {
                    format!("'JSON ' || bq_quote_text(CAST({plain} AS VARCHAR))")
                } else {
                    format!("CAST({plain} AS VARCHAR)")
                }
            }
            Type::Array(inner) => {
                let item = self.shown(&Typed::new("e", (**inner).clone()), literal, at)?;
                format!("'[' || array_to_string(list_transform({plain}, lambda e: {item}), ', ') || ']'")
            }
            Type::Struct(fields) => {
                let mut parts = Vec::new();
                for (field, name) in fields.iter().zip(field_names(fields)) {
                    parts.push(self.shown(
                        &Typed::new(format!("({plain}).{}", quote(&name)), field.ty.clone()),
                        literal,
                        at,
                    )?);
                }
                let open = if fields.len() == 1 && literal { "'STRUCT('" } else { "'('" };
                format!("{open} || {} || ')'", parts.join(" || ', ' || "))
            }
            Type::Geography => format!("({plain}).\"_wkt\""),
            ty => {
                let sql = self.cast_value(value, &Type::String, at)?.sql;
                match ty {
                    Type::Date | Type::DateTime | Type::Timestamp | Type::Time => word(&ty.to_string(), sql),
                    Type::Interval if literal => {
                        format!("'INTERVAL ' || {} || {sql} || {} || ' YEAR TO SECOND'", text("\""), text("\""))
                    }
                    Type::Range(_) if literal => format!("{} || {sql} || '\"'", text(&format!("{ty} \""))),
                    _ => sql,
                }
            }
        };
        Ok(format!("COALESCE({sql}, 'NULL')"))
    }
}
