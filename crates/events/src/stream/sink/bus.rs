//! Through the message bus.

use super::{Sink, SinkError};
use crate::sim::Emission;
use crate::stream::manifest::Checkpoint;
use crate::stream::wire::{self, Stamp};
use rsdbt_pubsub::{Bus, BusErrorKind};
use rsdbt_sys as sys;
use std::time::Duration;

/// Messages in one publish request, as many as Pub/Sub takes.
const REQUEST: usize = 1_000;
/// Requests that wait for their confirmation at the same time.
const IN_FLIGHT: usize = 4;
/// Tries of one request, with growing pauses: a broker that restarts is back by then.
const TRIES: u32 = 8;

pub struct BusSink<'b> {
    bus: &'b dyn Bus,
    topic: String,
    run_id: String,
    checkpoint: Option<Checkpoint>,
    sent: u64,
}

impl BusSink<'_> {
    /// `sent` emissions of the run are confirmed already.
    pub fn open<'b>(
        bus: &'b dyn Bus,
        topic: &str,
        run_id: &str,
        checkpoint: Option<Checkpoint>,
        sent: u64,
    ) -> BusSink<'b> {
        BusSink { bus, topic: topic.to_owned(), run_id: run_id.to_owned(), checkpoint, sent }
    }

    fn publish(&self, emissions: &[Emission]) -> Result<(), SinkError> {
        let message = |emission: &Emission| wire::outgoing(emission, &Stamp::single(&self.run_id, emission.seq));
        let mut pause = Duration::from_millis(100);
        for attempt in 1.. {
            // Made anew for each try, since nearly always the first one is the last.
            match self.bus.publish(&self.topic, emissions.iter().map(message).collect()) {
                Err(error) if error.kind == BusErrorKind::Unavailable && attempt < TRIES => std::thread::sleep(pause),
                done => return Ok(done?),
            }
            pause *= 2;
        }
        unreachable!("the last try returns")
    }
}

impl Sink for BusSink<'_> {
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError> {
        // Requests in flight together share the broker's syncs.
        for together in emissions.chunks(REQUEST * IN_FLIGHT) {
            let this = &*self;
            std::thread::scope(|scope| {
                let others: Vec<_> =
                    together.chunks(REQUEST).skip(1).map(|request| scope.spawn(|| this.publish(request))).collect();
                let first = this.publish(&together[..together.len().min(REQUEST)]);
                others.into_iter().fold(first, |all, one| all.and(one.join().expect("publishing does not panic")))
            })?;
            sys::failpoint("producer-after-send");
            self.sent += together.len() as u64;
            if let Some(checkpoint) = &self.checkpoint {
                checkpoint.write(self.sent).map_err(|why| SinkError::File(format!("the checkpoint: {why}")))?;
            }
        }
        Ok(())
    }
}
