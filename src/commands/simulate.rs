//! `simulate`: live-shopping events into a sink, and their account.

use super::ingest::table_name;
use crate::args::{SimulateArgs, SinkKind};
use crate::options::Options;
use crate::report::Report;
use crate::signals::stop_flag;
use crate::{FAILED, OK, Stop, bus, pipeline};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_events::sim::{self, Config, DEFAULT_START_MICROS, Emission, Flaws, World, simulate};
use rsdbt_events::stream::{
    self, BusSink, Checkpoint, CsvSink, HttpSink, JsonSink, Manifest, Pace, ParquetSink, Producer, Sink, SinkError,
    WarehouseSink,
};
use rsdbt_project::load::load_settings;
use rsdbt_sys as sys;
use rsdbt_warehouse::Landed;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Events in one write of an unpaced run.
const BATCH: usize = 10_000;
/// How busy simulated time is by default, with --live and --backfill: events a second.
const LIVE_RATE: f64 = 1.0;
const DAY_SECONDS: f64 = 86_400.0;

fn wrong(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::SIMULATE, message)
}

/// What the options mean.
struct Settings {
    config: Config,
    flaws: Flaws,
    pace: Pace,
    /// The last moment that is simulated.
    until_micros: i64,
    limit: u64,
    sink: SinkKind,
    run_id: String,
}

impl Settings {
    fn read(arguments: &SimulateArgs) -> Result<Settings, Diagnostic> {
        for (value, name) in [(arguments.rate, "--rate"), (arguments.speed, "--speed")] {
            if value.is_some_and(|value| !value.is_finite() || value <= 0.0) {
                return Err(wrong(format!("{name} must be greater than 0")));
            }
        }
        let flaws = flaws(arguments)?;
        let now = i64::try_from(sys::now().as_micros()).unwrap_or(i64::MAX);
        let past = arguments.backfill.as_deref().map(duration_micros).transpose()?;
        let is_clocked = arguments.live || past.is_some();
        let start_micros = match (&arguments.start, is_clocked) {
            (Some(text), _) => first_day(text)?,
            (None, true) => now - past.unwrap_or(0),
            (None, false) => DEFAULT_START_MICROS,
        };
        let events = match is_clocked {
            true => (arguments.rate.unwrap_or(LIVE_RATE) * DAY_SECONDS * f64::from(arguments.days)) as u64,
            false => arguments.events.unwrap_or(20_000),
        };
        let id_salt = if flaws == Flaws::default() { 0 } else { stream::salt(&flaws) };
        let days = arguments.days;
        let config = Config { seed: arguments.seed, events, start_micros, days, endless: is_clocked, id_salt };
        let pace = match (arguments.live, arguments.rate, arguments.speed) {
            (true, ..) => Pace::Clock,
            (_, _, Some(speed)) => Pace::Speed(speed),
            (_, Some(rate), _) if !is_clocked => Pace::Rate(rate),
            _ => Pace::Flat,
        };
        Ok(Settings {
            run_id: stream::run_id(&config),
            until_micros: if past.is_some() && !arguments.live { now } else { i64::MAX },
            limit: arguments.events.unwrap_or(u64::MAX),
            sink: sink_kind(arguments)?,
            config,
            flaws,
            pace,
        })
    }
}

/// A simulation that began `backfill` ago and has no end.
pub fn live_config(seed: u64, rate: f64, backfill: &str) -> Result<Config, Diagnostic> {
    if !rate.is_finite() || rate <= 0.0 {
        return Err(wrong("--rate must be greater than 0"));
    }
    let now = i64::try_from(sys::now().as_micros()).unwrap_or(i64::MAX);
    let start_micros = now - duration_micros(backfill)?;
    let days = 14;
    let events = (rate * DAY_SECONDS * f64::from(days)) as u64;
    Ok(Config { seed, events, start_micros, days, endless: true, id_salt: 0 })
}

fn first_day(text: &str) -> Result<i64, Diagnostic> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map_err(|_| wrong(format!("--start '{text}' is not a date")).help("write it as 2026-11-01"))?;
    Ok(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

/// `30d`, `12h`, `90m`.
fn duration_micros(text: &str) -> Result<i64, Diagnostic> {
    let units = [('d', 86_400), ('h', 3_600), ('m', 60)];
    let parsed = units.iter().find_map(|(unit, seconds)| {
        let count: i64 = text.strip_suffix(*unit)?.parse().ok()?;
        (1..=36_500).contains(&count).then_some(count * seconds * 1_000_000)
    });
    parsed.ok_or_else(|| wrong(format!("--backfill '{text}' is not a time")).help("write it as 30d, 12h or 90m"))
}

fn flaws(arguments: &SimulateArgs) -> Result<Flaws, Diagnostic> {
    let shares = [
        ("--late", arguments.late),
        ("--out-of-order", arguments.out_of_order),
        ("--duplicates", arguments.duplicates),
        ("--malformed", arguments.malformed),
        ("--drift", arguments.drift),
    ];
    if let Some((name, share)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
        return Err(wrong(format!("{name} {share} is not a share between 0 and 1")));
    }
    let [late, out_of_order, duplicate, malformed, drift] = shares.map(|(_, share)| share);
    Ok(Flaws { late, out_of_order, duplicate, malformed, drift })
}

fn sink_kind(arguments: &SimulateArgs) -> Result<SinkKind, Diagnostic> {
    let output = arguments.output.as_deref();
    let ending = output.and_then(Path::extension).and_then(|ending| ending.to_str());
    let is_address = output.is_some_and(|path| path.starts_with("http://") || path.starts_with("https://"));
    let kind = match (arguments.sink, output, ending) {
        (Some(kind), ..) => kind,
        (None, None, _) => SinkKind::Warehouse,
        (None, Some(_), _) if is_address => SinkKind::Http,
        (None, Some(_), Some("ndjson" | "jsonl")) => SinkKind::Ndjson,
        (None, Some(_), Some("parquet")) => SinkKind::Parquet,
        (None, Some(_), _) => SinkKind::Csv,
    };
    let needs_output = matches!(kind, SinkKind::Ndjson | SinkKind::Csv | SinkKind::Parquet | SinkKind::Http);
    match (needs_output, output) {
        (true, None) => Err(wrong(format!("--sink {kind:?} needs --output").to_lowercase())),
        (false, Some(_)) => Err(wrong(format!("--output has no meaning for --sink {kind:?}").to_lowercase())),
        _ => Ok(kind),
    }
}

#[cfg(feature = "browser")]
use super::browse::run as browse;

#[cfg(not(feature = "browser"))]
fn browse(_: &Options, _: &SimulateArgs, _: usize, _: &Arc<dyn Report>) -> Result<u8, Stop> {
    let help = "build it in with `cargo build --release --features browser`; `rsdbt shop serve` works without";
    Err(wrong("this rsdbt was built without the browser driver, which --browser uses").help(help).into())
}

pub fn run(options: &Options, arguments: &SimulateArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    if let Some(shoppers) = arguments.browser {
        return browse(options, arguments, shoppers, report);
    }
    let settings = Settings::read(arguments)?;
    match settings.sink {
        _ if arguments.verify => verify(options, arguments, &settings, report),
        SinkKind::Warehouse => to_warehouse(options, arguments, &settings, report),
        SinkKind::Pubsub => to_bus(options, arguments, &settings, report),
        _ => to_file(options, arguments, &settings, report),
    }
}

/// What a run gave.
struct Ran {
    manifest: Manifest,
    sent: u64,
    seconds: f64,
    is_stopped: bool,
}

/// Sends all, or what is left after `skip`.
fn send(options: &Options, settings: &Settings, sink: &mut dyn Sink, skip: u64) -> Result<Ran, Stop> {
    let world = Arc::new(World::bundled().map_err(wrong)?);
    let until = settings.until_micros;
    let events = simulate(&world, &settings.config).take_while(|event| event.event_micros <= until);
    let limit = usize::try_from(settings.limit).unwrap_or(usize::MAX);
    let mut emissions = sim::inject(events.take(limit), settings.flaws, settings.config.seed);
    emissions.by_ref().take(usize::try_from(skip).unwrap_or(usize::MAX)).for_each(drop);
    let stop = stop_flag();
    let bar = progress_bar(options, settings);
    let begun = Instant::now();
    let producer = Producer { pace: settings.pace, batch: BATCH, stop: &stop };
    let sent = {
        let mut source: Box<dyn Iterator<Item = Emission>> = Box::new(emissions.by_ref());
        stream::produce(&producer, sink, &mut source, |sent, behind| {
            bar.set_position(skip + sent);
            bar.set_message(format!("{:.2} s behind", behind.as_secs_f64()));
        })
    };
    bar.finish_and_clear();
    let sent = match sent {
        // `| head` has read enough.
        Err(SinkError::Closed) => 0,
        sent => sent.map_err(|error| Stop(vec![sink_fault(&error)]))?,
    };
    let is_stopped = stop.load(Ordering::SeqCst);
    let manifest = Manifest::of(&settings.run_id, &settings.config, emissions.tally(), !is_stopped);
    Ok(Ran { manifest, sent, seconds: begun.elapsed().as_secs_f64(), is_stopped })
}

pub fn sink_fault(error: &SinkError) -> Diagnostic {
    match error {
        SinkError::Warehouse(error) => pipeline::connection_error(error),
        SinkError::Bus(error) => bus::fault(error),
        SinkError::File(_) | SinkError::Closed => Diagnostic::error(Code::FILE, error.to_string()),
    }
}

fn to_warehouse(
    options: &Options,
    arguments: &SimulateArgs,
    settings: &Settings,
    report: &Arc<dyn Report>,
) -> Result<u8, Stop> {
    let (dataset, table) = table_name(&arguments.table)?;
    let (project, profile) = load_settings(&options.load)?;
    let fail = |error| Stop(vec![pipeline::connection_error(&error)]);
    let mut session = pipeline::open_local(&profile, &project.root).map_err(fail)?;
    let mut sink = WarehouseSink::open(&mut session, dataset, table, &settings.run_id)
        .map_err(|error| Stop(vec![sink_fault(&error)]))?;
    let ran = send(options, settings, &mut sink, 0)?;
    let Landed { fresh, known, quarantined } = sink.landed();
    write_manifest(arguments, &pipeline::target_path(options, &project), &ran.manifest)?;
    let mut parts = vec![format!("{fresh} new in {dataset}.{table}")];
    parts.extend((known > 0).then(|| format!("{known} were there already")));
    parts.extend((quarantined > 0).then(|| format!("{quarantined} in quarantine")));
    report.line(&format!(
        "Simulated {} (seed {}): {} ({:.0} events/s)",
        pipeline::counted(ran.sent as usize, "event"),
        settings.config.seed,
        parts.join(", "),
        ran.sent as f64 / ran.seconds.max(1e-9)
    ));
    Ok(conclude(&ran, settings, report))
}

fn to_bus(
    options: &Options,
    arguments: &SimulateArgs,
    settings: &Settings,
    report: &Arc<dyn Report>,
) -> Result<u8, Stop> {
    let (project, _) = load_settings(&options.load)?;
    let open = bus::open(&arguments.bus, Path::new(&project.root))?;
    let target = pipeline::target_path(options, &project);
    let place = manifest_path(arguments, &target, &settings.run_id);
    let checkpoint = || Checkpoint::at(place.with_extension("sent"));
    let skip = checkpoint().read();
    if skip > 0 {
        report.line(&format!("An earlier run stopped after {skip} messages; going on from there"));
    }
    let mut sink = BusSink::open(open.bus.as_ref(), &open.topic, &settings.run_id, Some(checkpoint()), skip);
    let ran = send(options, settings, &mut sink, skip)?;
    write_manifest(arguments, &target, &ran.manifest)?;
    if !ran.is_stopped {
        checkpoint().clear();
    }
    report.line(&format!(
        "Simulated {} (seed {}) into {} of {} ({:.0} events/s); `rsdbt ingest` takes them from there",
        pipeline::counted(ran.sent as usize, "message"),
        settings.config.seed,
        open.topic,
        open.bus.describe(),
        ran.sent as f64 / ran.seconds.max(1e-9)
    ));
    Ok(conclude(&ran, settings, report))
}

fn to_file(
    options: &Options,
    arguments: &SimulateArgs,
    settings: &Settings,
    report: &Arc<dyn Report>,
) -> Result<u8, Stop> {
    let path = arguments.output.clone().unwrap_or_default();
    let fail = |error: SinkError| Stop(vec![sink_fault(&error)]);
    let create = || -> Result<Box<dyn Write>, Stop> {
        let file = sys::create_file(&path).map_err(|why| wrong(format!("{}: {why}", path.display())))?;
        Ok(Box::new(BufWriter::with_capacity(1 << 20, file)))
    };
    let threads = options.load.threads.unwrap_or(1);
    let run_id = &settings.run_id;
    let mut sink: Box<dyn Sink> = match settings.sink {
        SinkKind::Csv => Box::new(CsvSink::new(create()?).map_err(fail)?),
        SinkKind::Parquet => Box::new(ParquetSink::new(&path, run_id).map_err(fail)?),
        SinkKind::Http => Box::new(HttpSink::new(&path.to_string_lossy(), run_id).map_err(fail)?),
        SinkKind::Stdout => Box::new(JsonSink::new(Box::new(std::io::stdout().lock()), run_id, threads)),
        _ => Box::new(JsonSink::new(create()?, run_id, threads)),
    };
    let ran = send(options, settings, sink.as_mut(), 0)?;
    if let Some(path) = &arguments.manifest {
        ran.manifest.write(path).map_err(|why| wrong(format!("{}: {why}", path.display())))?;
    }
    if settings.sink != SinkKind::Stdout {
        report.line(&format!("Wrote {} to {}", pipeline::counted(ran.sent as usize, "event"), path.display()));
    }
    Ok(conclude(&ran, settings, report))
}

fn conclude(ran: &Ran, settings: &Settings, report: &Arc<dyn Report>) -> u8 {
    // A run without an end is stopped by its user: that is no failure. And standard output is the events' alone.
    let is_endless = settings.pace == Pace::Clock && settings.limit == u64::MAX;
    if ran.is_stopped && !is_endless && settings.sink != SinkKind::Stdout {
        report.summary("Interrupted: what is reported above was written completely", false);
        return FAILED;
    }
    OK
}

pub fn manifest_path(arguments: &SimulateArgs, target: &Path, run_id: &str) -> PathBuf {
    arguments.manifest.clone().unwrap_or_else(|| target.join("simulations").join(format!("{run_id}.json")))
}

fn write_manifest(arguments: &SimulateArgs, target: &Path, manifest: &Manifest) -> Result<(), Diagnostic> {
    let path = manifest_path(arguments, target, &manifest.run_id);
    manifest.write(&path).map_err(|why| wrong(format!("{}: {why}", path.display())))
}

/// Compares the account with the warehouse.
fn verify(
    options: &Options,
    arguments: &SimulateArgs,
    settings: &Settings,
    report: &Arc<dyn Report>,
) -> Result<u8, Stop> {
    let (dataset, table) = table_name(&arguments.table)?;
    let (project, profile) = load_settings(&options.load)?;
    let path = manifest_path(arguments, &pipeline::target_path(options, &project), &settings.run_id);
    let manifest = Manifest::read(&path).map_err(|why| {
        wrong(format!("the manifest {} cannot be read: {why}", path.display()))
            .help("give the options of the run that is to be verified, or its --manifest")
    })?;
    let fail = |error| Stop(vec![pipeline::connection_error(&error)]);
    let verdict = if pipeline::is_cloud(&profile) {
        let mut session = pipeline::open(&profile, &project.root).and_then(|cloud| cloud.session()).map_err(fail)?;
        let dataset = format!("{}.{dataset}", profile.database);
        stream::verify(session.as_mut(), &manifest, &dataset, table)
    } else {
        let mut session = pipeline::open_local(&profile, &project.root).map_err(fail)?;
        stream::verify(&mut session, &manifest, dataset, table)
    };
    let verdict = verdict.map_err(fail)?;
    report.line(&format!(
        "Run {}: {} sent as {}, {} arrived once each; lost {}, duplicated {}, late {} (sent late {}), quarantined {} (sent unreadable {})",
        manifest.run_id,
        pipeline::counted(manifest.events() as usize, "event"),
        pipeline::counted(manifest.emissions as usize, "message"),
        verdict.arrived,
        verdict.lost,
        verdict.duplicated,
        verdict.late,
        manifest.late,
        verdict.quarantined,
        manifest.unreadable()
    ));
    report.summary(
        if verdict.is_good() { "Verified" } else { "The warehouse differs from the manifest" },
        verdict.is_good(),
    );
    Ok(if verdict.is_good() { OK } else { FAILED })
}

fn progress_bar(options: &Options, settings: &Settings) -> ProgressBar {
    if options.quiet || options.json_log || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let total = match (settings.limit, settings.config.endless) {
        (u64::MAX, true) => None,
        (u64::MAX, false) => Some(settings.config.events),
        (limit, _) => Some(limit),
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(
        "{spinner:.cyan} [{bar:30.cyan/dim}] {human_pos}/{human_len} events, {per_sec}, {msg}, {eta} left",
    ) {
        bar.set_style(style.progress_chars("━━─"));
    }
    bar
}
