//! Calling macros: binding of arguments, `return()`, `caller()`, and the limit of depth.

use super::registry::MacroDef;
use super::scope::{Locals, Scope};
use super::value::collections::Dict;
use super::value::{python, tuple};
use indexmap::IndexMap;
use minijinja::value::{Kwargs, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Nesting of macros; a native stack of 16 MiB holds several times as many.
const DEPTH_LIMIT: usize = 300;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// An error of the template's own making.
pub fn bad(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// Why an operation failed: its operand of this number is undefined. `diag` finds out what it is called.
#[derive(Debug)]
pub struct Undefined(pub usize);

impl Undefined {
    pub fn error(operand: usize) -> Error {
        Error::new(ErrorKind::UndefinedError, "a value is undefined here").with_source(Undefined(operand))
    }
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operand {} is undefined", self.0)
    }
}

impl std::error::Error for Undefined {}

/// Positional and keyword arguments of a call.
pub fn arguments(args: &[Value]) -> (Vec<Value>, IndexMap<String, Value>) {
    let mut positional = args.to_vec();
    let mut named = IndexMap::new();
    if positional.last().is_some_and(Value::is_kwargs)
        && let Some(last) = positional.pop()
        && let Ok(kwargs) = Kwargs::try_from(last)
    {
        for name in kwargs.args() {
            if let Ok(value) = kwargs.peek::<Value>(name) {
                named.insert(name.to_owned(), value);
            }
        }
    }
    (positional, named)
}

/// Travels as an error from `return(x)` up to the macro that it leaves.
#[derive(Debug)]
pub struct ReturnSignal(pub Value);

impl fmt::Display for ReturnSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("return() outside of a macro")
    }
}

impl std::error::Error for ReturnSignal {}

pub fn returned(error: &Error) -> Option<Value> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(signal) = inner.downcast_ref::<ReturnSignal>() {
            return Some(signal.0.clone());
        }
        source = inner.source();
    }
    None
}

/// A macro as a value, bound to the context it was found in.
#[derive(Debug)]
pub struct MacroValue {
    pub definition: Arc<MacroDef>,
    pub scope: Arc<Scope>,
}

struct DepthGuard;

impl DepthGuard {
    fn enter(name: &str) -> Result<Self, Error> {
        DEPTH.with(|depth| {
            if depth.get() >= DEPTH_LIMIT {
                return Err(bad(format!("macros call each other {DEPTH_LIMIT} levels deep, the last one is '{name}'")));
            }
            depth.set(depth.get() + 1);
            Ok(DepthGuard)
        })
    }
}

impl Drop for DepthGuard {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

impl MacroValue {
    fn bind(&self, args: &[Value]) -> Result<HashMap<String, Value>, Error> {
        let definition = &self.definition;
        let (positional, mut named) = arguments(args);
        let mut values = HashMap::with_capacity(definition.parameters.len() + 3);
        let mut extra = positional.len().saturating_sub(definition.parameters.len());
        for (at, parameter) in definition.parameters.iter().enumerate() {
            let given = match positional.get(at) {
                Some(value) => {
                    // A keyword for it is one too many: it is told below.
                    value.clone()
                }
                None => named.shift_remove(&parameter.name).unwrap_or_else(|| match parameter.optional {
                    true => super::env::unset(),
                    false => Value::UNDEFINED,
                }),
            };
            values.insert(parameter.name.clone(), given);
        }
        if let Some(caller) = named.get("caller").filter(|_| definition.uses_caller).cloned() {
            named.shift_remove("caller");
            values.insert("caller".to_owned(), caller);
        }
        if definition.uses_varargs {
            let rest = positional.iter().skip(definition.parameters.len()).cloned().collect();
            values.insert("varargs".to_owned(), tuple(rest));
            extra = 0;
        }
        if extra > 0 {
            let most = definition.parameters.len();
            return Err(bad(format!("macro '{}' takes not more than {most} argument(s)", definition.name)));
        }
        if definition.uses_kwargs {
            if named.contains_key("caller") {
                return Err(no_caller(&definition.name));
            }
            let rest = named.drain(..).map(|(k, v)| (Value::from(k), v)).collect();
            values.insert("kwargs".to_owned(), Dict::value(rest));
        }
        if named.contains_key("caller") {
            return Err(no_caller(&definition.name));
        }
        if let Some((name, _)) = named.first() {
            return Err(bad(format!("macro '{}' takes no keyword argument '{name}'", definition.name)));
        }
        Ok(values)
    }
}

fn no_caller(name: &str) -> Error {
    bad(format!("macro '{name}' was invoked with a call block, but it never calls `caller`"))
}

/// Renders a lifted template. `return()` leaves a macro with a value; out of the body of a call block it leaves the
/// macro around that block.
fn render(state: &State, name: &str, context: Locals, leaves: bool) -> Result<Value, Error> {
    let _guard = DepthGuard::enter(name)?;
    let template = state.env().get_template(name)?;
    match template.render(Value::from_object(context)) {
        Ok(text) => Ok(Value::from(text)),
        Err(error) => match returned(&error) {
            Some(value) if leaves => Ok(value),
            Some(_) => Err(error),
            // One link per macro: the chain of sources is the macro stack.
            None => Err(Error::new(ErrorKind::InvalidOperation, "a macro failed").with_source(error)),
        },
    }
}

impl Object for MacroValue {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "name").then(|| Value::from(self.definition.name.clone()))
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let values = self.bind(args)?;
        // What a macro calls in turn is a fact about that macro.
        if DEPTH.with(Cell::get) == 0 {
            self.scope.host().macro_called(&self.definition.unique_id);
        }
        let context = Locals::new(values, self.scope.clone(), self.definition.package.clone());
        render(state, &self.definition.template, context, true)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<macro {}>", python::quoted(&self.definition.name))
    }
}

/// The body of a `{% call %}` block with the variables that it saw.
#[derive(Debug)]
pub struct Caller {
    pub definition: Arc<MacroDef>,
    pub captured: HashMap<String, Value>,
    pub scope: Arc<Scope>,
}

impl Object for Caller {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let bound = MacroValue { definition: self.definition.clone(), scope: self.scope.clone() }.bind(args)?;
        let mut values = self.captured.clone();
        values.extend(bound);
        let context = Locals::new(values, self.scope.clone(), self.definition.package.clone());
        render(state, &self.definition.template, context, false)
    }
}
