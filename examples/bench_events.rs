//! How fast events are made, carried and stored, on one machine and in one run: `make bench-events`.
//!
//! `BENCH_TABLE_ROWS` sets how full the big table is (100 million by default) and `BENCH_EVENTS` the length of the
//! memory run. Rates are by the clock unless they say CPU; a busy machine makes them smaller, the ratios less so.

#![allow(clippy::disallowed_methods)]

use rsdbt_bqlocal::LocalBigQuery;
use rsdbt_events::sim::{self, Config, DEFAULT_START_MICROS, Emission, Flaws, World};
use rsdbt_events::stream::{BusSink, Faults, Job, JsonSink, Metrics, Pace, Producer, Sink, ingest, produce};
use rsdbt_pubsub::{Bus, Embedded, Outgoing};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TOPIC: &str = "projects/bench/topics/events";
const SUBSCRIPTION: &str = "projects/bench/subscriptions/events";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let folder = tempfile::TempDir::new_in("target")?;
    if is_wanted("generate") {
        generate()?;
    }
    if is_wanted("broker") {
        broker(&folder.path().join("broker"))?;
    }
    if is_wanted("latency") {
        latency(&folder.path().join("latency"))?;
    }
    if is_wanted("end-to-end") {
        end_to_end(&folder.path().join("end"))?;
    }
    if is_wanted("memory") {
        memory(&folder.path().join("memory"))?;
    }
    Ok(())
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.replace('_', "").parse().ok()).unwrap_or(default)
}

fn emissions(seed: u64, events: u64) -> impl Iterator<Item = Emission> {
    let world = Arc::new(World::bundled().expect("the bundled seeds are valid"));
    let start_micros = DEFAULT_START_MICROS;
    let config = Config { seed, events, start_micros, days: 14, endless: false, id_salt: 0 };
    sim::inject(sim::simulate(&world, &config), Flaws::default(), seed)
}

/// Seconds of processor time of this thread.
fn thread_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn resident_megabytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4_096.0 / 1e6
}

/// Generator and JSON, one thread, against nexmark-rs.
fn generate() -> Outcome<()> {
    const EVENTS: u64 = 2_000_000;
    let mut rates = [0.0_f64; 2];
    // The better of three, in turns, so that a disturbance hits both.
    for _ in 0..3 {
        let begun = thread_seconds();
        let mut sink = JsonSink::new(Box::new(std::io::sink()), "bench", 1);
        let mut source = emissions(1, EVENTS);
        let mut batch: Vec<Emission> = Vec::new();
        loop {
            batch.clear();
            batch.extend(source.by_ref().take(1_000));
            if batch.is_empty() {
                break;
            }
            sink.write(&batch)?;
        }
        rates[0] = rates[0].max(EVENTS as f64 / (thread_seconds() - begun));
        let begun = thread_seconds();
        let mut out = Vec::with_capacity(1 << 20);
        for event in nexmark::EventGenerator::new(nexmark::config::NexmarkConfig::default()).take(EVENTS as usize) {
            serde_json::to_writer(&mut out, &event)?;
            out.push(b'\n');
            if out.len() > 1 << 19 {
                std::hint::black_box(&out);
                out.clear();
            }
        }
        rates[1] = rates[1].max(EVENTS as f64 / (thread_seconds() - begun));
    }
    let [ours, theirs] = rates;
    println!(
        "generate + JSON            {ours:>12.0} events/s per core (CPU); nexmark-rs {theirs:.0}; ratio {:.2}",
        ours / theirs
    );
    Ok(())
}

/// Durable publishing, then pulling and acknowledging, as the embedded broker does it.
fn broker(folder: &Path) -> Outcome<()> {
    const MESSAGES: usize = 400_000;
    let bus = Embedded::open(Some(folder))?;
    bus.ensure(TOPIC, Some(SUBSCRIPTION))?;
    let message = || Outgoing { data: vec![b'x'; 349], ..Default::default() };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..MESSAGES / 2_000 {
                    bus.publish(TOPIC, (0..1_000).map(|_| message()).collect()).expect("published");
                }
            });
        }
    });
    let published = MESSAGES as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let mut got = 0;
    while got < MESSAGES {
        let messages = bus.pull(SUBSCRIPTION, 1_000, Duration::from_secs(5))?;
        got += messages.len();
        let ids: Vec<String> = messages.into_iter().map(|message| message.ack_id).collect();
        bus.acknowledge(SUBSCRIPTION, &ids)?;
    }
    let pulled = MESSAGES as f64 / begun.elapsed().as_secs_f64();
    println!(
        "broker, durable            {published:>12.0} messages/s published, ratio to 80000 {:.2}",
        published / 80_000.0
    );
    println!("                           {pulled:>12.0} messages/s pulled and acknowledged durably");
    Ok(())
}

struct Carried {
    seconds: f64,
    metrics: Arc<Metrics>,
}

/// Producer and ingest side by side, until all is committed. `watch` is called ten times a second with the count.
fn carry(folder: &Path, events: u64, seed: u64, pace: Pace, mut watch: impl FnMut(u64)) -> Outcome<Carried> {
    let bus = Embedded::open(Some(&folder.join("broker")))?;
    bus.ensure(TOPIC, Some(SUBSCRIPTION))?;
    let metrics = Arc::new(Metrics::default());
    let stop = AtomicBool::new(false);
    let warehouse = LocalBigQuery::open(Some(&folder.join("bench.duckdb")), "bench", "bench")?;
    let job = Job {
        subscription: SUBSCRIPTION,
        dataset: "raw",
        table: "events",
        batch: if pace == Pace::Flat { 20_000 } else { 2_000 },
        every: Duration::from_millis(if pace == Pace::Flat { 500 } else { 100 }),
        drain: None,
        faults: Faults::default(),
    };
    let begun = Instant::now();
    std::thread::scope(|scope| -> Outcome<()> {
        scope.spawn(|| {
            ingest(&bus, || warehouse.connect(), &job, &metrics, &stop, |_| ()).map_err(|why| why.to_string())
        });
        let sending = scope.spawn(|| {
            let run_id = format!("bench-{seed}");
            let mut sink = Throttled { sink: BusSink::open(&bus, TOPIC, &run_id, None, 0), bus: &bus };
            let producer = Producer { pace, batch: 5_000, stop: &stop };
            produce(&producer, &mut sink, &mut emissions(seed, events), |_, _| ()).map_err(|why| why.to_string())
        });
        loop {
            let delivered = metrics.json()["delivered"].as_u64().unwrap_or(0);
            watch(delivered);
            if delivered >= events || (sending.is_finished() && bus.backlog(SUBSCRIPTION) == Some(0)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::SeqCst);
        Ok(())
    })?;
    Ok(Carried { seconds: begun.elapsed().as_secs_f64(), metrics })
}

/// A producer that outruns its consumer waits: otherwise the backlog, not the pipeline, would be measured.
struct Throttled<'b> {
    sink: BusSink<'b>,
    bus: &'b Embedded,
}

impl Sink for Throttled<'_> {
    fn write(&mut self, emissions: &[Emission]) -> Result<(), rsdbt_events::stream::SinkError> {
        while self.bus.backlog(SUBSCRIPTION).unwrap_or(0) > 60_000 {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.sink.write(emissions)
    }
}

fn latency(folder: &Path) -> Outcome<()> {
    const RATE: f64 = 5_000.0;
    let events = 100_000;
    let carried = carry(folder, events, 7, Pace::Rate(RATE), |_| ())?;
    let json = carried.metrics.json();
    println!(
        "publish to commit          p50 under {} ms, p99 under {} ms at {RATE} events/s",
        json["delay_ms_p50"], json["delay_ms_p99"]
    );
    for rate in [1_000.0, 5_000.0, 50_000.0] {
        let wanted = (rate * 4.0) as u64;
        let stop = AtomicBool::new(false);
        let mut sink = JsonSink::new(Box::new(std::io::sink()), "bench", 1);
        let begun = Instant::now();
        produce(
            &Producer { pace: Pace::Rate(rate), batch: 10_000, stop: &stop },
            &mut sink,
            &mut emissions(1, wanted),
            |_, _| (),
        )?;
        let actual = wanted as f64 / begun.elapsed().as_secs_f64();
        println!(
            "pacing                     {actual:>12.1} events/s for {rate}: error {:.2} %",
            100.0 * (actual - rate).abs() / rate
        );
    }
    Ok(())
}

fn end_to_end(folder: &Path) -> Outcome<()> {
    const EVENTS: u64 = 1_000_000;
    let carried = carry(&folder.join("empty"), EVENTS, 1, Pace::Flat, |_| ())?;
    let empty = EVENTS as f64 / carried.seconds;
    println!(
        "simulate-bus-DuckDB        {empty:>12.0} events/s with de-duplication, ratio to 50000 {:.2}",
        empty / 50_000.0
    );
    let rows = setting("BENCH_TABLE_ROWS", 100_000_000);
    let full = folder.join("full");
    let warehouse = LocalBigQuery::open(Some(&full.join("bench.duckdb")), "bench", "bench")?;
    let mut session = warehouse.connect()?;
    session.landing(&rsdbt_events::destination("raw", "events"), rsdbt_warehouse::Dedupe::On)?;
    // Ids as a producer makes them, in the order of a year before the run.
    session.duckdb().query(&format!(
        "insert into raw.events (event_id, stream_id, viewer_id, event_time, event_type, run_id, shard, seq)
         select printf('%08x-%04x-7%03x-%04x-%012x', millis >> 16, millis & 65535, i % 4096, 32768 + i % 16384, hash(i) & 281474976710655),
                'S' || (i % 10), 'V' || (i % 400), make_timestamp(millis * 1000)::timestamptz, 'product_view', 'filler', 0, i
         from (select i, (1761955200000 + i * 31536000000 // {rows})::bigint as millis from range({rows}) t(i))"
    ))?;
    session.duckdb().query("checkpoint")?;
    drop((session, warehouse));
    let carried = carry(&full, EVENTS, 2, Pace::Flat, |_| ())?;
    let big = EVENTS as f64 / carried.seconds;
    println!("  into {rows} rows     {big:>12.0} events/s, ratio to the empty table {:.2}", big / empty);
    Ok(())
}

fn memory(folder: &Path) -> Outcome<()> {
    let events = setting("BENCH_EVENTS", 10_000_000);
    let mut points = Vec::new();
    let carried =
        carry(folder, events, 3, Pace::Flat, |count| points.push((count as f64 / 1e6, resident_megabytes())))?;
    // Least squares over the second half, when buffers and caches are full.
    let late: Vec<(f64, f64)> = points.iter().copied().filter(|(count, _)| *count > events as f64 / 2e6).collect();
    let count = late.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| late.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let slope =
        late.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / late.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
    let most = points.iter().map(|p| p.1).fold(0.0, f64::max);
    println!(
        "memory                     {slope:>12.2} MB per million events over the second half of {events}, {most:.0} MB at most ({:.0} events/s)",
        events as f64 / carried.seconds
    );
    Ok(())
}
