//! Messages as they are kept, and the topics that they were published to.

use rsdbt_proto::pubsub as api;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A published message. Subscriptions and snapshots share it; the last one to forget it frees it.
#[derive(Debug)]
pub struct Stored {
    pub id: u64,
    pub at_micros: i64,
    /// What flow control counts: data and attributes.
    pub size: usize,
    pub message: api::PubsubMessage,
}

impl Stored {
    pub fn new(id: u64, at_micros: i64, mut message: api::PubsubMessage) -> Stored {
        message.message_id = id.to_string();
        message.publish_time = Some(timestamp(at_micros));
        Stored { id, at_micros, size: size(&message), message }
    }
}

pub fn size(message: &api::PubsubMessage) -> usize {
    message.data.len() + message.attributes.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
}

pub fn timestamp(micros: i64) -> prost_types::Timestamp {
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    prost_types::Timestamp { seconds, nanos: rest as i32 * 1_000 }
}

pub fn micros(time: &prost_types::Timestamp) -> i64 {
    time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos) / 1_000)
}

pub fn duration_micros(duration: &prost_types::Duration) -> i64 {
    duration.seconds.saturating_mul(1_000_000).saturating_add(i64::from(duration.nanos) / 1_000)
}

pub struct Topic {
    pub config: api::Topic,
    /// Kept for seek after everyone has acknowledged them.
    pub retained: BTreeMap<u64, Arc<Stored>>,
}

impl Topic {
    pub fn new(config: api::Topic) -> Topic {
        Topic { config, retained: BTreeMap::new() }
    }

    /// Forgets what was published before `horizon`.
    pub fn forget_before(&mut self, horizon: i64) {
        while self.retained.first_key_value().is_some_and(|(_, message)| message.at_micros < horizon) {
            self.retained.pop_first();
        }
    }
}

/// A subscription's backlog at a moment.
pub struct Snapshot {
    pub config: api::Snapshot,
    pub messages: Vec<Arc<Stored>>,
    /// Everything published from this id on belongs to it too.
    pub next_id: u64,
}
