//! A Pub/Sub broker without a network: `core` decides, `journal` remembers, `service` puts a lock and a clock around both.

pub mod core;
mod journal;
mod service;

pub use service::Service;
