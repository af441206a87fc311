//! Topics, subscriptions and snapshots: create, read, change, list, delete.

use super::topic::micros;
use super::{Broker, Fault, FaultKind, Kind, Result, check};
use prost_types::FieldMask;
use rsdbt_proto::{journal, pubsub as api};

/// Copies the fields that a mask names; errors name one that cannot be changed.
macro_rules! masked {
    ($mask:expr, $from:ident => $to:ident: $($field:ident),* $(,)?) => {
        for path in &$mask.paths {
            match path.as_str() {
                $(stringify!($field) => $to.$field = $from.$field.clone(),)*
                other => return Err(Fault::invalid(format!("the field '{other}' cannot be changed"))),
            }
        }
    };
}

fn mask(mask: Option<FieldMask>) -> Result<FieldMask> {
    mask.filter(|mask| !mask.paths.is_empty()).ok_or_else(|| Fault::invalid("update_mask names no field"))
}

impl Broker {
    pub fn create_topic(&mut self, config: api::Topic) -> Result<api::Topic> {
        check::topic(&config)?;
        if self.topics.contains_key(&config.name) {
            return Err(Fault::exists("topic", &config.name));
        }
        self.commit(Kind::Topic(config.clone()));
        Ok(config)
    }

    pub fn get_topic(&self, name: &str) -> Result<api::Topic> {
        self.topic(name).map(|topic| topic.config.clone())
    }

    pub fn update_topic(&mut self, request: api::UpdateTopicRequest) -> Result<api::Topic> {
        let from = request.topic.ok_or_else(|| Fault::invalid("the request has no topic"))?;
        let mut config = self.get_topic(&from.name)?;
        masked!(mask(request.update_mask)?, from => config: labels, message_retention_duration, message_storage_policy, kms_key_name);
        check::topic(&config)?;
        self.commit(Kind::Topic(config.clone()));
        Ok(config)
    }

    pub fn delete_topic(&mut self, name: &str) -> Result<()> {
        self.topic(name)?;
        self.commit(Kind::TopicDeleted(name.to_owned()));
        Ok(())
    }

    pub fn list_topics(&self, project: &str) -> Vec<api::Topic> {
        self.topics.values().map(|topic| &topic.config).filter(|c| is_in(&c.name, project)).cloned().collect()
    }

    pub fn topic_subscriptions(&self, topic: &str) -> Result<Vec<String>> {
        self.topic(topic)?;
        let attached = |config: &&api::Subscription| config.topic == topic && !config.detached;
        Ok(self.subscriptions.values().map(|s| &s.config).filter(attached).map(|c| c.name.clone()).collect())
    }

    pub fn topic_snapshots(&self, topic: &str) -> Result<Vec<String>> {
        self.topic(topic)?;
        Ok(self.snapshots.values().filter(|s| s.config.topic == topic).map(|s| s.config.name.clone()).collect())
    }

    pub fn create_subscription(&mut self, config: api::Subscription) -> Result<api::Subscription> {
        let config = check::subscription(config)?;
        if self.subscriptions.contains_key(&config.name) {
            return Err(Fault::exists("subscription", &config.name));
        }
        self.topic(&config.topic)?;
        self.commit(Kind::Subscription(config.clone()));
        Ok(config)
    }

    pub fn get_subscription(&self, name: &str) -> Result<api::Subscription> {
        self.subscription(name).map(|subscription| subscription.config.clone())
    }

    pub fn update_subscription(&mut self, request: api::UpdateSubscriptionRequest) -> Result<api::Subscription> {
        let from = request.subscription.ok_or_else(|| Fault::invalid("the request has no subscription"))?;
        let mut config = self.get_subscription(&from.name)?;
        masked!(mask(request.update_mask)?, from => config: labels, ack_deadline_seconds, retain_acked_messages,
            message_retention_duration, expiration_policy, dead_letter_policy, retry_policy, push_config,
            enable_exactly_once_delivery);
        let config = check::subscription(config)?;
        self.commit(Kind::Subscription(config.clone()));
        Ok(config)
    }

    pub fn delete_subscription(&mut self, name: &str) -> Result<()> {
        self.subscription(name)?;
        self.commit(Kind::SubscriptionDeleted(name.to_owned()));
        Ok(())
    }

    pub fn list_subscriptions(&self, project: &str) -> Vec<api::Subscription> {
        self.subscriptions.values().map(|s| &s.config).filter(|c| is_in(&c.name, project)).cloned().collect()
    }

    /// The subscription stays and receives nothing more.
    pub fn detach_subscription(&mut self, name: &str) -> Result<()> {
        let mut config = self.get_subscription(name)?;
        config.detached = true;
        self.commit(Kind::Subscription(config));
        Ok(())
    }

    pub fn create_snapshot(&mut self, request: api::CreateSnapshotRequest, now: i64) -> Result<api::Snapshot> {
        check::name(&request.name, "snapshots")?;
        if self.snapshots.contains_key(&request.name) {
            return Err(Fault::exists("snapshot", &request.name));
        }
        let subscription = self.subscription(&request.subscription)?;
        if subscription.config.detached {
            return Err(Fault::new(FaultKind::Precondition, format!("{} is detached", request.subscription)));
        }
        let week = 7 * 86_400 * 1_000_000;
        let config = api::Snapshot {
            name: request.name,
            topic: subscription.config.topic.clone(),
            expire_time: Some(super::topic::timestamp(now + week)),
            labels: request.labels,
        };
        let ids = subscription.backlog().map(|message| message.id).collect();
        let taken = journal::Snapshot { snapshot: Some(config.clone()), ids, next_id: self.next_id };
        self.commit(Kind::Snapshot(taken));
        Ok(config)
    }

    pub fn get_snapshot(&self, name: &str) -> Result<api::Snapshot> {
        let found = self.snapshots.get(name).ok_or_else(|| Fault::missing("snapshot", name))?;
        Ok(found.config.clone())
    }

    pub fn update_snapshot(&mut self, request: api::UpdateSnapshotRequest) -> Result<api::Snapshot> {
        let from = request.snapshot.ok_or_else(|| Fault::invalid("the request has no snapshot"))?;
        let mut config = self.get_snapshot(&from.name)?;
        masked!(mask(request.update_mask)?, from => config: labels, expire_time);
        let next_id = self.snapshots[&config.name].next_id;
        let ids = self.snapshots[&config.name].messages.iter().map(|message| message.id).collect();
        self.commit(Kind::Snapshot(journal::Snapshot { snapshot: Some(config.clone()), ids, next_id }));
        Ok(config)
    }

    pub fn delete_snapshot(&mut self, name: &str) -> Result<()> {
        self.get_snapshot(name)?;
        self.commit(Kind::SnapshotDeleted(name.to_owned()));
        Ok(())
    }

    pub fn list_snapshots(&self, project: &str) -> Vec<api::Snapshot> {
        self.snapshots.values().map(|s| &s.config).filter(|c| is_in(&c.name, project)).cloned().collect()
    }

    /// Forgets messages beyond their retention, and snapshots that are over.
    pub(super) fn forget_old(&mut self, now: i64) {
        let over = |s: &super::Snapshot| s.config.expire_time.as_ref().is_some_and(|at| micros(at) <= now);
        let expired: Vec<String> = self.snapshots.values().filter(|s| over(s)).map(|s| s.config.name.clone()).collect();
        expired.into_iter().for_each(|name| self.commit(Kind::SnapshotDeleted(name)));
        let horizons: Vec<(String, i64)> =
            self.topics.keys().map(|name| (name.clone(), self.horizon(name, now))).collect();
        for (name, horizon) in horizons {
            if let Some(topic) = self.topics.get_mut(&name) {
                topic.forget_before(horizon);
            }
        }
        for subscription in self.subscriptions.values_mut() {
            let kept = subscription.config.message_retention_duration.as_ref().map(super::topic::duration_micros);
            for id in subscription.older_than(now.saturating_sub(kept.unwrap_or(i64::MAX))) {
                subscription.remove(id);
            }
        }
    }
}

fn is_in(name: &str, project: &str) -> bool {
    name.strip_prefix(project).is_some_and(|rest| rest.starts_with('/'))
}
