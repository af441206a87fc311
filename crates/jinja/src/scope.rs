//! The context of a template: names are answered one by one, never by filling a map.

use super::builtin::{Adapter, Api, Builtin, Context, Namespace};
use super::call::MacroValue;
use super::exceptions::Exceptions;
use super::flags::Flags;
use super::host::Host;
use super::registry::Registry;
use super::value;
use super::value::undefined::ParseTimeUndefined;
use minijinja::Value;
use minijinja::value::{Enumerator, Object, Rest};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

/// What all templates of one node share.
pub struct Scope {
    registry: Arc<Registry>,
    host: Arc<dyn Host>,
    /// The package that the node belongs to.
    package: String,
    /// `store_result`: (response, table) by name.
    results: Mutex<HashMap<String, Value>>,
    /// Variables that were converted once: a template may change them in place (`graph`).
    converted: Mutex<HashMap<String, Value>>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.package)
    }
}

/// Functions of every context. A macro of the same name goes before.
pub const FUNCTIONS: &[&str] = &[
    "ref",
    "source",
    "config",
    "var",
    "env_var",
    "log",
    "print",
    "doc",
    "store_result",
    "load_result",
    "store_raw_result",
    "render",
    "write",
    "statement_result",
    "function",
];

impl Scope {
    pub fn new(registry: Arc<Registry>, host: Arc<dyn Host>, package: &str) -> Arc<Scope> {
        Arc::new(Scope {
            registry,
            host,
            package: package.to_owned(),
            results: Mutex::default(),
            converted: Mutex::default(),
        })
    }

    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub fn package(&self) -> &str {
        &self.package
    }

    pub fn store(&self, name: &str, result: Value) {
        self.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(name.to_owned(), result);
    }

    pub fn load(&self, name: &str) -> Option<Value> {
        self.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(name).cloned()
    }

    /// A name as templates of `package` see it.
    pub fn lookup(self: &Arc<Self>, name: &str, package: &str) -> Option<Value> {
        if let Some(constant) = self.host.stand_in(name) {
            return Some(Value::from_function(move |_: Rest<Value>| value::from_data(constant.clone())));
        }
        if let Some(definition) = self.registry.find(package, name) {
            return Some(Value::from_object(MacroValue { definition, scope: self.clone() }));
        }
        if let Some(value) = self.function(name, package) {
            return Some(value);
        }
        if let Some(value) = self.variable(name) {
            return Some(value);
        }
        if let Some(namespace) = self.registry.namespace(name) {
            return Some(Value::from_object(Namespace { package: namespace.to_owned(), scope: self.clone() }));
        }
        if !self.host.executing() && !super::env::is_global(name) {
            return Some(Value::from_object(ParseTimeUndefined));
        }
        None
    }

    fn function(self: &Arc<Self>, name: &str, package: &str) -> Option<Value> {
        let scope = self.clone();
        Some(match name {
            "execute" => Value::from(self.host.executing()),
            "adapter" => Value::from_object(Adapter { scope, package: package.to_owned() }),
            "api" => Value::from_object(Api { dialect: self.host.dialect() }),
            "exceptions" => Value::from_object(Exceptions { scope }),
            "context" => Value::from_object(Context { scope, package: package.to_owned() }),
            "builtins" => super::builtin::builtins(&scope),
            "caller" | "varargs" | "kwargs" => return None,
            _ => {
                let known = FUNCTIONS.iter().find(|known| **known == name)?;
                Value::from_object(Builtin { name: known, scope })
            }
        })
    }

    /// A variable of the node's context.
    pub fn variable(&self, name: &str) -> Option<Value> {
        if name == "flags" {
            return Some(Value::from_object(Flags(self.host.clone())));
        }
        let mut converted = self.converted.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(value) = converted.get(name) {
            return Some(value.clone());
        }
        let value = value::from_data(self.host.variable(name)?);
        // `this`, `sql` and the like may change while a node runs; what is costly to convert does not.
        if matches!(name, "graph" | "model" | "target" | "results") {
            converted.insert(name.to_owned(), value.clone());
        }
        Some(value)
    }
}

/// A template's own variables in front of the node's context.
#[derive(Debug)]
pub struct Locals {
    values: HashMap<String, Value>,
    scope: Arc<Scope>,
    package: String,
}

impl Locals {
    pub fn new(values: HashMap<String, Value>, scope: Arc<Scope>, package: String) -> Self {
        Locals { values, scope, package }
    }

    pub fn scope(&self) -> &Arc<Scope> {
        &self.scope
    }
}

impl Object for Locals {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == super::env::SCOPE {
            return Some(Value::from_dyn_object(self.clone()));
        }
        if let Some(value) = self.values.get(key) {
            // An argument that was not given and has no default is undefined, but it is there.
            return Some(value.clone());
        }
        self.scope.lookup(key, &self.package)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.keys().cloned().map(Value::from).collect())
    }
}
