//! Property files by resource: which YAML entry belongs to which node.

use crate::config::{Entry, EntryKind, Yaml, read_properties, yaml};
use crate::ir::{ColumnInfo, Manifest};
use crate::load::{FileKind, RawFile, RawProject};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Diagnostics, Place, closest};
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json};
use std::collections::{HashMap, HashSet};

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
    for key in
        ["tags", "meta", "access", "group", "latest_version", "docs", "contract", "quote_columns", "column_types"]
    {
        if !yaml.get(key).is_null() {
            config.insert(key.to_owned(), yaml.get(key).to_json());
        }
    }
    config.extend(yaml.get("config").to_json().as_object().cloned().unwrap_or_default());
    config
}

/// All entries, found by what they describe.
#[derive(Default)]
pub struct Patches<'r> {
    pub list: Vec<Patch<'r>>,
    places: HashMap<(EntryKind, String, String), usize>,
    /// Package and file name of a version -> the entry, and the version as written.
    versions: HashMap<(String, String), (usize, Json)>,
}

impl<'r> Patches<'r> {
    /// The entry of a node of `package`.
    pub fn find(&self, kind: EntryKind, package: &str, name: &str) -> Option<&Patch<'r>> {
        let at = self.places.get(&(kind, package.to_owned(), name.to_owned()))?;
        self.list.get(*at)
    }

    /// The entry that says that the file `stem` is a version of its model, and which.
    pub fn version(&self, package: &str, stem: &str) -> Option<(&Patch<'r>, &Json)> {
        let (at, version) = self.versions.get(&(package.to_owned(), stem.to_owned()))?;
        Some((self.list.get(*at)?, version))
    }

    fn add(&mut self, patch: Patch<'r>, diagnostics: &mut Diagnostics) {
        let (kind, name, package) = (patch.entry.kind, &patch.entry.name, &patch.file.package);
        let key = (kind, package.clone(), name.clone());
        if let Some(twin) = self.places.get(&key).filter(|_| kind != EntryKind::Source) {
            let message = format!("'{name}' is described twice");
            let mut error = Diagnostic::error(Code::PROPERTY, message).at(patch.place());
            if let Some(twin) = self.list.get(*twin) {
                error = error.note(format!("first at {}", twin.place()));
            }
            diagnostics.push(error);
            return;
        }
        let at = self.list.len();
        for version in patch.entry.yaml.get("versions").list().iter().filter(|_| kind == EntryKind::Model) {
            let v = version.get("v");
            let text = v.text().unwrap_or_default();
            let files = match version.get("defined_in").text() {
                Some(file) => vec![file],
                None => vec![format!("{name}_v{text}"), format!("{name}.v{text}")],
            };
            for file in files {
                self.versions.entry((package.clone(), file)).or_insert_with(|| (at, v.to_json()));
            }
        }
        self.places.entry(key).or_insert(at);
        self.list.push(patch);
    }
}

pub fn read<'r>(raw: &'r RawProject, diagnostics: &mut Diagnostics) -> Patches<'r> {
    let mut patches = Patches::default();
    let files: Vec<&RawFile> = raw.files.iter().filter(|file| file.kind == FileKind::Properties).collect();
    let parsed = sys::parallel(&files, |file| yaml::parse(&file.shown, &file.text));
    for (file, parsed) in files.into_iter().zip(parsed) {
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                continue;
            }
        };
        let (properties, problems) = read_properties(&file.shown, &parsed);
        diagnostics.extend(problems);
        for entry in properties.entries {
            patches.add(Patch { file, entry }, diagnostics);
        }
    }
    patches
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
pub fn report_unused(patches: &Patches, manifest: &Manifest, diagnostics: &mut Diagnostics) {
    let nodes = manifest.nodes.values().chain(&manifest.disabled);
    let known: HashSet<(&str, &str)> = nodes.map(|node| (node.resource_type.word(), node.name.as_str())).collect();
    for patch in &patches.list {
        let kind = match patch.entry.kind {
            EntryKind::Model => "model",
            EntryKind::Seed => "seed",
            EntryKind::Snapshot => "snapshot",
            _ => continue,
        };
        if known.contains(&(kind, patch.entry.name.as_str())) {
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
