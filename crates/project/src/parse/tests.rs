//! Generic data tests in property files: one node per entry of `data_tests:`.

use super::host::World;
use super::models::{insert, project_layers, record, root_of};
use super::naming;
use super::patches::Patch;
use crate::config::{EntryKind, TestEntry, Yaml, merge_into};
use crate::ir::{Manifest, Node, NodeId, ResourceType, TestInfo};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Diagnostics, closest};
use rsdbt_jinja::{Data, Engine, MacroDef, RenderError, Scope};
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

/// What a test is attached to.
struct Target {
    /// The node's or source's id.
    id: NodeId,
    /// `ref('x')` or `source('a', 'b')`.
    call: String,
    /// Part of the test's name: the model, or `source_table`.
    label: String,
    is_source: bool,
}

pub fn parse(world: &World, patches: &[Patch], manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    let mut wanted = Vec::new();
    for patch in patches {
        for (target, yaml) in targets(patch, manifest) {
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
            Ok(node) if manifest.nodes.contains_key(&node.unique_id) => {}
            Ok(node) => insert(node, manifest, diagnostics),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
}

fn entries(yaml: &Yaml) -> impl Iterator<Item = &Yaml> {
    yaml.get("data_tests").list().iter().chain(yaml.get("tests").list())
}

/// The nodes that a patch describes, each with the YAML its tests stand in.
fn targets(patch: &Patch, manifest: &Manifest) -> Vec<(Target, Yaml)> {
    let name = &patch.entry.name;
    let yaml = &patch.entry.yaml;
    let of_node = |kind: ResourceType| {
        let fits = |n: &&Node| n.resource_type == kind && n.name == *name && n.package == patch.file.package;
        let nodes: Vec<(Target, Yaml)> = manifest
            .nodes
            .values()
            .filter(fits)
            .map(|node| {
                let version = node.version.as_ref().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
                let call = match &version {
                    Some(version) => format!("ref('{name}', v='{version}')"),
                    None => format!("ref('{name}')"),
                };
                let label = version.map_or_else(|| name.clone(), |v| format!("{name}_v{v}"));
                (Target { id: node.unique_id.clone(), call, label, is_source: false }, yaml.clone())
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
                    (Target { id, call, label: format!("{name}_{table}"), is_source: true }, yaml.clone())
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// dbt's names of a generic test: a short one for files and aliases, and the full one.
fn names(kind: &str, label: &str, arguments: &IndexMap<String, Json>) -> (String, String) {
    let mut sorted: Vec<(&String, &Json)> = arguments.iter().filter(|(k, _)| *k != "model").collect();
    sorted.sort_by_key(|(k, _)| *k);
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        Json::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Json::Null => "None".to_owned(),
        other => other.to_string(),
    };
    let mut parts = Vec::new();
    for (_, value) in sorted {
        match value {
            Json::Array(items) => parts.extend(items.iter().map(text)),
            Json::Object(map) => parts.extend(map.values().map(text)),
            one => parts.push(text(one)),
        }
    }
    let clean: Vec<String> = parts.iter().map(|part| cleaned(part)).collect();
    let identifier = format!("{kind}_{label}");
    let full = format!("{identifier}_{}", clean.join("__"));
    if full.len() < 64 {
        return (full.clone(), full);
    }
    let short: String = identifier.chars().take(30).collect();
    (format!("{short}_{}", md5(&full)), full)
}

fn cleaned(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.ends_with('\u{1}') {
            out.push('\u{1}');
        }
    }
    out.replace('\u{1}', "_")
}

fn md5(text: &str) -> String {
    use md5::{Digest, Md5};
    rsdbt_base::hex(&Md5::digest(text.as_bytes()))
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
    let mut arguments: IndexMap<String, Json> = entry.arguments.clone().into_iter().collect();
    if let Some(column) = column {
        arguments.insert("column_name".to_owned(), Json::from(column.as_str()));
    }
    let kind = match &namespace {
        Some(namespace) => format!("{namespace}_{test}"),
        None => test.clone(),
    };
    let kind = if target.is_source { format!("source_{kind}") } else { kind };
    let (short, full) = names(&kind, &target.label, &arguments);
    let name = entry.custom_name.clone().unwrap_or_else(|| full.clone());
    let model = format!("{{{{ get_where_subquery({}) }}}}", target.call);
    let mut node = Node::named(ResourceType::Test, &package, &name);
    let identity = json!([test, namespace, arguments, target.id, entry.custom_name, entry.config]).to_string();
    node.unique_id = format!("test.{package}.{name}.{}", &md5(&identity)[22..]);
    let alias = entry.custom_name.clone().unwrap_or(short);
    node.path = format!("{alias}.sql");
    node.original_file_path = patch.file.path.clone();
    node.root = root_of(world, &package);
    let called = namespace.as_ref().map_or_else(|| test.clone(), |namespace| format!("{test} of {namespace}"));
    node.raw_code = format!("{{{{ test_{called}(**_dbt_generic_test_kwargs) }}}}");
    node.checksum = md5(&identity);
    node.description = entry.description.clone();
    node.fqn = patch.fqn(&[&name]);
    node.line = entry.line;
    for layer in project_layers(world, "tests", &package, &node.fqn) {
        merge_into(&mut node.config, &layer);
    }
    node.config.insert("alias".to_owned(), Json::from(alias));
    let mut kwargs = IndexMap::from([("model".to_owned(), Json::from(model))]);
    kwargs.extend(arguments);
    node.test = Some(TestInfo {
        name: test,
        namespace,
        kwargs,
        column_name: column.clone(),
        attached_node: Some(target.id.clone()),
    });
    let yaml_config = rendered_config(world, &package, &entry.config).map_err(|d| d.at(item.place(file)))?;
    render(world, &mut node, &yaml_config).map_err(|d| if d.place.is_none() { d.at(item.place(file)) } else { d })?;
    naming::place(world, &mut node)?;
    Ok(node)
}

/// A test's configuration with its templates rendered; `where` is SQL and stays as it is.
fn rendered_config(world: &World, package: &str, config: &Map<String, Json>) -> Result<Map<String, Json>, Diagnostic> {
    let host = world.host(package, Json::Null, Map::new());
    let scope = world.engine.scope(host, package);
    let mut rendered = Map::new();
    for (key, value) in config {
        let value = match value {
            Json::String(text) if text.contains("{{") && key != "where" => {
                world.engine.render_native(text, &scope).map_err(|error| error.diagnostic)?.to_json()
            }
            other => other.clone(),
        };
        rendered.insert(key.clone(), value);
    }
    Ok(rendered)
}

/// Renders arguments and calls the test's macro, to learn what it refers to.
fn render(world: &World, node: &mut Node, yaml_config: &Map<String, Json>) -> Result<(), Diagnostic> {
    let Some(info) = node.test.clone() else { return Ok(()) };
    let host = world.host(&node.package, naming::node_json(node), Map::clone(&node.config));
    let scope = world.engine.scope(host.clone(), &node.package);
    let Some(definition) = definition(world.engine, node) else {
        let registry = world.engine.registry();
        let known: Vec<String> =
            registry.all().iter().filter_map(|m| m.name.strip_prefix("test_").map(str::to_owned)).collect();
        let error = Diagnostic::error(
            Code::JINJA,
            format!("there is no generic test '{}': 'test_{}' is undefined", info.name, info.name),
        );
        return Err(match closest(&info.name, known.iter().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean '{near}'?")),
            None => error.help("define it with {% test %} in a macro file, or install the package that has it"),
        });
    };
    let arguments = kwargs(world.engine, &scope, &info).map_err(|error| Diagnostic {
        source: None,
        place: None,
        ..error.diagnostic
    })?;
    world.engine.call(&definition, &scope, arguments).map_err(|error| error.diagnostic)?;
    record(node, host.recorded());
    merge_into(&mut node.config, yaml_config);
    if world.invocation.flag("STORE_FAILURES") && node.settings().store_failures.is_none() {
        node.config.insert("store_failures".to_owned(), Json::Bool(true));
    }
    Ok(())
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
