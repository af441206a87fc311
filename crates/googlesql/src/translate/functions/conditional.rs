//! IF, COALESCE, NULLIF and other functions that choose; errors and UUIDs.

use super::super::call::{Sig, Special, f};
use super::super::scope::Scope;
use super::super::{Result, Translator, Typed};
use crate::SqlError;
use crate::ast::{Call, Kind};
use crate::types::Type;

pub(super) const TABLE: &[Sig] = &[
    f("COALESCE", "xx*", "x", "COALESCE($*)"),
    f("COALESCE", "x", "x", "$1"),
    f("IFNULL", "xx", "x", "COALESCE($1, $2)"),
    f("NULLIFZERO", "x", "x", "NULLIF($1, 0)"),
    f("ZEROIFNULL", "x", "x", "COALESCE($1, 0)"),
    f("GENERATE_UUID", "", "s", "CAST(gen_random_uuid() AS VARCHAR)"),
    f("SESSION_USER", "", "s", "'local'"),
    f("ISNULL", "a", "b", "($1 IS NULL)"),
];

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("IF", iff),
    ("NULLIF", nullif),
    ("ERROR", error),
    ("GREATEST", extreme),
    ("LEAST", extreme),
    ("IFERROR", iferror),
    ("ISERROR", iserror),
    ("NULLIFERROR", nulliferror),
];

fn iff(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let [condition, yes, no] = call.args.as_slice() else {
        return Err(SqlError::semantic("IF needs three arguments", call.at));
    };
    let condition = t.bool(condition, scope)?;
    let values = [(t.expr(yes, scope)?, yes.at), (t.expr(no, scope)?, no.at)];
    let ty = t.common_of(&values)?;
    Ok(Typed::new(
        format!(
            "CASE WHEN {condition} THEN {} ELSE {} END",
            t.convert(&values[0].0, &ty),
            t.convert(&values[1].0, &ty)
        ),
        ty,
    ))
}

fn nullif(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let [a, b] = call.args.as_slice() else {
        return Err(SqlError::semantic("NULLIF needs two arguments", call.at));
    };
    let values = [(t.expr(a, scope)?, a.at), (t.expr(b, scope)?, b.at)];
    let ty = t.common_of(&values)?;
    let ty = if ty == Type::Null { Type::Int64 } else { ty };
    let (x, y) =
        (Typed::new(t.convert(&values[0].0, &ty), ty.clone()), Typed::new(t.convert(&values[1].0, &ty), ty.clone()));
    let test = t.comparison("=", &x, &y, call.at)?;
    Ok(Typed::new(format!("CASE WHEN {} THEN NULL ELSE {} END", test.sql, x.sql), ty))
}

/// ERROR has any type: what stands beside it decides.
fn error(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let [message] = call.args.as_slice() else {
        return Err(SqlError::semantic("ERROR needs one argument", call.at));
    };
    let message = t.expr(message, scope)?;
    let message = t.cast_value(&message, &Type::String, call.at).map(|m| m.sql).unwrap_or(message.sql);
    Ok(Typed::new(format!("error({message})"), Type::Null))
}

fn extreme(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let mut values = Vec::new();
    for arg in &call.args {
        values.push((t.expr(arg, scope)?, arg.at));
    }
    if values.is_empty() {
        return Err(SqlError::semantic(format!("{} needs at least one argument", call.name), call.at));
    }
    let mut ty = t.common_of(&values)?;
    if ty == Type::Null {
        ty = Type::Int64;
    }
    if matches!(ty, Type::Array(_) | Type::Struct(_) | Type::Json | Type::Geography) {
        return Err(SqlError::semantic(format!("{} is not defined for arguments of type {ty}", call.name), call.at));
    }
    let list: Vec<String> = values.iter().map(|(v, _)| t.convert(v, &ty)).collect();
    let mut sql = format!(
        "CASE WHEN {} THEN NULL ELSE {}({}) END",
        list.iter().map(|v| format!("{v} IS NULL")).collect::<Vec<_>>().join(" OR "),
        call.name.to_lowercase(),
        list.join(", ")
    );
    if ty == Type::Float64 {
        let nan = list.iter().map(|v| format!("isnan({v})")).collect::<Vec<_>>().join(" OR ");
        let null = list.iter().map(|v| format!("{v} IS NULL")).collect::<Vec<_>>().join(" OR ");
        sql = format!(
            "CASE WHEN {null} THEN NULL WHEN {nan} THEN 'nan'::DOUBLE ELSE {}({}) END",
            call.name.to_lowercase(),
            list.join(", ")
        );
    }
    Ok(Typed::new(sql, ty))
}

fn iferror(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let [a, b] = call.args.as_slice() else {
        return Err(SqlError::semantic("IFERROR needs two arguments", call.at));
    };
    let values = [(t.expr(a, scope)?, a.at), (t.expr(b, scope)?, b.at)];
    let ty = t.common_of(&values)?;
    let (x, y) = (t.convert(&values[0].0, &ty), t.convert(&values[1].0, &ty));
    // a struct tells a NULL result from an error
    Ok(Typed::new(format!("CASE WHEN TRY(struct_pack(v := {x})) IS NULL THEN {y} ELSE TRY({x}) END"), ty))
}

fn iserror(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let [a] = call.args.as_slice() else {
        return Err(SqlError::semantic("ISERROR needs one argument", call.at));
    };
    if let Kind::Null = a.kind {
        return Ok(Typed::new("FALSE", Type::Bool));
    }
    let value = t.expr(a, scope)?;
    Ok(Typed::new(format!("(TRY(struct_pack(v := {})) IS NULL)", value.sql), Type::Bool))
}

fn nulliferror(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let [a] = call.args.as_slice() else {
        return Err(SqlError::semantic("NULLIFERROR needs one argument", call.at));
    };
    let value = t.expr(a, scope)?;
    Ok(Typed::new(format!("TRY({})", value.sql), value.ty))
}
