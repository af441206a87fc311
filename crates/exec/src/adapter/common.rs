//! The methods that every dialect has: statements, relations, schemas, columns.

use super::constraints;
use super::{Call, Method, nothing, texts};
use crate::host::RunHost;
use indexmap::IndexMap;
use rsdbt_base::{Column, Relation, Table};
use rsdbt_jinja::{Data, Fault, agate_type};
use rsdbt_warehouse::{Path, Receipt, RelationInfo};

pub const METHODS: &[Method] = &[
    ("execute(sql, auto_begin=, fetch=, limit=)", |call| execute(call, call.flag(2))),
    ("add_query(sql, auto_begin=, bindings=, abridge_sql_log=)", |call| execute(call, false)),
    ("run_sql_for_tests(sql, fetch=, conn=)", |call| execute(call, call.flag(1))),
    ("commit()", |call| call.host.commit().map(|()| Data::None)),
    ("begin()", |call| call.host.begin().map(|()| Data::None)),
    ("get_relation(database, schema, identifier)", get_relation),
    ("already_exists(schema, name)", already_exists),
    ("list_relations(database, schema)", |call| list_relations(call.host, call.database(0), call.text(1))),
    ("list_relations_without_caching(schema_relation)", list_relations_of),
    ("drop_relation(relation)", drop_relation),
    ("rename_relation(from_relation, to_relation)", rename_relation),
    ("truncate_relation(relation)", truncate_relation),
    ("get_columns_in_relation(relation)", |call| columns_of(call.host, call.relation(0)?)),
    ("get_columns_in_table(schema, identifier)", get_columns_in_table),
    ("get_column_schema_from_query(sql)", columns_of_query),
    ("get_missing_columns(from_relation, to_relation)", get_missing_columns),
    ("expand_target_column_types(from_relation, to_relation)", nothing),
    ("create_schema(relation)", create_schema),
    ("drop_schema(relation)", drop_schema),
    ("check_schema_exists(database, schema)", schema_exists),
    ("schema_exists(database, schema)", schema_exists),
    ("list_schemas(database)", list_schemas),
    ("cache_added(relation)", nothing),
    ("cache_dropped(relation)", nothing),
    ("cache_renamed(from_relation, to_relation)", nothing),
    ("quote_as_configured(identifier, quote_key=)", |call| Ok(Data::text(call.host.quote(call.text(0))))),
    ("quote_seed_column(column, quote_config=)", quote_seed_column),
    ("convert_type(agate_table, col_idx)", convert_type),
    ("standardize_grants_dict(grants_table)", |call| Ok(call.get(0).cloned().unwrap_or_default())),
    ("get_hard_deletes_behavior(config)", get_hard_deletes_behavior),
    ("valid_snapshot_target(relation, column_names=)", nothing),
    ("assert_valid_snapshot_target_given_strategy(relation, column_names, strategy)", nothing),
    ("render_raw_columns_constraints(raw_columns)", constraints::of_columns),
    ("render_raw_model_constraints(raw_constraints)", constraints::of_model),
    ("valid_incremental_strategies()", |call| {
        Ok(texts(call.host.world.invocation.dialect.strategies().iter().copied()))
    }),
    ("load_seed()", |call| crate::seed::load(call.host)),
];

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

fn execute(call: &Call, fetch: bool) -> Result<Data, Fault> {
    let outcome = call.host.execute(call.text(0), call.flag(1))?;
    let data = if fetch { outcome.table } else { Table::default() };
    let answer = match call.host.with_session(|session| Ok(session.receipt()))? {
        Some(receipt) => receipt_data(&receipt),
        None => response("OK", outcome.rows_affected),
    };
    Ok(Data::Tuple(vec![answer, Data::Table(data)]))
}

impl RunHost {
    pub fn quote(&self, name: &str) -> String {
        self.world.invocation.dialect.quote(name)
    }

    /// The relation as it exists, with its type; `None` when it does not.
    pub fn find(&self, database: &str, schema: &str, identifier: &str) -> Result<Option<Relation>, Fault> {
        let path = Path { database, schema, name: identifier };
        let found = self.with_session(|session| session.relation(&path))?;
        Ok(found.map(|info| existing(self, database, RelationInfo { schema: schema.to_owned(), ..info })))
    }

    pub fn columns(&self, relation: &Relation) -> Result<Vec<Column>, Fault> {
        let Some(schema) = &relation.schema else {
            let query = format!("select * from {}", relation.render());
            return self.with_session(|session| session.columns_of_query(&query));
        };
        let database = relation.database.as_ref().unwrap_or(&self.world.invocation.database);
        let path = Path { database, schema, name: relation.identifier.as_deref().unwrap_or_default() };
        self.with_session(|session| session.columns(&path))
    }
}

fn existing(host: &RunHost, database: &str, info: RelationInfo) -> Relation {
    let dialect = host.world.invocation.dialect;
    Relation { kind: Some(info.kind.to_owned()), ..Relation::new(database, &info.schema, &info.name, dialect) }
}

fn column_data(host: &RunHost, columns: Vec<Column>) -> Data {
    let dialect = host.world.invocation.dialect;
    Data::List(columns.into_iter().map(|column| Data::Column(column, dialect)).collect())
}

fn get_relation(call: &Call) -> Result<Data, Fault> {
    let (Some(Data::Text(schema)), Some(Data::Text(identifier))) = (call.get(1), call.get(2)) else {
        return Ok(Data::None);
    };
    Ok(call.host.find(call.database(0), schema, identifier)?.map_or(Data::None, Data::Relation))
}

fn already_exists(call: &Call) -> Result<Data, Fault> {
    let database = &call.host.world.invocation.database;
    Ok(Data::Bool(call.host.find(database, call.text(0), call.text(1))?.is_some()))
}

fn list_relations(host: &RunHost, database: &str, schema: &str) -> Result<Data, Fault> {
    let all = host.with_session(|session| session.relations(database, schema))?;
    Ok(Data::List(all.into_iter().map(|info| Data::Relation(existing(host, database, info))).collect()))
}

fn list_relations_of(call: &Call) -> Result<Data, Fault> {
    let relation = call.relation(0)?;
    let database = relation.database.as_ref().unwrap_or(&call.host.world.invocation.database);
    list_relations(call.host, database, relation.schema.as_deref().unwrap_or_default())
}

fn columns_of(host: &RunHost, relation: &Relation) -> Result<Data, Fault> {
    host.columns(relation).map(|columns| column_data(host, columns))
}

fn get_columns_in_table(call: &Call) -> Result<Data, Fault> {
    let invocation = &call.host.world.invocation;
    let relation = Relation::new(&invocation.database, call.text(0), call.text(1), invocation.dialect);
    columns_of(call.host, &relation)
}

pub fn columns_of_query(call: &Call) -> Result<Data, Fault> {
    let columns = call.host.with_session(|session| session.columns_of_query(call.text(0)))?;
    Ok(column_data(call.host, columns))
}

fn get_missing_columns(call: &Call) -> Result<Data, Fault> {
    let (from, to) = (call.host.columns(call.relation(0)?)?, call.host.columns(call.relation(1)?)?);
    let missing = from.into_iter().filter(|c| !to.iter().any(|other| other.name.eq_ignore_ascii_case(&c.name)));
    Ok(column_data(call.host, missing.collect()))
}

fn change(call: &Call, sql: &str) -> Result<Data, Fault> {
    call.host.execute(sql, true).map(|_| Data::None)
}

fn drop_relation(call: &Call) -> Result<Data, Fault> {
    let relation = call.relation(0)?;
    let kind = match relation.kind.as_deref() {
        Some("view") => "view",
        Some("materialized_view") => "materialized view",
        Some("external") => "external table",
        _ => "table",
    };
    change(call, &format!("drop {kind} if exists {}", relation.render()))
}

fn rename_relation(call: &Call) -> Result<Data, Fault> {
    let (from, to) = (call.relation(0)?, call.relation(1)?);
    let kind = if from.kind.as_deref() == Some("view") { "view" } else { "table" };
    let name = call.host.quote(to.identifier.as_deref().unwrap_or_default());
    change(call, &format!("alter {kind} {} rename to {name}", from.render()))
}

fn truncate_relation(call: &Call) -> Result<Data, Fault> {
    change(call, &format!("truncate table {}", call.relation(0)?.render()))
}

/// A schema's name as SQL: `"db"."schema"`.
fn schema_name(relation: &Relation) -> String {
    Relation { identifier: None, ..relation.clone() }.render()
}

fn create_schema(call: &Call) -> Result<Data, Fault> {
    change(call, &format!("create schema if not exists {}", schema_name(call.relation(0)?)))
}

fn drop_schema(call: &Call) -> Result<Data, Fault> {
    change(call, &format!("drop schema if exists {} cascade", schema_name(call.relation(0)?)))
}

fn schema_exists(call: &Call) -> Result<Data, Fault> {
    let all = call.host.with_session(|session| session.schemas(call.database(0)))?;
    Ok(Data::Bool(all.iter().any(|known| known.eq_ignore_ascii_case(call.text(1)))))
}

fn list_schemas(call: &Call) -> Result<Data, Fault> {
    call.host.with_session(|session| session.schemas(call.database(0))).map(texts)
}

fn quote_seed_column(call: &Call) -> Result<Data, Fault> {
    let quotes = call.get(1).is_none_or(Data::is_true);
    Ok(Data::text(if quotes { call.host.quote(call.text(0)) } else { call.text(0).to_owned() }))
}

fn convert_type(call: &Call) -> Result<Data, Fault> {
    let at = match call.get(1) {
        Some(Data::Int(at)) => usize::try_from(*at).unwrap_or(usize::MAX),
        _ => 0,
    };
    match call.get(0) {
        Some(Data::Table(table)) => Ok(Data::text(table.columns.get(at).map_or("", agate_type).to_lowercase())),
        _ => Err(Fault::compilation("convert_type() takes a table and a column's position")),
    }
}

fn get_hard_deletes_behavior(call: &Call) -> Result<Data, Fault> {
    let Some(Data::Map(config)) = call.get(0) else { return Ok(Data::text("ignore")) };
    let legacy = config.get("invalidate_hard_deletes").is_some_and(Data::is_true);
    Ok(match config.get("hard_deletes").and_then(Data::as_text) {
        Some(behaviour) => Data::text(behaviour),
        None if legacy => Data::text("invalidate"),
        None => Data::text("ignore"),
    })
}
