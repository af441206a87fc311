//! What only YAML knows: exposures, groups, descriptions of macros; and the rendering of all descriptions.

use super::host::{World, find_doc};
use super::patches::{Patch, Patches};
use crate::config::EntryKind;
use crate::ir::{Exposure, MacroEntry, Manifest};
use indexmap::IndexMap;
use rsdbt_base::Diagnostics;
use rsdbt_jinja::{MacroCall, MacroDef, Registry, macro_calls};
use serde_json::{Map, Value as Json};

/// A macro that no YAML describes, and what it calls.
fn undescribed(definition: &MacroDef, depends_on: Vec<String>) -> MacroEntry {
    MacroEntry {
        unique_id: definition.unique_id.clone(),
        package: definition.package.clone(),
        name: definition.name.clone(),
        file: definition.file.clone(),
        text: definition.text.clone(),
        languages: definition.languages.clone(),
        description: String::new(),
        arguments: Vec::new(),
        patch_path: None,
        depends_on,
    }
}

pub fn parse(world: &World, patches: &Patches, manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    let registry = world.engine.registry();
    for definition in registry.all() {
        let called = called_by(registry, &definition);
        manifest.macros.insert(definition.unique_id.clone(), undescribed(&definition, called));
    }
    for patch in &patches.list {
        match patch.entry.kind {
            EntryKind::Exposure => match exposure(world, patch) {
                Ok(exposure) => {
                    manifest.exposures.insert(exposure.unique_id.clone(), exposure);
                }
                Err(diagnostic) => diagnostics.push(diagnostic),
            },
            EntryKind::Group => {
                let id = format!("group.{}.{}", patch.file.package, patch.entry.name);
                manifest.groups.insert(id, patch.entry.yaml.to_json());
            }
            EntryKind::Macro => {
                let id = format!("macro.{}.{}", patch.file.package, patch.entry.name);
                if let Some(entry) = manifest.macros.get_mut(&id) {
                    entry.description = patch.entry.yaml.get("description").text().unwrap_or_default();
                    entry.arguments =
                        patch.entry.yaml.get("arguments").to_json().as_array().cloned().unwrap_or_default();
                    entry.patch_path = Some(patch.patch_path());
                }
            }
            _ => {}
        }
    }
    let overview = "doc.dbt.__overview__".to_owned();
    if let Some(text) = find_doc(&world.docs, &[], "__overview__") {
        manifest.docs.entry(overview).and_modify(|doc| doc.text = text);
    }
    describe(world, manifest, diagnostics);
}

/// The macros that a macro calls: found as dbt finds them, in the package that is named or the own one, then anywhere.
fn called_by(registry: &Registry, caller: &MacroDef) -> Vec<String> {
    let find = |package: &str, name: &str| {
        let named = registry.namespace(package).and_then(|package| registry.in_package(package, name));
        named.or_else(|| registry.find_anywhere(name))
    };
    let mut called: Vec<String> = Vec::new();
    for call in macro_calls(&caller.text) {
        let found = match &call {
            MacroCall::Named { package, name } => {
                vec![find(package.as_ref().unwrap_or(&caller.package), name).filter(|_| *name != caller.name)]
            }
            MacroCall::Dispatch { name, namespace } => vec![
                find(&caller.package, name).filter(|_| *name != caller.name),
                registry.dispatch(name, namespace.as_deref(), &caller.package).ok(),
            ],
        };
        let ids = found.into_iter().flatten().map(|definition| definition.unique_id.clone());
        ids.for_each(|id| {
            if !called.contains(&id) {
                called.push(id)
            }
        });
    }
    called
}

fn exposure(world: &World, patch: &Patch) -> Result<Exposure, rsdbt_base::Diagnostic> {
    let package = patch.file.package.clone();
    let host = world.host(&package, Json::Null, Map::new());
    let scope = world.engine.scope(host.clone(), &package);
    for call in patch.entry.yaml.get("depends_on").texts() {
        let rendered = world.engine.render_text(&format!("{{{{ {call} }}}}"), &scope);
        rendered.map_err(|error| rsdbt_base::Diagnostic { source: None, ..error.diagnostic }.at(patch.place()))?;
    }
    let recorded = host.recorded();
    let name = patch.entry.name.clone();
    Ok(Exposure {
        unique_id: format!("exposure.{package}.{name}"),
        fqn: vec![package.clone(), name.clone()],
        original_file_path: patch.file.path.clone(),
        entry: patch.entry.yaml.to_json(),
        description: patch.entry.yaml.get("description").text().unwrap_or_default(),
        refs: recorded.refs,
        sources: recorded.sources,
        depends_on: Vec::new(),
        package,
        name,
    })
}

/// Renders `{{ doc('x') }}` in every description.
fn describe(world: &World, manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    let render = |package: &str, text: &mut String| {
        if !text.contains("{{") {
            return None;
        }
        let scope = world.engine.scope(world.host(package, Json::Null, Map::new()), package);
        match world.engine.render_text(text, &scope) {
            Ok(rendered) => {
                *text = rendered;
                None
            }
            Err(error) => Some(error.diagnostic),
        }
    };
    let mut texts: Vec<(String, &mut String)> = Vec::new();
    let columns = |package: &str, columns: &mut IndexMap<String, crate::ir::ColumnInfo>| {
        columns.values_mut().filter_map(|column| render(package, &mut column.description)).collect::<Vec<_>>()
    };
    for node in manifest.nodes.values_mut() {
        diagnostics.extend(columns(&node.package, &mut node.columns));
        texts.push((node.package.clone(), &mut node.description));
    }
    for source in manifest.sources.values_mut() {
        diagnostics.extend(columns(&source.package, &mut source.columns));
        texts.push((source.package.clone(), &mut source.description));
        texts.push((source.package.clone(), &mut source.source_description));
    }
    for exposure in manifest.exposures.values_mut() {
        texts.push((exposure.package.clone(), &mut exposure.description));
    }
    for (package, text) in texts {
        diagnostics.extend(render(&package, text));
    }
}
