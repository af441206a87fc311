//! Rows that are made up: the shape of each source, the rules that its tests set, and files of rows that obey both. The same
//! project, seed and last day give the same bytes.

mod domains;
mod plan;
mod rules;
mod schema;
mod values;
mod write;

pub use plan::{Settings, Wanted, plan};
pub use rules::Rule;
pub use schema::{Shaped, shapes};
pub use write::write;
