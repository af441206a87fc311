//! Looks up what nodes refer to, and refuses what cannot be: unknown names, circles, two nodes in one place. Pure.

mod keys;

use crate::ir::{Graph, Manifest, Node, NodeId, RefCall};
use indexmap::IndexSet;
use rsdbt_base::{Code, Diagnostic, Diagnostics, Place, closest};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Names to nodes and sources, for `ref()` and `source()`.
#[derive(Debug, Default)]
pub struct RefIndex {
    by_name: HashMap<String, Vec<(String, Option<Json>, NodeId, bool)>>,
    /// Source and table -> packages that have it.
    sources: HashMap<(String, String), Vec<(String, NodeId)>>,
    disabled: HashSet<String>,
}

impl RefIndex {
    pub fn new(manifest: &Manifest) -> Self {
        let mut index = RefIndex::default();
        for node in manifest.nodes.values().filter(|node| node.resource_type.is_refable()) {
            let is_latest = node.version.is_none() || node.version == node.latest_version;
            let entry = (node.package.clone(), node.version.clone(), node.unique_id.clone(), is_latest);
            index.by_name.entry(node.name.clone()).or_default().push(entry);
        }
        for source in manifest.sources.values() {
            let named = index.sources.entry((source.source_name.clone(), source.name.clone())).or_default();
            named.push((source.package.clone(), source.unique_id.clone()));
        }
        let disabled = manifest.disabled.iter().filter(|node| node.resource_type.is_refable());
        index.disabled = disabled.map(|node| node.name.clone()).collect();
        index
    }

    /// The source that a call from `package` means: the own package's, the root project's, any other's.
    pub fn find_source(&self, source: &str, table: &str, package: &str, root: &str) -> Option<&NodeId> {
        let found = self.sources.get(&(source.to_owned(), table.to_owned()))?;
        let of = |wanted: &str| found.iter().find(|(package, _)| package == wanted);
        of(package).or_else(|| of(root)).or_else(|| found.first()).map(|(_, id)| id)
    }

    /// The node that a call from `package` means: the named package, or the own one, the root project, any other.
    pub fn find(&self, call: &RefCall, package: &str, root: &str) -> Option<&NodeId> {
        let found = self.by_name.get(&call.name)?;
        let fits = |(_, version, _, latest): &&(String, Option<Json>, NodeId, bool)| match &call.version {
            Some(wanted) => {
                version.as_ref().is_some_and(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned) == *wanted)
            }
            None => *latest,
        };
        let of = |wanted: &str| found.iter().filter(fits).find(|(p, ..)| p == wanted).map(|(_, _, id, _)| id);
        match &call.package {
            Some(package) => of(package),
            None => of(package).or_else(|| of(root)).or_else(|| found.iter().find(fits).map(|(_, _, id, _)| id)),
        }
    }
}

/// Fills `depends_on` everywhere and gives the graph.
pub fn resolve(mut manifest: Manifest) -> (Manifest, Graph, Diagnostics) {
    let mut diagnostics = Vec::new();
    let index = RefIndex::new(&manifest);
    let mut linked: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let mut dropped = HashSet::new();
    for node in manifest.nodes.values() {
        let uses = Uses { package: &node.package, refs: &node.refs, sources: &node.sources };
        match link(&manifest, &index, &uses) {
            Ok(parents) => {
                linked.insert(node.unique_id.clone(), parents);
            }
            Err(missing) if node.test.as_ref().is_some_and(|t| t.is_generic()) && missing.disabled => {
                dropped.insert(node.unique_id.clone());
            }
            Err(missing) => diagnostics.push(missing.of_node(node)),
        }
    }
    if !dropped.is_empty() {
        let (dropped, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut manifest.nodes).into_iter().partition(|(id, _)| dropped.contains(id));
        manifest.nodes = kept.into_iter().collect();
        manifest.disabled.extend(dropped.into_iter().map(|(_, node)| node));
    }
    let mut others: Vec<(NodeId, Vec<NodeId>)> = Vec::new();
    for exposure in manifest.exposures.values() {
        let uses = Uses { package: &exposure.package, refs: &exposure.refs, sources: &exposure.sources };
        match link(&manifest, &index, &uses) {
            Ok(parents) => others.push((exposure.unique_id.clone(), parents)),
            Err(missing) => diagnostics
                .push(missing.told(&format!("Exposure '{}'", exposure.unique_id), &exposure.original_file_path)),
        }
    }
    for test in manifest.unit_tests.values() {
        let call = unit_model(&test.model);
        match index.find(&call, &test.package, &manifest.project) {
            Some(id) => others.push((test.unique_id.clone(), vec![id.clone()])),
            None => diagnostics.push(
                Diagnostic::error(
                    Code::REF,
                    format!("Unable to find model '{}' for unit test '{}'", test.model, test.name),
                )
                .at(Place::at(&test.original_file_path, test.line, 0)),
            ),
        }
    }
    for (id, parents) in linked.into_iter().chain(others) {
        if let Some(node) = manifest.nodes.get_mut(&id) {
            node.depends_on = parents;
        } else if let Some(exposure) = manifest.exposures.get_mut(&id) {
            exposure.depends_on = parents;
        } else if let Some(test) = manifest.unit_tests.get_mut(&id) {
            test.depends_on = parents;
        }
    }
    keys::infer(&mut manifest);
    diagnostics.extend(clashes(&manifest));
    let graph = Graph::new(&manifest);
    if let Some(path) = graph.cycle() {
        diagnostics.push(cycle(&manifest, &path));
    }
    (manifest, graph, diagnostics)
}

/// `model` or `model.v2` of a unit test.
fn unit_model(text: &str) -> RefCall {
    match text.rsplit_once(".v") {
        Some((name, version)) => RefCall { package: None, name: name.to_owned(), version: Some(version.to_owned()) },
        None => RefCall { package: None, name: text.to_owned(), version: None },
    }
}

struct Uses<'a> {
    package: &'a str,
    refs: &'a [RefCall],
    sources: &'a [(String, String)],
}

struct Missing {
    code: Code,
    /// What was asked for, and near names.
    wanted: String,
    call: String,
    near: Option<String>,
    disabled: bool,
}

impl Missing {
    fn told(&self, who: &str, file: &str) -> Diagnostic {
        let end = if self.disabled { "which is disabled" } else { "which was not found" };
        let error = Diagnostic::error(self.code, format!("{who} ({file}) depends on {} {end}", self.wanted))
            .at(Place::file(file));
        match &self.near {
            Some(near) => error.help(format!("did you mean '{near}'?")),
            None => error,
        }
    }

    fn of_node(&self, node: &Node) -> Diagnostic {
        let kind = node.resource_type.word();
        let title = kind[..1].to_uppercase() + &kind[1..];
        let mut diagnostic = self.told(&format!("{title} '{}'", node.unique_id), &node.original_file_path);
        // The call in the file, if it stands there literally.
        let quoted = ['\'', '"'].iter().find_map(|mark| node.raw_code.find(&format!("{mark}{}{mark}", self.call)));
        if let Some(at) = quoted.map(|at| at + 1) {
            diagnostic = diagnostic
                .at(Place { width: self.call.len(), ..Place::of_offset(&node.original_file_path, &node.raw_code, at) });
            diagnostic.source = Some(node.raw_code.clone());
        } else if node.line > 0 {
            diagnostic = diagnostic.at(Place::at(&node.original_file_path, node.line, 0));
        }
        diagnostic
    }
}

fn link(manifest: &Manifest, index: &RefIndex, uses: &Uses) -> Result<Vec<NodeId>, Missing> {
    let mut parents: IndexSet<NodeId> = IndexSet::new();
    let mut add = |id: &NodeId| _ = parents.insert(id.clone());
    for call in uses.refs {
        match index.find(call, uses.package, &manifest.project) {
            Some(id) => add(id),
            None => return Err(missing_ref(manifest, index, call)),
        }
    }
    for (source, table) in uses.sources {
        match index.find_source(source, table, uses.package, &manifest.project) {
            Some(id) => add(id),
            None => return Err(missing_source(manifest, source, table)),
        }
    }
    Ok(parents.into_iter().collect())
}

fn missing_ref(manifest: &Manifest, index: &RefIndex, call: &RefCall) -> Missing {
    let disabled = index.disabled.contains(&call.name);
    let names = manifest.nodes.values().filter(|n| n.resource_type.is_refable()).map(|n| n.name.as_str());
    let version = call.version.as_ref().map(|v| format!(" with version '{v}'")).unwrap_or_default();
    let package = call.package.as_ref().map(|p| format!(" in package or project '{p}'")).unwrap_or_default();
    Missing {
        code: Code::REF,
        wanted: format!("a node named '{}'{version}{package}", call.name),
        call: call.name.clone(),
        near: closest(&call.name, names).filter(|near| *near != call.name).map(str::to_owned),
        disabled,
    }
}

fn missing_source(manifest: &Manifest, source: &str, table: &str) -> Missing {
    let wanted = format!("{source}.{table}");
    let names: Vec<String> = manifest.sources.values().map(|s| format!("{}.{}", s.source_name, s.name)).collect();
    Missing {
        code: Code::SOURCE,
        near: closest(&wanted, names.iter().map(String::as_str)).map(str::to_owned),
        wanted: format!("a source named '{wanted}'"),
        call: table.to_owned(),
        disabled: false,
    }
}

/// Two nodes that would be built in one place.
fn clashes(manifest: &Manifest) -> Diagnostics {
    let mut places: HashMap<String, &Node> = HashMap::new();
    let mut found = Vec::new();
    for node in manifest.nodes.values().filter(|n| n.resource_type.is_refable() && !n.is_ephemeral()) {
        let place = format!("{}.{}.{}", node.database, node.schema, node.alias).to_lowercase();
        if let Some(other) = places.insert(place, node) {
            let name = node.relation(rsdbt_base::Dialect::DuckDb).render();
            found.push(Diagnostic::error(
                Code::DUPLICATE,
                format!(
                    "dbt found two resources with the database representation \"{name}\".\ndbt cannot create two resources with identical database representations. To fix this,\nchange the configuration of one of these resources:\n- {} ({})\n- {} ({})",
                    other.unique_id, other.original_file_path, node.unique_id, node.original_file_path
                ),
            ));
        }
    }
    found
}

fn cycle(manifest: &Manifest, path: &[NodeId]) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(Code::CYCLE, format!("Found a cycle: {}", path.join(" --> ")));
    for id in path.iter().take(path.len().saturating_sub(1)) {
        diagnostic = diagnostic.note(format!("{id} is in {}", manifest.original_file_path(id)));
    }
    let first = path.first().map_or("", |id| manifest.original_file_path(id));
    diagnostic.at(Place::file(first)).help("remove one of these references")
}
