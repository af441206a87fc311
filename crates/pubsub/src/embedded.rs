//! The bus without a network: the broker runs in this process and keeps its journal in a folder.

use super::bus::{Attributes, Bus, BusError, BusErrorKind, BusResult, Incoming, Outgoing};
use crate::broker::Service;
use crate::broker::core::{Delivery, Fault, FaultKind, Limits};
use rsdbt_proto::pubsub as api;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What one pull gives at most, so that a batch of large messages stays small.
const MOST_BYTES: usize = 64 << 20;

pub struct Embedded {
    service: Arc<Service>,
    place: String,
}

impl Embedded {
    /// Opens the broker of a folder, or an empty one in memory.
    pub fn open(folder: Option<&Path>) -> BusResult<Embedded> {
        let service = Arc::new(Service::open(folder)?);
        let place = folder.map_or_else(|| "in memory".to_owned(), |folder| format!("in {}", folder.display()));
        Ok(Embedded { service, place })
    }
}

impl From<Fault> for BusError {
    fn from(fault: Fault) -> BusError {
        let kind = match fault.kind {
            FaultKind::NotFound => BusErrorKind::NotFound,
            FaultKind::Unavailable | FaultKind::Exhausted => BusErrorKind::Unavailable,
            _ => BusErrorKind::Refused,
        };
        BusError::new(kind, fault.message)
    }
}

pub(super) fn to_api(message: Outgoing) -> api::PubsubMessage {
    api::PubsubMessage {
        data: message.data.into(),
        attributes: message.attributes.into_iter().collect(),
        ordering_key: message.ordering_key,
        ..Default::default()
    }
}

fn incoming(delivery: Delivery) -> Incoming {
    let stored = delivery.message;
    Incoming {
        ack_id: delivery.ack_id.to_string(),
        message_id: stored.message.message_id.clone(),
        data: stored.message.data.clone(),
        publish_micros: stored.at_micros,
        attributes: Attributes::Stored(stored),
    }
}

fn unless_there<T>(created: Result<T, Fault>) -> Result<(), Fault> {
    match created {
        Err(fault) if fault.kind != FaultKind::AlreadyExists => Err(fault),
        _ => Ok(()),
    }
}

impl Bus for Embedded {
    fn ensure(&self, topic: &str, subscription: Option<&str>) -> BusResult<()> {
        let config = api::Topic { name: topic.to_owned(), ..Default::default() };
        unless_there(self.service.run(|broker, _| broker.create_topic(config)))?;
        if let Some(name) = subscription {
            let config = super::subscription_config(name, topic);
            unless_there(self.service.run(|broker, _| broker.create_subscription(config)))?;
        }
        Ok(())
    }

    fn publish(&self, topic: &str, messages: Vec<Outgoing>) -> BusResult<()> {
        let messages = messages.into_iter().map(to_api).collect();
        self.service.run(|broker, now| broker.publish(topic, messages, now))?;
        Ok(())
    }

    fn pull(&self, subscription: &str, most: usize, patience: Duration) -> BusResult<Vec<Incoming>> {
        let limits = Limits { messages: most, bytes: MOST_BYTES };
        let found = self.service.wait_for(patience, |broker, now| {
            let taken = broker.pull(subscription, limits, None, now)?;
            Ok((!taken.is_empty()).then_some(taken))
        })?;
        Ok(found.unwrap_or_default().into_iter().map(incoming).collect())
    }

    fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> BusResult<()> {
        self.service.run(|broker, now| broker.acknowledge(subscription, ack_ids, now))?;
        Ok(())
    }

    fn postpone(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> BusResult<()> {
        let seconds = i32::try_from(deadline.as_secs()).unwrap_or(i32::MAX);
        self.service.run(|broker, now| broker.modify_ack_deadline(subscription, ack_ids, seconds, now))?;
        self.service.announce();
        Ok(())
    }

    fn backlog(&self, subscription: &str) -> Option<u64> {
        let counted = self.service.run(|broker, _| broker.backlog(subscription));
        counted.ok().map(|count| count as u64)
    }

    fn describe(&self) -> String {
        format!("the embedded broker {}", self.place)
    }
}
