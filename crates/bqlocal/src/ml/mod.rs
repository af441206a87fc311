//! BigQuery ML on DuckDB. CREATE MODEL trains in Rust and leaves a model as rows and macros in the user's file; the ML.*
//! functions become SQL over both, so that a view over them always asks the model of today.

mod evaluate;
mod functions;
mod given;
mod judged;
mod macros;
mod read;
mod report;
mod score;
mod settings;
mod store;
mod train;

pub(super) use functions::relation;
pub(super) use given::{constant, literal};
pub(super) use score::register;
pub(super) use store::{alter, drop_model, drop_models_of, exists, load, models_of, prepare};
pub(super) use train::create;

use rsdbt_base::Code;
use rsdbt_bqml::options::Refusal;
use rsdbt_googlesql::SqlError;
use rsdbt_warehouse::DbError;

/// A refusal of the statement, or of the database while it ran.
pub(super) enum Failure {
    Sql(SqlError),
    Database(DbError),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Failure::Sql(error)
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Failure::Database(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal { message, at, help, missing } = refusal;
        let error = if missing { SqlError::unsupported(message, at) } else { refuse(message, at) };
        Failure::Sql(SqlError { help, ..error })
    }
}

fn refuse(message: impl Into<String>, at: usize) -> SqlError {
    SqlError { code: Code::ML, ..SqlError::semantic(message, at) }
}

/// A number as a DuckDB literal that keeps every digit.
fn number(value: f64) -> String {
    if value.is_finite() { format!("({value:?})::DOUBLE") } else { format!("'{value}'::DOUBLE") }
}
