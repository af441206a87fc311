//! BigQuery ML on DuckDB: CREATE MODEL trains in Rust, the ML.* functions become SQL over the stored numbers.

mod evaluate;
mod functions;
mod options;
mod predict;
mod store;
mod train;

pub(super) use functions::relation;
pub(super) use store::{drop_model, exists, load, prepare};
pub(super) use train::{Failure, create};

use rsdbt_base::Code;
use rsdbt_googlesql::SqlError;

fn refuse(message: impl Into<String>, at: usize) -> SqlError {
    SqlError { code: Code::ML, ..SqlError::semantic(message, at) }
}
