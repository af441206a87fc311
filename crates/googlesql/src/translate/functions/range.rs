//! RANGE values.

use super::super::call::{Sig, Special};
use super::super::scope::Scope;
use super::super::{Result, Translator, Typed};
use crate::SqlError;
use crate::ast::{Call, Kind};
use crate::types::Type;

pub(super) const TABLE: &[Sig] = &[];

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("RANGE", make),
    ("RANGE_START", side),
    ("RANGE_END", side),
    ("RANGE_CONTAINS", contains),
    ("RANGE_OVERLAPS", overlaps),
    ("RANGE_INTERSECT", intersect),
    ("GENERATE_RANGE_ARRAY", generate),
];

fn args(t: &mut Translator<'_>, call: &Call, scope: &Scope, count: usize) -> Result<Vec<Typed>> {
    if call.args.len() != count {
        return Err(SqlError::semantic(format!("{} needs {count} arguments", call.name), call.at));
    }
    t.exprs(&call.args, scope)
}

fn element(value: &Typed, call: &Call) -> Result<Type> {
    match &value.ty {
        Type::Range(inner) => Ok((**inner).clone()),
        other => Err(SqlError::semantic(
            format!("No matching signature for function {} for argument type {other}", call.name),
            call.at,
        )),
    }
}

fn make(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let values = args(t, call, scope, 2)?;
    let pairs: Vec<(Typed, usize)> = values.iter().cloned().zip(call.args.iter().map(|a| a.at)).collect();
    match t.common_of(&pairs)? {
        ty @ (Type::Date | Type::DateTime | Type::Timestamp) => Ok(t.make_range(&values[0], &values[1], &ty)),
        ty => Err(SqlError::semantic(format!("RANGE<{ty}> is not a type"), call.at)),
    }
}

fn side(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let values = args(t, call, scope, 1)?;
    let ty = element(&values[0], call)?;
    let field = if call.name.to_uppercase().ends_with("START") { "_start" } else { "_end" };
    Ok(Typed::new(format!("({}).\"{field}\"", values[0].sql), ty))
}

fn contains(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let values = args(t, call, scope, 2)?;
    let ty = element(&values[0], call)?;
    if values[1].ty == values[0].ty {
        return Ok(Typed::new(
            format!("rsdbt_sys.main.range_contains_range({}, {})", values[0].sql, values[1].sql),
            Type::Bool,
        ));
    }
    if values[1].ty.distance(&ty).is_none() && t.literal_target(&values[1], &ty).is_none() {
        return Err(SqlError::semantic(format!("RANGE_CONTAINS needs a {ty}, this is {}", values[1].ty), call.at));
    }
    Ok(Typed::new(
        format!("rsdbt_sys.main.range_contains({}, {})", values[0].sql, t.convert(&values[1], &ty)),
        Type::Bool,
    ))
}

fn overlaps(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let values = args(t, call, scope, 2)?;
    element(&values[0], call)?;
    element(&values[1], call)?;
    Ok(Typed::new(format!("rsdbt_sys.main.range_overlaps({}, {})", values[0].sql, values[1].sql), Type::Bool))
}

fn intersect(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let values = args(t, call, scope, 2)?;
    element(&values[0], call)?;
    Ok(Typed::new(
        format!("rsdbt_sys.main.range_intersect({}, {})", values[0].sql, values[1].sql),
        values[0].ty.clone(),
    ))
}

fn generate(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    if call.args.len() != 2 {
        return Err(SqlError::unsupported("GENERATE_RANGE_ARRAY with include_last_partial_range", call.at));
    }
    let value = t.expr(&call.args[0], scope)?;
    let ty = element(&value, call)?;
    let Kind::Interval { value: count, from, to: None } = &call.args[1].kind else {
        return Err(SqlError::unsupported("GENERATE_RANGE_ARRAY with this step", call.at));
    };
    let count = t.expr(count, scope)?;
    let part = from.text.to_uppercase();
    let sql = match ty {
        Type::Date => format!(
            "list_transform(bq_generate_dates(({0}).\"_start\", bq_date_add(({0}).\"_end\", -1, 'DAY'), {1}, '{part}'), lambda s: struct_pack(\"_start\" := s, \"_end\" := least(bq_date_add(s, {1}, '{part}'), ({0}).\"_end\")))",
            value.sql, count.sql
        ),
        _ => return Err(SqlError::unsupported(format!("GENERATE_RANGE_ARRAY of RANGE<{ty}>"), call.at)),
    };
    Ok(Typed::new(sql, Type::Array(Box::new(value.ty))))
}
