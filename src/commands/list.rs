//! `ls`.

use crate::args::{ListArgs, ListFormat};
use crate::options::Options;
use crate::pipeline::{self, Ready};
use crate::report::Report;
use crate::{OK, Stop};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_project::artifact::{node_json, source_json};
use serde_json::{Map, Value as Json, json};
use std::io::Write;
use std::sync::Arc;

/// dbt's keys of `--output json`.
const KEYS: [&str; 12] = [
    "alias",
    "name",
    "package_name",
    "depends_on",
    "tags",
    "config",
    "resource_type",
    "source_name",
    "original_file_path",
    "unique_id",
    "access",
    "group",
];

pub fn list(options: &Options, arguments: &ListArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ready = pipeline::prepare(options, report)?;
    let selected = ready.select(options)?;
    if selected.is_empty() {
        report.diagnostic(&Diagnostic::warning(Code::USAGE, "No nodes selected!"));
    }
    let keys: Vec<String> = arguments.output_keys.iter().flat_map(|k| k.split([',', ' '])).map(str::to_owned).collect();
    let mut lines: Vec<String> = selected.iter().map(|id| line(&ready, id, arguments.output, &keys)).collect();
    lines.sort();
    let mut out = std::io::stdout().lock();
    for line in lines {
        // A reader that has gone away (`| head`) is no error of ours.
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    if options.write_json {
        ready.write_manifest()?;
    }
    // The process ends: nobody needs its memory back piece by piece.
    std::mem::forget(ready);
    Ok(OK)
}

fn line(ready: &Ready, id: &str, output: ListFormat, keys: &[String]) -> String {
    let manifest = &ready.manifest;
    match output {
        ListFormat::Path => manifest.original_file_path(id).to_owned(),
        ListFormat::Name => match manifest.sources.get(id) {
            Some(source) => format!("{}.{}", source.source_name, source.name),
            None => id.splitn(3, '.').nth(2).map_or_else(|| id.to_owned(), |_| name(ready, id)),
        },
        ListFormat::Selector => {
            let prefix = match id.split('.').next() {
                Some(kind @ ("source" | "exposure" | "unit_test")) => format!("{kind}:"),
                _ => String::new(),
            };
            // A unit test is known by its package and its name.
            match manifest.unit_tests.get(id) {
                Some(test) => format!("{prefix}{}.{}", test.package, test.name),
                None => format!("{prefix}{}", manifest.fqn(id).join(".")),
            }
        }
        ListFormat::Json => {
            let full = match (manifest.nodes.get(id), manifest.sources.get(id)) {
                (Some(node), _) => node_json(node, manifest, ready.invocation.dialect),
                (_, Some(source)) => source_json(source, ready.invocation.dialect),
                _ => {
                    json!({"unique_id": id, "name": name(ready, id), "resource_type": id.split('.').next(), "original_file_path": manifest.original_file_path(id)})
                }
            };
            let wanted: Vec<&str> =
                if keys.is_empty() { KEYS.to_vec() } else { keys.iter().map(String::as_str).collect() };
            let map: Map<String, Json> =
                wanted.iter().filter_map(|key| full.get(key).map(|value| ((*key).to_owned(), value.clone()))).collect();
            Json::Object(map).to_string()
        }
    }
}

fn name(ready: &Ready, id: &str) -> String {
    let manifest = &ready.manifest;
    if let Some(node) = manifest.nodes.get(id) {
        return node.display_name();
    }
    manifest.fqn(id).last().cloned().unwrap_or_else(|| id.to_owned())
}
