//! Files and standard output: NDJSON as on the bus, and CSV in the 12 columns of the original data set.

use super::{Sink, SinkError};
use crate::sim::{COLUMNS, Emission, Event};
use crate::stream::wire;
use std::io::Write;

pub struct JsonSink {
    out: Box<dyn Write>,
    run_id: String,
    threads: usize,
}

impl JsonSink {
    pub fn new(out: Box<dyn Write>, run_id: &str, threads: usize) -> JsonSink {
        JsonSink { out, run_id: run_id.to_owned(), threads }
    }
}

fn failed(why: impl std::fmt::Display) -> SinkError {
    SinkError::File(format!("the events cannot be written: {why}"))
}

fn unwritten(why: std::io::Error) -> SinkError {
    if why.kind() == std::io::ErrorKind::BrokenPipe { SinkError::Closed } else { failed(why) }
}

impl Sink for JsonSink {
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError> {
        let parts = wire::encode_all(emissions, &self.run_id, self.threads);
        parts.iter().try_for_each(|part| self.out.write_all(part)).map_err(unwritten)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(unwritten)
    }
}

pub struct CsvSink {
    out: csv::Writer<Box<dyn Write>>,
}

impl CsvSink {
    pub fn new(out: Box<dyn Write>) -> Result<CsvSink, SinkError> {
        let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(out);
        out.write_record(COLUMNS).map_err(failed)?;
        Ok(CsvSink { out })
    }

    fn row(&mut self, event: &Event) -> csv::Result<()> {
        self.out.write_record([
            event.stream.id.as_str(),
            &event.stream.streamer,
            &moment(event.stream_start_micros),
            &event.viewer.id,
            &event.viewer.email,
            &event.viewer.state,
            &event.viewer.device,
            &moment(event.event_micros),
            event.event_type,
            event.product.as_ref().map_or("", |product| &product.id),
            event.product.as_ref().map_or("", |product| &product.name),
            event.chat_message.unwrap_or_default(),
        ])
    }
}

impl Sink for CsvSink {
    /// Every delivery is a row; a broken message has no row in this form.
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError> {
        let readable = emissions.iter().filter(|emission| !wire::is_unreadable(emission.shape));
        for emission in readable {
            self.row(&emission.event).map_err(failed)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.out.flush().map_err(failed)
    }
}

/// `2026-11-01 18:00:00.123456 UTC`: dbt leaves it a text, BigQuery casts it to TIMESTAMP.
fn moment(micros: i64) -> String {
    let at = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    at.format("%Y-%m-%d %H:%M:%S%.6f UTC").to_string()
}
