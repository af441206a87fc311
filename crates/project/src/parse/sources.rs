//! `sources:` of property files.

use super::configs;
use super::host::World;
use super::models::root_of;
use super::patches::{Patch, Patches, columns, config_of};
use crate::config::{EntryKind, Yaml, merge_into};
use crate::ir::{Manifest, ResourceType, Source, age_limit, default_config};
use rsdbt_base::{Code, Diagnostic, Diagnostics};
use serde_json::{Map, Value as Json};

pub fn parse(world: &World, patches: &Patches, manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    for patch in patches.list.iter().filter(|patch| patch.entry.kind == EntryKind::Source) {
        for table in patch.entry.yaml.get("tables").list() {
            let Some(name) = table.get("name").text() else {
                let message = format!("a table of source '{}' has no 'name'", patch.entry.name);
                diagnostics.push(Diagnostic::error(Code::YAML, message).at(table.place(&patch.file.shown)));
                continue;
            };
            match build(world, patch, table, &name) {
                Ok(source) if !source.config.settings().enabled => {}
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
    let rendered = |text: &str, yaml: &Yaml| {
        let host = world.host(&package, Json::Null, Map::new());
        let scope = world.engine.scope(host, &package);
        let done = world.engine.render_text(text, &scope);
        done.map_err(|error| error.diagnostic.at(yaml.place(&patch.file.shown)))
    };
    let render = |yaml: &Yaml| yaml.text().map(|text| rendered(&text, yaml)).transpose();
    let fqn = patch.fqn(&[&source_name, name]);
    let mut config = default_config(ResourceType::Source);
    for layer in configs::of_project(world, "sources", &package, &fqn) {
        merge_into(&mut config, &layer);
    }
    let of_project = config.clone();
    merge_into(&mut config, &config_of(entry));
    merge_into(&mut config, &config_of(table));
    let object = |yaml: &Yaml| yaml.to_json().as_object().cloned().unwrap_or_default();
    let layers = [entry, entry.get("config"), table, table.get("config")];
    let mut freshness = freshness(of_project.get("freshness"), layers, &patch.file.shown)?;
    if let Some(Json::String(filter)) = freshness.as_mut().and_then(|rules| rules.get_mut("filter")) {
        *filter = rendered(filter, table)?;
    }
    if let Some((text, at)) = external_location(layers) {
        config.insert("external_location".to_owned(), Json::from(rendered(&text, at)?));
    }
    let (loaded_at_field, loaded_at_query) = loaded_at(&of_project, layers, &patch.file.shown)?;
    let mut quoting = object(entry.get("quoting"));
    quoting.extend(object(table.get("quoting")));
    let mut meta = object(entry.get("meta"));
    meta.extend(object(table.get("meta")));
    let own = of_yaml(layers, &patch.file.shown)?;
    let unrendered_config = configs::unrendered(world, ("sources", &package, &fqn), &[&own]);
    let written = |keys: [&str; 2]| keys.into_iter().find_map(|key| entry.get(key).text());
    Ok(Source {
        unrendered_config,
        unrendered_database: written(["database", "project"]),
        unrendered_schema: written(["schema", "dataset"]),
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
        config: config.into(),
        meta,
        source_meta: object(entry.get("meta")),
        freshness,
        loaded_at_field: loaded_at_field.map(|field| rendered(&field, table)).transpose()?,
        loaded_at_query,
        quoting,
        line: table.line,
        fqn,
        package,
        source_name,
        name: name.to_owned(),
    })
}

/// The settings that YAML gives a table, in dbt's form.
fn of_yaml(layers: [&Yaml; 4], file: &str) -> Result<Map<String, Json>, Diagnostic> {
    let [source, source_config, table, table_config] = layers;
    let object = |yaml: &Yaml| yaml.to_json().as_object().cloned().unwrap_or_default();
    let mut all = object(source_config);
    all.extend(object(table_config));
    all.shift_remove("freshness");
    let is_named = |layer: &&Yaml| layer.entries().any(|(key, _)| key == "freshness");
    if layers.iter().any(is_named) {
        let rules = freshness(None, layers, file)?;
        all.insert("freshness".to_owned(), crate::artifact::freshness(rules.as_ref()));
    }
    let (field, query) = loaded_at(&Map::new(), layers, file)?;
    all.insert("loaded_at_field".to_owned(), Json::from(field));
    all.insert("loaded_at_query".to_owned(), Json::from(query));
    let mut meta = Map::new();
    let mut tags = std::collections::BTreeSet::new();
    for layer in [source, source_config, table, table_config] {
        meta.extend(object(layer.get("meta")));
        tags.extend(layer.get("tags").texts());
    }
    all.insert("meta".to_owned(), Json::Object(meta));
    all.insert("tags".to_owned(), tags.into_iter().collect());
    Ok(all)
}

/// `external_location`, in `config` or `meta`: the innermost layer that names it decides, be it with null.
fn external_location(layers: [&Yaml; 4]) -> Option<(String, &Yaml)> {
    let named = |yaml: &'_ Yaml| yaml.entries().any(|(key, _)| key == "external_location");
    let places = layers.iter().rev().flat_map(|layer| [*layer, layer.get("meta")]);
    let found = places.filter(|place| named(place)).map(|place| place.get("external_location")).next()?;
    Some((found.text()?, found))
}

/// A table's `freshness`: the parts of inner layers go before those of outer ones, and an explicit null ends it.
fn freshness(of_project: Option<&Json>, layers: [&Yaml; 4], file: &str) -> Result<Option<Json>, Diagnostic> {
    let [_, _, table, _] = layers;
    let wrong = |why: String, at: &Yaml| {
        let help =
            "write it as freshness: {warn_after: {count: 12, period: hour}, error_after: {count: 1, period: day}}";
        Diagnostic::error(Code::YAML, format!("'freshness': {why}")).at(at.place(file)).help(help)
    };
    let given = layers.iter().filter_map(|layer| layer.entries().find(|(key, _)| key.as_str() == "freshness"));
    let given = given.map(|(_, yaml)| (yaml.to_json(), yaml));
    let mut rules: Option<Map<String, Json>> = None;
    for (layer, at) in of_project.map(|json| (json.clone(), table)).into_iter().chain(given) {
        match layer {
            Json::Null => rules = None,
            Json::Object(layer) => {
                merge_rules(rules.get_or_insert_default(), layer).map_err(|why| wrong(why, at))?;
            }
            other => return Err(wrong(format!("{other} is no map"), at)),
        }
    }
    for rule in ["warn_after", "error_after"] {
        if let Some(Err(why)) = rules.as_ref().and_then(|rules| rules.get(rule)).map(age_limit) {
            return Err(wrong(format!("'{rule}': {why}"), table));
        }
    }
    Ok(rules.map(Json::Object))
}

/// An inner layer may leave `count` or `period` to an outer one.
fn merge_rules(rules: &mut Map<String, Json>, layer: Map<String, Json>) -> Result<(), String> {
    for (key, value) in layer {
        if !["warn_after", "error_after", "filter"].contains(&key.as_str()) {
            return Err(format!("there is no '{key}', only warn_after, error_after and filter"));
        }
        match (rules.get_mut(&key), value) {
            (Some(Json::Object(outer)), Json::Object(inner)) => outer.extend(inner),
            (_, value) => _ = rules.insert(key, value),
        }
    }
    Ok(())
}

/// `loaded_at_field` and `loaded_at_query`: the innermost layer that names one of them decides, be it with null.
fn loaded_at(
    of_project: &Map<String, Json>,
    layers: [&Yaml; 4],
    file: &str,
) -> Result<(Option<String>, Option<String>), Diagnostic> {
    for layer in layers.iter().rev() {
        let named = |key: &str| layer.entries().find(|(name, _)| name.as_str() == key).map(|(_, value)| value);
        match (named("loaded_at_field"), named("loaded_at_query")) {
            (None, None) => {}
            (Some(field), Some(query)) if !field.is_null() && !query.is_null() => {
                let message = "a source has a 'loaded_at_field' or a 'loaded_at_query', not both";
                return Err(Diagnostic::error(Code::YAML, message).at(query.place(file)));
            }
            (field, query) => return Ok((field.and_then(Yaml::text), query.and_then(Yaml::text))),
        }
    }
    let text = |key: &str| of_project.get(key).and_then(Json::as_str).map(str::to_owned);
    Ok((text("loaded_at_field"), text("loaded_at_query")))
}
