//! `ingest` into BigQuery: what its Storage Write API has in the end, whatever went wrong on the way.

use super::server::{Asked, Reply, Server, State};
use super::storage::{Fault, Storage};
use super::{TOKEN, profile};
use crate::program::{Project, Ran};
use serde_json::json;
use std::collections::BTreeSet;

/// Where the process dies, and at which pass.
const POINTS: [&str; 7] = [
    "sink-before-journal:2",
    "sink-after-journal:2",
    "sink-mid-append:1",
    "sink-mid-append:4",
    "sink-after-append:2",
    "sink-after-confirm:2",
    "ingest-mid-ack:2",
];
const EVENTS: usize = 5_000;
const SEND: [&str; 9] =
    ["simulate", "--sink", "pubsub", "--events", "5000", "--duplicates", "0.05", "--malformed", "0.01"];
const INGEST: [&str; 4] = ["ingest", "--drain", "--batch", "300"];

struct Lab {
    project: Project,
    storage: Storage,
    server: Server,
}

/// The tables API and jobs, with the storage behind the one query that `ingest` asks.
fn rest(storage: &Storage, asked: &Asked, state: &State) -> Option<Reply> {
    let job = state.jobs.get(asked.path.split("/queries/").nth(1)?.split('?').next()?)?;
    let sql = job["configuration"]["query"]["query"].as_str()?;
    let rows = |counts: &[usize]| {
        let cells: Vec<_> = counts.iter().map(|count| json!({"v": count.to_string()})).collect();
        let field = |at| json!({"name": format!("f{at}_"), "type": "INTEGER"});
        let fields: Vec<_> = (0..counts.len()).map(field).collect();
        let reply =
            json!({"jobComplete": true, "totalRows": "1", "rows": [{"f": cells}], "schema": {"fields": fields}});
        Some(Reply::Json(200, reply))
    };
    if sql.contains("latest") {
        return rows(&[0]);
    }
    // `simulate --verify`: rows, places, foreign rows, quarantined rows, places in both.
    if sql.contains("count(distinct seq)") {
        assert!(sql.contains("`lab.live_shopping_raw`.`live_events`"), "{sql}");
        let (events, bad) = (storage.keys("live_events").len(), storage.keys("live_events_quarantine").len());
        return rows(&[events, events, 0, bad, events + bad]);
    }
    let table = if sql.contains("_quarantine`") { "live_events_quarantine" } else { "live_events" };
    let key = sql.rsplit('\'').nth(1)?;
    rows(&[storage.keys(table).iter().filter(|known| *known == key).count()])
}

/// The live-shopping project with one target on the two servers.
fn target(server: &Server, storage: &Storage) -> Project {
    let project = Project::live_shopping();
    let settings = format!("{TOKEN}, storage_endpoint: 'http://127.0.0.1:{}'", storage.port);
    let text = profile(server, &settings).replace("shop:\n  target: dev", "live_shopping:\n  target: dev");
    project.write("profiles.yml", &text);
    project
}

impl Lab {
    fn new(plan: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Lab {
        let storage = Storage::start(plan);
        let behind = storage.clone();
        let server = Server::start(move |asked, state| rest(&behind, asked, state));
        let project = target(&server, &storage);
        project.run(&SEND).ok();
        Lab { project, storage, server }
    }

    fn dies(&self, point: &str, fault: &str) {
        let mut command = self.project.command(&INGEST);
        let output = command.env("RSDBT_FAILPOINT", point).env("RSDBT_FAULT", fault).output().expect("it runs");
        assert_eq!(output.status.code(), None, "{point} was not passed: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn drain(&self, fault: &str) -> Ran {
        self.project.finish(self.project.command(&INGEST).env("RSDBT_FAULT", fault)).ok()
    }

    /// Lost and doubled events.
    fn account(&self) -> (usize, usize) {
        let (events, bad) = (self.storage.keys("live_events"), self.storage.keys("live_events_quarantine"));
        let rows = events.len() + bad.len();
        let distinct = events.iter().chain(&bad).collect::<BTreeSet<_>>().len();
        (EVENTS - distinct, rows - distinct)
    }
}

#[test]
fn no_trouble_loses_or_doubles_an_event_in_bigquery() {
    let faults = [
        Fault::Lose,
        Fault::DieStored,
        Fault::EndStored,
        Fault::Refuse,
        Fault::Forget,
        Fault::Die,
        Fault::Shorten,
        Fault::End,
    ];
    let lab = Lab::new(move |n| if n % 4 == 0 { faults[n / 4 % faults.len()] } else { Fault::None });
    POINTS.iter().for_each(|point| lab.dies(point, ""));
    lab.drain("");
    assert_eq!(lab.account(), (0, 0));
    let verify = ["simulate", "--events", "5000", "--duplicates", "0.05", "--malformed", "0.01", "--verify"];
    lab.project.run(&verify).ok().says("lost 0, duplicated 0").says("Verified");
    assert!(lab.storage.keys("live_events_quarantine").len() > 30);
    assert!(lab.storage.streams() > 3, "streams were lost on the way");
    let state = lab.storage.state();
    assert!(faults.iter().all(|fault| state.met.contains(fault)), "{:?}", state.met);
    assert_eq!(state.authorization, "Bearer very-secret-token");
    assert!(state.routing.contains("=projects%2Flab%2Fdatasets%2Flive_shopping_raw%2Ftables%2F"), "{}", state.routing);
    let made = lab.server.asked().into_iter().find(|asked| asked.method == "POST" && asked.path.ends_with("/tables"));
    let table = made.expect("the table is made").json();
    assert_eq!(table["tableReference"]["tableId"], "live_events");
    assert_eq!(table["schema"]["fields"][0], json!({"name": "event_id", "type": "STRING", "mode": "REQUIRED"}));
    let ledger = lab.project.root().join(".ingest/lab.live_shopping_raw.live_events.duckdb");
    assert!(ledger.exists());
}

#[test]
fn the_test_notices_a_missing_journal() {
    let lab = Lab::new(|_| Fault::None);
    lab.dies("sink-after-append:1", "no-dedupe");
    lab.drain("no-dedupe");
    let (lost, doubled) = lab.account();
    assert!(lost == 0 && doubled > 200, "{lost} lost, {doubled} doubled");
}

#[test]
fn the_test_notices_an_ack_before_the_rows_are_there() {
    let lab = Lab::new(|_| Fault::None);
    lab.dies("sink-before-journal:1", "ack-before-commit");
    lab.drain("ack-before-commit");
    assert!(lab.account().0 > 200);
}

#[test]
fn rows_that_do_not_fit_are_an_error_and_wait_in_the_journal() {
    let lab = Lab::new(|n| if n == 1 { Fault::Reject } else { Fault::None });
    let refused = lab.project.run(&INGEST).fails(1);
    refused.says("field seq has the type STRING").says("compare its schema");
    assert!(lab.storage.keys("live_events").is_empty());
    // Mended on the other side: what was written down goes first.
    lab.drain("");
    assert_eq!(lab.account(), (0, 0));
}

#[test]
fn tables_of_an_older_rsdbt_get_the_new_columns() {
    let storage = Storage::start(|_| Fault::None);
    let server = Server::start(|asked, _| {
        let is_table = asked.method == "GET" && asked.path.ends_with("/tables/live_events");
        let fields = json!({"fields": [{"name": "EVENT_ID", "type": "STRING", "mode": "REQUIRED"}]});
        is_table
            .then(|| Reply::Json(200, json!({"schema": fields})))
            .or_else(|| (asked.method == "PATCH").then(|| Reply::Json(200, json!({}))))
    });
    let project = target(&server, &storage);
    project.run(&["simulate", "--sink", "pubsub", "--events", "50"]).ok();
    project.run(&INGEST).ok();
    let patch = server.asked().into_iter().find(|asked| asked.method == "PATCH").expect("columns are added").json();
    let fields = patch["schema"]["fields"].as_array().expect("fields").clone();
    let names: Vec<&str> = fields.iter().filter_map(|field| field["name"].as_str()).collect();
    assert_eq!((names[0], names.len(), names.contains(&"seq")), ("EVENT_ID", 16, true), "{names:?}");
    assert_eq!(storage.keys("live_events").len(), 50);
    // Nothing is in quarantine, but `--verify` and people look there.
    let made = server.asked().into_iter().filter(|asked| asked.method == "POST" && asked.path.ends_with("/tables"));
    let made: Vec<_> = made.map(|asked| asked.json()["tableReference"]["tableId"].clone()).collect();
    assert_eq!(made, ["live_events_quarantine"]);
}
