//! Messages between programs: the `Bus` that the rest of rsdbt sees, our own broker behind it, and Google's.
//!
//! `server` puts the broker on the network, `network` and `gcp` speak to brokers there. Everything async stays in this room.

pub mod broker;
mod bus;
mod embedded;
#[cfg(feature = "gcp-pubsub")]
mod gcp;
mod network;
mod server;

pub use bus::{Bus, BusError, BusErrorKind, BusResult, Incoming, Outgoing};
pub use embedded::Embedded;
#[cfg(feature = "gcp-pubsub")]
pub use gcp::Gcp;
pub use network::Network;
pub use server::serve;

use rsdbt_proto::pubsub as api;

/// The subscription that `ensure` creates: long leases, since a batch is acknowledged only when it is committed.
fn subscription_config(name: &str, topic: &str) -> api::Subscription {
    api::Subscription { name: name.to_owned(), topic: topic.to_owned(), ack_deadline_seconds: 60, ..Default::default() }
}
