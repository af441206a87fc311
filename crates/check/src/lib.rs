//! What is known of a project's queries before anything runs: each is analyzed against the schemas of what it reads, which
//! gives its findings, the schema of what it makes, and its lineage. Pure: it knows no file, no warehouse and no dbt.

mod place;
mod relations;
mod survey;
mod trace;

pub use place::locate;
pub use relations::{Columns, Relations, Schema};
pub use survey::{Survey, survey};
pub use trace::{ColumnRef, Direction, Edge, Trace};

use rsdbt_googlesql::parse;
use rsdbt_googlesql::types::Type;

/// The type that a text such as `ARRAY<STRUCT<key STRING>>` names; `None` where it names none.
pub fn type_of(text: &str) -> Option<Type> {
    parse::type_name(text).and_then(|name| Type::of_name(&name)).ok()
}
