//! The layer map: a room may name only the rooms that stand before it. ARCHITECTURE.md draws the same map.

use std::collections::BTreeMap;
use std::path::Path;

/// room -> rooms that it may name besides itself.
const MAP: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("sys", &[]),
    ("sql", &["base"]),
    ("ml", &["base"]),
    ("sim", &[]),
    ("dashboard", &[]),
    ("jinja", &["base", "sys"]),
    ("config", &["base"]),
    ("adapter", &["base", "sys", "sql", "ml"]),
    ("diff", &["adapter"]),
    ("ir", &["base", "jinja"]),
    ("load", &["base", "sys", "config", "jinja"]),
    ("parse", &["base", "sys", "config", "jinja", "ir", "load"]),
    ("resolve", &["base", "ir", "jinja"]),
    ("select", &["base", "config", "ir"]),
    ("artifact", &["ir", "jinja"]),
    ("exec", &["adapter", "artifact", "base", "config", "ir", "jinja", "parse", "resolve", "sys"]),
    ("broker", &["sys"]),
    ("pubsub", &["broker"]),
    ("shop", &["pubsub", "sim", "sys"]),
    ("stream", &["adapter", "pubsub", "sim", "sys"]),
    ("report", &["adapter", "artifact", "base", "exec", "ir", "jinja", "sys"]),
    (
        "cli",
        &[
            "adapter",
            "artifact",
            "base",
            "config",
            "dashboard",
            "diff",
            "exec",
            "ir",
            "jinja",
            "load",
            "parse",
            "pubsub",
            "report",
            "resolve",
            "select",
            "shop",
            "sim",
            "sql",
            "stream",
            "sys",
        ],
    ),
];

/// Rooms that a file names: `crate::room` in Rust, `rsdbt-room` in a Cargo.toml.
fn named(path: &str, text: &str) -> Vec<String> {
    let before = if path.ends_with(".toml") { "\nrsdbt-" } else { "crate::" };
    let mut rooms: Vec<String> = text
        .split(before)
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect())
        .filter(|room: &String| MAP.iter().any(|(known, _)| known == room))
        .collect();
    rooms.sort();
    rooms.dedup();
    rooms
}

fn breaches(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        let room = path.split('/').next().unwrap_or_default();
        let Some((_, allowed)) = MAP.iter().find(|(known, _)| *known == room) else {
            found.push(format!("{path}: the room '{room}' is not on the map"));
            continue;
        };
        for other in named(path, text) {
            if other != room && !allowed.contains(&other.as_str()) {
                found.push(format!("{path}: '{room}' may not name '{other}'"));
            }
        }
    }
    found
}

fn files(extension: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    rsdbt::sys::walk(&root)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .filter_map(|path| {
            let name = path.strip_prefix(&root).ok()?.to_string_lossy().replace('\\', "/");
            // The roots of the crate stand above all rooms.
            name.contains('/').then(|| (name, rsdbt::sys::read(&path).expect("readable")))
        })
        .collect()
}

#[test]
fn rooms_name_only_what_stands_before_them() {
    // A room that is a crate sees only what its Cargo.toml names; `crate::` is the room itself.
    let (crates, mut files) = (files("toml"), files("rs"));
    files.retain(|path, _| {
        path.split('/').next().is_none_or(|room| !crates.contains_key(&format!("{room}/Cargo.toml")))
    });
    assert!(crates.len() > 5 && files.len() > 100);
    files.extend(crates);
    assert_eq!(breaches(&files), Vec::<String>::new());
}

#[test]
fn the_map_has_teeth() {
    let bad = BTreeMap::from([("jinja/x.rs".to_owned(), "use crate::exec::World;".to_owned())]);
    assert_eq!(breaches(&bad), ["jinja/x.rs: 'jinja' may not name 'exec'"]);
    let bad = BTreeMap::from([("sql/Cargo.toml".to_owned(), "[dependencies]\nrsdbt-ml.workspace = true".to_owned())]);
    assert_eq!(breaches(&bad), ["sql/Cargo.toml: 'sql' may not name 'ml'"]);
}

/// What `patches/` keeps out of the tree stays out of it: a patch of another version is not used, and cargo only warns.
#[test]
fn patches_are_used() {
    let lock = rsdbt::sys::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).expect("readable");
    for library in ["arrow-cast", "zstd-sys", "ar_archive_writer"] {
        assert!(
            !lock.contains(&format!("name = \"{library}\"")),
            "{library} is compiled: see ARCHITECTURE.md, The build"
        );
    }
}

/// Types of a library stay in the room that wraps it.
#[test]
fn libraries_stay_in_their_rooms() {
    let owners = [
        ("minijinja::", "jinja/"),
        ("petgraph::", "ir/graph.rs"),
        ("sqlparser::", "sql/"),
        ("saphyr_parser::", "config/yaml.rs"),
        ("axum::", "pubsub/"),
        ("google_cloud_pubsub::", "pubsub/gcp.rs"),
        ("chromiumoxide::", "shop/browser.rs"),
    ];
    for (path, text) in files("rs") {
        for (library, owner) in owners {
            assert!(path.starts_with(owner) || !text.contains(library), "{path} names {library}");
        }
        let is_remote = path.starts_with("pubsub/") || path.starts_with("adapter/bigquery/cloud/");
        assert!(is_remote || !text.contains("tonic::"), "{path} names tonic");
        let is_async = is_remote || path == "broker/service.rs" || path == "shop/browser.rs";
        assert!(is_async || !text.contains("tokio::"), "{path} names tokio");
        let is_adapter = path.starts_with("adapter/duckdb/") || path.starts_with("adapter/bigquery/local/");
        assert!(is_adapter || !text.contains("use duckdb::"), "{path} names the crate duckdb");
    }
}
