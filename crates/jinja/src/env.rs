//! The one minijinja environment: globals, filters and tests of dbt's language, and how values print.

use super::call::{Caller, bad};
use super::prepass;
use super::registry::{File, Registry};
use super::scope::{Locals, Scope};
use super::value::python;
use super::value::undefined::is_undefined;
use super::{ops, strings};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
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
    // The same messages in every build: `diag` finds the names itself.
    env.set_debug(false);
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
    super::filters::register(&mut env);
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

pub fn hash(text: &str) -> String {
    use md5::{Digest, Md5};
    rsdbt_base::hex(&Md5::digest(text.as_bytes()))
}

pub fn scope_of(state: &State) -> Option<Arc<Locals>> {
    state.lookup(SCOPE)?.downcast_object::<Locals>()
}

fn functions(env: &mut Environment) {
    env.add_function("_caller", |state: &State, id: &str, names: &str| -> Result<Value, Error> {
        let locals = scope_of(state).ok_or_else(|| bad("a call block outside of a template"))?;
        let definition = locals.scope().registry().call_body(state.name(), id);
        let definition = definition.ok_or_else(|| bad("the body of a call block is lost"))?;
        let captured = names.split(',').filter_map(|name| Some((name.to_owned(), state.lookup(name)?))).collect();
        Ok(Value::from_object(Caller { definition, captured, scope: locals.scope().clone() }))
    });
    env.add_global("_unset", unset());
    env.add_function("_namespace", minijinja::functions::namespace);
    super::functions::register(env);
}

fn tests(env: &mut Environment) {
    env.add_test("defined", |value: Value| !is_undefined(&value));
    env.add_test("undefined", |value: Value| is_undefined(&value));
    env.add_test("callable", |value: Value| {
        matches!(value.kind(), ValueKind::Plain)
            && ["MacroValue", "Builtin", "Caller", "Method", "Function", "Joiner", "BoxedFunction", "Module"]
                .contains(&value.as_object().map_or("", |o| o.type_name().rsplit("::").next().unwrap_or("")))
    });
    env.add_test("sequence", |value: Value| {
        // What has a length and is asked by position or key: a set is not.
        matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map)
            || value.downcast_object_ref::<super::value::table::Table>().is_some()
    });
    env.add_test("iterable", |value: Value| is_undefined(&value) || python::items(&value).is_ok());
    env.add_test("number", |value: Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool));
    env.add_test("escaped", |_: Value| false);
    env.add_test("_unset_argument", |value: Value| value == unset());
}
