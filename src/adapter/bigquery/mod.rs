//! BigQuery: in the cloud (`cloud`), and on a laptop (`local`).

pub mod cloud;
mod lander;
pub mod local;

pub use lander::{Lander, Target};
