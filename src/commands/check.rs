//! `check`: every mistake of every query, before anything runs.

use crate::args::{CheckArgs, CheckFormat};
use crate::options::Options;
use crate::report::Report;
use crate::surveyed::{Surveys, surveys};
use crate::{FAILED, OK, Stop, pipeline};
use rsdbt_base::{Code, Diagnostic, Place, Severity, closest};
use rsdbt_check::{Columns, locate, type_of};
use rsdbt_googlesql::SqlError;
use rsdbt_project::ir::{Node, NodeId, ResourceType, UnitRows, UnitTest};
use rsdbt_project::select::NodeSet;
use serde_json::{Value as Json, json};
use std::sync::Arc;

pub fn run(options: &Options, arguments: &CheckArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ready = pipeline::prepare(options, report)?;
    let is_local = ready.raw.profile.is_local_bigquery();
    let selected = ready.select(options)?;
    let surveys = surveys(ready, options, report, &selected)?;
    let mut findings = findings(&surveys, &selected, is_local);
    findings.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
    findings.dedup();
    let queries: Vec<_> = surveys.queries.iter().filter(|(id, _)| selected.contains(*id)).collect();
    let unjudged: Vec<&NodeId> = queries.iter().filter(|(_, q)| !q.survey.is_judged).map(|(id, _)| *id).collect();
    match arguments.output {
        CheckFormat::Text => {
            findings.iter().for_each(|finding| report.diagnostic(finding));
            let found =
                if findings.is_empty() { "no findings".into() } else { pipeline::counted(findings.len(), "finding") };
            let noun = if queries.len() == 1 { "query" } else { "queries" };
            let unjudged = match unjudged.len() {
                0 => String::new(),
                n => format!("; of {n} only the syntax, since they read what nobody has described"),
            };
            let counted = format!("Checked {} {noun}: {found}{unjudged}", queries.len());
            report.summary(&counted, findings.is_empty());
        }
        CheckFormat::Json => {
            println!("{}", json!({"findings": findings.iter().map(plain).collect::<Vec<_>>(), "unjudged": unjudged}))
        }
        CheckFormat::Sarif => println!("{}", sarif(&findings)),
        CheckFormat::Github => findings.iter().for_each(|finding| println!("{}", annotation(finding))),
    }
    let is_wrong = |finding: &Diagnostic| finding.severity == Severity::Error || options.warn_error;
    Ok(if findings.iter().any(is_wrong) { FAILED } else { OK })
}

fn findings(surveys: &Surveys, selected: &NodeSet, is_local: bool) -> Vec<Diagnostic> {
    let manifest = &surveys.world.manifest;
    let unrendered = surveys.unrendered.iter().filter(|(id, _)| selected.contains(id));
    let mut found: Vec<Diagnostic> = unrendered.map(|(_, diagnostic)| diagnostic.clone()).collect();
    for id in selected {
        if let Some(node) = manifest.nodes.get(id) {
            found.extend(of_query(surveys, node, is_local));
            found.extend(of_columns(surveys, node));
        }
        if let Some(test) = manifest.unit_tests.get(id) {
            found.extend(of_fixtures(surveys, test));
        }
    }
    found
}

/// The mistakes of a node's own SQL. A query holds the ephemeral models that it reads: theirs are told once, at their own place.
fn of_query(surveys: &Surveys, node: &Node, is_local: bool) -> Vec<Diagnostic> {
    let Some(query) = surveys.queries.get(&node.unique_id) else { return Vec::new() };
    let manifest = &surveys.world.manifest;
    let is_wrong = |id: &NodeId| {
        *id != node.unique_id
            && manifest.nodes.get(id).is_some_and(Node::is_ephemeral)
            && surveys.queries.get(id).is_some_and(|q| !q.survey.findings.is_empty())
    };
    if surveys.world.graph.with_ancestors([&node.unique_id], None).iter().any(is_wrong) {
        return Vec::new();
    }
    let counts = |error: &&SqlError| is_local || error.code != Code::SQL_UNSUPPORTED;
    query.survey.findings.iter().filter(counts).map(|error| placed(node, &query.compiled, error)).collect()
}

fn placed(node: &Node, compiled: &str, error: &SqlError) -> Diagnostic {
    let mut finding = Diagnostic::error(error.code, error.message.clone());
    finding.help.clone_from(&error.help);
    let is_yaml = node.test.as_ref().is_some_and(|test| test.is_generic());
    let place = match file_text(node, &node.original_file_path).filter(|_| !is_yaml) {
        Some(text) => Place::of_offset(&node.original_file_path, &text, locate(&text, compiled, error.at)),
        None => Place::at(&node.original_file_path, node.line, 0),
    };
    finding.at(place).note(format!("{} {}", node.resource_type, node.name))
}

fn file_text(node: &Node, file: &str) -> Option<String> {
    rsdbt_sys::read(&std::path::Path::new(&node.root).join(file)).ok()
}

/// What YAML says of a model's columns, against the columns that it makes.
fn of_columns(surveys: &Surveys, node: &Node) -> Vec<Diagnostic> {
    let is_model = matches!(node.resource_type, ResourceType::Model | ResourceType::Snapshot | ResourceType::Seed);
    let Some(made) = surveys.columns(&node.unique_id).filter(|_| is_model) else { return Vec::new() };
    let is_contract = node.setting("contract").and_then(|contract| contract.get("enforced")) == Some(&Json::Bool(true));
    let file = node
        .patch_path
        .as_deref()
        .map_or(&*node.original_file_path, |path| path.split_once("://").map_or(path, |(_, path)| path));
    let text = file_text(node, file).unwrap_or_default();
    let at = |column: &str| Place::at(file, yaml_line(&text, &node.name, column), 0);
    let mut found = Vec::new();
    for column in node.columns.values() {
        let same = made.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
        let Some((_, ty)) = same else {
            let message = format!("{} {} has no column '{}'", node.resource_type, node.name, column.name);
            let finding = match is_contract {
                true => Diagnostic::error(Code::CONTRACT, message),
                false => Diagnostic::warning(Code::PROPERTY, message),
            };
            found.push(near(finding, &column.name, made).at(at(&column.name)));
            continue;
        };
        let wanted = column.data_type.as_deref().and_then(type_of).filter(|_| is_contract);
        if let Some(wanted) =
            wanted.filter(|wanted| wanted.to_string() != ty.to_string() && ty.to_string() != "UNKNOWN")
        {
            let message = format!("the contract of {} says {} {wanted}, its query makes {ty}", node.name, column.name);
            found.push(Diagnostic::error(Code::CONTRACT, message).at(at(&column.name)));
        }
    }
    let is_told = |name: &str| node.columns.values().any(|column| column.name.eq_ignore_ascii_case(name));
    for (name, ty) in made.iter().filter(|(name, _)| is_contract && !is_told(name)) {
        let message = format!("the query of {} makes {name} {ty}, which its contract does not have", node.name);
        found.push(Diagnostic::error(Code::CONTRACT, message).at(at("")));
    }
    found
}

fn near(finding: Diagnostic, name: &str, columns: &Columns) -> Diagnostic {
    match closest(name, columns.iter().map(|(name, _)| name.as_str())) {
        Some(near) => finding.help(format!("did you mean '{near}'?")),
        None => finding
            .help(format!("it has {}", columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", "))),
    }
}

/// The line of a column's entry behind its resource's, counted from 1; 0 where it is not found.
fn yaml_line(text: &str, resource: &str, column: &str) -> usize {
    let named = |line: &str, name: &str| {
        let rest = line.trim_start().trim_start_matches("- ").trim_start().trim_start_matches('{').trim_start();
        let value = rest.strip_prefix("name:").map(|value| value.split([',', '}', '#']).next().unwrap_or_default());
        value.is_some_and(|value| value.trim().trim_matches(['"', '\'']) == name)
    };
    let lines: Vec<&str> = text.lines().collect();
    let Some(from) = lines.iter().position(|line| named(line, resource)) else { return 0 };
    let inside = lines[from + 1..].iter().position(|line| named(line, column));
    inside.map_or(from + 1, |at| from + at + 2)
}

/// The columns that the rows of a unit test name.
fn of_fixtures(surveys: &Surveys, test: &UnitTest) -> Vec<Diagnostic> {
    let model = test.depends_on.iter().find(|id| name_of(surveys, id) == Some(&test.model)).cloned();
    let mut found = Vec::new();
    let mut compare = |id: Option<&NodeId>, rows: &UnitRows, what: &str| {
        let (Some(columns), UnitRows::Dicts(rows)) = (id.and_then(|id| surveys.columns(id)), rows) else { return };
        let mut names: Vec<&String> = rows.iter().flat_map(|row| row.keys()).collect();
        names.sort();
        names.dedup();
        for name in names.into_iter().filter(|name| !columns.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)))
        {
            let message = format!("unit test {}: {what} has no column '{name}'", test.name);
            let place = Place::at(&test.original_file_path, test.line, 0);
            found.push(near(Diagnostic::error(Code::PROPERTY, message), name, columns).at(place));
        }
    };
    for given in &test.given {
        compare(input(surveys, test, &given.input).as_ref(), &given.rows, &given.input);
    }
    compare(model.as_ref(), &test.expect, &test.model);
    found
}

fn name_of<'s>(surveys: &'s Surveys, id: &str) -> Option<&'s String> {
    surveys.world.manifest.nodes.get(id).map(|node| &node.name)
}

/// What `ref('x')` or `source('a', 'b')` stands for.
fn input(surveys: &Surveys, test: &UnitTest, text: &str) -> Option<NodeId> {
    let words: Vec<&str> = text.split(['\'', '"']).skip(1).step_by(2).collect();
    let manifest = &surveys.world.manifest;
    match (text.trim_start().starts_with("source"), words.as_slice()) {
        (true, [source, table]) => {
            let found = manifest.sources.values().find(|s| s.source_name == *source && s.name == *table)?;
            Some(found.unique_id.clone())
        }
        (false, [.., name]) => {
            let model = test.depends_on.iter().chain(manifest.nodes.keys());
            model.into_iter().find(|id| name_of(surveys, id).is_some_and(|known| known == name)).cloned()
        }
        _ => None,
    }
}

fn severity(finding: &Diagnostic) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn plain(finding: &Diagnostic) -> Json {
    let place = finding.place.clone().unwrap_or_default();
    json!({
        "code": finding.code.0, "severity": severity(finding), "message": finding.message, "file": place.file,
        "line": place.line, "column": place.column, "help": finding.help, "notes": finding.notes,
    })
}

/// A workflow command of GitHub Actions, which shows the finding beside its line.
fn annotation(finding: &Diagnostic) -> String {
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let value = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let place = finding.place.clone().unwrap_or_default();
    let help = finding.help.as_ref().map_or_else(String::new, |help| format!("\n{help}"));
    format!(
        "::{} file={},line={},col={},title={}::{}",
        severity(finding),
        value(&place.file),
        place.line.max(1),
        place.column.max(1),
        value(finding.code.0),
        escaped(&format!("{}{help}", finding.message))
    )
}

/// The findings as a SARIF 2.1.0 log.
fn sarif(findings: &[Diagnostic]) -> Json {
    let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code.0).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Json> = codes
        .iter()
        .map(|code| json!({"id": code, "shortDescription": {"text": rsdbt_base::explain(code).unwrap_or_default()}}))
        .collect();
    let results: Vec<Json> = findings
        .iter()
        .map(|finding| {
            let place = finding.place.clone().unwrap_or_default();
            let help = finding.help.as_ref().map_or_else(String::new, |help| format!("\n{help}"));
            json!({
                "ruleId": finding.code.0, "level": severity(finding), "message": {"text": format!("{}{help}", finding.message)},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": place.file},
                    "region": {"startLine": place.line.max(1), "startColumn": place.column.max(1)},
                }}],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "rsdbt", "version": env!("CARGO_PKG_VERSION"), "rules": rules}}, "results": results}],
    })
}
