//! An event as a message: JSON with the columns of `schema`, and back into rows.

use crate::schema::{self, Moment, Record, Text};
use crate::sim::{Emission, Event, Shape};
use rsdbt_pubsub::{Incoming, Outgoing};
use rsdbt_sys as sys;
use rsdbt_warehouse::{Batch, Cell, Rows};

/// The place of an event in what a producer sent. A gap in `seq` is a loss, provable without a list of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp<'r> {
    pub run_id: &'r str,
    pub shard: i64,
    pub seq: i64,
}

impl<'r> Stamp<'r> {
    /// The place in a run with one shard.
    pub fn single(run_id: &'r str, seq: u64) -> Stamp<'r> {
        Stamp { run_id, shard: 0, seq: i64::try_from(seq).unwrap_or(i64::MAX) }
    }
}

/// The event with its place in a run.
pub fn record<'e>(event: &'e Event, stamp: &Stamp<'e>) -> Record<'e> {
    let product = event.product.as_deref();
    let text = |text: &'e str| Some(Text::from(text));
    Record {
        event_id: text(&event.event_id),
        stream_id: text(&event.stream.id),
        streamer_name: text(&event.stream.streamer),
        stream_start_time: Some(Moment(event.stream_start_micros)),
        viewer_id: text(&event.viewer.id),
        viewer_email: text(&event.viewer.email),
        viewer_state: text(&event.viewer.state),
        device_type: text(&event.viewer.device),
        event_time: Some(Moment(event.event_micros)),
        event_type: text(event.event_type),
        product_id: product.and_then(|product| text(&product.id)),
        product_name: product.and_then(|product| text(&product.name)),
        chat_message: event.chat_message.and_then(text),
        run_id: text(stamp.run_id),
        shard: Some(stamp.shard),
        seq: Some(stamp.seq),
    }
}

/// Whether nobody can read an event of this shape.
pub fn is_unreadable(shape: Shape) -> bool {
    matches!(shape, Shape::Malformed | Shape::RenamedField)
}

/// Appends what is sent for an emission: the event, or what its flaw made of it.
pub fn encode_emission(emission: &Emission, stamp: &Stamp, out: &mut Vec<u8>) {
    let start = out.len();
    record(&emission.event, stamp).write(out);
    match emission.shape {
        Shape::Sound => {}
        Shape::Malformed => out.truncate(start + (out.len() - start) / 2),
        Shape::ExtraField => {
            out.pop();
            out.extend_from_slice(b",\"app_version\":{\"major\":4,\"minor\":2}}");
        }
        Shape::RenamedField => {
            let renamed = String::from_utf8_lossy(&out[start..]).replacen("\"event_time\"", "\"ts\"", 1);
            out.truncate(start);
            out.extend_from_slice(renamed.as_bytes());
        }
    }
}

/// NDJSON of many emissions, in parts to be joined in order. The bytes do not depend on the number of threads.
pub fn encode_all(emissions: &[Emission], run_id: &str, threads: usize) -> Vec<Vec<u8>> {
    let encode_part = |part: &[Emission]| {
        let mut out = Vec::with_capacity(part.len() * 420);
        for emission in part {
            encode_emission(emission, &Stamp::single(run_id, emission.seq), &mut out);
            out.push(b'\n');
        }
        out
    };
    let size = emissions.len().div_ceil(threads.max(1)).max(1_000);
    if size >= emissions.len() {
        return vec![encode_part(emissions)];
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> = emissions.chunks(size).map(|part| scope.spawn(move || encode_part(part))).collect();
        parts.into_iter().map(|part| part.join().expect("encoding does not panic")).collect()
    })
}

/// The emission as a message for the bus; its place in the run is in the attributes too, for messages that are broken.
pub fn outgoing(emission: &Emission, stamp: &Stamp) -> Outgoing {
    let mut data = Vec::with_capacity(512);
    encode_emission(emission, stamp, &mut data);
    Outgoing { data, attributes: attributes(emission, stamp), ordering_key: String::new() }
}

fn attributes(emission: &Emission, stamp: &Stamp) -> Vec<(String, String)> {
    let named = |name: &str, value: String| (name.to_owned(), value);
    vec![
        named("event_id", emission.event.event_id.clone()),
        named("run_id", stamp.run_id.to_owned()),
        named("shard", stamp.shard.to_string()),
        named("seq", stamp.seq.to_string()),
    ]
}

/// The emission as if a bus had delivered it.
pub fn delivered(emission: &Emission, stamp: &Stamp) -> Incoming {
    let id = format!("{}/{}/{}", stamp.run_id, stamp.shard, stamp.seq);
    Incoming::new(id, outgoing(emission, stamp), emission.send_micros)
}

/// Collects messages as rows of the landing table, and what is no event as rows of the quarantine.
pub struct Collector {
    events: Rows,
    rejected: Rows,
}

impl Default for Collector {
    fn default() -> Collector {
        Collector { events: Rows::new(schema::COLUMNS), rejected: Rows::new(schema::QUARANTINE) }
    }
}

impl Collector {
    /// Takes a message: an event, or a case for the quarantine.
    pub fn message(&mut self, message: &Incoming) {
        match Record::read(&message.data) {
            Ok(record) => self.events.push(record.cells()),
            Err(reason) => self.reject(message, &reason),
        }
    }

    /// Takes an event as it is, without a message around it.
    pub fn simulated(&mut self, event: &Event, stamp: &Stamp) {
        self.events.push(record(event, stamp).cells());
    }

    pub fn into_batch(self, ledger: Option<String>) -> Batch {
        Batch { events: self.events, rejected: self.rejected, ledger }
    }

    fn reject(&mut self, message: &Incoming, reason: &str) {
        let text = |name: &str| message.attribute(name).map_or(Cell::Null, Cell::Text);
        let number =
            |name: &str| message.attribute(name).and_then(|value| value.parse().ok()).map_or(Cell::Null, Cell::Int);
        // What a producer sends twice is kept once. Without an event id the broker's id and time must do: they are the
        // same for a second delivery, but not for a second message.
        let key = match message.attribute("event_id") {
            Some(id) => format!("{id}/{:08x}", crc32fast::hash(&message.data)),
            None => format!("{}/{}", message.publish_micros, message.message_id),
        };
        self.rejected.push([
            Cell::Text(&key),
            Cell::Text(reason),
            Cell::Bytes(&message.data),
            Cell::Text(&message.message_id),
            Cell::Timestamp(message.publish_micros),
            text("run_id"),
            number("shard"),
            number("seq"),
        ]);
    }
}

/// A name for a batch in the ledger.
pub fn batch_id(started_micros: i64, number: u64) -> String {
    format!("{}-{}-{number}", started_micros, sys::process_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let world = std::sync::Arc::new(crate::sim::World::bundled().expect("the bundled seeds are valid"));
        let start_micros = crate::sim::DEFAULT_START_MICROS;
        let config = crate::sim::Config { seed: 1, events: 2_000, start_micros, days: 14, endless: false, id_salt: 0 };
        for (seq, event) in crate::sim::simulate(&world, &config).enumerate() {
            let stamp = Stamp::single("run", seq as u64);
            let record = record(&event, &stamp);
            let mut json = Vec::new();
            record.write(&mut json);
            assert_eq!(Record::read(&json).expect("an event"), record);
            serde_json::from_slice::<serde_json::Value>(&json).expect("JSON");
        }
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        let why = |json: &str| Record::read(json.as_bytes()).err().unwrap_or_default();
        assert!(why("{\"event_id\": \"a\"").contains("EOF"));
        assert_eq!(why(r#"{"event_id": "a", "event_type": "x"}"#), "missing field `event_time`");
        let bad_time = r#"{"event_id": "a", "event_type": "x", "event_time": "yesterday"}"#;
        assert!(why(bad_time).contains("'yesterday' is not a time"));
        assert_eq!(
            why(&bad_time.replace("\"a\"", "\"\"").replace("yesterday", "2026-11-01T00:00:00Z")),
            "event_id is empty"
        );
        assert_eq!(
            why(r#"{"event_id": "a\"b", "event_type": "x", "event_time": "2026-11-01T00:00:00Z", "new": {"a": 1}}"#),
            ""
        );
    }

    #[test]
    fn what_is_no_event_is_kept_beside_the_events() {
        let sent = |data: &[u8]| {
            let outgoing = Outgoing { data: data.to_vec(), attributes: Vec::new(), ordering_key: String::new() };
            Incoming::new("1".to_owned(), outgoing, 0)
        };
        let mut collector = Collector::default();
        collector.message(&sent(b"{"));
        collector.message(&sent(br#"{"event_id": "a", "event_type": "x", "event_time": "2026-11-01T00:00:00Z"}"#));
        let batch = collector.into_batch(None);
        assert_eq!((batch.events.len(), batch.rejected.len()), (1, 1));
    }
}
