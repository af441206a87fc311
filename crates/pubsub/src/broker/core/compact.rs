//! The whole state as a fresh log, so that the journal never grows beyond what is alive.

use super::topic::Stored;
use super::{Broker, Kind, frame};
use rsdbt_proto::{journal, pubsub as api};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Broker {
    /// Records that rebuild this state: header, topics, messages, then who still has to get them.
    pub fn snapshot_log(&self) -> Vec<u8> {
        let mut log = Vec::new();
        let mut put = |kind: Kind| frame(&journal::Record { kind: Some(kind) }, &mut log);
        put(Kind::Header(journal::Header { epoch: self.epoch, next_id: self.next_id }));
        self.topics.values().for_each(|topic| put(Kind::Topic(topic.config.clone())));
        // Whoever keeps messages must be there before them; a backlog is set afterwards.
        self.subscriptions.values().for_each(|s| put(Kind::Subscription(s.config.clone())));
        for snapshot in self.snapshots.values() {
            let config = Some(snapshot.config.clone());
            put(Kind::Snapshot(journal::Snapshot { snapshot: config, ids: Vec::new(), next_id: snapshot.next_id }));
        }
        let alive = self.alive();
        for (id, (topic, message)) in &alive {
            put(Kind::Published(published(topic, *id, message)));
        }
        for (name, subscription) in &self.subscriptions {
            let ids = subscription.backlog().map(|message| message.id).collect();
            put(Kind::Sought(journal::Sought { subscription: name.clone(), ids }));
        }
        for snapshot in self.snapshots.values() {
            let ids = snapshot.messages.iter().map(|message| message.id).collect();
            let config = Some(snapshot.config.clone());
            put(Kind::Snapshot(journal::Snapshot { snapshot: config, ids, next_id: snapshot.next_id }));
        }
        put(Kind::Header(journal::Header { epoch: self.epoch, next_id: self.next_id }));
        log
    }

    /// The size of all messages that someone may still ask for.
    pub fn alive_bytes(&self) -> u64 {
        self.alive().values().map(|(_, message)| message.size as u64).sum()
    }

    /// Every message that someone may still ask for, with the topic it belongs to.
    fn alive(&self) -> BTreeMap<u64, (&str, &Arc<Stored>)> {
        let mut alive = BTreeMap::new();
        let retained = self.topics.values().flat_map(|t| t.retained.values().map(|m| (t.config.name.as_str(), m)));
        let waiting =
            self.subscriptions.values().flat_map(|s| s.backlog().map(|message| (s.config.topic.as_str(), message)));
        let in_snapshots =
            self.snapshots.values().flat_map(|s| s.messages.iter().map(|message| (s.config.topic.as_str(), message)));
        for (topic, message) in retained.chain(waiting).chain(in_snapshots) {
            alive.entry(message.id).or_insert((topic, message));
        }
        alive
    }
}

fn published(topic: &str, id: u64, stored: &Stored) -> journal::Published {
    // The id and the time are part of the record.
    let message = api::PubsubMessage { message_id: String::new(), publish_time: None, ..stored.message.clone() };
    journal::Published { topic: topic.to_owned(), first_id: id, at_micros: stored.at_micros, messages: vec![message] }
}
