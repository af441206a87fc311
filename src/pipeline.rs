//! Where stages meet: load, parse, resolve, select, open the warehouse, exec, write artifacts.

use crate::options::Options;
use crate::report::Report;
use crate::{Stop, invocation, partial, previous};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Diagnostics, Dialect, Severity};
use rsdbt_bqlocal::{LocalBigQuery, LocalSession};
use rsdbt_exec::{QueryComment, Range, Stops, World};
use rsdbt_jinja::Engine;
use rsdbt_project::artifact;
use rsdbt_project::config::{Profile, Project};
use rsdbt_project::ir::{Graph, Invocation, Manifest, NodeId, RunResults, Source};
use rsdbt_project::load::{RawProject, load, load_settings};
use rsdbt_project::parse::{has_errors, parse};
use rsdbt_project::resolve::{RefIndex, resolve};
use rsdbt_project::select::{NodeSet, Selection, named_selector};
use rsdbt_sources::provide::{Ground, Provision, needed, provide};
use rsdbt_sys as sys;
use rsdbt_warehouse::bigquery::CloudBigQuery;
use rsdbt_warehouse::duckdb::DuckDb;
use rsdbt_warehouse::{DbError, DbErrorKind, Warehouse};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A project that is parsed and resolved.
pub struct Ready {
    pub raw: RawProject,
    pub manifest: Manifest,
    pub graph: Graph,
    pub invocation: Arc<Invocation>,
    pub target_path: PathBuf,
    /// Whether nothing has changed since the last invocation, so that nothing was parsed.
    pub is_unchanged: bool,
    /// Made when it is needed, where the project came from the last invocation.
    engine: OnceLock<Engine>,
    /// As long as nothing is compiled.
    artifact: partial::Artifact,
}

/// Loads, parses and resolves; reports warnings, and ends with what is wrong. What has not changed is not parsed again.
pub fn prepare(options: &Options, report: &Arc<dyn Report>) -> Result<Ready, Stop> {
    let (project, profile) = load_settings(&options.load)?;
    let target_path = target_path(options, &project);
    let raw = load(project, profile, &options.load)?;
    let invocation = Arc::new(invocation::read(options, &raw));
    let digest = partial::digest(&raw, &invocation);
    let is_off = raw.project.flags.get("partial_parse") == Some(&Json::Bool(false));
    let may_reuse = options.partial_parse && (options.insists_on_partial_parse || !is_off);
    let reused = if may_reuse { partial::read(&target_path, &digest, &invocation) } else { None };
    let is_unchanged = reused.is_some();
    let engine = OnceLock::new();
    let (kept, graph) = match reused {
        Some(kept) => {
            let graph = Graph::new(&kept.manifest);
            (kept, graph)
        }
        None => {
            let parsed = parse(&raw, &invocation);
            let mut warnings = parsed.diagnostics;
            stop_at_errors(&mut warnings, options)?;
            let (manifest, graph, more) = resolve(parsed.manifest);
            warnings.extend(more);
            stop_at_errors(&mut warnings, options)?;
            let mut artifact = String::new();
            if options.write_json {
                let body = artifact::manifest_body(&manifest, invocation.dialect, &BTreeMap::new());
                artifact = sys::masked(&body).into_owned();
                partial::write(&target_path, &digest, &parsed.reads, (&manifest, &warnings, &artifact));
            }
            _ = engine.set(parsed.engine);
            (partial::Kept { manifest, warnings, artifact: partial::Artifact::Text(artifact) }, graph)
        }
    };
    let partial::Kept { manifest, mut warnings, artifact } = kept;
    stop_at_errors(&mut warnings, options)?;
    warnings.iter().for_each(|warning| report.diagnostic(warning));
    Ok(Ready { raw, manifest, graph, invocation, target_path, is_unchanged, engine, artifact })
}

fn stop_at_errors(findings: &mut Diagnostics, options: &Options) -> Result<(), Stop> {
    if options.warn_error {
        findings.iter_mut().for_each(|finding| finding.severity = Severity::Error);
    }
    if has_errors(findings) { Err(Stop(std::mem::take(findings))) } else { Ok(()) }
}

pub fn target_path(options: &Options, project: &Project) -> PathBuf {
    let root = Path::new(&project.root);
    root.join(options.target_path.as_deref().unwrap_or(Path::new(&project.target_path)))
}

impl Ready {
    pub fn engine(&self) -> &Engine {
        self.engine.get_or_init(|| rsdbt_project::parse::engine(&self.raw, &self.manifest))
    }

    /// Writes manifest.json of a project of which nothing is compiled.
    pub fn write_manifest(&self) -> Result<(), Stop> {
        let head = artifact::manifest_head(&self.manifest, &self.invocation, &sys::now_utc());
        match &self.artifact {
            partial::Artifact::Text(text) => write_text(&self.target_path, "manifest.json", &[&head, text]),
            partial::Artifact::File(rest) => {
                let path = self.target_path.join("manifest.json");
                sys::write_from(&path, head.as_bytes(), rest).map_err(|why| not_written(&path, &why).into())
            }
        }
    }

    /// The selected nodes.
    pub fn select(&self, options: &Options) -> Result<NodeSet, Stop> {
        if let Some(retry) = &options.retry {
            return Ok(self.manifest.ids().into_iter().filter(|id| retry.nodes.contains(*id)).cloned().collect());
        }
        let selecting = &options.building.selecting;
        let selection = Selection {
            manifest: &self.manifest,
            graph: &self.graph,
            indirect: options.indirect,
            dialect: self.invocation.dialect,
            selectors: self.raw.selectors.as_ref(),
            previous: previous::read(options, &self.raw.project, &self.manifest, &self.target_path)?,
        };
        let mut chosen = match (&self.raw.selectors, &selecting.selector) {
            (None, Some(name)) => {
                return Err(
                    Diagnostic::error(Code::USAGE, format!("--selector {name}: there is no selectors.yml")).into()
                );
            }
            (Some(yaml), name) if name.is_some() || selecting.select.is_empty() => {
                let exclude = selection.select(&[], &selecting.exclude)?;
                match named_selector(&selection, yaml, name.as_deref())? {
                    Some(named) => named.intersection(&exclude).cloned().collect(),
                    None => exclude,
                }
            }
            _ => selection.select(&selecting.select, &selecting.exclude)?,
        };
        let wanted = words(&selecting.resource_type);
        if !wanted.is_empty() && !wanted.iter().any(|word| word == "all" || word == "default") {
            chosen.retain(|id| wanted.contains(&kind(id)));
        }
        let unwanted = words(&selecting.exclude_resource_type);
        chosen.retain(|id| !unwanted.contains(&kind(id)));
        Ok(chosen)
    }

    /// Opens the warehouse and makes everything ready to run.
    pub fn world(
        self,
        options: &Options,
        report: &Arc<dyn Report>,
        selected: &NodeSet,
    ) -> Result<(Arc<World>, RawProject), Stop> {
        let warehouse =
            open(&self.raw.profile, &self.raw.project.root).map_err(|error| Stop(vec![connection_error(&error)]))?;
        let provision = self.provision(options, report, selected, warehouse.as_ref())?;
        let (mut world, raw) = self.with_warehouse(options, report, selected, warehouse)?;
        if let Some(world) = Arc::get_mut(&mut world) {
            world.absent = provision.absent;
        }
        Ok((world, raw))
    }

    /// Makes tables of what stands for the sources that the selection reads; of all sources, as far as it goes, where
    /// nothing is selected.
    fn provision(
        &self,
        options: &Options,
        report: &Arc<dyn Report>,
        selected: &NodeSet,
        warehouse: &dyn Warehouse,
    ) -> Result<Provision, Stop> {
        let profile = &self.raw.profile;
        if is_cloud(profile) {
            return Ok(Provision::default());
        }
        let mut ids = needed(&self.manifest, selected);
        if selected.is_empty() {
            ids.extend(self.manifest.sources.keys().cloned());
        }
        let provision =
            provide_sources(warehouse, profile, (&self.raw.project.root, &self.manifest.sources), (&ids, options))?;
        if selected.is_empty() {
            let told = provision.findings.into_iter();
            told.for_each(|found| report.diagnostic(&Diagnostic { severity: Severity::Warning, ..found }));
            return Ok(Provision::default());
        }
        if !provision.findings.is_empty() {
            return Err(Stop(provision.findings));
        }
        if matches!(options.command, "build" | "run" | "test" | "snapshot") && !provision.told.is_empty() {
            report.line("Sources:");
            provision.told.iter().for_each(|line| report.line(&format!("  {line}")));
        }
        Ok(provision)
    }

    pub fn with_warehouse(
        self,
        options: &Options,
        report: &Arc<dyn Report>,
        selected: &NodeSet,
        warehouse: Arc<dyn Warehouse>,
    ) -> Result<(Arc<World>, RawProject), Stop> {
        let deferral = match options.command {
            "clone" => Some(previous::cloned(options, &self.raw.project, self.invocation.dialect)?),
            _ => previous::deferral(options, &self.raw.project, self.invocation.dialect)?,
        };
        report.knows(&self.manifest, self.invocation.dialect);
        let listener: Arc<dyn rsdbt_exec::Listener> = report.clone();
        let engine =
            self.engine.into_inner().unwrap_or_else(|| rsdbt_project::parse::engine(&self.raw, &self.manifest));
        let world = World {
            refs: RefIndex::new(&self.manifest),
            engine,
            manifest: self.manifest,
            graph: self.graph,
            invocation: self.invocation,
            warehouse,
            query_comment: QueryComment::read(self.raw.project.query_comment.as_ref()),
            deferral: deferral.unwrap_or_default(),
            retried: options.retry.as_ref().map(|retry| retry.batches.clone()).unwrap_or_default(),
            threads: self.raw.profile.threads,
            batch_range: Range {
                start: options.building.event_time_start.clone(),
                end: options.building.event_time_end.clone(),
            },
            listener,
            target_path: self.target_path,
            graph_json: std::sync::OnceLock::new(),
            selected: selected.iter().cloned().collect(),
            stops: Stops::default(),
            absent: Default::default(),
            write: options.write_json,
        };
        Ok((Arc::new(world), self.raw))
    }
}

fn words(list: &[String]) -> Vec<String> {
    list.iter().flat_map(|text| text.split([',', ' '])).map(str::to_owned).collect()
}

pub fn kind(id: &str) -> String {
    id.split('.').next().unwrap_or_default().to_owned()
}

/// Where a local target keeps its tables, when its profile does not say.
pub fn unnamed_file(profile: &Profile) -> Option<String> {
    let path = profile.setting("path").filter(|_| profile.is_path_chosen)?;
    Some(format!("The target '{}' names no `path`: its tables are in {path}", profile.target))
}

/// The engine that a profile names. Paths are relative to the project.
pub fn open(profile: &Profile, root: &str) -> Result<Arc<dyn Warehouse>, DbError> {
    let path = profile.setting("path").unwrap_or(":memory:");
    let full = if path == ":memory:" { path.to_owned() } else { Path::new(root).join(path).display().to_string() };
    if profile.kind == "duckdb" {
        let settings = profile.settings.get("settings").and_then(Json::as_object).cloned().unwrap_or_default();
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let settings = settings.iter().map(|(k, v)| (k.clone(), text(v))).collect();
        return Ok(Arc::new(DuckDb::open(&full, settings)?));
    }
    if profile.is_local_bigquery() {
        let file = (full != ":memory:").then(|| Path::new(&full));
        return Ok(Arc::new(LocalBigQuery::open(file, &profile.database, &profile.schema)?));
    }
    Ok(Arc::new(open_cloud(profile, root)?))
}

/// What stands for sources on a local target.
pub fn provide_sources(
    warehouse: &dyn Warehouse,
    profile: &Profile,
    (root, sources): (&str, &IndexMap<NodeId, Source>),
    (ids, options): (&NodeSet, &Options),
) -> Result<Provision, Stop> {
    if ids.is_empty() {
        return Ok(Provision::default());
    }
    let mut ground = Ground::new(sources, Path::new(root), &external_paths(profile)?)?;
    ground.empty = options.building.empty;
    let fail = |error: DbError| Stop(vec![connection_error(&error)]);
    let mut session = warehouse.session().map_err(fail)?;
    provide(session.as_mut(), ids, &ground).map_err(fail)
}

/// The profile's `external_paths`: folders beside the project that files may be read from.
pub fn external_paths(profile: &Profile) -> Result<Vec<String>, Diagnostic> {
    let wrong = || {
        Diagnostic::error(
            Code::CONFIG,
            format!("the target '{}': external_paths is no list of folders", profile.target),
        )
        .help("write it as external_paths: [../data]")
    };
    match profile.settings.get("external_paths") {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(Json::String(one)) => Ok(vec![one.clone()]),
        Some(Json::Array(list)) => list.iter().map(|path| path.as_str().map(str::to_owned).ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

/// BigQuery itself, not the laptop's.
pub fn is_cloud(profile: &Profile) -> bool {
    profile.dialect() == Dialect::GoogleSql && !profile.is_local_bigquery()
}

/// BigQuery itself; nothing is sent yet.
pub fn open_cloud(profile: &Profile, root: &str) -> Result<CloudBigQuery, DbError> {
    CloudBigQuery::open(&profile.settings, (&profile.database, &profile.schema), Path::new(root))
}

/// A session on a `method: local` target, for `rsdbt sql`.
pub fn open_local(profile: &Profile, root: &str) -> Result<LocalSession, DbError> {
    if !profile.is_local_bigquery() {
        return Err(DbError::new(
            DbErrorKind::Unsupported,
            format!("`rsdbt sql` runs on targets with `method: local`; '{}' is not one", profile.target),
        ));
    }
    let path = profile.setting("path").unwrap_or(":memory:");
    let full = Path::new(root).join(path);
    LocalBigQuery::open((path != ":memory:").then_some(full.as_path()), &profile.database, &profile.schema)?.connect()
}

pub fn connection_error(error: &DbError) -> Diagnostic {
    let code = match error.kind {
        DbErrorKind::Locked => Code::LOCKED,
        DbErrorKind::Library => Code::LIBRARY,
        _ => Code::DATABASE,
    };
    let diagnostic = Diagnostic::error(code, error.message.clone());
    match (&error.help, error.kind) {
        (Some(help), _) => diagnostic.help(help.clone()),
        (None, DbErrorKind::Locked) => {
            diagnostic.help("close the other program, or wait for it: DuckDB lets one process write to a file")
        }
        (None, _) => diagnostic,
    }
}

pub fn write_json(target: &Path, name: &str, json: &Json) -> Result<(), Stop> {
    write_text(target, name, &[&json.to_string()])
}

fn write_text(target: &Path, name: &str, parts: &[&str]) -> Result<(), Stop> {
    let masked: Vec<_> = parts.iter().map(|part| sys::masked(part)).collect();
    let parts: Vec<&[u8]> = masked.iter().map(|part| part.as_bytes()).collect();
    let path = target.join(name);
    sys::write_parts(&path, &parts).map_err(|why| not_written(&path, &why).into())
}

fn not_written(path: &Path, why: &std::io::Error) -> Diagnostic {
    Diagnostic::error(Code::FILE, format!("cannot write {}: {why}", path.display()))
}

pub fn write_manifest(
    manifest: &Manifest,
    invocation: &Invocation,
    target: &Path,
    compiled: &BTreeMap<NodeId, String>,
) -> Result<(), Stop> {
    let head = artifact::manifest_head(manifest, invocation, &sys::now_utc());
    let body = artifact::manifest_body(manifest, invocation.dialect, compiled);
    write_text(target, "manifest.json", &[&head, &body])
}

pub fn write_results(world: &World, results: &RunResults) -> Result<(), Stop> {
    let json = artifact::run_results_json(results, &world.invocation, &sys::now_utc());
    write_json(&world.target_path, "run_results.json", &json)
}

/// SQL by node, for the manifest.
pub fn compiled(results: &RunResults) -> BTreeMap<NodeId, String> {
    results.results.iter().filter_map(|r| Some((r.unique_id.clone(), r.compiled_code.clone()?))).collect()
}

/// A count with its noun: "3 models".
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// "Found 5 models, 2 seeds, ...".
pub fn found(manifest: &Manifest) -> String {
    let of = |word: &str| manifest.nodes.values().filter(|n| n.resource_type.word() == word).count();
    let counts: Vec<(usize, &str)> = vec![
        (of("model"), "model"),
        (of("seed"), "seed"),
        (of("snapshot"), "snapshot"),
        (of("analysis"), "analysis"),
        (of("test"), "data test"),
        (manifest.sources.len(), "source"),
        (manifest.exposures.len(), "exposure"),
        (manifest.unit_tests.len(), "unit test"),
        (manifest.macros.len(), "macro"),
    ];
    let parts: Vec<String> = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| counted(n, noun)).collect();
    format!("Found {}", parts.join(", "))
}
