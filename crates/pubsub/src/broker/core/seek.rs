//! Seek: a subscription's backlog becomes what it was at a time or at a snapshot. And what is kept for it.

use super::topic::{Stored, duration_micros};
use super::{Broker, Fault, FaultKind, Kind, Result};
use rsdbt_proto::{journal, pubsub as api};
use std::collections::BTreeSet;

impl Broker {
    pub fn seek(&mut self, request: &api::SeekRequest) -> Result<()> {
        let name = &request.subscription;
        self.subscription(name)?;
        let ids = match &request.target {
            None => return Err(Fault::invalid("seek needs a time or a snapshot")),
            Some(api::seek_request::Target::Time(time)) => self.ids_since(name, super::topic::micros(time))?,
            Some(api::seek_request::Target::Snapshot(snapshot)) => self.ids_of_snapshot(name, snapshot)?,
        };
        self.commit(Kind::Sought(journal::Sought { subscription: name.clone(), ids }));
        Ok(())
    }

    /// Everything published since a moment that is still kept.
    fn ids_since(&self, name: &str, since: i64) -> Result<Vec<u64>> {
        let subscription = self.subscription(name)?;
        let retained = self.topics.get(&subscription.config.topic).into_iter().flat_map(|t| t.retained.values());
        let all = retained.chain(subscription.backlog()).filter(|message| message.at_micros >= since);
        Ok(all
            .filter(|message| subscription.wants(message))
            .map(|m| m.id)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect())
    }

    /// What was not acknowledged when the snapshot was taken, and everything published since.
    fn ids_of_snapshot(&self, name: &str, snapshot: &str) -> Result<Vec<u64>> {
        let subscription = self.subscription(name)?;
        let found = self.snapshots.get(snapshot).ok_or_else(|| Fault::missing("snapshot", snapshot))?;
        if found.config.topic != subscription.config.topic {
            return Err(Fault::new(
                FaultKind::Precondition,
                format!("the snapshot {snapshot} is of {}, not of the subscription's topic", found.config.topic),
            ));
        }
        let is_later = |message: &&std::sync::Arc<Stored>| message.id >= found.next_id;
        let retained = self.topics.get(&found.config.topic).into_iter().flat_map(|t| t.retained.values());
        let later = retained.chain(subscription.backlog()).filter(is_later);
        let ids: BTreeSet<u64> =
            found.messages.iter().chain(later).filter(|m| subscription.wants(m)).map(|m| m.id).collect();
        Ok(ids.into_iter().collect())
    }

    /// Whether a topic's messages are kept after their acknowledgement.
    pub(super) fn keeps(&self, topic: &str) -> bool {
        self.horizon(topic, 0) != i64::MAX
    }

    /// Messages published before this moment are not kept for seek; `i64::MAX` when none are.
    pub(super) fn horizon(&self, topic: &str, now: i64) -> i64 {
        let own = self.topics.get(topic).and_then(|topic| topic.config.message_retention_duration.as_ref());
        let of_subscriptions = self
            .subscriptions
            .values()
            .filter(|s| s.config.topic == topic && s.config.retain_acked_messages)
            .filter_map(|s| s.config.message_retention_duration.as_ref());
        let by_time = own.into_iter().chain(of_subscriptions).map(|kept| now - duration_micros(kept));
        // A snapshot keeps everything since it was taken, and it lives a week at most.
        let week = 7 * 86_400 * 1_000_000;
        let by_snapshot = self.snapshots.values().filter(|s| s.config.topic == topic).map(|_| now - week);
        by_time.chain(by_snapshot).min().unwrap_or(i64::MAX)
    }
}
