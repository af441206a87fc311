//! `simulate --browser N`: shoppers in headless Chromium, whose clicks become events on the bus.

use super::simulate::manifest_path;
use crate::args::SimulateArgs;
use crate::options::Options;
use crate::report::Report;
use crate::signals::stop_flag;
use crate::{FAILED, OK, Stop, bus, pipeline};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_events::shop::{Crowd, Shop, Trip, browse};
use rsdbt_events::sim::World;
use rsdbt_events::stream::{Manifest, Shard};
use rsdbt_project::load::load_settings;
use rsdbt_pubsub::Bus;
use rsdbt_sys as sys;
use rsdbt_web as web;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The last beacons arrive after the last click.
const LAST_WORDS: Duration = Duration::from_secs(10);

pub fn run(options: &Options, arguments: &SimulateArgs, shoppers: usize, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let wrong = |why: String| Diagnostic::error(Code::SIMULATE, why);
    let (project, _) = load_settings(&options.load)?;
    let open = bus::open(&arguments.bus, Path::new(&project.root))?;
    let (place, topic) = (open.bus.describe(), open.topic);
    let bus: Arc<dyn Bus> = Arc::from(open.bus);
    let world = Arc::new(World::bundled().map_err(wrong)?);
    // Clicks are not repeatable: each time is a run of its own.
    let run_id = format!("browser-{}", sys::now().as_millis());
    let shop = Arc::new(Shop::new(bus, &topic, &run_id, &world, || 0));
    let answering = shop.clone();
    let server = web::serve(0, move |request| answering.answer(&request))
        .map_err(|why| wrong(format!("no port for the shop: {why}")))?;
    let stop = stop_flag();
    let profile = Profile::new();
    let crowd = Crowd { shoppers, sessions: arguments.sessions, seed: arguments.seed };
    let begun = Instant::now();
    let trip = browse(&server.address.to_string(), &crowd, &world, &profile.0, &stop);
    drop(profile);
    let collected = || u64::try_from(shop.collected()).unwrap_or(0);
    let events = trip.as_ref().map_or(0, |trip| trip.events);
    let until = Instant::now() + LAST_WORDS;
    while collected() < events && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = collected();
    let shards = vec![Shard { shard: 0, events: sent }];
    let seed = arguments.seed;
    let manifest = Manifest { run_id, seed, shards, emissions: sent, is_complete: trip.is_ok(), ..Manifest::default() };
    let path = manifest_path(arguments, &pipeline::target_path(options, &project), &manifest.run_id);
    manifest.write(&path).map_err(|why| wrong(format!("{}: {why}", path.display())))?;
    let Trip { sessions, .. } = match trip {
        Err(_) if stop.load(Ordering::SeqCst) => {
            report.summary(&format!("Stopped: {sent} events are in {topic} of {place}"), false);
            return Ok(FAILED);
        }
        trip => trip.map_err(|why| wrong(why).help(HELP))?,
    };
    report.line(&format!(
        "{} shopped {} in {:.1} s: their pages sent {events} events, {sent} are in {topic} of {place}; `rsdbt ingest` \
         takes them from there, `rsdbt simulate --verify --manifest {}` compares",
        pipeline::counted(shoppers, "shopper"),
        pipeline::counted(usize::try_from(sessions).unwrap_or(0), "time"),
        begun.elapsed().as_secs_f64(),
        path.display()
    ));
    if events == sent {
        return Ok(OK);
    }
    report.summary(&format!("{events} events were sent and {sent} arrived"), false);
    Ok(FAILED)
}

const HELP: &str = "Chromium or Chrome must be installed (Debian: apt-get install chromium) or named by CHROME=/path; \
    `rsdbt shop serve` opens the same shop for your own browser";

/// The browser's profile: a folder that goes when it is over.
struct Profile(std::path::PathBuf);

impl Profile {
    fn new() -> Profile {
        Profile(sys::temporary_folder().join(format!("rsdbt-browser-{}", sys::process_id())))
    }
}

impl Drop for Profile {
    /// Processes of the browser that are just ending may write once more.
    fn drop(&mut self) {
        for _ in 0..50 {
            _ = sys::remove_folder(&self.0);
            if !sys::exists(&self.0) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
