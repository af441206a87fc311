//! Files and standard output: NDJSON as on the bus, and CSV in the 12 columns of the original data set.

use super::{Sink, SinkError};
use crate::schema::{COLUMNS, DATA_SET};
use crate::sim::{Emission, Event};
use crate::stream::wire::{self, Stamp};
use rsdbt_warehouse::Cell;
use std::borrow::Cow;
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
        out.write_record(COLUMNS[DATA_SET].iter().map(|field| field.name)).map_err(failed)?;
        Ok(CsvSink { out })
    }

    fn row(&mut self, event: &Event) -> csv::Result<()> {
        let record = wire::record(event, &Stamp::single("", 0));
        self.out.write_record(record.cells()[DATA_SET].iter().map(text))
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

fn text<'c>(cell: &Cell<'c>) -> Cow<'c, [u8]> {
    match *cell {
        Cell::Null => Cow::Borrowed(b""),
        Cell::Text(text) => Cow::Borrowed(text.as_bytes()),
        Cell::Bytes(bytes) => Cow::Borrowed(bytes),
        Cell::Int(number) => Cow::Owned(number.to_string().into_bytes()),
        Cell::Timestamp(micros) => Cow::Owned(moment(micros).into_bytes()),
    }
}

/// `2026-11-01 18:00:00.123456 UTC`: dbt leaves it a text, BigQuery casts it to TIMESTAMP.
fn moment(micros: i64) -> String {
    let at = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    at.format("%Y-%m-%d %H:%M:%S%.6f UTC").to_string()
}
