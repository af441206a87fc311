//! The producer: emissions into a sink, at their pace, in batches.

use super::sink::{Sink, SinkError};
use crate::sim::Emission;
use rsdbt_sys as sys;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// When an emission is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as the sink takes them.
    Flat,
    /// So many a second, evenly.
    Rate(f64),
    /// Event time runs so many times faster than real time.
    Speed(f64),
    /// At the moment of its event time: what is past at once, the rest when the clock gets there.
    Clock,
}

/// Settings of a run.
pub struct Producer<'p> {
    pub pace: Pace,
    /// Emissions in one write.
    pub batch: usize,
    pub stop: &'p AtomicBool,
}

/// Paced writes happen at least this often, so that an event does not wait for its batch.
const SLICE: Duration = Duration::from_millis(20);

/// Sends everything, or until stopped. `progress` hears how many were sent, and how far behind the pace that is.
/// Gives the number of emissions that the sink took.
pub fn produce(
    producer: &Producer,
    sink: &mut dyn Sink,
    emissions: &mut dyn Iterator<Item = Emission>,
    mut progress: impl FnMut(u64, Duration),
) -> Result<u64, SinkError> {
    let begun = Instant::now();
    let mut clock = Due { pace: producer.pace, begun, first_micros: None };
    let mut batch: Vec<Emission> = Vec::with_capacity(producer.batch);
    let mut taken = 0;
    let mut sent = 0;
    let mut held = None;
    while !producer.stop.load(Ordering::SeqCst) {
        let Some(emission) = held.take().or_else(|| emissions.next()) else { break };
        let wait = clock.wait(&emission, taken);
        let is_early = !wait.is_zero();
        if (is_early || batch.len() >= producer.batch) && !batch.is_empty() {
            sink.write(&batch)?;
            sent += batch.len() as u64;
            batch.clear();
            progress(sent, clock.behind(&emission, taken));
        }
        if is_early {
            // What is due within this slice goes out together, at its end.
            std::thread::sleep(wait.min(SLICE).max(Duration::from_micros(500)));
            held = Some(emission);
            continue;
        }
        taken += 1;
        batch.push(emission);
    }
    if !batch.is_empty() {
        sink.write(&batch)?;
        sent += batch.len() as u64;
    }
    sink.finish()?;
    progress(sent, Duration::ZERO);
    Ok(sent)
}

struct Due {
    pace: Pace,
    begun: Instant,
    first_micros: Option<i64>,
}

impl Due {
    /// Seconds since the start at which an emission is due.
    fn seconds(&mut self, emission: &Emission, number: u64) -> Option<f64> {
        let first = *self.first_micros.get_or_insert(emission.send_micros);
        match self.pace {
            Pace::Flat => None,
            Pace::Rate(rate) => Some(number as f64 / rate),
            Pace::Speed(speed) => Some((emission.send_micros - first) as f64 / 1e6 / speed),
            Pace::Clock => {
                let ahead = emission.send_micros - i64::try_from(sys::now().as_micros()).unwrap_or(i64::MAX);
                Some(self.begun.elapsed().as_secs_f64() + ahead as f64 / 1e6)
            }
        }
    }

    fn wait(&mut self, emission: &Emission, number: u64) -> Duration {
        let Some(due) = self.seconds(emission, number) else { return Duration::ZERO };
        let elapsed = self.begun.elapsed().as_secs_f64();
        Duration::try_from_secs_f64(due - elapsed).unwrap_or_default()
    }

    fn behind(&mut self, emission: &Emission, number: u64) -> Duration {
        let due = self.seconds(emission, number);
        let elapsed = self.begun.elapsed().as_secs_f64();
        due.map(|due| Duration::try_from_secs_f64(elapsed - due).unwrap_or_default()).unwrap_or_default()
    }
}
