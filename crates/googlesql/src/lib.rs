//! GoogleSQL (BigQuery's language): `parse` reads a text, `analyze` makes a typed `query` of it, over which `lineage` and what it
//! `show`s are walks. It knows no engine, no project and no dbt: tables come from a `Catalog`, functions from a `Library`.

pub mod analyze;
pub mod ast;
mod lex;
pub mod library;
pub mod lineage;
mod lower;
pub mod parse;
pub mod query;
pub mod show;
pub mod types;

use rsdbt_base::Code;

/// A refusal with the byte position in the BigQuery text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    pub code: Code,
    pub message: String,
    pub at: usize,
    pub help: Option<String>,
}

impl SqlError {
    pub fn syntax(message: impl Into<String>, at: usize) -> Self {
        SqlError { code: Code::SQL_SYNTAX, message: message.into(), at, help: None }
    }

    pub fn semantic(message: impl Into<String>, at: usize) -> Self {
        SqlError { code: Code::SQL_SEMANTIC, ..SqlError::syntax(message, at) }
    }

    pub fn unsupported(what: impl std::fmt::Display, at: usize) -> Self {
        SqlError {
            code: Code::SQL_UNSUPPORTED,
            ..SqlError::syntax(format!("{what} is not supported by `method: local`"), at)
        }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

pub type Result<T> = std::result::Result<T, SqlError>;
