//! From files to nodes: every template is rendered once with `execute` false, and what it asks for is recorded.
//! It knows no warehouse and does no I/O.

mod bigquery;
mod builtin;
mod documented;
mod host;
mod macros;
mod models;
mod naming;
mod patches;
mod sources;
mod tests;
mod units;

use crate::base::{Diagnostic, Diagnostics, Severity};
use crate::ir::{Invocation, Manifest};
use crate::jinja::Engine;
use crate::load::RawProject;
pub use host::Recorded;
use host::World;
pub use models::parse_inline;
use std::sync::Arc;
pub use tests::{definition as test_macro, kwargs as test_arguments};

/// The project after parsing: references are recorded, not yet looked up.
pub struct Parsed {
    pub engine: Engine,
    pub manifest: Manifest,
    pub diagnostics: Diagnostics,
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
        on_run_start: raw.project.on_run_start.clone(),
        on_run_end: raw.project.on_run_end.clone(),
        ..Manifest::default()
    };
    let patches = patches::read(raw, &mut diagnostics);
    let world = World { engine: &engine, invocation, raw, docs: Arc::new(manifest.docs.clone()) };
    models::parse_files(&world, &prepared.models, &patches, &mut manifest, &mut diagnostics);
    models::parse_yaml_snapshots(&world, &patches, &mut manifest, &mut diagnostics);
    sources::parse(&world, &patches, &mut manifest, &mut diagnostics);
    tests::parse(&world, &patches, &mut manifest, &mut diagnostics);
    units::parse(&world, &patches, &mut manifest, &mut diagnostics);
    documented::parse(&world, &patches, &mut manifest, &mut diagnostics);
    patches::report_unused(&patches, &manifest, &mut diagnostics);
    Parsed { engine, manifest, diagnostics }
}

/// Whether any finding forbids to go on.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
