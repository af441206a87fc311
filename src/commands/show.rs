//! `compile` and `show`.

use crate::args::{CompileArgs, RowFormat, ShowArgs};
use crate::options::Options;
use crate::pipeline::{self, Ready, kind};
use crate::report::{Report, csv_text, text_table};
use crate::{FAILED, OK, Stop};
use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic};
use rsdbt_exec::Job;
use rsdbt_project::ir::{Node, NodeId, RunResults, Source};
use rsdbt_project::parse::parse_inline;
use rsdbt_project::select::NodeSet;
use rsdbt_warehouse::{DbError, DbErrorKind, Session, Table, Warehouse};
use serde_json::{Value as Json, json};
use std::sync::{Arc, OnceLock};

/// Opens the real warehouse when the first template asks it something: most compilations never do.
struct Deferred {
    profile: rsdbt_project::config::Profile,
    root: String,
    sources: IndexMap<NodeId, Source>,
    options: Options,
    opened: OnceLock<Result<Arc<dyn Warehouse>, DbError>>,
}

impl Warehouse for Deferred {
    fn session(&self) -> Result<Box<dyn Session>, DbError> {
        let opened = self.opened.get_or_init(|| self.open());
        opened.as_ref().map_err(Clone::clone)?.session()
    }

    fn describe(&self) -> String {
        self.profile.kind.clone()
    }
}

impl Deferred {
    /// The warehouse with what stands for sources. What cannot be used is told by the statement that misses it.
    fn open(&self) -> Result<Arc<dyn Warehouse>, DbError> {
        let warehouse = pipeline::open(&self.profile, &self.root)?;
        if !pipeline::is_cloud(&self.profile) {
            let ids = self.sources.keys().cloned().collect();
            let place = (self.root.as_str(), &self.sources);
            pipeline::provide_sources(warehouse.as_ref(), &self.profile, place, (&ids, &self.options)).map_err(
                |Stop(found)| {
                    let told = found.first().map(|found| found.message.clone()).unwrap_or_default();
                    DbError::new(DbErrorKind::Other, told)
                },
            )?;
        }
        Ok(warehouse)
    }
}

pub fn deferred(ready: &Ready, options: &Options) -> Arc<dyn Warehouse> {
    Arc::new(Deferred {
        profile: ready.raw.profile.clone(),
        root: ready.raw.project.root.clone(),
        sources: ready.manifest.sources.clone(),
        options: options.clone(),
        opened: OnceLock::new(),
    })
}

fn inline_node(ready: &Ready, sql: &str) -> Result<Node, Stop> {
    let mut node = parse_inline((ready.engine(), &ready.invocation, &ready.raw), sql)?;
    let index = rsdbt_project::resolve::RefIndex::new(&ready.manifest);
    for call in &node.refs {
        let found = index.find(call, &node.package, &ready.manifest.project).cloned();
        node.depends_on.push(found.ok_or_else(|| {
            let names = ready.manifest.nodes.values().map(|n| n.name.as_str());
            let error =
                Diagnostic::error(Code::REF, format!("there is no model, seed or snapshot named '{}'", call.name));
            match rsdbt_base::closest(&call.name, names) {
                Some(near) => error.help(format!("did you mean '{near}'?")),
                None => error,
            }
        })?);
    }
    Ok(node)
}

pub fn compile(options: &Options, arguments: &CompileArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ready = pipeline::prepare(options, report)?;
    let warehouse = deferred(&ready, options);
    if let Some(sql) = &arguments.inline {
        let node = Arc::new(inline_node(&ready, sql)?);
        let (world, _) = ready.with_warehouse(options, report, &NodeSet::new(), warehouse)?;
        let (_, compiled) = rsdbt_exec::compile_node(&world, &node)?;
        print_compiled(&node.name, &compiled, arguments.output);
        return Ok(OK);
    }
    let mut selected = ready.select(options)?;
    selected.retain(|id| !matches!(kind(id).as_str(), "source" | "exposure" | "seed"));
    let threads = ready.raw.profile.threads;
    let asked = !options.building.selecting.select.is_empty();
    let (world, _) = ready.with_warehouse(options, report, &selected, warehouse)?;
    let only = (selected.len() == 1 || asked)
        .then(|| selected.iter().filter(|id| kind(id) == "model").cloned().collect::<Vec<_>>());
    let job = Job {
        ids: selected,
        threads,
        fail_fast: options.fail_fast,
        tests_block: false,
        purpose: rsdbt_exec::Purpose::Compile,
    };
    let results = rsdbt_exec::run(&world, job);
    if options.write_json {
        pipeline::write_manifest(
            &world.manifest,
            &world.invocation,
            &world.target_path,
            &pipeline::compiled(&results),
        )?;
        pipeline::write_results(&world, &results)?;
    }
    for result in results.results.iter().filter(|r| r.diagnostic.is_some()) {
        result.diagnostic.iter().for_each(|diagnostic| report.diagnostic(diagnostic));
    }
    if let Some([id]) = only.as_deref() {
        let name = world.manifest.nodes.get(id).map(|n| n.name.clone()).unwrap_or_default();
        let sql = results.results.iter().find(|r| r.unique_id == *id).and_then(|r| r.compiled_code.clone());
        print_compiled(&name, &sql.unwrap_or_default(), arguments.output);
    } else {
        report.line(&format!(
            "Compiled {} into {}",
            pipeline::counted(results.results.len(), "node"),
            world.target_path.join("compiled").display()
        ));
    }
    Ok(if results.failed() { FAILED } else { OK })
}

fn print_compiled(name: &str, sql: &str, output: RowFormat) {
    match output {
        RowFormat::Json => println!("{}", json!({"node": name, "compiled": sql})),
        _ => println!("{sql}"),
    }
}

pub fn show(options: &Options, arguments: &ShowArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ready = pipeline::prepare(options, report)?;
    let node = match &arguments.inline {
        Some(sql) => inline_node(&ready, sql)?,
        None => chosen(&ready, options)?,
    };
    let (world, _) = ready.world(options, report, &NodeSet::new())?;
    let limit = usize::try_from(arguments.limit).ok();
    let outcome = rsdbt_exec::show(&world, &Arc::new(node.clone()), limit);
    if options.write_json {
        let mut result = rsdbt_exec::blank_result(&world, &node.unique_id, rsdbt_project::ir::Status::Success);
        result.compiled_code = Some(String::new());
        pipeline::write_manifest(&world.manifest, &world.invocation, &world.target_path, &Default::default())?;
        pipeline::write_results(&world, &RunResults { results: vec![result], elapsed: 0.0 })?;
    }
    match outcome {
        Ok(table) => {
            print_rows(&node.name, &table, arguments.output);
            Ok(OK)
        }
        Err(diagnostic) => {
            report.diagnostic(&diagnostic);
            Ok(FAILED)
        }
    }
}

/// The one node that the selection means; tests show their failing rows.
fn chosen(ready: &Ready, options: &Options) -> Result<Node, Stop> {
    let mut selected = ready.select(options)?;
    if options.building.selecting.select.is_empty() {
        return Err(Diagnostic::error(Code::USAGE, "show needs a node")
            .help("name one with --select, or give SQL with --inline")
            .into());
    }
    let names: Vec<&String> = options.building.selecting.select.iter().collect();
    let exact: NodeSet = selected
        .iter()
        .filter(|id| ready.manifest.nodes.get(*id).is_some_and(|n| names.contains(&&n.name)))
        .cloned()
        .collect();
    if !exact.is_empty() {
        selected = exact;
    }
    let mut nodes = selected.iter().filter_map(|id| ready.manifest.nodes.get(id));
    match (nodes.next(), nodes.next()) {
        (Some(node), None) => Ok(node.clone()),
        (None, _) => Err(Diagnostic::error(Code::USAGE, "the selection matches no node").into()),
        _ => Err(Diagnostic::error(
            Code::USAGE,
            format!("the selection matches {} nodes; show takes one", selected.len()),
        )
        .into()),
    }
}

fn print_rows(name: &str, table: &Table, output: RowFormat) {
    match output {
        RowFormat::Json => {
            let rows = table.to_json();
            println!(
                "{}",
                serde_json::to_string_pretty(&json!({"node": name, "show": rows}))
                    .unwrap_or_else(|_| Json::Null.to_string())
            );
        }
        RowFormat::Csv => print!("{}", csv_text(table)),
        _ => println!("{}", text_table(table)),
    }
}
