//! What a warehouse answers when it refuses.

use thiserror::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbErrorKind {
    /// The text is not SQL.
    Syntax,
    /// A name, a type or a number of arguments does not fit.
    Semantic,
    /// Known to be missing in this adapter.
    Unsupported,
    /// The statement was sound; its data was not (a cast, a constraint, a division).
    Execution,
    /// Another process holds the file.
    Locked,
    /// The user or `--fail-fast` stopped it.
    Interrupted,
    /// The client library is not there.
    Library,
    Other,
}

/// A refusal. `position` is a byte offset into `sql`, the statement as it was sent.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub struct DbError {
    pub kind: DbErrorKind,
    pub message: String,
    pub position: Option<usize>,
    pub sql: Option<String>,
    pub help: Option<String>,
}

impl DbError {
    pub fn new(kind: DbErrorKind, message: impl Into<String>) -> Self {
        DbError { kind, message: message.into(), position: None, sql: None, help: None }
    }

    pub fn library(message: impl Into<String>) -> Self {
        DbError::new(DbErrorKind::Library, message)
    }

    pub fn at(mut self, position: usize, sql: impl Into<String>) -> Self {
        self.position = Some(position);
        self.sql = Some(sql.into());
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
