//! The broker as a state machine: requests in, answers and log records out. No clock, no file, no network, no lock:
//! every call is told the time, and whatever must survive is one `Record` that `apply` carries out, now or at replay.

mod admin;
mod check;
mod compact;
mod delivery;
mod fault;
mod filter;
mod seek;
mod subscription;
#[cfg(test)]
mod tests;
mod topic;

pub use fault::{Fault, FaultKind};
pub use subscription::{Delivery, Limits};
pub use topic::Stored;

use prost::Message;
use rsdbt_proto::{journal, journal::record::Kind, pubsub as api};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use subscription::Subscription;
use topic::{Snapshot, Topic};

pub type Result<T> = std::result::Result<T, Fault>;

/// What a subscription's topic is called once it is gone.
const DELETED_TOPIC: &str = "_deleted-topic_";

#[derive(Default)]
pub struct Broker {
    /// Counts starts, so that ack ids of an earlier start are recognised.
    epoch: u64,
    next_id: u64,
    /// Messages below this id are on disk and may be delivered.
    durable: u64,
    topics: BTreeMap<String, Topic>,
    subscriptions: BTreeMap<String, Subscription>,
    snapshots: BTreeMap<String, Snapshot>,
    /// Records that the journal has not taken yet, framed.
    log: Vec<u8>,
    /// During replay: every message seen, since later records name them by id.
    loading: Option<HashMap<u64, Arc<Stored>>>,
}

impl Broker {
    pub fn new() -> Broker {
        Broker { epoch: 1, next_id: 1, durable: 1, ..Broker::default() }
    }

    /// The id that the next message gets: everything below has been accepted.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Messages below `next_id` may be delivered from now on.
    pub fn set_durable(&mut self, next_id: u64) {
        self.durable = next_id;
    }

    /// The records since the last call, as bytes for the journal.
    pub fn take_log(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.log)
    }

    pub fn has_log(&self) -> bool {
        !self.log.is_empty()
    }

    /// Writes a record into the log and carries it out.
    fn commit(&mut self, kind: Kind) {
        let record = journal::Record { kind: Some(kind) };
        frame(&record, &mut self.log);
        if let Some(kind) = record.kind {
            self.apply(kind);
        }
    }

    /// Starts replay: records of a log follow.
    pub fn begin_replay(&mut self) {
        self.loading = Some(HashMap::new());
    }

    pub fn replay(&mut self, record: journal::Record) {
        if let Some(kind) = record.kind {
            self.apply(kind);
        }
    }

    /// Ends replay: everything replayed is on disk, and a new epoch begins, with a record of its own.
    pub fn end_replay(&mut self) {
        self.loading = None;
        self.durable = self.next_id;
        let header = journal::Header { epoch: self.epoch + 1, next_id: self.next_id };
        self.commit(Kind::Header(header));
    }

    /// Carries out one record. It was valid when it was made, so it is now: replay meets the same state.
    fn apply(&mut self, kind: Kind) {
        match kind {
            Kind::Header(header) => (self.epoch, self.next_id) = (header.epoch, header.next_id),
            Kind::Topic(config) => match self.topics.get_mut(&config.name) {
                Some(topic) => topic.config = config,
                None => _ = self.topics.insert(config.name.clone(), Topic::new(config)),
            },
            Kind::TopicDeleted(name) => self.apply_topic_deleted(&name),
            Kind::Subscription(config) => self.apply_subscription(config),
            Kind::SubscriptionDeleted(name) => _ = self.subscriptions.remove(&name),
            Kind::Published(published) => self.apply_published(published),
            Kind::Acknowledged(acknowledged) => {
                if let Some(subscription) = self.subscriptions.get_mut(&acknowledged.subscription) {
                    acknowledged.ids.iter().for_each(|id| _ = subscription.remove(*id));
                }
            }
            Kind::Sought(sought) => {
                let messages = self.find_all(&sought.subscription, &sought.ids);
                if let Some(subscription) = self.subscriptions.get_mut(&sought.subscription) {
                    subscription.replace(messages.into_iter());
                }
            }
            Kind::Snapshot(taken) => self.apply_snapshot(taken),
            Kind::SnapshotDeleted(name) => _ = self.snapshots.remove(&name),
        }
    }

    fn apply_topic_deleted(&mut self, name: &str) {
        self.topics.remove(name);
        for subscription in self.subscriptions.values_mut().filter(|s| s.config.topic == name) {
            subscription.config.topic = DELETED_TOPIC.to_owned();
        }
    }

    fn apply_subscription(&mut self, config: api::Subscription) {
        match self.subscriptions.get_mut(&config.name) {
            None => _ = self.subscriptions.insert(config.name.clone(), Subscription::new(config)),
            Some(subscription) => {
                subscription.config = config;
                if subscription.config.detached {
                    subscription.replace(std::iter::empty());
                }
            }
        }
    }

    fn apply_published(&mut self, published: journal::Published) {
        let keeps = self.keeps(&published.topic);
        let is_known = self.topics.contains_key(&published.topic);
        for (id, message) in (published.first_id..).zip(published.messages) {
            let stored = Arc::new(Stored::new(id, published.at_micros, message));
            self.next_id = self.next_id.max(id + 1);
            if let Some(loading) = &mut self.loading {
                loading.insert(id, stored.clone());
            }
            let subscribers = self.subscriptions.values_mut().filter(|s| is_known && s.config.topic == published.topic);
            subscribers.for_each(|subscription| subscription.offer(&stored));
            if let (true, Some(topic)) = (keeps, self.topics.get_mut(&published.topic)) {
                topic.retained.insert(id, stored);
            }
        }
    }

    fn apply_snapshot(&mut self, taken: journal::Snapshot) {
        let Some(config) = taken.snapshot else { return };
        let messages = match self.snapshots.get(&config.name) {
            // An update of its labels or its expiry.
            Some(known) if taken.ids.is_empty() => known.messages.clone(),
            _ => self.find_in_topic(&config.topic, &taken.ids),
        };
        self.snapshots.insert(config.name.clone(), Snapshot { config, messages, next_id: taken.next_id });
    }

    /// Messages of a subscription's topic by id, wherever they are kept.
    fn find_all(&self, subscription: &str, ids: &[u64]) -> Vec<Arc<Stored>> {
        let Some(subscription) = self.subscriptions.get(subscription) else { return Vec::new() };
        let own: HashMap<u64, &Arc<Stored>> = subscription.backlog().map(|message| (message.id, message)).collect();
        let elsewhere = || self.find_in_topic(&subscription.config.topic, ids);
        let found: BTreeMap<u64, Arc<Stored>> = elsewhere().into_iter().map(|message| (message.id, message)).collect();
        ids.iter().filter_map(|id| found.get(id).or_else(|| own.get(id).copied()).cloned()).collect()
    }

    fn find_in_topic(&self, topic: &str, ids: &[u64]) -> Vec<Arc<Stored>> {
        let retained = self.topics.get(topic).map(|topic| &topic.retained);
        let mut held: HashMap<u64, Arc<Stored>> = HashMap::new();
        for subscription in self.subscriptions.values().filter(|s| s.config.topic == topic) {
            held.extend(subscription.backlog().map(|message| (message.id, message.clone())));
        }
        for snapshot in self.snapshots.values().filter(|s| s.config.topic == topic) {
            held.extend(snapshot.messages.iter().map(|message| (message.id, message.clone())));
        }
        let find = |id: &u64| {
            let loading = self.loading.as_ref().and_then(|loading| loading.get(id));
            loading.or_else(|| retained.and_then(|kept| kept.get(id))).or_else(|| held.get(id)).cloned()
        };
        ids.iter().filter_map(find).collect()
    }

    /// Does the time's work: deadlines, delays, retention, dead letters. Idle brokers do nothing.
    pub fn sweep(&mut self, now: i64) {
        self.subscriptions.values_mut().for_each(|subscription| subscription.expire(now));
        self.forward_dead_letters(now);
        self.forget_old(now);
    }

    /// The next moment at which `sweep` has a deadline to watch.
    pub fn next_change(&self) -> Option<i64> {
        self.subscriptions.values().filter_map(Subscription::next_change).min()
    }

    fn topic(&self, name: &str) -> Result<&Topic> {
        self.topics.get(name).ok_or_else(|| Fault::missing("topic", name))
    }

    fn subscription(&self, name: &str) -> Result<&Subscription> {
        self.subscriptions.get(name).ok_or_else(|| Fault::missing("subscription", name))
    }

    fn subscription_mut(&mut self, name: &str) -> Result<&mut Subscription> {
        self.subscriptions.get_mut(name).ok_or_else(|| Fault::missing("subscription", name))
    }

    /// How many messages a subscription has not acknowledged.
    pub fn backlog(&self, subscription: &str) -> Result<usize> {
        self.subscription(subscription).map(Subscription::backlog_len)
    }
}

/// Appends a record with its length and checksum.
pub fn frame(record: &journal::Record, log: &mut Vec<u8>) {
    let start = log.len();
    log.extend_from_slice(&[0; 8]);
    // A vector grows as needed, so encoding into it cannot fail.
    record.encode(log).unwrap_or_default();
    let body = &log[start + 8..];
    let (length, sum) = (body.len() as u32, crc32fast::hash(body));
    log[start..start + 4].copy_from_slice(&length.to_le_bytes());
    log[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
}
