//! `source freshness`: how long ago a source was loaded, against what its YAML allows.

use super::host::RunHost;
use super::result::{blank_result, fail, located};
use super::world::World;
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use rsdbt_base::Value;
use rsdbt_jinja::{Data, Fault, RenderError};
use rsdbt_project::ir::{Freshness, NodeResult, Source, Status, Timing, operation};
use rsdbt_sys as sys;
use rsdbt_warehouse::Session;
use serde_json::Value as Json;
use std::sync::Arc;

/// Asks for the newest row's time by the macro `collect_freshness`, which projects may override.
pub fn check(
    world: &Arc<World>,
    source: &Source,
    session: Option<Box<dyn Session>>,
) -> (NodeResult, Option<Box<dyn Session>>) {
    let mut result = blank_result(world, &source.unique_id, Status::Pass);
    let node = Arc::new(operation(&world.invocation, &source.package, &source.name));
    let host = Arc::new(RunHost::new(world, &node, session));
    let started = sys::now_utc();
    let outcome = measure(world, source, &host);
    result.timing.push(Timing { name: "execute", started, completed: sys::now_utc() });
    match outcome {
        Ok(freshness) => {
            result.status = status(source, &freshness);
            result.freshness = Some(freshness);
        }
        Err(error) => {
            host.rollback();
            let diagnostic = located(world, &node, None, error);
            result.status = Status::RuntimeError;
            result.message = Some(diagnostic.message.clone());
            result.diagnostic = Some(diagnostic.note(format!(
                "while asking for the freshness of {}.{} ({}:{})",
                source.source_name, source.name, source.original_file_path, source.line
            )));
        }
    }
    (result, host.into_session())
}

fn measure(world: &Arc<World>, source: &Source, host: &Arc<RunHost>) -> Result<Freshness, RenderError> {
    let relation = Data::Relation(source.relation(world.invocation.dialect));
    host.set_variable("this", relation.clone());
    let scope = world.engine.scope(host.clone(), &source.package);
    let mut arguments = IndexMap::from([("source".to_owned(), relation)]);
    let name = match (&source.loaded_at_query, &source.loaded_at_field) {
        (Some(query), _) => {
            let query = world.engine.render_text(query, &scope)?;
            arguments.insert("loaded_at_query".to_owned(), Data::text(query));
            "collect_freshness_custom_sql"
        }
        (None, Some(field)) => {
            let filter = source.freshness.as_ref().and_then(|rules| rules.get("filter")).and_then(Json::as_str);
            arguments.insert("loaded_at_field".to_owned(), Data::text(field.clone()));
            arguments.insert("filter".to_owned(), filter.map_or(Data::None, Data::text));
            "collect_freshness"
        }
        (None, None) => {
            let message = format!(
                "the source {}.{} has a 'freshness' and no 'loaded_at_field': rsdbt does not ask the warehouse's metadata",
                source.source_name, source.name
            );
            return Err(fail(Fault::compilation(message).help("name the column that tells when a row was loaded")));
        }
    };
    let registry = world.engine.registry();
    let Some(definition) = registry.find(registry.root(), name) else {
        return Err(fail(Fault::compilation(format!("there is no macro '{name}'"))));
    };
    host.set_comment().map_err(fail)?;
    let answer = world.engine.call(&definition, &scope, arguments)?;
    host.commit().map_err(fail)?;
    let asked = source.loaded_at_field.as_deref().unwrap_or("loaded_at_query");
    read(answer, asked).map_err(|why| fail(Fault::new(rsdbt_base::Code::DATABASE, "Runtime", why)))
}

/// The two moments of the answer: `load_result`'s, or a table.
fn read(answer: Data, asked: &str) -> Result<Freshness, String> {
    let table = match answer {
        Data::Map(mut parts) => parts.swap_remove("table").unwrap_or_default(),
        other => other,
    };
    let row = match &table {
        Data::Table(table) => table.rows.first().filter(|row| row.len() >= 2),
        _ => None,
    };
    let Some([newest, now, ..]) = row.map(Vec::as_slice) else {
        return Err("collect_freshness gave no row with `max_loaded_at` and `snapshotted_at`".to_owned());
    };
    let snapshotted_at = moment(now, "the time now")?;
    // An empty table was loaded at the beginning of time, as dbt has it.
    let beginning = || DateTime::from_timestamp(-62_135_596_800, 0).unwrap_or_default();
    let max_loaded_at = if *newest == Value::Null { beginning() } else { moment(newest, asked)? };
    Ok(Freshness { max_loaded_at, snapshotted_at })
}

/// A moment; a time without a zone is UTC.
fn moment(value: &Value, name: &str) -> Result<DateTime<Utc>, String> {
    match value {
        Value::DateTime(micros) | Value::Timestamp(micros) => {
            DateTime::from_timestamp_micros(*micros).ok_or_else(|| format!("the time of '{name}' is out of range"))
        }
        other => Err(format!(
            "Expected a timestamp value when querying '{name}' but received {} instead: cast it to a timestamp",
            other.to_json()
        )),
    }
}

fn status(source: &Source, freshness: &Freshness) -> Status {
    let age = freshness.snapshotted_at - freshness.max_loaded_at;
    let exceeds = |rule: &str| source.allowed_age(rule).is_some_and(|allowed| age > allowed);
    match (exceeds("error_after"), exceeds("warn_after")) {
        (true, _) => Status::Fail,
        (false, true) => Status::Warn,
        _ => Status::Pass,
    }
}
