//! `sources:` of property files.

use super::host::World;
use super::models::{project_layers, root_of};
use super::patches::{Patch, columns, config_of};
use crate::base::{Code, Diagnostic, Diagnostics};
use crate::config::{EntryKind, Yaml, merge_into};
use crate::ir::{Manifest, ResourceType, Source, default_config};
use serde_json::{Map, Value as Json};

pub fn parse(world: &World, patches: &[Patch], manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    for patch in patches.iter().filter(|patch| patch.entry.kind == EntryKind::Source) {
        for table in patch.entry.yaml.get("tables").list() {
            let Some(name) = table.get("name").text() else {
                let message = format!("a table of source '{}' has no 'name'", patch.entry.name);
                diagnostics.push(Diagnostic::error(Code::YAML, message).at(table.place(&patch.file.shown)));
                continue;
            };
            match build(world, patch, table, &name) {
                Ok(source) if source.config.get("enabled").and_then(Json::as_bool) == Some(false) => {}
                Ok(source) => {
                    if let Some(twin) = manifest.sources.get(&source.unique_id) {
                        let message = format!(
                            "dbt found two sources with the name \"{}_{name}\".\n- {} ({})\n- {} ({})",
                            patch.entry.name,
                            twin.unique_id,
                            twin.original_file_path,
                            source.unique_id,
                            source.original_file_path
                        );
                        diagnostics
                            .push(Diagnostic::error(Code::DUPLICATE, message).at(table.place(&patch.file.shown)));
                        continue;
                    }
                    manifest.sources.insert(source.unique_id.clone(), source);
                }
                Err(diagnostic) => diagnostics.push(diagnostic),
            }
        }
    }
}

fn build(world: &World, patch: &Patch, table: &Yaml, name: &str) -> Result<Source, Diagnostic> {
    let entry = &patch.entry.yaml;
    let package = patch.file.package.clone();
    let source_name = patch.entry.name.clone();
    let render = |yaml: &Yaml| -> Result<Option<String>, Diagnostic> {
        let Some(text) = yaml.text() else { return Ok(None) };
        let host = world.host(&package, Json::Null, Map::new());
        let scope = world.engine.scope(host, &package);
        let rendered = world.engine.render_text(&text, &scope);
        rendered.map(Some).map_err(|error| error.diagnostic.at(yaml.place(&patch.file.shown)))
    };
    let mut folders: Vec<String> = patch.file.relative.split('/').map(str::to_owned).collect();
    folders.pop();
    let mut fqn = vec![package.clone()];
    fqn.extend(folders);
    fqn.extend([source_name.clone(), name.to_owned()]);
    let mut config = default_config(ResourceType::Source);
    for layer in project_layers(world, "sources", &package, &fqn) {
        merge_into(&mut config, &layer);
    }
    merge_into(&mut config, &config_of(entry));
    merge_into(&mut config, &config_of(table));
    let object = |yaml: &Yaml| yaml.to_json().as_object().cloned().unwrap_or_default();
    let inherited = |key: &str| -> Yaml {
        [table, table.get("config"), entry, entry.get("config")]
            .iter()
            .map(|yaml| yaml.get(key))
            .find(|value| !value.is_null())
            .cloned()
            .unwrap_or_else(|| table.get(key).clone())
    };
    let freshness = freshness(config.get("freshness"), [entry.get("config"), entry, table.get("config"), table]);
    let mut quoting = object(entry.get("quoting"));
    quoting.extend(object(table.get("quoting")));
    let mut meta = object(entry.get("meta"));
    meta.extend(object(table.get("meta")));
    Ok(Source {
        unique_id: format!("source.{package}.{source_name}.{name}"),
        identifier: render(table.get("identifier"))?.unwrap_or_else(|| name.to_owned()),
        database: match render(entry.get("database"))? {
            Some(database) => database,
            None => render(entry.get("project"))?.unwrap_or_else(|| world.invocation.database.clone()),
        },
        schema: match render(entry.get("schema"))? {
            Some(schema) => schema,
            None => render(entry.get("dataset"))?.unwrap_or_else(|| source_name.clone()),
        },
        original_file_path: patch.file.path.clone(),
        root: root_of(world, &package),
        description: table.get("description").text().unwrap_or_default(),
        source_description: entry.get("description").text().unwrap_or_default(),
        loader: entry.get("loader").text().unwrap_or_default(),
        columns: columns(table),
        config,
        meta,
        source_meta: object(entry.get("meta")),
        freshness,
        loaded_at_field: render(&inherited("loaded_at_field"))?,
        loaded_at_query: render(&inherited("loaded_at_query"))?,
        quoting,
        line: table.line,
        fqn,
        package,
        source_name,
        name: name.to_owned(),
    })
}

/// What a table's `freshness` is: the parts of inner layers go before those of outer ones, and an explicit null ends it.
fn freshness(of_project: Option<&Json>, layers: [&Yaml; 4]) -> Option<Json> {
    let mut rules = of_project.and_then(Json::as_object).cloned();
    for layer in layers {
        let Some((_, given)) = layer.entries().find(|(key, _)| key.trim_start_matches('+') == "freshness") else {
            continue;
        };
        match given.to_json() {
            Json::Object(given) => rules.get_or_insert_default().extend(given),
            _ => rules = None,
        }
    }
    rules.map(Json::Object)
}
