//! dbt's own functions and objects in templates: `ref`, `config`, `var`, `adapter`, `api`, `context`.

use super::call::{MacroValue, arguments, bad};
use super::host::{Arguments, Data, Fault, Host};
use super::scope::{FUNCTIONS, Scope};
use super::value::collections::Dict;
use super::value::{from_data, python, relation, to_data};
use indexmap::IndexMap;
use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use rsdbt_base::{Column, Dialect, Relation};
use std::sync::Arc;

pub fn fault(fault: Fault) -> Error {
    Error::new(ErrorKind::InvalidOperation, fault.message.clone()).with_source(fault)
}

fn plain(args: &[Value]) -> Arguments {
    let (positional, named) = arguments(args);
    Arguments {
        positional: positional.iter().map(to_data).collect(),
        named: named.iter().map(|(k, v)| (k.clone(), to_data(v))).collect(),
    }
}

/// The value of `builtins`: the functions as they are before a macro replaces them.
pub fn builtins(scope: &Arc<Scope>) -> Value {
    let functions =
        FUNCTIONS.iter().map(|name| (Value::from(*name), Value::from_object(Builtin { name, scope: scope.clone() })));
    Dict::value(functions.collect())
}

#[derive(Debug)]
pub struct Builtin {
    pub name: &'static str,
    pub scope: Arc<Scope>,
}

impl Object for Builtin {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let host = self.scope.host();
        let (positional, named) = arguments(args);
        let text = |at: usize, name: &str| {
            positional
                .get(at)
                .or_else(|| named.get(name))
                .filter(|v| !v.is_none() && !v.is_undefined())
                .map(python::text)
        };
        match self.name {
            "ref" => self.reference(&positional, &named),
            "source" => match (text(0, "source_name"), text(1, "table_name")) {
                (Some(source), Some(table)) => host.source(&source, &table).map(from_data).map_err(fault),
                _ => Err(fault(Fault::compilation(format!(
                    "source() takes exactly two arguments ({} given): the source's name and the table's name",
                    args.len()
                )))),
            },
            "config" => {
                let mut values: IndexMap<String, Data> = IndexMap::new();
                for argument in &positional {
                    values.extend(super::value::pairs(argument).iter().map(|(k, v)| (python::text(k), to_data(v))));
                }
                values.extend(named.iter().map(|(k, v)| (k.clone(), to_data(v))));
                host.configure(values).map_err(fault)?;
                Ok(Value::from(""))
            }
            "var" => {
                let name = text(0, "name").ok_or_else(|| bad("var() takes a name"))?;
                variable(host.as_ref(), &name, positional.get(1).or_else(|| named.get("default")))
            }
            "env_var" => {
                let name = text(0, "var").ok_or_else(|| bad("env_var() takes a name"))?;
                environment(host.as_ref(), &name, positional.get(1).or_else(|| named.get("default")))
            }
            "log" => {
                let info = positional.get(1).or_else(|| named.get("info")).is_some_and(Value::is_true);
                host.log(&text(0, "msg").unwrap_or_default(), info);
                Ok(Value::from(""))
            }
            "print" => {
                if host.executing() {
                    host.log(&text(0, "msg").unwrap_or_default(), true);
                }
                Ok(Value::from(""))
            }
            "doc" => {
                let (package, name) = match positional.len() {
                    2 => (text(0, ""), text(1, "")),
                    _ => (None, text(0, "")),
                };
                host.doc(package.as_deref(), &name.unwrap_or_default()).map(Value::from).map_err(fault)
            }
            "store_result" => {
                let response = positional.get(1).or_else(|| named.get("response")).cloned().unwrap_or_default();
                let table =
                    positional.get(2).or_else(|| named.get("agate_table")).cloned().unwrap_or_else(|| Value::from(()));
                self.store(&text(0, "name").unwrap_or_default(), response, table)
            }
            "store_raw_result" => {
                let parts = ["message", "code", "rows_affected"];
                let response =
                    parts.iter().map(|k| (Value::from(*k), named.get(*k).cloned().unwrap_or_default())).collect();
                let table = named.get("agate_table").cloned().unwrap_or_else(|| Value::from(()));
                self.store(&text(0, "name").unwrap_or_default(), Dict::value(response), table)
            }
            "load_result" => {
                let found = self.scope.load(&text(0, "name").unwrap_or_default());
                Ok(found.unwrap_or_else(|| Value::from(())))
            }
            "render" => {
                let text = text(0, "string").unwrap_or_default();
                super::env::render_text(state.env(), &self.scope, &text)
            }
            "write" => {
                host.write(&text(0, "payload").unwrap_or_default());
                Ok(Value::from(""))
            }
            "function" => Err(bad("function(): BigQuery functions as dbt resources are not supported")),
            _ => Ok(Value::from("")),
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (positional, named) = arguments(args);
        let key = positional.first().map(python::text).unwrap_or_default();
        match (self.name, method) {
            ("var", "has_var") => Ok(Value::from(self.scope.host().var(&key).is_some())),
            ("config", _) => {
                config_method(&self.scope, method, &key, positional.get(1).or_else(|| named.get("default")))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        // `config.materialized` reads like an attribute in some packages.
        (self.name == "config").then(|| self.scope.host().config(key.as_str()?)).flatten().map(from_data)
    }
}

fn variable(host: &dyn Host, name: &str, default: Option<&Value>) -> Result<Value, Error> {
    match (host.var(name), default) {
        (Some(value), _) => Ok(from_data(value.into())),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => {
            let missing = Fault::compilation(format!("Required var '{name}' not found in config"));
            Err(fault(missing.help(format!(
                "set it with --vars '{{{name}: ...}}', under `vars:` in dbt_project.yml, or give var() a default"
            ))))
        }
    }
}

fn environment(host: &dyn Host, name: &str, default: Option<&Value>) -> Result<Value, Error> {
    if name.starts_with("DBT_ENV_SECRET_") && !host.may_read_secrets() {
        return Err(fault(Fault::compilation(format!(
            "Secret env vars are allowed only in profiles.yml or packages.yml. Found '{name}' referenced elsewhere."
        ))));
    }
    match (host.env_var(name), default) {
        (Some(value), _) => Ok(Value::from(value)),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(fault(Fault::compilation(format!("Env var required but not provided: '{name}'")))),
    }
}

fn config_method(scope: &Scope, method: &str, key: &str, default: Option<&Value>) -> Result<Value, Error> {
    let host = scope.host();
    let fallback = || default.cloned().unwrap_or_else(|| Value::from(()));
    let in_meta = || match host.config("meta") {
        Some(Data::Map(meta)) => meta.get(key).cloned(),
        _ => None,
    };
    let persist = |part: &str| match host.config("persist_docs") {
        Some(Data::Map(map)) => map.get(part).is_some_and(Data::is_true),
        _ => false,
    };
    match method {
        "get" => Ok(match host.config(key) {
            // dbt gives the default for a key that is not set, and for one that is set to nothing.
            Some(value) if value != Data::None || default.is_none() => from_data(value),
            _ => fallback(),
        }),
        "require" => match host.config(key) {
            Some(value) => Ok(from_data(value)),
            None if !host.executing() => Ok(Value::from("")),
            None => Err(fault(Fault::compilation(format!("missing required config '{key}'")))),
        },
        "meta_get" => Ok(in_meta().map_or_else(fallback, from_data)),
        "meta_require" => {
            in_meta().map(from_data).ok_or_else(|| fault(Fault::compilation(format!("missing required meta '{key}'"))))
        }
        "set" => {
            host.configure(IndexMap::from([(key.to_owned(), default.map(to_data).unwrap_or_default())]))
                .map_err(fault)?;
            Ok(Value::from(""))
        }
        "persist_relation_docs" => Ok(Value::from(persist("relation"))),
        "persist_column_docs" => Ok(Value::from(persist("columns"))),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

impl Builtin {
    fn reference(&self, positional: &[Value], named: &IndexMap<String, Value>) -> Result<Value, Error> {
        if let Some(wrong) = positional.iter().take(2).find(|name| name.kind() == ValueKind::Number) {
            return Err(fault(Fault::compilation(format!(
                "The name argument to ref() must be a string, got <class '{}'>",
                python::type_name(wrong)
            ))));
        }
        let names: Vec<String> = positional.iter().map(python::text).collect();
        let version = named.get("version").or_else(|| named.get("v")).filter(|v| !v.is_none()).map(python::text);
        let (package, name) = match names.as_slice() {
            [name] => (None, name.as_str()),
            [package, name] => (Some(package.as_str()), name.as_str()),
            _ => {
                return Err(fault(Fault::compilation(format!(
                    "ref() takes at most two arguments ({} given)",
                    names.len()
                ))));
            }
        };
        self.scope.host().reference(package, name, version.as_deref()).map(from_data).map_err(fault)
    }

    fn store(&self, name: &str, response: Value, table: Value) -> Result<Value, Error> {
        let rows = match table.downcast_object_ref::<super::value::table::Table>() {
            Some(_) => table.get_attr("rows")?,
            None => super::value::collections::List::value(Vec::new()),
        };
        let plain: Vec<Value> = rows
            .try_iter()?
            .map(|row| super::value::tuple(row.try_iter().map(Iterator::collect).unwrap_or_default()))
            .collect();
        let result =
            [("response", response), ("data", super::value::collections::List::value(plain)), ("table", table)];
        self.scope.store(name, Dict::value(result.into_iter().map(|(k, v)| (Value::from(k), v)).collect()));
        Ok(Value::from(""))
    }
}

/// `adapter`: dispatch here, everything else at the host.
#[derive(Debug)]
pub struct Adapter {
    pub scope: Arc<Scope>,
    pub package: String,
}

impl Object for Adapter {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let dialect = self.scope.host().dialect();
        match key.as_str()? {
            "Relation" => Some(relation::value(Relation { dialect, quoted: [true; 3], ..Relation::default() })),
            "Column" => Some(Value::from_object(ColumnClass(dialect))),
            "config" | "connections" | "behavior" => {
                Some(Value::from_object(super::value::undefined::ParseTimeUndefined))
            }
            _ => None,
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (positional, named) = arguments(args);
        match method {
            "dispatch" => self.dispatch(&positional, &named),
            "type" => Ok(Value::from(self.scope.registry().adapter())),
            "quote" => {
                let name = positional.first().map(python::text).unwrap_or_default();
                Ok(Value::from(self.scope.host().dialect().quote(&name)))
            }
            _ => self.scope.host().adapter(method, plain(args)).map(from_data).map_err(fault),
        }
    }
}

impl Adapter {
    fn dispatch(&self, positional: &[Value], named: &IndexMap<String, Value>) -> Result<Value, Error> {
        let name = positional.first().or_else(|| named.get("macro_name")).map(python::text).unwrap_or_default();
        let namespace =
            positional.get(1).or_else(|| named.get("macro_namespace")).filter(|v| !v.is_none()).map(python::text);
        if name.contains('.') {
            return Err(fault(Fault::compilation(format!(
                "In adapter.dispatch, got a macro name of \"{name}\", but \".\" is not a valid macro name component. Did you mean `adapter.dispatch(\"{}\", macro_namespace=\"{}\")`?",
                name.split('.').next_back().unwrap_or_default(),
                name.split('.').next().unwrap_or_default(),
            ))));
        }
        match self.scope.registry().dispatch(&name, namespace.as_deref(), &self.package) {
            Ok(definition) => Ok(Value::from_object(MacroValue { definition, scope: self.scope.clone() })),
            Err(tried) => Err(fault(Fault::compilation(format!(
                "In dispatch: No macro named '{name}' found within namespace: '{}'\n    Searched for: '{}'",
                namespace.as_deref().unwrap_or("None"),
                tried.join("', '")
            )))),
        }
    }
}

/// `api`: the classes Relation and Column.
#[derive(Debug)]
pub struct Api {
    pub dialect: Dialect,
}

impl Object for Api {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let dialect = self.dialect;
        match key.as_str()? {
            "Relation" => Some(relation::value(Relation { dialect, quoted: [true; 3], ..Relation::default() })),
            "Column" => Some(Value::from_object(ColumnClass(dialect))),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct ColumnClass(Dialect);

/// dbt's names for types in a dialect.
fn translate_type(dialect: Dialect, name: &str) -> String {
    let table: &[(&str, &str, &str)] = &[
        ("STRING", "TEXT", "STRING"),
        ("TIMESTAMP", "TIMESTAMP", "TIMESTAMP"),
        ("FLOAT", "FLOAT", "FLOAT64"),
        ("INTEGER", "INT", "INT64"),
        ("BIGINT", "BIGINT", "INT64"),
        ("BOOLEAN", "BOOLEAN", "BOOL"),
        ("NUMERIC", "NUMERIC", "NUMERIC"),
    ];
    let found = table.iter().find(|(from, ..)| from.eq_ignore_ascii_case(name));
    match (found, dialect) {
        (Some((_, plain, _)), Dialect::DuckDb) => (*plain).to_owned(),
        (Some((.., bigquery)), Dialect::GoogleSql) => (*bigquery).to_owned(),
        (None, _) => name.to_owned(),
    }
}

impl Object for ColumnClass {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (positional, named) = arguments(args);
        let part = |at: usize, names: &[&str]| {
            positional
                .get(at)
                .or_else(|| names.iter().find_map(|n| named.get(*n)))
                .map(python::text)
                .unwrap_or_default()
        };
        let column = Column { name: part(0, &["column", "name"]), data_type: part(1, &["dtype", "label_or_dtype"]) };
        Ok(Value::from_object(relation::ColumnObject { column, dialect: self.0 }))
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "create" => {
                let (positional, _) = arguments(args);
                let name = positional.first().map(python::text).unwrap_or_default();
                let data_type = translate_type(self.0, &positional.get(1).map(python::text).unwrap_or_default());
                self.call(state, &[Value::from(name), Value::from(data_type)])
            }
            "translate_type" => {
                let name = args.first().map(python::text).unwrap_or_default();
                Ok(Value::from(translate_type(self.0, &name)))
            }
            "string_type" => Ok(Value::from(match self.0 {
                Dialect::GoogleSql => "string".to_owned(),
                Dialect::DuckDb => format!("character varying({})", args.first().map(python::text).unwrap_or_default()),
            })),
            "numeric_type" => Ok(Value::from(args.first().map(python::text).unwrap_or_default())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// `context['name']` and `context.get('name')`.
#[derive(Debug)]
pub struct Context {
    pub scope: Arc<Scope>,
    pub package: String,
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let found = self.scope.lookup(name, &self.package);
        found.filter(|v| !super::value::undefined::is_undefined(v))
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if method == "get" {
            let found = args.first().and_then(|key| self.get_value(key));
            return Ok(found.unwrap_or_else(|| args.get(1).cloned().unwrap_or_else(|| Value::from(()))));
        }
        match self.get_value(&Value::from(method)) {
            Some(value) => value.call(state, args),
            None => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// `package.macro`.
#[derive(Debug)]
pub struct Namespace {
    pub package: String,
    pub scope: Arc<Scope>,
}

impl Object for Namespace {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let definition = self.scope.registry().in_package(&self.package, key.as_str()?)?;
        Some(Value::from_object(MacroValue { definition, scope: self.scope.clone() }))
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match self.get_value(&Value::from(method)) {
            Some(found) => found.call(state, args),
            None if !self.scope.host().executing() => {
                Ok(Value::from_object(super::value::undefined::ParseTimeUndefined))
            }
            None => Err(bad(format!("package '{}' has no macro '{method}'", self.package))),
        }
    }
}
