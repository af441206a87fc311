//! Files as sources, and rows that `mock` makes up.

use crate::program::Project;
use serde_json::{Value as Json, json};

const ORDERS: &str = "
sources:
  - name: raw
    database: acme-raw
    schema: shop
    meta: {external_location: \"data/{name}.csv\"}
    tables:
      - name: orders
        columns:
          - {name: id, data_type: INT64}
          - {name: amount, data_type: NUMERIC}
          - {name: placed, data_type: TIMESTAMP}
      - name: events
        config: {external_location: data/events.jsonl}
        columns:
          - {name: params, data_type: 'ARRAY<STRUCT<key STRING, value STRUCT<i INT64, s STRING>>>'}
      - name: parts
        config: {external_location: 'data/parts/*/*.csv'}
";

fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("models/raw.yml", ORDERS),
        ("data/orders.csv", "id,amount,placed\n1,1.5,2024-01-01 10:00:00\n2,2.25,2024-01-02\n"),
        (
            "data/events.jsonl",
            "{\"id\":1,\"params\":[{\"key\":\"a\",\"value\":{\"i\":\"5\"}},{\"key\":\"b\",\"value\":{\"s\":\"x\"}}]}\n{\"id\":2}\n",
        ),
        ("data/parts/d=2024-01-01/a.csv", "x\n1\n"),
        ("data/parts/d=2024-01-02/a.csv", "x\n2\n"),
        ("models/o.sql", "select id, amount, date(placed) as day from {{ source('raw', 'orders') }}"),
        (
            "models/e.sql",
            "select e.id, p.key, p.value.i, p.value.s from {{ source('raw', 'events') }} as e left join unnest(params) as p",
        ),
        ("models/p.sql", "select x, d from {{ source('raw', 'parts') }}"),
    ]
}

#[test]
fn files_stand_for_tables_with_declared_types() {
    let project = Project::bigquery(&files());
    project.run(&["build"]).ok().says("raw.orders: file data/orders.csv").says("raw.parts: files data/parts/*/*.csv");
    let orders = project.query("select id, amount * 2, cast(day as string) from shop.o order by id");
    assert_eq!(orders, [[json!(1), json!("3"), json!("2024-01-01")], [json!(2), json!("4.5"), json!("2024-01-02")]]);
    let events = project.query("select id, key, i, s from shop.e order by id, key");
    let row = |id: i64, key: Json, i: Json, s: Json| [json!(id), key, i, s];
    assert_eq!(
        events,
        [
            row(1, json!("a"), json!(5), Json::Null),
            row(1, json!("b"), Json::Null, json!("x")),
            row(2, Json::Null, Json::Null, Json::Null)
        ]
    );
    assert_eq!(project.query("select x, cast(d as string) from shop.p order by x").len(), 2);
    // A changed file is read again.
    project.write("data/orders.csv", "id,amount,placed\n7,1.5,2024-01-01\n");
    project.run(&["run", "-s", "o"]).ok();
    assert_eq!(project.query("select id from shop.o"), [[json!(7)]]);
}

#[test]
fn a_duckdb_project_reads_files_too() {
    let mut files = files();
    files.retain(|(path, _)| !path.starts_with("models/e"));
    files[0].1 = "
sources:
  - name: raw
    database: acme-raw
    meta: {external_location: \"data/{name}.csv\"}
    tables:
      - name: orders
      - name: parts
        config: {external_location: \"read_csv('data/parts/*/*.csv', hive_partitioning = true)\"}
";
    files.iter_mut().filter(|(path, _)| *path == "models/o.sql").for_each(|file| {
        file.1 = "select id, amount from {{ source('raw', 'orders') }}";
    });
    let project = Project::duckdb(&files);
    project.run(&["build"]).ok().says("raw.orders: file data/orders.csv");
    project.run(&["build"]).ok();
}

#[test]
fn what_does_not_fit_is_named_with_file_and_row() {
    let project = Project::bigquery(&files());
    project.write("data/orders.csv", "id,amount,placed\n1,1.5,\n2,much,\n");
    project
        .run(&["build", "-s", "o"])
        .fails(2)
        .says("RS0202")
        .says("data/orders.csv, row 2: column 'amount': much is no NUMERIC");
    project.write("data/orders.csv", "id,price\n1,1.5\n");
    project
        .run(&["build", "-s", "o"])
        .fails(2)
        .says("has no column 'amount', which YAML declares")
        .says("it has id, price");
    rsdbt_sys::remove_file(&project.root().join("data/orders.csv")).expect("removed");
    project.run(&["build", "-s", "o"]).fails(2).says("there is no file data/orders.csv").says("models/raw.yml:8");
}

#[test]
fn no_path_leaves_the_project_unless_the_profile_allows_it() {
    let outside = tempfile::TempDir::new().expect("a folder");
    let folder = outside.path().display().to_string();
    rsdbt_sys::write(&outside.path().join("o.csv"), "id\n5\n").expect("written");
    let yaml = format!(
        "sources:\n  - name: raw\n    tables:\n      - {{name: o, config: {{external_location: '{folder}/{{name}}.csv'}}}}\n"
    );
    let project =
        Project::bigquery(&[("models/o.sql", "select id from {{ source('raw', 'o') }}"), ("models/raw.yml", &yaml)]);
    project.run(&["build"]).fails(2).says("lies outside the project").says("external_paths");
    let profile =
        project.read("profiles.yml").replace("threads: 2", &format!("threads: 2, external_paths: ['{folder}']"));
    project.write("profiles.yml", &profile);
    project.run(&["build"]).ok();
}

#[test]
fn a_table_goes_before_files_and_an_absent_source_names_the_ways() {
    let project = Project::bigquery(&files());
    project.write(
        "models/raw.yml",
        "sources:\n  - name: raw\n    tables: [{name: orders}, {name: events}, {name: parts}]\n",
    );
    project
        .run(&["run", "-s", "p"])
        .fails(1)
        .says("`rsdbt mock -s +p`")
        .says("external_location")
        .says("raw.parts: absent");
    project.write("models/parts.sql", "{{ config(materialized='table', alias='parts') }} select 9 as x, 'd' as d");
    project.write(
        "models/raw.yml",
        "sources:\n  - name: raw\n    schema: shop\n    tables:\n      - {name: parts, config: {external_location: 'data/parts/*/*.csv'}}\n      - name: orders\n      - name: events\n",
    );
    project.run(&["run", "-s", "parts"]).ok();
    project.run(&["run", "-s", "p"]).ok().says("raw.parts: table (it goes before files data/parts/*/*.csv)");
    assert_eq!(project.query("select x from shop.p"), [[json!(9)]]);
}

const SHOP: &str = "
sources:
  - name: app
    database: acme-raw
    tables:
      - name: orders
        columns:
          - name: id
            data_tests: [unique, not_null]
          - name: status
            data_tests: [{accepted_values: {values: [paid, open]}}]
      - name: customers
      - {name: clicks, identifier: 'clicks_*'}
models:
  - name: stg_orders
    columns:
      - name: customer_id
        data_tests: [not_null, {relationships: {to: ref('stg_customers'), field: customer_id}}]
  - name: stg_customers
    columns:
      - name: customer_id
        data_tests: [unique, not_null]
";

fn shop() -> Project {
    Project::bigquery(&[
        ("models/shop.yml", SHOP),
        (
            "models/stg_orders.sql",
            "with source as (select * from {{ source('app', 'orders') }})\nselect id as order_id, customer_id, lower(status) as status, amount, created_at, date(created_at) as day from source where amount > 0",
        ),
        (
            "models/stg_customers.sql",
            "select id as customer_id, email, parse_date('%Y%m%d', joined_on) as joined, cast(age_text as int64) as age from {{ source('app', 'customers') }}",
        ),
        (
            "models/clicks.sql",
            "select user_id, _table_suffix as day, (select value.int_value from unnest(params) where key = 'session') as session, (select value.string_value from unnest(params) where key = 'page_location') as url, device.category, timestamp_micros(at_micros) as at from {{ source('app', 'clicks') }} where event_name in ('view', 'buy') and _table_suffix > '20200101'",
        ),
        (
            "models/joined.sql",
            "select o.order_id, c.email from {{ ref('stg_orders') }} as o join {{ ref('stg_customers') }} as c using (customer_id)",
        ),
    ])
}

fn mocked(project: &Project) -> Vec<(String, Vec<u8>)> {
    let folder = project.root().join(".rsdbt/sources");
    let files = rsdbt_sys::walk(&folder).into_iter();
    files.map(|path| (path.display().to_string(), rsdbt_sys::read_bytes(&path).expect("readable"))).collect()
}

#[test]
fn mocked_rows_obey_tests_and_build_everything() {
    let project = shop();
    project.run(&["mock", "--rows", "500", "--until", "2024-03-31"]).ok().says("app.orders: 500 rows");
    project.run(&["build"]).ok().says("app.orders: mocked, 500 rows (seed 0)").says("app.clicks: mocked");
    let count = |sql: &str| project.query(sql)[0][0].clone();
    let orders = count("select count(*) from shop.stg_orders");
    assert_eq!(orders, json!(500));
    assert_eq!(count("select count(*) from shop.joined"), orders, "every order finds its customer");
    assert!(
        count(
            "select count(*) from shop.clicks where session is not null and url like 'https://%' and `at` is not null"
        )
        .as_i64()
            > Some(100)
    );
    assert_eq!(count("select count(distinct day) from shop.clicks"), json!(14));
    assert_eq!(count("select count(*) from shop.stg_customers where joined is null or age is null"), json!(0));
    let types = project.query("select column_name, data_type from `acme-raw`.app.INFORMATION_SCHEMA.COLUMNS where table_name = 'orders' and column_name in ('amount', 'created_at') order by 1");
    assert_eq!(types, [[json!("amount"), json!("FLOAT64")], [json!("created_at"), json!("TIMESTAMP")]]);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (a, b) = (shop(), shop());
    for project in [&a, &b] {
        project.run(&["mock", "--rows", "200", "--until", "2024-03-31"]).ok();
    }
    let bytes = |project: &Project| mocked(project).into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    assert_eq!(bytes(&a), bytes(&b));
    assert_eq!(a.read("sources.lock"), b.read("sources.lock"));
    // The last day stays, though today is another.
    let before = bytes(&a);
    a.run(&["mock", "--rows", "200"]).ok();
    assert_eq!(bytes(&a), before);
    a.run(&["mock", "--rows", "200", "--seed", "2"]).ok();
    assert_ne!(bytes(&a), before);
    assert_eq!(mocked(&a).len(), before.len(), "old files are gone");
}

#[test]
fn a_lock_without_its_rows_or_from_a_newer_program_is_told() {
    let project = shop();
    project.run(&["mock", "--rows", "20"]).ok();
    let lock = project.read("sources.lock");
    project.write("sources.lock", &lock.replace("version: 1", "version: 9"));
    project.run(&["build"]).fails(2).says("it was written by a newer rsdbt");
    project.write("sources.lock", &lock);
    rsdbt_sys::remove_folder(&project.root().join(".rsdbt")).expect("removed");
    project.run(&["build"]).fails(1).says("app.orders: absent").says("rsdbt mock");
    project.run(&["run", "--empty", "-s", "stg_orders"]).ok().says("columns without rows, from sources.lock");
}
