//! `state:` selection, deferral and what goes with them: against our own manifest, and against one that dbt wrote.

use crate::program::Project;

const MODEL: &str = "{{ config(tags=['daily']) }}\nselect {{ twice('id') }} as two from {{ ref('people') }}\n";

fn shop() -> Project {
    let project = Project::duckdb(&[
        ("seeds/people.csv", "id,name\n1,Ann\n2,Bob\n"),
        (
            "macros/twice.sql",
            "{% macro once(x) %}{{ x }}{% endmacro %}\n{% macro twice(x) %}{{ once(x) }} + {{ x }}{% endmacro %}\n",
        ),
        ("models/clean.sql", MODEL),
        ("models/final.sql", "select * from {{ ref('clean') }}\n"),
        (
            "models/models.yml",
            "models:\n  - name: clean\n    columns:\n      - name: two\n        data_tests: [not_null]\n  - name: final\n    description: The end.\n",
        ),
    ]);
    project.run(&["parse"]).ok();
    project.write("before/manifest.json", &project.read("target/manifest.json"));
    project
}

/// What `ls` of a `state:` selection prints, in one line.
#[track_caller]
fn listed(project: &Project, selection: &str) -> String {
    let ran = project.run(&["ls", "-s", selection, "--state", "before", "--output", "name"]).ok();
    ran.out.lines().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_change_selects_what_it_changes() {
    let project = shop();
    assert_eq!(listed(&project, "state:modified"), "");
    assert_eq!(listed(&project, "state:new"), "");
    // White space around a file is no change, nor is another schema.
    project.write("models/clean.sql", &format!("\n{MODEL}\n\n"));
    project.write(
        "profiles.yml",
        "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: other.duckdb, schema: ci}\n",
    );
    assert_eq!(listed(&project, "state:modified"), "");
    project.write("models/clean.sql", &MODEL.replace("as two", "as two, 1 as one"));
    assert_eq!(listed(&project, "state:modified"), "clean not_null_clean_two");
    assert_eq!(listed(&project, "state:modified.body+"), "clean final not_null_clean_two");
    assert_eq!(listed(&project, "state:modified.configs"), "");
    project.write("models/clean.sql", &MODEL.replace("tags=", "materialized='table', tags="));
    assert_eq!(listed(&project, "state:modified.configs"), "clean not_null_clean_two");
    // Tags say for whom, not what.
    project.write("models/clean.sql", &MODEL.replace("daily", "weekly"));
    assert_eq!(listed(&project, "state:modified.configs"), "");
    project.write("models/clean.sql", MODEL);
    project.write("models/fresh.sql", "select 1 as id");
    assert_eq!(listed(&project, "state:new"), "fresh");
}

#[test]
fn a_macro_changes_what_calls_it_however_deep() {
    let project = shop();
    let macros = project.read("macros/twice.sql");
    project.write("macros/twice.sql", &macros.replace("once(x) %}{{ x }}", "once(x) %}({{ x }})"));
    assert_eq!(listed(&project, "state:modified.macros"), "clean not_null_clean_two");
    assert_eq!(listed(&project, "state:modified"), "clean not_null_clean_two");
    assert_eq!(listed(&project, "state:modified.body"), "");
}

#[test]
fn yaml_and_seeds_change_nodes() {
    let project = shop();
    project.write("seeds/people.csv", "id,name\n1,Ann\n2,Bob\n3,Cid\n");
    assert_eq!(listed(&project, "state:modified,resource_type:seed"), "people");
    project.write("seeds/people.csv", "id,name\n1,Ann\n2,Bob\n");
    let yaml = project.read("models/models.yml");
    project.write("models/models.yml", &yaml.replace("The end.", "The very end."));
    assert_eq!(listed(&project, "state:modified"), "");
    project.write("models/models.yml", &yaml.replace("[not_null]", "[not_null: {config: {severity: warn}}]"));
    assert_eq!(listed(&project, "state:modified"), "not_null_clean_two");
}

#[test]
fn states_that_are_none_are_told() {
    let project = shop();
    project.run(&["ls", "-s", "state:modified"]).fails(2).says("no comparison manifest").says("--state");
    project.run(&["ls", "-s", "state:modifed", "--state", "before"]).fails(2).says("did you mean 'state:modified'?");
    project.run(&["ls", "-s", "state:new", "--state", "nowhere"]).fails(2).says("nowhere/manifest.json cannot be read");
    project.run(&["run", "--defer"]).fails(2).says("--defer needs");
}

#[test]
fn what_is_not_built_here_is_read_there() {
    let project = shop();
    let profile = |schema: &str| {
        format!(
            "shop:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: warehouse.duckdb, schema: {schema}}}\n"
        )
    };
    project.write("profiles.yml", &profile("prod"));
    project.run(&["build"]).ok();
    project.write("before/manifest.json", &project.read("target/manifest.json"));
    project.write("profiles.yml", &profile("ci"));
    project.run(&["run", "-s", "final"]).fails(1);
    project.run(&["run", "-s", "final", "--defer", "--state", "before"]).ok();
    assert!(project.read("target/compiled/shop/models/final.sql").contains("\"prod\".\"clean\""));
    project.run(&["run", "-s", "clean", "--defer", "--state", "before"]).ok();
    project.run(&["run", "-s", "final", "--defer", "--state", "before"]).ok();
    assert!(project.read("target/compiled/shop/models/final.sql").contains("\"ci\".\"clean\""));
    project.run(&["run", "-s", "final", "--defer", "--favor-state", "--defer-state", "before"]).ok();
    assert!(project.read("target/compiled/shop/models/final.sql").contains("\"prod\".\"clean\""));
}

#[test]
fn retry_runs_what_is_not_done() {
    let project = shop();
    project.write("models/clean.sql", "select id, {{ var('column', 'nothing') }} as two from {{ ref('people') }}\n");
    project.run(&["build"]).fails(1);
    let results = project.json("target/run_results.json");
    assert_eq!(results["args"]["which"], "build");
    let again = project.run(&["retry", "--vars", "{column: id}"]).ok();
    // The seed was built; the model failed, its test and the next model were skipped.
    again.says("2 models").says("TOTAL=3");
    project.run(&["retry"]).ok().says("Nothing to do");
    project.run(&["retry", "--state", "nowhere"]).fails(2).says("Could not find previous run");
}

#[test]
fn hooks_are_operations_with_results() {
    let project = shop();
    project.write(
        "dbt_project.yml",
        "name: shop\nversion: '1.0'\nprofile: shop\non-run-start: \"create table if not exists main.log (what varchar)\"\non-run-end: [\"insert into main.log values ('end')\"]\n",
    );
    project.run(&["build"]).ok().says("2 project hooks");
    let results = project.json("target/run_results.json");
    let ids: Vec<&str> =
        results["results"].as_array().expect("results").iter().filter_map(|r| r["unique_id"].as_str()).collect();
    assert_eq!(ids.first().copied(), Some("operation.shop.shop-on-run-start-0"));
    assert_eq!(ids.last().copied(), Some("operation.shop.shop-on-run-end-0"));
    let manifest = project.json("target/manifest.json");
    assert_eq!(manifest["nodes"]["operation.shop.shop-on-run-end-0"]["tags"][0], "on-run-end");
}

#[test]
fn many_tests_store_their_failures_at_once() {
    let columns: Vec<String> = (0..24).map(|n| format!("{n} as c{n}")).collect();
    let tests: Vec<String> = (0..24).map(|n| format!("      - {{name: c{n}, data_tests: [not_null]}}\n")).collect();
    let project = Project::duckdb(&[
        ("models/wide.sql", &format!("select {}", columns.join(", "))),
        ("models/wide.yml", &format!("models:\n  - name: wide\n    columns:\n{}", tests.concat())),
    ]);
    project.run(&["run"]).ok();
    project.run(&["test", "--store-failures", "--threads", "8"]).ok().says("PASS=24");
}

#[test]
fn secrets_are_seen_nowhere() {
    let project = shop();
    project.write("profiles.yml", "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: warehouse.duckdb, schema: \"{{ env_var('DBT_ENV_SECRET_PLACE') }}\"}\n");
    for format in ["default", "json"] {
        let mut command = project.command(&["build", "--log-format", format]);
        let ran = project.finish(command.env("DBT_ENV_SECRET_PLACE", "hush_hush")).ok();
        assert!(!ran.out.contains("hush_hush") && !ran.err.contains("hush_hush"), "{}\n{}", ran.out, ran.err);
        assert!(ran.out.contains("*****"), "{}", ran.out);
    }
    for file in ["manifest.json", "run_results.json", "compiled/shop/models/final.sql"] {
        assert!(!project.read(&format!("target/{file}")).contains("hush_hush"), "{file}");
    }
}
