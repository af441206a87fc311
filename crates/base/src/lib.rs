//! The kernel: source places, diagnostics and the table of error codes. It knows no other room.

mod code;
mod diagnostic;
mod stack;

pub use code::{CODES, Code, explain};
mod bytes;
pub use bytes::{byte_count, byte_text, hex};
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity, closest};
pub use stack::roomy;
