//! Events from the simulator to the warehouse, with the troubles of the world in between.

use crate::program::Project;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SEND: [&str; 5] = ["simulate", "--sink", "pubsub", "--events", "5000"];
const VERIFY: [&str; 4] = ["simulate", "--events", "5000", "--verify"];
const DRAIN: [&str; 2] = ["ingest", "--drain"];

/// A process that ends with the test.
pub struct Running(Child);

impl Running {
    pub fn start(mut command: Command) -> Running {
        Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs"))
    }

    #[cfg(feature = "browser")]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn terminate(&self) {
        let done = Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(done.success());
    }

    /// Waits for the end; gives the exit code and what was said.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        self.0.stdout.take().expect("piped").read_to_string(&mut text).expect("text");
        self.0.stderr.take().expect("piped").read_to_string(&mut text).expect("text");
        (self.0.wait().expect("it ends").code(), text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the server at `address` answers who calls it `host`.
fn get(address: &str, host: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("text");
    text
}

#[test]
fn events_are_the_same_bytes_whatever_the_number_of_threads() {
    let project = Project::live_shopping();
    let flaws = ["--late", "0.02", "--duplicates", "0.02", "--malformed", "0.01", "--drift", "0.01"];
    for threads in ["1", "2", "7"] {
        let file = format!("{threads}.ndjson");
        let common = ["simulate", "--events", "30000", "--threads", threads, "--output", &file];
        project.run(&[&common[..], &flaws].concat()).ok();
    }
    let first = project.read("1.ndjson");
    assert!(first.lines().count() > 30_000);
    assert!(first == project.read("2.ndjson") && first == project.read("7.ndjson"));
}

#[test]
fn every_file_sink_holds_every_event() {
    let project = Project::live_shopping();
    let write = |file: &str| project.run(&["simulate", "--events", "3000", "--output", file]).ok();
    write("e.csv");
    assert_eq!(project.read("e.csv").lines().count(), 3_001);
    write("e.ndjson");
    let printed = project.run(&["simulate", "--events", "3000", "--sink", "stdout"]).ok();
    assert!(printed.out == project.read("e.ndjson"));
    write("e.parquet");
    let bytes = rsdbt_sys::read_bytes(&project.root().join("e.parquet")).expect("readable");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1") && bytes.len() > 50_000);
    project.run(&["simulate", "--sink", "csv"]).fails(2).says("needs --output");
    project.run(&["simulate", "--late", "1.5"]).fails(2).says("not a share between 0 and 1");
}

/// What tests do to a build with failpoints must not happen to anybody else.
#[cfg(not(feature = "failpoints"))]
#[test]
fn a_build_for_users_has_no_failpoints() {
    let project = Project::live_shopping();
    project.run(&SEND).ok();
    let mut ingest = project.command(&DRAIN);
    ingest.env("RSDBT_FAILPOINT", "ingest-after-pull:1").env("RSDBT_FAULT", "no-dedupe");
    let ran = project.finish(&mut ingest).ok();
    assert!(!ran.err.contains("RSDBT_FAULT"), "{}", ran.err);
    project.run(&VERIFY).ok().says("lost 0, duplicated 0");
}

#[test]
fn the_http_sink_posts_every_event() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/collect", listener.local_addr().expect("an address"));
    let collector = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
        let mut length = 0;
        let mut line = String::new();
        while reader.read_line(&mut line).expect("a line") > 2 {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("answered");
        String::from_utf8(body).expect("text").lines().count()
    });
    let project = Project::live_shopping();
    project.run(&["simulate", "--events", "500", "--output", &url]).ok();
    assert_eq!(collector.join().expect("no panic"), 500);
    // Nobody listens there any more.
    project.run(&["simulate", "--events", "5", "--output", &url]).fails(2).says("the collector http://");
}

#[test]
fn an_ingest_that_is_told_to_stop_commits_what_it_has() {
    let project = Project::live_shopping();
    project.run(&SEND).ok();
    let ingest = Running::start(project.command(&["ingest", "--output", "json"]));
    std::thread::sleep(Duration::from_secs(3));
    ingest.terminate();
    let (code, said) = ingest.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\"fresh\":5000") && said.contains("what was pulled is committed"), "{said}");
    project.run(&VERIFY).ok().says("lost 0, duplicated 0");
    let ledger = project.query("select sum(delivered), sum(fresh) from live_shopping_raw._ingest_batches");
    assert_eq!(json!(ledger), json!([[5000, 5000]]));
}

#[test]
fn a_locked_warehouse_loses_nothing() {
    let project = Project::live_shopping();
    project.run(&SEND).ok();
    // An ingest on another broker holds the file.
    let holder = Running::start(project.command(&["ingest", "--data-dir", "other"]));
    wait_until("the lock", || project.exists("live_shopping.duckdb"));
    std::thread::sleep(Duration::from_secs(1));
    project.run(&DRAIN).fails(1).says("Conflicting lock").says("RS0302");
    // One that runs on waits for it, and says so.
    let waiting = Running::start(project.command(&["ingest"]));
    std::thread::sleep(Duration::from_millis(1_500));
    holder.terminate();
    assert_eq!(holder.end().0, Some(0));
    std::thread::sleep(Duration::from_secs(4));
    waiting.terminate();
    let (code, said) = waiting.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing is lost, trying again"), "{said}");
    project.run(&VERIFY).ok().says("lost 0, duplicated 0");
}

#[test]
fn a_bus_that_is_not_there_is_said() {
    let project = Project::live_shopping();
    project.run(&["ingest", "--bus", "gcp"]).fails(2).says("--bus gcp needs the project").says("--bus-project");
    #[cfg(not(feature = "gcp-pubsub"))]
    project.run(&["ingest", "--bus", "gcp", "--bus-project", "lab"]).fails(2).says("--features gcp-pubsub");
    project.run(&["ingest", "--bus", "nowhere"]).fails(2).says("'nowhere' is not HOST:PORT");
}

#[cfg(not(feature = "browser"))]
#[test]
fn a_browser_that_is_not_built_in_is_said() {
    Project::live_shopping().run(&["simulate", "--browser", "2"]).fails(2).says("--features browser");
}

#[test]
fn the_brokers_folder_is_one_process_at_a_time() {
    let project = Project::live_shopping();
    let holder = Running::start(project.command(&["ingest"]));
    wait_until("the broker", || project.exists(".pubsub/lock"));
    std::thread::sleep(Duration::from_millis(300));
    project.run(&SEND).fails(2).says("another process has the broker's folder");
    holder.terminate();
    assert_eq!(holder.end().0, Some(0));
}

#[test]
fn a_broker_that_is_away_is_waited_for() {
    let project = Project::live_shopping();
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let address = format!("127.0.0.1:{port}");
    let port = port.to_string();
    let serve = ["pubsub", "serve", "--port", &port, "--data-dir", "broker"];
    let is_up = || std::net::TcpStream::connect(&address).is_ok();
    let with_bus = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.env("PUBSUB_EMULATOR_HOST", &address);
        command
    };
    let nobody = with_bus(&SEND).output().expect("the binary runs");
    assert_eq!(nobody.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains(&format!("the broker {address}")));
    let broker = Running::start(project.command(&serve));
    wait_until("the broker", is_up);
    let topics = |host: &str| get(&address, host, "/v1/projects/lab/topics");
    assert!(topics(&address).starts_with("HTTP/1.1 200"));
    // A page of another site that gave its own name our address.
    assert!(topics(&format!("elsewhere.example:{port}")).starts_with("HTTP/1.1 421"));
    assert!(with_bus(&SEND).status().expect("the binary runs").success());
    let ingest = Running::start(with_bus(&["ingest", "--batch", "200"]));
    std::thread::sleep(Duration::from_millis(1_200));
    // SIGKILL, in the middle of it or not: both must work.
    drop(broker);
    std::thread::sleep(Duration::from_millis(700));
    let broker = Running::start(project.command(&serve));
    wait_until("the broker", is_up);
    std::thread::sleep(Duration::from_secs(5));
    ingest.terminate();
    let (code, said) = ingest.end();
    assert_eq!(code, Some(0), "{said}");
    drop(broker);
    project.run(&[&DRAIN[..], &["--data-dir", "broker"]].concat()).ok();
    project.run(&VERIFY).ok().says("lost 0, duplicated 0");
}

/// A file system of a few megabytes, gone when dropped. `None` where the machine does not let us mount.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: &Path, size: &str) -> Option<SmallDisk> {
        rsdbt_sys::create_folder(path).expect("a folder");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(path).output().ok()?;
        done.status.success().then(|| SmallDisk(path.to_owned()))
    }

    fn grow(&self, size: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{size}")]).arg(&self.0).status();
        assert!(done.expect("mount runs").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_stops_the_broker_and_loses_nothing() {
    let project = Project::live_shopping();
    let Some(disk) = SmallDisk::mount(&project.root().join("small"), "size=1m") else {
        eprintln!("not allowed to mount here: nothing was tested");
        return;
    };
    let send = [&SEND[..], &["--data-dir", "small/broker"]].concat();
    project.run(&send).fails(2).says("No space left");
    disk.grow("size=64m");
    project.run(&send).ok();
    project.run(&[&DRAIN[..], &["--data-dir", "small/broker"]].concat()).ok();
    project.run(&VERIFY).ok().says("lost 0, duplicated 0");
}

#[test]
fn a_damaged_journal_is_refused_and_a_torn_one_is_not() {
    let project = Project::live_shopping();
    project.run(&SEND).ok();
    let path = project.root().join(".pubsub/journal-00000001.log");
    let whole = rsdbt_sys::read_bytes(&path).expect("readable");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0xff;
    rsdbt_sys::write(&path, &damaged).expect("writable");
    project.run(&DRAIN).fails(2).says("is damaged at byte");
    // A record that was being written when the power failed was never confirmed.
    rsdbt_sys::write(&path, [&whole[..], &[9, 0, 0, 0, 1, 2]].concat()).expect("writable");
    project.run(&DRAIN).ok();
    project.run(&VERIFY).ok().says("lost 0, duplicated 0");
}

#[test]
fn past_and_present_join_without_a_gap() {
    let project = Project::live_shopping();
    let live = ["simulate", "--backfill", "2h", "--live", "--rate", "2", "--sink", "stdout", "--days", "1"];
    let mut running = Running::start(project.command(&live));
    // Read all the time: a full pipe would hold the past up, and how far it came by then would depend on the hour.
    let out = running.0.stdout.take().expect("piped");
    let reader = std::thread::spawn(move || -> Vec<serde_json::Value> {
        BufReader::new(out).lines().map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")).collect()
    });
    std::thread::sleep(Duration::from_secs(4));
    running.terminate();
    let events = reader.join().expect("lines of JSON");
    let seqs: Vec<i64> = events.iter().map(|event| event["seq"].as_i64().expect("a number")).collect();
    assert_eq!(seqs, (0..seqs.len() as i64).collect::<Vec<_>>());
    let last = events.last().expect("events")["event_time"].as_str().expect("a time");
    let last = chrono::DateTime::parse_from_rfc3339(last).expect("a time").timestamp();
    let now = rsdbt_sys::now().as_secs() as i64;
    assert!((0..600).contains(&(now - last)), "the last event is of {last}, now is {now}");
}

#[test]
fn live_builds_while_events_arrive() {
    let project = Project::live_shopping();
    let ran = project.run(&["live", "--port", "0", "--builds", "3", "--rate", "0.02", "--every", "1"]).ok();
    let lines: Vec<&str> = ran.out.lines().filter(|line| line.contains("Build ")).collect();
    assert_eq!(lines.len(), 3, "{}\n{}", ran.out, ran.err);
    assert!(!ran.err.contains("error"), "{}", ran.err);
    let twice = project.query("select count(*) - count(distinct event_id) from live_shopping_raw.live_events");
    assert_eq!(json!(twice), json!([[0]]));
}

#[test]
fn live_learns_from_a_short_past() {
    let project = Project::live_shopping();
    project.run(&["live", "--port", "0", "--builds", "1", "--backfill", "5d"]).ok().says("Build 1 done");
    let classes = project.query("select count(distinct churned) from live_shopping.fct_churn_features");
    assert_eq!(json!(classes), json!([[2]]));
}

#[test]
fn live_tells_a_failed_build() {
    let project = Project::live_shopping();
    project.write("models/gold/dashboard_sessions.sql", "select nonsense from {{ ref('fct_sessions') }}");
    let arguments = ["live", "--port", "0", "--rate", "0.02", "--every", "1"];
    let mut live = Running::start(project.command(&arguments));
    let mut out = BufReader::new(live.0.stdout.take().expect("piped"));
    let mut read_until = |word: &str| {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert!(out.read_line(&mut line).expect("a line") > 0, "no {word}");
        }
        line
    };
    let line = read_until("http://");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
    assert!(get(&address, &address, "/").contains("The first build is under way"));
    read_until("Build 1 FAILED");
    let page = get(&address, &address, "/");
    assert!(page.contains("Build 1 failed") && page.contains("nonsense") && page.contains("refresh"), "{page}");
    drop(live);
    project.run(&[&arguments[..], &["--builds", "1"]].concat()).fails(1).says("nonsense");
}

#[test]
fn a_served_dashboard_follows_its_file() {
    let project = Project::live_shopping();
    project.run(&["simulate", "--events", "20000"]).ok();
    project.run(&["seed"]).ok();
    project.run(&["run"]).ok();
    let mut serving =
        Running::start(project.command(&["dashboard", "--serve", "--port", "0", "--generated-at", "then"]));
    let mut out = BufReader::new(serving.0.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("http://") {
        line.clear();
        assert!(out.read_line(&mut line).expect("a line") > 0, "no address");
    }
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned();
    let get = |path: &str| {
        let text = get(&address, &address, path);
        text.split_once("\r\n\r\n").expect("a body").1.to_owned()
    };
    assert!(get("/").contains("<title>Live shopping dashboard</title>"));
    let before = get("/version");
    project.write("target/dashboard.html", "<p>newer");
    wait_until("a newer version", || get("/version") != before);
    assert!(get("/").contains("newer"));
}
