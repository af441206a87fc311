//! The way of a message: publish, pull, acknowledge, extend, give back, dead letter.

use super::subscription::{AckId, Delivery, Limits, max_attempts};
use super::{Broker, Fault, FaultKind, Kind, Result, check};
use rsdbt_proto::{journal, pubsub as api};

impl Broker {
    /// Takes messages and gives their ids. They are delivered once they are durable.
    pub fn publish(&mut self, topic: &str, messages: Vec<api::PubsubMessage>, now: i64) -> Result<Vec<u64>> {
        self.topic(topic)?;
        check::messages(&messages)?;
        let first_id = self.next_id;
        let ids = (first_id..).take(messages.len()).collect();
        self.commit(Kind::Published(journal::Published {
            topic: topic.to_owned(),
            first_id,
            at_micros: now,
            messages,
        }));
        Ok(ids)
    }

    /// Leases deliverable messages; `deadline` in seconds, or the subscription's own.
    pub fn pull(&mut self, name: &str, limits: Limits, deadline: Option<i32>, now: i64) -> Result<Vec<Delivery>> {
        let (durable, epoch) = (self.durable, self.epoch);
        let subscription = self.subscription_mut(name)?;
        if subscription.config.detached {
            return Err(Fault::new(FaultKind::Precondition, format!("the subscription {name} is detached")));
        }
        subscription.expire(now);
        let lease = deadline.map_or(subscription.ack_deadline_micros(), |seconds| i64::from(seconds) * 1_000_000);
        if subscription.config.dead_letter_policy.is_some() {
            self.forward_dead_letters(now);
        }
        Ok(self.subscription_mut(name)?.pull(limits, durable, now + lease, epoch))
    }

    /// Acknowledges; gives the ids that are refused, which only happens with exactly-once delivery.
    pub fn acknowledge(&mut self, name: &str, ack_ids: &[String], now: i64) -> Result<Vec<String>> {
        let (good, refused) = self.sort_acks(name, ack_ids, now)?;
        if !good.is_empty() {
            let ids = good.iter().map(|ack| ack.message).collect();
            self.commit(Kind::Acknowledged(journal::Acknowledged { subscription: name.to_owned(), ids }));
        }
        Ok(refused)
    }

    /// Moves deadlines; 0 seconds gives the messages back. Gives the ids that are refused.
    pub fn modify_ack_deadline(
        &mut self,
        name: &str,
        ack_ids: &[String],
        seconds: i32,
        now: i64,
    ) -> Result<Vec<String>> {
        check::deadline_seconds(seconds)?;
        let (good, refused) = self.sort_acks(name, ack_ids, now)?;
        let epoch = self.epoch;
        let subscription = self.subscription_mut(name)?;
        for ack in good {
            match seconds {
                _ if !subscription.is_current(ack, epoch, now) => {}
                0 => subscription.take_back(ack.message, now),
                _ => subscription.extend(ack.message, now + i64::from(seconds) * 1_000_000),
            }
        }
        Ok(refused)
    }

    /// Ack ids that count, and those refused. Without exactly-once delivery a late id of this epoch counts too; one of
    /// an earlier epoch has no effect, since the message is delivered again anyway.
    fn sort_acks(&self, name: &str, ack_ids: &[String], now: i64) -> Result<(Vec<AckId>, Vec<String>)> {
        let subscription = self.subscription(name)?;
        let is_strict = subscription.config.enable_exactly_once_delivery;
        let (mut good, mut refused) = (Vec::with_capacity(ack_ids.len()), Vec::new());
        for text in ack_ids {
            let ack = AckId::parse(text)
                .ok_or_else(|| Fault::invalid(format!("'{text}' is not an ack id of this broker")))?;
            if is_strict && !subscription.is_current(ack, self.epoch, now) {
                refused.push(text.clone());
            } else if ack.epoch == self.epoch && subscription.has(ack.message) {
                good.push(ack);
            }
        }
        Ok((good, refused))
    }

    /// Of these ack ids, those whose message the receiver does not hold any more.
    pub fn not_held(&self, name: &str, ack_ids: &[String], now: i64) -> Result<Vec<String>> {
        let subscription = self.subscription(name)?;
        let is_held = |id: &&String| AckId::parse(id).is_some_and(|ack| subscription.is_current(ack, self.epoch, now));
        Ok(ack_ids.iter().filter(|id| !is_held(id)).cloned().collect())
    }

    /// Publishes what failed too often to the dead-letter topic, if that exists, and forgets it.
    pub(super) fn forward_dead_letters(&mut self, now: i64) {
        let mut moves = Vec::new();
        for (name, subscription) in &self.subscriptions {
            let Some(policy) = &subscription.config.dead_letter_policy else { continue };
            let ids = subscription.dead();
            if !ids.is_empty() && self.topics.contains_key(&policy.dead_letter_topic) {
                debug_assert!(max_attempts(policy) > 0);
                moves.push((name.clone(), policy.dead_letter_topic.clone(), ids));
            }
        }
        for (name, topic, ids) in moves {
            let letters = ids.iter().filter_map(|id| self.dead_letter(&name, *id)).collect();
            let first_id = self.next_id;
            self.commit(Kind::Published(journal::Published { topic, first_id, at_micros: now, messages: letters }));
            self.commit(Kind::Acknowledged(journal::Acknowledged { subscription: name, ids }));
        }
    }

    /// A copy of the message that says where it comes from.
    fn dead_letter(&self, subscription: &str, id: u64) -> Option<api::PubsubMessage> {
        let source = self.subscriptions.get(subscription)?;
        let stored = source.message(id)?;
        let mut message = stored.message.clone();
        let mut parts = subscription.split('/').skip(1).step_by(2);
        let (project, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let published = chrono::DateTime::from_timestamp_micros(stored.at_micros).unwrap_or_default();
        let origin = [
            ("CloudPubSubDeadLetterSourceDeliveryCount", source.attempts(id).to_string()),
            ("CloudPubSubDeadLetterSourceSubscription", name.to_owned()),
            ("CloudPubSubDeadLetterSourceSubscriptionProject", project.to_owned()),
            ("CloudPubSubDeadLetterSourceTopicPublishTime", published.to_rfc3339()),
        ];
        message.attributes.extend(origin.map(|(key, value)| (key.to_owned(), value)));
        (message.message_id, message.publish_time) = (String::new(), None);
        Some(message)
    }
}
