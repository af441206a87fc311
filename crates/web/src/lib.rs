//! HTTP, in one room: the server that pages, figures and the broker stand on, and the client that speaks to others.
//!
//! Asynchronous inside; `serve` and `Poster` block, for those who are not. It never decides what is answered.

mod client;
mod connections;
mod host;
mod server;

pub use client::{Poster, client, reasons};
pub use connections::{Limits, Speaks, connections};
pub use host::only_here;
pub use server::{Request, Response, Server, serve, serve_within};
