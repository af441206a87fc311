//! Arrays.

use super::super::call::{Sig, Special, f};
use super::super::scope::Scope;
use super::super::{Result, Translator, Typed};
use crate::SqlError;
use crate::ast::{Call, Expr, Ident, Kind};
use crate::types::Type;

pub(super) const TABLE: &[Sig] = &[
    f("ARRAY_LENGTH", "A", "i", "len($1)"),
    f("ARRAY_REVERSE", "A", "1", "list_reverse($1)"),
    f("ARRAY_FIRST", "A", "e", "rsdbt_sys.main.array_end($1, 1)"),
    f("ARRAY_LAST", "A", "e", "rsdbt_sys.main.array_end($1, len($1))"),
    f("ARRAY_SLICE", "Aii", "1", "rsdbt_sys.main.array_slice_of($1, $2, $3)"),
    f("ARRAY_TO_STRING", "[ss", "s", "bq_array_text($1, $2)"),
    f("ARRAY_TO_STRING", "[sss", "s", "bq_array_text_null($1, $2, $3)"),
    f("ARRAY_IS_DISTINCT", "A", "b", "rsdbt_sys.main.array_distinct($1)"),
    f("GENERATE_ARRAY", "ii", "[i", "bq_generate_ints($1, $2, 1)"),
    f("GENERATE_ARRAY", "iii", "[i", "bq_generate_ints($1, $2, $3)"),
    f("GENERATE_ARRAY", "nn", "[n", "rsdbt_sys.main.generate_numbers($1, $2, CAST(1 AS DECIMAL(38,9)))"),
    f("GENERATE_ARRAY", "nnn", "[n", "rsdbt_sys.main.generate_numbers($1, $2, $3)"),
    f("GENERATE_ARRAY", "ff", "[f", "bq_generate_floats($1, $2, 1)"),
    f("GENERATE_ARRAY", "fff", "[f", "bq_generate_floats($1, $2, $3)"),
];

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("ARRAY_CONCAT", concat),
    ("ARRAY_INCLUDES", includes),
    ("ARRAY_FILTER", lambda),
    ("ARRAY_TRANSFORM", lambda),
    ("GENERATE_DATE_ARRAY", dates),
    ("GENERATE_TIMESTAMP_ARRAY", dates),
    ("FLATTEN", flatten),
    ("ARRAY_MAX", extreme),
    ("ARRAY_MIN", extreme),
];

fn concat(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let mut values = Vec::new();
    for arg in &call.args {
        values.push((t.expr(arg, scope)?, arg.at));
    }
    let ty = t.common_of(&values)?;
    let (Type::Array(_), Some((first, rest))) = (&ty, values.split_first()) else {
        return Err(SqlError::semantic("ARRAY_CONCAT needs arrays", call.at));
    };
    let mut sql = t.convert(&first.0, &ty);
    for (value, _) in rest {
        sql = format!("rsdbt_sys.main.array_concat({sql}, {})", t.convert(value, &ty));
    }
    Ok(Typed::new(sql, ty))
}

fn includes(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let [array, value] = call.args.as_slice() else {
        return Err(SqlError::semantic("ARRAY_INCLUDES needs two arguments", call.at));
    };
    let (array, value) = (t.expr(array, scope)?, t.expr(value, scope)?);
    let element = array.ty.element().cloned().unwrap_or(Type::Null);
    let ty =
        element.common(&value.ty).ok_or_else(|| SqlError::semantic("ARRAY_INCLUDES: the types differ", call.at))?;
    let list = t.convert(&array, &Type::Array(Box::new(ty.clone())));
    Ok(Typed::new(format!("list_contains({list}, {})", t.convert(&value, &ty)), Type::Bool))
}

fn lambda(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let (array, params, body) = match call.args.as_slice() {
        [array, Expr { kind: Kind::Lambda { params, body }, .. }] if (1..=2).contains(&params.len()) => {
            (array, params, body)
        }
        _ => return Err(SqlError::semantic(format!("{} needs an array and a lambda", call.name), call.at)),
    };
    let array = t.expr(array, scope)?;
    let Some(element) = array.ty.element().cloned() else {
        return Err(SqlError::semantic(format!("{} needs an array", call.name), call.at));
    };
    let mut inner = scope.clone();
    let names: Vec<String> = params.iter().map(|_| t.fresh("l")).collect();
    inner.first.push((params[0].text.clone(), Typed::new(names[0].clone(), element)));
    if let Some(index) = params.get(1) {
        inner.first.push((index.text.clone(), Typed::new(format!("({} - 1)", names[1]), Type::Int64)));
    }
    let filter = call.name.eq_ignore_ascii_case("ARRAY_FILTER");
    let (sql, ty) = if filter {
        (t.bool(body, &inner)?, array.ty.clone())
    } else {
        let value = t.expr(body, &inner)?;
        (t.plain(&value), Type::Array(Box::new(value.ty)))
    };
    let name = if filter { "list_filter" } else { "list_transform" };
    Ok(Typed::new(format!("{name}({}, lambda {}: {sql})", array.sql, names.join(", ")), ty))
}

fn dates(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let date = call.name.eq_ignore_ascii_case("GENERATE_DATE_ARRAY");
    let ty = if date { Type::Date } else { Type::Timestamp };
    if call.args.len() < 2 || call.args.len() > 3 || (!date && call.args.len() != 3) {
        return Err(SqlError::semantic(format!("wrong number of arguments for {}", call.name), call.at));
    }
    let mut ends = Vec::new();
    for arg in &call.args[..2] {
        let value = t.expr(arg, scope)?;
        if value.ty.distance(&ty).is_none() && t.literal_target(&value, &ty).is_none() {
            return Err(SqlError::semantic(format!("{} needs {ty}, this is {}", call.name, value.ty), arg.at));
        }
        ends.push(t.convert(&value, &ty));
    }
    let (count, part) = match call.args.get(2).map(|a| &a.kind) {
        Some(Kind::Interval { value, from, .. }) => (t.expr(value, scope)?.sql, from.text.to_uppercase()),
        None => ("1::BIGINT".to_owned(), "DAY".to_owned()),
        Some(_) => return Err(SqlError::semantic("the step must be INTERVAL n part", call.at)),
    };
    let name = if date { "bq_generate_dates" } else { "bq_generate_timestamps" };
    Ok(Typed::new(format!("{name}({}, {}, {count}, '{part}')", ends[0], ends[1]), Type::Array(Box::new(ty))))
}

fn flatten(_: &mut Translator<'_>, call: &Call, _: &Scope) -> Result<Typed> {
    Err(SqlError::unsupported("FLATTEN", call.at))
}

fn extreme(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let [array] = call.args.as_slice() else {
        return Err(SqlError::semantic(format!("{} needs one argument", call.name), call.at));
    };
    let array = t.expr(array, scope)?;
    let Some(element) = array.ty.element().cloned() else {
        return Err(SqlError::semantic(format!("{} needs an array", call.name), call.at));
    };
    let name = if call.name.to_uppercase().ends_with("MAX") { "list_max" } else { "list_min" };
    let _: Option<Ident> = None;
    Ok(Typed::new(format!("{name}({})", array.sql), element))
}
