//! Generic data tests in property files: one node per entry of `data_tests:`.

use super::configs;
use super::host::{Recorded, World};
use super::models::{record, root_of};
use super::naming;
use super::patches::{Patch, Patches};
use super::test_names::{hash, names, raw_code};
use crate::config::{EntryKind, TestEntry, Yaml, merge_into};
use crate::ir::{Manifest, Node, NodeId, RefCall, ResourceType, TestInfo};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Diagnostics, closest};
use rsdbt_jinja::{Data, Engine, INTERNAL, MacroDef, RenderError, Scope};
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::sync::Arc;

/// What a test is attached to.
struct Target {
    /// The node's or source's id.
    id: NodeId,
    refs: Vec<RefCall>,
    sources: Vec<(String, String)>,
    /// `ref('x')` or `source('a', 'b')`.
    call: String,
    /// Part of the test's name: the model, or `source_table`.
    label: String,
    is_source: bool,
}

impl Target {
    fn recorded(&self) -> Recorded {
        Recorded { refs: self.refs.clone(), sources: self.sources.clone(), ..Recorded::default() }
    }
}

pub fn parse(world: &World, patches: &Patches, manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    let mut described = Described::new();
    for node in manifest.nodes.values() {
        let key = (node.resource_type, node.package.as_str(), node.name.as_str());
        described.entry(key).or_default().push(node);
    }
    let mut wanted = Vec::new();
    for patch in &patches.list {
        for (target, yaml) in targets(patch, &described) {
            let target = Arc::new(target);
            wanted.extend(entries(&yaml).map(|item| (patch, target.clone(), None, item.clone())));
            for column in yaml.get("columns").list() {
                let name = column.get("name").text().unwrap_or_default();
                let quoted = column.get("quote").flag() == Some(true);
                let name = if quoted { world.invocation.dialect.quote(&name) } else { name };
                let of_column = entries(column).map(|item| (patch, target.clone(), Some(name.clone()), item.clone()));
                wanted.extend(of_column);
            }
        }
    }
    let built = sys::parallel(&wanted, |(patch, target, column, item)| build(world, patch, target, (column, item)));
    for node in built {
        match node {
            Ok(node) if !node.settings().enabled => manifest.disabled.push(node),
            // The same test twice is one.
            Ok(node) => _ = manifest.nodes.entry(node.unique_id.clone()).or_insert(node),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
}

fn entries(yaml: &Yaml) -> impl Iterator<Item = &Yaml> {
    yaml.get("data_tests").list().iter().chain(yaml.get("tests").list())
}

/// Nodes that YAML may describe, by type, package and name: versions of a model share them.
type Described<'m> = HashMap<(ResourceType, &'m str, &'m str), Vec<&'m Node>>;

/// The nodes that a patch describes, each with the YAML its tests stand in.
fn targets(patch: &Patch, described: &Described) -> Vec<(Target, Yaml)> {
    let name = &patch.entry.name;
    let yaml = &patch.entry.yaml;
    let of_node = |kind: ResourceType| {
        let nodes = described.get(&(kind, patch.file.package.as_str(), name.as_str()));
        let nodes: Vec<(Target, Yaml)> = nodes
            .into_iter()
            .flatten()
            .map(|node| {
                let version = node.version.as_ref().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
                let call = match &version {
                    Some(version) => format!("ref('{name}', version='{version}')"),
                    None => format!("ref('{name}')"),
                };
                let label = version.as_ref().map_or_else(|| name.clone(), |v| format!("{name}_v{v}"));
                let refs = vec![RefCall { package: None, name: name.clone(), version }];
                let id = node.unique_id.clone();
                (Target { id, refs, sources: Vec::new(), call, label, is_source: false }, yaml.clone())
            })
            .collect();
        nodes
    };
    match patch.entry.kind {
        // dbt lets a `models:` entry describe a seed or snapshot of that name.
        EntryKind::Model => [ResourceType::Model, ResourceType::Seed, ResourceType::Snapshot]
            .into_iter()
            .map(of_node)
            .find(|found| !found.is_empty())
            .unwrap_or_default(),
        EntryKind::Seed => of_node(ResourceType::Seed),
        EntryKind::Snapshot => of_node(ResourceType::Snapshot),
        EntryKind::Source => {
            let tables = yaml.get("tables").list().iter().filter_map(|table| Some((table.get("name").text()?, table)));
            tables
                .map(|(table, yaml)| {
                    let id = format!("source.{}.{name}.{table}", patch.file.package);
                    let call = format!("source('{name}', '{table}')");
                    let label = format!("{name}_{table}");
                    let sources = vec![(name.clone(), table)];
                    (Target { id, refs: Vec::new(), sources, call, label, is_source: true }, yaml.clone())
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

fn build(
    world: &World,
    patch: &Patch,
    target: &Target,
    (column, item): (&Option<String>, &Yaml),
) -> Result<Node, Diagnostic> {
    let file = &patch.file.shown;
    let entry = TestEntry::read(file, item)?;
    let package = patch.file.package.clone();
    let (namespace, test) = match entry.test.split_once('.') {
        Some((namespace, test)) => (Some(namespace.to_owned()), test.to_owned()),
        None => (None, entry.test.clone()),
    };
    let mut kwargs: IndexMap<String, Json> = entry.arguments.clone().into_iter().collect();
    if let Some(column) = column {
        kwargs.insert("column_name".to_owned(), Json::from(column.as_str()));
    }
    kwargs.insert("model".to_owned(), Json::from(format!("{{{{ get_where_subquery({}) }}}}", target.call)));
    let source = if target.is_source { "source_" } else { "" };
    let kind = match &namespace {
        Some(namespace) => format!("{namespace}_{source}{test}"),
        None => format!("{source}{test}"),
    };
    let (short, full) = names(&kind, &target.label, &kwargs);
    let name = entry.custom_name.clone().unwrap_or_else(|| full.clone());
    let mut yaml_config = configs::rendered(world, &package, &entry.config).map_err(|d| d.at(item.place(file)))?;
    if entry.custom_name.is_none() && short != full && !yaml_config.contains_key("alias") {
        yaml_config.insert("alias".to_owned(), Json::from(short.as_str()));
    }
    let info =
        TestInfo { name: test, namespace, kwargs, column_name: column.clone(), attached_node: Some(target.id.clone()) };
    let mut node = Node::named(ResourceType::Test, &package, &name);
    node.unique_id = format!("test.{package}.{name}.{}", hash(&name, &info));
    node.path = format!("{}.sql", entry.custom_name.clone().unwrap_or(short));
    node.original_file_path = patch.file.path.clone();
    node.root = root_of(world, &package);
    node.raw_code = raw_code(&info, &yaml_config);
    node.description = entry.description.clone();
    node.fqn = patch.fqn(&[&name]);
    node.line = entry.line;
    for layer in configs::of_project(world, "tests", &package, &node.fqn) {
        merge_into(&mut node.config, &layer);
    }
    node.test = Some(info);
    render(world, &mut node, target, &yaml_config)
        .map_err(|d| if d.place.is_none() { d.at(item.place(file)) } else { d })?;
    naming::place(world, &mut node)?;
    Ok(node)
}

/// Learns what the test refers to, by rendering its arguments and calling its macro.
fn render(world: &World, node: &mut Node, target: &Target, yaml_config: &Map<String, Json>) -> Result<(), Diagnostic> {
    let Some(info) = node.test.clone() else { return Ok(()) };
    let Some(definition) = definition(world.engine, node) else { return Err(undefined(world, &info)) };
    let is_plain = ["test_not_null", "test_unique"].contains(&definition.name.as_str());
    let of_macro = if is_plain && definition.package == INTERNAL {
        // As in dbt: what these refer to is known, and nothing is rendered.
        record(node, Recorded { macros: vec![definition.unique_id.clone()], ..target.recorded() })
    } else {
        let host = world.host(&node.package, naming::node_json(node), Map::clone(&node.config));
        let scope = world.engine.scope(host.clone(), &node.package);
        let plain = |error: RenderError| Diagnostic { source: None, place: None, ..error.diagnostic };
        let arguments = kwargs(world.engine, &scope, &info).map_err(plain)?;
        world.engine.call(&definition, &scope, arguments).map_err(|error| error.diagnostic)?;
        record(node, host.recorded())
    };
    merge_into(&mut node.config, yaml_config);
    configs::finish(world, "tests", node, &[&of_macro, yaml_config]);
    configs::store_failures(world, node);
    Ok(())
}

fn undefined(world: &World, info: &TestInfo) -> Diagnostic {
    let all = world.engine.registry().all();
    let known = all.iter().filter_map(|definition| definition.name.strip_prefix("test_"));
    let error = Diagnostic::error(
        Code::JINJA,
        format!("there is no generic test '{}': 'test_{}' is undefined", info.name, info.name),
    );
    match closest(&info.name, known) {
        Some(near) => error.help(format!("did you mean '{near}'?")),
        None => error.help("define it with {% test %} in a macro file, or install the package that has it"),
    }
}

/// The macro of a generic test.
pub fn definition(engine: &Engine, node: &Node) -> Option<Arc<MacroDef>> {
    let info = node.test.as_ref()?;
    let registry = engine.registry();
    let name = format!("test_{}", info.name);
    match &info.namespace {
        Some(namespace) => registry.namespace(namespace).and_then(|package| registry.in_package(package, &name)),
        None => registry.find(&node.package, &name),
    }
}

/// A generic test's arguments as values: text that is or looks like a call is rendered.
pub fn kwargs(engine: &Engine, scope: &Scope, info: &TestInfo) -> Result<IndexMap<String, Data>, RenderError> {
    let mut values = IndexMap::new();
    for (key, value) in &info.kwargs {
        values.insert(key.clone(), rendered_argument(engine, scope, value, key == "column_name")?);
    }
    Ok(values)
}

fn rendered_argument(engine: &Engine, scope: &Scope, value: &Json, as_text: bool) -> Result<Data, RenderError> {
    Ok(match value {
        Json::String(text) => {
            let is_call = ["ref", "source", "var", "env_var", "doc"].iter().any(|name| {
                let rest = text.trim().strip_prefix(name).map(str::trim_start);
                rest.is_some_and(|rest| rest.starts_with('(') && rest.trim_end().ends_with(')'))
            });
            let text = if is_call { format!("{{{{ {} }}}}", text.trim()) } else { text.clone() };
            if as_text { Data::Text(engine.render_text(&text, scope)?) } else { engine.render_native(&text, scope)? }
        }
        Json::Array(items) => Data::List(
            items.iter().map(|item| rendered_argument(engine, scope, item, false)).collect::<Result<_, _>>()?,
        ),
        Json::Object(map) => Data::Map(
            map.iter()
                .map(|(k, v)| Ok((k.clone(), rendered_argument(engine, scope, v, false)?)))
                .collect::<Result<_, _>>()?,
        ),
        other => Data::from(other.clone()),
    })
}
