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
    let expected = json!([[1, "Ann"], [2, "Bea"], [2, "Bob"], [3, "Cy"]]);
    assert_eq!(twice(&duckdb), expected);
    assert_eq!(twice(&bigquery), expected);
}

#[test]
fn merge_and_delete_insert_replace_by_key() {
    for name in ["merge", "delete+insert"] {
        let (duckdb, bigquery) = strategy(name, ", unique_key='id'");
        let expected = json!([[1, "Ann"], [2, "Bea"], [3, "Cy"]]);
        assert_eq!(twice(&duckdb), expected, "{name} on duckdb");
        assert_eq!(twice(&bigquery), expected, "{name} on bigquery");
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
