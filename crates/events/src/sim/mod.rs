//! The event simulator: `(Config) -> Iterator<Event>`. Same configuration, same events, byte for byte; no I/O, no clock.
//!
//! Viewers with a fixed device and state arrive while a stream is live (a non-homogeneous Poisson process: hour of day,
//! weekend, and the host's calls to action), walk through a funnel that depends on their segment (a Markov chain) and
//! stay at each step for a log-normal time. Products follow a Zipf law.

mod arrivals;
mod funnel;
mod ident;
mod inject;
mod world;

use arrivals::Arrivals;
use funnel::Session;
pub use inject::{Emission, Emissions, Flaws, Shape, Tally, inject};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;
pub use world::{Product, Stream, Viewer, World};

/// What to simulate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub seed: u64,
    /// How many events the iterator gives, and so how busy the days are.
    pub events: u64,
    /// The first moment, in microseconds since 1970-01-01 UTC.
    pub start_micros: i64,
    /// How many days the events spread over; more or less, since arrivals are random.
    pub days: u32,
    /// Goes on after the last day, as busy as before; whoever takes the events decides when to stop.
    pub endless: bool,
    /// Tells runs with other flaws apart: their events are other events, with other ids.
    pub id_salt: u64,
}

/// 2026-11-01 00:00 UTC: a fixed moment, so that a simulation can be repeated.
pub const DEFAULT_START_MICROS: i64 = 1_793_491_200_000_000;

/// Something a viewer did in a live-shopping stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// A UUID (version 7 layout) made from the seed and the event's place in it.
    pub event_id: String,
    pub stream: Arc<Stream>,
    pub stream_start_micros: i64,
    pub viewer: Arc<Viewer>,
    pub event_micros: i64,
    pub event_type: &'static str,
    pub product: Option<Arc<Product>>,
    pub chat_message: Option<&'static str>,
}

/// Events in order of time.
pub struct Simulation {
    world: Arc<World>,
    config: Config,
    rng: ChaCha8Rng,
    arrivals: Arrivals,
    /// Sessions under way, the one with the earliest next event first.
    open: BinaryHeap<Reverse<Session>>,
    next_arrival: Option<arrivals::Arrival>,
    given: u64,
}

/// Starts a simulation.
pub fn simulate(world: &Arc<World>, config: &Config) -> Simulation {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut arrivals = Arrivals::new(world, config, &mut rng);
    let next_arrival = arrivals.next(world, &mut rng);
    Simulation {
        world: world.clone(),
        config: config.clone(),
        rng,
        arrivals,
        open: BinaryHeap::new(),
        next_arrival,
        given: 0,
    }
}

impl Iterator for Simulation {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.given >= self.config.events && !self.config.endless {
            return None;
        }
        // Everyone who arrives before the next event joins first.
        while let Some(arrival) = &self.next_arrival {
            let earliest = self.open.peek().map(|Reverse(session)| session.at());
            if earliest.is_some_and(|at| at <= arrival.at_micros) {
                break;
            }
            self.open.push(Reverse(Session::start(arrival, self.arrivals.count())));
            self.next_arrival = self.arrivals.next(&self.world, &mut self.rng);
        }
        let mut first = self.open.peek_mut()?;
        let Reverse(session) = &mut *first;
        let mut event = session.event(&self.world, &mut self.rng);
        event.event_id = ident::uuid(self.config.seed ^ self.config.id_salt, self.given, event.event_micros);
        if !session.step(&self.world, &mut self.rng) {
            PeekMut::pop(first);
        }
        self.given += 1;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn run(seed: u64, events: u64) -> Vec<Event> {
        let world = Arc::new(World::bundled().expect("the bundled seeds are valid"));
        simulate(
            &world,
            &Config { seed, events, start_micros: DEFAULT_START_MICROS, days: 14, endless: false, id_salt: 0 },
        )
        .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_events() {
        assert_eq!(run(7, 2_000), run(7, 2_000));
        assert_ne!(run(7, 100), run(8, 100));
    }

    #[test]
    fn events_are_ordered_and_unique_and_viewers_keep_device_and_state() {
        let events = run(1, 5_000);
        assert_eq!(events.len(), 5_000);
        assert!(events.is_sorted_by_key(|event| event.event_micros));
        let ids: HashSet<&String> = events.iter().map(|event| &event.event_id).collect();
        assert_eq!(ids.len(), events.len());
        let mut fixed: HashMap<&str, (&str, &str)> = HashMap::new();
        for event in &events {
            let traits = (event.viewer.device.as_str(), event.viewer.state.as_str());
            assert_eq!(*fixed.entry(&event.viewer.id).or_insert(traits), traits);
        }
    }

    #[test]
    fn nobody_orders_without_checking_out_first() {
        let mut open: HashMap<(String, String), i64> = HashMap::new();
        let mut orders = 0;
        for event in run(3, 20_000) {
            let key = (event.viewer.id.clone(), event.stream.id.clone());
            match event.event_type {
                "checkout_started" => *open.entry(key).or_default() += 1,
                "order_completed" => {
                    let started = open.entry(key).or_default();
                    assert!(*started > 0, "an order without a checkout");
                    *started -= 1;
                    orders += 1;
                }
                _ => {}
            }
        }
        assert!(orders > 200, "only {orders} orders in 20,000 events");
    }

    #[test]
    fn flaws_are_counted_and_every_event_is_sent_once_or_as_counted() {
        let world = Arc::new(World::bundled().expect("the bundled seeds are valid"));
        let config = Config {
            seed: 5,
            events: 20_000,
            start_micros: DEFAULT_START_MICROS,
            days: 14,
            endless: false,
            id_salt: 0,
        };
        let flaws = Flaws { late: 0.02, out_of_order: 0.05, duplicate: 0.03, malformed: 0.01, drift: 0.02 };
        let mut emissions = inject(simulate(&world, &config), flaws, 5);
        let all: Vec<Emission> = emissions.by_ref().collect();
        let tally = emissions.tally();
        assert!(all.is_sorted_by_key(|emission| emission.send_micros));
        let mut seen: HashMap<u64, u64> = HashMap::new();
        all.iter().for_each(|emission| *seen.entry(emission.seq).or_default() += 1);
        assert_eq!(seen.len() as u64, tally.events);
        assert_eq!((0..tally.events).filter(|seq| !seen.contains_key(seq)).count(), 0);
        assert_eq!(seen.values().filter(|count| **count == 2).count() as u64, tally.duplicated);
        assert_eq!(all.len() as u64, tally.events + tally.duplicated);
        let of = |shape| all.iter().filter(|emission| emission.shape == shape).count() as u64;
        assert_eq!(of(Shape::Malformed), tally.malformed);
        assert_eq!(of(Shape::RenamedField) + of(Shape::ExtraField), tally.renamed_field + tally.extra_field);
        // Each flaw is about as frequent as asked for.
        for (count, share) in [(tally.late, 0.02), (tally.out_of_order, 0.049), (tally.malformed, 0.01)] {
            let expected = 20_000.0 * share;
            assert!((count as f64 - expected).abs() < 4.0 * f64::sqrt(expected), "{count} of {expected}");
        }
    }
}
