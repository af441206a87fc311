//! Nodes that have a file of their own: models, seeds, snapshots, analyses and singular tests.

use super::configs;
use super::host::{Recorded, World};
use super::macros::NodeFile;
use super::naming;
use super::nodes::Nodes;
use super::patches::{Patch, Patches, columns};
use crate::config::{EntryKind, Yaml, merge_into};
use crate::ir::{Manifest, Node, ResourceType};
use crate::load::{FileKind, checksum};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Diagnostics, Dialect, Place};
use rsdbt_jinja::{Engine, File, prepare};
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json};

/// The config tree and property section of a resource type.
fn sections(kind: ResourceType) -> (&'static str, EntryKind) {
    match kind {
        ResourceType::Seed => ("seeds", EntryKind::Seed),
        ResourceType::Snapshot => ("snapshots", EntryKind::Snapshot),
        ResourceType::Test => ("tests", EntryKind::SingularTest),
        ResourceType::Analysis => ("models", EntryKind::Analysis),
        _ => ("models", EntryKind::Model),
    }
}

pub fn parse_files(
    world: &World,
    files: &[NodeFile],
    patches: &Patches,
    nodes: &mut Nodes,
    diagnostics: &mut Diagnostics,
) {
    // An empty file is a model that nobody has written yet: dbt does not run it.
    let is_written = |file: &&NodeFile| !file.text.trim().is_empty() || file.file.kind == FileKind::Seed;
    let files: Vec<&NodeFile> = files.iter().filter(is_written).collect();
    for node in sys::parallel(&files, |file| parse_file(world, file, kind_of(file), patches)) {
        match node {
            Ok(node) => nodes.insert(node, diagnostics),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
}

fn kind_of(file: &NodeFile) -> ResourceType {
    match file.file.kind {
        FileKind::Seed => ResourceType::Seed,
        FileKind::Analysis => ResourceType::Analysis,
        FileKind::SingularTest => ResourceType::Test,
        _ if file.block.is_some() => ResourceType::Snapshot,
        _ => ResourceType::Model,
    }
}

/// Name, version and YAML entry of a model file: `orders_v2.sql` may be version 2 of `orders`.
fn identity<'p, 'r>(
    file: &NodeFile,
    kind: EntryKind,
    patches: &'p Patches<'r>,
) -> (String, Option<Json>, Option<&'p Patch<'r>>) {
    let stem = match &file.block {
        Some(name) => name.clone(),
        None => stem(&file.file.relative).to_owned(),
    };
    let package = &file.file.package;
    if kind == EntryKind::Model
        && let Some((patch, version)) = patches.version(package, &stem)
    {
        return (patch.entry.name.clone(), Some(version.clone()), Some(patch));
    }
    let patch = patches.find(kind, package, &stem);
    (stem, None, patch)
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The folders of a path, without its file.
pub fn folders(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
    parts.pop();
    parts
}

fn parse_file(world: &World, file: &NodeFile, kind: ResourceType, patches: &Patches) -> Result<Node, Diagnostic> {
    let (tree, entry_kind) = sections(kind);
    let (name, version, patch) = identity(file, entry_kind, patches);
    let package = file.file.package.clone();
    let mut fqn = vec![package.clone()];
    fqn.extend(folders(&file.file.relative));
    if kind == ResourceType::Snapshot {
        fqn.push(stem(&file.file.relative).to_owned());
    }
    if kind == ResourceType::Analysis {
        fqn.insert(1, "analysis".to_owned());
    }
    fqn.push(name.clone());
    let suffix = version.as_ref().map(version_text);
    if let Some(version) = &suffix {
        fqn.push(format!("v{version}"));
    }
    let mut node = Node::named(kind, &package, &name);
    if let Some(version) = &suffix {
        node.unique_id = format!("{}.v{version}", node.unique_id);
    }
    node.path = file.file.relative.clone();
    node.original_file_path = file.file.path.clone();
    node.root = root_of(world, &package);
    node.template = file.template.clone();
    node.raw_code = file.text.clone();
    node.checksum = file.file.checksum.clone();
    node.fqn = fqn;
    node.version = version;
    for layer in configs::of_project(world, tree, &package, &node.fqn) {
        merge_into(&mut node.config, &layer);
    }
    let of_yaml = patch.map(|patch| apply_patch(world, &mut node, patch)).transpose()?.unwrap_or_default();
    let of_file = if kind == ResourceType::Seed { Map::new() } else { render(world, &mut node)? };
    configs::finish(world, tree, &mut node, &[&of_yaml, &of_file]);
    if kind == ResourceType::Seed && node.setting("quote_columns").is_none() {
        node.config.insert("quote_columns".into(), Json::Null);
    }
    if kind == ResourceType::Test {
        configs::store_failures(world, &mut node);
    }
    check_materialization(&node, &file.file.shown)?;
    if world.invocation.dialect == Dialect::GoogleSql {
        super::bigquery::check(&node)?;
    }
    naming::place(world, &mut node)?;
    Ok(node)
}

pub fn root_of(world: &World, package: &str) -> String {
    let found = world.raw.packages.iter().find(|p| p.name == package);
    found.unwrap_or(&world.raw.project).root.clone()
}

fn version_text(version: &Json) -> String {
    version.as_str().map_or_else(|| version.to_string(), str::to_owned)
}

/// Takes over what YAML says of a node; its settings come back, too.
fn apply_patch(world: &World, node: &mut Node, patch: &Patch) -> Result<Map<String, Json>, Diagnostic> {
    let rendered = |config: Map<String, Json>| {
        configs::rendered(world, &patch.file.package, &config)
            .map_err(|found| Diagnostic { source: None, ..found }.at(patch.place()))
    };
    let yaml = &patch.entry.yaml;
    node.patch_path = Some(patch.patch_path());
    node.description = yaml.get("description").text().unwrap_or_default();
    node.columns = columns(yaml);
    node.constraints = yaml.get("constraints").to_json().as_array().cloned().unwrap_or_default();
    node.line = yaml.line;
    let mut settings = rendered(patch.config())?;
    merge_into(&mut node.config, &settings);
    settings.shift_remove("latest_version");
    let versions = yaml.get("versions").list();
    let Some(version) = node.version.clone() else { return Ok(settings) };
    let newest = versions.iter().map(|v| v.get("v").to_json()).max_by(|a, b| {
        let number = |v: &Json| v.as_f64().unwrap_or(f64::NAN);
        number(a).partial_cmp(&number(b)).unwrap_or_else(|| a.to_string().cmp(&b.to_string()))
    });
    node.latest_version = Some(yaml.get("latest_version").to_json()).filter(|v| !v.is_null()).or(newest);
    if let Some(own) = versions.iter().find(|v| v.get("v").to_json() == version) {
        let config = rendered(super::patches::config_of(own))?;
        merge_into(&mut node.config, &config);
        settings.extend(config);
        if !own.get("columns").is_null() {
            node.columns = versioned_columns(yaml, own);
        }
        if let Some(text) = own.get("description").text() {
            node.description = text;
        }
    }
    Ok(settings)
}

/// `columns: [include: all, exclude: [...]]` and own columns on top.
fn versioned_columns(base: &Yaml, version: &Yaml) -> IndexMap<String, crate::ir::ColumnInfo> {
    let mut found = IndexMap::new();
    for item in version.get("columns").list() {
        let include = item.get("include");
        if !include.is_null() {
            let wanted = include.texts();
            let all = wanted.iter().any(|w| w == "all" || w == "*");
            let excluded = item.get("exclude").texts();
            let inherited = columns(base)
                .into_iter()
                .filter(|(name, _)| (all || wanted.contains(name)) && !excluded.contains(name));
            found.extend(inherited);
        }
    }
    found.extend(columns(version));
    found
}

/// Renders the node's file and takes over what it records; the settings of its calls come back, too.
fn render(world: &World, node: &mut Node) -> Result<Map<String, Json>, Diagnostic> {
    let host = world.host(&node.package, naming::node_json(node), Map::clone(&node.config));
    let scope = world.engine.scope(host.clone(), &node.package);
    world.engine.render(&node.template, &scope).map_err(|error| error.diagnostic)?;
    // Foreign keys refer to nodes, too.
    let of_columns = node.columns.values().flat_map(|column| &column.constraints);
    for to in node.constraints.iter().chain(of_columns).filter_map(|c| c.get("to").and_then(Json::as_str)) {
        world.engine.render_text(&format!("{{{{ {to} }}}}"), &scope).map_err(|error| error.diagnostic)?;
    }
    Ok(record(node, host.recorded()))
}

/// Snapshots that stand in YAML alone: `relation: ref('x')` and a `config`.
pub fn parse_yaml_snapshots(world: &World, patches: &Patches, nodes: &mut Nodes, diagnostics: &mut Diagnostics) {
    for patch in patches.list.iter().filter(|patch| patch.entry.kind == EntryKind::Snapshot) {
        let Some(relation) = patch.entry.yaml.get("relation").text() else { continue };
        match yaml_snapshot(world, patch, &relation) {
            Ok(node) => nodes.insert(node, diagnostics),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
}

fn yaml_snapshot(world: &World, patch: &Patch, relation: &str) -> Result<Node, Diagnostic> {
    let (package, name) = (&patch.file.package, &patch.entry.name);
    let sql = format!("select * from {{{{ {relation} }}}}");
    let template = format!("{} (snapshot {name})", patch.file.shown);
    let prepared = prepare(&template, &sql).map_err(|d| Diagnostic { source: None, ..d }.at(patch.place()))?;
    world.engine.registry().register(&File { package, path: &template, source: &sql, prepared });
    let mut node = Node::named(ResourceType::Snapshot, package, name);
    node.path = patch.file.relative.clone();
    node.original_file_path = patch.file.path.clone();
    node.root = root_of(world, package);
    node.checksum = checksum(&sql);
    node.template = template;
    node.raw_code = sql;
    let mut fqn = vec![package.clone()];
    fqn.extend(folders(&patch.file.relative));
    fqn.push(name.clone());
    node.fqn = fqn;
    for layer in configs::of_project(world, "snapshots", package, &node.fqn) {
        merge_into(&mut node.config, &layer);
    }
    let of_yaml = apply_patch(world, &mut node, patch)?;
    render(world, &mut node).map_err(|d| Diagnostic { source: None, ..d }.at(patch.place()))?;
    configs::finish(world, "snapshots", &mut node, &[&of_yaml]);
    naming::place(world, &mut node)?;
    Ok(node)
}

/// Makes the templates of snapshots known that stand in no file.
pub fn register_yaml_snapshots(engine: &Engine, manifest: &Manifest) {
    let nodes = manifest.nodes.values().filter(|node| node.resource_type == ResourceType::Snapshot);
    for node in nodes.filter(|node| !engine.registry().knows(&node.template)) {
        // It was prepared before, without a fault.
        if let Ok(prepared) = prepare(&node.template, &node.raw_code) {
            let file = File { package: &node.package, path: &node.template, source: &node.raw_code, prepared };
            engine.registry().register(&file);
        }
    }
}

/// Takes over what a template asked for; its settings as one layer come back.
pub fn record(node: &mut Node, recorded: Recorded) -> Map<String, Json> {
    for layer in &recorded.configs {
        merge_into(&mut node.config, layer);
    }
    node.refs = recorded.refs;
    node.sources = recorded.sources;
    node.macros = recorded.macros;
    configs::of_calls(&recorded.configs)
}

fn check_materialization(node: &Node, file: &str) -> Result<(), Diagnostic> {
    match node.config.get("materialized") {
        Some(Json::String(_)) => Ok(()),
        _ => Err(Diagnostic::error(
            Code::CONFIG,
            format!("the model '{}' has no 'materialized' setting that is a text", node.name),
        )
        .at(Place::file(file))),
    }
}

/// A node for SQL from the command line (`show --inline`, `compile --inline`).
pub fn parse_inline(
    world_of: (&rsdbt_jinja::Engine, &std::sync::Arc<crate::ir::Invocation>, &crate::load::RawProject),
    sql: &str,
) -> Result<Node, Diagnostic> {
    let (engine, invocation, raw) = world_of;
    let world = World {
        engine,
        invocation,
        raw,
        docs: std::sync::Arc::default(),
        reads: std::sync::Arc::default(),
        names: naming::Names::default(),
    };
    let package = &raw.project.name;
    let path = "<inline>";
    let prepared = prepare(path, sql)?;
    engine.registry().register(&File { package, path, source: sql, prepared });
    let mut node = Node::named(ResourceType::Operation, package, "inline_query");
    node.unique_id = format!("sql_operation.{package}.inline_query");
    node.path = "inline_query".to_owned();
    node.original_file_path = path.to_owned();
    node.root = raw.project.root.clone();
    node.template = path.to_owned();
    node.raw_code = sql.to_owned();
    node.checksum = checksum(sql);
    render(&world, &mut node)?;
    node.database = invocation.database.clone();
    node.schema = invocation.schema.clone();
    Ok(node)
}
