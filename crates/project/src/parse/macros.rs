//! The registry of macros of all packages, and the files that hold nodes, cut into templates.

use super::builtin;
use crate::ir::DocBlock;
use crate::load::{FileKind, RawFile, RawProject};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Diagnostics, Place};
use rsdbt_jinja::{BlockKind, File, INTERNAL, Prepared, Registry, prepare as prepare_text};
use rsdbt_sys as sys;

/// A file with nodes; for snapshots one entry per block.
pub struct NodeFile<'r> {
    pub file: &'r RawFile,
    /// The name of its template, and the block's name for a snapshot.
    pub template: String,
    pub block: Option<String>,
    pub text: String,
}

pub struct Macros<'r> {
    pub registry: Registry,
    pub models: Vec<NodeFile<'r>>,
    pub docs: IndexMap<String, DocBlock>,
}

pub fn prepare<'r>(raw: &'r RawProject, diagnostics: &mut Diagnostics) -> Macros<'r> {
    let dispatch = raw.project.dispatch.clone();
    let mut registry = Registry::new(&raw.project.name, &raw.profile.kind, dispatch);
    let of_builtin = |(path, text): &(&str, &'static str)| {
        let shown = format!("<rsdbt>/macros/{path}");
        let prepared = prepare_text(&shown, text);
        (shown, *text, prepared)
    };
    for (shown, source, prepared) in sys::parallel(builtin::FILES, of_builtin) {
        match prepared {
            Ok(prepared) => {
                registry.add_macros(File { package: INTERNAL, path: &shown, source, prepared });
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    let mut models = Vec::new();
    let mut docs = IndexMap::new();
    let seeds = raw.files.iter().filter(|file| file.kind == FileKind::Seed);
    models.extend(seeds.map(|file| NodeFile { file, template: String::new(), block: None, text: String::new() }));
    let is_template = |file: &&RawFile| !matches!(file.kind, FileKind::Seed | FileKind::Fixture | FileKind::Properties);
    let files: Vec<&RawFile> = raw.files.iter().filter(is_template).collect();
    let prepared = sys::parallel(&files, |file| prepare_text(&file.shown, &file.text));
    for (file, prepared) in files.into_iter().zip(prepared) {
        // dbt drops one line end of a model.
        let is_node = matches!(file.kind, FileKind::Model | FileKind::Analysis | FileKind::SingularTest);
        let source = if is_node { file.text.trim().to_owned() } else { file.text.clone() };
        let leading = if is_node { file.text.len() - file.text.trim_start().len() } else { 0 };
        let padding = file.text[..leading].matches('\n').count();
        match prepared {
            Ok(prepared) => add(&mut registry, &mut models, &mut docs, (file, prepared, source, padding), diagnostics),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    Macros { registry, models, docs }
}

type Read<'r> = (&'r RawFile, Prepared, String, usize);

fn add<'r>(
    registry: &mut Registry,
    models: &mut Vec<NodeFile<'r>>,
    docs: &mut IndexMap<String, DocBlock>,
    (file, prepared, text, _padding): Read<'r>,
    diagnostics: &mut Diagnostics,
) {
    for block in prepared.blocks.iter().filter(|block| block.kind == BlockKind::Docs) {
        let id = format!("doc.{}.{}", file.package, block.name);
        let text = file.text[block.body.clone()].trim().to_owned();
        let entry = DocBlock { package: file.package.clone(), name: block.name.clone(), file: file.path.clone(), text };
        if docs.insert(id, entry).is_some() {
            let message = format!("there are two docs blocks called '{}'", block.name);
            let place = Place::of_offset(&file.shown, &file.text, block.range.start);
            diagnostics.push(Diagnostic::error(Code::DUPLICATE, message).at(place));
        }
    }
    let snapshots: Vec<(String, String)> = prepared
        .blocks
        .iter()
        .filter(|block| block.kind == BlockKind::Snapshot)
        .map(|block| (block.name.clone(), file.text[block.body.clone()].to_owned()))
        .collect();
    let entry = File { package: &file.package, path: &file.shown, source: &file.text, prepared };
    match file.kind {
        FileKind::Macro | FileKind::GenericTest => {
            for name in registry.add_macros(entry) {
                let message = format!("dbt found two macros named '{name}' in the project '{}'", file.package);
                diagnostics.push(Diagnostic::error(Code::DUPLICATE, message).at(Place::file(&file.shown)));
            }
        }
        FileKind::Docs => {}
        _ => {
            registry.register(&entry);
        }
    }
    if file.kind == FileKind::Snapshot || (file.kind == FileKind::Model && !snapshots.is_empty()) {
        for (name, text) in snapshots {
            models.push(NodeFile { file, template: format!("{}\u{1}{name}", file.shown), block: Some(name), text });
        }
    } else if matches!(file.kind, FileKind::Model | FileKind::Analysis | FileKind::SingularTest) {
        models.push(NodeFile { file, template: file.shown.clone(), block: None, text });
    }
}
