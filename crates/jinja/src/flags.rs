//! dbt's `flags`, read one at a time: the host hears which of them counted.

use super::call::arguments;
use super::host::Host;
use super::value;
use minijinja::value::{Enumerator, Object};
use minijinja::{Error, State, Value};
use std::fmt;
use std::sync::Arc;

pub struct Flags(pub Arc<dyn Host>);

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flags")
    }
}

impl Flags {
    fn all(&self) -> Value {
        value::from_data(self.0.variable("flags").unwrap_or_default())
    }
}

impl Object for Flags {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.flag(key.as_str()?).map(value::from_data)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.all().try_iter().map(Iterator::collect).unwrap_or_default())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if method != "get" {
            return self.all().call_method(state, method, args);
        }
        let (positional, named) = arguments(args);
        let found = positional.first().and_then(|key| self.get_value(key));
        let default = positional.get(1).or_else(|| named.get("default")).cloned();
        Ok(found.or(default).unwrap_or_else(|| Value::from(())))
    }
}
