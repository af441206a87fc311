//! catalog.json v1: what the warehouse really holds.

use crate::ir::Invocation;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

/// One relation with its columns (name, type).
#[derive(Debug, Clone)]
pub struct CatalogTable {
    pub unique_id: String,
    pub database: String,
    pub schema: String,
    pub name: String,
    pub kind: String,
    pub columns: Vec<(String, String)>,
    pub comment: Option<String>,
    /// Comments of columns, by name.
    pub column_comments: Vec<(String, String)>,
}

pub fn catalog_json(
    nodes: &[CatalogTable],
    sources: &[CatalogTable],
    invocation: &Invocation,
    generated: &DateTime<Utc>,
) -> Json {
    json!({
        "metadata": super::metadata("catalog/v1", invocation, generated),
        "nodes": tables(nodes), "sources": tables(sources), "errors": null,
    })
}

fn tables(tables: &[CatalogTable]) -> Map<String, Json> {
    tables.iter().map(|table| (table.unique_id.clone(), table_json(table))).collect()
}

fn table_json(table: &CatalogTable) -> Json {
    let comment = |name: &str| table.column_comments.iter().find(|(known, _)| known == name).map(|(_, text)| text);
    let columns: Map<String, Json> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, (name, kind))| {
            (name.clone(), json!({"type": kind, "index": at + 1, "name": name, "comment": comment(name)}))
        })
        .collect();
    json!({
        "metadata": {"type": table.kind, "schema": table.schema, "name": table.name, "database": table.database, "comment": table.comment, "owner": ""},
        "columns": columns,
        "stats": {"has_stats": {"id": "has_stats", "label": "Has Stats?", "value": false, "include": false, "description": "Indicates whether there are statistics for this table"}},
        "unique_id": table.unique_id,
    })
}
