//! The one interface to a message bus, whoever carries the messages. Calls block; what is async stays behind it.

use crate::broker::core::Stored;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// A message to publish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    pub data: Vec<u8>,
    pub attributes: Vec<(String, String)>,
    pub ordering_key: String,
}

/// A delivered message; it comes again unless it is acknowledged before its deadline.
#[derive(Debug, Clone)]
pub struct Incoming {
    pub ack_id: String,
    pub message_id: String,
    pub data: bytes::Bytes,
    pub publish_micros: i64,
    pub(super) attributes: Attributes,
}

/// The embedded broker shares them with its store: few messages are asked for theirs.
#[derive(Debug, Clone)]
pub(super) enum Attributes {
    Stored(Arc<Stored>),
    Own(BTreeMap<String, String>),
}

impl Incoming {
    /// A message that no broker has delivered.
    pub fn new(message_id: String, message: Outgoing, publish_micros: i64) -> Incoming {
        let attributes = Attributes::Own(message.attributes.into_iter().collect());
        Incoming { ack_id: String::new(), message_id, data: message.data.into(), publish_micros, attributes }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        let all = match &self.attributes {
            Attributes::Stored(stored) => &stored.message.attributes,
            Attributes::Own(own) => own,
        };
        all.get(name).map(String::as_str)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusErrorKind {
    /// The request is wrong and will stay wrong.
    Refused,
    /// There is no such topic or subscription.
    NotFound,
    /// It may work later: the broker is away, its disk is full.
    Unavailable,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct BusError {
    pub kind: BusErrorKind,
    pub message: String,
}

impl BusError {
    pub fn new(kind: BusErrorKind, message: impl Into<String>) -> BusError {
        BusError { kind, message: message.into() }
    }
}

pub type BusResult<T> = std::result::Result<T, BusError>;

/// Topics and subscriptions are full names: `projects/P/topics/T`, `projects/P/subscriptions/S`.
pub trait Bus: Send + Sync {
    /// Creates the topic, and the subscription to it, where they are missing.
    fn ensure(&self, topic: &str, subscription: Option<&str>) -> BusResult<()>;

    /// Publishes at most 1,000 messages; when it returns, they are stored.
    fn publish(&self, topic: &str, messages: Vec<Outgoing>) -> BusResult<()>;

    /// At most `most` messages, waiting up to `patience` for the first one.
    fn pull(&self, subscription: &str, most: usize, patience: Duration) -> BusResult<Vec<Incoming>>;

    fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> BusResult<()>;

    /// Gives messages another deadline from now; zero gives them back at once.
    fn postpone(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> BusResult<()>;

    /// How many messages are not acknowledged, where the bus can tell.
    fn backlog(&self, subscription: &str) -> Option<u64>;

    /// Where the messages go, for the user.
    fn describe(&self) -> String;
}
