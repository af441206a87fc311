//! The nodes of the manifest while it is filled: a name that is taken is refused, in the time of one look-up.

use crate::ir::{Manifest, Node, NodeId};
use rsdbt_base::{Code, Diagnostic, Diagnostics, Place};
use std::collections::HashMap;

/// What `ref` tells nodes apart by: package, name, version.
type Name = (String, String, Option<String>);

/// Nodes with files of their own, on their way into the manifest.
pub struct Nodes<'m> {
    manifest: &'m mut Manifest,
    taken: HashMap<Name, NodeId>,
}

impl<'m> Nodes<'m> {
    pub fn of(manifest: &'m mut Manifest) -> Self {
        Nodes { manifest, taken: HashMap::new() }
    }

    /// Adds a node unless it is disabled or its name is taken.
    pub fn insert(&mut self, node: Node, diagnostics: &mut Diagnostics) {
        if !node.settings().enabled {
            self.manifest.disabled.push(node);
            return;
        }
        let version = node.version.as_ref().map(ToString::to_string);
        let name = node.resource_type.is_refable().then(|| (node.package.clone(), node.name.clone(), version));
        let by_name = name.as_ref().and_then(|name| self.taken.get(name));
        let twin = by_name.and_then(|id| self.manifest.nodes.get(id));
        if let Some(other) = twin.or_else(|| self.manifest.nodes.get(&node.unique_id)) {
            diagnostics.push(clash(other, &node));
            return;
        }
        if let Some(name) = name {
            self.taken.insert(name, node.unique_id.clone());
        }
        self.manifest.nodes.insert(node.unique_id.clone(), node);
    }
}

fn clash(other: &Node, node: &Node) -> Diagnostic {
    let message = format!(
        "dbt found two {}s with the name \"{}\".\n\nSince these resources have the same name, dbt will be unable to find the correct resource when looking for ref(\"{}\").\n- {} ({})\n- {} ({})",
        node.resource_type,
        node.name,
        node.name,
        other.unique_id,
        other.original_file_path,
        node.unique_id,
        node.original_file_path
    );
    Diagnostic::error(Code::DUPLICATE, message)
        .at(Place::file(&node.original_file_path))
        .help("rename one of the two files")
}
