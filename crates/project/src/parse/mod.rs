//! From files to nodes: every template is rendered once with `execute` false, and what it asks for is recorded.
//! It knows no warehouse and does no I/O.

mod bigquery;
mod builtin;
mod configs;
mod documented;
mod hooks;
mod host;
mod macros;
mod models;
mod naming;
mod nodes;
mod patches;
mod sources;
mod test_names;
mod tests;
mod units;

use crate::ir::{Invocation, Manifest};
use crate::load::RawProject;
pub use builtin::FILES as BUILTIN_MACROS;
use host::World;
pub use host::{Reads, Recorded};
pub use models::parse_inline;
use nodes::Nodes;
use rsdbt_base::{Diagnostic, Diagnostics, Severity};
use rsdbt_jinja::Engine;
use std::sync::Arc;
pub use tests::{definition as test_macro, kwargs as test_arguments};

/// The project after parsing: references are recorded, not yet looked up.
pub struct Parsed {
    pub engine: Engine,
    pub manifest: Manifest,
    pub diagnostics: Diagnostics,
    pub reads: Reads,
}

/// Parses everything. Errors are collected; with any of severity error the result is not to be run.
pub fn parse(raw: &RawProject, invocation: &Arc<Invocation>) -> Parsed {
    let mut diagnostics = Vec::new();
    let prepared = macros::prepare(raw, &mut diagnostics);
    let engine = Engine::new(prepared.registry);
    let mut manifest = Manifest {
        project: raw.project.name.clone(),
        adapter_type: invocation.adapter.clone(),
        docs: prepared.docs,
        ..Manifest::default()
    };
    let patches = patches::read(raw, &mut diagnostics);
    let reads = Arc::default();
    let world = World {
        engine: &engine,
        invocation,
        raw,
        docs: Arc::new(manifest.docs.clone()),
        reads: Arc::clone(&reads),
        names: naming::Names::default(),
    };
    let mut nodes = Nodes::of(&mut manifest);
    models::parse_files(&world, &prepared.models, &patches, &mut nodes, &mut diagnostics);
    models::parse_yaml_snapshots(&world, &patches, &mut nodes, &mut diagnostics);
    sources::parse(&world, &patches, &mut manifest, &mut diagnostics);
    tests::parse(&world, &patches, &mut manifest, &mut diagnostics);
    units::parse(&world, &patches, &mut manifest, &mut diagnostics);
    documented::parse(&world, &patches, &mut manifest, &mut diagnostics);
    hooks::parse(&world, &mut manifest, &mut diagnostics);
    patches::report_unused(&patches, &manifest, &mut diagnostics);
    let reads = reads.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    Parsed { engine, manifest, diagnostics, reads }
}

/// The language of a project whose manifest is known already, as `parse` would give it.
pub fn engine(raw: &RawProject, manifest: &Manifest) -> Engine {
    let engine = Engine::new(macros::prepare(raw, &mut Vec::new()).registry);
    models::register_yaml_snapshots(&engine, manifest);
    engine
}

/// Whether any finding forbids to go on.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
