//! Moves simulated events to where they are wanted: the local warehouse, or a CSV file.

use crate::adapter::bigquery::local::{Landed, LocalSession};
use crate::adapter::{DbError, Value};
use crate::sim::{COLUMNS, Event};
use crate::sys;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events that are written in one transaction.
const BATCH: usize = 10_000;

/// Where events land, and how fast.
pub struct Plan<'p> {
    pub dataset: &'p str,
    pub table: &'p str,
    /// Events a second; `None` for as fast as possible.
    pub rate: Option<f64>,
}

/// The columns of the landing table in BigQuery's types; the id is first.
const LANDING: &str = "event_id STRING NOT NULL, stream_id STRING, streamer_name STRING, stream_start_time TIMESTAMP, \
    viewer_id STRING, viewer_email STRING, viewer_state STRING, device_type STRING, event_time TIMESTAMP, \
    event_type STRING, product_id STRING, product_name STRING, chat_message STRING";

fn text(value: &Arc<str>) -> Value {
    Value::Text(value.to_string())
}

fn optional(value: Option<&str>) -> Value {
    value.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

fn row(event: &Event) -> Vec<Value> {
    vec![
        Value::Text(event.event_id.clone()),
        text(&event.stream_id),
        text(&event.streamer_name),
        Value::Timestamp(event.stream_start_micros),
        text(&event.viewer_id),
        text(&event.viewer_email),
        text(&event.viewer_state),
        text(&event.device_type),
        Value::Timestamp(event.event_micros),
        Value::Text(event.event_type.to_owned()),
        optional(event.product_id.as_deref()),
        optional(event.product_name.as_deref()),
        optional(event.chat_message),
    ]
}

/// Writes events into the warehouse in batches. `progress` hears how many were taken so far; when it answers false
/// the batch under way is the last one. Errors leave every finished batch in place and nothing of the broken one.
pub fn to_warehouse(
    session: &mut LocalSession,
    plan: &Plan,
    events: impl Iterator<Item = Event>,
    mut progress: impl FnMut(u64) -> bool,
) -> Result<Landed, DbError> {
    session.run(&format!("create schema if not exists `{}`", plan.dataset))?;
    session.run(&format!("create table if not exists `{}`.`{}` ({LANDING})", plan.dataset, plan.table))?;
    let begun = Instant::now();
    let size = plan.rate.map_or(BATCH, |rate| (rate / 5.0).ceil().clamp(1.0, BATCH as f64) as usize);
    let mut total = Landed::default();
    let mut taken = 0;
    let mut batch = Vec::with_capacity(size);
    let mut events = events.peekable();
    while events.peek().is_some() {
        batch.extend(events.by_ref().take(size).map(|event| row(&event)));
        taken += batch.len() as u64;
        if let Some(rate) = plan.rate {
            let due = Duration::from_secs_f64(taken as f64 / rate);
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        let landed = session.land(plan.dataset, plan.table, &batch)?;
        total = Landed { fresh: total.fresh + landed.fresh, known: total.known + landed.known };
        batch.clear();
        if !progress(taken) {
            break;
        }
    }
    Ok(total)
}

/// Events as CSV text, in the columns of the original data set.
pub fn to_csv(events: impl Iterator<Item = Event>) -> Result<String, String> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    let failed = |why: csv::Error| why.to_string();
    writer.write_record(COLUMNS).map_err(failed)?;
    for event in events {
        let cells = [
            event.stream_id.to_string(),
            event.streamer_name.to_string(),
            moment(event.stream_start_micros),
            event.viewer_id.to_string(),
            event.viewer_email.to_string(),
            event.viewer_state.to_string(),
            event.device_type.to_string(),
            moment(event.event_micros),
            event.event_type.to_owned(),
            event.product_id.map(|id| id.to_string()).unwrap_or_default(),
            event.product_name.map(|name| name.to_string()).unwrap_or_default(),
            event.chat_message.unwrap_or_default().to_owned(),
        ];
        writer.write_record(cells).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|why| why.to_string())?;
    String::from_utf8(bytes).map_err(|why| why.to_string())
}

/// `2026-11-01T18:00:00.123456Z`: dbt leaves it a text, BigQuery casts it to TIMESTAMP.
fn moment(micros: i64) -> String {
    let at = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    at.format("%Y-%m-%d %H:%M:%S%.6f UTC").to_string()
}

/// Writes a CSV file as a whole.
pub fn write_csv(path: &std::path::Path, events: impl Iterator<Item = Event>) -> Result<(), String> {
    let text = to_csv(events)?;
    sys::write(path, text).map_err(|why| format!("{}: {why}", path.display()))
}
