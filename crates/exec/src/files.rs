//! Where a node's SQL lies in the target folder.

use super::world::World;
use rsdbt_base::{Code, Diagnostic};
use rsdbt_project::ir::{Node, ResourceType};
use rsdbt_sys as sys;
use std::path::PathBuf;

/// `target/compiled/<package>/<path>`.
pub fn file_of(world: &World, folder: &str, node: &Node) -> PathBuf {
    let base = world.target_path.join(folder).join(&node.package);
    let path = node.original_file_path.replace("../", "");
    let is_yaml = path.ends_with(".yml") || path.ends_with(".yaml");
    if is_yaml || node.resource_type == ResourceType::Snapshot {
        base.join(path).join(file_name(node))
    } else {
        base.join(path)
    }
}

fn file_name(node: &Node) -> String {
    if node.resource_type == ResourceType::Snapshot { format!("{}.sql", node.name) } else { node.path.clone() }
}

pub fn write(world: &World, folder: &str, node: &Node, text: &str) -> Result<(), Diagnostic> {
    if text.is_empty() || node.resource_type == ResourceType::Operation {
        return Ok(());
    }
    let path = file_of(world, folder, node);
    sys::write(&path, sys::masked(text).as_bytes())
        .map_err(|why| Diagnostic::warning(Code::FILE, format!("{}: {why}", path.display())))
}
