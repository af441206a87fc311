//! From a subscription into the warehouse: pull, land in one transaction, and only then acknowledge.

use super::metrics::Metrics;
use super::wire::{Collector, batch_id};
use crate::schema;
use rsdbt_pubsub::{Bus, BusError, BusErrorKind, Incoming};
use rsdbt_sys as sys;
use rsdbt_warehouse::Dedupe;
use rsdbt_warehouse::{DbError, DbErrorKind};
use rsdbt_warehouse::{Lander, Target};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What to ingest, and how.
pub struct Job<'j> {
    pub subscription: &'j str,
    pub dataset: &'j str,
    pub table: &'j str,
    /// A batch is written when it has this many messages, or after `every`.
    pub batch: usize,
    pub every: Duration,
    /// End when nothing has come for this long and the backlog is empty; `None` runs until stopped.
    pub drain: Option<Duration>,
    pub faults: Faults,
}

/// Two ways to do it wrong, so that a test can show that it would notice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    pub acknowledge_before_commit: bool,
    pub keep_duplicates: bool,
}

impl Faults {
    /// From the environment, in a build with failpoints: `RSDBT_FAULT=ack-before-commit` or `no-dedupe`.
    pub fn from_environment() -> Faults {
        let named = sys::fault().unwrap_or_default();
        Faults { acknowledge_before_commit: named == "ack-before-commit", keep_duplicates: named == "no-dedupe" }
    }
}

/// Why an ingest ended early.
#[derive(Debug)]
pub enum Ended {
    Bus(BusError),
    Warehouse(DbError),
}

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A batch of large messages is full earlier.
const BATCH_BYTES: usize = 64 << 20;
const ACK_CHUNK: usize = 500;
const ACKS_IN_FLIGHT: usize = 16;

/// Runs until stopped or drained. `tell` hears about every batch and every failure that is tried again.
pub fn ingest<T: Target>(
    bus: &dyn Bus,
    open: impl Fn() -> Result<T, DbError>,
    job: &Job,
    metrics: &Metrics,
    stop: &AtomicBool,
    mut tell: impl FnMut(Notice),
) -> Result<(), Ended> {
    let started = sys::now().as_micros() as i64;
    let mut warehouse: Option<Box<dyn Lander>> = None;
    let mut pause = Duration::from_millis(250);
    let mut idle_since = Instant::now();
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        let outcome = match &mut warehouse {
            None => connect(&open, job).map(|opened| warehouse = Some(opened)).map_err(Ended::Warehouse),
            Some(warehouse) => match one_batch(bus, warehouse.as_mut(), job, metrics, stop, &batch_id(started, number))
            {
                Ok(0) if is_drained(bus, job, idle_since) => return Ok(()),
                Ok(0) => Ok(()),
                Ok(count) => {
                    number += 1;
                    idle_since = Instant::now();
                    metrics.set_backlog(bus.backlog(job.subscription));
                    tell(Notice::Batch(count));
                    pause = Duration::from_millis(250);
                    Ok(())
                }
                Err(ended) => Err(ended),
            },
        };
        if let Err(ended) = outcome {
            if !ended.may_pass() || (job.drain.is_some() && warehouse.is_none()) {
                return Err(ended);
            }
            tell(Notice::Retry(&ended, pause));
            wait(pause, stop);
            pause = (pause * 2).min(LONGEST_PAUSE);
            idle_since = Instant::now();
        }
    }
    Ok(())
}

/// What `ingest` tells while it runs.
pub enum Notice<'n> {
    Batch(usize),
    Retry(&'n Ended, Duration),
}

impl Ended {
    /// Whether trying again can help.
    fn may_pass(&self) -> bool {
        match self {
            Ended::Bus(error) => error.kind == BusErrorKind::Unavailable,
            Ended::Warehouse(error) => {
                matches!(error.kind, DbErrorKind::Locked | DbErrorKind::Other | DbErrorKind::Execution)
            }
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Bus(error) => error.fmt(f),
            Ended::Warehouse(error) => error.fmt(f),
        }
    }
}

fn connect<T: Target>(open: &impl Fn() -> Result<T, DbError>, job: &Job) -> Result<Box<dyn Lander>, DbError> {
    let dedupe = if job.faults.keep_duplicates { Dedupe::Off } else { Dedupe::On };
    open()?.lander(&schema::destination(job.dataset, job.table), dedupe)
}

fn wait(pause: Duration, stop: &AtomicBool) {
    let until = Instant::now() + pause;
    while Instant::now() < until && !stop.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20).min(pause));
    }
}

fn is_drained(bus: &dyn Bus, job: &Job, idle_since: Instant) -> bool {
    let Some(patience) = job.drain else { return false };
    // A bus that counts is believed; otherwise leases of a dead receiver must have had the time to run out.
    match bus.backlog(job.subscription) {
        Some(backlog) => backlog == 0,
        None => idle_since.elapsed() >= patience,
    }
}

/// Pulls and lands one batch; gives its number of messages.
fn one_batch(
    bus: &dyn Bus,
    lander: &mut dyn Lander,
    job: &Job,
    metrics: &Metrics,
    stop: &AtomicBool,
    id: &str,
) -> Result<usize, Ended> {
    let messages = gather(bus, job, stop).map_err(Ended::Bus)?;
    if messages.is_empty() {
        return Ok(0);
    }
    sys::failpoint("ingest-after-pull");
    let ack_ids: Vec<String> = messages.iter().map(|message| message.ack_id.clone()).collect();
    if job.faults.acknowledge_before_commit {
        acknowledge(bus, job.subscription, &ack_ids).map_err(Ended::Bus)?;
    }
    let mut collector = Collector::default();
    messages.iter().for_each(|message| collector.message(message));
    match lander.land(&collector.into_batch(Some(id.to_owned()))) {
        Ok(landed) => {
            let committed = sys::now().as_micros() as i64;
            metrics.batch(&landed, messages.iter().map(|message| committed - message.publish_micros));
            // A failure here costs a second delivery, which the de-duplication absorbs.
            _ = acknowledge(bus, job.subscription, &ack_ids);
            Ok(messages.len())
        }
        Err(error) => {
            _ = bus.postpone(job.subscription, &ack_ids, Duration::ZERO);
            Err(Ended::Warehouse(error))
        }
    }
}

/// Messages until the batch is full or its time is over.
fn gather(bus: &dyn Bus, job: &Job, stop: &AtomicBool) -> Result<Vec<Incoming>, BusError> {
    let begun = Instant::now();
    let mut messages: Vec<Incoming> = Vec::new();
    let mut bytes = 0;
    let mut first = true;
    while messages.len() < job.batch && bytes < BATCH_BYTES && !stop.load(Ordering::SeqCst) {
        let left = job.every.saturating_sub(begun.elapsed());
        if left.is_zero() && !first {
            break;
        }
        first = false;
        match bus.pull(job.subscription, job.batch - messages.len(), left) {
            // What was pulled before is worth landing.
            Err(error) if messages.is_empty() => return Err(error),
            Err(_) => break,
            Ok(more) => {
                bytes += more.iter().map(|message| message.data.len()).sum::<usize>();
                messages.extend(more);
            }
        }
    }
    Ok(messages)
}

/// Acknowledges in requests of a size that every broker takes, some in flight together.
fn acknowledge(bus: &dyn Bus, subscription: &str, ack_ids: &[String]) -> Result<(), BusError> {
    let (first, rest) = ack_ids.split_at(ack_ids.len().min(ACK_CHUNK));
    bus.acknowledge(subscription, first)?;
    sys::failpoint("ingest-mid-ack");
    for together in rest.chunks(ACK_CHUNK * ACKS_IN_FLIGHT) {
        std::thread::scope(|scope| {
            let chunks = together.chunks(ACK_CHUNK);
            let sent: Vec<_> = chunks.map(|chunk| scope.spawn(|| bus.acknowledge(subscription, chunk))).collect();
            sent.into_iter().try_for_each(|one| one.join().expect("acknowledging does not panic"))
        })?;
    }
    Ok(())
}
