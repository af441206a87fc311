//! Processes that die at a chosen step, and what is in the warehouse afterwards: every event once.
//!
//! `RSDBT_CRASH_RUNS` sets the number of crashes (`make test-crash` asks for 200). Events are known by (run, shard, seq):
//! a loss is a gap, so no list of expected events is needed, only how many the producer's manifest counted.

use crate::program::Project;
use serde_json::json;
use std::process::{Child, Command, Stdio};

/// Who dies, where, and how often the step is passed there in a run of `EVENTS`.
const POINTS: &[(Victim, &str, u64)] = &[
    (Victim::Producer, "producer-after-send", 1),
    (Victim::Producer, "broker-before-fsync", 2),
    (Victim::Producer, "broker-after-fsync", 2),
    (Victim::Consumer, "ingest-after-pull", 3),
    (Victim::Consumer, "ingest-mid-append", 3),
    (Victim::Consumer, "ingest-before-commit", 3),
    (Victim::Consumer, "ingest-after-commit", 3),
    (Victim::Consumer, "ingest-mid-ack", 3),
    (Victim::Consumer, "broker-before-fsync", 3),
    (Victim::Consumer, "broker-after-fsync", 3),
];
const EVENTS: &str = "3000";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Victim {
    Producer,
    Consumer,
}

const INGEST: [&str; 4] = ["ingest", "--drain", "--batch", "1000"];

fn simulate(seed: &str) -> Vec<&str> {
    vec![
        "simulate",
        "--sink",
        "pubsub",
        "--events",
        EVENTS,
        "--seed",
        seed,
        "--duplicates",
        "0.05",
        "--malformed",
        "0.01",
    ]
}

/// Runs with an armed failpoint; the process must really die there.
fn dies(project: &Project, arguments: &[&str], point: &str, nth: u64, fault: &str) {
    let mut command = project.command(arguments);
    command.env("RSDBT_FAILPOINT", format!("{point}:{nth}")).env("RSDBT_FAULT", fault);
    let output = command.output().expect("the binary runs");
    assert_eq!(output.status.code(), None, "{point}:{nth} was not passed: {}", String::from_utf8_lossy(&output.stdout));
}

/// One crash and the recovery from it.
fn crash(project: &Project, number: u64, fault: &str, points: &[(Victim, &str, u64)]) {
    let (victim, point, passes) = points[number as usize % points.len()];
    let nth = 1 + number / points.len() as u64 % passes;
    let seed = (1_000 + number).to_string();
    if victim == Victim::Producer {
        dies(project, &simulate(&seed), point, nth, "");
    }
    project.run(&simulate(&seed)).ok();
    if victim == Victim::Consumer {
        dies(project, &INGEST, point, nth, fault);
    }
    let again = project.finish(project.command(&INGEST).env("RSDBT_FAULT", fault)).ok();
    assert_eq!(again.err.contains(&format!("RSDBT_FAULT={fault} is set")), !fault.is_empty(), "{}", again.err);
}

struct Account {
    sent: u64,
    lost: i64,
    duplicated: i64,
}

/// What the manifests say against what the tables hold.
fn account(project: &Project) -> Account {
    let folder = project.root().join("target/simulations");
    let manifests = rsdbt_sys::walk(&folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "json"));
    let sent: u64 = manifests
        .map(|path| {
            let text = rsdbt_sys::read(&path).expect("readable");
            let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            manifest["shards"][0]["events"].as_u64().expect("a count")
        })
        .sum();
    let rows = project.query(
        "with landed as (select run_id, shard, seq from live_shopping_raw.live_events
           union all select run_id, shard, seq from live_shopping_raw.live_events_quarantine)
         select count(*), count(distinct concat(run_id, '/', shard, '/', seq)),
                (select count(*) from live_shopping_raw.live_events) - (select count(distinct event_id) from live_shopping_raw.live_events),
                (select sum(gaps) from (select max(seq) + 1 - count(distinct seq) as gaps from landed group by run_id, shard))
         from landed",
    );
    let number = |at: usize| rows[0][at].as_i64().expect("a count");
    assert!(number(2) <= number(0) - number(1), "an id twice is a place in a run twice");
    assert!(number(3) <= sent as i64 - number(1), "a gap is a loss");
    Account { sent, lost: sent as i64 - number(1), duplicated: number(0) - number(1) }
}

fn runs() -> u64 {
    rsdbt_sys::env_var("RSDBT_CRASH_RUNS").and_then(|text| text.parse().ok()).unwrap_or(POINTS.len() as u64)
}

#[test]
fn no_crash_loses_or_doubles_an_event() {
    let project = Project::live_shopping();
    (0..runs()).for_each(|number| crash(&project, number, "", POINTS));
    let account = account(&project);
    assert_eq!(account.sent, runs() * 3_000);
    assert_eq!((account.lost, account.duplicated), (0, 0));
}

#[test]
fn the_crash_test_notices_an_ack_before_the_commit() {
    let project = Project::live_shopping();
    let points = [(Victim::Consumer, "ingest-before-commit", 1)];
    crash(&project, 0, "ack-before-commit", &points);
    assert!(account(&project).lost > 0);
}

#[test]
fn the_crash_test_notices_missing_de_duplication() {
    let project = Project::live_shopping();
    let points = [(Victim::Consumer, "ingest-after-commit", 1)];
    crash(&project, 0, "no-dedupe", &points);
    assert!(account(&project).duplicated > 0);
}

/// A broker process of its own.
struct Broker {
    process: Child,
    port: u16,
}

impl Broker {
    fn start(project: &Project, port: u16, failpoint: &str) -> Broker {
        let port_text = port.to_string();
        let mut command: Command = project.command(&["pubsub", "serve", "--port", &port_text, "--data-dir", "broker"]);
        let process =
            command.env("RSDBT_FAILPOINT", failpoint).stdout(Stdio::null()).spawn().expect("the broker starts");
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Broker { process, port }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn a_broker_that_dies_takes_nothing_with_it() {
    let project = Project::live_shopping();
    let port = free_port();
    for (number, point) in ["broker-before-fsync:4", "broker-after-fsync:2", "broker-before-fsync:2"].iter().enumerate()
    {
        let mut broker = Broker::start(&project, port, point);
        let seed = number.to_string();
        let mut command = project.command(&simulate(&seed));
        let mut sending = command.env("PUBSUB_EMULATOR_HOST", broker.address()).spawn().expect("the binary runs");
        // It dies in the middle of the publishing, and its successor opens what it left.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while broker.process.try_wait().expect("it can be asked").is_none() {
            assert!(std::time::Instant::now() < until, "{point} was not passed");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        drop(broker);
        let broker = Broker::start(&project, port, "");
        assert!(sending.wait().expect("it ends").success());
        drop(broker);
    }
    // The embedded seat reads the same folder.
    project.run(&[&INGEST[..], &["--data-dir", "broker"]].concat()).ok();
    let account = account(&project);
    assert_eq!((account.sent, account.lost, account.duplicated), (9_000, 0, 0));
}

#[test]
fn the_manifest_agrees_with_the_warehouse_and_says_so_when_it_does_not() {
    let project = Project::live_shopping();
    let flawed = [
        "simulate",
        "--events",
        "4000",
        "--late",
        "0.02",
        "--out-of-order",
        "0.05",
        "--duplicates",
        "0.03",
        "--malformed",
        "0.01",
        "--drift",
        "0.02",
    ];
    let verify = [&flawed[..], &["--verify"]].concat();
    project.run(&[&flawed[..], &["--sink", "pubsub"]].concat()).ok();
    project.run(&verify).fails(2);
    project.run(&INGEST).ok();
    project.run(&verify).ok().says("lost 0, duplicated 0").says("Verified");
    let manifest = rsdbt_sys::walk(&project.root().join("target/simulations")).pop().expect("a manifest");
    let manifest: serde_json::Value =
        serde_json::from_str(&rsdbt_sys::read(&manifest).expect("readable")).expect("JSON");
    let unreadable =
        manifest["malformed"].as_i64().expect("a count") + manifest["renamed_field"].as_i64().expect("a count");
    assert!(unreadable > 40);
    let kept = project.query(
        "select count(*), countif(reason is null or length(raw) = 0) from live_shopping_raw.live_events_quarantine",
    );
    assert_eq!(json!(kept), json!([[unreadable, 0]]));
    project.query("delete from live_shopping_raw.live_events where seq = 77");
    project.run(&verify).fails(1).says("lost 1, duplicated 0");
}
