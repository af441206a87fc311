//! `live`: events flow in all the time, models follow every few seconds, and the dashboard shows them.

use super::dashboard::{self, Shown};
use super::ingest::table_name;
use super::live_page::{Overheard, waiting, with_notice};
use super::{run, simulate};
use crate::args::LiveArgs;
use crate::options::Options;
use crate::report::{Report, Style, Terminal};
use crate::signals::stop_flag;
use crate::{FAILED, OK, Stop, bus, pipeline};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_events::sim::{self, Flaws, World};
use rsdbt_events::stream::{self, BusSink, Ended, Faults, Job, Metrics, Notice, Pace, Producer};
use rsdbt_project::load::load_settings;
use rsdbt_pubsub::Bus;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Seconds of silence of a terminal between two looks at the signal.
const LOOK: Duration = Duration::from_millis(50);

pub fn run(options: &Options, arguments: &LiveArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let (dataset, table) = table_name(&arguments.table)?;
    let (project, profile) = load_settings(&options.load)?;
    let config = simulate::live_config(arguments.seed, arguments.rate, &arguments.backfill)?;
    let open = bus::open(&arguments.bus, Path::new(&project.root))?;
    let metrics = Metrics::default();
    // Before `run` sets its own: here a signal ends the whole, in order.
    let stop = stop_flag();
    let job = Job {
        subscription: &open.subscription,
        dataset,
        table,
        batch: 10_000,
        every: Duration::from_millis(500),
        drain: None,
        faults: Faults::default(),
    };
    pipeline::unnamed_file(&profile).iter().for_each(|line| report.line(line));
    report.line(&format!("Events through {} into {dataset}.{table}", open.bus.describe()));
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let outcome = send(open.bus.as_ref(), &open.topic, &config, &stop);
            stop_at_failure(outcome, &stop)
        });
        let landing = scope.spawn(|| {
            let connect = || pipeline::open_local(&profile, &project.root);
            let tell = |notice: Notice| {
                if let Notice::Retry(why, _) = notice {
                    report.diagnostic(&Diagnostic::warning(Code::BUS, format!("{why}; nothing is lost, trying again")));
                }
            };
            let ended = stream::ingest(open.bus.as_ref(), connect, &job, &metrics, &stop, tell);
            stop_at_failure(ended.map_err(fault), &stop)
        });
        let shown = show(options, arguments, &metrics, &stop, report);
        stop.store(true, Ordering::SeqCst);
        let joined = [sending.join(), landing.join()].map(|done| done.expect("no panic while events move"));
        report.line(&metrics.line());
        let code = shown?;
        joined.into_iter().find(Result::is_err).unwrap_or(Ok(())).map(|()| code)
    })
}

/// A part that fails ends the others.
fn stop_at_failure(outcome: Result<(), Diagnostic>, stop: &AtomicBool) -> Result<(), Stop> {
    if outcome.is_err() {
        stop.store(true, Ordering::SeqCst);
    }
    outcome.map_err(Stop::from)
}

fn fault(ended: Ended) -> Diagnostic {
    match ended {
        Ended::Bus(error) => bus::fault(&error),
        Ended::Warehouse(error) => pipeline::connection_error(&error),
    }
}

/// Past events at once, the others when their time comes.
fn send(bus: &dyn Bus, topic: &str, config: &sim::Config, stop: &AtomicBool) -> Result<(), Diagnostic> {
    let world = Arc::new(World::bundled().map_err(|why| Diagnostic::error(Code::SIMULATE, why))?);
    let mut emissions = sim::inject(sim::simulate(&world, config), Flaws::default(), config.seed);
    let run_id = stream::run_id(config);
    let mut sink = BusSink::open(bus, topic, &run_id, None, 0);
    let producer = Producer { pace: Pace::Clock, batch: 1_000, stop };
    let sent = stream::produce(&producer, &mut sink, &mut emissions, |_, _| ());
    sent.map(|_| ()).map_err(|error| simulate::sink_fault(&error))
}

/// The past arrives first: models that learn from it want all of it. After this long a build starts in any case.
const PAST: Duration = Duration::from_secs(20);

/// Whether events have arrived and none came for a second.
fn is_calm(metrics: &Metrics) -> bool {
    let before = metrics.json()["delivered"].clone();
    std::thread::sleep(Duration::from_secs(1));
    before != 0 && metrics.json()["delivered"] == before
}

/// Builds and renders until stopped. The exit code is the last build's.
fn show(
    options: &Options,
    arguments: &LiveArgs,
    metrics: &Metrics,
    stop: &AtomicBool,
    report: &Arc<dyn Report>,
) -> Result<u8, Stop> {
    let shown = Shown::default();
    shown.replace(waiting("The first build is under way."));
    let server = shown.serve(arguments.port)?;
    report.line(&format!("Dashboard at http://{}/; ctrl-C ends it", server.address));
    // Only what goes wrong in a build is worth its lines.
    let style = Style { colour: options.colour, quiet: true, interactive: false, root: None };
    let (mut builds, mut code) = (0, OK);
    let first = Instant::now();
    while !stop.load(Ordering::SeqCst) && first.elapsed() < PAST && !is_calm(metrics) {}
    while !stop.load(Ordering::SeqCst) && arguments.builds.is_none_or(|most| builds < most) {
        let begun = Instant::now();
        if metrics.json()["delivered"] != 0 {
            builds += 1;
            let overheard = Arc::new(Overheard::new(Terminal::new(style.clone())));
            code = build(options, &overheard)?;
            let done = if code == OK { "done" } else { "FAILED" };
            let sessions = publish(options, &shown, &overheard.trouble(code, builds))?;
            let seconds = begun.elapsed().as_secs_f64();
            report.line(&format!("Build {builds} {done}: {sessions}, {seconds:.1} s; {}", metrics.line()));
        }
        while begun.elapsed() < Duration::from_secs(arguments.every) && !stop.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
        }
    }
    Ok(code)
}

/// One build. A mistake in the project's files ends it like a failed model: whoever edits while events flow mends it.
fn build(options: &Options, overheard: &Arc<Overheard>) -> Result<u8, Stop> {
    let report: Arc<dyn Report> = overheard.clone();
    match run::run(options, &report) {
        Ok(code) => Ok(code),
        Err(Stop(findings)) => {
            findings.iter().for_each(|finding| report.diagnostic(finding));
            Ok(FAILED)
        }
    }
}

/// Shows the models as they are, with what went wrong above them; where there are none yet, what went wrong alone.
fn publish(options: &Options, shown: &Shown, trouble: &str) -> Result<String, Stop> {
    match dashboard::page(options, None) {
        Ok((page, sessions, _)) => {
            shown.replace(if trouble.is_empty() { page } else { with_notice(&page, trouble) });
            Ok(pipeline::counted(sessions, "session"))
        }
        Err(stop) if trouble.is_empty() => Err(stop),
        Err(_) => {
            shown.replace(waiting(trouble));
            Ok("nothing to show".to_owned())
        }
    }
}
