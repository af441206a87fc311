//! Property files by resource: which YAML entry belongs to which node.

use crate::config::{Entry, EntryKind, Yaml, read_properties, yaml};
use crate::ir::{ColumnInfo, Manifest};
use crate::load::{FileKind, RawFile, RawProject};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Diagnostics, Place, closest};
use serde_json::{Map, Value as Json};

/// An entry and the file it stands in.
pub struct Patch<'r> {
    pub file: &'r RawFile,
    pub entry: Entry,
}

impl Patch<'_> {
    /// The fully qualified name of something that the file declares: package, folders, and its own names.
    pub fn fqn(&self, names: &[&str]) -> Vec<String> {
        let folders = self.file.relative.rsplit_once('/').map_or("", |(folders, _)| folders);
        let folders = folders.split('/').filter(|folder| !folder.is_empty());
        std::iter::once(self.file.package.as_str())
            .chain(folders)
            .chain(names.iter().copied())
            .map(str::to_owned)
            .collect()
    }

    pub fn place(&self) -> Place {
        self.entry.yaml.place(&self.file.shown)
    }

    pub fn config(&self) -> Map<String, Json> {
        config_of(&self.entry.yaml)
    }

    /// dbt writes `package://path`.
    pub fn patch_path(&self) -> String {
        format!("{}://{}", self.file.package, self.file.path)
    }
}

/// `config:` and the settings that may stand beside it.
pub fn config_of(yaml: &Yaml) -> Map<String, Json> {
    let mut config = Map::new();
    for key in ["tags", "meta", "access", "group", "latest_version", "docs", "quote_columns", "column_types"] {
        if !yaml.get(key).is_null() {
            config.insert(key.to_owned(), yaml.get(key).to_json());
        }
    }
    config.extend(yaml.get("config").to_json().as_object().cloned().unwrap_or_default());
    config
}

pub fn read<'r>(raw: &'r RawProject, diagnostics: &mut Diagnostics) -> Vec<Patch<'r>> {
    let mut patches: Vec<Patch> = Vec::new();
    for file in raw.files.iter().filter(|file| file.kind == FileKind::Properties) {
        let parsed = match yaml::parse(&file.shown, &file.text) {
            Ok(parsed) => parsed,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                continue;
            }
        };
        let (properties, problems) = read_properties(&file.shown, &parsed);
        diagnostics.extend(problems);
        for entry in properties.entries {
            let twin = patches.iter().find(|patch| {
                patch.entry.kind == entry.kind
                    && patch.entry.name == entry.name
                    && patch.file.package == file.package
                    && entry.kind != EntryKind::Source
            });
            if let Some(twin) = twin {
                let message = format!("'{}' is described twice", entry.name);
                diagnostics.push(
                    Diagnostic::error(Code::PROPERTY, message)
                        .at(entry.yaml.place(&file.shown))
                        .note(format!("first at {}", twin.place())),
                );
                continue;
            }
            patches.push(Patch { file, entry });
        }
    }
    patches
}

/// The entry of a node, its own package's first.
pub fn find<'p, 'r>(patches: &'p [Patch<'r>], kind: EntryKind, package: &str, name: &str) -> Option<&'p Patch<'r>> {
    patches.iter().find(|patch| patch.entry.kind == kind && patch.entry.name == name && patch.file.package == package)
}

/// `columns:` of an entry; descriptions are rendered later.
pub fn columns(yaml: &Yaml) -> IndexMap<String, ColumnInfo> {
    let mut found = IndexMap::new();
    for column in yaml.get("columns").list() {
        let Some(name) = column.get("name").text() else { continue };
        let config = column.get("config");
        let either =
            |key: &str| if config.get(key).is_null() { column.get(key).clone() } else { config.get(key).clone() };
        found.insert(
            name.clone(),
            ColumnInfo {
                description: column.get("description").text().unwrap_or_default(),
                data_type: column.get("data_type").text(),
                meta: either("meta").to_json().as_object().cloned().unwrap_or_default(),
                tags: either("tags").texts(),
                quote: column.get("quote").flag(),
                policy_tags: column.get("policy_tags").to_json().as_array().cloned().unwrap_or_default(),
                constraints: column.get("constraints").to_json().as_array().cloned().unwrap_or_default(),
                name,
            },
        );
    }
    found
}

/// Entries that describe nothing.
pub fn report_unused(patches: &[Patch], manifest: &Manifest, diagnostics: &mut Diagnostics) {
    for patch in patches {
        let kind = match patch.entry.kind {
            EntryKind::Model => "model",
            EntryKind::Seed => "seed",
            EntryKind::Snapshot => "snapshot",
            _ => continue,
        };
        let fits = |name: &str, word: &str| name == patch.entry.name && word == kind;
        let known = manifest.nodes.values().any(|n| fits(&n.name, n.resource_type.word()))
            || manifest.disabled.iter().any(|n| fits(&n.name, n.resource_type.word()));
        if known {
            continue;
        }
        let message =
            format!("Did not find matching node for patch with name '{}' in the '{kind}s' section", patch.entry.name);
        let names = manifest.nodes.values().filter(|n| n.resource_type.word() == kind).map(|n| n.name.as_str());
        let mut warning = Diagnostic::warning(Code::PROPERTY, message).at(patch.place());
        if let Some(near) = closest(&patch.entry.name, names) {
            warning = warning.help(format!("did you mean '{near}'?"));
        }
        diagnostics.push(warning);
    }
}
