//! JSON.

use super::super::call::{Sig, Special, f};
use super::super::scope::Scope;
use super::super::{Result, Translator, Typed, text};
use crate::SqlError;
use crate::ast::{Call, Expr, Kind};
use crate::types::{Type, field_names, quote};

pub(super) const TABLE: &[Sig] = &[
    f("JSON_VALUE", "s", "s", "bq_json_value($1, '$')"),
    f("JSON_VALUE", "ss", "s", "bq_json_value($1, $2)"),
    f("JSON_VALUE", "j", "s", "bq_json_value($1, '$')"),
    f("JSON_VALUE", "js", "s", "bq_json_value($1, $2)"),
    f("JSON_EXTRACT_SCALAR", "s", "s", "bq_json_extract_scalar($1, '$')"),
    f("JSON_EXTRACT_SCALAR", "ss", "s", "bq_json_extract_scalar($1, $2)"),
    f("JSON_EXTRACT_SCALAR", "j", "s", "bq_json_extract_scalar($1, '$')"),
    f("JSON_EXTRACT_SCALAR", "js", "s", "bq_json_extract_scalar($1, $2)"),
    f("JSON_QUERY", "s", "s", "bq_json_query_text($1, '$')"),
    f("JSON_QUERY", "ss", "s", "bq_json_query_text($1, $2)"),
    f("JSON_QUERY", "j", "j", "CAST(bq_json_query($1, '$') AS JSON)"),
    f("JSON_QUERY", "js", "j", "CAST(bq_json_query($1, $2) AS JSON)"),
    f("JSON_EXTRACT", "s", "s", "bq_json_extract_text($1, '$')"),
    f("JSON_EXTRACT", "ss", "s", "bq_json_extract_text($1, $2)"),
    f("JSON_EXTRACT", "j", "j", "CAST(bq_json_extract($1, '$') AS JSON)"),
    f("JSON_EXTRACT", "js", "j", "CAST(bq_json_extract($1, $2) AS JSON)"),
    f("JSON_QUERY_ARRAY", "s", "[s", "bq_json_array($1, '$', 'query')"),
    f("JSON_QUERY_ARRAY", "ss", "[s", "bq_json_array($1, $2, 'query')"),
    f("JSON_QUERY_ARRAY", "j", "[j", "CAST(bq_json_array($1, '$', 'query') AS JSON[])"),
    f("JSON_QUERY_ARRAY", "js", "[j", "CAST(bq_json_array($1, $2, 'query') AS JSON[])"),
    f("JSON_EXTRACT_ARRAY", "s", "[s", "bq_json_array($1, '$', 'extract')"),
    f("JSON_EXTRACT_ARRAY", "ss", "[s", "bq_json_array($1, $2, 'extract')"),
    f("JSON_EXTRACT_ARRAY", "j", "[j", "CAST(bq_json_array($1, '$', 'extract') AS JSON[])"),
    f("JSON_EXTRACT_ARRAY", "js", "[j", "CAST(bq_json_array($1, $2, 'extract') AS JSON[])"),
    f("JSON_VALUE_ARRAY", "s", "[s", "bq_json_value_array($1, '$', 'query')"),
    f("JSON_VALUE_ARRAY", "ss", "[s", "bq_json_value_array($1, $2, 'query')"),
    f("JSON_VALUE_ARRAY", "j", "[s", "bq_json_value_array($1, '$', 'query')"),
    f("JSON_VALUE_ARRAY", "js", "[s", "bq_json_value_array($1, $2, 'query')"),
    f("JSON_EXTRACT_STRING_ARRAY", "s", "[s", "bq_json_value_array($1, '$', 'extract')"),
    f("JSON_EXTRACT_STRING_ARRAY", "ss", "[s", "bq_json_value_array($1, $2, 'extract')"),
    f("JSON_EXTRACT_STRING_ARRAY", "j", "[s", "bq_json_value_array($1, '$', 'extract')"),
    f("JSON_EXTRACT_STRING_ARRAY", "js", "[s", "bq_json_value_array($1, $2, 'extract')"),
    f("JSON_TYPE", "j", "s", "bq_json_type($1)"),
    f("JSON_KEYS", "j", "[s", "bq_json_keys($1, 9223372036854775807)"),
    f("JSON_KEYS", "ji", "[s", "bq_json_keys($1, $2)"),
    f("JSON_STRIP_NULLS", "j", "j", "CAST(bq_json_strip_nulls($1, '$', TRUE, FALSE) AS JSON)"),
    f("JSON_STRIP_NULLS", "js", "j", "CAST(bq_json_strip_nulls($1, $2, TRUE, FALSE) AS JSON)"),
    f("JSON_STRIP_NULLS", "jb", "j", "CAST(bq_json_strip_nulls($1, '$', $2, FALSE) AS JSON)"),
    f("JSON_STRIP_NULLS", "jsb", "j", "CAST(bq_json_strip_nulls($1, $2, $3, FALSE) AS JSON)"),
    f("JSON_STRIP_NULLS", "jsbb", "j", "CAST(bq_json_strip_nulls($1, $2, $3, $4) AS JSON)"),
    f("JSON_REMOVE", "js", "j", "CAST(bq_json_remove($1, [$2]) AS JSON)"),
    f("JSON_REMOVE", "jss", "j", "CAST(bq_json_remove($1, [$2, $3]) AS JSON)"),
    f("JSON_REMOVE", "jsss", "j", "CAST(bq_json_remove($1, [$2, $3, $4]) AS JSON)"),
    f("JSON_FLATTEN", "j", "[j", "CAST(bq_json_flatten($1) AS JSON[])"),
    f("PARSE_JSON", "s", "j", "bq_parse_json($1)"),
    f("BOOL", "j", "b", "bq_json_bool($1)"),
    f("INT64", "j", "i", "bq_json_int($1)"),
    f("FLOAT64", "j", "f", "bq_json_float($1)"),
    f("LAX_BOOL", "j", "b", "bq_json_lax_bool($1)"),
    f("LAX_INT64", "j", "i", "bq_json_lax_int($1)"),
    f("LAX_FLOAT64", "j", "f", "bq_json_lax_float($1)"),
    f("LAX_STRING", "j", "s", "bq_json_lax_string($1)"),
];

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("TO_JSON_STRING", to_json_string),
    ("TO_JSON", to_json),
    ("JSON_OBJECT", object),
    ("JSON_ARRAY", array),
    ("JSON_SET", set),
    ("JSON_ARRAY_APPEND", set),
    ("JSON_ARRAY_INSERT", set),
];

fn first(call: &Call) -> Result<&Expr> {
    call.args.first().ok_or_else(|| SqlError::semantic(format!("{} needs an argument", call.name), call.at))
}

fn to_json_string(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let value = t.expr(first(call)?, scope)?;
    let json = t.json_text(&value, call.at, false)?;
    let pretty = match call.args.get(1) {
        Some(flag) => {
            let flag = match &flag.kind {
                Kind::Named(_, inner) => t.expr(inner, scope)?,
                _ => t.expr(flag, scope)?,
            };
            format!("CASE WHEN {} THEN bq_json_pretty({json}) ELSE {json} END", flag.sql)
        }
        None => json,
    };
    Ok(Typed::new(pretty, Type::String))
}

fn to_json(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let value = t.expr(first(call)?, scope)?;
    if value.is_null() {
        return Ok(Typed::new("CAST('null' AS JSON)", Type::Json));
    }
    let strings = match call.args.get(1).map(|a| &a.kind) {
        Some(Kind::Named(name, inner)) if name.text.eq_ignore_ascii_case("stringify_wide_numbers") => {
            matches!(inner.kind, Kind::Bool(true))
        }
        Some(_) => return Err(SqlError::semantic("TO_JSON takes only stringify_wide_numbers", call.at)),
        None => false,
    };
    Ok(Typed::new(format!("CAST({} AS JSON)", t.json_text(&value, call.at, strings)?), Type::Json))
}

fn object(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    if let [keys, values] = call.args.as_slice() {
        let (keys, values) = (t.expr(keys, scope)?, t.expr(values, scope)?);
        if let (Type::Array(_), Type::Array(inner)) = (&keys.ty, &values.ty) {
            let item = t.json_text(&Typed::new("e", (**inner).clone()), call.at, false)?;
            let sql =
                format!("CAST(bq_json_object({}, list_transform({}, lambda e: {item})) AS JSON)", keys.sql, values.sql);
            return Ok(Typed::new(sql, Type::Json));
        }
    }
    if !call.args.len().is_multiple_of(2) {
        return Err(SqlError::semantic("JSON_OBJECT needs pairs of key and value", call.at));
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for pair in call.args.chunks(2) {
        let (key, value) = (t.expr(&pair[0], scope)?, t.expr(&pair[1], scope)?);
        if key.ty != Type::String {
            return Err(SqlError::semantic(
                format!("a key of JSON_OBJECT must be STRING, this is {}", key.ty),
                pair[0].at,
            ));
        }
        keys.push(key.sql);
        values.push(t.json_text(&value, pair[1].at, false)?);
    }
    let sql = format!(
        "CAST(bq_json_object(CAST([{}] AS VARCHAR[]), CAST([{}] AS VARCHAR[])) AS JSON)",
        keys.join(", "),
        values.join(", ")
    );
    Ok(Typed::new(sql, Type::Json))
}

fn array(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let mut parts = Vec::new();
    for arg in &call.args {
        let value = t.expr(arg, scope)?;
        parts.push(t.json_text(&value, arg.at, false)?);
    }
    Ok(Typed::new(
        format!("CAST('[' || array_to_string(CAST([{}] AS VARCHAR[]), ',') || ']' AS JSON)", parts.join(", ")),
        Type::Json,
    ))
}

/// JSON_SET and its kin: document, then pairs of path and value.
fn set(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let (plain, named): (Vec<&Expr>, Vec<&Expr>) = call.args.iter().partition(|a| !matches!(a.kind, Kind::Named(..)));
    let flag = match named.as_slice() {
        [] => "TRUE".to_owned(),
        [Expr { kind: Kind::Named(_, value), .. }] => t.expr(value, scope)?.sql,
        _ => return Err(SqlError::semantic(format!("unexpected argument of {}", call.name), call.at)),
    };
    if plain.len() < 3 || plain.len() % 2 == 0 {
        return Err(SqlError::semantic(
            format!("{} needs a document and pairs of path and value", call.name.to_uppercase()),
            call.at,
        ));
    }
    let document = t.expr(plain[0], scope)?;
    let mut sql = t.convert(&document, &Type::Json);
    let mode = call.name.to_uppercase();
    for pair in plain[1..].chunks(2) {
        let (path, value) = (t.expr(pair[0], scope)?, t.expr(pair[1], scope)?);
        let spread = matches!(value.ty, Type::Array(_)) && mode != "JSON_SET";
        let json = t.json_text(&value, pair[1].at, false)?;
        let spread = if spread { flag.clone() } else { "FALSE".to_owned() };
        let create = if mode == "JSON_SET" { flag.clone() } else { "TRUE".to_owned() };
        sql = format!("bq_json_set({sql}, {}, {json}, '{mode}', {spread}, {create})", path.sql);
    }
    Ok(Typed::new(format!("CAST({sql} AS JSON)"), Type::Json))
}

impl Translator<'_> {
    /// A value as JSON text; a NULL gives `null`.
    pub(in crate::translate) fn json_text(&self, value: &Typed, at: usize, wide_as_text: bool) -> Result<String> {
        let plain = &value.sql;
        let sql = match &value.ty {
            Type::Null => return Ok("'null'".into()),
            Type::Bool => format!("CAST({plain} AS VARCHAR)"),
            Type::Int64 if wide_as_text => format!("bq_json_wide_int({plain})"),
            Type::Int64 => format!("bq_json_int_text({plain})"),
            Type::Float64 => format!("bq_json_float_text({plain})"),
            Type::Numeric | Type::BigNumeric => format!("bq_json_decimal(CAST({plain} AS VARCHAR), {wide_as_text})"),
            Type::String => format!("bq_json_quote({plain})"),
            Type::Bytes => format!("'\"' || base64({plain}) || '\"'"),
            Type::Json => format!("CAST({plain} AS VARCHAR)"),
            Type::Timestamp => format!("bq_json_timestamp({plain})"),
            Type::DateTime => format!("'\"' || replace(bq_datetime_text({plain}), ' ', 'T') || '\"'"),
            Type::Date | Type::Time | Type::Interval | Type::Range(_) => {
                format!("'\"' || {} || '\"'", self.cast_value(value, &Type::String, at)?.sql)
            }
            Type::Geography => format!("bq_geo_json(({plain}).\"_wkt\")"),
            Type::Array(inner) => {
                let item = self.json_text(&Typed::new("e", (**inner).clone()), at, wide_as_text)?;
                // a NULL array is an empty one in JSON
                return Ok(format!(
                    "COALESCE('[' || array_to_string(list_transform({plain}, lambda e: {item}), ',') || ']', 'null')"
                ));
            }
            Type::Struct(fields) => {
                let mut parts = Vec::new();
                for (field, phys) in fields.iter().zip(field_names(fields)) {
                    let key = text(&serde_json::to_string(field.name.as_deref().unwrap_or("")).unwrap_or_default());
                    let item = self.json_text(
                        &Typed::new(format!("({plain}).{}", quote(&phys)), field.ty.clone()),
                        at,
                        wide_as_text,
                    )?;
                    parts.push(format!("{key} || ':' || {item}"));
                }
                return Ok(format!(
                    "CASE WHEN ({plain}) IS NULL THEN 'null' ELSE '{{' || {} || '}}' END",
                    parts.join(" || ',' || ")
                ));
            }
        };
        Ok(format!("COALESCE({sql}, 'null')"))
    }
}
