//! `source freshness`: statuses, exit codes, sources.json.

use crate::program::Project;
use serde_json::Value as Json;

/// Sources over tables that the models `fresh`, `old` and `empty` make.
fn project(make: fn(&[(&str, &str)]) -> Project, now: &str, old: &str) -> Project {
    let fresh = format!("{{{{ config(materialized='table') }}}} select {now} as seen, 1 as id");
    let old = format!("{{{{ config(materialized='table') }}}} select {old} as seen, 1 as id union all select {now}, 2");
    let empty = "{{ config(materialized='table') }} select * from {{ ref('fresh') }} where id > 5";
    let yaml = "
sources:
  - name: raw
    schema: \"{{ target.schema }}\"
    loaded_at_field: seen
    freshness: {warn_after: {count: 1, period: day}, error_after: {count: 9000, period: day}}
    tables:
      - name: fresh
      - name: old
        freshness: {filter: id = 1}
      - name: older
        identifier: old
        freshness: {filter: id = 1, error_after: {count: 48, period: hour}}
      - name: empty
      - name: unwatched
        freshness: null
      - name: asked
        identifier: old
        loaded_at_query: select min(seen) from {{ target.schema }}.old
";
    make(&[
        ("models/fresh.sql", &fresh),
        ("models/old.sql", &old),
        ("models/empty.sql", empty),
        ("models/raw.yml", yaml),
    ])
}

fn statuses(project: &Project, file: &str) -> Vec<(String, String)> {
    let json = project.json(file);
    assert_eq!(json["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/sources/v3.json");
    let text = |value: &Json| value.as_str().expect("a text").to_owned();
    let results = json["results"].as_array().expect("a list");
    let mut found: Vec<(String, String)> =
        results.iter().map(|result| (text(&result["unique_id"]), text(&result["status"]))).collect();
    found.sort();
    found
}

fn check(project: &Project) {
    project.run(&["run"]).ok();
    let ran = project.run(&["source", "freshness"]).fails(1);
    assert!(ran.out.contains("PASS freshness of raw.fresh"), "{}", ran.out);
    assert!(ran.out.contains("WARN freshness of raw.old "), "{}", ran.out);
    assert!(ran.out.contains("ERROR STALE freshness of raw.older"), "{}", ran.out);
    assert!(ran.err.contains("source.shop.raw.empty was last loaded never"), "{}", ran.err);
    let of = |name: &str, status: &str| (format!("source.shop.raw.{name}"), status.to_owned());
    let all = [of("asked", "warn"), of("empty", "error"), of("fresh", "pass"), of("old", "warn"), of("older", "error")];
    assert_eq!(statuses(project, "target/sources.json"), all);
    let results = project.json("target/sources.json")["results"].clone();
    let old = results.as_array().expect("a list").iter().find(|r| r["unique_id"] == "source.shop.raw.old");
    let old = old.expect("it was asked for");
    assert_eq!(old["max_loaded_at"], "2020-01-02T03:04:05.000000Z");
    assert!(old["max_loaded_at_time_ago_in_s"].as_f64().expect("seconds") > 1e8);
    assert_eq!(old["criteria"]["filter"], "id = 1");
    assert_eq!(old["criteria"]["warn_after"]["period"], "day");
    // A warning is no failure; the selection and the file are the caller's.
    project.run(&["source", "freshness", "-s", "source:raw.old", "source:raw.fresh", "-o", "here/out.json"]).ok();
    assert_eq!(statuses(project, "here/out.json"), [of("fresh", "pass"), of("old", "warn")]);
}

#[test]
fn duckdb_sources() {
    check(&project(Project::duckdb, "current_timestamp", "timestamptz '2020-01-02 03:04:05+00'"));
    // Without a zone a time is UTC.
    check(&project(Project::duckdb, "now() at time zone 'UTC'", "timestamp '2020-01-02 03:04:05'"));
}

#[test]
fn bigquery_sources() {
    check(&project(Project::bigquery, "current_timestamp()", "timestamp '2020-01-02 03:04:05+00'"));
}

#[test]
fn what_cannot_be_asked_is_a_runtime_error() {
    let project = Project::duckdb(&[(
        "models/raw.yml",
        "sources:\n  - name: raw\n    freshness: {warn_after: {count: 1, period: day}}\n    tables:\n      - {name: missing, loaded_at_field: at}\n      - {name: fieldless}\n  - name: odd\n    tables:\n      - {name: people, loaded_at_field: id, freshness: {warn_after: {count: 1, period: day}}}\n",
    )]);
    let ran = project.run(&["source", "freshness"]).fails(1);
    for text in ["missing", "no 'loaded_at_field'", "raw.missing (models/raw.yml:5)"] {
        assert!(ran.err.contains(text), "no {text} in {}", ran.err);
    }
    assert!(statuses(&project, "target/sources.json").iter().all(|(_, status)| status == "runtime error"));
    project.write("seeds/people.csv", "id\n1\n");
    project.run(&["seed"]).ok();
    let yaml = project.read("models/raw.yml").replace("name: odd", "name: odd\n    schema: main");
    project.write("models/raw.yml", &yaml);
    let ran = project.run(&["source", "freshness", "-s", "source:odd"]).fails(1);
    assert!(ran.err.contains("Expected a timestamp value"), "{}", ran.err);
    // What is wrong in YAML is found when it is read.
    let wrong = [
        (yaml.replace("period: day}}}", "period: fortnight}}}"), "none of minute, hour, day"),
        (yaml.replace("{warn_after: {count: 1, period: day}}}", "{warn_afer: {count: 1}}}"), "there is no 'warn_afer'"),
        (yaml.replace("{warn_after: {count: 1, period: day}}}", "5}"), "5 is no map"),
        (yaml.replace("loaded_at_field: id", "loaded_at_field: id, loaded_at_query: select 1"), "not both"),
    ];
    for (yaml, message) in wrong {
        project.write("models/raw.yml", &yaml);
        project.run(&["parse"]).fails(2).says(message).says("raw.yml");
    }
    project.write("models/raw.yml", &yaml);
    let settings = project.read("dbt_project.yml");
    project.write("dbt_project.yml", &format!("{settings}sources: {{+freshness: soon}}\n"));
    project.run(&["parse"]).fails(2).says("\"soon\" is no map");
}

/// A project may ask in its own way.
#[test]
fn the_macro_can_be_overridden() {
    let project = project(Project::duckdb, "current_timestamp", "timestamptz '2020-01-02 03:04:05+00'");
    project.write(
        "macros/mine.sql",
        "{% macro collect_freshness(source, loaded_at_field, filter) %}\n{% call statement('mine', fetch_result=true) %}select timestamp '2020-01-01' as max_loaded_at, timestamp '2020-01-01 01:00:00' as snapshotted_at{% endcall %}\n{{ return(load_result('mine')) }}\n{% endmacro %}",
    );
    project.run(&["source", "freshness", "-s", "source:raw.fresh"]).ok().says("PASS");
    let result = &project.json("target/sources.json")["results"][0];
    assert_eq!(result["max_loaded_at_time_ago_in_s"], 3600.0);
}

/// Inner layers go before outer ones, part by part, and null ends what an outer one says.
#[test]
fn rules_and_columns_are_inherited() {
    let project = Project::duckdb(&[
        (
            "models/raw.yml",
            "
sources:
  - name: raw
    loaded_at_query: select max(seen) from {{ source('raw', 'twin') }} where '{{ this.identifier }}' = 'real'
    config: {freshness: {warn_after: {count: 2, period: day}}}
    freshness: {warn_after: {count: 1}, error_after: {count: 9, period: day}, filter: \"id > {{ var('from', 0) }}\"}
    tables:
      - {name: asked, identifier: real}
      - {name: twin, identifier: real, loaded_at_field: seen}
      - {name: deep, identifier: real, loaded_at_field: seen, freshness: {warn_after: {count: 3}}, config: {freshness: {error_after: null}}}
      - {name: bare, loaded_at_query: null}
",
        ),
        // What `source('raw', 'twin')` is not.
        ("models/twin.sql", "{{ config(materialized='table') }} select timestamp '2001-01-01' as seen"),
        ("models/real.sql", "{{ config(materialized='table') }} select now() as seen, 1 as id"),
    ]);
    project.write(
        "dbt_project.yml",
        &format!(
            "{}on-run-end: ['{{{{ log(\"after \" ~ flags.WHICH, info=true) }}}}']\n",
            project.read("dbt_project.yml")
        ),
    );
    let yaml = project.read("models/raw.yml").replace("- name: raw\n", "- name: raw\n    schema: main\n");
    project.write("models/raw.yml", &yaml);
    project.run(&["run"]).ok();
    project.run(&["source", "freshness", "--exclude", "source:raw.bare"]).ok().says("after freshness");
    let results = project.json("target/sources.json")["results"].clone();
    let of = |name: &str| {
        let id = format!("source.shop.raw.{name}");
        let found = results.as_array().expect("a list").iter().find(|result| result["unique_id"] == id.as_str());
        found.expect("asked for").clone()
    };
    for name in ["asked", "twin", "deep"] {
        assert_eq!(of(name)["status"], "pass", "{name}");
        assert_eq!(of(name)["criteria"]["filter"], "id > 0");
    }
    assert_eq!(of("twin")["criteria"]["warn_after"], serde_json::json!({"count": 2, "period": "day"}));
    assert_eq!(of("deep")["criteria"]["warn_after"], serde_json::json!({"count": 3, "period": "day"}));
    assert_eq!(of("deep")["criteria"]["error_after"], Json::Null);
    project.run(&["source", "freshness", "-s", "source:raw.bare"]).fails(1).says("no 'loaded_at_field'");
    let log = project.run(&["--log-format", "json", "source", "freshness", "-s", "source:raw.bare"]).fails(1).out;
    assert!(log.contains("\"status\":\"runtime error\"") && log.contains("\"node_name\":\"bare\""), "{log}");
}

#[test]
fn no_source_with_a_rule_is_nothing_to_do() {
    let project = Project::duckdb(&[("models/one.sql", "select 1 as one")]);
    project.run(&["source", "freshness"]).ok().says("Nothing to do");
}
