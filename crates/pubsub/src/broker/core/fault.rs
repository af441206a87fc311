//! Why the broker refuses a request.

use thiserror::Error;

/// The kinds that Pub/Sub's status codes tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    Invalid,
    NotFound,
    AlreadyExists,
    Precondition,
    /// No space to store what was sent.
    Exhausted,
    Unavailable,
    /// Pub/Sub has it, this broker does not.
    Unsupported,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Fault {
    pub kind: FaultKind,
    pub message: String,
}

impl Fault {
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Fault { kind, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Fault::new(FaultKind::Invalid, message)
    }

    pub fn missing(what: &str, name: &str) -> Self {
        Fault::new(FaultKind::NotFound, format!("there is no {what} {name}"))
    }

    pub fn exists(what: &str, name: &str) -> Self {
        Fault::new(FaultKind::AlreadyExists, format!("the {what} {name} exists already"))
    }
}
