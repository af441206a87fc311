//! Incremental strategies and snapshots, on DuckDB SQL and on BigQuery SQL alike.

use crate::program::Project;
use serde_json::json;

fn strategy(strategy: &str, more: &str) -> (Project, Project) {
    let model = format!(
        "{{{{ config(materialized='incremental', incremental_strategy='{strategy}'{more}) }}}}\nselect id, name, day from {{{{ ref('people') }}}}\n"
    );
    let files =
        [("seeds/people.csv", "id,name,day\n1,Ann,2024-01-01\n2,Bob,2024-01-02\n"), ("models/inc.sql", model.as_str())];
    (Project::duckdb(&files), Project::bigquery(&files))
}

/// Builds twice with other seeds and gives the ids and names that are there then.
fn twice(project: &Project) -> serde_json::Value {
    project.run(&["build"]).ok();
    project.write("seeds/people.csv", "id,name,day\n2,Bea,2024-01-02\n3,Cy,2024-01-03\n");
    project.run(&["build"]).ok();
    project.write(
        "models/look.sql",
        "{{ config(materialized='table') }} select id, name from {{ ref('inc') }} order by id, name",
    );
    project.run(&["run", "-s", "look"]).ok();
    let ran = project
        .run(&[
            "show",
            "--inline",
            "select id, name from {{ ref('inc') }} order by id, name",
            "--limit",
            "-1",
            "--output",
            "json",
        ])
        .ok();
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    json["show"].as_array().expect("rows").iter().map(|row| json!([row["id"], row["name"]])).collect()
}

#[test]
fn append_adds() {
    let (duckdb, bigquery) = strategy("append", "");
    assert_eq!(twice(&duckdb), json!([[1, "Ann"], [2, "Bea"], [2, "Bob"], [3, "Cy"]]));
    // As dbt-bigquery: what would be refused there is refused here.
    bigquery.run(&["build"]).fails(1).says("Expected one of: 'merge', 'insert_overwrite', 'microbatch'");
}

#[test]
fn merge_without_a_key_adds() {
    let (_, bigquery) = strategy("merge", "");
    assert_eq!(twice(&bigquery), json!([[1, "Ann"], [2, "Bea"], [2, "Bob"], [3, "Cy"]]));
}

#[test]
fn merge_and_delete_insert_replace_by_key() {
    let expected = json!([[1, "Ann"], [2, "Bea"], [3, "Cy"]]);
    let key = ", unique_key='id'";
    assert_eq!(twice(&strategy("merge", key).0), expected, "merge on duckdb");
    assert_eq!(twice(&strategy("merge", key).1), expected, "merge on bigquery");
    assert_eq!(twice(&strategy("delete+insert", key).0), expected, "delete+insert on duckdb");
}

#[test]
fn microbatch_builds_slices_of_time() {
    let config =
        ", event_time='day', batch_size='day', begin='2024-01-01', partition_by={'field': 'day', 'data_type': 'date'}";
    let (duckdb, bigquery) = strategy("microbatch", config);
    // As with dbt-bigquery, a batch replaces the partitions of its rows: one without rows replaces none.
    for (project, left) in [(duckdb, "name\nBob"), (bigquery, "name\nAnn\nBob")] {
        project.write("models/people.yml", "seeds:\n  - {name: people, config: {event_time: day}}\n");
        let range =
            |from: &'static str, to: &'static str| ["build", "--event-time-start", from, "--event-time-end", to];
        project.run(&range("2024-01-01", "2024-01-03")).ok().says("2 batches");
        // Bob is changed and Ann is gone, but only the first of January is built again.
        project.write("seeds/people.csv", "id,name,day\n2,Bea,2024-01-02\n3,Cy,2024-01-03\n");
        project.run(&range("2024-01-01", "2024-01-02")).ok().says("1 batch");
        let sql = "select name from {{ ref('inc') }} order by name";
        let ran = project.run(&["show", "--inline", sql, "--output", "csv"]).ok();
        assert_eq!(ran.out.trim(), left);
    }
}

/// Thirty batches on four threads; one of them fails on its first try.
#[test]
fn batches_run_at_once_and_the_failed_ones_again() {
    let rows: Vec<String> = (1..=30).map(|day| format!("{day},2024-01-{day:02}")).collect();
    let seed = format!("id,day\n{}\n", rows.join("\n"));
    for make in [Project::duckdb, Project::bigquery] {
        let config = "materialized='incremental', incremental_strategy='microbatch', unique_key='id', event_time='day', batch_size='day', begin='2024-01-01', partition_by={'field': 'day', 'data_type': 'date'}";
        let model = format!(
            "{{{{ config({config}) }}}}\nselect case when id = {{{{ var('bad', 0) }}}} then cast('no' as {{{{ type_int() }}}}) else id end as id, day from {{{{ ref('days') }}}}"
        );
        let project = make(&[
            ("seeds/days.csv", &seed),
            ("seeds/days.yml", "seeds:\n  - {name: days, config: {event_time: day, column_types: {day: date}}}\n"),
            ("models/inc.sql", &model),
            ("models/after.sql", "select count(*) as n from {{ ref('inc') }}"),
        ]);
        let range = ["--event-time-start", "2024-01-01", "--event-time-end", "2024-01-31", "--threads", "4"];
        let build: Vec<&str> = ["build"].into_iter().chain(range).chain(["--vars", "{bad: 17}"]).collect();
        project.run(&build).fails(1).says("1 of 30 batches failed").says("1 partial success");
        let results = project.json("target/run_results.json");
        let of_inc = |results: &serde_json::Value| {
            let mut all = results["results"].as_array().expect("results").iter();
            all.find(|result| result["unique_id"] == "model.shop.inc").cloned().expect("inc")
        };
        let inc = of_inc(&results);
        assert_eq!(inc["status"], "partial success");
        assert_eq!(inc["batch_results"]["successful"].as_array().map(Vec::len), Some(29));
        let failed = json!([["2024-01-17T00:00:00+00:00", "2024-01-18T00:00:00+00:00"]]);
        assert_eq!(inc["batch_results"]["failed"], failed);
        project.run(&["retry", "--vars", "{bad: 0}"]).ok();
        let inc = of_inc(&project.json("target/run_results.json"));
        assert_eq!(inc["batch_results"]["successful"].as_array().map(Vec::len), Some(30));
        let ran = project.run(&["show", "-s", "after", "--output", "csv"]).ok();
        assert_eq!(ran.out.trim(), "n\n30");
    }
}

#[test]
fn a_clone_shows_what_the_other_environment_has() {
    for make in [Project::duckdb, Project::bigquery] {
        let project = make(&[("models/a.sql", "{{ config(materialized='table') }} select 7 as x")]);
        project.run(&["build", "--target-path", "theirs"]).ok();
        let mine = project
            .read("profiles.yml")
            .replace("dataset: shop", "dataset: mine")
            .replace("threads", "schema: mine, threads");
        project.write(
            "profiles.yml",
            &mine.replace(
                "dataset: mine, path: warehouse.duckdb, schema: mine",
                "dataset: mine, path: warehouse.duckdb",
            ),
        );
        project.run(&["clone", "--state", "theirs"]).ok();
        let ran = project.run(&["show", "--inline", "select x from {{ ref('a') }}", "--output", "csv"]).ok();
        assert_eq!(ran.out.trim(), "x\n7");
    }
}

#[test]
fn insert_overwrite_replaces_partitions() {
    let (_, bigquery) = strategy("insert_overwrite", ", partition_by={'field': 'day', 'data_type': 'date'}");
    assert_eq!(twice(&bigquery), json!([[1, "Ann"], [2, "Bea"], [3, "Cy"]]));
}

#[test]
fn full_refresh_starts_anew() {
    let (duckdb, _) = strategy("append", "");
    duckdb.run(&["build"]).ok();
    duckdb.run(&["build", "--full-refresh"]).ok();
    let ran = duckdb.run(&["show", "--inline", "select count(*) as n from {{ ref('inc') }}", "--output", "csv"]).ok();
    assert_eq!(ran.out.trim(), "n\n2");
}

#[test]
fn a_snapshot_keeps_versions() {
    for make in [Project::duckdb, Project::bigquery] {
        let project = make(&[
            ("seeds/people.csv", "id,name\n1,Ann\n2,Bob\n"),
            (
                "snapshots/history.sql",
                "{% snapshot history %}{{ config(unique_key='id', strategy='check', check_cols=['name'], hard_deletes='invalidate') }}\nselect * from {{ ref('people') }}\n{% endsnapshot %}",
            ),
        ]);
        project.run(&["build"]).ok();
        project.write("seeds/people.csv", "id,name\n1,Anna\n");
        project.run(&["build"]).ok();
        let sql = "select id, name, dbt_valid_to is null as open from {{ ref('history') }} order by id, dbt_valid_from";
        let ran = project.run(&["show", "--inline", sql, "--limit", "-1", "--output", "json"]).ok();
        let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        let expected = json!([
            {"id": 1, "name": "Ann", "open": false}, {"id": 1, "name": "Anna", "open": true}, {"id": 2, "name": "Bob", "open": false}
        ]);
        assert_eq!(json["show"], expected);
    }
}
