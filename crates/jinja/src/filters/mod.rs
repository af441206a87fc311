//! Jinja2's filters with Python's arguments: one row a filter, one file a family.

mod numbers;
mod sequences;
mod text;

pub use sequences::ordered;

use super::signature::{Bound, Signature, plain};
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use std::sync::Arc;

pub type Filter = fn(&mut State, &Bound) -> Result<Value, Error>;

/// Names, what the filter takes, what it does.
pub type Row = (&'static [&'static str], &'static str, Filter);

pub fn register(env: &mut Environment) {
    for (names, signature, filter) in [sequences::FILTERS, text::FILTERS, numbers::FILTERS].concat() {
        let signature = Arc::new(Signature::parse(signature));
        for name in names {
            let signature = signature.clone();
            env.add_filter(*name, move |state: &mut State, args: Rest<ValueOrKwargs>| {
                filter(state, &signature.bind(&plain(args))?)
            });
        }
    }
}
