//! One integration binary: every test of the built program lives in a module here.

mod bqml;
#[cfg(feature = "browser")]
mod browser;
mod check;
mod cli;
#[cfg(feature = "cloud")]
mod cloud;
#[cfg(feature = "failpoints")]
mod crash;
mod dashboard;
mod errors;
mod events;
mod freshness;
#[cfg(feature = "gcp-pubsub")]
mod gcp;
mod incremental;
mod jinja;
mod laws;
mod layers;
mod limits;
mod live_shopping;
#[cfg(not(feature = "cloud"))]
mod no_cloud;
mod partial;
mod program;
mod sessions;
mod sources;
mod sql;
mod state;
