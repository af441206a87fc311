//! One group of `groupby`: a pair whose parts also have names.

use super::python;
use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use std::fmt;
use std::sync::Arc;

#[derive(Debug)]
pub struct Group([Value; 2]);

pub fn value(grouper: Value, list: Value) -> Value {
    Value::from_object(Group([grouper, list]))
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_str(), key.as_i64()) {
            (Some("grouper"), _) | (_, Some(0 | -2)) => Some(self.0[0].clone()),
            (Some("list"), _) | (_, Some(1 | -1)) => Some(self.0[1].clone()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.to_vec())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", python::repr(&self.0[0]), python::repr(&self.0[1]))
    }
}
