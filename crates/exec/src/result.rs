//! The result of a node that has not run yet, and what a failure says and where. It runs nothing.

use super::files::file_of;
use super::world::World;
use rsdbt_base::{Diagnostic, Place};
use rsdbt_jinja::{Fault, RenderError};
use rsdbt_project::ir::{Node, NodeResult, Status};
use serde_json::Map;

pub fn blank_result(world: &World, id: &str, status: Status) -> NodeResult {
    let node = world.manifest.nodes.get(id);
    let relation = node.filter(|n| n.has_relation());
    NodeResult {
        unique_id: id.to_owned(),
        status,
        message: None,
        failures: None,
        adapter_response: Map::new(),
        compiled_code: None,
        relation_name: relation.map(|n| n.relation(world.invocation.dialect).render()),
        thread: std::thread::current().name().unwrap_or("main").to_owned(),
        execution_time: 0.0,
        timing: Vec::new(),
        freshness: None,
        batches: None,
        diagnostic: None,
    }
}

pub fn fail(fault: Fault) -> RenderError {
    let mut diagnostic = Diagnostic::error(fault.code, fault.message.clone());
    diagnostic.help = fault.help.clone();
    diagnostic.place = fault.place.clone();
    RenderError { diagnostic, fault: Some(fault) }
}

/// The place of an error: in the source where it was rendered, or in the compiled SQL that the warehouse refused.
pub fn located(world: &World, node: &Node, compiled: Option<&str>, error: RenderError) -> Diagnostic {
    let mut diagnostic = error.diagnostic;
    let Some((sql, position)) = error.fault.and_then(|fault| fault.sql) else { return diagnostic };
    // The refused statement contains the compiled SQL: a byte in it is a byte of the compiled file.
    let inside = compiled.and_then(|compiled| {
        let start = sql.find(compiled)?;
        let offset = position?.checked_sub(start).filter(|at| *at <= compiled.len())?;
        Some((compiled, offset))
    });
    match inside {
        Some((compiled, offset)) => {
            let file = file_of(world, "compiled", node);
            let file = file.strip_prefix(&node.root).unwrap_or(&file).display().to_string();
            let place = Place::of_offset(file, compiled, offset);
            diagnostic = of_node(diagnostic, node).source(compiled);
            diagnostic.notes.reverse();
            diagnostic.at(place)
        }
        None => {
            if let Some(at) = position {
                let place = Place::of_offset(format!("the statement for {}", node.name), &sql, at);
                return of_node(diagnostic.source(sql).at(place), node);
            }
            diagnostic.source = None;
            // Hooks, operations and sources have no file of their own.
            if node.original_file_path.is_empty() {
                return diagnostic;
            }
            diagnostic.at(Place::file(&node.original_file_path))
        }
    }
}

fn of_node(diagnostic: Diagnostic, node: &Node) -> Diagnostic {
    if node.original_file_path.is_empty() {
        return diagnostic;
    }
    diagnostic.note(format!("{} {} ({})", node.resource_type, node.name, node.original_file_path))
}
