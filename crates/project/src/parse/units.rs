//! `unit_tests:` of property files.

use super::host::World;
use super::models::folders;
use super::patches::{Patch, Patches};
use crate::config::{EntryKind, Yaml, yaml::Node as YamlNode};
use crate::ir::{Manifest, ResourceType, UnitForm, UnitGiven, UnitRows, UnitTest, default_config};
use crate::load::{FileKind, RawFile, sha256};
use crate::python::{repr, text};
use rsdbt_base::{Code, Diagnostic, Diagnostics};
use serde_json::{Map, Value as Json};

pub fn parse(world: &World, patches: &Patches, manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    for patch in patches.list.iter().filter(|patch| patch.entry.kind == EntryKind::UnitTest) {
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
        given.push(UnitGiven { input, rows: rows(world, patch.file, item)?, form: form(item) });
    }
    let expect = rows(world, patch.file, yaml.get("expect"))?;
    let expect_form = form(yaml.get("expect"));
    let overrides = yaml.get("overrides").to_json().as_object().cloned().unwrap_or_default();
    let mut fqn = vec![package.clone()];
    fqn.extend(folders(&patch.file.relative));
    fqn.extend([model.clone(), name.clone()]);
    let mut config = default_config(ResourceType::UnitTest);
    crate::config::merge_into(&mut config, &patch.config());
    Ok(UnitTest {
        unique_id: format!("unit_test.{package}.{model}.{name}"),
        fqn,
        checksum: checksum(&model, &given, (&expect, &expect_form), &overrides),
        original_file_path: patch.file.path.clone(),
        description: yaml.get("description").text().unwrap_or_default(),
        expect,
        expect_form,
        overrides,
        depends_on: Vec::new(),
        line: yaml.line,
        schema: world.invocation.schema.clone(),
        config,
        package,
        name,
        model,
        given,
    })
}

fn form(item: &Yaml) -> UnitForm {
    let format = item.get("format").text().unwrap_or_else(|| "dict".to_owned());
    UnitForm { format, fixture: item.get("fixture").text() }
}

/// dbt's checksum: of the pictures that Python gives of the parts.
fn checksum(
    model: &str,
    given: &[UnitGiven],
    (expect, form): (&UnitRows, &UnitForm),
    overrides: &Map<String, Json>,
) -> String {
    let picture = |rows: &UnitRows| match rows {
        UnitRows::Sql(sql) => Json::from(sql.as_str()),
        UnitRows::Dicts(rows) => {
            let mut rows = rows.clone();
            // dbt moves a row without nulls to the front.
            if let Some(whole) = rows.iter().position(|row| !row.values().any(Json::is_null)) {
                rows.swap(0, whole);
            }
            Json::from(rows.into_iter().map(Json::Object).collect::<Vec<_>>())
        }
    };
    let fields = |rows: &UnitRows, form: &UnitForm| {
        let member = if form.format == "dict" { "Dict".to_owned() } else { form.format.to_uppercase() };
        let fixture = form.fixture.clone().map_or(Json::Null, Json::from);
        let rows = repr(&picture(rows));
        format!("rows={rows}, format=<UnitTestFormat.{member}: '{}'>, fixture={}", form.format, repr(&fixture))
    };
    let input = |given: &UnitGiven| {
        let name = repr(&Json::from(given.input.as_str()));
        format!("UnitTestInputFixture(input={name}, {})", fields(&given.rows, &given.form))
    };
    let inputs: Vec<String> = given.iter().map(input).collect();
    let part = |key: &str| overrides.get(key).map_or_else(|| "{}".to_owned(), repr);
    let overrides = match overrides.is_empty() {
        true => "None".to_owned(),
        false => {
            format!(
                "UnitTestOverrides(macros={}, vars={}, env_vars={})",
                part("macros"),
                part("vars"),
                part("env_vars")
            )
        }
    };
    let expect = format!("UnitTestOutputFixture({})", fields(expect, form));
    let mut all = format!("{model}-None-[{}]-{expect}-{overrides}", inputs.join(", "));
    for given in given.iter().filter(|given| given.form.fixture.is_some()) {
        all.push_str(&format!("-{}", text(&picture(&given.rows))));
    }
    sha256(&all)
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
