//! Google's own Pub/Sub client behind `--bus gcp`, against our broker (`make test-gcp-pubsub`).

use crate::events::{Running, wait_until};
use crate::program::{Project, Ran};
use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

const BUS: [&str; 4] = ["--bus", "gcp", "--bus-project", "lab"];
#[cfg(feature = "failpoints")]
const EVENTS: [&str; 5] = ["simulate", "--events", "20000", "--duplicates", "0.02"];

struct Lab {
    project: Project,
    port: u16,
}

impl Lab {
    fn new() -> Lab {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        Lab { project: Project::live_shopping(), port: listener.local_addr().expect("an address").port() }
    }

    fn broker(&self) -> Running {
        let port = self.port.to_string();
        let broker =
            Running::start(self.project.command(&["pubsub", "serve", "--port", &port, "--data-dir", "broker"]));
        wait_until("the broker", || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok());
        broker
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.project.command(&[arguments, &BUS].concat());
        command.env("PUBSUB_EMULATOR_HOST", format!("127.0.0.1:{}", self.port));
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.project.finish(&mut self.command(arguments))
    }

    fn delete(&self, resource: &str) {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let request =
            format!("DELETE /v1/{resource} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port);
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

/// Publisher, broker and receiver each die in the middle of their work.
#[cfg(feature = "failpoints")]
#[test]
fn googles_client_loses_and_doubles_nothing() {
    let lab = Lab::new();
    let broker = lab.broker();
    let sending = Running::start(lab.command(&[&EVENTS[..], &["--sink", "pubsub", "--rate", "8000"]].concat()));
    std::thread::sleep(Duration::from_millis(1_200));
    drop(broker);
    let broker = lab.broker();
    let (code, said) = sending.end();
    assert_eq!(code, Some(0), "{said}");
    let mut dying = lab.command(&["ingest", "--batch", "1000"]);
    let died = dying.env("RSDBT_FAILPOINT", "ingest-after-commit:3").output().expect("the binary runs");
    assert_eq!(died.status.code(), None, "{}", String::from_utf8_lossy(&died.stderr));
    let receiving = Running::start(lab.command(&["ingest", "--batch", "500"]));
    std::thread::sleep(Duration::from_millis(1_500));
    drop(broker);
    let broker = lab.broker();
    std::thread::sleep(Duration::from_millis(1_500));
    // SIGKILL.
    drop(receiving);
    let drained = lab.run(&["ingest", "--drain", "--output", "json"]).ok();
    assert!(drained.out.contains("\"delivered\":") && !drained.out.contains("\"delivered\":0,"), "{}", drained.out);
    drop(broker);
    lab.project.run(&[&EVENTS[..], &["--verify"]].concat()).ok().says("lost 0, duplicated 0").says("Verified");
}

#[test]
fn an_exactly_once_subscription_is_acknowledged_with_confirmation() {
    let lab = Lab::new();
    let _broker = lab.broker();
    let body =
        r#"{"topic": "projects/lab/topics/live-events", "enableExactlyOnceDelivery": true, "ackDeadlineSeconds": 10}"#;
    for (resource, body) in
        [("projects/lab/topics/live-events", "{}"), ("projects/lab/subscriptions/live-events-ingest", body)]
    {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", lab.port)).expect("it listens");
        let head = format!(
            "PUT /v1/{resource} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n",
            lab.port
        );
        let rest = format!("Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all((head + &rest).as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    lab.run(&["simulate", "--events", "3000", "--sink", "pubsub"]).ok();
    let ingest = Running::start(lab.command(&["ingest", "--output", "json"]));
    std::thread::sleep(Duration::from_secs(5));
    ingest.terminate();
    let (code, said) = ingest.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\"fresh\":3000"), "{said}");
    // Confirmed means that nothing comes again, deadline or not.
    std::thread::sleep(Duration::from_secs(11));
    let again = Running::start(lab.command(&["ingest", "--output", "json"]));
    std::thread::sleep(Duration::from_secs(3));
    again.terminate();
    let (code, said) = again.end();
    assert_eq!((code, said.contains("\"delivered\":0,")), (Some(0), true), "{said}");
}

#[test]
fn what_google_would_refuse_is_said() {
    let lab = Lab::new();
    // Nobody listens yet.
    let begun = Instant::now();
    let place = format!("127.0.0.1:{}", lab.port);
    lab.run(&["ingest", "--drain"]).fails(2).says("Google Cloud Pub/Sub at").says(&place);
    assert!(begun.elapsed() < Duration::from_secs(40));
    lab.project.run(&["ingest", "--bus", "gcp"]).fails(2).says("--bus-project");
    // No credentials, and nobody who hands them out: without the emulator it would be Google.
    let mut command = lab.project.command(&["ingest", "--bus", "gcp", "--bus-project", "lab"]);
    let command = command.env("HOME", "/nowhere").env("GCE_METADATA_HOST", "127.0.0.1:1");
    lab.project
        .finish(command.env_remove("PUBSUB_EMULATOR_HOST"))
        .fails(2)
        .says("gcloud auth application-default login");
    let broker = lab.broker();
    lab.run(&["simulate", "--sink", "pubsub", "--events", "5", "--topic", "1x"]).fails(2).says("creating the topic");
    // A subscription that goes away is no reason to wait.
    let ingest = Running::start(lab.command(&["ingest"]));
    std::thread::sleep(Duration::from_secs(3));
    lab.delete("projects/lab/subscriptions/live-events-ingest");
    let (code, said) = ingest.end();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("pulling from projects/lab/subscriptions/live-events-ingest"), "{said}");
    drop(broker);
}

#[test]
fn a_broker_that_goes_away_is_waited_for_and_told_of() {
    let lab = Lab::new();
    let broker = lab.broker();
    lab.run(&["simulate", "--events", "500", "--sink", "pubsub"]).ok();
    let ingest = Running::start(lab.command(&["ingest", "--output", "json"]));
    std::thread::sleep(Duration::from_secs(2));
    drop(broker);
    std::thread::sleep(Duration::from_secs(30));
    let broker = lab.broker();
    lab.run(&["simulate", "--events", "700", "--seed", "7", "--sink", "pubsub"]).ok();
    std::thread::sleep(Duration::from_secs(45));
    ingest.terminate();
    let (code, said) = ingest.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing is lost, trying again") && said.contains("\"fresh\":1200"), "{said}");
    drop(broker);
}
