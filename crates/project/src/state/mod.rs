//! Another invocation's manifest, and how this one differs from it: dbt's `state:` selection and deferral. It reads manifests that
//! dbt wrote as well as our own; everything is compared by the fields of manifest.json. Pure.

mod compare;
mod configs;
mod macros;

use crate::artifact::{exposure_json, node_json, source_json, unit_test_json};
use crate::ir::{Manifest, NodeId};
use rsdbt_base::{Code, Diagnostic, closest};
use rsdbt_base::{Dialect, Relation};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashSet};

/// What the other invocation knew.
#[derive(Debug, Default)]
pub struct State {
    /// nodes, sources, exposures and unit tests by unique id
    resources: Map<String, Json>,
    /// Texts of macros by unique id.
    macros: BTreeMap<String, String>,
    /// Macros of ours that differ, and those that call such ones.
    changed_macros: HashSet<String>,
}

/// A way to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    New,
    Old,
    Modified,
    Unmodified,
    Body,
    Configs,
    Descriptions,
    Relation,
    Macros,
    Contract,
}

const CHANGES: [(&str, Change); 10] = [
    ("new", Change::New),
    ("old", Change::Old),
    ("modified", Change::Modified),
    ("unmodified", Change::Unmodified),
    ("modified.body", Change::Body),
    ("modified.configs", Change::Configs),
    ("modified.persisted_descriptions", Change::Descriptions),
    ("modified.relation", Change::Relation),
    ("modified.macros", Change::Macros),
    ("modified.contract", Change::Contract),
];

impl Change {
    /// The value of a `state:` criterion.
    ///
    /// # Errors
    /// There is no such value.
    pub fn read(text: &str) -> Result<Change, Diagnostic> {
        if let Some((_, change)) = CHANGES.iter().find(|(name, _)| *name == text) {
            return Ok(*change);
        }
        let names = CHANGES.map(|(name, _)| name);
        let error = Diagnostic::error(
            Code::USAGE,
            format!("Got an invalid selector \"state:{text}\", expected one of {}", names.join(", ")),
        );
        Err(match closest(text, names) {
            Some(near) => error.help(format!("did you mean 'state:{near}'?")),
            None => error,
        })
    }
}

impl State {
    /// Reads a manifest.json.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(text: &str) -> Result<State, String> {
        let json: Json = serde_json::from_str(text).map_err(|why| format!("is no manifest: {why}"))?;
        let Json::Object(mut manifest) = json else { return Err("is no manifest".to_owned()) };
        if !manifest.get("nodes").is_some_and(Json::is_object) {
            return Err("is no manifest: it has no 'nodes'".to_owned());
        }
        let mut state = State::default();
        for section in ["nodes", "sources", "exposures", "unit_tests"] {
            if let Some(Json::Object(resources)) = manifest.remove(section) {
                state.resources.extend(resources);
            }
        }
        for (id, entry) in manifest.get("macros").and_then(Json::as_object).into_iter().flatten() {
            state
                .macros
                .insert(id.clone(), entry.get("macro_sql").and_then(Json::as_str).unwrap_or_default().to_owned());
        }
        Ok(state)
    }

    /// Finds out which macros differ; `state:` selections ask for it.
    #[must_use]
    pub fn compared_with(mut self, manifest: &Manifest) -> State {
        self.changed_macros = macros::changed(&self.macros, manifest);
        self
    }

    /// Whether a resource of ours differs in this way.
    pub fn fits(&self, manifest: &Manifest, dialect: Dialect, id: &NodeId, change: Change) -> bool {
        let old = self.resources.get(id);
        match change {
            Change::New => return old.is_none(),
            Change::Old => return old.is_some(),
            _ => {}
        }
        let Some(new) = json_of(manifest, dialect, id) else { return false };
        let macros = || self.calls_changed_macros(&new);
        match (change, old) {
            (Change::Macros, _) => macros(),
            (Change::Modified, old) => compare::is_modified(&new, old) || macros(),
            (Change::Unmodified, old) => !(compare::is_modified(&new, old) || macros()),
            (change, old) => compare::differs(&new, old, change),
        }
    }

    fn calls_changed_macros(&self, new: &Json) -> bool {
        let called = new.pointer("/depends_on/macros").and_then(Json::as_array);
        called.into_iter().flatten().filter_map(Json::as_str).any(|id| self.changed_macros.contains(id))
    }

    /// Where the other invocation has the nodes, by unique id; ephemeral models are nowhere.
    pub fn relations(&self, dialect: Dialect) -> BTreeMap<NodeId, Relation> {
        let place = |node: &Json| {
            let part = |key: &str| node.get(key).and_then(Json::as_str);
            let is_refable = ["model", "seed", "snapshot"].contains(&part("resource_type")?);
            node.get("relation_name").filter(|name| is_refable && !name.is_null())?;
            Some(Relation::new(part("database").unwrap_or_default(), part("schema")?, part("alias")?, dialect))
        };
        self.resources.iter().filter_map(|(id, node)| Some((id.clone(), place(node)?))).collect()
    }
}

fn json_of(manifest: &Manifest, dialect: Dialect, id: &str) -> Option<Json> {
    if let Some(node) = manifest.nodes.get(id) {
        return Some(node_json(node, manifest, dialect));
    }
    if let Some(source) = manifest.sources.get(id) {
        return Some(source_json(source, dialect));
    }
    if let Some(exposure) = manifest.exposures.get(id) {
        return Some(exposure_json(exposure));
    }
    manifest.unit_tests.get(id).map(unit_test_json)
}
