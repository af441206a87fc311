//! The resolved project: every resource by unique id.

use super::{Exposure, Hook, Node, NodeId, Source, UnitTest};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A `{% docs %}` block.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DocBlock {
    pub package: String,
    pub name: String,
    pub file: String,
    pub text: String,
}

/// A macro with what YAML says of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MacroEntry {
    pub unique_id: String,
    pub package: String,
    pub name: String,
    /// Relative to the package.
    pub file: String,
    /// The block as written.
    pub text: String,
    pub languages: Vec<String>,
    pub description: String,
    pub arguments: Vec<Json>,
    pub patch_path: Option<String>,
    /// Macros that it calls, in any branch.
    pub depends_on: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    pub project: String,
    pub adapter_type: String,
    pub nodes: IndexMap<NodeId, Node>,
    pub sources: IndexMap<NodeId, Source>,
    pub exposures: IndexMap<NodeId, Exposure>,
    pub unit_tests: IndexMap<NodeId, UnitTest>,
    pub macros: IndexMap<String, MacroEntry>,
    pub docs: IndexMap<String, DocBlock>,
    pub groups: IndexMap<String, Json>,
    pub disabled: Vec<Node>,
    pub selectors: Map<String, Json>,
    /// Vars of dbt_project.yml and the command line, per package.
    pub vars: IndexMap<String, Map<String, Json>>,
    pub hooks: Vec<Hook>,
}

impl Manifest {
    /// One line of text that `read` of the same build understands.
    ///
    /// # Errors
    /// None in practice: everything in a manifest can be written.
    pub fn write(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// What `write` wrote.
    ///
    /// # Errors
    /// The text is not such a line.
    pub fn read(text: &str) -> serde_json::Result<Manifest> {
        serde_json::from_str(text)
    }

    /// What a resource depends on.
    pub fn parents(&self, id: &str) -> &[NodeId] {
        if let Some(node) = self.nodes.get(id) {
            return &node.depends_on;
        }
        if let Some(exposure) = self.exposures.get(id) {
            return &exposure.depends_on;
        }
        self.unit_tests.get(id).map_or(&[], |test| &test.depends_on)
    }

    /// Every resource that takes part in selection, in order of its unique id.
    pub fn ids(&self) -> Vec<&NodeId> {
        let mut ids: Vec<&NodeId> = self
            .nodes
            .keys()
            .chain(self.sources.keys())
            .chain(self.exposures.keys())
            .chain(self.unit_tests.keys())
            .collect();
        ids.sort();
        ids
    }

    pub fn original_file_path(&self, id: &str) -> &str {
        if let Some(node) = self.nodes.get(id) {
            return &node.original_file_path;
        }
        if let Some(source) = self.sources.get(id) {
            return &source.original_file_path;
        }
        if let Some(exposure) = self.exposures.get(id) {
            return &exposure.original_file_path;
        }
        self.unit_tests.get(id).map_or("", |test| &test.original_file_path)
    }

    pub fn fqn(&self, id: &str) -> &[String] {
        if let Some(node) = self.nodes.get(id) {
            return &node.fqn;
        }
        if let Some(source) = self.sources.get(id) {
            return &source.fqn;
        }
        if let Some(exposure) = self.exposures.get(id) {
            return &exposure.fqn;
        }
        self.unit_tests.get(id).map_or(&[], |test| &test.fqn)
    }
}
