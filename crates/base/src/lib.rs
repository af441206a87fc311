//! The kernel: source places, diagnostics, error codes, and what every stage speaks of: dialects, relations, the values of
//! results. It knows no other room.

mod bytes;
mod code;
mod diagnostic;
mod dialect;
mod relation;
mod stack;
mod value;

pub use bytes::{byte_count, byte_text, hex};
pub use code::{CODES, Code, explain};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity, closest};
pub use dialect::Dialect;
pub use relation::Relation;
pub use stack::roomy;
pub use value::{Column, Table, Value};

/// The dbt whose language and artifacts are followed.
pub const DBT_VERSION: &str = "1.11.0";
