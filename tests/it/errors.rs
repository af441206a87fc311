//! Bad input: each fixture is a project with one mistake; the message names the place, and nothing is written.

use crate::program::Project;
use std::process::Stdio;

/// (fixture, command, exit code, what the message must say)
const CASES: &[(&str, &[&str], i32, &[&str])] = &[
    ("err_yaml", &["run"], 2, &["RS0003", "models/models.yml:3"]),
    ("err_ref", &["run"], 2, &["RS0102", "models/a.sql:2", "did you mean 'orders'?"]),
    ("err_source", &["run"], 2, &["RS0103", "models/a.sql:1", "did you mean 'raw.events'?"]),
    ("err_cycle", &["run"], 2, &["RS0104", "model.shop.a --> model.shop.b --> model.shop.a"]),
    ("err_jinja", &["run"], 2, &["RS0101", "models/a.sql:2"]),
    ("err_test", &["test"], 2, &["RS0101", "models/models.yml:5", "did you mean 'not_null'?"]),
    ("err_column", &["build"], 1, &["RS0301", "missing_column", "models/a.sql:2"]),
    ("err_csv", &["seed"], 1, &["RS0201", "people.csv:3", "this row has 3 fields, the header has 2"]),
    ("err_packages", &["run"], 2, &["RS0003", "packages.yml"]),
    ("err_profile", &["run"], 2, &["RS0002", "profiles.yml"]),
    ("err_source_file", &["build"], 2, &["RS0202", "models/raw.yml:4", "data/orders.csv, row 2", "x2 is no"]),
    ("err_unsupported", &["run"], 1, &["not supported by `method: local`", "models/a.sql:2"]),
];

#[test]
fn every_mistake_is_told_with_its_place() {
    for (fixture, arguments, code, texts) in CASES {
        let project = Project::fixture(fixture);
        let mut ran = project.run(arguments).fails(*code);
        for text in *texts {
            ran = ran.says(text);
        }
    }
}

#[test]
fn a_malformed_seed_leaves_the_old_table() {
    let project = Project::bigquery(&[("seeds/people.csv", "id,name\n1,Ann\n")]);
    project.run(&["seed"]).ok();
    project.write("seeds/people.csv", "id,name\n2,Bob\n3\n");
    project.run(&["seed"]).fails(1);
    assert_eq!(project.query("select id from shop.people"), [[serde_json::json!(1)]]);
}

#[test]
fn a_failing_model_leaves_the_old_table() {
    let project = Project::bigquery(&[("models/a.sql", "{{ config(materialized='table') }} select 1 as x")]);
    project.run(&["run"]).ok();
    project
        .write("models/a.sql", "{{ config(materialized='table') }} select 2 as x union all select cast('a' as int64)");
    project.run(&["run"]).fails(1);
    assert_eq!(project.query("select x from shop.a"), [[serde_json::json!(1)]]);
    // A view in the way of a table is replaced in one step, too.
    project.write("models/a.sql", "{{ config(materialized='view') }} select 3 as x");
    project.run(&["run"]).ok();
    project.write("models/a.sql", "{{ config(materialized='table') }} select cast('a' as int64) as x");
    project.run(&["run"]).fails(1);
    assert_eq!(project.query("select x from shop.a"), [[serde_json::json!(3)]]);
}

#[test]
fn a_locked_file_is_told_and_nothing_is_written() {
    let project = Project::bigquery(&[("models/a.sql", "select 1 as x")]);
    project.run(&["run"]).ok();
    // The test's own process holds the file.
    let holder =
        rsdbt_warehouse::duckdb::Database::open(Some(&project.root().join("warehouse.duckdb"))).expect("opens");
    project.run(&["run"]).fails(2).says("RS0302").says("lock");
    drop(holder);
    project.run(&["run"]).ok();
}

#[test]
fn kill_in_the_middle_leaves_no_half_table() {
    let project = Project::bigquery(&[
        ("models/a.sql", "{{ config(materialized='table') }} select 1 as x"),
        ("models/b.sql", "{{ config(materialized='table') }} select x from {{ ref('a') }}"),
    ]);
    project.run(&["run"]).ok();
    let slow =
        "{{ config(materialized='table') }} select a as x from unnest(generate_array(1, 3000000)) a order by rand()";
    project.write("models/a.sql", slow);
    for delay in [30, 80, 160, 320] {
        let mut child = project.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
        std::thread::sleep(std::time::Duration::from_millis(delay));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let count = project.query("select count(*) from shop.a")[0][0].as_i64().expect("a count");
        assert!(count == 1 || count == 3_000_000, "a half table with {count} rows");
    }
    project.write("models/a.sql", "{{ config(materialized='table') }} select 5 as x");
    project.run(&["run"]).ok();
    assert_eq!(project.query("select x from shop.b"), [[serde_json::json!(5)]]);
    let left =
        project.query("select table_name from shop.INFORMATION_SCHEMA.TABLES where table_name not in ('a', 'b')");
    assert!(left.is_empty(), "left behind: {left:?}");
}
