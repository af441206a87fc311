//! Moves events: from the simulator into a sink, and from a bus into the warehouse.

mod ingest;
mod manifest;
mod metrics;
mod produce;
mod sink;
mod verify;
mod wire;

pub use ingest::{Ended, Faults, Job, Notice, ingest};
pub use manifest::{Checkpoint, Manifest, Shard, run_id, salt};
pub use metrics::Metrics;
pub use produce::{Pace, Producer, produce};
pub use sink::{BusSink, CsvSink, HttpSink, JsonSink, ParquetSink, Sink, SinkError, WarehouseSink};
pub use verify::{Verdict, verify};
