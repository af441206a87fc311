//! BigQuery in the cloud, against servers of our own on loopback: what is sent, what is done when things go wrong.

#[cfg(feature = "failpoints")]
mod landing;
mod login;
mod server;
#[cfg(feature = "failpoints")]
mod storage;

use super::program::Project;
use serde_json::{Value as Json, json};
use server::{Asked, Reply, Server, State, error};
use std::time::{Duration, Instant};

/// A project with one target on a server.
pub fn project(server: &Server, settings: &str, files: &[(&str, &str)]) -> Project {
    let project = Project::duckdb(files);
    project.write("profiles.yml", &profile(server, settings));
    project
}

pub fn profile(server: &Server, settings: &str) -> String {
    format!(
        "shop:\n  target: dev\n  outputs:\n    dev: {{type: bigquery, project: lab, dataset: shop, location: EU, threads: 1, api_endpoint: '{}', {settings}}}\n",
        server.url()
    )
}

const TOKEN: &str = "method: oauth-secrets, token: very-secret-token";

/// The statement or load of a job, its settings without what changes from run to run.
fn shown(job: &Json) -> String {
    let mut configuration = job["configuration"].clone();
    if let Some(labels) = configuration.get_mut("labels").and_then(Json::as_object_mut) {
        labels.remove("dbt_invocation_id");
    }
    let query = configuration["query"]["query"].as_str().unwrap_or_default().to_owned();
    if !query.is_empty() {
        configuration["query"]["query"] = Json::from("(below)");
    }
    let lines: Vec<&str> = query.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    format!("{configuration}\n{}\n", lines.join("\n"))
}

#[test]
fn models_of_bigquery_ml_as_the_jobs_that_are_sent() {
    let server = Server::start(|_, _| None);
    let project = Project::live_shopping();
    let text = profile(&server, TOKEN).replace("shop:\n  target: dev", "live_shopping:\n  target: dev");
    project.write("profiles.yml", &text);
    project
        .run(&[
            "run",
            "-s",
            "train_customer_segments",
            "customer_segments_scored",
            "segment_evaluation",
            "train_conversion",
        ])
        .ok();
    let jobs: Vec<String> = server.jobs().iter().map(shown).collect();
    insta::assert_snapshot!(jobs.join("\n"));
}

#[test]
fn every_kind_of_model_as_the_jobs_that_are_sent() {
    let server = Server::start(|asked, state| {
        if let Some(job) = asked.path.split("/queries/").nth(1).and_then(|rest| state.jobs.get(rest.split('?').next()?))
        {
            let partitions = job.to_string().contains("as partition_id");
            let rows = json!({"jobComplete": true, "totalRows": "1", "rows": [{"f": [{"v": "20260101"}]}],
                "schema": {"fields": [{"name": "partition_id", "type": "STRING"}]}});
            return partitions.then_some(Reply::Json(200, rows));
        }
        if asked.method == "PATCH" {
            return Some(Reply::Json(200, json!({})));
        }
        // These are there already.
        let name = ["grown", "slices", "moved", "copied"]
            .into_iter()
            .find(|name| asked.path.ends_with(&format!("/tables/{name}")))?;
        Some(Reply::Json(
            200,
            json!({
            "tableReference": {"projectId": "lab", "datasetId": "shop", "tableId": name}, "type": "TABLE",
            "timePartitioning": {"type": "DAY", "field": "day"}, "clustering": {"fields": ["id"]},
            "schema": {"fields": [{"name": "id", "type": "INTEGER"}, {"name": "day", "type": "DATE"}]}}),
        ))
    });
    let select = "select 1 as id, date '2026-01-01' as day";
    let partition = "partition_by={'field': 'day', 'data_type': 'date'}, cluster_by='id'";
    let files = [
        ("models/a_table.sql", format!("{{{{ config(materialized='table', {partition}, labels={{'team': 'shop'}}, require_partition_filter=true, partition_expiration_days=7, kms_key_name='k') }}}} {select}")),
        ("models/a_view.sql", format!("{{{{ config(materialized='view', hours_to_expiration=4) }}}} {select}")),
        ("models/grown.sql", format!("{{{{ config(materialized='incremental', unique_key='id') }}}} {select}")),
        ("models/slices.sql", format!("{{{{ config(materialized='incremental', incremental_strategy='insert_overwrite', {partition}) }}}} {select}")),
        ("models/moved.sql", format!("{{{{ config(materialized='incremental', incremental_strategy='insert_overwrite', {partition}, partitions=[\"date '2026-01-01'\"]) }}}} {select}")),
        ("models/copied.sql", format!("{{{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by={{'field': 'day', 'data_type': 'date', 'copy_partitions': true}}) }}}} {select}")),
        ("models/seen.sql", format!("{{{{ config(materialized='materialized_view', enable_refresh=true, refresh_interval_minutes=30) }}}} {select}")),
        ("models/twin.sql", "{{ config(materialized='copy') }} {{ ref('a_table') }}".to_owned()),
        ("seeds/codes.csv", "id,name\n1,one\n2,\n".to_owned()),
        ("models/shop.yml", "models:\n  - {name: a_table, description: 'A \"table\"', config: {persist_docs: {relation: true}, grants: {roles/bigquery.dataViewer: ['user:a@lab.example']}}}\n  - {name: grown, config: {persist_docs: {columns: true}}, columns: [{name: id, description: 'The id', policy_tags: [tag-1]}]}\nseeds:\n  - {name: codes, config: {column_types: {name: 'string(10)'}}}\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let settings =
        format!("{TOKEN}, maximum_bytes_billed: 1000000000, priority: batch, job_execution_timeout_seconds: 600");
    let project = project(&server, &settings, &files);
    project.write(
        "dbt_project.yml",
        "name: shop\nversion: '1.0'\nprofile: shop\nquery-comment: {comment: '{{ node.name }}', job-label: true}\n",
    );
    project.run(&["build"]).ok();
    let jobs: Vec<String> = server.jobs().iter().map(shown).collect();
    insta::assert_snapshot!(jobs.join("\n"));
    let patch = server.asked().into_iter().find(|asked| asked.method == "PATCH").expect("columns are described");
    assert_eq!(
        patch.json()["schema"]["fields"][0],
        json!({"name": "id", "type": "INTEGER", "description": "The id", "policyTags": {"names": ["tag-1"]}})
    );
    let upload = server.asked().into_iter().find(|asked| asked.path.starts_with("/upload/")).expect("an upload");
    assert!(upload.body.contains("{\"id\":\"1\",\"name\":\"one\"}\n{\"id\":\"2\"}\n"), "{}", upload.body);
}

#[test]
fn what_a_job_cost_is_told_and_written_down() {
    let server = Server::start(|_, _| None);
    let project = project(&server, TOKEN, &[("models/a.sql", "{{ config(materialized='table') }} select 1 as x")]);
    project.run(&["run"]).ok().says("1.0 MiB processed");
    let response = &project.json("target/run_results.json")["results"][0]["adapter_response"];
    assert_eq!(
        (&response["bytes_processed"], &response["bytes_billed"], &response["slot_ms"]),
        (&json!(1048576), &json!(10485760), &json!(12))
    );
    assert!(response["job_link"].as_str().is_some_and(|link| link.contains("j=bq:EU:rsdbt_")), "{response}");
}

#[test]
fn a_dry_run_runs_nothing_and_a_limit_stops_before_the_start() {
    let server = Server::start(|_, _| None);
    let files = [("models/a.sql", "select 1 as x"), ("models/b.sql", "select * from {{ ref('a') }}")];
    let project = project(&server, TOKEN, &files);
    project.run(&["build", "--dry-run"]).ok().says("1.0 MiB").says("not known before a is built");
    project.run(&["build", "--max-bytes", "1000"]).fails(2).says("1.0 MiB").says("nothing was run");
    let dry = |job: &Json| job["configuration"]["dryRun"] == true;
    assert!(server.jobs().iter().all(dry), "{:?}", server.jobs());
    project.run(&["build", "--max-bytes", "2MB"]).ok();
    assert!(!server.jobs().iter().all(dry));
}

/// Answers the n-th request with `replies[n]`, then obligingly.
fn first(replies: impl Fn(usize) -> Option<Reply> + Send + Sync + 'static) -> Server {
    Server::start(move |_, state: &mut State| {
        state.count += 1;
        replies(state.count)
    })
}

#[test]
fn what_passes_by_itself_is_tried_again() {
    let server = first(|n| match n {
        1 => Some(Reply::Text(503, "<html>busy</html>".into())),
        2 => Some(error(429, "rateLimitExceeded", "slow down")),
        3 => Some(Reply::Nothing),
        4 => Some(Reply::CutOff(json!({"datasets": []}))),
        5 => Some(error(403, "rateLimitExceeded", "slow down")),
        _ => None,
    });
    let project = project(&server, TOKEN, &[("models/a.sql", "select 1 as x")]);
    project.run(&["run"]).ok();
}

#[test]
fn a_job_whose_answer_was_lost_runs_once() {
    // The job arrives, the answer does not: twice the connection is dropped after the insert.
    let server = Server::start(|asked: &Asked, state: &mut State| {
        let is_insert = asked.method == "POST"
            && asked.path.ends_with("/jobs")
            && asked.job()["configuration"]["query"]["query"]
                .as_str()
                .is_some_and(|sql| sql.contains("create or replace"));
        if !is_insert || state.count >= 2 {
            return None;
        }
        state.count += 1;
        let _ = server::bigquery(asked, state);
        Some(Reply::Nothing)
    });
    let project = project(&server, TOKEN, &[("models/a.sql", "{{ config(materialized='table') }} select 1 as x")]);
    project.run(&["run"]).ok();
    let jobs: Vec<Json> =
        server.jobs().into_iter().filter(|job| job.to_string().contains("create or replace")).collect();
    assert_eq!(jobs.len(), 1, "one id for all attempts: {jobs:?}");
}

#[test]
fn a_job_that_failed_for_a_passing_reason_gets_a_new_id() {
    let server = Server::start(|asked: &Asked, state: &mut State| {
        let is_table = asked.method == "POST" && asked.body.contains("create or replace");
        if !is_table || state.count > 0 {
            return None;
        }
        state.count += 1;
        let mut job = asked.job();
        job["status"] = json!({"state": "DONE", "errorResult": {"reason": "jobBackendError", "message": "try again"}});
        Some(Reply::Json(200, job))
    });
    let project = project(&server, TOKEN, &[("models/a.sql", "{{ config(materialized='table') }} select 1 as x")]);
    project.run(&["run"]).ok();
    let jobs = server.jobs().into_iter().filter(|job| job.to_string().contains("create or replace"));
    let ids: std::collections::BTreeSet<String> = jobs.map(|job| job["jobReference"]["jobId"].to_string()).collect();
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_refused_query_shows_its_place_and_its_job() {
    let server = Server::start(|asked: &Asked, _| {
        if !asked.body.contains("create or replace") {
            return None;
        }
        let mut job = asked.job();
        let sql = job["configuration"]["query"]["query"].as_str().unwrap_or_default().to_owned();
        let (line, text) = sql.lines().enumerate().find(|(_, line)| line.contains("nope")).expect("the query");
        let column = text.find("nope").expect("the name") + 1;
        let message = format!("Unrecognized name: nope at [{}:{column}]", line + 1);
        job["status"] = json!({"state": "DONE", "errorResult": {"reason": "invalidQuery", "message": message}});
        Some(Reply::Json(200, job))
    });
    let project =
        project(&server, TOKEN, &[("models/a.sql", "{{ config(materialized='table') }}\nselect nope\nfrom x")]);
    project.run(&["run"]).fails(1).says("Unrecognized name: nope").says("a.sql:1:8").says("console.cloud.google.com");
}

#[test]
fn ctrl_c_cancels_the_job_on_the_server() {
    let server = Server::start(|asked: &Asked, state: &mut State| {
        if asked.path.contains("/cancel") {
            return Some(Reply::Json(200, json!({})));
        }
        if asked.method == "POST" && asked.body.contains("create or replace") {
            let mut job = asked.job();
            job["status"] = json!({"state": "RUNNING"});
            state.jobs.insert(job["jobReference"]["jobId"].as_str().unwrap_or_default().to_owned(), job.clone());
            return Some(Reply::Json(200, job));
        }
        None
    });
    let project = project(&server, TOKEN, &[("models/a.sql", "{{ config(materialized='table') }} select 1 as x")]);
    let mut child = project.command(&["run"]).stdout(std::process::Stdio::null()).spawn().expect("runs");
    let begun = Instant::now();
    while !server.asked().iter().any(|asked| asked.body.contains("create or replace")) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the job was not sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(kill.success());
    assert_eq!(child.wait().expect("ends").code(), Some(1));
    assert!(server.asked().iter().any(|asked| asked.method == "POST" && asked.path.contains("/cancel")));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let server = Server::start(|_, _| Some(Reply::Nothing));
    let project =
        project(&server, &format!("{TOKEN}, job_retry_deadline_seconds: 1"), &[("models/a.sql", "select 1 as x")]);
    project.run(&["run"]).fails(2).says("no answer from BigQuery").says("api_endpoint");
}

#[test]
fn a_job_of_which_nothing_is_heard_is_given_up_and_not_run_again() {
    // Inserts arrive and are never answered, until the deadline.
    let server = Server::start(|asked: &Asked, _| {
        let is_insert = asked.method == "POST" && asked.body.contains("create or replace");
        is_insert.then_some(Reply::Nothing)
    });
    let settings = format!("{TOKEN}, job_retry_deadline_seconds: 1, job_retries: 3");
    let project = project(&server, &settings, &[("models/a.sql", "{{ config(materialized='table') }} select 1 as x")]);
    project.run(&["run"]).fails(1).says("no answer from BigQuery").says("j=bq:EU:rsdbt_");
    let sent = server.jobs().into_iter().filter(|job| job.to_string().contains("create or replace"));
    assert_eq!(sent.count(), 1, "another id would run it twice");
    assert!(server.asked().iter().any(|asked| asked.path.contains("/cancel")), "and it is cancelled, if it is there");
}
