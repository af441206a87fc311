//! Python's list and dict: shared and changed in place. A snapshot is taken before anything is compared or printed.

use super::view::View;
use super::{nested, python};
use crate::call::{arguments, bad};
use indexmap::IndexMap;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug, Default)]
pub struct List(Mutex<Vec<Value>>);

impl List {
    pub fn value(items: Vec<Value>) -> Value {
        Value::from_object(List(Mutex::new(items)))
    }

    pub fn snapshot(&self) -> Vec<Value> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn into_members(mut self) -> Vec<Value> {
        std::mem::take(self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn index(&self, value: &Value) -> Option<usize> {
        let length = self.lock().len() as i64;
        let at = value.as_i64()?;
        let at = if at < 0 { at + length } else { at };
        usize::try_from(at).ok().filter(|at| (*at as i64) < length)
    }
}

impl Drop for List {
    fn drop(&mut self) {
        nested::release(std::mem::take(self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)));
    }
}

/// `Equal` for what `==` calls so, else some order; what is endless equals nothing but itself.
fn order<T: PartialEq>(identity: usize, sides: (&T, &T), unequal: impl FnOnce() -> Ordering) -> Option<Ordering> {
    let walk = || if sides.0 == sides.1 { Ordering::Equal } else { unequal().then(Ordering::Less) };
    Some(nested::inside(identity, walk).unwrap_or(Ordering::Less))
}

pub const LIST_METHODS: &[&str] =
    &["append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort", "copy", "count", "index"];

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = self.index(key)?;
        self.lock().get(at).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.snapshot())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (args, named) = arguments(args);
        let first = || {
            let one = args.first().cloned();
            one.ok_or_else(|| bad(format!("list.{method}() takes exactly one argument ({} given)", args.len())))
        };
        match method {
            "append" => self.lock().push(first()?),
            "extend" => {
                let more = python::items(&first()?)?;
                self.lock().extend(more);
            }
            "insert" => {
                let at = first()?.as_i64().unwrap_or(0);
                let mut items = self.lock();
                let length = items.len() as i64;
                let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
                items.insert(at as usize, args.get(1).cloned().unwrap_or_default());
            }
            "pop" => {
                let Some(last) = self.lock().len().checked_sub(1) else { return Err(bad("pop from empty list")) };
                let at = args.first().map_or(Some(last), |at| self.index(at));
                return at.map(|at| self.lock().remove(at)).ok_or_else(|| bad("pop index out of range"));
            }
            "remove" => {
                let wanted = first()?;
                let at = self.snapshot().iter().position(|item| *item == wanted);
                let at = at.ok_or_else(|| bad("list.remove(x): x not in list"))?;
                self.lock().remove(at);
            }
            "clear" => self.lock().clear(),
            "reverse" => self.lock().reverse(),
            "sort" => {
                let mut keyed: Vec<(Value, Value)> = self.snapshot().into_iter().map(|v| (v.clone(), v)).collect();
                crate::filters::ordered(&mut keyed, named.get("reverse").is_some_and(Value::is_true))?;
                *self.lock() = keyed.into_iter().map(|(_, item)| item).collect();
            }
            "copy" => return Ok(List::value(self.snapshot())),
            "count" => {
                let wanted = first()?;
                return Ok(Value::from(self.snapshot().iter().filter(|item| **item == wanted).count()));
            }
            "index" => {
                let wanted = first()?;
                let from = args.get(1).and_then(Value::as_usize).unwrap_or(0);
                let found = self.snapshot().iter().skip(from).position(|item| *item == wanted);
                return match found.map(|at| at + from) {
                    Some(at) => Ok(Value::from(at)),
                    None => Err(bad(format!("{} is not in list", python::repr(&wanted)))),
                };
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let (own, other) = (self.snapshot(), other.downcast_ref::<List>()?.snapshot());
        order(Arc::as_ptr(self).addr(), (&own, &other), || own.cmp(&other))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&python::repr(&Value::from_dyn_object(self.clone())))
    }
}

#[derive(Debug, Default)]
pub struct Dict(Mutex<IndexMap<Value, Value>>);

impl Dict {
    pub fn value(items: IndexMap<Value, Value>) -> Value {
        Value::from_object(Dict(Mutex::new(items)))
    }

    /// A dict as it is written. `true` and `1` are one key, the one that came first: they are equal, but not hashed alike.
    pub fn of(entries: Vec<(Value, Value)>) -> Value {
        let mut items = IndexMap::new();
        for (key, value) in entries {
            let is_flag = key.kind() == ValueKind::Bool || key == Value::from(0) || key == Value::from(1);
            let same = if is_flag { items.keys().find(|known| **known == key).cloned() } else { None };
            items.insert(same.unwrap_or(key), value);
        }
        Dict::value(items)
    }

    pub fn snapshot(&self) -> IndexMap<Value, Value> {
        self.lock().clone()
    }

    pub fn into_members(mut self) -> Vec<Value> {
        let members = std::mem::take(self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner));
        members.into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        let members = std::mem::take(self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner));
        nested::release(members.into_values().collect());
    }
}

pub const DICT_METHODS: &[&str] =
    &["get", "keys", "values", "items", "update", "pop", "setdefault", "clear", "copy", "popitem"];

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.lock().get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.lock().keys().cloned().collect())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if !DICT_METHODS.contains(&method) {
            // A callable stored in the dict.
            return match self.get_value(&Value::from(method)) {
                Some(callable) => callable.call(state, args),
                None => Err(Error::from(ErrorKind::UnknownMethod)),
            };
        }
        let (args, named) = arguments(args);
        let key = args.first().cloned().unwrap_or_default();
        let other = args.get(1).cloned().unwrap_or_else(|| Value::from(()));
        Ok(match method {
            "get" => {
                let default = named.get("default").cloned().unwrap_or(other);
                self.lock().get(&key).cloned().unwrap_or(default)
            }
            "keys" => Value::from_object(View { kind: "keys", dict: self.clone() }),
            "values" => Value::from_object(View { kind: "values", dict: self.clone() }),
            "items" => Value::from_object(View { kind: "items", dict: self.clone() }),
            "update" => {
                let mut more: Vec<(Value, Value)> = match key.kind() {
                    _ if args.is_empty() => Vec::new(),
                    ValueKind::Map => super::pairs(&key),
                    _ => python::entries(&key)?,
                };
                more.extend(named.into_iter().map(|(k, v)| (Value::from(k), v)));
                more.iter().try_for_each(|(key, _)| python::hashable(key))?;
                self.lock().extend(more);
                Value::from(())
            }
            "pop" => match self.lock().shift_remove(&key) {
                Some(value) => value,
                None if args.len() > 1 => other,
                None => return Err(bad(python::repr(&key))),
            },
            "popitem" => match self.lock().pop() {
                Some((k, v)) => super::tuple(vec![k, v]),
                None => return Err(bad("popitem(): dictionary is empty")),
            },
            "setdefault" => {
                python::hashable(&key)?;
                self.lock().entry(key).or_insert(other).clone()
            }
            "clear" => {
                self.lock().clear();
                Value::from(())
            }
            _ => Dict::value(self.snapshot()),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let (own, other) = (self.snapshot(), other.downcast_ref::<Dict>()?.snapshot());
        // `IndexMap` is equal in any order of its keys, as Python's dict is.
        order(Arc::as_ptr(self).addr(), (&own, &other), || own.iter().cmp(other.iter()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&python::repr(&Value::from_dyn_object(self.clone())))
    }
}
