//! What a request must look like: names, sizes, ranges.

use super::filter::Filter;
use super::topic::{duration_micros, size};
use super::{Fault, FaultKind, Result};
use rsdbt_proto::pubsub as api;

pub const MAX_MESSAGES: usize = 1_000;
pub const MAX_BYTES: usize = 10_000_000;
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// `projects/P/<collection>/NAME`, with a name of 3 to 255 characters that starts with a letter.
pub fn name(name: &str, collection: &str) -> Result<()> {
    let wanted = || Fault::invalid(format!("'{name}' is not a name: write it as projects/PROJECT/{collection}/NAME"));
    let parts: Vec<&str> = name.split('/').collect();
    let ["projects", project, kind, last] = parts[..] else { return Err(wanted()) };
    if project.is_empty() || kind != collection {
        return Err(wanted());
    }
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "-_.~+%".contains(c);
    let starts_well = last.starts_with(|c: char| c.is_ascii_alphabetic()) && !last.starts_with("goog");
    if !(3..=255).contains(&last.len()) || !starts_well || !last.chars().all(is_legal) {
        return Err(Fault::invalid(format!(
            "'{last}' is not a name: 3 to 255 letters, digits and -_.~+% that start with a letter and not with goog"
        )));
    }
    Ok(())
}

pub fn messages(messages: &[api::PubsubMessage]) -> Result<()> {
    if messages.is_empty() {
        return Err(Fault::invalid("a publish request needs at least one message"));
    }
    if messages.len() > MAX_MESSAGES {
        return Err(Fault::invalid(format!("{} messages in one request; {MAX_MESSAGES} are allowed", messages.len())));
    }
    let total: usize = messages.iter().map(size).sum();
    if total > MAX_BYTES {
        return Err(Fault::invalid(format!("the request holds {total} bytes; {MAX_BYTES} are allowed")));
    }
    messages.iter().try_for_each(message)
}

fn message(message: &api::PubsubMessage) -> Result<()> {
    if message.data.is_empty() && message.attributes.is_empty() {
        return Err(Fault::invalid("a message needs data or at least one attribute"));
    }
    if message.attributes.len() > 100 {
        return Err(Fault::invalid(format!("{} attributes on one message; 100 are allowed", message.attributes.len())));
    }
    for (key, value) in &message.attributes {
        if key.is_empty() || key.len() > 256 || key.starts_with("goog") {
            return Err(Fault::invalid(format!(
                "attribute key '{key}': 1 to 256 bytes that do not start with goog are allowed"
            )));
        }
        if value.len() > 1_024 {
            return Err(Fault::invalid(format!("the value of attribute '{key}' is longer than 1024 bytes")));
        }
    }
    if message.ordering_key.len() > 1_024 {
        return Err(Fault::invalid("the ordering key is longer than 1024 bytes"));
    }
    Ok(())
}

pub fn topic(config: &api::Topic) -> Result<()> {
    name(&config.name, "topics")?;
    absent(&[
        ("schema_settings", config.schema_settings.is_none()),
        ("ingestion_data_source_settings", config.ingestion_data_source_settings.is_none()),
        ("message_transforms", config.message_transforms.is_empty()),
    ])?;
    retention(config.message_retention_duration.as_ref())
}

/// Settings that would have no effect here are refused rather than kept: pairs (name, whether it is absent).
fn absent(settings: &[(&str, bool)]) -> Result<()> {
    match settings.iter().find(|(_, is_absent)| !is_absent) {
        Some((name, _)) => Err(Fault::new(FaultKind::Unsupported, format!("{name} is not supported here"))),
        None => Ok(()),
    }
}

fn retention(duration: Option<&prost_types::Duration>) -> Result<()> {
    let allowed = 10 * MINUTE..=31 * DAY;
    match duration.map(duration_micros) {
        Some(micros) if !allowed.contains(&micros) => {
            Err(Fault::invalid("message_retention_duration must be between 10 minutes and 31 days"))
        }
        _ => Ok(()),
    }
}

/// Checks a subscription and fills in the defaults.
pub fn subscription(mut config: api::Subscription) -> Result<api::Subscription> {
    name(&config.name, "subscriptions")?;
    if config.ack_deadline_seconds == 0 {
        config.ack_deadline_seconds = 10;
    }
    if !(10..=600).contains(&config.ack_deadline_seconds) {
        return Err(Fault::invalid("ack_deadline_seconds must be between 10 and 600"));
    }
    let is_push = config.push_config.as_ref().is_some_and(|push| !push.push_endpoint.is_empty());
    let is_export =
        config.bigquery_config.is_some() || config.cloud_storage_config.is_some() || config.bigtable_config.is_some();
    if is_push || is_export {
        let message = "push and export subscriptions are not supported here: pull, or use `rsdbt ingest`";
        return Err(Fault::new(FaultKind::Unsupported, message));
    }
    absent(&[("message_transforms", config.message_transforms.is_empty())])?;
    Filter::parse(&config.filter)
        .map(|_| ())
        .or_else(|why| if config.filter.is_empty() { Ok(()) } else { Err(why) })
        .map_err(|why| Fault::invalid(format!("the filter '{}' cannot be read: {why}", config.filter)))?;
    if let Some(policy) = &config.dead_letter_policy {
        name(&policy.dead_letter_topic, "topics")?;
        if policy.max_delivery_attempts != 0 && !(5..=100).contains(&policy.max_delivery_attempts) {
            return Err(Fault::invalid("max_delivery_attempts must be between 5 and 100"));
        }
    }
    retention(config.message_retention_duration.as_ref())?;
    let week = prost_types::Duration { seconds: 7 * 86_400, nanos: 0 };
    config.message_retention_duration.get_or_insert(week);
    config.state = api::subscription::State::Active.into();
    config.push_config.get_or_insert_default();
    Ok(config)
}

pub fn deadline_seconds(seconds: i32) -> Result<()> {
    if (0..=600).contains(&seconds) {
        return Ok(());
    }
    Err(Fault::invalid(format!("an ack deadline of {seconds} seconds: 0 to 600 are allowed")))
}
