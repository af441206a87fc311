//! The project as analysis sees it: every query compiled, then surveyed in the order of the graph, each against the schemas
//! of what it reads. Nothing is run, and no warehouse is needed: what only a warehouse knows makes a query silent.

use crate::Stop;
use crate::options::Options;
use crate::pipeline::Ready;
use crate::report::Report;
use rsdbt_base::{Code, Column, Diagnostic, Dialect};
use rsdbt_check::{Columns, Relations, Schema, Survey, Trace, survey, type_of};
use rsdbt_exec::World;
use rsdbt_project::ir::{ColumnInfo, Node, NodeId, ResourceType};
use rsdbt_project::select::NodeSet;
use rsdbt_warehouse::{DbError, DbErrorKind, Outcome, Path, RelationInfo, Session, Warehouse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A query with what is known of it.
pub struct Surveyed {
    pub compiled: String,
    pub survey: Survey,
}

pub struct Surveys {
    pub world: Arc<World>,
    pub relations: Relations,
    pub queries: BTreeMap<NodeId, Surveyed>,
    /// Templates that do not render.
    pub unrendered: Vec<(NodeId, Diagnostic)>,
    pub trace: Trace,
}

/// Surveys the wanted nodes and all that they read.
///
/// # Errors
/// The target's SQL is not BigQuery's.
pub fn surveys(ready: Ready, options: &Options, report: &Arc<dyn Report>, wanted: &NodeSet) -> Result<Surveys, Stop> {
    if ready.invocation.dialect != Dialect::GoogleSql {
        let target = &ready.raw.profile.target;
        let message = format!("only BigQuery SQL is analyzed; the SQL of target '{target}' is DuckDB's");
        return Err(Diagnostic::error(Code::USAGE, message).help("choose a target of `type: bigquery`").into());
    }
    let known = Local::of(&ready, options);
    let mut ids = ready.graph.with_ancestors(wanted, None);
    ids.extend(wanted.iter().cloned());
    let queries: NodeSet = ids.iter().filter(|id| has_query(&ready, id)).cloned().collect();
    let relations = Relations::new(&ready.invocation.database, &ready.invocation.schema);
    let (world, _) = ready.with_warehouse(options, report, &queries, Arc::new(Nowhere))?;
    let nodes: Vec<Arc<Node>> =
        queries.iter().filter_map(|id| world.manifest.nodes.get(id).cloned().map(Arc::new)).collect();
    let (mut compiled, mut unrendered) = (BTreeMap::new(), Vec::new());
    let rendered = rsdbt_sys::parallel(&nodes, |node| rsdbt_exec::compile_node(&world, node));
    for (node, rendered) in nodes.iter().zip(rendered) {
        match rendered {
            Ok((_, sql)) => _ = compiled.insert(node.unique_id.clone(), sql),
            // What a template asks of the warehouse cannot be known here, and is no mistake.
            Err(found) if found.code == Code::DATABASE => {}
            Err(found) => unrendered.push((node.unique_id.clone(), found)),
        }
    }
    let mut surveys = Surveys { world, relations, queries: BTreeMap::new(), unrendered, trace: Trace::default() };
    for id in in_order(&surveys.world, &ids) {
        surveys.take(&id, compiled.remove(&id), &known);
    }
    Ok(surveys)
}

fn has_query(ready: &Ready, id: &str) -> bool {
    let kinds = [ResourceType::Model, ResourceType::Snapshot, ResourceType::Test];
    ready.manifest.nodes.get(id).is_some_and(|node| kinds.contains(&node.resource_type))
}

/// Parents before children.
fn in_order(world: &World, ids: &NodeSet) -> Vec<NodeId> {
    let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
    let mut stack: Vec<(NodeId, bool)> = ids.iter().map(|id| (id.clone(), false)).collect();
    while let Some((id, is_complete)) = stack.pop() {
        if is_complete {
            order.push(id);
        } else if seen.insert(id.clone()) {
            let parents = world.graph.parents(&id).into_iter().filter(|parent| ids.contains(*parent));
            let parents: Vec<_> = parents.map(|parent| (parent.clone(), false)).collect();
            stack.push((id, true));
            stack.extend(parents);
        }
    }
    order
}

impl Surveys {
    fn take(&mut self, id: &NodeId, compiled: Option<String>, known: &Local) {
        let world = self.world.clone();
        if let Some(source) = world.manifest.sources.get(id) {
            let path = [source.database.as_str(), &source.schema, &source.identifier];
            let columns = declared(source.columns.values()).or_else(|| known.columns(path));
            return self.relations.insert(&path, columns.map_or(Schema::Unknown, Schema::Known));
        }
        let Some(node) = world.manifest.nodes.get(id) else { return };
        let path = [node.database.as_str(), &node.schema, &node.alias];
        let mut columns = None;
        if node.resource_type == ResourceType::Seed {
            columns = seed_columns(node);
        }
        if let Some(compiled) = compiled {
            let survey = survey(&compiled, &self.relations);
            columns = survey.columns.clone();
            if let Some(lineage) = &survey.lineage {
                let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
                let key = self.relations.key(&path);
                self.trace.add(&key, lineage, &self.relations);
            }
            self.queries.insert(id.clone(), Surveyed { compiled, survey });
        }
        if node.resource_type == ResourceType::Snapshot {
            columns = columns.map(with_validity);
        }
        if node.resource_type.is_refable() && !node.is_ephemeral() {
            self.relations.insert(&path, columns.map_or(Schema::Unknown, Schema::Known));
        }
    }

    /// The key of a resource's relation in `trace`.
    pub fn key(&self, id: &str) -> Option<String> {
        let manifest = &self.world.manifest;
        let path = match (manifest.nodes.get(id), manifest.sources.get(id)) {
            (Some(node), _) => [&node.database, &node.schema, &node.alias],
            (_, Some(source)) => [&source.database, &source.schema, &source.identifier],
            _ => return None,
        };
        Some(self.relations.key(&path.map(Clone::clone)))
    }

    /// The columns of a resource's relation, where they are known.
    pub fn columns(&self, id: &str) -> Option<&Columns> {
        match self.relations.get(&[self.key(id)?]) {
            Some(Schema::Known(columns)) => Some(columns),
            _ => None,
        }
    }
}

/// All columns of a YAML entry, if each says its type.
fn declared<'c>(columns: impl Iterator<Item = &'c ColumnInfo>) -> Option<Columns> {
    let columns: Option<Columns> =
        columns.map(|column| Some((column.name.clone(), type_of(column.data_type.as_deref()?)?))).collect();
    columns.filter(|columns| !columns.is_empty())
}

fn seed_columns(node: &Node) -> Option<Columns> {
    let path = std::path::Path::new(&node.root).join(&node.original_file_path);
    let settings = node.settings();
    let bytes = rsdbt_sys::read_bytes(&path).ok()?;
    let seed = rsdbt_exec::seed::read(&bytes, settings.delimiter, &settings.column_types, Dialect::GoogleSql).ok()?;
    seed.columns.into_iter().map(|column| Some((column.name, type_of(&column.data_type)?))).collect()
}

/// What a snapshot adds to its query's columns, under the names that nobody changed.
fn with_validity(mut columns: Columns) -> Columns {
    for (name, ty) in [
        ("dbt_scd_id", "STRING"),
        ("dbt_updated_at", "TIMESTAMP"),
        ("dbt_valid_from", "TIMESTAMP"),
        ("dbt_valid_to", "TIMESTAMP"),
    ] {
        columns.extend(type_of(ty).map(|ty| (name.to_owned(), ty)));
    }
    columns
}

/// The file of a local target, if there is one already: it may know sources that YAML does not describe.
struct Local(Option<Arc<dyn Warehouse>>);

impl Local {
    fn of(ready: &Ready, options: &Options) -> Local {
        let profile = &ready.raw.profile;
        let file = profile.setting("path").map(|path| std::path::Path::new(&ready.raw.project.root).join(path));
        let is_there = profile.is_local_bigquery() && file.is_some_and(|file| file.is_file());
        Local(is_there.then(|| crate::commands::show::deferred(ready, options)))
    }

    fn columns(&self, [database, schema, name]: [&str; 3]) -> Option<Columns> {
        let mut session = self.0.as_ref()?.session().ok()?;
        let found = session.columns(&Path { database, schema, name }).ok()?;
        let columns: Option<Columns> =
            found.into_iter().map(|column| Some((column.name, type_of(&column.data_type)?))).collect();
        columns.filter(|columns| !columns.is_empty())
    }
}

/// A warehouse in which nothing is, and that runs nothing. So templates render what a first build would.
struct Nowhere;

fn refused<T>() -> Result<T, DbError> {
    Err(DbError::new(DbErrorKind::Other, "no warehouse is asked"))
}

impl Warehouse for Nowhere {
    fn session(&self) -> Result<Box<dyn Session>, DbError> {
        Ok(Box::new(Nowhere))
    }

    fn describe(&self) -> String {
        "none".to_owned()
    }
}

impl Session for Nowhere {
    fn execute(&mut self, _: &str) -> Result<Outcome, DbError> {
        refused()
    }

    fn columns_of_query(&mut self, _: &str) -> Result<Vec<Column>, DbError> {
        refused()
    }

    fn columns(&mut self, _: &Path) -> Result<Vec<Column>, DbError> {
        refused()
    }

    fn relations(&mut self, _: &str, _: &str) -> Result<Vec<RelationInfo>, DbError> {
        Ok(Vec::new())
    }

    fn schemas(&mut self, _: &str) -> Result<Vec<String>, DbError> {
        Ok(Vec::new())
    }

    fn load(&mut self, _: &Path, _: &[Column], _: &[Vec<Option<String>>]) -> Result<u64, DbError> {
        refused()
    }

    fn begin(&mut self) -> Result<(), DbError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), DbError> {
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        Ok(())
    }

    fn stop_handle(&self) -> rsdbt_warehouse::Stop {
        Box::new(|| ())
    }
}
