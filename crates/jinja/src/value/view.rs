//! Views of a dict: `keys()`, `values()`, `items()`. They see what the dict is when they are looked at.

use super::collections::Dict;
use super::{python, tuple};
use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use std::fmt;
use std::sync::Arc;

#[derive(Debug)]
pub struct View {
    pub kind: &'static str,
    pub dict: Arc<Dict>,
}

impl View {
    fn items(&self) -> Vec<Value> {
        let entries = self.dict.snapshot().into_iter();
        match self.kind {
            "keys" => entries.map(|(key, _)| key).collect(),
            "values" => entries.map(|(_, value)| value).collect(),
            _ => entries.map(|(key, value)| tuple(vec![key, value])).collect(),
        }
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    /// Python's views have no positions; minijinja asks by position when it unpacks or looks for a member.
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items().into_iter().nth(key.as_usize()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<String> = self.items().iter().map(python::repr).collect();
        write!(f, "dict_{}([{}])", self.kind, items.join(", "))
    }
}
