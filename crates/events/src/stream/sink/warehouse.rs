//! Straight into the warehouse, without a bus.

use super::{Sink, SinkError};
use crate::schema;
use crate::sim::{Emission, Shape};
use crate::stream::wire::{self, Collector, Stamp};
use rsdbt_bqlocal::{Landing, LocalSession};
use rsdbt_warehouse::{Dedupe, Landed};

pub struct WarehouseSink<'s> {
    session: &'s mut LocalSession,
    landing: Landing,
    run_id: String,
    landed: Landed,
}

impl WarehouseSink<'_> {
    pub fn open<'s>(
        session: &'s mut LocalSession,
        dataset: &str,
        table: &str,
        run_id: &str,
    ) -> Result<WarehouseSink<'s>, SinkError> {
        let landing = session.landing(&schema::destination(dataset, table), Dedupe::On)?;
        Ok(WarehouseSink { session, landing, run_id: run_id.to_owned(), landed: Landed::default() })
    }

    pub fn landed(&self) -> Landed {
        self.landed
    }
}

impl Sink for WarehouseSink<'_> {
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError> {
        let mut collector = Collector::default();
        for emission in emissions {
            let stamp = Stamp::single(&self.run_id, emission.seq);
            match emission.shape {
                Shape::Sound => collector.simulated(&emission.event, &stamp),
                _ => collector.message(&wire::delivered(emission, &stamp)),
            }
        }
        let landed = self.session.land(&self.landing, &collector.into_batch(None))?;
        self.landed.fresh += landed.fresh;
        self.landed.known += landed.known;
        self.landed.quarantined += landed.quarantined;
        Ok(())
    }
}
