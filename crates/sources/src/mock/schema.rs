//! The columns of each source: from the lock or YAML where they say, else from how models use it.

use crate::infer::Walker;
use crate::infer::shapes::{Record, Shape, Var};
use crate::lock::Way;
use crate::provide::{Ground, declared};
use rsdbt_base::roomy;
use rsdbt_googlesql::parse;
use rsdbt_googlesql::types::Type;
use rsdbt_project::ir::{Manifest, Node, NodeId, ResourceType, Source};
use rsdbt_sys as sys;
use std::collections::BTreeMap;
use std::path::Path;

/// The name by which SQL knows a relation, in lower case.
pub fn relation_key(database: &str, schema: &str, name: &str) -> String {
    format!("{database}.{schema}.{name}").to_lowercase()
}

fn node_key(node: &Node) -> String {
    relation_key(&node.database, &node.schema, &node.alias)
}

pub fn source_key(source: &Source) -> String {
    relation_key(&source.database, &source.schema, &source.identifier)
}

/// What is known after the walk.
pub struct Shaped<'w> {
    pub walker: Walker<'w>,
    /// the rows of the sources
    pub rows: BTreeMap<NodeId, Var>,
    /// models that are no query, and why
    pub unread: Vec<(NodeId, String)>,
}

/// Walks over all models in the order in which they are built.
pub fn shapes<'w>(
    ground: &Ground,
    manifest: &Manifest,
    compiled: &[(NodeId, String)],
    mut walker: Walker<'w>,
) -> Result<Shaped<'w>, String> {
    let mut unread = Vec::new();
    let mut rows = BTreeMap::new();
    for source in ground.sources.values() {
        let row = source_row(ground, source, &mut walker)?;
        walker.tables.insert(source_key(source), crate::infer::Output { row, grouped: false });
        rows.insert(source.unique_id.clone(), row);
    }
    for node in manifest.nodes.values().filter(|node| node.resource_type == ResourceType::Seed) {
        let row = seed_row(node, &mut walker);
        walker.tables.insert(node_key(node), crate::infer::Output { row, grouped: false });
    }
    for (id, sql) in compiled {
        let Some(node) = manifest.nodes.get(id) else { continue };
        let query = match parse::query(sql) {
            Ok(query) => query,
            Err(why) => {
                unread.push((id.clone(), why.message));
                continue;
            }
        };
        let mut output = roomy(|| walker.statement(&query));
        if node.resource_type == ResourceType::Snapshot {
            let added = ["dbt_valid_from", "dbt_valid_to", "dbt_updated_at"];
            let mut record = Record { bases: vec![output.row], ..Record::default() };
            for name in added {
                record.fields.push((name.to_owned(), walker.shapes.scalar(Type::Timestamp)));
            }
            record.fields.push(("dbt_scd_id".to_owned(), walker.shapes.scalar(Type::String)));
            output.row = walker.shapes.add(Shape::Record(record));
        }
        walker.tables.insert(node_key(node), output);
    }
    walker.shapes.settle();
    Ok(Shaped { walker, rows, unread })
}

fn source_row(ground: &Ground, source: &Source, walker: &mut Walker) -> Result<Var, String> {
    let locked = ground.lock.sources.get(&source.unique_id).filter(|entry| entry.way != Way::Mock);
    let columns: Vec<(String, String)> = match locked {
        Some(entry) => entry.columns.iter().map(|c| (c.name.clone(), c.data_type.clone())).collect(),
        None => declared(&source.columns).into_iter().map(|c| (c.name, c.data_type)).collect(),
    };
    let mut record = Record { open: locked.is_none(), ..Record::default() };
    for (name, data_type) in columns {
        let ty = parse::type_name(&data_type).and_then(|name| Type::of_name(&name)).map_err(|why| {
            format!(
                "{}.{}: column '{name}': `data_type: {data_type}`: {}",
                source.source_name, source.name, why.message
            )
        })?;
        let var = walker.shapes.of_type(&ty);
        record.fields.push((name, var));
    }
    if locked.is_none() {
        for column in source.columns.values().filter(|c| c.data_type.is_none()) {
            let var = walker.shapes.unknown();
            record.fields.push((column.name.clone(), var));
        }
    }
    Ok(walker.shapes.add(Shape::Record(record)))
}

/// A seed's columns are the first line of its file.
fn seed_row(node: &Node, walker: &mut Walker) -> Var {
    let text = sys::read(&Path::new(&node.root).join(&node.original_file_path)).unwrap_or_default();
    let head = text.lines().next().unwrap_or_default().trim_start_matches('\u{feff}').to_owned();
    let names = head.split(char::from(node.settings().delimiter)).map(|name| name.trim().trim_matches('"').to_owned());
    let fields = names.map(|name| (name, walker.shapes.unknown())).collect();
    walker.shapes.add(Shape::Record(Record { fields, ..Record::default() }))
}
