//! Strings and bytes.

use super::{Special, count, refused, unknown};
use crate::analyze::{Analyzer, Scope};
use crate::ast::{Call, Kind};
use crate::query::{Expr, Node};
use crate::types::{Type, field_names, known};
use crate::{Result, SqlError};

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("CONCAT", concat),
    ("NORMALIZE", normalize),
    ("NORMALIZE_AND_CASEFOLD", normalize),
    ("COLLATE", collate),
    ("CONTAINS_SUBSTR", contains_substr),
];

fn concat(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let values = t.exprs(&call.args, scope)?;
    if values.is_empty() {
        return Err(SqlError::semantic("CONCAT needs at least one argument", call.at));
    }
    let bytes = values.iter().any(|value| value.ty == Type::Bytes);
    let ty = if bytes { Type::Bytes } else { Type::String };
    let mut parts = Vec::new();
    for value in values {
        let shown = value.ty.is_number()
            || matches!(value.ty, Type::Bool | Type::Date | Type::DateTime | Type::Timestamp | Type::Time);
        parts.push(if value.ty.distance(&ty).is_some() {
            t.convert(value, &ty)
        } else if shown && !bytes {
            t.cast_value(value, &ty, call.at)?
        } else {
            let message = format!("No matching signature for function CONCAT: an argument is {}", value.ty);
            return Err(SqlError::semantic(message, call.at));
        });
    }
    Ok(t.form("$concat_all", parts, ty))
}

fn normalize(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 1..=2)?;
    let mode = match call.args.get(1).map(|arg| &arg.kind) {
        None => "NFC".to_owned(),
        Some(Kind::Name(name)) if ["NFC", "NFD", "NFKC", "NFKD"].contains(&name.text.to_uppercase().as_str()) => {
            name.text.to_uppercase()
        }
        Some(_) => return Err(SqlError::semantic("the normalization mode is NFC, NFD, NFKC or NFKD", call.at)),
    };
    let value = t.wanted(call, &call.args[0], &Type::String, scope)?;
    let fold = call.name.to_uppercase().contains("CASEFOLD");
    let form = if fold { "$normalize_casefold" } else { "$normalize" };
    Ok(t.form(form, vec![value, Expr::text(mode)], Type::String))
}

/// COLLATE(x, '') takes a collation away, which is what every value has here.
fn collate(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    match call.args.as_slice() {
        [value, spec] if matches!(&spec.kind, Kind::Text(s) if s.is_empty()) => t.expr(value, scope),
        [_, spec] if matches!(&spec.kind, Kind::Text(s) if s == "binary") => {
            Err(SqlError::semantic("Collation 'binary' in collate function is not a valid collation", spec.at))
        }
        _ => Err(SqlError::unsupported("COLLATE", call.at)),
    }
}

/// CONTAINS_SUBSTR looks into every field and element.
fn contains_substr(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let (plain, named) = super::split_named(&call.args);
    let [value, wanted] = plain.as_slice() else {
        return Err(SqlError::semantic("CONTAINS_SUBSTR needs two arguments", call.at));
    };
    if !named.is_empty() {
        return Err(SqlError::unsupported("CONTAINS_SUBSTR with json_scope", call.at));
    }
    let value = t.expr(value, scope)?;
    let wanted = t.wanted(call, wanted, &Type::String, scope)?;
    contained(t, call, value, &wanted)
}

fn contained(t: &mut Analyzer<'_>, call: &Call, value: Expr, wanted: &Expr) -> Result<Expr> {
    let value = t.plain(value);
    match value.ty.clone() {
        Type::Unknown => Ok(unknown()),
        Type::Struct(fields) => {
            let mut tests = Vec::new();
            for (field, phys) in fields.iter().zip(field_names(&fields)) {
                let part = value.clone().field(&phys, field.ty.clone());
                tests.push(contained(t, call, part, wanted)?);
            }
            Ok(t.form("$or", tests, Type::Bool))
        }
        Type::Array(element) => {
            let name = t.fresh("v");
            let item = Expr::new(Node::Local(name.clone()), known(&element));
            let test = contained(t, call, item, wanted)?;
            let lambda = Expr::new(Node::Lambda(vec![name], Box::new(test)), Type::Bool);
            let tests = t.form("$transform", vec![value, lambda], Type::Array(Box::new(Type::Bool)));
            Ok(t.form("$any_of", vec![tests], Type::Bool))
        }
        ty if matches!(ty, Type::Json | Type::Geography | Type::Bytes) => Err(refused(call, &ty)),
        _ => {
            let text = t.cast_value(value, &Type::String, call.at)?;
            Ok(t.form("$contains", vec![text, wanted.clone()], Type::Bool))
        }
    }
}
