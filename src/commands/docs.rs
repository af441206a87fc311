//! `docs generate`: manifest.json and catalog.json.

use crate::args::{DocsArgs, DocsCommand};
use crate::options::Options;
use crate::pipeline::{self, kind};
use crate::report::Report;
use crate::{FAILED, OK, Stop};
use rsdbt_exec::Job;
use rsdbt_project::artifact::{CatalogTable, catalog_json};
use rsdbt_warehouse::{DbError, Path, Session};
use std::sync::Arc;

pub fn docs(options: &Options, arguments: &DocsArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let DocsCommand::Generate { no_compile, empty_catalog, .. } = &arguments.command;
    let ready = pipeline::prepare(options, report)?;
    let mut selected = ready.select(options)?;
    let all = selected.clone();
    selected.retain(|id| !matches!(kind(id).as_str(), "source" | "exposure" | "seed"));
    let threads = ready.raw.profile.threads;
    let (world, _) = ready.world(options, report, &selected)?;
    let mut compiled = Default::default();
    if !no_compile {
        let job =
            Job { ids: selected, threads, fail_fast: false, tests_block: false, purpose: rsdbt_exec::Purpose::Compile };
        let results = rsdbt_exec::run(&world, job);
        for diagnostic in results.results.iter().filter_map(|r| r.diagnostic.as_ref()) {
            report.diagnostic(diagnostic);
        }
        if results.failed() {
            return Ok(FAILED);
        }
        compiled = pipeline::compiled(&results);
    }
    let (mut nodes, mut sources) = (Vec::new(), Vec::new());
    if !empty_catalog {
        let fail = |error: DbError| Stop(vec![pipeline::connection_error(&error)]);
        let mut session = world.session().map_err(fail)?;
        for id in &all {
            if let Some(node) =
                world.manifest.nodes.get(id).filter(|n| n.resource_type.is_refable() && !n.is_ephemeral())
            {
                let path = Path { database: &node.database, schema: &node.schema, name: &node.alias };
                nodes.extend(look(session.as_mut(), id, &path).map_err(fail)?);
            } else if let Some(source) = world.manifest.sources.get(id) {
                let path = Path { database: &source.database, schema: &source.schema, name: &source.identifier };
                sources.extend(look(session.as_mut(), id, &path).map_err(fail)?);
            }
        }
    }
    let count = nodes.len() + sources.len();
    let json = catalog_json(&nodes, &sources, &world.invocation, &rsdbt_sys::now_utc());
    pipeline::write_manifest(&world.manifest, &world.invocation, &world.target_path, &compiled)?;
    pipeline::write_json(&world.target_path, "catalog.json", &json)?;
    report.line(&format!(
        "Catalog of {} written to {}",
        pipeline::counted(count, "relation"),
        world.target_path.join("catalog.json").display()
    ));
    Ok(OK)
}

fn look(session: &mut dyn Session, id: &str, path: &Path) -> Result<Option<CatalogTable>, DbError> {
    let found = session.relations(path.database, path.schema)?;
    let Some(info) = found.into_iter().find(|info| info.name.eq_ignore_ascii_case(path.name)) else { return Ok(None) };
    let columns = session.columns(path)?;
    let (comment, column_comments) = session.comments(path)?;
    Ok(Some(CatalogTable {
        unique_id: id.to_owned(),
        database: path.database.to_owned(),
        schema: path.schema.to_owned(),
        name: info.name,
        kind: if info.kind == "view" { "VIEW" } else { "BASE TABLE" }.to_owned(),
        columns: columns.into_iter().map(|column| (column.name, column.data_type)).collect(),
        comment,
        column_comments,
    }))
}
