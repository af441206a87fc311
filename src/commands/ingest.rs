//! `ingest`: from the bus into the warehouse, local or in the cloud.

use crate::args::{IngestArgs, ProgressFormat};
use crate::options::Options;
use crate::report::Report;
use crate::signals::stop_flag;
use crate::{FAILED, OK, Stop, bus, pipeline};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_events::stream::{self, Ended, Faults, Job, Metrics, Notice};
use rsdbt_project::load::load_settings;
use rsdbt_sys as sys;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A line of progress at most this often.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// Whoever ingests does so for weeks. Without a limit DuckDB would keep what it wrote in memory, up to most of it.
pub const MEMORY: &str = "512MB";
/// A drain of a bus that cannot count ends after this silence: leases of the subscription `ensure` creates are 60 s.
const SILENCE: Duration = Duration::from_secs(62);

pub fn run(options: &Options, arguments: &IngestArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let (dataset, table) = table_name(&arguments.table)?;
    let (project, profile) = load_settings(&options.load)?;
    let open = bus::open(&arguments.bus, Path::new(&project.root))?;
    let metrics = Arc::new(Metrics::default());
    let figures = arguments.metrics_port.map(|port| {
        let unusable = |why| Diagnostic::error(Code::BUS, format!("--metrics-port {port} cannot be used: {why}"));
        metrics.serve(port).map_err(unusable)
    });
    let figures = figures.transpose()?;
    if let Some(server) = &figures {
        report.line(&format!("Figures for Prometheus at http://{}/metrics", server.address));
    }
    let stop = stop_flag();
    let job = Job {
        subscription: &open.subscription,
        dataset,
        table,
        batch: arguments.batch.max(1),
        every: Duration::from_millis(arguments.every.max(1)),
        drain: arguments.drain.then_some(SILENCE),
        faults: faults(report),
    };
    pipeline::unnamed_file(&profile).iter().for_each(|line| report.line(line));
    report.line(&format!("Ingesting {} of {} into {dataset}.{table}", open.subscription, open.bus.describe()));
    let mut told = Instant::now();
    let tell = |notice: Notice| match notice {
        Notice::Batch(_) if told.elapsed() < TELL_EVERY => {}
        Notice::Batch(_) => {
            told = Instant::now();
            progress(arguments.output, &metrics, report);
        }
        Notice::Retry(why, pause) => {
            let message = format!("{why}; nothing is lost, trying again in {:.1} s", pause.as_secs_f64());
            report.diagnostic(&Diagnostic::warning(Code::BUS, message));
        }
    };
    let (root, bus) = (&project.root, open.bus.as_ref());
    let ended = if pipeline::is_cloud(&profile) {
        stream::ingest(bus, || pipeline::open_cloud(&profile, root), &job, &metrics, &stop, tell)
    } else {
        let connect = || pipeline::open_local(&profile, root)?.limit_memory(MEMORY);
        stream::ingest(bus, connect, &job, &metrics, &stop, tell)
    };
    progress(arguments.output, &metrics, report);
    match ended {
        Ok(()) => {
            let word = if stop.load(Ordering::SeqCst) { "Stopped: what was pulled is committed" } else { "Drained" };
            report.summary(word, true);
            Ok(OK)
        }
        Err(Ended::Bus(error)) => Err(bus::fault(&error).into()),
        Err(Ended::Warehouse(error)) => {
            report.diagnostic(&pipeline::connection_error(&error));
            Ok(FAILED)
        }
    }
}

/// What a test wants done wrong. Whoever has set it unknowingly must not miss it.
fn faults(report: &Arc<dyn Report>) -> Faults {
    if let Some(named) = sys::fault() {
        let message = format!("RSDBT_FAULT={named} is set: this ingest may lose or double events");
        let warning = Diagnostic::warning(Code::BUS, message);
        report.diagnostic(&warning.help("it exists for rsdbt's own tests; unset it: `unset RSDBT_FAULT`"));
    }
    Faults::from_environment()
}

fn progress(format: ProgressFormat, metrics: &Metrics, report: &Arc<dyn Report>) {
    match format {
        ProgressFormat::Text => report.line(&metrics.line()),
        ProgressFormat::Json => println!("{}", metrics.json()),
    }
}

/// `dataset.table` in its parts.
pub fn table_name(text: &str) -> Result<(&str, &str), Diagnostic> {
    text.split_once('.').ok_or_else(|| {
        Diagnostic::error(Code::SIMULATE, format!("--table '{text}' has no dataset")).help("write it as dataset.table")
    })
}
