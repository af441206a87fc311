//! INFORMATION_SCHEMA over DuckDB's own catalog.

use rsdbt_duckdbsql::text;
use rsdbt_googlesql::query::Table;
use rsdbt_googlesql::types::Type;

/// INFORMATION_SCHEMA views of a dataset.
pub(super) fn information_schema(path: &[String], project: &str) -> Option<Table> {
    let at = path.iter().position(|p| p.eq_ignore_ascii_case("INFORMATION_SCHEMA"))?;
    let view = path.get(at + 1)?.to_uppercase();
    let dataset = match &path[..at] {
        [dataset] => Some(dataset.clone()),
        [owner, dataset] if owner.eq_ignore_ascii_case(project) => Some(dataset.clone()),
        [owner, dataset] => Some(format!("{owner}__{dataset}")),
        _ => None,
    };
    let within = |column: &str| match &dataset {
        Some(name) => format!("{column} = {}", text(name)),
        None => "TRUE".to_owned(),
    };
    let owner = text(project);
    let own = |column: &str| {
        format!(
            "{} AND database_name NOT IN ('rsdbt_sys', 'system', 'temp') AND {column} NOT LIKE '\\_rsdbt%' ESCAPE '\\'",
            within(column)
        )
    };
    let (sql, columns): (String, &[&str]) = match view.as_str() {
        "TABLES" => (
            format!(
                "SELECT {owner} AS table_catalog, schema_name AS table_schema, table_name, 'BASE TABLE' AS table_type, 'YES' AS is_insertable_into, 'NO' AS is_typed FROM duckdb_tables() WHERE {0} UNION ALL SELECT {owner}, schema_name, view_name, 'VIEW', 'NO', 'NO' FROM duckdb_views() WHERE NOT internal AND {0}",
                own("schema_name")
            ),
            &["table_catalog", "table_schema", "table_name", "table_type", "is_insertable_into", "is_typed"],
        ),
        "VIEWS" => (
            format!(
                "SELECT {owner} AS table_catalog, schema_name AS table_schema, view_name AS table_name, sql AS view_definition FROM duckdb_views() WHERE NOT internal AND {}",
                own("schema_name")
            ),
            &["table_catalog", "table_schema", "table_name", "view_definition"],
        ),
        "SCHEMATA" => (
            format!(
                "SELECT {owner} AS catalog_name, schema_name FROM duckdb_schemas() WHERE NOT internal AND {}",
                own("schema_name")
            ),
            &["catalog_name", "schema_name"],
        ),
        _ => return None,
    };
    Some(Table {
        path: path.to_vec(),
        engine: format!("({sql})"),
        input: None,
        columns: columns.iter().map(|c| ((*c).to_owned(), Type::String)).collect(),
    })
}
