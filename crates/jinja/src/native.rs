//! Rendering inside YAML: a value that is exactly one expression keeps its type.

use super::call::bad;
use super::lex::{self, Segment, Tag};
use super::prepass;
use super::scope::{Locals, Scope};
use super::value::python;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Renders one YAML string. A constant expression becomes text, as in dbt.
pub fn render(env: &Environment, scope: &Arc<Scope>, text: &str) -> Result<Value, Error> {
    if !text.contains("{{") && !text.contains("{%") {
        return Ok(Value::from(text));
    }
    let segments = lex::segments(text).map_err(|why| Error::new(ErrorKind::SyntaxError, why.message))?;
    if let [Segment::Expression(tag)] = segments.as_slice() {
        let prepared = prepass::prepare_expression(text, tag);
        let (expression, names) = prepared.map_err(|why| Error::new(ErrorKind::SyntaxError, why.message))?;
        let compiled = env.compile_expression_owned(expression)?;
        let context = Locals::new(HashMap::new(), scope.clone(), scope.package().to_owned());
        let value = compiled.eval(Value::from_object(context))?;
        let value = if names { value } else { Value::from(python::text(&value)) };
        return match last_filter(text, tag) {
            Some(filter @ ("as_native" | "as_bool" | "as_number")) => converted(&value, filter),
            _ => Ok(value),
        };
    }
    super::env::render_text(env, scope, text)
}

/// The filter that an expression ends with.
fn last_filter<'t>(text: &'t str, tag: &Tag) -> Option<&'t str> {
    let [.., pipe, name] = tag.tokens.as_slice() else { return None };
    (text[pipe.range.clone()] == *"|").then(|| &text[name.range.clone()])
}

/// `as_native`, `as_bool`, `as_number` at the end: text that spells a Python literal becomes its value, of that kind.
fn converted(value: &Value, filter: &str) -> Result<Value, Error> {
    let found = literal(value)?;
    let (fits, kind) = match filter {
        "as_bool" => (found.kind() == ValueKind::Bool, "bool"),
        "as_number" => (found.kind() == ValueKind::Number, "number"),
        _ => (true, ""),
    };
    match fits {
        true => Ok(found),
        false => Err(bad(format!("Could not convert value '{}' into type '{kind}'", python::text(value)))),
    }
}

fn literal(value: &Value) -> Result<Value, Error> {
    let Some(text) = value.as_str() else { return Ok(value.clone()) };
    let trimmed = text.trim();
    Ok(match trimmed {
        "True" | "true" => Value::from(true),
        "False" | "false" => Value::from(false),
        "None" => Value::from(()),
        _ => match (trimmed.parse::<i64>(), trimmed.parse::<f64>()) {
            (Ok(whole), _) => Value::from(whole),
            (_, Ok(float)) => Value::from(float),
            _ if trimmed.starts_with(['[', '{']) => {
                let json = serde_json::from_str::<serde_json::Value>(&trimmed.replace('\'', "\""));
                super::value::from_data(json.map_err(|_| bad(format!("not a literal: {trimmed}")))?.into())
            }
            _ => value.clone(),
        },
    })
}
