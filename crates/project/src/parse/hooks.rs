//! `on-run-start` and `on-run-end` of all projects, as the operations that dbt makes of them.

use super::host::World;
use super::models::{record, root_of};
use super::{configs, naming};
use crate::config::{Project, merge_into};
use crate::ir::{Hook, HookTime, Manifest, Node, ResourceType};
use crate::load::checksum;
use rsdbt_base::{Diagnostic, Diagnostics};
use serde_json::Map;

/// Packages by name, the root project last: the order in which they run.
pub fn parse(world: &World, manifest: &mut Manifest, diagnostics: &mut Diagnostics) {
    let mut projects: Vec<&Project> = world.raw.packages.iter().collect();
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    projects.push(&world.raw.project);
    for project in projects {
        let times = [(HookTime::Start, &project.on_run_start), (HookTime::End, &project.on_run_end)];
        for (time, texts) in times {
            for (index, text) in texts.iter().enumerate() {
                match hook(world, project, (time, index), text) {
                    Ok(hook) => manifest.hooks.push(hook),
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
        }
    }
}

fn hook(world: &World, project: &Project, (time, index): (HookTime, usize), text: &str) -> Result<Hook, Diagnostic> {
    let package = &project.name;
    let name = format!("{package}-{}-{index}", time.word());
    let mut node = Node::named(ResourceType::Operation, package, &name);
    node.path = format!("hooks/{name}.sql");
    node.original_file_path = "./dbt_project.yml".to_owned();
    node.root = root_of(world, package);
    node.raw_code = text.to_owned();
    node.checksum = checksum(text);
    node.fqn = vec![package.clone(), "hooks".to_owned(), name];
    for layer in configs::of_project(world, "models", package, &node.fqn) {
        merge_into(&mut node.config, &layer);
    }
    let host = world.host(package, naming::node_json(&node), Map::clone(&node.config));
    let scope = world.engine.scope(host.clone(), package);
    world.engine.render_text(text, &scope).map_err(|error| {
        let found = Diagnostic { source: None, ..error.diagnostic };
        found.note(format!("in {} of {}: {text}", time.word(), project.file))
    })?;
    let of_text = record(&mut node, host.recorded());
    configs::finish(world, "models", &mut node, &[&of_text]);
    naming::place(world, &mut node)?;
    Ok(Hook { node, time, index })
}
