//! JSON: what takes values of any type, and what takes arguments by name.

use super::{Special, refused, split_named};
use crate::analyze::{Analyzer, Scope};
use crate::ast::{self, Call, Kind};
use crate::query::{Expr, Node};
use crate::types::{Type, known};
use crate::{Result, SqlError};

pub(super) const SPECIAL: &[(&str, Special)] = &[
    ("TO_JSON_STRING", to_json_string),
    ("TO_JSON", to_json),
    ("PARSE_JSON", parse),
    ("JSON_OBJECT", object),
    ("JSON_ARRAY", array),
    ("JSON_SET", set),
    ("JSON_ARRAY_APPEND", set),
    ("JSON_ARRAY_INSERT", set),
    ("JSON_STRIP_NULLS", strip_nulls),
];

fn first(call: &Call) -> Result<&ast::Expr> {
    call.args.first().ok_or_else(|| SqlError::semantic(format!("{} needs an argument", call.name), call.at))
}

fn no_match(call: &Call) -> SqlError {
    SqlError::semantic(format!("No matching signature for function {}", call.name.to_uppercase()), call.at)
}

/// A value as JSON text; a NULL gives `null`.
fn json_text(t: &Analyzer<'_>, value: Expr) -> Expr {
    t.form("$json_text", vec![value], Type::String)
}

fn json(t: &Analyzer<'_>, text: Expr) -> Expr {
    t.form("$json_of_text", vec![text], Type::Json)
}

fn to_json_string(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let value = t.expr(first(call)?, scope)?;
    let text = t.form("$json_string", vec![value], Type::String);
    match call.args.get(1) {
        Some(flag) => {
            let flag = t.wanted(call, crate::analyze::call::value_of(flag), &Type::Bool, scope)?;
            Ok(t.form("$json_pretty", vec![text, flag], Type::String))
        }
        None => Ok(text),
    }
}

fn to_json(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let value = t.expr(first(call)?, scope)?;
    let wide = match call.args.get(1).map(|arg| &arg.kind) {
        Some(Kind::Named(name, inner)) if name.text.eq_ignore_ascii_case("stringify_wide_numbers") => {
            matches!(inner.kind, Kind::Bool(true))
        }
        Some(_) => return Err(no_match(call).help("TO_JSON takes only stringify_wide_numbers beside the value")),
        None => false,
    };
    let form = if wide { "$json_text_wide" } else { "$json_text" };
    let text = t.form(form, vec![value], Type::String);
    Ok(json(t, text))
}

/// PARSE_JSON rounds numbers, which is what both modes give for numbers that fit.
fn parse(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let (plain, named) = split_named(&call.args);
    for (name, value) in named {
        let mode = matches!(&value.kind, Kind::Text(mode) if mode == "exact" || mode == "round");
        if !name.eq_ignore_ascii_case("wide_number_mode") || !mode {
            return Err(no_match(call).help("wide_number_mode is 'exact' or 'round'"));
        }
    }
    let args = plain.into_iter().map(|arg| Ok((t.expr(arg, scope)?, arg.at))).collect::<Result<Vec<_>>>()?;
    t.resolve("PARSE_JSON", args, call.at)
}

fn object(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    if let [keys, values] = call.args.as_slice() {
        let (keys, values) = (t.expr(keys, scope)?, t.expr(values, scope)?);
        if let (Type::Array(_), Type::Array(inner)) = (&keys.ty, &values.ty) {
            let name = t.fresh("v");
            let item = Expr::new(Node::Local(name.clone()), known(inner));
            let body = Expr::new(Node::Lambda(vec![name], Box::new(json_text(t, item))), Type::String);
            let texts = Type::Array(Box::new(Type::String));
            let (keys, values) = (t.convert(keys, &texts), t.plain(values));
            let values = t.form("$transform", vec![values, body], texts);
            return Ok(t.form("$json_object_arrays", vec![keys, values], Type::Json));
        }
    }
    if !call.args.len().is_multiple_of(2) {
        return Err(SqlError::semantic("JSON_OBJECT needs pairs of key and value", call.at));
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for pair in call.args.chunks(2) {
        let (key, value) = (t.expr(&pair[0], scope)?, t.expr(&pair[1], scope)?);
        if !matches!(key.ty, Type::String | Type::Unknown) {
            return Err(SqlError::semantic(
                format!("a key of JSON_OBJECT must be STRING, this is {}", key.ty),
                pair[0].at,
            ));
        }
        keys.push(key);
        values.push(json_text(t, value));
    }
    let lists = [keys, values].map(|list| Expr::new(Node::Array(list), Type::Array(Box::new(Type::String))));
    Ok(t.form("$json_object", lists.into(), Type::Json))
}

fn array(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let values = t.exprs(&call.args, scope)?;
    let texts = values.into_iter().map(|value| json_text(t, value)).collect();
    Ok(t.form("$json_array", texts, Type::Json))
}

/// JSON_SET and its kin: document, then pairs of path and value.
fn set(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let (plain, named) = split_named(&call.args);
    let flag = match named.as_slice() {
        [] => Expr::bool(true),
        [(_, value)] => t.wanted(call, value, &Type::Bool, scope)?,
        _ => return Err(SqlError::semantic(format!("unexpected argument of {}", call.name), call.at)),
    };
    let mode = call.name.to_uppercase();
    let Some((document, pairs)) = plain.split_first().filter(|(_, rest)| !rest.is_empty() && rest.len() % 2 == 0)
    else {
        return Err(SqlError::semantic(format!("{mode} needs a document and pairs of path and value"), call.at));
    };
    let mut out = t.wanted(call, document, &Type::Json, scope)?;
    for pair in pairs.chunks(2) {
        let (path, value) = (t.wanted(call, pair[0], &Type::String, scope)?, t.expr(pair[1], scope)?);
        let spread = matches!(value.ty, Type::Array(_)) && mode != "JSON_SET";
        let spread = if spread { flag.clone() } else { Expr::bool(false) };
        let create = if mode == "JSON_SET" { flag.clone() } else { Expr::bool(true) };
        let args = vec![out, path, json_text(t, value), Expr::text(mode.clone()), spread, create];
        out = t.form("$json_set", args, Type::String);
    }
    Ok(json(t, out))
}

/// JSON_STRIP_NULLS(json, [path], [include_arrays], [remove_empty]), the last two with or without their names.
fn strip_nulls(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let (plain, named) = split_named(&call.args);
    let (mut path, mut flags) = (Expr::text("$"), [Expr::bool(true), Expr::bool(false)]);
    let mut plain = plain.into_iter();
    let Some(document) = plain.next() else { return Err(no_match(call)) };
    let document = t.wanted(call, document, &Type::Json, scope)?;
    let mut place = 0;
    for (i, arg) in plain.enumerate() {
        let value = t.expr(arg, scope)?;
        match value.ty {
            Type::String if i == 0 => path = value,
            Type::Bool | Type::Null | Type::Unknown if place < flags.len() => {
                flags[place] = t.convert(value, &Type::Bool);
                place += 1;
            }
            ty => return Err(refused(call, &ty)),
        }
    }
    for (name, value) in named {
        let place = match name.to_lowercase().as_str() {
            "include_arrays" => 0,
            "remove_empty" => 1,
            _ => return Err(no_match(call).help("its named arguments are include_arrays and remove_empty")),
        };
        flags[place] = t.wanted(call, value, &Type::Bool, scope)?;
    }
    let [arrays, empty] = flags;
    Ok(t.form("$json_strip_nulls", vec![document, path, arrays, empty], Type::Json))
}
