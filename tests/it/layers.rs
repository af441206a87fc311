//! The layer map: a crate may name only crates that stand below it. ARCHITECTURE.md draws the same map; `cargo metadata` tells what is so.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// crate -> crates that it may name.
const MAP: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("sys", &[]),
    ("proto", &[]),
    ("web", &[]),
    ("googlesql", &["base"]),
    ("duckdbsql", &["googlesql"]),
    ("check", &["duckdbsql", "googlesql"]),
    ("bqml", &["base", "sys"]),
    ("pages", &[]),
    ("jinja", &["base", "sys"]),
    ("warehouse", &["base", "sys", "web"]),
    ("bqlocal", &["base", "bqml", "duckdbsql", "googlesql", "sys", "warehouse"]),
    ("project", &["base", "jinja", "sys"]),
    ("sources", &["base", "duckdbsql", "googlesql", "project", "sys", "warehouse"]),
    ("exec", &["base", "jinja", "project", "sys", "warehouse"]),
    ("pubsub", &["proto", "sys", "web"]),
    ("events", &["bqlocal", "pubsub", "sys", "warehouse", "web"]),
];

/// What each crate of the workspace names: `rsdbt-` left out, tests' dependencies not counted.
fn edges(metadata: &Json) -> BTreeMap<String, Vec<String>> {
    let ours = |value: &Json| value["name"].as_str().and_then(|name| name.strip_prefix("rsdbt-")).map(str::to_owned);
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .filter_map(|package| {
            let named = package["dependencies"].as_array().into_iter().flatten();
            let named = named.filter(|dependency| dependency["kind"].is_null()).filter_map(ours);
            Some((ours(package)?, named.collect()))
        })
        .collect()
}

fn breaches(edges: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, named) in edges {
        match MAP.iter().find(|(known, _)| known == name) {
            None => found.push(format!("the crate '{name}' is not on the map")),
            Some((_, allowed)) => {
                let bad = named.iter().filter(|other| !allowed.contains(&other.as_str()));
                found.extend(bad.map(|other| format!("'{name}' may not name '{other}'")));
            }
        }
    }
    found
}

fn metadata() -> Json {
    let arguments = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let answer = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).expect("JSON")
}

#[test]
fn crates_name_only_what_stands_below_them() {
    let found = edges(&metadata());
    let on_map: Vec<&str> = MAP.iter().map(|(name, _)| *name).filter(|name| !found.contains_key(*name)).collect();
    assert_eq!(on_map, Vec::<&str>::new(), "on the map, and no crate");
    assert_eq!(breaches(&found), Vec::<String>::new());
}

#[test]
fn the_map_itself_has_no_circle() {
    for (at, (name, allowed)) in MAP.iter().enumerate() {
        for other in *allowed {
            assert!(
                MAP[..at].iter().any(|(below, _)| below == other),
                "'{name}' names '{other}', which is not below it"
            );
        }
    }
}

#[test]
fn the_map_has_teeth() {
    let package = |name: &str, dependency: &str| serde_json::json!({"packages": [{"name": name, "dependencies": [{"name": dependency, "kind": null}]}]});
    assert_eq!(breaches(&edges(&package("rsdbt-jinja", "rsdbt-exec"))), ["'jinja' may not name 'exec'"]);
    assert_eq!(breaches(&edges(&package("rsdbt-helpers", "serde"))), ["the crate 'helpers' is not on the map"]);
    assert_eq!(breaches(&edges(&package("rsdbt-exec", "rsdbt-jinja"))), Vec::<String>::new());
}

/// The sources of all crates and of the program, by their path from the root.
fn files() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = ["crates", "src"].iter().flat_map(|folder| rsdbt_sys::walk(&root.join(folder)));
    sources
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .filter_map(|path| {
            let name = path.strip_prefix(root).ok()?.to_string_lossy().replace('\\', "/");
            Some((name, rsdbt_sys::read(&path).expect("readable")))
        })
        .collect()
}

/// Where a library may be named.
const OWNERS: &[(&str, &[&str])] = &[
    ("minijinja::", &["crates/jinja/"]),
    ("petgraph::", &["crates/project/src/ir/graph.rs"]),
    ("sqlparser::", &["crates/googlesql/"]),
    ("saphyr_parser::", &["crates/project/src/config/yaml.rs", "crates/jinja/src/yaml/load.rs"]),
    ("axum::", &["crates/pubsub/", "crates/web/"]),
    ("hyper_util::", &["crates/web/"]),
    ("reqwest::", &["crates/warehouse/src/bigquery/", "crates/web/"]),
    ("tonic::", &["crates/pubsub/", "crates/warehouse/src/bigquery/", "crates/protocol/"]),
    ("google_cloud_pubsub::", &["crates/pubsub/src/gcp.rs"]),
    ("chromiumoxide::", &["crates/events/src/shop/browser.rs"]),
    (
        "tokio::",
        &[
            "crates/pubsub/",
            "crates/warehouse/src/bigquery/",
            "crates/events/src/shop/browser.rs",
            "crates/protocol/",
            "crates/web/",
        ],
    ),
    (
        "use duckdb::",
        &["crates/warehouse/src/duckdb/", "crates/bqlocal/src/udf/mod.rs", "crates/bqlocal/src/ml/score.rs"],
    ),
];

fn strays(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        for (library, owners) in OWNERS {
            if text.contains(library) && !owners.iter().any(|owner| path.starts_with(owner)) {
                found.push(format!("{path} names {library}"));
            }
        }
    }
    found
}

#[test]
fn libraries_stay_in_their_rooms() {
    let files = files();
    assert!(files.len() > 200, "only {} files were read", files.len());
    assert_eq!(strays(&files), Vec::<String>::new());
    let bad = BTreeMap::from([("crates/exec/src/x.rs".to_owned(), "use minijinja::Value;".to_owned())]);
    assert_eq!(strays(&bad), ["crates/exec/src/x.rs names minijinja::"]);
}
