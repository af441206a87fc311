//! `simulate --browser N`: shoppers in headless Chromium, from their clicks to the rows of the warehouse.

use super::args::SimulateArgs;
use super::options::Options;
use super::{FAILED, OK, Stop, shop};
use crate::base::{Code, Diagnostic};
use crate::report::Report;
use crate::shop::{Crowd, Trip, browse};
use crate::sys;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is on the bus is in the warehouse well before.
const LANDING: Duration = Duration::from_secs(20);

pub fn run(options: &Options, arguments: &SimulateArgs, shoppers: usize, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let counter = shop::Counter::open(options, &arguments.bus, 0)?;
    let crowd = Crowd { shoppers, sessions: arguments.sessions, seed: arguments.seed };
    let stop = AtomicBool::new(false);
    let profile = sys::temporary_folder().join(format!("rsdbt-browser-{}", sys::process_id()));
    let begun = Instant::now();
    let (trip, landed) = std::thread::scope(|scope| {
        let landing = scope.spawn(|| counter.land(options, &arguments.table, &stop, report));
        let trip = browse(&counter.address.to_string(), &crowd, &counter.world, &profile);
        let until = Instant::now() + LANDING;
        let landed = || counter.metrics.json()["fresh"].as_u64().unwrap_or(0);
        while landed() < counter.collected() && Instant::now() < until && !landing.is_finished() {
            std::thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::SeqCst);
        landing.join().expect("no panic while events land").map(|()| (trip, landed()))
    })?;
    _ = sys::remove_folder(&profile);
    let Trip { sessions, events } = trip.map_err(|why| {
        Diagnostic::error(Code::SIMULATE, why).help("Chromium must be installed: apt-get install chromium")
    })?;
    report.line(&format!(
        "{shoppers} shoppers, {sessions} visits in {:.1} s: {events} events sent by their pages, {} collected, {landed} in the warehouse",
        begun.elapsed().as_secs_f64(),
        counter.collected()
    ));
    Ok(if events == counter.collected() && landed == events { OK } else { FAILED })
}
