//! A method as a value: `{% set add = items.append %}`.

use super::collections::{DICT_METHODS, Dict, LIST_METHODS, List};
use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Error, State, Value};
use std::fmt;
use std::sync::Arc;

#[derive(Debug)]
pub struct Method {
    of: Value,
    name: String,
}

impl Object for Method {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.of.call_method(state, &self.name, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = super::python::type_name(&self.of);
        write!(f, "<built-in method {} of {kind} object>", self.name)
    }
}

/// Names that may mean a method where no call follows. The pre-pass asks.
pub fn is_name(name: &str) -> bool {
    LIST_METHODS.contains(&name) || DICT_METHODS.contains(&name) || crate::strings::METHODS.contains(&name)
}

/// The filter `attr`: attributes, never items.
pub fn only_attribute(state: &State, value: &Value, name: &str) -> Result<Value, Error> {
    let found = attribute(state, value, name)?;
    let is_item = value.downcast_object_ref::<Dict>().is_some() && found.downcast_object_ref::<Method>().is_none();
    Ok(if is_item { Value::UNDEFINED } else { found })
}

/// `value.name` where no call follows: a method of lists, dicts and text goes before an item.
pub fn attribute(_: &State, value: &Value, name: &str) -> Result<Value, Error> {
    let methods: &[&str] = match value.kind() {
        ValueKind::String => crate::strings::METHODS,
        _ if value.downcast_object_ref::<List>().is_some() => LIST_METHODS,
        _ if value.downcast_object_ref::<Dict>().is_some() => DICT_METHODS,
        _ => &[],
    };
    if methods.contains(&name) {
        return Ok(Value::from_object(Method { of: value.clone(), name: name.to_owned() }));
    }
    value.get_attr(name)
}
