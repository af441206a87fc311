//! An event as a message: JSON with the event's columns and its place in a run.

use crate::sim::{Emission, Event, Shape};
use rsdbt_pubsub::{Incoming, Outgoing};
use rsdbt_sys as sys;
use rsdbt_warehouse::{Batch, Cells, Rows, Texts};
use serde::Deserialize;
use serde_json::Value as Json;
use std::borrow::Cow;

/// The place of an event in what a producer sent. A gap in `seq` is a loss, provable without a list of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp<'r> {
    pub run_id: &'r str,
    pub shard: i64,
    pub seq: i64,
}

#[derive(Deserialize)]
struct Message<'m> {
    #[serde(borrow)]
    event_id: Cow<'m, str>,
    #[serde(borrow)]
    event_time: Cow<'m, str>,
    #[serde(borrow)]
    event_type: Cow<'m, str>,
    #[serde(borrow, default)]
    stream_id: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    streamer_name: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    stream_start_time: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    viewer_id: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    viewer_email: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    viewer_state: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    device_type: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    product_id: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    product_name: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    chat_message: Option<Cow<'m, str>>,
    #[serde(borrow, default)]
    run_id: Option<Cow<'m, str>>,
    #[serde(default)]
    shard: Option<i64>,
    #[serde(default)]
    seq: Option<i64>,
}

impl<'r> Stamp<'r> {
    /// The place in a run with one shard.
    pub fn single(run_id: &'r str, seq: u64) -> Stamp<'r> {
        Stamp { run_id, shard: 0, seq: i64::try_from(seq).unwrap_or(i64::MAX) }
    }
}

/// Appends the event as one JSON object. Its parts are JSON already, but for the numbers and the times: a serializer
/// would look at each of 400 characters again.
pub fn encode(event: &Event, stamp: &Stamp, out: &mut Vec<u8>) {
    let (mut time, mut start) = ([0; 27], [0; 27]);
    let mut put = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    let times = (moment(event.event_micros, &mut time), moment(event.stream_start_micros, &mut start));
    put(&[
        "{\"event_id\":\"",
        &event.event_id,
        "\",\"event_time\":\"",
        times.0,
        "\",\"event_type\":\"",
        event.event_type,
    ]);
    put(&["\",", &event.stream.json, ",\"stream_start_time\":\"", times.1, "\",", &event.viewer.json]);
    if let Some(product) = &event.product {
        put(&[",", &product.json]);
    }
    if let Some(message) = event.chat_message {
        put(&[",\"chat_message\":", &Json::from(message).to_string()]);
    }
    put(&[",\"run_id\":\"", stamp.run_id, "\",\"shard\":"]);
    let mut digits = itoa::Buffer::new();
    put(&[digits.format(stamp.shard), ",\"seq\":"]);
    put(&[digits.format(stamp.seq), "}"]);
}

/// Whether nobody can read an event of this shape.
pub fn is_unreadable(shape: Shape) -> bool {
    matches!(shape, Shape::Malformed | Shape::RenamedField)
}

/// Appends what is sent for an emission: the event, or what its flaw made of it.
pub fn encode_emission(emission: &Emission, stamp: &Stamp, out: &mut Vec<u8>) {
    let start = out.len();
    encode(&emission.event, stamp, out);
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

/// `2026-11-01T18:00:00.123456Z`, without a detour over a formatter: this runs twice an event.
fn moment(micros: i64, out: &mut [u8; 27]) -> &str {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    out.copy_from_slice(b"0000-00-00T00:00:00.000000Z");
    let mut put = |at: usize, width: usize, mut value: i64| {
        for place in (at..at + width).rev() {
            out[place] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year);
    put(5, 2, month);
    put(8, 2, day);
    put(11, 2, second / 3_600);
    put(14, 2, second / 60 % 60);
    put(17, 2, second % 60);
    put(20, 6, fraction);
    std::str::from_utf8(out).unwrap_or_default()
}

/// Year, month and day of a number of days since 1970-01-01, in years that begin in March (so leap days come last).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

fn micros(text: &str) -> Result<i64, String> {
    if let Some(micros) = own_micros(text.as_bytes()) {
        return Ok(micros);
    }
    let parsed = chrono::DateTime::parse_from_rfc3339(text);
    parsed.map(|time| time.timestamp_micros()).map_err(|why| format!("'{text}' is not a time: {why}"))
}

/// A time as `moment` writes it; `None` for any other form.
fn own_micros(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0, |sum, c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
    if text.len() != 27 || marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days in years that begin in March, as in `civil`.
    let (year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_era = year.rem_euclid(400) * 365 + year.rem_euclid(400) / 4 - year.rem_euclid(400) / 100;
    let days = year.div_euclid(400) * 146_097 + of_era + (153 * shifted + 2) / 5 + day - 1 - 719_468;
    let is_real = civil(days) == (number(0, 4)?, month, day) && hour < 24 && minute < 60 && second < 60;
    is_real
        .then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
        .map(|s| s * 1_000_000)
        .zip(number(20, 26))
        .map(|(s, f)| s + f)
}

/// Collects messages as the columns of the landing table, and what is no event as the columns of the quarantine.
#[derive(Default)]
pub struct Collector {
    texts: [Texts; 12],
    times: [Vec<Option<i64>>; 2],
    numbers: [Vec<Option<i64>>; 2],
    bad: Rejected,
}

#[derive(Default)]
struct Rejected {
    keys: Texts,
    reasons: Texts,
    raw: Vec<Option<Vec<u8>>>,
    ids: Texts,
    times: Vec<Option<i64>>,
    runs: Texts,
    numbers: [Vec<Option<i64>>; 2],
}

impl Collector {
    /// Takes a message: an event, or a case for the quarantine.
    pub fn message(&mut self, message: &Incoming) {
        if let Err(reason) = self.event(&message.data) {
            self.bad.add(message, reason);
        }
    }

    /// Takes an event from JSON. Errors say why it is none.
    fn event(&mut self, json: &[u8]) -> Result<(), String> {
        let message: Message = serde_json::from_slice(json).map_err(|why| why.to_string())?;
        if message.event_id.is_empty() {
            return Err("event_id is empty".to_owned());
        }
        let time = micros(&message.event_time)?;
        let start = message.stream_start_time.as_deref().map(micros).transpose()?;
        let texts = [
            Some(message.event_id.as_ref()),
            message.stream_id.as_deref(),
            message.streamer_name.as_deref(),
            message.viewer_id.as_deref(),
            message.viewer_email.as_deref(),
            message.viewer_state.as_deref(),
            message.device_type.as_deref(),
            Some(message.event_type.as_ref()),
            message.product_id.as_deref(),
            message.product_name.as_deref(),
            message.chat_message.as_deref(),
            message.run_id.as_deref(),
        ];
        self.row(texts, [start, Some(time)], [message.shard, message.seq]);
        Ok(())
    }

    /// Takes an event as it is, without a message around it.
    pub fn simulated(&mut self, event: &Event, stamp: &Stamp) {
        let product = event.product.as_ref();
        let texts = [
            Some(event.event_id.as_ref()),
            Some(event.stream.id.as_ref()),
            Some(event.stream.streamer.as_ref()),
            Some(event.viewer.id.as_ref()),
            Some(event.viewer.email.as_ref()),
            Some(event.viewer.state.as_ref()),
            Some(event.viewer.device.as_ref()),
            Some(event.event_type),
            product.map(|product| product.id.as_ref()),
            product.map(|product| product.name.as_ref()),
            event.chat_message,
            Some(stamp.run_id),
        ];
        let times = [Some(event.stream_start_micros), Some(event.event_micros)];
        self.row(texts, times, [Some(stamp.shard), Some(stamp.seq)]);
    }

    fn row(&mut self, texts: [Option<&str>; 12], times: [Option<i64>; 2], numbers: [Option<i64>; 2]) {
        self.texts.iter_mut().zip(texts).for_each(|(column, value)| column.push(value));
        self.times.iter_mut().zip(times).for_each(|(column, value)| column.push(value));
        self.numbers.iter_mut().zip(numbers).for_each(|(column, value)| column.push(value));
    }

    /// Events and rejected messages so far.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.texts[0].len() + self.bad.keys.len()
    }

    pub fn into_batch(self, ledger: Option<String>) -> Batch {
        let [
            event_id,
            stream_id,
            streamer_name,
            viewer_id,
            viewer_email,
            viewer_state,
            device_type,
            event_type,
            product_id,
            product_name,
            chat_message,
            run_id,
        ] = self.texts.map(Cells::Text);
        let [stream_start_time, event_time] = self.times.map(Cells::Timestamp);
        let [shard, seq] = self.numbers.map(Cells::Int);
        let events = Rows {
            columns: vec![
                ("event_id", event_id),
                ("stream_id", stream_id),
                ("streamer_name", streamer_name),
                ("stream_start_time", stream_start_time),
                ("viewer_id", viewer_id),
                ("viewer_email", viewer_email),
                ("viewer_state", viewer_state),
                ("device_type", device_type),
                ("event_time", event_time),
                ("event_type", event_type),
                ("product_id", product_id),
                ("product_name", product_name),
                ("chat_message", chat_message),
                ("run_id", run_id),
                ("shard", shard),
                ("seq", seq),
            ],
        };
        Batch { events, rejected: self.bad.into_rows(), ledger }
    }
}

impl Rejected {
    fn add(&mut self, message: &Incoming, reason: String) {
        let number = |name: &str| message.attribute(name).and_then(|value| value.parse().ok());
        // What a producer sends twice is kept once. Without an event id the broker's id and time must do: they are the
        // same for a second delivery, but not for a second message.
        let key = match message.attribute("event_id") {
            Some(id) => format!("{id}/{:08x}", crc32fast::hash(&message.data)),
            None => format!("{}/{}", message.publish_micros, message.message_id),
        };
        self.keys.push(Some(&key));
        self.reasons.push(Some(&reason));
        self.raw.push(Some(message.data.to_vec()));
        self.ids.push(Some(&message.message_id));
        self.times.push(Some(message.publish_micros));
        self.runs.push(message.attribute("run_id"));
        self.numbers[0].push(number("shard"));
        self.numbers[1].push(number("seq"));
    }

    fn into_rows(self) -> Rows {
        let [shard, seq] = self.numbers.map(Cells::Int);
        Rows {
            columns: vec![
                ("quarantine_key", Cells::Text(self.keys)),
                ("reason", Cells::Text(self.reasons)),
                ("raw", Cells::Bytes(self.raw)),
                ("message_id", Cells::Text(self.ids)),
                ("published_at", Cells::Timestamp(self.times)),
                ("run_id", Cells::Text(self.runs)),
                ("shard", shard),
                ("seq", seq),
            ],
        }
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
    fn times_are_written_as_chrono_writes_them() {
        for micros in [0, -1, 951_782_399_999_999, 1_793_491_200_000_000, 4_102_444_800_123_456, -2_208_988_800_000_000]
        {
            let theirs = chrono::DateTime::from_timestamp_micros(micros).expect("in range");
            let text = theirs.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
            assert_eq!(moment(micros, &mut [0; 27]), text);
            assert_eq!(own_micros(text.as_bytes()), Some(micros));
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let world = std::sync::Arc::new(crate::sim::World::bundled().expect("the bundled seeds are valid"));
        let start_micros = crate::sim::DEFAULT_START_MICROS;
        let config = crate::sim::Config { seed: 1, events: 2_000, start_micros, days: 14, endless: false, id_salt: 0 };
        let (mut read, mut direct) = (Collector::default(), Collector::default());
        for (seq, event) in crate::sim::simulate(&world, &config).enumerate() {
            let stamp = Stamp::single("run", seq as u64);
            let mut json = Vec::new();
            encode(&event, &stamp, &mut json);
            read.event(&json).expect("an event");
            direct.simulated(&event, &stamp);
        }
        assert!(read.into_batch(None).events == direct.into_batch(None).events);
    }

    #[test]
    fn days_that_are_none_are_refused() {
        for text in ["2026-02-29T00:00:00.000000Z", "2026-13-01T00:00:00.000000Z", "2026-11-01T24:00:00.000000Z"] {
            assert!(micros(text).is_err(), "{text}");
        }
        assert!(micros("2024-02-29T00:00:00.000000Z").is_ok());
    }

    #[test]
    fn what_is_no_event_is_told_apart() {
        let mut collector = Collector::default();
        assert!(collector.event(b"{\"event_id\": \"a\"").is_err());
        assert!(
            collector
                .event(br#"{"event_id": "a", "event_type": "x"}"#)
                .expect_err("it is refused")
                .contains("event_time")
        );
        let bad_time = br#"{"event_id": "a", "event_type": "x", "event_time": "yesterday"}"#;
        assert!(collector.event(bad_time).expect_err("it is refused").contains("'yesterday' is not a time"));
        let extra = br#"{"event_id": "a", "event_type": "x", "event_time": "2026-11-01T00:00:00Z", "new": {"a": 1}}"#;
        collector.event(extra).expect("a field more does no harm");
        assert_eq!(collector.len(), 1);
    }
}
