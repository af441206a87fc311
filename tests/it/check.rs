//! `rsdbt check` and `rsdbt lineage`: nothing is run, and nothing has been.

use super::program::Project;
use serde_json::Value as Json;

const SOURCES: &str = "
version: 2
sources:
  - name: raw
    tables:
      - name: orders
        columns:
          - {name: id, data_type: INT64}
          - {name: amount, data_type: NUMERIC}
          - {name: placed, data_type: TIMESTAMP}
          - {name: items, data_type: 'ARRAY<STRUCT<sku STRING, n INT64>>'}
      - name: events
";
const STAGED: &str = "select id as order_id, amount, date(placed) as day, items\nfrom {{ source('raw', 'orders') }}\n";

fn project(more: &[(&str, &str)]) -> Project {
    let files = [("models/sources.yml", SOURCES), ("models/stg_orders.sql", STAGED)];
    Project::bigquery(&[&files, more].concat())
}

/// (file, line, column, message) of every finding.
fn findings(project: &Project) -> Vec<(String, u64, u64, String)> {
    let ran = project.run(&["check", "--quiet", "--output", "json"]);
    let json: Json = serde_json::from_str(&ran.out).unwrap_or_else(|why| panic!("{why}: {}{}", ran.out, ran.err));
    let found = json["findings"].as_array().expect("a list");
    assert_eq!(ran.code, i32::from(found.iter().any(|f| f["severity"] == "error")), "{}", ran.out);
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let number = |value: &Json| value.as_u64().unwrap_or_default();
    found.iter().map(|f| (text(&f["file"]), number(&f["line"]), number(&f["column"]), text(&f["message"]))).collect()
}

#[test]
fn the_live_shopping_project_has_no_findings() {
    let project = Project::live_shopping();
    project.run(&["check", "--target", "local"]).ok().says("no findings");
    assert!(!project.exists("live_shopping.duckdb"), "nothing was opened");
}

#[test]
fn every_mistake_of_every_model_is_told_with_its_place() {
    let cases: &[(&str, u64, u64, &str)] = &[
        // a name, through a tag on the line before
        ("select\n  {{ 'order_id' }},\n  amonut\nfrom {{ ref('stg_orders') }}", 3, 3, "amonut"),
        ("select order_id from {{ ref('stg_orders') }} where amount > 'x'", 1, 52, ">"),
        ("select upper(day) as u from {{ ref('stg_orders') }}", 1, 8, "UPPER"),
        ("select day, sum(amount) as s from {{ ref('stg_orders') }}", 1, 8, "day"),
        (
            "{% for c in ['amount', 'amuont'] %}\nselect {{ c }} as x from {{ ref('stg_orders') }}\n{% if not loop.last %}union all{% endif %}\n{% endfor %}",
            2,
            8,
            "amuont",
        ),
        ("select o.order_id from {{ ref('stg_orders') }} as a", 1, 8, "o"),
        ("select order_id from {{ ref('stg_orders') }} join {{ ref('stg_orders') }} as b on true", 1, 8, "ambiguous"),
        ("select nosuch(order_id) as x from {{ ref('stg_orders') }}", 1, 8, "nosuch"),
        ("select items[0].skku as x from {{ ref('stg_orders') }}", 1, 17, "skku"),
        ("select order_id,, amount from {{ ref('stg_orders') }}", 1, 17, "expected"),
        (
            "select order_id from {{ ref('stg_orders') }} union all select day from {{ ref('stg_orders') }}",
            1,
            46,
            "UNION",
        ),
    ];
    for (sql, line, column, says) in cases {
        let found = findings(&project(&[("models/m.sql", sql)]));
        let [(file, at_line, at_column, message)] = &found[..] else { panic!("{sql}: {found:?}") };
        assert!(
            file.ends_with("models/m.sql") && message.to_lowercase().contains(&says.to_lowercase()),
            "{sql}: {found:?}"
        );
        assert_eq!((at_line, at_column), (line, column), "{sql}: {message}");
    }
    let two = "select order_idd, amuont from {{ ref('stg_orders') }}";
    assert_eq!(findings(&project(&[("models/m.sql", two), ("models/n.sql", two)])).len(), 4);
}

#[test]
fn one_mistake_gives_one_finding_downstream() {
    let bad = "{{ config(materialized='ephemeral') }}\nselect orderid, amount from {{ ref('stg_orders') }}";
    let found = findings(&project(&[
        ("models/a.sql", bad),
        ("models/b.sql", "select amount + 1 as x, orderid from {{ ref('a') }}"),
        ("models/c.sql", "select x from {{ ref('b') }}"),
    ]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0.ends_with("a.sql") && found[0].1 == 2, "{found:?}");
}

#[test]
fn what_nobody_described_is_silent() {
    let found = findings(&project(&[
        ("models/a.sql", "select whatever, upper(1) as u from {{ source('raw', 'events') }}"),
        ("models/b.sql", "select u + 1 as v, nope from {{ ref('a') }}"),
        ("models/c.sql", "select * from `other.place.t`"),
        (
            "models/d.sql",
            "{% if execute %}{% set r = run_query('select 1') %}{% endif %}select {{ r.columns[0].values()[0] if execute }} as x",
        ),
    ]));
    assert_eq!(found, []);
    // and says so
    let described = project(&[("models/a.sql", "select whatever from {{ source('raw', 'events') }}")]);
    described.run(&["check"]).ok().says("no findings; of 1 only the syntax");
    let json = described.run(&["check", "--quiet", "--output", "json"]).ok();
    assert!(json.out.contains(r#""unjudged":["model.shop.a"]"#), "{}", json.out);
}

#[test]
fn contracts_column_lists_and_fixtures_are_checked() {
    let yaml = "
version: 2
models:
  - name: kept
    config: {contract: {enforced: true}, materialized: table}
    columns:
      - {name: order_id, data_type: STRING}
      - {name: gone, data_type: INT64}
  - name: stg_orders
    columns:
      - name: order_id
      - name: amuont
unit_tests:
  - name: fixture
    model: kept
    given:
      - input: ref('stg_orders')
        rows: [{order_id: 1, amont: 2}]
    expect:
      rows: [{order_id: 1}]
";
    let kept = "select order_id, day from {{ ref('stg_orders') }}";
    let found = findings(&project(&[("models/kept.yml", yaml), ("models/kept.sql", kept)]));
    let told = |line: u64, says: &str| found.iter().any(|(_, at, _, message)| *at == line && message.contains(says));
    assert!(told(7, "STRING"), "{found:?}");
    assert!(told(8, "'gone'"), "{found:?}");
    assert!(told(4, "day DATE"), "{found:?}");
    assert!(told(12, "'amuont'"), "{found:?}");
    assert!(found.iter().any(|(.., message)| message.contains("'amont'")), "{found:?}");
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn findings_have_four_forms() {
    let project = project(&[("models/m.sql", "select amuont from {{ ref('stg_orders') }}")]);
    project.run(&["check"]).fails(1).says("models/m.sql:1:8").says("1 finding");
    let github = project.run(&["check", "--quiet", "--output", "github"]).fails(1);
    assert!(github.out.starts_with("::error file=models/m.sql,line=1,col=8,title=RS0403::"), "{}", github.out);
    let sarif: Json =
        serde_json::from_str(&project.run(&["check", "--quiet", "--output", "sarif"]).fails(1).out).expect("JSON");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "RS0403");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startColumn"], 8);
    project.run(&["check", "-s", "stg_orders"]).ok().says("no findings");
}

#[test]
fn duckdb_projects_are_told() {
    Project::duckdb(&[("models/a.sql", "select 1 as a")])
        .run(&["check"])
        .fails(2)
        .says("only BigQuery SQL is analyzed");
}

#[test]
fn lineage_goes_through_models() {
    let daily = "select day, sum(amount) as total from {{ ref('stg_orders') }} group by day";
    let project = project(&[
        ("models/daily.sql", daily),
        ("models/top.sql", "select total * 2 as twice from {{ ref('daily') }}"),
    ]);
    let up = project.run(&["lineage", "top.twice"]).ok();
    let wanted = "top.twice\n  <- daily.total (derived)\n    <- stg_orders.amount (aggregated)\n      <- raw.orders.amount (copied)\n";
    assert_eq!(up.out, wanted);
    let down = project.run(&["lineage", "raw.orders.amount", "--downstream"]).ok();
    assert!(down.out.contains("-> top.twice (derived)"), "{}", down.out);
    let json: Json =
        serde_json::from_str(&project.run(&["lineage", "daily", "--output", "json"]).ok().out).expect("JSON");
    assert!(json["edges"].as_array().is_some_and(|edges| edges.len() >= 4), "{json}");
    project.run(&["lineage", "daily", "--output", "mermaid"]).ok().says("graph LR");
    project.run(&["lineage", "daily", "--output", "dot"]).ok().says("digraph lineage");
    project.run(&["lineage", "dayly"]).fails(2).says("did you mean 'daily'?");
    project.run(&["lineage", "daily.totle"]).fails(2).says("did you mean 'total'?");
}
