//! Commands, exit codes and artifacts.

use crate::program::{Project, rsdbt};

fn shop() -> Project {
    Project::duckdb(&[
        ("seeds/people.csv", "id,name\n1,Ann\n2,Bob\n"),
        (
            "models/staging/people_clean.sql",
            "{{ config(tags=['daily']) }}\nselect id, upper(name) as name from {{ ref('people') }}\n",
        ),
        (
            "models/final.sql",
            "{{ config(materialized='table') }}\nselect * from {{ ref('people_clean') }} where id <= {{ var('most', 9) }}\n",
        ),
        (
            "models/models.yml",
            "models:\n  - name: final\n    description: The end.\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n",
        ),
    ])
}

#[test]
fn help_and_version_need_no_project() {
    rsdbt(&["--help"]).ok().says("Exit codes");
    rsdbt(&["-V"]).ok().says("rsdbt 0");
    rsdbt(&["--version"]).ok().says("features: ").says("DuckDB:   v1.5").says("dbt:      1.11");
    rsdbt(&["explain", "RS0104"]).ok().says("circle");
    rsdbt(&["run"]).fails(2).says("dbt_project.yml");
    rsdbt(&["frobnicate"]).fails(2);
}

#[test]
fn shells_complete_and_manuals_are_written() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        rsdbt(&["completions", shell]).ok().says("run-operation").says("full-refresh");
    }
    rsdbt(&["completions", "cmd"]).fails(2).says("possible values");
    let project = shop();
    project.run(&["man", "pages/man1"]).ok().says("manual pages in pages/man1");
    assert!(project.read("pages/man1/rsdbt.1").contains("rsdbt\\-build(1)"));
    assert!(project.read("pages/man1/rsdbt-docs-generate.1").contains("empty\\-catalog"));
    project.run(&["man", "dbt_project.yml/man1"]).fails(2).says("cannot write manual pages");
}

#[test]
fn build_runs_everything_in_order_and_writes_artifacts() {
    let project = shop();
    project.run(&["build"]).ok().says("PASS=5 WARN=0 ERROR=0 SKIP=0");
    let results = project.json("target/run_results.json");
    assert_eq!(results["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/run-results/v6.json");
    let ids: Vec<&str> =
        results["results"].as_array().expect("a list").iter().filter_map(|r| r["unique_id"].as_str()).collect();
    let at = |id: &str| ids.iter().position(|known| *known == id).unwrap_or_else(|| panic!("{id} in {ids:?}"));
    assert!(
        at("seed.shop.people") < at("model.shop.people_clean")
            && at("model.shop.people_clean") < at("model.shop.final")
    );
    let manifest = project.json("target/manifest.json");
    assert_eq!(manifest["metadata"]["dbt_schema_version"], "https://schemas.getdbt.com/dbt/manifest/v12.json");
    assert_eq!(manifest["nodes"]["model.shop.final"]["depends_on"]["nodes"][0], "model.shop.people_clean");
    assert_eq!(manifest["nodes"]["model.shop.final"]["description"], "The end.");
    assert!(project.read("target/compiled/shop/models/final.sql").contains("where id <= 9"));
    assert!(project.exists("target/run/shop/models/final.sql"));
}

#[test]
fn a_failure_skips_what_depends_on_it_and_exits_1() {
    let project = shop();
    project.write("models/staging/people_clean.sql", "select 1/0 as x, nope from {{ ref('people') }}");
    let ran = project.run(&["build"]).fails(1).says("SKIP=3").says("nope");
    assert!(ran.err.contains("people_clean.sql"), "{}", ran.err);
}

#[test]
fn a_failing_test_exits_1_and_a_warning_exits_0() {
    let project = shop();
    project.write("seeds/people.csv", "id,name\n1,Ann\n1,Bob\n");
    project.run(&["build"]).fails(1).says("Got 1 result, configured to fail if != 0");
    project.write("tests/warns.sql", "{{ config(severity='warn') }} select 1");
    project.run(&["test", "-s", "warns"]).ok().says("WARN=1");
    project.run(&["--warn-error", "test", "-s", "warns"]).fails(1);
}

#[test]
fn selection_is_dbts() {
    let project = shop();
    let list = |arguments: &[&str]| {
        let ran = project.run(&[&["ls", "--output", "name"], arguments].concat()).ok();
        ran.out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(list(&["-s", "tag:daily"]), ["people_clean"]);
    assert_eq!(list(&["-s", "+final", "--resource-type", "model"]), ["final", "people_clean"]);
    assert_eq!(list(&["-s", "path:models/staging"]), ["people_clean"]);
    assert_eq!(list(&["-s", "people+1", "--exclude", "resource_type:seed"]), ["people_clean"]);
    assert_eq!(list(&["-s", "final,config.materialized:table", "--indirect-selection", "empty"]), ["final"]);
    project.run(&["ls", "-s", "tagg:daily"]).fails(2).says("did you mean 'tag:'?");
}

#[test]
fn show_compile_and_vars() {
    let project = shop();
    project.run(&["build"]).ok();
    let ran = project.run(&["show", "-s", "final", "--output", "json", "--vars", "{most: 1}"]).ok();
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["show"], serde_json::json!([{"id": 1, "name": "ANN"}]));
    project
        .run(&["compile", "--inline", "select {{ 1 + 1 }} from {{ ref('final') }}"])
        .ok()
        .says("select 2 from \"warehouse\".\"main\".\"final\"");
    project
        .run(&["show", "--inline", "select count(*) as n from {{ ref('final') }}", "--output", "csv"])
        .ok()
        .says("n\n2\n");
    project.run(&["run", "--vars", "most: ["]).fails(2).says("--vars is not a YAML map");
}

#[test]
fn json_log_has_dbts_event_names() {
    let ran = shop().run(&["--log-format", "json", "build"]).ok();
    let events: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for name in ["LogSeedResult", "LogModelResult", "LogTestResult", "NodeFinished"] {
        assert!(events.iter().any(|event| event["info"]["name"] == name), "no {name}");
    }
}

#[test]
fn artifacts_are_equal_but_for_time() {
    let project = shop();
    let manifest = || {
        project.run(&["parse"]).ok();
        let mut json = project.json("target/manifest.json");
        json["metadata"] = serde_json::Value::Null;
        json
    };
    assert_eq!(manifest(), manifest());
}

#[test]
fn docs_generate_clean_and_debug() {
    let project = shop();
    project.run(&["build"]).ok();
    project.run(&["docs", "generate"]).ok();
    let catalog = project.json("target/catalog.json");
    assert_eq!(catalog["nodes"]["model.shop.final"]["columns"]["name"]["type"], "VARCHAR");
    project.run(&["debug"]).ok().says("All checks passed!");
    project.run(&["clean"]).ok();
    assert!(!project.exists("target") && project.exists("models/final.sql"));
}

#[test]
fn sql_reads_a_script_and_prints_the_last_result() {
    let project = Project::bigquery(&[(
        "q.sql",
        "create temp table t as select 1 as a union all select 2; select sum(a) as total from t",
    )]);
    project.run(&["sql", "--file", "q.sql", "--output", "csv"]).ok().says("total\n3");
    project.write("bad.sql", "select\n  frobnicate(1)");
    project.run(&["sql", "--file", "bad.sql"]).fails(1).says("bad.sql:2:3").says("frobnicate");
}

/// Without a database no command may touch libduckdb: a path that leads nowhere must not matter.
#[test]
fn parsing_does_not_load_the_database_library() {
    let project = shop();
    for arguments in [&["--help"][..], &["parse"], &["ls"], &["compile"]] {
        let done = project.command(arguments).env("RSDBT_TRACE_LIBRARY", "1").output().expect("runs");
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{text}");
        assert!(!text.contains("libduckdb loaded"), "{arguments:?} loaded the library");
    }
    let done = project.command(&["seed"]).env("RSDBT_TRACE_LIBRARY", "1").output().expect("runs");
    assert!(String::from_utf8_lossy(&done.stderr).contains("libduckdb loaded"), "the check itself must see a load");
}
