//! When viewers arrive, and at which stream.

use super::{Config, World};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Zipf};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// Events that a session has on average, measured over 100,000 of them.
const EVENTS_PER_SESSION: f64 = 5.9;

/// A viewer who starts to watch.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub at_micros: i64,
    pub viewer: usize,
    pub stream: usize,
    pub stream_start_micros: i64,
}

/// A non-homogeneous Poisson process by thinning: candidates at the highest rate, kept in proportion to the real one.
pub struct Arrivals {
    now: f64,
    /// Candidates per microsecond.
    peak_rate: f64,
    viewers: Zipf<f64>,
    /// When each viewer is seen for the last time: some lose interest and never return.
    last_seen: Vec<f64>,
    count: u64,
}

/// How busy an hour of the day is, 1 at its peak (UTC).
const HOURLY: [f64; 24] = [
    0.35, 0.22, 0.14, 0.10, 0.08, 0.09, 0.14, 0.22, 0.30, 0.36, 0.42, 0.50, 0.56, 0.52, 0.48, 0.50, 0.58, 0.70, 0.86,
    0.97, 1.00, 0.92, 0.74, 0.52,
];
/// Outside of live streams few watch, and those watch recordings.
const OFF_AIR: f64 = 0.12;

impl Arrivals {
    pub fn new(world: &World, config: &Config, rng: &mut ChaCha8Rng) -> Self {
        let duration = (i64::from(config.days.max(1)) * DAY) as f64;
        let sessions = (config.events as f64 / EVENTS_PER_SESSION).max(1.0);
        // The mean intensity over a week turns the wanted number into the rate of candidates.
        let mean = mean_intensity(world, config.start_micros);
        Arrivals {
            now: config.start_micros as f64,
            peak_rate: sessions / duration / mean,
            viewers: zipf(world.viewers.len(), 0.3),
            last_seen: last_seen(world.viewers.len(), config.start_micros as f64, duration, rng),
            count: 0,
        }
    }

    /// Arrivals so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn next(&mut self, world: &World, rng: &mut ChaCha8Rng) -> Option<Arrival> {
        if world.viewers.is_empty() || world.streams.is_empty() {
            return None;
        }
        loop {
            let gap: f64 = Exp1.sample(rng);
            self.now += gap / self.peak_rate;
            let at = self.now as i64;
            let (kept, live) = (rng.random::<f64>(), live_stream(world, at));
            if kept < intensity(at, live.map(|(_, started)| started)) {
                let (stream, started) = live.unwrap_or_else(|| last_stream(world, at));
                let viewer = self.viewer(rng);
                self.count += 1;
                return Some(Arrival { at_micros: at, viewer, stream, stream_start_micros: started });
            }
        }
    }
}

impl Arrivals {
    /// A viewer who has not left for good; after many tries any viewer, so that the events never run dry.
    fn viewer(&self, rng: &mut ChaCha8Rng) -> usize {
        let mut draw = || self.viewers.sample(rng) as usize - 1;
        (0..200).map(|_| draw()).find(|viewer| self.last_seen[*viewer] > self.now).unwrap_or(0)
    }
}

/// Three viewers of ten leave at some moment after the first fifth of the time.
fn last_seen(viewers: usize, start: f64, duration: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let one = |_| match rng.random::<f64>() < 0.3 {
        true => start + duration * (0.2 + 0.8 * rng.random::<f64>()),
        false => f64::INFINITY,
    };
    (0..viewers).map(one).collect()
}

pub fn zipf(count: usize, exponent: f64) -> Zipf<f64> {
    Zipf::new(count.max(1) as f64, exponent).unwrap_or_else(|_| unreachable!("a positive count and exponent"))
}

fn weekday(at: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (at.div_euclid(DAY) + 3).rem_euclid(7)
}

/// The relative rate at a moment, between 0 and 1.
fn intensity(at: i64, live_since: Option<i64>) -> f64 {
    let hour = at.rem_euclid(DAY).div_euclid(HOUR) as usize;
    let weekend = if weekday(at) >= 5 { 1.0 } else { 0.8 };
    let stream = match live_since {
        // Every quarter of an hour the host calls to action, and for three minutes more people come.
        Some(started) => {
            let minute = (at - started).div_euclid(60_000_000);
            if minute.rem_euclid(15) < 3 { 1.0 } else { 0.6 }
        }
        None => OFF_AIR,
    };
    HOURLY[hour] * weekend * stream
}

fn mean_intensity(world: &World, start: i64) -> f64 {
    let step = 60_000_000;
    let steps = 7 * DAY / step;
    let total: f64 = (0..steps)
        .map(|i| start + i * step)
        .map(|at| intensity(at, live_stream(world, at).map(|(_, started)| started)))
        .sum();
    (total / steps as f64).max(1e-6)
}

/// The stream that is on air, and when it started.
fn live_stream(world: &World, at: i64) -> Option<(usize, i64)> {
    let (day, today) = (at.div_euclid(DAY) * DAY, weekday(at));
    let started = |hour: i64| day + hour * HOUR;
    world.streams.iter().enumerate().find_map(|(index, stream)| {
        let start = started(stream.start_hour);
        let on_air = stream.weekday == today && (start..start + stream.minutes * 60_000_000).contains(&at);
        on_air.then_some((index, start))
    })
}

/// The stream that ended last: what people watch between streams.
fn last_stream(world: &World, at: i64) -> (usize, i64) {
    let recent = (0..8).find_map(|back| {
        let day = at - back * DAY;
        let on_day = world.streams.iter().enumerate().filter(|(_, stream)| stream.weekday == weekday(day));
        let starts = on_day.map(|(index, stream)| (day.div_euclid(DAY) * DAY + stream.start_hour * HOUR, index));
        starts.filter(|(start, _)| *start <= at).max()
    });
    recent.map_or((0, at), |(start, index)| (index, start))
}
