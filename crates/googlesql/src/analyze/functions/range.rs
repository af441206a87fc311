//! RANGE values: their constructor and GENERATE_RANGE_ARRAY.

use super::{Special, refused, unknown};
use crate::analyze::{Analyzer, Scope};
use crate::ast::{Call, Kind};
use crate::query::Expr;
use crate::types::Type;
use crate::{Result, SqlError};

pub(super) const SPECIAL: &[(&str, Special)] = &[("RANGE", make), ("GENERATE_RANGE_ARRAY", generate)];

fn make(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    if call.args.len() != 2 {
        return Err(SqlError::semantic("RANGE needs 2 arguments", call.at));
    }
    let values = t.placed(&call.args, scope)?;
    let ty = t.common_of(&values)?;
    let [(start, _), (end, _)] = values.as_slice() else { return Ok(unknown()) };
    match ty {
        Type::Date | Type::DateTime | Type::Timestamp => Ok(t.make_range(start.clone(), end.clone(), &ty)),
        Type::Unknown => Ok(unknown()),
        ty => Err(SqlError::semantic(format!("{ty} is not supported by RANGE()"), call.at)),
    }
}

/// GENERATE_RANGE_ARRAY(range, INTERVAL n part, [include_last_partial_range])
fn generate(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    super::count(call, 2..=3)?;
    let value = t.expr(&call.args[0], scope)?;
    match &value.ty {
        Type::Range(inner) if **inner == Type::Date => {}
        Type::Range(inner) => {
            return Err(SqlError::unsupported(format!("GENERATE_RANGE_ARRAY of RANGE<{inner}>"), call.at));
        }
        Type::Unknown => return Ok(unknown()),
        other => return Err(refused(call, other)),
    }
    let Kind::Interval { value: count, from, to: None } = &call.args[1].kind else {
        return Err(SqlError::unsupported("GENERATE_RANGE_ARRAY with this step", call.at));
    };
    let count = t.wanted(call, count, &Type::Int64, scope)?;
    let last = match call.args.get(2) {
        Some(flag) => t.wanted(call, crate::analyze::call::value_of(flag), &Type::Bool, scope)?,
        None => Expr::bool(true),
    };
    let ty = Type::Array(Box::new(value.ty.clone()));
    Ok(t.form("$generate_range_array", vec![value, count, Expr::text(from.text.to_uppercase()), last], ty))
}
