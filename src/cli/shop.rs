//! `shop serve`: the shop on a port, and its events through the bus into the warehouse.

use super::args::{ShopArgs, ShopCommand};
use super::ingest::{stop_on_signal, table_name};
use super::options::Options;
use super::{OK, Stop, bus, pipeline};
use crate::base::{Code, Diagnostic};
use crate::load::load_settings;
use crate::pubsub::Bus;
use crate::report::Report;
use crate::shop::Shop;
use crate::sim::World;
use crate::stream::{self, Ended, Faults, Job, Metrics, Notice};
use crate::sys::{self, http};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub fn run(options: &Options, arguments: &ShopArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ShopCommand::Serve { bus: chosen, port, table: name, open } = &arguments.command;
    let (dataset, table) = table_name(name)?;
    let (project, profile) = load_settings(&options.load)?;
    let bus::Open { bus, topic, subscription } = bus::open(chosen, Path::new(&project.root))?;
    let bus: Arc<dyn Bus> = Arc::from(bus);
    let metrics = Arc::new(Metrics::default());
    let world = World::bundled().map_err(|why| Diagnostic::error(Code::SIMULATE, why))?;
    let counted = metrics.clone();
    // One person's clicks: each visit to this command is a run of its own.
    let run_id = format!("shop-{}", sys::now().as_millis());
    let landed = move || counted.json()["fresh"].as_u64().unwrap_or(0);
    let shop = Arc::new(Shop::new(bus.clone(), &topic, &run_id, &world, landed));
    let answering = shop.clone();
    let address = http::serve(*port, move |request| answering.answer(&request))
        .map_err(|why| Diagnostic::error(Code::BUS, format!("port {port} cannot be used: {why}")))?;
    report.line(&format!("The shop is open at http://{address}/; ctrl-C closes it"));
    if *open && open::that_detached(format!("http://{address}/")).is_err() {
        report.line("No browser could be started; open the address by hand.");
    }
    let stop = stop_on_signal();
    let every = Duration::from_millis(300);
    let (batch, drain, faults) = (10_000, None, Faults::default());
    let job = Job { subscription: &subscription, dataset, table, batch, every, drain, faults };
    let connect = || pipeline::open_local(&profile, &project.root);
    let tell = |notice: Notice| match notice {
        Notice::Batch(_) => report.line(&metrics.line()),
        Notice::Retry(why, _) => {
            report.diagnostic(&Diagnostic::warning(Code::BUS, format!("{why}; nothing is lost, trying again")));
        }
    };
    stream::ingest(bus.as_ref(), connect, &job, &metrics, &stop, tell).map_err(|ended| match ended {
        Ended::Bus(error) => bus::fault(&error),
        Ended::Warehouse(error) => pipeline::connection_error(&error),
    })?;
    report.line(&format!("The shop is closed: {} events collected; {}", shop.collected(), metrics.line()));
    Ok(OK)
}
