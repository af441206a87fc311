//! Events as an unreliable world delivers them: late, out of order, twice, broken, or in another shape. Every flaw is
//! drawn from its own seeded generator and counted, so that what arrives can be checked against what was meant.

use super::Event;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// How likely each flaw is, per event.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Flaws {
    pub late: f64,
    pub out_of_order: f64,
    pub duplicate: f64,
    pub malformed: f64,
    pub drift: f64,
}

/// What the message looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Sound,
    /// Cut off in the middle: no JSON any more.
    Malformed,
    /// A field more than agreed, which does no harm.
    ExtraField,
    /// `event_time` has another name, so nobody can read the event.
    RenamedField,
}

/// One delivery of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emission {
    pub event: Event,
    /// The place in the run. A second delivery has the first one's.
    pub seq: u64,
    pub shape: Shape,
    /// When it is sent, in event time.
    pub send_micros: i64,
}

/// What was emitted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub events: u64,
    pub emissions: u64,
    pub late: u64,
    pub out_of_order: u64,
    pub duplicated: u64,
    pub malformed: u64,
    pub extra_field: u64,
    pub renamed_field: u64,
    /// In the order of their first event.
    pub by_type: Vec<(&'static str, u64)>,
}

impl Tally {
    /// Events that a reader can only put into quarantine.
    pub fn unreadable(&self) -> u64 {
        self.malformed + self.renamed_field
    }

    fn count(&mut self, event_type: &'static str) {
        // There are a handful, so looking through them is faster than a map.
        match self.by_type.iter_mut().find(|(known, _)| *known == event_type) {
            Some((_, count)) => *count += 1,
            None => self.by_type.push((event_type, 1)),
        }
    }
}

struct Held {
    send_micros: i64,
    /// Breaks ties by the order of creation.
    number: u64,
    event: Event,
    /// The place in the run, for a second delivery.
    again: Option<u64>,
}

/// Deliveries in the order of sending.
pub struct Emissions<I: Iterator<Item = Event>> {
    events: std::iter::Peekable<I>,
    flaws: Flaws,
    rng: ChaCha8Rng,
    held: BinaryHeap<Reverse<Held>>,
    number: u64,
    tally: Tally,
}

/// Seconds by which an event is late: many a few minutes, some hours.
const LATE: (f64, f64, f64) = (600.0, 0.8, 120.0);
/// Swapped with its neighbours only.
const OUT_OF_ORDER: (f64, f64, f64) = (5.0, 0.7, 0.5);
/// Until a producer sends again.
const AGAIN: (f64, f64, f64) = (8.0, 1.0, 0.2);

pub fn inject<I: Iterator<Item = Event>>(events: I, flaws: Flaws, seed: u64) -> Emissions<I> {
    let rng = ChaCha8Rng::seed_from_u64(seed ^ 0x666c_6177_7300_0001);
    Emissions { events: events.peekable(), flaws, rng, held: BinaryHeap::new(), number: 0, tally: Tally::default() }
}

impl<I: Iterator<Item = Event>> Emissions<I> {
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn chance(&mut self, probability: f64) -> bool {
        // No flaw, no draw: a flawless run costs nothing.
        probability > 0.0 && self.rng.random::<f64>() < probability
    }

    fn lag(&mut self, (median, sigma, least): (f64, f64, f64)) -> i64 {
        let seconds = LogNormal::new(f64::ln(median), sigma).map_or(median, |law| law.sample(&mut self.rng));
        (seconds.clamp(least, 86_400.0) * 1e6) as i64
    }

    fn hold(&mut self, event: Event, send_micros: i64, again: Option<u64>) {
        self.number += 1;
        self.held.push(Reverse(Held { send_micros, number: self.number, event, again }));
    }

    /// A new event is sent at once, or held back.
    fn accept(&mut self, event: Event) -> Option<Emission> {
        let at = event.event_micros;
        if self.chance(self.flaws.late) {
            let lag = self.lag(LATE);
            self.tally.late += 1;
            self.hold(event, at + lag, None);
            return None;
        }
        if self.chance(self.flaws.out_of_order) {
            let lag = self.lag(OUT_OF_ORDER);
            self.tally.out_of_order += 1;
            self.hold(event, at + lag, None);
            return None;
        }
        Some(self.emit(event, at))
    }

    /// The first delivery of an event.
    fn emit(&mut self, event: Event, send_micros: i64) -> Emission {
        let seq = self.tally.events;
        self.tally.events += 1;
        self.tally.emissions += 1;
        self.tally.count(event.event_type);
        let shape = self.shape();
        if shape == Shape::Sound && self.chance(self.flaws.duplicate) {
            let lag = self.lag(AGAIN);
            self.tally.duplicated += 1;
            self.hold(event.clone(), send_micros + lag, Some(seq));
        }
        Emission { event, seq, shape, send_micros }
    }

    fn shape(&mut self) -> Shape {
        if self.chance(self.flaws.malformed) {
            self.tally.malformed += 1;
            return Shape::Malformed;
        }
        if !self.chance(self.flaws.drift) {
            return Shape::Sound;
        }
        if self.rng.random::<f64>() < 0.5 {
            self.tally.extra_field += 1;
            return Shape::ExtraField;
        }
        self.tally.renamed_field += 1;
        Shape::RenamedField
    }

    fn release(&mut self) -> Option<Emission> {
        let Reverse(held) = self.held.pop()?;
        Some(match held.again {
            None => self.emit(held.event, held.send_micros),
            Some(seq) => {
                self.tally.emissions += 1;
                Emission { event: held.event, seq, shape: Shape::Sound, send_micros: held.send_micros }
            }
        })
    }
}

impl<I: Iterator<Item = Event>> Iterator for Emissions<I> {
    type Item = Emission;

    fn next(&mut self) -> Option<Emission> {
        loop {
            let due = self.held.peek().map(|Reverse(held)| held.send_micros);
            let next = self.events.peek().map(|event| event.event_micros);
            match (due, next) {
                (Some(due), Some(next)) if due <= next => return self.release(),
                (_, None) => return self.release(),
                (_, Some(_)) => {
                    let event = self.events.next()?;
                    if let Some(emission) = self.accept(event) {
                        return Some(emission);
                    }
                }
            }
        }
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.send_micros, self.number).cmp(&(other.send_micros, other.number))
    }
}
