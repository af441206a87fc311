//! Arrays.

use super::{Special, count, refused, unknown};
use crate::analyze::{Analyzer, Scope};
use crate::ast::{self, Call, Kind};
use crate::query::{Expr, Node};
use crate::types::{Type, known};
use crate::{Result, SqlError};

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("ARRAY_CONCAT", concat),
    ("ARRAY_FILTER", lambda),
    ("ARRAY_TRANSFORM", lambda),
    ("GENERATE_DATE_ARRAY", dates),
    ("GENERATE_TIMESTAMP_ARRAY", dates),
];

fn concat(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let values = t.placed(&call.args, scope)?;
    if values.iter().any(|(value, _)| value.ty == Type::Unknown) {
        return Ok(unknown());
    }
    let mut element = Type::Null;
    for (value, at) in &values {
        let own = match &value.ty {
            Type::Array(own) => &**own,
            Type::Null => continue,
            other => return Err(refused(call, other)),
        };
        element = element.common(own).ok_or_else(|| apart(&element, &value.ty, *at))?;
    }
    let ty = Type::Array(Box::new(known(&element)));
    for (value, at) in &values {
        // the elements of a constructor bend, those of a column do not
        if value.ty.distance(&ty).is_none() && !matches!(value.node, Node::Array(_)) {
            return Err(apart(&element, &value.ty, *at));
        }
    }
    let mut parts = values.into_iter().map(|(value, _)| t.convert(value, &ty));
    let Some(first) = parts.next() else {
        return Err(SqlError::semantic("ARRAY_CONCAT needs arrays", call.at));
    };
    let parts: Vec<Expr> = parts.collect();
    Ok(parts.into_iter().fold(first, |all, part| t.form("$array_concat", vec![all, part], ty.clone())))
}

fn apart(element: &Type, other: &Type, at: usize) -> SqlError {
    SqlError::semantic(format!("the types ARRAY<{element}> and {other} do not fit together"), at)
}

fn lambda(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let (array, params, body) = match call.args.as_slice() {
        [array, ast::Expr { kind: Kind::Lambda { params, body }, .. }] if (1..=2).contains(&params.len()) => {
            (array, params, body)
        }
        _ => return Err(SqlError::semantic(format!("{} needs an array and a lambda", call.name), call.at)),
    };
    let array = t.expr(array, scope)?;
    let element = match &array.ty {
        Type::Array(element) => known(element),
        Type::Unknown => return Ok(unknown()),
        _ => return Err(SqlError::semantic(format!("{} needs an array", call.name), call.at)),
    };
    let array = t.plain(array);
    let mut inner = scope.clone();
    let names: Vec<String> = params.iter().map(|_| t.fresh("l")).collect();
    inner.first.push((params[0].text.clone(), Expr::new(Node::Local(names[0].clone()), element)));
    if let Some(index) = params.get(1) {
        // places count from 1 in the form, from 0 in BigQuery
        let place = Expr::new(Node::Local(names[1].clone()), Type::Int64);
        let place = t.form("$sub", vec![place, Expr::int(1)], Type::Int64);
        inner.first.push((index.text.clone(), place));
    }
    let (form, body, ty) = if call.name.eq_ignore_ascii_case("ARRAY_FILTER") {
        ("$filter", t.bool(body, &inner)?, array.ty.clone())
    } else {
        let value = t.expr(body, &inner)?;
        let value = t.plain(value);
        let ty = Type::Array(Box::new(value.ty.clone()));
        ("$transform", value, ty)
    };
    let body_type = body.ty.clone();
    let function = Expr::new(Node::Lambda(names, Box::new(body)), body_type);
    Ok(t.form(form, vec![array, function], ty))
}

fn dates(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let date = call.name.eq_ignore_ascii_case("GENERATE_DATE_ARRAY");
    let ty = if date { Type::Date } else { Type::Timestamp };
    count(call, if date { 2..=3 } else { 3..=3 })?;
    let mut args = Vec::new();
    for arg in &call.args[..2] {
        args.push(t.wanted(call, arg, &ty, scope)?);
    }
    let (step, part) = match call.args.get(2).map(|arg| &arg.kind) {
        Some(Kind::Interval { value, from, .. }) => {
            (t.wanted(call, value, &Type::Int64, scope)?, from.text.to_uppercase())
        }
        None => (Expr::int(1), "DAY".to_owned()),
        Some(_) => return Err(SqlError::semantic("the step must be INTERVAL n part", call.at)),
    };
    args.extend([step, Expr::text(part)]);
    let form = if date { "$generate_dates" } else { "$generate_timestamps" };
    Ok(t.form(form, args, Type::Array(Box::new(ty))))
}
