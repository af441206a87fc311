//! Property files: what `models:`, `sources:`, `seeds:`, `exposures:`, `unit_tests:` and the like say.

use super::yaml::{Node, Yaml};
use rsdbt_base::{Code, Diagnostic};
use serde_json::{Map, Value as Json};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    Model,
    Seed,
    Snapshot,
    Analysis,
    Macro,
    Source,
    Exposure,
    UnitTest,
    Group,
    SingularTest,
}

/// One entry of a property file.
#[derive(Debug, Clone)]
pub struct Entry {
    pub kind: EntryKind,
    pub name: String,
    pub yaml: Yaml,
}

/// A property file.
#[derive(Debug, Clone, Default)]
pub struct Properties {
    pub entries: Vec<Entry>,
}

/// A data test in YAML, its forms brought to one.
#[derive(Debug, Clone)]
pub struct TestEntry {
    /// `not_null` or `package.name`.
    pub test: String,
    /// A name the user gave.
    pub custom_name: Option<String>,
    pub arguments: Map<String, Json>,
    pub config: Map<String, Json>,
    pub description: String,
    pub line: usize,
}

const SECTIONS: [(&str, EntryKind); 11] = [
    ("models", EntryKind::Model),
    ("seeds", EntryKind::Seed),
    ("snapshots", EntryKind::Snapshot),
    ("analyses", EntryKind::Analysis),
    ("macros", EntryKind::Macro),
    ("sources", EntryKind::Source),
    ("exposures", EntryKind::Exposure),
    ("unit_tests", EntryKind::UnitTest),
    ("groups", EntryKind::Group),
    ("data_tests", EntryKind::SingularTest),
    ("tests", EntryKind::SingularTest),
];

/// Settings of a test that may stand beside its arguments.
const TEST_CONFIGS: [&str; 14] = [
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "meta",
    "database",
    "schema",
    "alias",
];

pub fn read_properties(file: &str, yaml: &Yaml) -> (Properties, Vec<Diagnostic>) {
    let mut properties = Properties::default();
    let mut diagnostics = Vec::new();
    for (section, kind) in SECTIONS {
        let entries = yaml.get(section);
        if !entries.is_null() && !matches!(entries.node, Node::List(_)) {
            let message = format!("'{section}' must be a list of entries");
            diagnostics.push(Diagnostic::error(Code::YAML, message).at(entries.place(file)));
        }
        for entry in entries.list() {
            match entry.get("name").text() {
                Some(name) => properties.entries.push(Entry { kind, name, yaml: entry.clone() }),
                None => diagnostics.push(
                    Diagnostic::error(Code::YAML, format!("an entry of '{section}' has no 'name'"))
                        .at(entry.place(file)),
                ),
            }
        }
    }
    (properties, diagnostics)
}

impl TestEntry {
    /// Reads one item of a `data_tests:` list.
    pub fn read(file: &str, item: &Yaml) -> Result<TestEntry, Diagnostic> {
        let line = item.line;
        let empty = TestEntry {
            test: String::new(),
            custom_name: None,
            arguments: Map::new(),
            config: Map::new(),
            description: String::new(),
            line,
        };
        if let Some(test) = item.text() {
            return Ok(TestEntry { test, ..empty });
        }
        let bad =
            || Diagnostic::error(Code::YAML, "a data test is a name, or a map with one name").at(item.place(file));
        let named = item.get("test_name").text();
        let (test, body) = match named {
            Some(test) => (test, item),
            None => {
                let (name, body) = item.entries().next().ok_or_else(bad)?;
                if item.entries().count() == 1 { (name.clone(), body) } else { (name.clone(), item) }
            }
        };
        let mut entry = TestEntry { test: test.clone(), ..empty };
        for (key, value) in item.entries().filter(|(k, _)| **k != test).chain(body.entries()) {
            match key.as_str() {
                _ if *key == test || key == "test_name" => {}
                "config" => entry.config.extend(value.to_json().as_object().cloned().unwrap_or_default()),
                "arguments" => entry.arguments.extend(value.to_json().as_object().cloned().unwrap_or_default()),
                "name" => entry.custom_name = value.text(),
                "description" => entry.description = value.text().unwrap_or_default(),
                key if TEST_CONFIGS.contains(&key) => {
                    entry.config.insert(key.to_owned(), value.to_json());
                }
                _ => {
                    entry.arguments.insert(key.clone(), value.to_json());
                }
            }
        }
        Ok(entry)
    }
}
