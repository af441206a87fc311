//! `unit_tests:` of property files.

use super::host::World;
use super::patches::Patch;
use crate::config::{EntryKind, Yaml, yaml::Node as YamlNode};
use crate::ir::{Manifest, ResourceType, UnitGiven, UnitRows, UnitTest, default_config};
use crate::load::{FileKind, RawFile};
use rsdbt_base::{Code, Diagnostic, Diagnostics};
use serde_json::{Map, Value as Json};

pub fn parse(world: &World, patches: &[Patch], manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    for patch in patches.iter().filter(|patch| patch.entry.kind == EntryKind::UnitTest) {
        match build(world, patch) {
            Ok(test) => {
                manifest.unit_tests.insert(test.unique_id.clone(), test);
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
}

fn build(world: &World, patch: &Patch) -> Result<UnitTest, Diagnostic> {
    let yaml = &patch.entry.yaml;
    let name = patch.entry.name.clone();
    let package = patch.file.package.clone();
    let bad = |message: &str, at: &Yaml| {
        Err(Diagnostic::error(Code::YAML, message.to_owned()).at(at.place(&patch.file.shown)))
    };
    let Some(model) = yaml.get("model").text() else { return bad("a unit test needs a 'model'", yaml) };
    if yaml.get("expect").is_null() {
        return bad("a unit test needs an 'expect'", yaml);
    }
    let mut given = Vec::new();
    for item in yaml.get("given").list() {
        let Some(input) = item.get("input").text() else { return bad("an item of 'given' needs an 'input'", item) };
        given.push(UnitGiven { input, rows: rows(world, patch.file, item)? });
    }
    let mut config = default_config(ResourceType::UnitTest);
    crate::config::merge_into(&mut config, &patch.config());
    Ok(UnitTest {
        unique_id: format!("unit_test.{package}.{model}.{name}"),
        fqn: vec![package.clone(), model.clone(), name.clone()],
        original_file_path: patch.file.path.clone(),
        description: yaml.get("description").text().unwrap_or_default(),
        expect: rows(world, patch.file, yaml.get("expect"))?,
        overrides: yaml.get("overrides").to_json().as_object().cloned().unwrap_or_default(),
        depends_on: Vec::new(),
        line: yaml.line,
        config,
        package,
        name,
        model,
        given,
    })
}

/// Rows of an input or expectation: dicts, CSV text, SQL text, or a fixture file of one of the latter two.
fn rows(world: &World, file: &RawFile, item: &Yaml) -> Result<UnitRows, Diagnostic> {
    let fail = |message: String| Diagnostic::error(Code::YAML, message).at(item.place(&file.shown));
    let format = item.get("format").text().unwrap_or_else(|| "dict".to_owned());
    let text = match item.get("fixture").text() {
        Some(name) => Some(fixture(world, &file.package, &name, &format).map_err(fail)?),
        None => item.get("rows").text(),
    };
    match (format.as_str(), text) {
        ("dict", None) => {
            if let YamlNode::List(rows) = &item.get("rows").node {
                return Ok(UnitRows::Dicts(
                    rows.iter().map(|row| row.to_json().as_object().cloned().unwrap_or_default()).collect(),
                ));
            }
            Ok(UnitRows::Dicts(Vec::new()))
        }
        ("csv", Some(text)) => csv_rows(&text).map(UnitRows::Dicts).map_err(fail),
        ("sql", Some(text)) => Ok(UnitRows::Sql(text)),
        (format, _) => Err(fail(format!("rows of format '{format}' need the fitting 'rows' or 'fixture'"))),
    }
}

/// A file of `tests/fixtures`, of the test's package or of the root project.
fn fixture(world: &World, package: &str, name: &str, format: &str) -> Result<String, String> {
    let extension = if format == "sql" { "sql" } else { "csv" };
    let stem = name.trim_end_matches(&format!(".{extension}"));
    let wanted = format!("fixtures/{stem}.{extension}");
    let files = || world.raw.files.iter().filter(|file| file.kind == FileKind::Fixture && file.relative == wanted);
    let own = files().find(|file| file.package == package);
    let found = own.or_else(|| files().find(|file| file.package == world.raw.project.name));
    found
        .map(|file| file.text.clone())
        .ok_or_else(|| format!("there is no fixture '{stem}.{extension}' in tests/fixtures"))
}

/// CSV: an empty field is NULL.
fn csv_rows(text: &str) -> Result<Vec<Map<String, Json>>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.trim().as_bytes());
    let names: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let value = |field: &str| if field.is_empty() { Json::Null } else { Json::from(field) };
        rows.push(names.iter().cloned().zip(record.iter().map(value)).collect());
    }
    Ok(rows)
}
