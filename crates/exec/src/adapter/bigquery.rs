//! What only dbt's BigQuery adapter has. On an embedded database there is nothing behind some of it, which does nothing then.

use super::{Call, Method, common};
use crate::host::RunHost;
use indexmap::IndexMap;
use rsdbt_base::{Code, Relation};
use rsdbt_jinja::{Data, Fault};
use rsdbt_warehouse::{BigQueryTables, DbError, Path};
use serde_json::{Value as Json, json};

pub const METHODS: &[Method] = &[
    ("get_columns_in_select_sql(select_sql)", common::columns_of_query),
    ("parse_partition_by(raw_partition_by)", parse_partition_by),
    ("is_replaceable(relation, conf_partition, conf_cluster)", is_replaceable),
    ("update_columns(relation, columns)", update_columns),
    ("update_table_description(database, schema, identifier, description)", update_table_description),
    ("copy_table(source, destination, materialization=)", copy_table),
    ("grant_access_to(entity, entity_type, role, grant_target_dict)", grant_access_to),
    ("get_dataset_location(relation)", get_dataset_location),
];

fn on_tables<T: Default>(
    host: &RunHost,
    work: impl FnOnce(&mut dyn BigQueryTables) -> Result<T, DbError>,
) -> Result<T, Fault> {
    host.with_session(|session| match session.tables() {
        Some(tables) => work(tables),
        None => Ok(T::default()),
    })
}

/// A relation's three names.
struct Names {
    project: String,
    dataset: String,
    table: String,
}

impl Names {
    fn of(host: &RunHost, relation: &Relation) -> Names {
        Names {
            project: relation.database.clone().unwrap_or_else(|| host.world.invocation.database.clone()),
            dataset: relation.schema.clone().unwrap_or_default(),
            table: relation.identifier.clone().unwrap_or_default(),
        }
    }

    fn path(&self) -> Path<'_> {
        Path { database: &self.project, schema: &self.dataset, name: &self.table }
    }
}

/// Whether `create or replace table` may replace what is there: partitions and clusters cannot be changed that way.
fn is_replaceable(call: &Call) -> Result<Data, Fault> {
    let Some(Data::Relation(existing)) = call.get(0) else { return Ok(Data::Bool(true)) };
    let names = Names::of(call.host, existing);
    let found = on_tables(call.host, |tables| tables.resource(&names.path()))?;
    let Some(table) = found else { return Ok(Data::Bool(true)) };
    let partition = call.json(1);
    let cluster = match call.json(2) {
        Json::String(one) => json!([one]),
        Json::Null => json!([]),
        list => list,
    };
    let clustered = table["clustering"]["fields"].as_array().cloned().unwrap_or_default();
    Ok(Data::Bool(same_partition(&table, &partition) && Json::Array(clustered) == cluster))
}

fn same_partition(table: &Json, wanted: &Json) -> bool {
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
    let time = &table["timePartitioning"];
    let range = &table["rangePartitioning"];
    if wanted.is_null() {
        return time.is_null() && range.is_null();
    }
    let field = |value: &Json| text(&value["field"]) == text(&wanted["field"]);
    if !range.is_null() {
        let bound = |key: &str| text(&range["range"][key]) == text(&wanted["range"][key]);
        return field(range) && ["start", "end", "interval"].iter().all(|key| bound(key));
    }
    let granularity = wanted.get("granularity").map_or_else(|| "day".to_owned(), text);
    !time.is_null() && field(time) && text(&time["type"]) == granularity
}

/// Descriptions and policy tags of columns, nested ones (`a.b`) included. What else the columns have stays as it is.
fn update_columns(call: &Call) -> Result<Data, Fault> {
    let names = Names::of(call.host, call.relation(0)?);
    let columns = call.json(1);
    on_tables(call.host, |tables| {
        let Some(mut table) = tables.resource(&names.path())? else { return Ok(()) };
        let mut schema = table["schema"].take();
        describe(&mut schema["fields"], "", &columns);
        tables.patch(&names.path(), json!({ "schema": schema }))
    })?;
    Ok(Data::None)
}

fn describe(fields: &mut Json, prefix: &str, columns: &Json) {
    for field in fields.as_array_mut().into_iter().flatten() {
        let name = format!("{prefix}{}", field["name"].as_str().unwrap_or_default());
        let wanted = columns.as_object().into_iter().flatten().find(|(key, _)| key.eq_ignore_ascii_case(&name));
        if let Some((_, column)) = wanted {
            if let Some(text) = column["description"].as_str().filter(|text| !text.is_empty()) {
                // BigQuery keeps 1,024 characters.
                field["description"] = Json::from(text.chars().take(1024).collect::<String>());
            }
            if column["policy_tags"].as_array().is_some_and(|tags| !tags.is_empty()) {
                field["policyTags"] = json!({ "names": column["policy_tags"] });
            }
        }
        if let Some(inner) = field.get_mut("fields") {
            describe(inner, &format!("{name}."), columns);
        }
    }
}

/// `update_table_description(database, schema, identifier, description)`.
fn update_table_description(call: &Call) -> Result<Data, Fault> {
    let text = |at: usize| call.text(at).to_owned();
    let names = Names { project: text(0), dataset: text(1), table: text(2) };
    let description = text(3);
    on_tables(call.host, |tables| tables.patch(&names.path(), json!({ "description": description })))?;
    Ok(Data::None)
}

/// `copy_table(source or sources, destination, 'table' | 'incremental')`: over the rows that are there, or behind them.
fn copy_table(call: &Call) -> Result<Data, Fault> {
    let sources: Vec<Names> = match call.get(0) {
        Some(Data::Relation(one)) => vec![Names::of(call.host, one)],
        Some(Data::List(many)) => many
            .iter()
            .filter_map(
                |one| if let Data::Relation(relation) = one { Some(Names::of(call.host, relation)) } else { None },
            )
            .collect(),
        _ => Vec::new(),
    };
    if sources.is_empty() {
        return Err(Fault::compilation("copy_table() needs a relation to copy"));
    }
    let target = Names::of(call.host, call.relation(1)?);
    let disposition = match call.text(2) {
        "" | "table" => "WRITE_TRUNCATE",
        "incremental" => "WRITE_APPEND",
        other => {
            return Err(Fault::compilation(format!(
                "copy_materialization must be 'table' or 'incremental', not '{other}'"
            )));
        }
    };
    let done = on_tables(call.host, |tables| {
        let paths: Vec<Path> = sources.iter().map(Names::path).collect();
        tables.copy(&paths, &target.path(), disposition).map(|()| true)
    })?;
    if !done {
        copy_by_query(call.host, &sources, &target, disposition)?;
    }
    Ok(Data::None)
}

/// The same without copy jobs. A `$partition` is a matter of the cloud: here its rows are replaced by `insert_overwrite`.
fn copy_by_query(host: &RunHost, sources: &[Names], target: &Names, disposition: &str) -> Result<(), Fault> {
    let name = |names: &Names| [&names.project, &names.dataset, &names.table].map(|part| host.quote(part)).join(".");
    let selects: Vec<String> = sources.iter().map(|source| format!("select * from {}", name(source))).collect();
    let query = selects.join("\nunion all\n");
    let sql = match disposition {
        "WRITE_APPEND" => format!("insert into {}\n{query}", name(target)),
        _ => format!("create or replace table {} as\n{query}", name(target)),
    };
    host.execute(&sql, true).map(|_| ())
}

/// `grant_access_to(view, 'view', none, {project, dataset})`: the view may read that dataset.
fn grant_access_to(call: &Call) -> Result<Data, Fault> {
    let view = Names::of(call.host, call.relation(0)?);
    let target = call.json(3);
    let part = |key: &str| target[key].as_str().map(str::to_owned);
    let project = part("project").unwrap_or_else(|| call.host.world.invocation.database.clone());
    let Some(dataset) = part("dataset") else {
        return Err(Fault::compilation("`grant_access_to` needs a 'dataset' (and a 'project')"));
    };
    let entry = json!({"view": {"projectId": view.project, "datasetId": view.dataset, "tableId": view.table}});
    on_tables(call.host, |tables| {
        let Some(resource) = tables.dataset(&project, &dataset)? else {
            let message = format!("grant_access_to: there is no dataset {project}.{dataset}");
            return Err(DbError::new(rsdbt_warehouse::DbErrorKind::Semantic, message));
        };
        let mut access = resource["access"].as_array().cloned().unwrap_or_default();
        if access.iter().any(|known| known["view"] == entry["view"]) {
            return Ok(());
        }
        access.push(entry);
        tables.patch_dataset(&project, &dataset, json!({ "access": access }))
    })?;
    Ok(Data::None)
}

fn get_dataset_location(call: &Call) -> Result<Data, Fault> {
    let names = Names::of(call.host, call.relation(0)?);
    let found = on_tables(call.host, |tables| tables.dataset(&names.project, &names.dataset))?;
    let location = found.and_then(|resource| resource["location"].as_str().map(str::to_owned));
    let own = call.host.world.invocation.target.get("location").and_then(Json::as_str).map(str::to_owned);
    Ok(Data::text(location.or(own).unwrap_or_else(|| "US".to_owned())))
}

/// BigQuery's `partition_by`: a map with its defaults filled in.
fn parse_partition_by(call: &Call) -> Result<Data, Fault> {
    let raw = match call.get(0) {
        None => return Ok(Data::None),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_compared_as_bigquery_writes_them() {
        let day = json!({"timePartitioning": {"type": "DAY", "field": "At"}});
        assert!(same_partition(&day, &json!({"field": "at", "data_type": "timestamp"})));
        assert!(!same_partition(&day, &json!({"field": "at", "granularity": "hour"})));
        assert!(!same_partition(&day, &Json::Null));
        let range =
            json!({"rangePartitioning": {"field": "id", "range": {"start": "0", "end": "100", "interval": "10"}}});
        assert!(same_partition(&range, &json!({"field": "id", "range": {"start": 0, "end": 100, "interval": 10}})));
    }

    #[test]
    fn nested_columns_are_described_and_nothing_else_changes() {
        let mut fields =
            json!([{"name": "A", "type": "RECORD", "fields": [{"name": "b", "type": "NUMERIC", "precision": "9"}]}]);
        let columns = json!({"a.b": {"description": "deep", "policy_tags": ["t"]}});
        describe(&mut fields, "", &columns);
        assert_eq!(
            fields[0]["fields"][0],
            json!({"name": "b", "type": "NUMERIC", "precision": "9", "description": "deep", "policyTags": {"names": ["t"]}})
        );
        assert!(fields[0]["description"].is_null());
    }
}
