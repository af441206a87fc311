//! `zip`, and the endless iterators of `itertools` that it can take.

use super::collections::List;
use super::{python, tuple};
use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, Value};
use std::sync::Arc;

/// What never ends: `count`, `cycle`, `repeat` without a number. It has members, but cannot be gone through alone.
#[derive(Debug)]
pub enum Endless {
    Count(Value, Value),
    Cycle(Vec<Value>),
}

impl Endless {
    /// The first members.
    pub fn first(&self, count: usize) -> Result<Vec<Value>, Error> {
        match self {
            Endless::Cycle(items) => Ok(items.iter().cycle().take(count).cloned().collect()),
            Endless::Count(start, step) => {
                let mut next = start.clone();
                let mut members = Vec::with_capacity(count);
                for _ in 0..count {
                    members.push(next.clone());
                    next = crate::ops::add(&next, step)?;
                }
                Ok(members)
            }
        }
    }
}

impl Object for Endless {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// Tuples of the members at the same place, as many as the shortest has.
pub fn zip(sequences: &[Value]) -> Result<Value, Error> {
    let endless = |value: &Value| value.downcast_object::<Endless>();
    let mut all: Vec<Option<Vec<Value>>> = Vec::new();
    for sequence in sequences {
        all.push(if endless(sequence).is_some() { None } else { Some(python::items(sequence)?) });
    }
    let shortest = all.iter().flatten().map(Vec::len).min().unwrap_or(0);
    let columns: Vec<Vec<Value>> = all
        .into_iter()
        .zip(sequences)
        .map(|(items, sequence)| match (items, endless(sequence)) {
            (Some(items), _) => Ok(items),
            (None, Some(endless)) => endless.first(shortest),
            (None, None) => Ok(Vec::new()),
        })
        .collect::<Result<_, Error>>()?;
    let row = |at: usize| tuple(columns.iter().map(|items| items[at].clone()).collect());
    Ok(List::value((0..shortest).map(row).collect()))
}
