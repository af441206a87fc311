//! Google's client on our broker, call by call.

use super::*;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

const TOPIC: &str = "projects/p/topics/events";
const SUBSCRIPTION: &str = "projects/p/subscriptions/events";

/// A broker in memory on a port of its own, until the test process ends.
fn broker() -> SocketAddr {
    static NEVER: AtomicBool = AtomicBool::new(false);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        crate::serve(free, None, &NEVER, |bound| sender.send(bound).expect("somebody waits"))
    });
    receiver.recv().expect("the broker starts")
}

fn keyed(number: usize, key: &str) -> Outgoing {
    let attributes = vec![("number".to_owned(), number.to_string())];
    Outgoing { data: format!("message {number}").into_bytes(), attributes, ordering_key: key.to_owned() }
}

/// Pulls until there are so many.
fn pull(bus: &Gcp, wanted: usize) -> Vec<Incoming> {
    let until = Instant::now() + Duration::from_secs(20);
    let mut got = Vec::new();
    while got.len() < wanted && Instant::now() < until {
        got.extend(bus.pull(SUBSCRIPTION, 1_000, Duration::from_millis(200)).expect("pulled"));
    }
    assert_eq!(got.len(), wanted);
    got
}

#[test]
fn messages_come_in_order_and_again_until_they_are_acknowledged() {
    let bus = Gcp::connect(Some(&broker().to_string())).expect("clients");
    bus.ensure(TOPIC, Some(SUBSCRIPTION)).expect("made");
    bus.ensure(TOPIC, Some(SUBSCRIPTION)).expect("there already");
    bus.publish(TOPIC, (0..1_500).map(|number| keyed(number, "")).collect()).expect("published");
    let first = pull(&bus, 1_500);
    assert_eq!(first[0].attribute("number").map(|n| format!("message {n}").into_bytes()), Some(first[0].data.to_vec()));
    assert!(first.iter().all(|message| message.publish_micros > 1_600_000_000_000_000));
    let ids: Vec<String> = first.iter().map(|message| message.ack_id.clone()).collect();
    bus.acknowledge(SUBSCRIPTION, &ids[..1_000]).expect("acknowledged");
    bus.postpone(SUBSCRIPTION, &ids[1_000..], Duration::ZERO).expect("given back");
    let again = pull(&bus, 500);
    let names = |messages: &[Incoming]| messages.iter().map(|one| one.message_id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(names(&again), names(&first[1_000..]));
    let ids: Vec<String> = again.into_iter().map(|message| message.ack_id).collect();
    bus.acknowledge(SUBSCRIPTION, &ids).expect("acknowledged");
    // What ends acknowledges, what was pulled by nobody goes back.
    bus.publish(TOPIC, vec![keyed(1, "k"), keyed(2, "k"), keyed(3, "k")]).expect("published in order");
    let last: Vec<String> = pull(&bus, 3).iter().filter_map(|one| one.attribute("number").map(str::to_owned)).collect();
    assert_eq!(last, ["1", "2", "3"]);
}

#[test]
fn failures_are_told_apart() {
    let bus = Gcp::connect(Some(&broker().to_string())).expect("clients");
    let kind = |failed: BusResult<()>| failed.map_err(|error| (error.kind, error.message)).expect_err("no such thing");
    let (unknown, said) = kind(bus.publish(TOPIC, vec![keyed(1, "")]));
    assert_eq!((unknown, said.contains(TOPIC)), (BusErrorKind::NotFound, true), "{said}");
    let (unknown, said) = kind(bus.pull(SUBSCRIPTION, 10, Duration::from_secs(5)).map(drop));
    assert_eq!((unknown, said.contains(SUBSCRIPTION)), (BusErrorKind::NotFound, true), "{said}");
    let (refused, said) = kind(bus.ensure("projects/p/topics/1x", None));
    assert_eq!(refused, BusErrorKind::Refused, "{said}");
    let away = Gcp::connect(Some("127.0.0.1:1")).expect("clients");
    let (unavailable, said) = kind(away.ensure(TOPIC, None));
    assert_eq!((unavailable, said.contains("127.0.0.1:1")), (BusErrorKind::Unavailable, true), "{said}");
}
