//! What is too deep, too long or too large: it works as far as real projects go, and then ends in a message, never in the
//! end of the process.

use crate::program::{Project, Ran, rsdbt};
use std::io::Write;
use std::process::{Command, Stdio};

/// BigQuery SQL without a project.
fn sql(text: &str) -> Ran {
    let project = Project::bigquery(&[]);
    project.write("query.sql", text);
    project.run(&["sql", "--file", "query.sql", "--output", "csv"])
}

#[track_caller]
fn refused(text: &str, words: &str) {
    let ran = sql(text).says(words);
    assert!(ran.code == 1 || ran.code == 2, "{}: {}", ran.code, ran.err);
    assert!(ran.err.len() < 3_000, "{}", ran.err);
}

#[test]
fn long_chains_work() {
    let chain = |part: &str, last: &str| format!("{}{last}", part.repeat(5_000));
    sql(&format!("select {} as a", chain("true and ", "true"))).ok().says("true");
    sql(&format!("select count(*) as n from unnest([1, 2]) as a where {}", chain("a = 7 or ", "a = 1")))
        .ok()
        .says("n\n1");
    sql(&format!("select length({}) as n", chain("'a' || ", "'a'"))).ok().says("n\n5001");
    let arms = " union all select 1".repeat(1_999);
    sql(&format!("select count(*) as n from (select 1 as a{arms})")).ok().says("n\n2000");
    sql(&format!("select 1 as a{}", " union distinct select 1".repeat(1_999))).ok().says("a\n1");
    sql(&format!("select {} as a", vec!["1"; 1_000].join(" + "))).ok().says("a\n1000");
}

#[test]
fn deep_nests_work() {
    sql(&format!("select * from {}select 1 as a{}", "(select * from (".repeat(100), "))".repeat(100)))
        .ok()
        .says("a\n1");
    sql(&format!("{}select 1 as a;{}", "begin ".repeat(300), " end;".repeat(300))).ok().says("a\n1");
    let ctes: Vec<String> = (1..1_000).map(|n| format!("c{n} as (select a + 1 as a from c{})", n - 1)).collect();
    sql(&format!("with c0 as (select 1 as a), {} select a from c999", ctes.join(", "))).ok().says("a\n1000");
}

#[test]
fn what_is_too_deep_is_told_with_its_place() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
    let limit = "build on each other";
    refused(&format!("select {}", deep("(", ")")), limit);
    refused(&format!("select {}", deep("1 + ", "")), limit);
    refused(&format!("select {}", deep("- ", "")), limit);
    refused(&format!("select * from {}", deep("(select * from ", ")")), limit);
    refused(&format!("select 1 from unnest([1]) a {}", "cross join unnest([1]) ".repeat(5_000)), limit);
    refused(&format!("{}select 1;{}", "begin ".repeat(5_000), " end;".repeat(5_000)), "nests deeper than");
    refused(&format!("select {}", deep("case when true then ", " end")), limit);
}

#[test]
fn many_joins_work() {
    let joins: Vec<String> = (1..500).map(|n| format!("join t as t{n} on t{n}.id = t0.id")).collect();
    sql(&format!("create temp table t as select 1 as id; select count(*) as n from t as t0 {}", joins.join(" ")))
        .ok()
        .says("n\n1");
}

#[test]
fn typographic_characters_are_told() {
    refused("select ‘a’", "straight quotes");
    refused("select “a”", "straight quotes");
    refused("select 1 – 2", "hyphen");
    refused("select €", "does not belong here");
    refused("select 🦆", "does not belong here");
    let mut child = Command::new(crate::program::BINARY)
        .arg("sql")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("piped").write_all(b"select r'\\").expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
}

#[test]
fn templates_have_limits() {
    let says = |model: &str, words: &str| {
        let project = Project::bigquery(&[("models/a.sql", model)]);
        let ran = project.run(&["compile"]).says(words);
        assert!(ran.code == 1 || ran.code == 2, "{}: {}", ran.code, ran.err);
    };
    says("select {{ 'a' * 99999999999 }}", "members");
    says(&format!("select {{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000)), "build on each other");
    says(&format!("select {{{{ {}1{} }}}}", "[".repeat(300), "]".repeat(300)), "recursion");
    says(&format!("{}select 1{}", "{% if true %}".repeat(5_000), "{% endif %}".repeat(5_000)), "lie in each other");
    let project =
        Project::bigquery(&[("models/a.sql", "{% set l = [1] %}{% do l.append(l) %}select '''{{ l }}''' as a")]);
    project.run(&["show", "-s", "a"]).ok().says("[1, [...]]");
}

#[test]
fn a_bomb_of_aliases_is_told_with_its_place() {
    let mut bomb = "version: 2\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        bomb += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
    }
    let project = Project::bigquery(&[("models/a.sql", "select 1 as a"), ("models/a.yml", &bomb)]);
    project.run(&["parse"]).fails(2).says("models/a.yml:7").says("values");
}

#[test]
fn a_long_line_of_ephemeral_models_and_a_fixture_of_many_rows() {
    let project = Project::bigquery(&[]);
    project.write("models/m0.sql", "{{ config(materialized='ephemeral') }} select 1 as a");
    for n in 1..1_000 {
        let text =
            format!("{{{{ config(materialized='ephemeral') }}}} select a + 1 as a from {{{{ ref('m{}') }}}}", n - 1);
        project.write(&format!("models/m{n}.sql"), &text);
    }
    project.write("models/last.sql", "select a from {{ ref('m999') }}");
    project.run(&["run"]).ok();
    assert_eq!(project.query("select a from shop.last"), [[serde_json::json!(1000)]]);
}

#[test]
fn a_fixture_of_a_thousand_rows() {
    let rows: Vec<String> = (0..1_000).map(|n| format!("          - {{a: {n}, b: 'x{n}'}}\n")).collect();
    let yaml = format!(
        "unit_tests:\n  - name: u\n    model: m\n    given:\n      - input: ref('s')\n        rows:\n{}    expect:\n      rows:\n{}",
        rows.concat(),
        rows.concat()
    );
    let project = Project::bigquery(&[
        ("models/s.sql", "select 1 as a, 'x1' as b"),
        ("models/m.sql", "select a, b from {{ ref('s') }}"),
        ("models/m.yml", &yaml),
    ]);
    project.run(&["build"]).ok().says("ERROR=0");
}

#[test]
fn a_resource_type_that_is_none_is_refused() {
    let project = Project::bigquery(&[("models/a.sql", "select 1 as a")]);
    project.run(&["ls", "--resource-type", "banana"]).fails(2).says("'banana' is none of");
    project.run(&["ls", "--resource-type", "modle"]).fails(2).says("did you mean 'model'?");
    project.run(&["build", "--exclude-resource-type", "tset"]).fails(2).says("did you mean 'test'?");
    project.run(&["ls", "--resource-type", "model", "test"]).ok().says("shop.a");
    project.run(&["ls", "--resource-type", "all"]).ok().says("shop.a");
    rsdbt(&["ls", "--resource-type", "model seed"]).fails(2);
}

#[test]
fn a_local_target_without_a_path_keeps_its_tables() {
    let project = Project::bigquery(&[("models/a.sql", "select 1 as a")]);
    project.write(
        "profiles.yml",
        "shop:\n  target: dev\n  outputs:\n    dev: {type: bigquery, method: local, project: lab, dataset: shop}\n",
    );
    project.run(&["run"]).ok().says("its tables are in shop.duckdb");
    assert!(project.exists("shop.duckdb"));
    assert_eq!(project.query("select t.a from shop.a as t"), [[serde_json::json!(1)]]);
}
