//! The one minijinja environment: globals, filters and tests of dbt's language, and how values print.

use super::call::{Caller, ReturnSignal, arguments, bad};
use super::prepass;
use super::registry::{File, Registry};
use super::scope::{Locals, Scope};
use super::value::collections::{Dict, List};
use super::value::undefined::is_undefined;
use super::value::{from_data, module, pairs, python, to_data};
use super::{ops, strings};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// The name under which a template's context gives itself away to functions that need it.
pub const SCOPE: &str = "__rsdbt_scope";

/// The mark of an argument that was not given and has a default.
pub fn unset() -> Value {
    Value::from_bytes(b"\0rsdbt unset\0".to_vec())
}

const GLOBALS: &[&str] = &[
    "return",
    "range",
    "dict",
    "namespace",
    "tojson",
    "fromjson",
    "toyaml",
    "fromyaml",
    "set",
    "set_strict",
    "zip",
    "zip_strict",
    "modules",
    "local_md5",
    "diff_of_two_dicts",
    "dbt_version",
    "debug",
    "true",
    "false",
    "none",
    "True",
    "False",
    "None",
    "lipsum",
    "cycler",
    "joiner",
    "loop",
    "self",
];

pub fn is_global(name: &str) -> bool {
    GLOBALS.contains(&name) || ops::is_reserved(name)
}

pub fn build(registry: &Arc<Registry>) -> Environment<'static> {
    let mut env = Environment::new();
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        env.set_syntax(syntax);
    }
    env.set_undefined_behavior(UndefinedBehavior::Lenient);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_recursion_limit(500);
    let sources = registry.clone();
    env.set_loader(move |name| Ok(sources.origin(name).map(|origin| origin.template.text.clone())));
    env.set_unknown_method_callback(strings::unknown_method);
    env.set_formatter(|out, _, value| {
        out.write_str(&python::text(value)).map_err(|_| Error::new(ErrorKind::WriteFailure, "could not write"))
    });
    ops::register(&mut env);
    functions(&mut env);
    filters(&mut env);
    tests(&mut env);
    env
}

/// Renders text that is in no file, such as a hook.
pub fn render_text(env: &Environment, scope: &Arc<Scope>, text: &str) -> Result<Value, Error> {
    if !text.contains('{') {
        return Ok(Value::from(text));
    }
    let name = format!("<inline {}>", hash(text));
    if scope.registry().origin(&name).is_none() {
        let prepared = prepass::prepare(text).map_err(|why| Error::new(ErrorKind::SyntaxError, why.message))?;
        scope.registry().register(&File { package: scope.package(), path: &name, source: text, prepared });
    }
    let context = Locals::new(HashMap::new(), scope.clone(), scope.package().to_owned());
    env.get_template(&name)?.render(Value::from_object(context)).map(Value::from)
}

fn hash(text: &str) -> String {
    use md5::{Digest, Md5};
    rsdbt_base::hex(&Md5::digest(text.as_bytes()))
}

pub fn scope_of(state: &State) -> Option<Arc<Locals>> {
    state.lookup(SCOPE)?.downcast_object::<Locals>()
}

fn functions(env: &mut Environment) {
    env.add_function("return", |args: Rest<Value>| -> Result<Value, Error> {
        let value = args.first().cloned().unwrap_or_else(|| Value::from(()));
        Err(Error::new(ErrorKind::InvalidOperation, "return() outside of a macro").with_source(ReturnSignal(value)))
    });
    env.add_function("_caller", |state: &State, id: &str, names: &str| -> Result<Value, Error> {
        let locals = scope_of(state).ok_or_else(|| bad("a call block outside of a template"))?;
        let definition = locals.scope().registry().call_body(state.name(), id);
        let definition = definition.ok_or_else(|| bad("the body of a call block is lost"))?;
        let captured = names.split(',').filter_map(|name| Some((name.to_owned(), state.lookup(name)?))).collect();
        Ok(Value::from_object(Caller { definition, captured, scope: locals.scope().clone() }))
    });
    env.add_function("dict", |args: Rest<Value>| {
        let (positional, named) = arguments(&args);
        let mut items: indexmap::IndexMap<Value, Value> =
            positional.first().map(|map| pairs(map).into_iter().collect()).unwrap_or_default();
        items.extend(named.into_iter().map(|(k, v)| (Value::from(k), v)));
        Dict::value(items)
    });
    env.add_function("tojson", |value: Value, rest: Rest<Value>| {
        let (_, named) = arguments(&rest);
        Value::from(to_json(&value, named.get("sort_keys").is_some_and(Value::is_true)))
    });
    env.add_function("fromjson", |text: Value, default: Option<Value>| {
        from_text(&text, default, |t| serde_json::from_str(t).ok())
    });
    env.add_function("fromyaml", |text: Value, default: Option<Value>| {
        from_text(&text, default, |t| serde_yaml::from_str(t).ok())
    });
    env.add_function("toyaml", |value: Value, _rest: Rest<Value>| {
        Value::from(serde_yaml::to_string(&to_data(&value).to_json()).unwrap_or_default())
    });
    for name in ["set", "set_strict"] {
        env.add_function(name, |value: Value, _rest: Rest<Value>| -> Result<Value, Error> {
            let mut items: Vec<Value> = Vec::new();
            for item in value.try_iter()? {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            Ok(List::value(items))
        });
    }
    for name in ["zip", "zip_strict"] {
        env.add_function(name, |args: Rest<Value>| -> Result<Value, Error> {
            let (positional, _) = arguments(&args);
            let all: Vec<Vec<Value>> =
                positional.iter().map(|a| Ok(a.try_iter()?.collect())).collect::<Result<_, Error>>()?;
            let shortest = all.iter().map(Vec::len).min().unwrap_or(0);
            let row = |at: usize| super::value::tuple(all.iter().map(|items| items[at].clone()).collect());
            Ok(List::value((0..shortest).map(row).collect()))
        });
    }
    env.add_function("local_md5", |text: Value| Value::from(hash(&python::text(&text))));
    env.add_function("diff_of_two_dicts", |a: Value, b: Value| -> Value {
        let other = pairs(&b);
        let lists = pairs(&a).into_iter().filter_map(|(key, values)| {
            let known = other.iter().find(|(k, _)| python::text(k).eq_ignore_ascii_case(&python::text(&key)));
            let items: Vec<Value> = values.try_iter().ok()?.collect();
            let known: Vec<Value> =
                known.and_then(|(_, v)| v.try_iter().ok()).map(Iterator::collect).unwrap_or_default();
            let rest: Vec<Value> = items.into_iter().filter(|v| !known.contains(v)).collect();
            (!rest.is_empty()).then(|| (key, List::value(rest)))
        });
        Dict::value(lists.collect())
    });
    env.add_global("modules", module::modules());
    env.add_global("dbt_version", super::DBT_VERSION);
    env.add_global("_unset", unset());
    for (name, value) in [("True", Value::from(true)), ("False", Value::from(false)), ("None", Value::from(()))] {
        env.add_global(name, value);
    }
}

fn from_text(text: &Value, default: Option<Value>, read: impl Fn(&str) -> Option<serde_json::Value>) -> Value {
    match text.as_str().and_then(read) {
        Some(json) => from_data(json.into()),
        None => default.unwrap_or_else(|| Value::from(())),
    }
}

/// Python's `json.dumps`: `, ` and `: ` between items.
pub fn to_json(value: &Value, sort_keys: bool) -> String {
    let mut json = to_data(value).to_json();
    if sort_keys {
        json.sort_all_objects();
    }
    dump(&json)
}

fn dump(json: &serde_json::Value) -> String {
    use serde_json::Value as Json;
    match json {
        Json::Array(items) => format!("[{}]", items.iter().map(dump).collect::<Vec<_>>().join(", ")),
        Json::Object(items) => {
            let entry = |(k, v): (&String, &Json)| format!("{}: {}", Json::from(k.as_str()), dump(v));
            format!("{{{}}}", items.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Json::Number(number) if !number.is_i64() && !number.is_u64() => {
            python::float(number.as_f64().unwrap_or(f64::NAN))
        }
        other => other.to_string(),
    }
}

fn filters(env: &mut Environment) {
    env.add_filter("list", |value: Value| -> Result<Value, Error> {
        match value.kind() {
            ValueKind::String => {
                Ok(List::value(python::text(&value).chars().map(|c| Value::from(c.to_string())).collect()))
            }
            _ if is_undefined(&value) => Ok(List::value(Vec::new())),
            _ => Ok(List::value(value.try_iter()?.collect())),
        }
    });
    env.add_filter("string", |value: Value| python::text(&value));
    env.add_filter("tojson", |value: Value, _rest: Rest<Value>| to_json(&value, false));
    env.add_filter("join", |value: Value, args: Rest<Value>| -> Result<String, Error> {
        let (positional, named) = arguments(&args);
        let separator = positional.first().or_else(|| named.get("d")).map(python::text).unwrap_or_default();
        let attribute = positional.get(1).or_else(|| named.get("attribute"));
        let mut parts = Vec::new();
        if !is_undefined(&value) {
            for item in value.try_iter()? {
                parts.push(python::text(&attribute.map_or_else(|| Ok(item.clone()), |a| item.get_item(a))?));
            }
        }
        Ok(parts.join(&separator))
    });
    env.add_filter("sort", |state: &mut State, value: Value, args: Rest<Value>| -> Result<Value, Error> {
        let sorted = native_filter(state, "_native_sort", &value, &args)?;
        Ok(List::value(sorted.try_iter()?.collect()))
    });
    env.add_filter("_native_sort", minijinja::filters::sort);
    env.add_filter("length", |value: Value| -> Result<usize, Error> {
        if is_undefined(&value) {
            return Ok(0);
        }
        value.len().ok_or_else(|| bad(format!("object of type {} has no len()", value.kind())))
    });
    env.add_filter("count", |value: Value| value.len().unwrap_or(0));
    env.add_filter("default", default_filter);
    env.add_filter("d", default_filter);
    env.add_filter("int", |value: Value, default: Option<Value>| {
        let parsed = match value.kind() {
            ValueKind::String => python::text(&value).trim().parse::<f64>().ok(),
            ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
            _ => f64::try_from(value.clone()).ok(),
        };
        parsed.map_or_else(|| default.unwrap_or_else(|| Value::from(0)), |number| Value::from(number.trunc() as i64))
    });
    env.add_filter("float", |value: Value, default: Option<Value>| {
        let parsed = match value.as_str() {
            Some(text) => text.trim().parse::<f64>().ok(),
            None => f64::try_from(value.clone()).ok(),
        };
        parsed.map_or_else(|| default.unwrap_or_else(|| Value::from(0.0)), Value::from)
    });
    env.add_filter("replace", |value: Value, old: Value, new: Value| {
        python::text(&value).replace(&python::text(&old), &python::text(&new))
    });
    env.add_filter("center", |value: Value, width: usize| -> String {
        let text = python::text(&value);
        let missing = width.saturating_sub(text.chars().count());
        " ".repeat(missing / 2) + &text + &" ".repeat(missing - missing / 2)
    });
    env.add_filter("attr", |value: Value, name: Value| value.get_attr(&python::text(&name)));
    env.add_filter("truncate", |value: Value, length: Option<usize>, _rest: Rest<Value>| -> String {
        let text = python::text(&value);
        let most = length.unwrap_or(255);
        if text.chars().count() <= most {
            text
        } else {
            text.chars().take(most.saturating_sub(3)).collect::<String>() + "..."
        }
    });
    env.add_filter("wordcount", |value: Value| python::text(&value).split_whitespace().count());
    env.add_filter("title", |value: Value| strings::title(&python::text(&value)));
    env.add_filter("as_text", |value: Value| python::text(&value));
    for name in ["as_native", "as_bool", "as_number"] {
        env.add_filter(name, |value: Value| super::native::literal(&value));
    }
    env.add_filter("pprint", |value: Value| python::repr(&value));
    env.add_filter("format", |value: Value, args: Rest<Value>| -> Result<String, Error> {
        super::format::percent(&python::text(&value), &super::value::tuple(args.to_vec()))
    });
}

fn native_filter(state: &mut State, name: &str, value: &Value, args: &[Value]) -> Result<Value, Error> {
    let all: Vec<Value> = std::iter::once(value.clone()).chain(args.iter().cloned()).collect();
    state.apply_filter(name, &all)
}

fn default_filter(value: Value, default: Option<Value>, args: Rest<Value>) -> Value {
    let (positional, named) = arguments(&args);
    let falsy_too = positional.first().or_else(|| named.get("boolean")).is_some_and(Value::is_true);
    let (default, falsy_too) = match default {
        // `default(value, true)` may come as keyword arguments alone.
        Some(kwargs) if kwargs.is_kwargs() => {
            let kwargs = Kwargs::try_from(kwargs).ok();
            let get = |name: &str| kwargs.as_ref().and_then(|k| k.peek::<Value>(name).ok());
            (get("default_value").unwrap_or_else(|| Value::from("")), get("boolean").is_some_and(|v| v.is_true()))
        }
        Some(default) => (default, falsy_too),
        None => (Value::from(""), falsy_too),
    };
    if is_undefined(&value) || (falsy_too && !value.is_true()) { default } else { value }
}

fn tests(env: &mut Environment) {
    env.add_test("defined", |value: Value| !is_undefined(&value));
    env.add_test("undefined", |value: Value| is_undefined(&value));
    env.add_test("callable", |value: Value| {
        value.downcast_object_ref::<super::call::MacroValue>().is_some()
            || value.downcast_object_ref::<super::builtin::Builtin>().is_some()
            || value.downcast_object_ref::<Caller>().is_some()
    });
    env.add_test("sequence", |value: Value| {
        matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map | ValueKind::Iterable)
    });
    env.add_test("_unset_argument", |value: Value| value == unset());
}
