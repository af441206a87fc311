//! `simulate`: live-shopping events into the local warehouse, or into a CSV file.

use super::args::SimulateArgs;
use super::options::Options;
use super::{FAILED, OK, Stop, pipeline};
use crate::base::{Code, Diagnostic};
use crate::load::load_settings;
use crate::report::Report;
use crate::sim::{Config, DEFAULT_START_MICROS, World, simulate};
use crate::stream::{self, Plan};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

fn wrong(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::SIMULATE, message)
}

fn config(arguments: &SimulateArgs) -> Result<Config, Diagnostic> {
    let start_micros = match &arguments.start {
        None => DEFAULT_START_MICROS,
        Some(text) => {
            let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map_err(|_| wrong(format!("--start '{text}' is not a date")).help("write it as 2026-11-01"))?;
            day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()
        }
    };
    if arguments.rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
        return Err(wrong("--rate must be greater than 0"));
    }
    Ok(Config { seed: arguments.seed, events: arguments.events, start_micros, days: arguments.days })
}

pub fn run(options: &Options, arguments: &SimulateArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let config = config(arguments)?;
    let world = Arc::new(World::bundled().map_err(wrong)?);
    let events = simulate(&world, &config);
    if let Some(path) = &arguments.output {
        stream::write_csv(path, events).map_err(wrong)?;
        report.line(&format!("Wrote {} to {}", pipeline::counted(config.events as usize, "event"), path.display()));
        return Ok(OK);
    }
    let Some((dataset, table)) = arguments.table.split_once('.') else {
        return Err(wrong(format!("--table '{}' has no dataset", arguments.table))
            .help("write it as dataset.table")
            .into());
    };
    let (project, profile) = load_settings(&options.load)?;
    let mut session = pipeline::open_local(&profile, &project.root)
        .map_err(|error| Stop(vec![pipeline::connection_error(&error)]))?;
    let bar = progress_bar(options, config.events);
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = stopped.clone();
    // Without the handler ctrl-C ends the process: batches are transactions, so nothing is torn then either.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst));
    let begun = Instant::now();
    let plan = Plan { dataset, table, rate: arguments.rate };
    let outcome = stream::to_warehouse(&mut session, &plan, events, |taken| {
        bar.set_position(taken);
        !stopped.load(Ordering::SeqCst)
    });
    bar.finish_and_clear();
    let landed = outcome.map_err(|error| Stop(vec![pipeline::connection_error(&error)]))?;
    let taken = landed.fresh + landed.known;
    let rate = taken as f64 / begun.elapsed().as_secs_f64().max(1e-9);
    let known = if landed.known > 0 { format!(", {} were there already", landed.known) } else { String::new() };
    report.line(&format!(
        "Simulated {} (seed {}): {} new in {dataset}.{table}{known} ({rate:.0} events/s)",
        pipeline::counted(taken as usize, "event"),
        config.seed,
        landed.fresh
    ));
    if stopped.load(Ordering::SeqCst) {
        report.summary("Interrupted: what is reported above was written completely", false);
        return Ok(FAILED);
    }
    Ok(OK)
}

fn progress_bar(options: &Options, events: u64) -> ProgressBar {
    if options.quiet || options.json_log || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(events), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(
        "{spinner:.cyan} [{bar:30.cyan/dim}] {human_pos}/{human_len} events, {per_sec}, {eta} left",
    ) {
        bar.set_style(style.progress_chars("━━─"));
    }
    bar
}
