//! Pub/Sub's broker: requests in any order, read out of the bytes. Afterwards its journal is replayed, and must know the same
//! topics, subscriptions and messages.

use super::Target;
use prost::Message;
use rsdbt_proto::{journal, pubsub as api};
use rsdbt_pubsub::broker::core::{Broker, Limits};

/// Bytes as a source of small choices; nothing is left at the end, and zero is what comes then.
struct Choices<'b>(std::slice::Iter<'b, u8>);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    /// True once in so many times.
    fn one_in(&mut self, times: u8) -> bool {
        self.next().is_multiple_of(times)
    }

    fn is_over(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    fn text(&mut self) -> String {
        let length = usize::from(self.next() % 6);
        (0..length).map(|_| char::from(self.next())).collect()
    }

    fn topic(&mut self) -> String {
        format!("projects/p/topics/{}", self.name())
    }

    fn subscription(&mut self) -> String {
        format!("projects/p/subscriptions/{}", self.name())
    }

    /// One of a few good names, or anything.
    fn name(&mut self) -> String {
        match self.next() % 8 {
            7 => self.text(),
            few => format!("name{}", few % 3),
        }
    }
}

pub fn target() -> Result<Target, String> {
    Ok(Box::new(|input| {
        let mut choices = Choices(input.iter());
        let mut broker = Broker::new();
        let (mut now, mut leases) = (0, Vec::new());
        while !choices.is_over() {
            request(&mut broker, &mut choices, now, &mut leases);
            broker.set_durable(broker.next_id());
            now += i64::from(choices.next()) * 100_000;
        }
        let whole = broker.take_log();
        assert_eq!(known(&broker), known(&replayed(&whole)), "what the journal says is not what the broker knows");
    }))
}

/// One request; a refusal is as good as an answer.
fn request(broker: &mut Broker, choices: &mut Choices, now: i64, leases: &mut Vec<String>) {
    match choices.next() % 12 {
        0 => drop(broker.create_topic(api::Topic { name: choices.topic(), ..Default::default() })),
        1 | 2 => drop(broker.create_subscription(subscription(choices))),
        3..=5 => {
            let message = api::PubsubMessage {
                data: choices.text().into_bytes().into(),
                ordering_key: choices.text(),
                attributes: [(choices.text(), choices.text())].into(),
                ..Default::default()
            };
            drop(broker.publish(&choices.topic(), vec![message], now));
        }
        6 | 7 => {
            let limits = Limits { messages: usize::from(choices.next()), bytes: 1 << (choices.next() % 20) };
            let taken = broker.pull(&choices.subscription(), limits, None, now).unwrap_or_default();
            leases.extend(taken.iter().map(|delivery| delivery.ack_id.to_string()));
        }
        8 => drop(broker.acknowledge(&choices.subscription(), &lease(choices, leases), now)),
        9 => {
            let seconds = i32::from(choices.next()) * 3 - 5;
            let name = choices.subscription();
            drop(broker.modify_ack_deadline(&name, &lease(choices, leases), seconds, now));
        }
        10 if choices.one_in(4) => drop(broker.delete_topic(&choices.topic())),
        10 => broker.sweep(now),
        _ if choices.one_in(4) => drop(broker.delete_subscription(&choices.subscription())),
        _ => drop(broker.detach_subscription(&choices.subscription())),
    }
}

/// A lease that was given, or nonsense.
fn lease(choices: &mut Choices, leases: &[String]) -> Vec<String> {
    let given = leases.get(usize::from(choices.next()) % leases.len().max(1)).cloned();
    vec![given.unwrap_or_else(|| choices.text())]
}

fn subscription(choices: &mut Choices) -> api::Subscription {
    let filters = ["", "attributes:a", "attributes.a = \"b\"", "NOT attributes:a AND", "("];
    let policy = api::DeadLetterPolicy { dead_letter_topic: choices.topic(), max_delivery_attempts: 5 };
    api::Subscription {
        name: choices.subscription(),
        topic: choices.topic(),
        ack_deadline_seconds: i32::from(choices.next()) * 3,
        filter: filters[usize::from(choices.next()) % filters.len()].to_owned(),
        enable_message_ordering: choices.one_in(2),
        enable_exactly_once_delivery: choices.one_in(2),
        dead_letter_policy: (choices.one_in(2)).then_some(policy),
        ..Default::default()
    }
}

/// A fresh broker out of the journal: frames of length, checksum and record.
fn replayed(whole: &[u8]) -> Broker {
    let mut fresh = Broker::new();
    fresh.begin_replay();
    let mut rest = whole;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let record = journal::Record::decode(&after[4..4 + length]).expect("a journal of our own reads back");
        fresh.replay(record);
        rest = &after[4 + length..];
    }
    fresh.end_replay();
    fresh
}

fn known(broker: &Broker) -> (Vec<String>, Vec<(String, Option<usize>)>) {
    let topics = broker.list_topics("projects/p").into_iter().map(|topic| topic.name).collect();
    let subscriptions = broker.list_subscriptions("projects/p").into_iter();
    (topics, subscriptions.map(|one| (one.name.clone(), broker.backlog(&one.name).ok())).collect())
}
