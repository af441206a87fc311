//! Before a run on a local target: files and locked rows become tables where models read their sources. What is missing is
//! told, with the ways to get it.

use crate::location::{self, Fence, Location, Refusal};
use crate::lock::{self, Entry, Lock, Way};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Diagnostics, Place};
use rsdbt_project::ir::{ColumnInfo, Manifest, NodeId, Source};
use rsdbt_sys as sys;
use rsdbt_warehouse::{Column, DbError, Files, Format, Mounted, Path as TablePath, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What stands for the project's sources on this machine.
#[derive(Debug, Clone, Default)]
pub struct Provision {
    /// a line for each source
    pub told: Vec<String>,
    pub absent: BTreeSet<NodeId>,
    /// what could not be used
    pub findings: Diagnostics,
}

/// Where a project's sources may come from.
pub struct Ground<'g> {
    pub sources: &'g IndexMap<NodeId, Source>,
    pub root: &'g Path,
    pub fence: Fence,
    pub lock: Lock,
    /// `--empty`: columns are enough
    pub empty: bool,
}

impl<'g> Ground<'g> {
    /// Errors: sources.lock cannot be read.
    pub fn new(
        sources: &'g IndexMap<NodeId, Source>,
        root: &'g Path,
        external_paths: &[String],
    ) -> Result<Ground<'g>, Diagnostic> {
        let lock = Lock::read(root).map_err(|why| {
            Diagnostic::error(Code::FILE, format!("sources.lock cannot be used: {why}"))
                .at(Place::file("sources.lock"))
                .help("update rsdbt, or take the file from version control again; `rsdbt mock` writes a new one")
        })?;
        Ok(Ground { sources, root, fence: Fence::new(root, external_paths), lock, empty: false })
    }
}

/// The sources that nodes read, through ephemeral models.
pub fn needed(manifest: &Manifest, selected: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut found: BTreeSet<NodeId> =
        selected.iter().filter(|id| manifest.sources.contains_key(*id)).cloned().collect();
    let mut seen: BTreeSet<&NodeId> = BTreeSet::new();
    let mut open: Vec<&NodeId> = selected.iter().collect();
    while let Some(id) = open.pop() {
        let inputs = manifest.nodes.get(id).map(|node| &node.depends_on);
        let inputs = inputs.or_else(|| manifest.unit_tests.get(id).map(|test| &test.depends_on));
        for input in inputs.into_iter().flatten() {
            if manifest.sources.contains_key(input) {
                found.insert(input.clone());
            } else if manifest.nodes.get(input).is_some_and(|node| node.is_ephemeral()) && seen.insert(input) {
                open.push(input);
            }
        }
    }
    found
}

/// Makes tables of what stands for the sources.
pub fn provide(session: &mut dyn Session, ids: &BTreeSet<NodeId>, ground: &Ground) -> Result<Provision, DbError> {
    let mut provision = Provision::default();
    let mut known: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut unprovided = Vec::new();
    for source in ids.iter().filter_map(|id| ground.sources.get(id)) {
        let name = format!("{}.{}", source.source_name, source.name);
        match stand(session, source, ground) {
            Ok(Some(told)) => provision.told.push(format!("{name}: {told}")),
            Ok(None) => {
                // What stood there for a file that is no longer named must not be taken for a table.
                clear(session, source, &[])?;
                unprovided.push(source);
            }
            Err(finding) => provision.findings.push(*finding),
        }
    }
    for source in unprovided {
        let is_there = exists(session, source, &mut known)?;
        let what = if is_there { "table" } else { "absent" };
        provision.told.push(format!("{}.{}: {what}", source.source_name, source.name));
        if !is_there {
            provision.absent.insert(source.unique_id.clone());
        }
    }
    Ok(provision)
}

/// What helps a model whose source is not on this machine.
pub fn ways(source: &Source, model: &str) -> String {
    format!(
        "source('{}', '{}') is not on this machine. Rows made up from its use: `rsdbt mock -s +{model}`. \
         Files of your own: `config: {{external_location: \"data/{}.parquet\"}}` in {}",
        source.source_name, source.name, source.name, source.original_file_path
    )
}

fn exists(
    session: &mut dyn Session,
    source: &Source,
    known: &mut BTreeMap<(String, String), Vec<String>>,
) -> Result<bool, DbError> {
    let key = (source.database.clone(), source.schema.clone());
    if !known.contains_key(&key) {
        let found = session.relations(&source.database, &source.schema)?;
        known.insert(key.clone(), found.into_iter().map(|relation| relation.name.to_lowercase()).collect());
    }
    let wanted = source.identifier.to_lowercase();
    let fits = |name: &String| match wanted.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => *name == wanted,
    };
    Ok(known.get(&key).is_some_and(|names| names.iter().any(fits)))
}

/// Takes away what stands for a source, but for some tables of it.
fn clear(session: &mut dyn Session, source: &Source, kept: &[Piece]) -> Result<(), DbError> {
    fn path<'p>(source: &'p Source, name: &'p str) -> TablePath<'p> {
        TablePath { database: &source.database, schema: &source.schema, name }
    }
    let Some(stem) = source.identifier.strip_suffix('*') else {
        return session.unmount(&path(source, &source.identifier));
    };
    for relation in session.relations(&source.database, &source.schema)? {
        if relation.name.starts_with(stem) && !kept.iter().any(|piece| piece.table == relation.name) {
            session.unmount(&path(source, &relation.name))?;
        }
    }
    Ok(())
}

/// Makes what stands for a source a table, and says what it is; nothing where there is nothing.
fn stand(session: &mut dyn Session, source: &Source, ground: &Ground) -> Result<Option<String>, Box<Diagnostic>> {
    let at = Place::at(source.original_file_path.clone(), source.line, 1);
    let fail = |message: String| Diagnostic::error(Code::SOURCE_FILE, message).at(at.clone());
    let name = format!("source '{}.{}'", source.source_name, source.name);
    if let Some(text) = source.config.get("external_location").and_then(|value| value.as_str()) {
        let refused =
            |why: Refusal| Box::new(fail(format!("{name}: external_location: {}", why.message)).help(why.help));
        let tables = external(source, text, ground).map_err(refused)?;
        return mounted(session, source, &tables).map(Some).map_err(|error| wrong(&name, error, ground, &fail));
    }
    let Some(entry) = ground.lock.sources.get(&source.unique_id) else { return Ok(None) };
    match locked(source, entry, ground) {
        Ok(None) => Ok(None),
        Ok(Some(tables)) => {
            mounted(session, source, &tables).map(Some).map_err(|error| wrong(&name, error, ground, &fail))
        }
        Err(why) => Err(Box::new(fail(format!("{name}: {}", why.message)).help(why.help))),
    }
}

fn wrong(name: &str, error: DbError, ground: &Ground, fail: &dyn Fn(String) -> Diagnostic) -> Box<Diagnostic> {
    let root = format!("{}/", sys::canonical(ground.root).display());
    let found = fail(format!("{name}: {}", error.message.replace(&root, "")));
    Box::new(match error.help {
        Some(help) => found.help(help),
        None => found,
    })
}

/// One table with its files.
struct Piece {
    table: String,
    files: Files,
}

fn mounted(session: &mut dyn Session, source: &Source, pieces: &[Piece]) -> Result<String, DbError> {
    let mut occupied = 0;
    if source.identifier.ends_with('*') {
        clear(session, source, pieces)?;
    }
    for piece in pieces {
        let path = TablePath { database: &source.database, schema: &source.schema, name: &piece.table };
        if session.mount(&path, &piece.files)? == Mounted::Occupied {
            occupied += 1;
        }
    }
    let label = pieces.first().map(|piece| piece.files.label.clone()).unwrap_or_default();
    let label = if pieces.len() > 1 { format!("{label} and {} more", pieces.len() - 1) } else { label };
    Ok(match occupied {
        0 => label,
        _ => format!("table (it goes before {label})"),
    })
}

/// The files of an `external_location`. Those of a wildcard table are tables by their names.
fn external(source: &Source, text: &str, ground: &Ground) -> Result<Vec<Piece>, Refusal> {
    let fence = ground.fence.of_package(Path::new(&source.root));
    let names = [
        ("name", source.name.as_str()),
        ("schema", source.schema.as_str()),
        ("identifier", source.identifier.as_str()),
        ("database", source.database.as_str()),
        ("source_name", source.source_name.as_str()),
    ];
    let filled = location::fill(text, &names);
    let found = location::find(&filled, &fence)?;
    let shown = if found.paths.len() == 1 { "file" } else { "files" };
    let label = format!("{shown} {filled}");
    let Some(stem) = source.identifier.strip_suffix('*') else {
        let files = files_of(&found, declared(&source.columns), label);
        return Ok(vec![Piece { table: source.identifier.clone(), files }]);
    };
    let mut pieces: Vec<Piece> = Vec::new();
    for path in &found.paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let table = name.split('.').next().unwrap_or_default().to_owned();
        if !table.starts_with(stem) {
            return Err(Refusal {
                message: format!("{} is no shard of {}", path.display(), source.identifier),
                help: format!("each file of a wildcard table is named after its table, as in {stem}20240101.parquet"),
            });
        }
        let one = Location { paths: vec![path.clone()], ..found.clone() };
        pieces.push(Piece { table, files: files_of(&one, declared(&source.columns), label.clone()) });
    }
    Ok(pieces)
}

/// Columns whose types YAML declares.
pub fn declared(columns: &IndexMap<String, ColumnInfo>) -> Vec<Column> {
    let one = |column: &ColumnInfo| {
        Some(Column {
            name: column.name.clone(),
            data_type: column.data_type.clone().filter(|ty| !ty.trim().is_empty())?,
        })
    };
    columns.values().filter_map(one).collect()
}

fn files_of(found: &Location, columns: Vec<Column>, label: String) -> Files {
    let mut said = format!("{:?} {:?} {columns:?}", found.format, found.options);
    for path in &found.paths {
        said.push_str(&format!("\n{} {:?}", path.display(), sys::file_stamp(path).ok()));
    }
    let stamp = lock::digest(said.as_bytes())[..16].to_owned();
    let paths = found.paths.iter().map(|path| path.display().to_string()).collect();
    Files { format: found.format, paths, options: found.options.clone(), hive: found.hive, columns, label, stamp }
}

/// The rows that the lock names; nothing where they are not on this machine.
fn locked(source: &Source, entry: &Entry, ground: &Ground) -> Result<Option<Vec<Piece>>, Refusal> {
    let columns: Vec<Column> =
        entry.columns.iter().map(|c| Column { name: c.name.clone(), data_type: c.data_type.clone() }).collect();
    let folder = lock::folder(ground.root);
    let found = |file: &lock::File| -> PathBuf { folder.join(&file.file) };
    let is_here = entry.files.iter().all(|file| sys::exists(&found(file)));
    if entry.way == Way::Schema || (ground.empty && !is_here) {
        let table = source.identifier.replace('*', "00000000");
        let label = "columns without rows, from sources.lock".to_owned();
        let nothing = Location { format: Format::Parquet, paths: Vec::new(), options: Vec::new(), hive: false };
        return Ok(Some(vec![Piece { table, files: files_of(&nothing, columns, label) }]));
    }
    if !is_here {
        return Ok(None);
    }
    let rows: u64 = entry.files.iter().map(|file| file.rows).sum();
    let label = match entry.way {
        Way::Mock => format!("mocked, {rows} rows (seed {})", entry.seed.unwrap_or_default()),
        _ => format!("pulled, {rows} rows"),
    };
    let mut pieces = Vec::new();
    for file in &entry.files {
        let path = found(file);
        if sys::file_stamp(&path).is_ok_and(|(bytes, _)| bytes != file.bytes) {
            return Err(Refusal {
                message: format!("{} is not the file that sources.lock names", path.display()),
                help: format!("make it again: rsdbt mock -s source:{}.{}", source.source_name, source.name),
            });
        }
        let here = Location { format: Format::Parquet, paths: vec![path], options: Vec::new(), hive: false };
        pieces.push(Piece { table: file.table.clone(), files: files_of(&here, columns.clone(), label.clone()) });
    }
    Ok(Some(pieces))
}
