//! IF, NULLIF and other functions that choose; ERROR and what catches errors; TYPEOF.

use super::{Special, count, unknown};
use crate::analyze::expr::no_common;
use crate::analyze::{Analyzer, Scope};
use crate::ast::Call;
use crate::query::{Expr, Node};
use crate::types::{Type, known};
use crate::{Result, SqlError};

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("IF", iff),
    ("NULLIF", nullif),
    ("ERROR", error),
    ("GREATEST", extreme),
    ("LEAST", extreme),
    ("IFERROR", iferror),
    ("ISERROR", iserror),
    ("NULLIFERROR", nulliferror),
    ("TYPEOF", type_of),
];

fn iff(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let [condition, yes, no] = call.args.as_slice() else {
        return Err(SqlError::semantic("IF needs three arguments", call.at));
    };
    let test = t.expr(condition, scope)?;
    if test.ty.distance(&Type::Bool).is_none() {
        let (yes, no) = (t.expr(yes, scope)?.ty, t.expr(no, scope)?.ty);
        let message = format!("No matching signature for function IF for argument types: {}, {yes}, {no}", test.ty);
        return Err(SqlError::semantic(message, condition.at));
    }
    let test = t.convert(test, &Type::Bool);
    let values = [(t.expr(yes, scope)?, yes.at), (t.expr(no, scope)?, no.at)];
    let ty = t.common_of(&values).map_err(|error| no_common("function IF", error, &values))?;
    let [yes, no] = values.map(|(value, _)| t.convert(value, &ty));
    Ok(Expr::new(Node::Case(vec![(test, yes)], Some(Box::new(no))), ty))
}

fn nullif(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let [a, b] = call.args.as_slice() else {
        return Err(SqlError::semantic("NULLIF needs two arguments", call.at));
    };
    let values = [(t.expr(a, scope)?, a.at), (t.expr(b, scope)?, b.at)];
    let ty = known(&t.common_of(&values).map_err(|error| no_common("function NULLIF", error, &values))?);
    let [a, b] = values.map(|(value, _)| t.convert(value, &ty));
    if ty == Type::Unknown {
        return Ok(unknown());
    }
    let test = t.comparison("=", a.clone(), b.clone(), call.at)?;
    Ok(match ty {
        Type::Struct(_) | Type::Range(_) => {
            let null = t.convert(Expr::null(), &ty);
            Expr::new(Node::Case(vec![(test, null)], Some(Box::new(a))), ty)
        }
        Type::Float64 => t.form("$nullif_float", vec![a, b], ty),
        _ => t.form("$nullif", vec![a, b], ty),
    })
}

/// ERROR has any type: what stands beside it decides.
fn error(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let [message] = call.args.as_slice() else {
        return Err(SqlError::semantic("ERROR needs one argument", call.at));
    };
    let message = t.expr(message, scope)?;
    let message = t.cast_value(message, &Type::String, call.at)?;
    Ok(t.form("$error", vec![message], Type::Null))
}

fn extreme(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let values = t.placed(&call.args, scope)?;
    if values.is_empty() {
        return Err(SqlError::semantic(format!("{} needs at least one argument", call.name), call.at));
    }
    let ty = known(&t.common_of(&values)?);
    if matches!(ty, Type::Array(_) | Type::Struct(_) | Type::Json | Type::Geography) {
        return Err(SqlError::semantic(format!("{} is not defined for arguments of type {ty}", call.name), call.at));
    }
    let values = values.into_iter().map(|(value, _)| t.convert(value, &ty)).collect();
    let form = if call.name.eq_ignore_ascii_case("GREATEST") { "$greatest" } else { "$least" };
    Ok(t.form(form, values, ty))
}

fn iferror(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let [a, b] = call.args.as_slice() else {
        return Err(SqlError::semantic("IFERROR needs two arguments", call.at));
    };
    let values = [(t.expr(a, scope)?, a.at), (t.expr(b, scope)?, b.at)];
    let ty = t.common_of(&values)?;
    let values = values.map(|(value, _)| t.convert(value, &ty));
    Ok(t.form("$iferror", values.into(), ty))
}

fn iserror(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 1..=1)?;
    let value = t.expr(&call.args[0], scope)?;
    Ok(t.form("$is_error", vec![value], Type::Bool))
}

fn nulliferror(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 1..=1)?;
    let value = t.expr(&call.args[0], scope)?;
    let ty = value.ty.clone();
    Ok(t.form("$null_if_error", vec![value], ty))
}

fn type_of(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    count(call, 1..=1)?;
    Ok(Expr::text(t.expr(&call.args[0], scope)?.ty.to_string()))
}
