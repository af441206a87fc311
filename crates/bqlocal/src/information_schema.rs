//! INFORMATION_SCHEMA over DuckDB's own catalog. What DuckDB does not keep of a table (partition, clusters, options) stands
//! as JSON in the table's comment, which `session` writes.

use super::catalog::{Names, schema_name, unreadable};
use rsdbt_duckdbsql::{of_duck, quote, text};
use rsdbt_googlesql::Result;
use rsdbt_googlesql::query::Table;
use rsdbt_googlesql::types::{Field, Type, field_names};
use rsdbt_warehouse::Value;

type Columns = &'static [(&'static str, Type)];

const TABLES: Columns = &[
    ("table_catalog", Type::String),
    ("table_schema", Type::String),
    ("table_name", Type::String),
    ("table_type", Type::String),
    ("is_insertable_into", Type::String),
    ("is_typed", Type::String),
    ("ddl", Type::String),
];
const VIEWS: Columns = &[
    ("table_catalog", Type::String),
    ("table_schema", Type::String),
    ("table_name", Type::String),
    ("view_definition", Type::String),
    ("check_option", Type::String),
    ("use_standard_sql", Type::String),
];
const SCHEMATA: Columns = &[
    ("catalog_name", Type::String),
    ("schema_name", Type::String),
    ("schema_owner", Type::String),
    ("location", Type::String),
];
const TABLE_OPTIONS: Columns = &[
    ("table_catalog", Type::String),
    ("table_schema", Type::String),
    ("table_name", Type::String),
    ("option_name", Type::String),
    ("option_type", Type::String),
    ("option_value", Type::String),
];
const COLUMNS: Columns = &[
    ("table_catalog", Type::String),
    ("table_schema", Type::String),
    ("table_name", Type::String),
    ("column_name", Type::String),
    ("ordinal_position", Type::Int64),
    ("is_nullable", Type::String),
    ("data_type", Type::String),
    ("is_hidden", Type::String),
    ("is_system_defined", Type::String),
    ("is_partitioning_column", Type::String),
    ("clustering_ordinal_position", Type::Int64),
    ("column_default", Type::String),
];
const FIELD_PATHS: Columns = &[
    ("table_catalog", Type::String),
    ("table_schema", Type::String),
    ("table_name", Type::String),
    ("column_name", Type::String),
    ("field_path", Type::String),
    ("data_type", Type::String),
    ("description", Type::String),
];
const PARTITIONS: Columns = &[
    ("table_catalog", Type::String),
    ("table_schema", Type::String),
    ("table_name", Type::String),
    ("partition_id", Type::String),
    ("total_rows", Type::Int64),
    ("storage_tier", Type::String),
];

/// The comment of a table where it is ours.
const META: &str = "CASE WHEN comment LIKE '{\"cluster\"%' THEN comment END";

/// A view of INFORMATION_SCHEMA: of a dataset, or of all where a project or a region stands before it.
pub(super) fn information_schema(names: &Names<'_>, path: &[String]) -> Result<Option<Table>> {
    let Some(at) = path.iter().position(|p| p.eq_ignore_ascii_case("INFORMATION_SCHEMA")) else { return Ok(None) };
    let Some(view) = path.get(at + 1).map(|view| view.to_uppercase()) else { return Ok(None) };
    let dataset = match &path[..at] {
        [] if names.dataset.is_empty() => None,
        [] => Some(names.dataset.to_owned()),
        [dataset] if dataset.to_lowercase().starts_with("region-") || dataset.eq_ignore_ascii_case(names.project) => {
            None
        }
        [dataset] => Some(dataset.clone()),
        [owner, region] if region.to_lowercase().starts_with("region-") => {
            Some(owner).filter(|owner| !owner.eq_ignore_ascii_case(names.project)).cloned()
        }
        [owner, dataset] => Some(schema_name(owner, dataset, names.project)),
        _ => return Ok(None),
    };
    let schema = View { names, dataset };
    let (sql, columns) = match view.as_str() {
        "TABLES" => (schema.tables(), TABLES),
        "VIEWS" => (schema.views(), VIEWS),
        "SCHEMATA" => (schema.schemata(), SCHEMATA),
        "TABLE_OPTIONS" => (schema.options(), TABLE_OPTIONS),
        "COLUMNS" => (schema.columns()?, COLUMNS),
        "COLUMN_FIELD_PATHS" => (schema.field_paths()?, FIELD_PATHS),
        "PARTITIONS" => (schema.partitions()?, PARTITIONS),
        _ => return Ok(None),
    };
    Ok(Some(Table {
        path: path.to_vec(),
        engine: format!("({sql})"),
        columns: columns.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect(),
        ..Table::default()
    }))
}

struct View<'n, 'c> {
    names: &'n Names<'c>,
    dataset: Option<String>,
}

impl View<'_, '_> {
    /// The objects of users in the dataset.
    fn own(&self) -> String {
        let within = self.dataset.as_ref().map_or("TRUE".to_owned(), |name| format!("schema_name = {}", text(name)));
        format!(
            "{within} AND database_name NOT IN ('rsdbt_sys', 'system', 'temp') AND schema_name NOT LIKE '\\_rsdbt%' ESCAPE '\\'"
        )
    }

    fn owner(&self) -> String {
        text(self.names.project)
    }

    fn tables(&self) -> String {
        let (owner, own) = (self.owner(), self.own());
        format!(
            "SELECT {owner} AS table_catalog, schema_name AS table_schema, table_name, 'BASE TABLE' AS table_type, 'YES' AS is_insertable_into, 'NO' AS is_typed, sql AS ddl FROM duckdb_tables() WHERE {own} UNION ALL SELECT {owner}, schema_name, view_name, 'VIEW', 'NO', 'NO', sql FROM duckdb_views() WHERE NOT internal AND {own}"
        )
    }

    fn views(&self) -> String {
        format!(
            "SELECT {} AS table_catalog, schema_name AS table_schema, view_name AS table_name, sql AS view_definition, CAST(NULL AS VARCHAR) AS check_option, 'YES' AS use_standard_sql FROM duckdb_views() WHERE NOT internal AND {}",
            self.owner(),
            self.own()
        )
    }

    fn schemata(&self) -> String {
        format!(
            "SELECT {} AS catalog_name, schema_name, CAST(NULL AS VARCHAR) AS schema_owner, 'US' AS location FROM duckdb_schemas() WHERE NOT internal AND {}",
            self.owner(),
            self.own()
        )
    }

    fn options(&self) -> String {
        format!(
            "SELECT {} AS table_catalog, schema_name AS table_schema, table_name, o[1] AS option_name, o[2] AS option_type, o[3] AS option_value FROM (SELECT schema_name, table_name, unnest(from_json({META}::JSON->'options', '[[\"VARCHAR\"]]')) AS o FROM duckdb_tables() WHERE {})",
            self.owner(),
            self.own()
        )
    }

    fn query(&self, sql: &str) -> Result<Vec<Vec<Value>>> {
        let found = self.names.connection.borrow_mut().query(sql).map_err(|why| unreadable(&why))?;
        Ok(found.rows)
    }

    /// Every column of a table or view with its BigQuery type: schema, table, column, place, whether it may be NULL, type,
    /// whether the table is partitioned by it, its place among the clusters, its default.
    fn every_column(&self) -> Result<Vec<(Vec<Value>, Type)>> {
        let sql = format!(
            "SELECT c.schema_name, c.table_name, c.column_name, c.column_index, c.is_nullable, c.data_type, lower(t.meta::JSON->>'partition') = lower(c.column_name), list_position(from_json(t.meta::JSON->'cluster', '[\"VARCHAR\"]'), c.column_name), c.column_default FROM (SELECT * FROM duckdb_columns() WHERE NOT internal AND column_name <> '_PARTITIONTIME' AND {}) AS c LEFT JOIN (SELECT table_oid, database_oid, {META} AS meta FROM duckdb_tables()) AS t USING (table_oid, database_oid) ORDER BY c.schema_name, c.table_name, c.column_index",
            self.own()
        );
        let typed = |row: Vec<Value>| {
            let ty = if let Some(Value::Text(ty)) = row.get(5) { of_duck(ty) } else { Type::String };
            (row, ty)
        };
        Ok(self.query(&sql)?.into_iter().map(typed).collect())
    }

    fn columns(&self) -> Result<String> {
        let mut lines = Vec::new();
        for (row, ty) in self.every_column()? {
            let [Value::Text(schema), Value::Text(table), Value::Text(column), Value::Int(place), rest @ ..] =
                row.as_slice()
            else {
                continue;
            };
            let yes = |value: bool| if value { "'YES'" } else { "'NO'" };
            let nullable = yes(rest.first() != Some(&Value::Bool(false)));
            let partition = yes(rest.get(2) == Some(&Value::Bool(true)));
            let cluster = match rest.get(3) {
                Some(Value::Int(place)) => place.to_string(),
                _ => "NULL".into(),
            };
            let default = match rest.get(4) {
                Some(Value::Text(default)) => text(default),
                _ => "'NULL'".into(),
            };
            let cells = [self.names.project, schema, table, column].map(text).join(", ");
            let ty = text(&ty.to_string());
            lines.push(format!("{cells}, {place}, {nullable}, {ty}, 'NO', 'NO', {partition}, {cluster}, {default}"));
        }
        Ok(values(&lines, COLUMNS))
    }

    /// Columns and, under them, the fields of their structs.
    fn field_paths(&self) -> Result<String> {
        let mut lines = Vec::new();
        for (row, ty) in self.every_column()? {
            let [Value::Text(schema), Value::Text(table), Value::Text(column), ..] = row.as_slice() else { continue };
            let cells = [self.names.project, schema, table, column].map(text).join(", ");
            let mut paths = Vec::new();
            fields_of(column, &ty, &mut paths);
            lines.extend(paths.iter().map(|(path, ty)| format!("{cells}, {}, {}, NULL", text(path), text(ty))));
        }
        Ok(values(&lines, FIELD_PATHS))
    }

    /// The partitions that there are: read from the tables themselves.
    fn partitions(&self) -> Result<String> {
        let sql = format!(
            "SELECT t.*, c.data_type FROM (SELECT database_name, schema_name, table_name, {META}::JSON->>'partition' AS place, {META}::JSON->>'granularity' AS part, table_oid FROM duckdb_tables() WHERE {}) AS t LEFT JOIN duckdb_columns() AS c ON c.table_oid = t.table_oid AND c.database_name = t.database_name AND lower(c.column_name) = lower(replace(t.place, '_PARTITIONDATE', '_PARTITIONTIME'))",
            self.own()
        );
        let mut arms = vec![format!("SELECT * FROM ({})", values(&[], PARTITIONS))];
        for row in self.query(&sql)? {
            let [Value::Text(database), Value::Text(schema), Value::Text(table), partition, granularity, _, ty] =
                row.as_slice()
            else {
                continue;
            };
            let from = [database, schema, table].map(|name| quote(name)).join(".");
            let part = if let Value::Text(part) = granularity { part } else { "DAY" };
            let number = matches!(ty, Value::Text(ty) if ty == "BIGINT");
            let id = match partition {
                Value::Text(column) => partition_id(column, part, number),
                _ => "CAST(NULL AS VARCHAR)".into(),
            };
            let cells = [self.names.project, schema, table].map(text).join(", ");
            arms.push(format!(
                "SELECT {cells}, {id} AS id, count(*), 'ACTIVE' FROM {from} GROUP BY id{}",
                if matches!(partition, Value::Text(_)) { "" } else { " HAVING count(*) > 0" }
            ));
        }
        Ok(arms.join(" UNION ALL "))
    }
}

/// The id of the partition that a row is in.
fn partition_id(column: &str, part: &str, number: bool) -> String {
    let column = if column.eq_ignore_ascii_case("_PARTITIONDATE") { "_PARTITIONTIME" } else { column };
    let format = match part.to_uppercase().as_str() {
        "HOUR" => "%Y%m%d%H",
        "MONTH" => "%Y%m",
        "YEAR" => "%Y",
        _ => "%Y%m%d",
    };
    let column = quote(column);
    match number {
        true => format!("COALESCE(CAST({column} AS VARCHAR), '__NULL__')"),
        false => format!("COALESCE(strftime(make_timestamp(epoch_us({column})), '{format}'), '__NULL__')"),
    }
}

fn fields_of(path: &str, ty: &Type, paths: &mut Vec<(String, String)>) {
    paths.push((path.to_owned(), ty.to_string()));
    let inner = if let Type::Array(element) = ty { element } else { ty };
    if let Type::Struct(fields) = inner {
        let named: Vec<(String, &Field)> = field_names(fields).into_iter().zip(fields).collect();
        named.iter().for_each(|(name, field)| fields_of(&format!("{path}.{name}"), &field.ty, paths));
    }
}

/// Rows as a query; without any, a query that gives none.
fn values(lines: &[String], columns: Columns) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let blank: Vec<&str> = columns
        .iter()
        .map(|(_, ty)| if *ty == Type::Int64 { "CAST(NULL AS BIGINT)" } else { "CAST(NULL AS VARCHAR)" })
        .collect();
    let rows: Vec<String> = std::iter::once(format!("({})", blank.join(", ")))
        .chain(lines.iter().map(|line| format!("({line})")))
        .collect();
    format!("SELECT * FROM (VALUES {}) AS c({}) WHERE table_name IS NOT NULL", rows.join(", "), names.join(", "))
}
