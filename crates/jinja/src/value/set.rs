//! Python's set: members in the order in which they came.

use super::python;
use crate::call::{arguments, bad};
use indexmap::IndexSet;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
pub struct Set(Mutex<IndexSet<Value>>);

impl Set {
    pub fn value(members: IndexSet<Value>) -> Value {
        Value::from_object(Set(Mutex::new(members)))
    }

    /// A set of what can be members.
    pub fn of(items: Vec<Value>) -> Result<IndexSet<Value>, Error> {
        items.into_iter().map(|item| python::hashable(&item).map(|()| item)).collect()
    }

    pub fn snapshot(&self) -> IndexSet<Value> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut IndexSet<Value>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

type Members = IndexSet<Value>;

fn minus(a: &Members, b: &Members) -> Members {
    a.difference(b).cloned().collect()
}

fn both(a: &Members, b: &Members) -> Members {
    a.intersection(b).cloned().collect()
}

fn either(a: &Members, b: &Members) -> Members {
    a.union(b).cloned().collect()
}

/// `a - b`; `None` when they are not both sets.
pub fn subtract(a: &Value, b: &Value) -> Option<Value> {
    let (a, b) = (a.downcast_object_ref::<Set>()?, b.downcast_object_ref::<Set>()?);
    Some(Set::value(minus(&a.snapshot(), &b.snapshot())))
}

/// `a <= b` and its sisters; `None` when they are not both sets.
pub fn relation(operator: &str, a: &Value, b: &Value) -> Option<bool> {
    let (a, b) = (a.downcast_object_ref::<Set>()?.snapshot(), b.downcast_object_ref::<Set>()?.snapshot());
    Some(match operator {
        "<" => a.is_subset(&b) && a.len() < b.len(),
        "<=" => a.is_subset(&b),
        ">" => b.is_subset(&a) && b.len() < a.len(),
        _ => b.is_subset(&a),
    })
}

impl Object for Set {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.snapshot().into_iter().collect())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.change(|own| !own.is_empty())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let (own, other) = (self.snapshot(), other.downcast_ref::<Set>()?.snapshot());
        match own == other {
            true => Some(Ordering::Equal),
            // Any order will do for what is not equal: templates compare sets through `relation`.
            false => Some(own.len().cmp(&other.len()).then(Ordering::Less)),
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (args, _) = arguments(args);
        let first = || {
            let one = args.first().cloned();
            one.ok_or_else(|| bad(format!("set.{method}() takes exactly one argument ({} given)", args.len())))
        };
        let others = || args.iter().map(|arg| Set::of(python::items(arg)?)).collect::<Result<Vec<Members>, Error>>();
        let one = || Set::of(python::items(&first()?)?);
        let own = self.snapshot();
        let folded = |step: fn(&Members, &Members) -> Members| -> Result<Members, Error> {
            Ok(others()?.iter().fold(own.clone(), |so_far, other| step(&so_far, other)))
        };
        let replace = |members: Members| {
            self.change(|own| *own = members);
            Value::from(())
        };
        Ok(match method {
            "union" => Set::value(folded(either)?),
            "intersection" => Set::value(folded(both)?),
            "difference" => Set::value(folded(minus)?),
            "symmetric_difference" => Set::value(own.symmetric_difference(&one()?).cloned().collect()),
            "copy" => Set::value(own),
            "issubset" => Value::from(own.is_subset(&one()?)),
            "issuperset" => Value::from(one()?.is_subset(&own)),
            "isdisjoint" => Value::from(own.is_disjoint(&one()?)),
            "pop" => self.change(|own| own.shift_remove_index(0)).ok_or_else(|| bad("'pop from an empty set'"))?,
            "add" => {
                let added = first()?;
                python::hashable(&added)?;
                self.change(|own| own.insert(added));
                Value::from(())
            }
            "remove" | "discard" => {
                let gone = first()?;
                if !self.change(|own| own.shift_remove(&gone)) && method == "remove" {
                    return Err(bad(python::repr(&gone)));
                }
                Value::from(())
            }
            "update" => replace(folded(either)?),
            "difference_update" => replace(folded(minus)?),
            "intersection_update" => replace(folded(both)?),
            "clear" => replace(Members::new()),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members: Vec<String> = self.snapshot().iter().map(python::repr).collect();
        if members.is_empty() { f.write_str("set()") } else { write!(f, "{{{}}}", members.join(", ")) }
    }
}
