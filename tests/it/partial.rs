//! Partial parsing: an unchanged project is not parsed again, and nobody can tell but by the clock.

use crate::program::{Project, Ran};
use serde_json::Value as Json;

const UNCHANGED: &str = "Nothing has changed";

fn shop() -> Project {
    Project::duckdb(&[
        ("seeds/people.csv", "id,name\n1,Ann\n2,Bob\n"),
        ("macros/twice.sql", "{% macro twice(x) %}{{ x }} + {{ x }}{% endmacro %}"),
        (
            "models/staging/clean.sql",
            "{{ config(tags=['daily'], meta={'rate': 0.1, 'big': 12345678901}) }}\nselect id, {{ twice('id') }} as two from {{ ref('people') }}",
        ),
        (
            "models/final.sql",
            "{{ config(materialized=env_var('FINAL_KIND', 'table')) }}\nselect * from {{ ref('clean') }} where id <= {{ var('most', 9) }}",
        ),
        (
            "models/models.yml",
            "models:\n  - name: final\n    description: The end.\n    columns:\n      - name: id\n        data_tests: [unique, not_null]\n  - name: clean\n    config: {group: people}\nexposures:\n  - {name: page, type: dashboard, owner: {name: Ann}, depends_on: [ref('final')]}\nunit_tests:\n  - name: doubles\n    model: clean\n    given:\n      - {input: ref('people'), rows: [{id: 2}]}\n    expect: {rows: [{id: 2, two: 4}]}\n",
        ),
        (
            "snapshots/history.yml",
            "snapshots:\n  - name: history\n    relation: ref('final')\n    config: {unique_key: id, strategy: check, check_cols: all, schema: main}\n",
        ),
    ])
}

fn parsed(project: &Project) -> Ran {
    project.run(&["parse"]).ok()
}

#[track_caller]
fn is_unchanged(project: &Project) {
    parsed(project).says(UNCHANGED);
}

/// Exactly one parse sees the change, and the next one none.
#[track_caller]
fn is_seen(project: &Project) {
    let ran = parsed(project);
    assert!(!ran.out.contains(UNCHANGED), "the change was not seen");
    is_unchanged(project);
}

fn manifest(project: &Project) -> Json {
    let mut json = project.json("target/manifest.json");
    json["metadata"] = Json::Null;
    json
}

#[test]
fn an_unchanged_project_gives_the_same() {
    let project = shop();
    parsed(&project);
    let first = manifest(&project);
    is_unchanged(&project);
    assert_eq!(manifest(&project), first);
    for output in ["selector", "json", "path", "name"] {
        for select in ["*", "tag:daily+", "exposure:page", "test_type:unit", "config.materialized:table"] {
            let list = |more: &[&str]| {
                let arguments = [&["ls", "--output", output, "--select", select], more].concat();
                project.run(&arguments).ok().out
            };
            let (again, kept) = (list(&["--no-partial-parse"]), list(&[]));
            assert_eq!(kept, again);
            assert!(!kept.is_empty());
        }
    }
}

#[test]
fn what_was_kept_can_be_run() {
    let project = shop();
    parsed(&project);
    is_unchanged(&project);
    project.run(&["build"]).ok().says("PASS=7 WARN=0 ERROR=0 SKIP=0");
    let fresh = project.run(&["build", "--no-partial-parse"]).ok().says("PASS=7 WARN=0 ERROR=0 SKIP=0");
    assert!(!fresh.out.contains(UNCHANGED));
    project.run(&["show", "--inline", "select {{ twice(2) }} as four"]).ok().says("four");
    project.run(&["docs", "generate"]).ok();
}

#[test]
fn every_change_is_seen() {
    let project = shop();
    parsed(&project);
    let changes = [
        ("models/final.sql", "select * from {{ ref('clean') }}"),
        ("models/other.sql", "select 1 as one"),
        ("macros/twice.sql", "{% macro twice(x) %}2 * {{ x }}{% endmacro %}"),
        ("seeds/people.csv", "id,name\n1,Ann\n2,Bea\n"),
        ("models/more.yml", "models:\n  - name: other\n    description: More.\n"),
        ("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\nmodels: {+tags: [all]}\n"),
    ];
    for (path, text) in changes {
        project.write(path, text);
        is_seen(&project);
    }
    project.write(
        "models/units.yml",
        "unit_tests:\n  - name: filed\n    model: final\n    given:\n      - {input: ref('clean'), format: csv, fixture: rows}\n    expect: {rows: []}\n",
    );
    project.write("tests/fixtures/rows.csv", "id\n1\n");
    is_seen(&project);
    project.write("tests/fixtures/rows.csv", "id\n2\n");
    is_seen(&project);
    rsdbt_sys::remove_file(&project.root().join("models/units.yml")).expect("it is there");
    rsdbt_sys::remove_file(&project.root().join("models/more.yml")).expect("it is there");
    is_seen(&project);
    let vars = project.run(&["parse", "--vars", "{most: 1}"]).ok();
    assert!(!vars.out.contains(UNCHANGED));
    let profiles = project.read("profiles.yml").replace("threads: 2", "threads: 2, schema: elsewhere");
    project.write("profiles.yml", &profiles);
    is_seen(&project);
    assert_eq!(manifest(&project)["nodes"]["model.shop.final"]["schema"], "elsewhere");
}

#[test]
fn the_environment_counts_where_templates_read_it() {
    let project = shop();
    let kind = |value: &str| {
        let ran = project.finish(project.command(&["parse"]).env("FINAL_KIND", value).env("OTHER", value)).ok();
        (manifest(&project)["nodes"]["model.shop.final"]["config"]["materialized"].clone(), ran.out.contains(UNCHANGED))
    };
    assert_eq!(kind("view"), (Json::from("view"), false));
    assert_eq!(kind("view"), (Json::from("view"), true));
    assert_eq!(kind("table"), (Json::from("table"), false));
    assert!(!project.read("target/partial_parse.json").lines().next().expect("a header").contains("\"table\""));
    project.write("models/other.sql", "select '{{ env_var('DBT_ENV_SECRET_X') }}' as x");
    let ran = project.finish(project.command(&["parse"]).env("DBT_ENV_SECRET_X", "hush_hush")).fails(2);
    assert!(ran.err.contains("Secret env vars are allowed only in profiles.yml or packages.yml"), "{}", ran.err);
    rsdbt_sys::remove_file(&project.root().join("models/other.sql")).expect("it is there");
    // The variable is gone.
    let ran = parsed(&project);
    assert!(!ran.out.contains(UNCHANGED));
    is_unchanged(&project);
}

#[test]
fn what_is_never_the_same_is_never_kept() {
    let calls = ["run_started_at", "modules.datetime.datetime.now()", "invocation_id", "invocation_args_dict", "flags"];
    for call in calls {
        let project = shop();
        project.write("models/final.sql", &format!("select '{{{{ {call} }}}}' as x from {{{{ ref('clean') }}}}"));
        for _ in 0..2 {
            let ran = parsed(&project);
            assert!(!ran.out.contains(UNCHANGED), "{call}");
        }
        assert!(!project.exists("target/partial_parse.json"));
    }
    // A flag counts with its value, null too.
    let project = shop();
    project.write("models/final.sql", "select '{{ flags.TARGET_PATH }}' as id from {{ ref('clean') }}");
    parsed(&project);
    is_unchanged(&project);
    let project = shop();
    project.write("models/final.sql", "{{ config(tags=[flags.WHICH]) }} select 1 as id");
    parsed(&project);
    is_unchanged(&project);
    project.run(&["ls", "--select", "tag:list"]).ok().says("final");
    let project = shop();
    project.write("models/final.sql", "select '{{ modules.re.sub('a', 'b', 'a') }}' as id from {{ ref('clean') }}");
    parsed(&project);
    is_unchanged(&project);
}

#[test]
fn warnings_are_repeated() {
    let project = shop();
    project.write("models/odd.yml", "models:\n  - name: nobody\n    description: Not there.\n");
    let (first, second) = (parsed(&project), parsed(&project).says(UNCHANGED));
    assert!(first.err.contains("nobody"), "{}", first.err);
    assert_eq!(first.err, second.err);
    project.run(&["parse", "--warn-error"]).fails(2).says("nobody");
}

#[test]
fn a_damaged_file_is_none() {
    let project = shop();
    parsed(&project);
    for file in ["target/partial_parse.json", "target/partial_manifest.json"] {
        let whole = project.read(file);
        let first = whole.find('\n').expect("two lines");
        let wrong = ["", "{}", &whole[..first + 5], &whole[1..], &whole[..first / 2]];
        for text in wrong {
            project.write(file, text);
            is_seen(&project);
        }
        rsdbt_sys::remove_file(&project.root().join(file)).expect("it is there");
        is_seen(&project);
    }
}
