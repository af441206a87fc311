//! `shop serve`: the shop on a port, and its events through the bus into the warehouse.

use super::ingest::{MEMORY, table_name};
use crate::args::{BusArgs, ShopArgs, ShopCommand};
use crate::options::Options;
use crate::report::Report;
use crate::signals::stop_flag;
use crate::{OK, Stop, bus, pipeline};
use rsdbt_base::{Code, Diagnostic, Diagnostics};
use rsdbt_events::shop::Shop;
use rsdbt_events::sim::World;
use rsdbt_events::stream::{self, Ended, Faults, Job, Metrics, Notice};
use rsdbt_project::load::load_settings;
use rsdbt_pubsub::Bus;
use rsdbt_web::{self as web, Server};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub fn run(options: &Options, arguments: &ShopArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ShopCommand::Serve { bus: chosen, port, table, open } = &arguments.command;
    let counter = Counter::open(options, chosen, *port)?;
    let address = format!("http://{}/", counter.server.address);
    report.line(&format!("The shop is open at {address}; ctrl-C closes it"));
    if *open && open::that_detached(&address).is_err() {
        report.line("No browser could be started; open the address by hand.");
    }
    counter.land(options, table, &stop_flag(), report)?;
    report.line(&format!("The shop is closed: {} events collected; {}", counter.collected(), counter.metrics.line()));
    Ok(OK)
}

/// An open shop and the way of its events.
pub struct Counter {
    bus: Arc<dyn Bus>,
    subscription: String,
    shop: Arc<Shop>,
    server: Server,
    pub metrics: Arc<Metrics>,
}

impl Counter {
    pub fn open(options: &Options, chosen: &BusArgs, port: u16) -> Result<Counter, Stop> {
        let (project, _) = load_settings(&options.load)?;
        let bus::Open { bus, topic, subscription } = bus::open(chosen, Path::new(&project.root))?;
        let bus: Arc<dyn Bus> = Arc::from(bus);
        let metrics = Arc::new(Metrics::default());
        let world = World::bundled().map_err(|why| Diagnostic::error(Code::SIMULATE, why))?;
        let counted = metrics.clone();
        // Clicks are not repeatable: each opening is a run of its own.
        let run_id = format!("shop-{}", rsdbt_sys::now().as_millis());
        let landed = move || counted.json()["fresh"].as_u64().unwrap_or(0);
        let shop = Arc::new(Shop::new(bus.clone(), &topic, &run_id, &world, landed));
        let answering = shop.clone();
        let server = web::serve(port, move |request| answering.answer(&request))
            .map_err(|why| Diagnostic::error(Code::BUS, format!("port {port} cannot be used: {why}")))?;
        Ok(Counter { bus, subscription, shop, server, metrics })
    }

    /// Events that are on the bus.
    pub fn collected(&self) -> u64 {
        u64::try_from(self.shop.collected()).unwrap_or(0)
    }

    /// Takes events from the bus into the warehouse until stopped.
    pub fn land(
        &self,
        options: &Options,
        table: &str,
        stop: &AtomicBool,
        report: &Arc<dyn Report>,
    ) -> Result<(), Diagnostic> {
        let (dataset, table) = table_name(table)?;
        let (project, profile) = load_settings(&options.load).map_err(first)?;
        let every = Duration::from_millis(300);
        let (batch, drain, faults) = (10_000, None, Faults::default());
        let job = Job { subscription: &self.subscription, dataset, table, batch, every, drain, faults };
        let connect = || pipeline::open_local(&profile, &project.root)?.limit_memory(MEMORY);
        let tell = |notice: Notice| match notice {
            Notice::Batch(_) => report.line(&self.metrics.line()),
            Notice::Retry(why, _) => {
                report.diagnostic(&Diagnostic::warning(Code::BUS, format!("{why}; nothing is lost, trying again")));
            }
        };
        stream::ingest(self.bus.as_ref(), connect, &job, &self.metrics, stop, tell).map_err(|ended| match ended {
            Ended::Bus(error) => bus::fault(&error),
            Ended::Warehouse(error) => pipeline::connection_error(&error),
        })
    }
}

fn first(found: Diagnostics) -> Diagnostic {
    found.into_iter().next().unwrap_or_else(|| Diagnostic::error(Code::BUG, "a failure without a finding"))
}
