//! `adapter.*`: a table from method to function.

use super::bigquery;
use super::host::RunHost;
use indexmap::IndexMap;
use rsdbt_base::{Code, Column, Dialect, Relation, Table};
use rsdbt_jinja::{Arguments, Data, Fault, agate_type};
use rsdbt_warehouse::{Path, Receipt};
use serde_json::Value as Json;
use std::sync::Arc;

type Method = fn(&RunHost, &Arguments) -> Result<Data, Fault>;

const METHODS: &[(&str, Method)] = &[
    ("execute", execute),
    ("add_query", execute),
    ("run_sql_for_tests", execute),
    ("commit", |host, _| host.commit().map(|()| Data::None)),
    ("begin", |host, _| host.begin().map(|()| Data::None)),
    ("get_relation", get_relation),
    ("get_columns_in_relation", get_columns_in_relation),
    ("get_columns_in_table", get_columns_in_relation),
    ("get_column_schema_from_query", columns_of_query),
    ("get_columns_in_select_sql", columns_of_query),
    ("get_missing_columns", get_missing_columns),
    ("drop_relation", drop_relation),
    ("rename_relation", rename_relation),
    ("truncate_relation", truncate_relation),
    ("create_schema", create_schema),
    ("drop_schema", drop_schema),
    ("check_schema_exists", check_schema_exists),
    ("schema_exists", check_schema_exists),
    ("list_schemas", list_schemas),
    ("list_relations", list_relations),
    ("list_relations_without_caching", list_relations),
    ("already_exists", already_exists),
    ("expand_target_column_types", nothing),
    ("cache_added", nothing),
    ("cache_dropped", nothing),
    ("cache_renamed", nothing),
    ("grant_access_to", bigquery::grant_access_to),
    ("update_columns", bigquery::update_columns),
    ("update_table_description", bigquery::update_table_description),
    ("copy_table", bigquery::copy_table),
    ("get_dataset_location", bigquery::get_dataset_location),
    ("quote_as_configured", |host, a| Ok(Data::text(host.quote(&a.text(0, "identifier").unwrap_or_default())))),
    ("quote_seed_column", quote_seed_column),
    ("convert_type", convert_type),
    ("standardize_grants_dict", |_, a| Ok(a.positional.first().cloned().unwrap_or_default())),
    ("get_hard_deletes_behavior", get_hard_deletes_behavior),
    ("valid_snapshot_target", nothing),
    ("assert_valid_snapshot_target_given_strategy", nothing),
    ("render_raw_columns_constraints", render_columns),
    ("render_raw_model_constraints", render_model_constraints),
    ("parse_partition_by", parse_partition_by),
    ("is_replaceable", bigquery::is_replaceable),
    ("load_seed", super::seed::load),
    ("valid_incremental_strategies", |host, _| Ok(strategies(host))),
    ("is_motherduck", |_, _| Ok(Data::Bool(false))),
    ("is_ducklake", |_, _| Ok(Data::Bool(false))),
    ("disable_transactions", |_, _| Ok(Data::Bool(false))),
    ("escape_sql_string", |_, a| Ok(Data::text(a.text(0, "s").unwrap_or_default().replace('\'', "''")))),
    ("location_exists", |_, _| Ok(Data::Bool(false))),
];

/// Carries one method out. Errors: there is no such method, or the warehouse refuses.
pub fn call(host: &RunHost, method: &str, arguments: &Arguments) -> Result<Data, Fault> {
    match METHODS.iter().find(|(name, _)| *name == method) {
        Some((_, run)) => run(host, arguments),
        None => {
            let near = rsdbt_base::closest(method, METHODS.iter().map(|(name, _)| *name));
            let fault = Fault::compilation(format!(
                "adapter.{method}() is not available for {}",
                host.world.invocation.adapter
            ));
            Err(match near {
                Some(near) => fault.help(format!("did you mean adapter.{near}()?")),
                None => fault,
            })
        }
    }
}

fn nothing(_: &RunHost, _: &Arguments) -> Result<Data, Fault> {
    Ok(Data::None)
}

fn strategies(host: &RunHost) -> Data {
    let names = host.world.invocation.dialect.strategies();
    Data::List(names.iter().map(|name| Data::text(*name)).collect())
}

/// What the engine reported: dbt's AdapterResponse.
fn response(message: &str, rows: Option<u64>) -> Data {
    Data::Map(IndexMap::from([
        ("_message".to_owned(), Data::text(message)),
        ("code".to_owned(), Data::text(message.split(' ').next().unwrap_or_default())),
        ("rows_affected".to_owned(), rows.and_then(|n| i64::try_from(n).ok()).map_or(Data::None, Data::Int)),
    ]))
}

/// A job as dbt-bigquery reports it, and where to see it.
fn receipt_data(receipt: &Receipt) -> Data {
    let bytes = |count: Option<u64>| count.and_then(|n| i64::try_from(n).ok()).map_or(Data::None, Data::Int);
    let rows = receipt.rows_affected.map(|rows| format!("{rows} rows"));
    let processed = receipt.bytes_processed.map(|count| format!("{} processed", rsdbt_base::byte_text(count)));
    let details: Vec<String> = rows.into_iter().chain(processed).collect();
    let message =
        if details.is_empty() { receipt.code.clone() } else { format!("{} ({})", receipt.code, details.join(", ")) };
    let optional = |text: &Option<String>| text.clone().map_or(Data::None, Data::Text);
    Data::Map(IndexMap::from([
        ("_message".to_owned(), Data::text(message)),
        ("code".to_owned(), Data::text(receipt.code.clone())),
        ("rows_affected".to_owned(), receipt.rows_affected.map_or(Data::None, Data::Int)),
        ("bytes_processed".to_owned(), bytes(receipt.bytes_processed)),
        ("bytes_billed".to_owned(), bytes(receipt.bytes_billed)),
        ("slot_ms".to_owned(), bytes(receipt.slot_ms)),
        ("location".to_owned(), optional(&receipt.location)),
        ("project_id".to_owned(), Data::text(receipt.project.clone())),
        ("job_id".to_owned(), Data::text(receipt.job_id.clone())),
        ("job_link".to_owned(), Data::text(receipt.link())),
    ]))
}

fn execute(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let sql = arguments.text(0, "sql").unwrap_or_default();
    let auto_begin = arguments.flag(1, "auto_begin", false);
    let fetch = arguments.flag(2, "fetch", false);
    let outcome = host.execute(&sql, auto_begin)?;
    let data = if fetch { outcome.table } else { Table::default() };
    let answer = match host.with_session(|session| Ok(session.receipt()))? {
        Some(receipt) => receipt_data(&receipt),
        None => response("OK", outcome.rows_affected),
    };
    Ok(Data::Tuple(vec![answer, Data::Table(data)]))
}

impl RunHost {
    pub fn quote(&self, name: &str) -> String {
        self.world.invocation.dialect.quote(name)
    }

    fn database<'a>(&'a self, relation: &'a Relation) -> &'a str {
        relation.database.as_deref().unwrap_or(&self.world.invocation.database)
    }

    fn relation(&self, arguments: &Arguments, at: usize, name: &str) -> Result<Relation, Fault> {
        arguments
            .relation(at, name)
            .cloned()
            .ok_or_else(|| Fault::compilation(format!("the argument '{name}' is not a relation")))
    }

    /// The relation as it exists, with its type; `None` when it does not.
    pub fn find(&self, database: &str, schema: &str, identifier: &str) -> Result<Option<Relation>, Fault> {
        let path = Path { database, schema, name: identifier };
        let found = self.with_session(|session| session.relation(&path))?;
        Ok(found.map(|info| Relation {
            kind: Some(info.kind.to_owned()),
            ..Relation::new(database, schema, &info.name, self.world.invocation.dialect)
        }))
    }

    pub fn columns(&self, relation: &Relation) -> Result<Vec<Column>, Fault> {
        let database = self.database(relation).to_owned();
        let path = Path {
            database: &database,
            schema: relation.schema.as_deref().unwrap_or_default(),
            name: relation.identifier.as_deref().unwrap_or_default(),
        };
        if relation.schema.is_none() {
            let query = format!("select * from {}", relation.render());
            return self.with_session(|session| session.columns_of_query(&query));
        }
        self.with_session(|session| session.columns(&path))
    }

    fn column_data(&self, columns: Vec<Column>) -> Data {
        let dialect = self.world.invocation.dialect;
        Data::List(columns.into_iter().map(|column| Data::Column(column, dialect)).collect())
    }
}

fn get_relation(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let database = arguments.text(0, "database").unwrap_or_else(|| host.world.invocation.database.clone());
    let (Some(schema), Some(identifier)) = (arguments.text(1, "schema"), arguments.text(2, "identifier")) else {
        return Ok(Data::None);
    };
    Ok(host.find(&database, &schema, &identifier)?.map_or(Data::None, Data::Relation))
}

fn already_exists(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let (schema, name) =
        (arguments.text(0, "schema").unwrap_or_default(), arguments.text(1, "name").unwrap_or_default());
    let database = host.world.invocation.database.clone();
    Ok(Data::Bool(host.find(&database, &schema, &name)?.is_some()))
}

fn get_columns_in_relation(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let relation = host.relation(arguments, 0, "relation")?;
    let columns = host.columns(&relation)?;
    Ok(host.column_data(columns))
}

fn columns_of_query(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let sql = arguments.text(0, "sql").unwrap_or_default();
    let columns = host.with_session(|session| session.columns_of_query(&sql))?;
    Ok(host.column_data(columns))
}

fn get_missing_columns(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let from = host.columns(&host.relation(arguments, 0, "from_relation")?)?;
    let to = host.columns(&host.relation(arguments, 1, "to_relation")?)?;
    let missing = from.into_iter().filter(|c| !to.iter().any(|other| other.name.eq_ignore_ascii_case(&c.name)));
    Ok(host.column_data(missing.collect()))
}

fn drop_relation(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let relation = host.relation(arguments, 0, "relation")?;
    let kind = match relation.kind.as_deref() {
        Some("view") => "view",
        Some("materialized_view") => "materialized view",
        Some("external") => "external table",
        _ => "table",
    };
    host.execute(&format!("drop {kind} if exists {}", relation.render()), true)?;
    Ok(Data::None)
}

fn rename_relation(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let from = host.relation(arguments, 0, "from_relation")?;
    let to = host.relation(arguments, 1, "to_relation")?;
    let kind = if from.kind.as_deref() == Some("view") { "view" } else { "table" };
    let name = host.quote(to.identifier.as_deref().unwrap_or_default());
    host.execute(&format!("alter {kind} {} rename to {name}", from.render()), true)?;
    Ok(Data::None)
}

fn truncate_relation(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let relation = host.relation(arguments, 0, "relation")?;
    host.execute(&format!("truncate table {}", relation.render()), true)?;
    Ok(Data::None)
}

/// A schema's name as SQL: `"db"."schema"`.
fn schema_name(relation: &Relation) -> String {
    Relation { identifier: None, ..relation.clone() }.render()
}

fn create_schema(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let relation = host.relation(arguments, 0, "relation")?;
    host.execute(&format!("create schema if not exists {}", schema_name(&relation)), true)?;
    Ok(Data::None)
}

fn drop_schema(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let relation = host.relation(arguments, 0, "relation")?;
    host.execute(&format!("drop schema if exists {} cascade", schema_name(&relation)), true)?;
    Ok(Data::None)
}

fn check_schema_exists(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let database = arguments.text(0, "database").unwrap_or_else(|| host.world.invocation.database.clone());
    let schema = arguments.text(1, "schema").unwrap_or_default();
    let all = host.with_session(|session| session.schemas(&database))?;
    Ok(Data::Bool(all.iter().any(|known| known.eq_ignore_ascii_case(&schema))))
}

fn list_schemas(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let database = arguments.text(0, "database").unwrap_or_else(|| host.world.invocation.database.clone());
    let all = host.with_session(|session| session.schemas(&database))?;
    Ok(Data::List(all.into_iter().map(Data::Text).collect()))
}

fn list_relations(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let (database, schema) = match arguments.relation(0, "schema_relation") {
        Some(relation) => (host.database(relation).to_owned(), relation.schema.clone().unwrap_or_default()),
        None => (
            arguments.text(0, "database").unwrap_or_else(|| host.world.invocation.database.clone()),
            arguments.text(1, "schema").unwrap_or_default(),
        ),
    };
    let dialect = host.world.invocation.dialect;
    let all = host.with_session(|session| session.relations(&database, &schema))?;
    let relation = |info: rsdbt_warehouse::RelationInfo| {
        Data::Relation(Relation {
            kind: Some(info.kind.to_owned()),
            ..Relation::new(&database, &info.schema, &info.name, dialect)
        })
    };
    Ok(Data::List(all.into_iter().map(relation).collect()))
}

fn quote_seed_column(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let name = arguments.text(0, "column").unwrap_or_default();
    let quote = arguments.get(1, "quote_config").is_none_or(|flag| *flag == Data::None || flag.is_true());
    Ok(Data::text(if quote { host.quote(&name) } else { name }))
}

fn convert_type(_: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let at = match arguments.get(1, "col_idx") {
        Some(Data::Int(at)) => *at as usize,
        _ => 0,
    };
    match arguments.get(0, "agate_table") {
        Some(Data::Table(table)) => Ok(Data::text(table.columns.get(at).map_or("", agate_type).to_lowercase())),
        _ => Err(Fault::compilation("convert_type() takes a table and a column's position")),
    }
}

fn get_hard_deletes_behavior(_: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let Some(Data::Map(config)) = arguments.get(0, "config") else { return Ok(Data::text("ignore")) };
    let legacy = config.get("invalidate_hard_deletes").is_some_and(Data::is_true);
    Ok(match config.get("hard_deletes").and_then(Data::as_text) {
        Some(behaviour) => Data::text(behaviour),
        None if legacy => Data::text("invalidate"),
        None => Data::text("ignore"),
    })
}

fn json_of(data: Option<&Data>) -> Json {
    data.map(Data::to_json).unwrap_or_default()
}

/// What a foreign key refers to: `ref(...)` and `source(...)` become names, everything else is SQL.
fn referenced(host: &RunHost, to: &str) -> Result<String, Fault> {
    let call = ["ref", "source"]
        .iter()
        .any(|name| to.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('(')));
    if !call {
        return Ok(to.to_owned());
    }
    let other = Arc::new(RunHost::new(&host.world, &host.node, None));
    let scope = host.world.engine.scope(other, &host.node.package);
    let rendered = host.world.engine.render_text(&format!("{{{{ {to} }}}}"), &scope);
    rendered.map_err(|error| error.fault.unwrap_or_else(|| Fault::compilation(error.diagnostic.message)))
}

/// Words of a constraint, as both dialects write it.
fn constraint_text(host: &RunHost, constraint: &Json) -> Result<Option<String>, Fault> {
    let Some(word) = constraint.get("type").and_then(Json::as_str) else { return Ok(None) };
    let expression = constraint.get("expression").and_then(Json::as_str).unwrap_or_default();
    let to = constraint.get("to").and_then(Json::as_str).unwrap_or_default();
    let to = referenced(host, to)?;
    Ok(Some(match word {
        "check" => format!("check ({expression})"),
        "not_null" => format!("not null {expression}").trim_end().to_owned(),
        "unique" => format!("unique {expression}").trim_end().to_owned(),
        "primary_key" => format!("primary key {expression}").trim_end().to_owned(),
        "foreign_key" if !to.is_empty() => {
            let columns = texts(constraint.get("to_columns"));
            if columns.is_empty() {
                format!("references {to}")
            } else {
                format!("references {to} ({})", columns.join(", "))
            }
        }
        "foreign_key" => format!("references {expression}"),
        "custom" => expression.to_owned(),
        _ => return Ok(None),
    }))
}

fn texts(list: Option<&Json>) -> Vec<String> {
    list.and_then(Json::as_array).into_iter().flatten().filter_map(|t| t.as_str().map(str::to_owned)).collect()
}

/// BigQuery knows only these, and does not enforce keys.
fn supported(host: &RunHost, constraint: &Json) -> bool {
    let word = constraint.get("type").and_then(Json::as_str).unwrap_or_default();
    host.world.invocation.dialect == Dialect::DuckDb
        || matches!(word, "not_null" | "primary_key" | "foreign_key" | "custom")
}

fn rendered(host: &RunHost, constraint: &Json) -> Result<Option<String>, Fault> {
    if !supported(host, constraint) {
        return Ok(None);
    }
    let Some(text) = constraint_text(host, constraint)? else { return Ok(None) };
    let word = constraint.get("type").and_then(Json::as_str).unwrap_or_default();
    let unenforced =
        host.world.invocation.dialect == Dialect::GoogleSql && matches!(word, "primary_key" | "foreign_key");
    Ok(Some(if unenforced { format!("{text} not enforced") } else { text }))
}

fn render_columns(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let columns = json_of(arguments.get(0, "raw_columns"));
    let mut lines = Vec::new();
    for column in columns.as_object().into_iter().flat_map(|map| map.values()) {
        let name = column.get("name").and_then(Json::as_str).unwrap_or_default();
        let data_type = column.get("data_type").and_then(Json::as_str).unwrap_or_default();
        let quoted = column.get("quote").and_then(Json::as_bool).unwrap_or(false);
        let name = if quoted { host.quote(name) } else { name.to_owned() };
        let constraints = column.get("constraints").and_then(Json::as_array).cloned().unwrap_or_default();
        let parts: Vec<Option<String>> = constraints.iter().map(|c| rendered(host, c)).collect::<Result<_, _>>()?;
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        lines.push(format!("{name} {data_type} {}", parts.join(" ")).trim_end().to_owned());
    }
    Ok(Data::List(lines.into_iter().map(Data::Text).collect()))
}

fn render_model_constraints(host: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let constraints = json_of(arguments.get(0, "raw_constraints"));
    let mut lines = Vec::new();
    for constraint in constraints.as_array().into_iter().flatten() {
        let Some(text) = rendered(host, constraint)? else { continue };
        let columns = texts(constraint.get("columns")).join(", ");
        let word = constraint.get("type").and_then(Json::as_str).unwrap_or_default();
        let prefix =
            constraint.get("name").and_then(Json::as_str).map(|name| format!("constraint {name} ")).unwrap_or_default();
        lines.push(match word {
            "primary_key" | "unique" => {
                let (head, tail) = text.split_at(if word == "unique" { 6 } else { 11 });
                format!("{prefix}{head} ({columns}){tail}")
            }
            "foreign_key" => format!("{prefix}foreign key ({columns}) {text}"),
            _ => format!("{prefix}{text}"),
        });
    }
    Ok(Data::List(lines.into_iter().map(Data::Text).collect()))
}

/// BigQuery's `partition_by`: a map with its defaults filled in.
fn parse_partition_by(_: &RunHost, arguments: &Arguments) -> Result<Data, Fault> {
    let raw = match arguments.positional.first() {
        None | Some(Data::None) => return Ok(Data::None),
        Some(Data::Map(map)) => map.clone(),
        Some(_) => {
            return Err(Fault::new(Code::CONFIG, "Compilation", "`partition_by` must be a map")
                .help("for example {'field': 'day', 'data_type': 'date', 'granularity': 'day'}"));
        }
    };
    if !raw.contains_key("field") {
        return Err(Fault::new(Code::CONFIG, "Compilation", "`partition_by` needs a 'field'"));
    }
    let defaults = [
        ("data_type", Data::text("date")),
        ("granularity", Data::text("day")),
        ("range", Data::None),
        ("time_ingestion_partitioning", Data::Bool(false)),
        ("copy_partitions", Data::Bool(false)),
    ];
    let mut map: IndexMap<String, Data> = raw;
    for (key, value) in defaults {
        map.entry(key.to_owned()).or_insert(value);
    }
    Ok(Data::Map(map))
}
