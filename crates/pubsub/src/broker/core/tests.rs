//! The broker's rules, with a clock of the test's own.
#![allow(clippy::unwrap_used)]

use super::*;
use prost_types::Duration;

const TOPIC: &str = "projects/p/topics/top";
const SUB: &str = "projects/p/subscriptions/sub";
const SECOND: i64 = 1_000_000;
const ALL: Limits = Limits { messages: 1_000, bytes: usize::MAX };

fn broker(change: impl FnOnce(&mut api::Subscription)) -> Broker {
    let mut broker = Broker::new();
    broker.create_topic(api::Topic { name: TOPIC.to_owned(), ..Default::default() }).unwrap();
    let mut config = api::Subscription { name: SUB.to_owned(), topic: TOPIC.to_owned(), ..Default::default() };
    change(&mut config);
    broker.create_subscription(config).unwrap();
    broker
}

fn publish(broker: &mut Broker, texts: &[&str], key: &str, now: i64) {
    let message = |text: &&str| api::PubsubMessage {
        data: text.to_string().into(),
        ordering_key: key.to_owned(),
        ..Default::default()
    };
    broker.publish(TOPIC, texts.iter().map(message).collect(), now).unwrap();
    broker.set_durable(broker.next_id());
}

fn pull(broker: &mut Broker, most: usize, now: i64) -> Vec<(String, String)> {
    let taken = broker.pull(SUB, Limits { messages: most, ..ALL }, None, now).unwrap();
    let text = |delivery: &Delivery| String::from_utf8(delivery.message.message.data.to_vec()).unwrap();
    taken.iter().map(|delivery| (text(delivery), delivery.ack_id.to_string())).collect()
}

fn texts(broker: &mut Broker, now: i64) -> Vec<String> {
    pull(broker, 1_000, now).into_iter().map(|(text, _)| text).collect()
}

/// What a crash at this moment leaves, read back.
fn restarted(broker: &mut Broker, whole: &mut Vec<u8>) -> Broker {
    whole.extend(broker.take_log());
    let mut fresh = Broker::new();
    fresh.begin_replay();
    let mut at = 0;
    while at < whole.len() {
        let length = u32::from_le_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
        fresh.replay(journal::Record::decode(&whole[at + 8..at + 8 + length]).unwrap());
        at += 8 + length;
    }
    fresh.end_replay();
    fresh
}

#[test]
fn nothing_is_delivered_before_it_is_durable() {
    let mut broker = broker(|_| ());
    let message = api::PubsubMessage { data: "a".into(), ..Default::default() };
    broker.publish(TOPIC, vec![message], 0).unwrap();
    assert!(texts(&mut broker, 0).is_empty());
    broker.set_durable(broker.next_id());
    assert_eq!(texts(&mut broker, 0), ["a"]);
}

#[test]
fn a_lease_ends_at_its_deadline_and_a_late_ack_counts() {
    let mut broker = broker(|_| ());
    publish(&mut broker, &["a"], "", 0);
    let first = pull(&mut broker, 1, 0);
    assert!(texts(&mut broker, 10 * SECOND - 1).is_empty());
    assert_eq!(texts(&mut broker, 10 * SECOND), ["a"]);
    assert!(broker.acknowledge(SUB, &[first[0].1.clone()], 11 * SECOND).unwrap().is_empty());
    assert_eq!(broker.backlog(SUB).unwrap(), 0);
}

#[test]
fn exactly_once_refuses_all_but_the_newest_ack_id() {
    let mut broker = broker(|config| config.enable_exactly_once_delivery = true);
    publish(&mut broker, &["a"], "", 0);
    let first = pull(&mut broker, 1, 0)[0].1.clone();
    let second = pull(&mut broker, 1, 10 * SECOND)[0].1.clone();
    let both = [first.clone(), second.clone()];
    assert_eq!(broker.acknowledge(SUB, &both, 11 * SECOND).unwrap(), [first]);
    assert_eq!(broker.backlog(SUB).unwrap(), 0);
    assert_eq!(broker.acknowledge(SUB, std::slice::from_ref(&second), 11 * SECOND).unwrap(), [second]);
}

#[test]
fn a_key_is_delivered_in_order_and_again_from_what_was_given_back() {
    let mut broker = broker(|config| config.enable_message_ordering = true);
    publish(&mut broker, &["a1", "a2", "a3"], "a", 0);
    publish(&mut broker, &["b1"], "b", 0);
    let taken = pull(&mut broker, 2, 0);
    assert_eq!([&taken[0].0, &taken[1].0], ["a1", "a2"]);
    // a3 waits for a1 and a2, b1 does not.
    assert_eq!(texts(&mut broker, 0), ["b1"]);
    broker.modify_ack_deadline(SUB, &[taken[0].1.clone()], 0, 0).unwrap();
    assert_eq!(texts(&mut broker, 0), ["a1", "a2", "a3"]);
}

#[test]
fn failing_messages_wait_longer_each_time_and_end_as_dead_letters() {
    let dead = "projects/p/topics/dead";
    let mut broker = broker(|config| {
        config.retry_policy = Some(api::RetryPolicy {
            minimum_backoff: Some(Duration { seconds: 1, nanos: 0 }),
            maximum_backoff: Some(Duration { seconds: 3, nanos: 0 }),
        });
        config.dead_letter_policy =
            Some(api::DeadLetterPolicy { dead_letter_topic: dead.to_owned(), max_delivery_attempts: 5 });
    });
    broker.create_topic(api::Topic { name: dead.to_owned(), ..Default::default() }).unwrap();
    let letters = "projects/p/subscriptions/letters";
    let config = api::Subscription { name: letters.to_owned(), topic: dead.to_owned(), ..Default::default() };
    broker.create_subscription(config).unwrap();
    publish(&mut broker, &["a"], "", 0);
    let mut now = 0;
    for wait in [1, 2, 3, 3] {
        let taken = pull(&mut broker, 1, now);
        broker.modify_ack_deadline(SUB, &[taken[0].1.clone()], 0, now).unwrap();
        assert!(texts(&mut broker, now + wait * SECOND - 1).is_empty());
        now += wait * SECOND;
    }
    let taken = pull(&mut broker, 1, now);
    broker.modify_ack_deadline(SUB, &[taken[0].1.clone()], 0, now).unwrap();
    broker.sweep(now);
    broker.set_durable(broker.next_id());
    assert_eq!(broker.backlog(SUB).unwrap(), 0);
    let letter = broker.pull(letters, ALL, None, now).unwrap();
    assert_eq!(letter[0].message.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"], "5");
    assert_eq!(letter[0].message.message.attributes["CloudPubSubDeadLetterSourceSubscription"], "sub");
}

#[test]
fn seek_replays_what_was_kept() {
    let mut broker = broker(|config| config.retain_acked_messages = true);
    publish(&mut broker, &["old"], "", 100 * SECOND);
    publish(&mut broker, &["new"], "", 200 * SECOND);
    let ids: Vec<String> = pull(&mut broker, 9, 200 * SECOND).into_iter().map(|(_, id)| id).collect();
    broker.acknowledge(SUB, &ids, 200 * SECOND).unwrap();
    let time = prost_types::Timestamp { seconds: 150, nanos: 0 };
    let target = Some(api::seek_request::Target::Time(time));
    broker.seek(&api::SeekRequest { subscription: SUB.to_owned(), target }).unwrap();
    assert_eq!(texts(&mut broker, 201 * SECOND), ["new"]);
}

#[test]
fn a_snapshot_holds_what_was_open_and_what_came_later() {
    let mut broker = broker(|_| ());
    publish(&mut broker, &["done", "open"], "", 0);
    let done = pull(&mut broker, 1, 0)[0].1.clone();
    broker.acknowledge(SUB, &[done], 0).unwrap();
    let name = "projects/p/snapshots/snap".to_owned();
    let request = api::CreateSnapshotRequest { name: name.clone(), subscription: SUB.to_owned(), ..Default::default() };
    broker.create_snapshot(request, 0).unwrap();
    publish(&mut broker, &["later"], "", SECOND);
    let ids: Vec<String> = pull(&mut broker, 9, SECOND).into_iter().map(|(_, id)| id).collect();
    broker.acknowledge(SUB, &ids, SECOND).unwrap();
    let mut whole = Vec::new();
    let mut again = restarted(&mut broker, &mut whole);
    let mut compacted = restarted(&mut Broker::new(), &mut broker.snapshot_log());
    for broker in [&mut broker, &mut again, &mut compacted] {
        let target = Some(api::seek_request::Target::Snapshot(name.clone()));
        broker.seek(&api::SeekRequest { subscription: SUB.to_owned(), target }).unwrap();
        assert_eq!(texts(broker, 2 * SECOND), ["open", "later"]);
    }
}

#[test]
fn a_restart_forgets_leases_and_nothing_else() {
    let mut broker = broker(|config| config.enable_message_ordering = true);
    publish(&mut broker, &["a", "b", "c"], "k", 0);
    let taken = pull(&mut broker, 9, 0);
    broker.acknowledge(SUB, &[taken[0].1.clone()], 0).unwrap();
    let mut whole = Vec::new();
    let mut again = restarted(&mut broker, &mut whole);
    // An ack id of before the restart has no effect: its number may have been given again.
    again.acknowledge(SUB, &[taken[1].1.clone()], 0).unwrap();
    assert_eq!(texts(&mut again, 0), ["b", "c"]);
    let mut compacted = restarted(&mut Broker::new(), &mut broker.snapshot_log());
    assert_eq!(texts(&mut compacted, 0), ["b", "c"]);
    assert_eq!(compacted.next_id(), broker.next_id());
}

#[test]
fn old_messages_go() {
    let mut broker = broker(|config| config.message_retention_duration = Some(Duration { seconds: 600, nanos: 0 }));
    publish(&mut broker, &["a"], "", 0);
    publish(&mut broker, &["b"], "", 300 * SECOND);
    broker.sweep(601 * SECOND);
    assert_eq!(texts(&mut broker, 601 * SECOND), ["b"]);
}

#[test]
fn a_clock_that_jumps_back_revives_nothing_and_one_that_jumps_ahead_delivers_again() {
    let mut broker = broker(|_| ());
    publish(&mut broker, &["a"], "", 100 * SECOND);
    let first = pull(&mut broker, 1, 100 * SECOND);
    broker.sweep(0);
    assert!(texts(&mut broker, 0).is_empty());
    let again = pull(&mut broker, 1, 9_000 * SECOND);
    assert_eq!(again[0].0, "a");
    broker.acknowledge(SUB, &[first[0].1.clone()], 0).unwrap();
    broker.sweep(18_000 * SECOND);
    assert!(texts(&mut broker, 18_000 * SECOND).is_empty());
}

#[test]
fn settings_without_effect_are_refused() {
    let name = || TOPIC.to_owned();
    let transform = || vec![api::MessageTransform::default()];
    let mut broker = Broker::new();
    let topics = [
        api::Topic { name: name(), schema_settings: Some(Default::default()), ..Default::default() },
        api::Topic { name: name(), ingestion_data_source_settings: Some(Default::default()), ..Default::default() },
        api::Topic { name: name(), message_transforms: transform(), ..Default::default() },
    ];
    for topic in topics {
        assert_eq!(broker.create_topic(topic).unwrap_err().kind, FaultKind::Unsupported);
    }
    broker.create_topic(api::Topic { name: name(), ..Default::default() }).unwrap();
    let plain = || api::Subscription { name: SUB.to_owned(), topic: name(), ..Default::default() };
    let subscriptions = [
        api::Subscription { bigtable_config: Some(Default::default()), ..plain() },
        api::Subscription { bigquery_config: Some(Default::default()), ..plain() },
        api::Subscription { message_transforms: transform(), ..plain() },
    ];
    for subscription in subscriptions {
        assert_eq!(broker.create_subscription(subscription).unwrap_err().kind, FaultKind::Unsupported);
    }
}
