//! `source freshness`: how long ago a source was loaded, against what its YAML allows.

use super::host::RunHost;
use super::node::{blank_result, fail, located};
use super::world::World;
use crate::adapter::Session;
use crate::ir::{Freshness, NodeResult, Source, Status, Timing, operation};
use crate::jinja::{Data, Fault, RenderError};
use crate::sys;
use chrono::{DateTime, TimeDelta, Utc};
use indexmap::IndexMap;
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
    let outcome = measure(world, source, &host).and_then(|freshness| Ok((status(source, &freshness)?, freshness)));
    result.timing.push(Timing { name: "execute", started, completed: sys::now_utc() });
    match outcome {
        Ok((status, freshness)) => {
            result.status = status;
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
    let text = |text: &String| Data::text(text.clone());
    let filter = source.freshness.as_ref().and_then(|rule| rule.get("filter")).and_then(Json::as_str);
    let (name, column) = match (&source.loaded_at_query, &source.loaded_at_field) {
        (Some(query), _) => ("collect_freshness_custom_sql", ("loaded_at_query", text(query))),
        (None, Some(field)) => ("collect_freshness", ("loaded_at_field", text(field))),
        (None, None) => {
            let message = format!(
                "the source {}.{} has a 'freshness' and no 'loaded_at_field' that tells when a row was loaded",
                source.source_name, source.name
            );
            return Err(fail(Fault::compilation(message)));
        }
    };
    let mut arguments =
        IndexMap::from([("source".to_owned(), Data::Relation(source.relation(world.invocation.quoting)))]);
    arguments.insert(column.0.to_owned(), column.1);
    if column.0 == "loaded_at_field" {
        arguments.insert("filter".to_owned(), filter.map_or(Data::None, Data::text));
    }
    let registry = world.engine.registry();
    let Some(definition) = registry.find(registry.root(), name) else {
        return Err(fail(Fault::compilation(format!("there is no macro '{name}'"))));
    };
    let scope = world.engine.scope(host.clone(), registry.root());
    host.set_comment().map_err(fail)?;
    let answer = world.engine.call(&definition, &scope, arguments)?;
    host.commit().map_err(fail)?;
    read(answer).map_err(|why| fail(Fault::new(crate::base::Code::DATABASE, "Runtime", why)))
}

/// The two moments of the answer: `load_result`'s, or a table.
fn read(answer: Data) -> Result<Freshness, String> {
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
    let snapshotted_at = moment(now, "snapshotted_at")?;
    // An empty table was loaded at the beginning of time, as dbt has it.
    let beginning = || DateTime::from_timestamp(-62_135_596_800, 0).unwrap_or_default();
    let max_loaded_at = if *newest == Data::None { beginning() } else { moment(newest, "max_loaded_at")? };
    Ok(Freshness { max_loaded_at, snapshotted_at })
}

/// A moment; a time without a zone is UTC.
fn moment(data: &Data, name: &str) -> Result<DateTime<Utc>, String> {
    match data {
        Data::DateTime(micros, _) => {
            DateTime::from_timestamp_micros(*micros).ok_or_else(|| format!("'{name}' is out of range"))
        }
        other => Err(format!(
            "Expected a timestamp value when querying field '{name}' but received '{}' instead: cast it to a timestamp in 'loaded_at_field'",
            other.to_json()
        )),
    }
}

fn status(source: &Source, freshness: &Freshness) -> Result<Status, RenderError> {
    let age = freshness.snapshotted_at - freshness.max_loaded_at;
    let exceeds = |key: &str| {
        let rule = source.freshness.as_ref().and_then(|rules| rules.get(key));
        let limit = rule.map(limit).transpose().map_err(|why| {
            let place = format!("{} of the source {}.{}", key, source.source_name, source.name);
            fail(Fault::compilation(format!("{place}: {why}")))
        })?;
        Ok::<bool, RenderError>(limit.flatten().is_some_and(|limit| age > limit))
    };
    Ok(match (exceeds("error_after")?, exceeds("warn_after")?) {
        (true, _) => Status::Fail,
        (false, true) => Status::Warn,
        _ => Status::Pass,
    })
}

/// `{count: 12, period: hour}`; nothing where both are missing.
fn limit(rule: &Json) -> Result<Option<TimeDelta>, String> {
    let part = |key: &str| rule.get(key).filter(|value| !value.is_null());
    let (Some(count), Some(period)) = (part("count"), part("period")) else {
        return match (part("count"), part("period")) {
            (None, None) => Ok(None),
            _ => Err("it needs a 'count' and a 'period'".to_owned()),
        };
    };
    let number = count.as_i64().or_else(|| count.as_str()?.trim().parse().ok());
    let delta = match (number, period.as_str()) {
        (None, _) => return Err(format!("the 'count' {count} is no whole number")),
        (Some(count), Some("minute")) => TimeDelta::try_minutes(count),
        (Some(count), Some("hour")) => TimeDelta::try_hours(count),
        (Some(count), Some("day")) => TimeDelta::try_days(count),
        _ => return Err(format!("the 'period' {period} is none of minute, hour, day")),
    };
    delta.map(Some).ok_or_else(|| format!("the 'count' {count} is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits() {
        assert_eq!(limit(&json!({"count": 2, "period": "hour"})), Ok(Some(TimeDelta::hours(2))));
        assert_eq!(limit(&json!({"count": "3", "period": "day"})), Ok(Some(TimeDelta::days(3))));
        assert_eq!(limit(&json!({"count": null, "period": null})), Ok(None));
        assert!(limit(&json!({"count": 1})).is_err());
        assert!(limit(&json!({"count": 1, "period": "week"})).is_err());
        assert!(limit(&json!({"count": 0.5, "period": "day"})).is_err());
    }
}
