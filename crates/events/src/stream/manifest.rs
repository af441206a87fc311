//! What a simulation sent, written down: so that what arrived can be checked without sending it again.

use crate::sim::{Config, Flaws, Tally};
use rsdbt_sys as sys;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The account of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub run_id: String,
    pub seed: u64,
    pub start_micros: i64,
    /// Events have the numbers 0 to `events` - 1 in each shard.
    pub shards: Vec<Shard>,
    /// Messages sent: events and their second deliveries.
    pub emissions: u64,
    pub late: u64,
    pub out_of_order: u64,
    pub duplicated: u64,
    pub malformed: u64,
    pub extra_field: u64,
    pub renamed_field: u64,
    pub by_type: BTreeMap<String, u64>,
    /// False for a run that was interrupted.
    pub is_complete: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub shard: i64,
    pub events: u64,
}

impl Manifest {
    pub fn of(run_id: &str, config: &Config, tally: &Tally, is_complete: bool) -> Manifest {
        Manifest {
            run_id: run_id.to_owned(),
            seed: config.seed,
            start_micros: config.start_micros,
            shards: vec![Shard { shard: 0, events: tally.events }],
            emissions: tally.emissions,
            late: tally.late,
            out_of_order: tally.out_of_order,
            duplicated: tally.duplicated,
            malformed: tally.malformed,
            extra_field: tally.extra_field,
            renamed_field: tally.renamed_field,
            by_type: tally.by_type.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            is_complete,
        }
    }

    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        sys::write(path, text + "\n")
    }

    pub fn read(path: &Path) -> io::Result<Manifest> {
        serde_json::from_str(&sys::read(path)?).map_err(io::Error::other)
    }

    pub fn events(&self) -> u64 {
        self.shards.iter().map(|shard| shard.events).sum()
    }

    /// Events that no reader can read.
    pub fn unreadable(&self) -> u64 {
        self.malformed + self.renamed_field
    }
}

/// A name for the run: equal settings send equal events, so they are the same run.
pub fn run_id(config: &Config) -> String {
    format!("sim-{}-{:08x}", config.seed, crc32fast::hash(format!("{config:?}").as_bytes()))
}

/// What makes the events of a run with flaws other events than those of one without.
pub fn salt(flaws: &Flaws) -> u64 {
    u64::from(crc32fast::hash(format!("{flaws:?}").as_bytes())) << 16
}

/// How many emissions the bus has confirmed. It is written after the confirmation, so a crash between the two sends
/// some again, which the receiver's de-duplication absorbs; the other order would lose them.
pub struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    pub fn at(path: PathBuf) -> Checkpoint {
        Checkpoint { path }
    }

    /// Where an interrupted run goes on.
    pub fn read(&self) -> u64 {
        sys::read(&self.path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    pub fn write(&self, sent: u64) -> io::Result<()> {
        sys::write(&self.path, sent.to_string())
    }

    /// The run is over: the next one with the same settings starts at the beginning.
    pub fn clear(&self) {
        _ = sys::remove_file(&self.path);
    }
}
