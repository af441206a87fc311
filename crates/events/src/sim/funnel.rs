//! What a viewer does: a Markov chain over event types, one matrix per segment.

use super::arrivals::Arrival;
use super::{Event, World};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand_distr::{Distribution, LogNormal};
use std::cmp::Ordering;
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Start,
    View,
    Click,
    Cart,
    Checkout,
    Order,
    Chat,
    Exit,
    /// The app was closed without a word: no event.
    Gone,
}

use Step::{Cart, Chat, Checkout, Click, Exit, Gone, Order, Start, View};

impl Step {
    fn event_type(self) -> &'static str {
        match self {
            Start => "stream_view_start",
            View => "product_view",
            Click => "product_click",
            Cart => "add_to_cart",
            Checkout => "checkout_started",
            Order => "order_completed",
            Chat => "chat_message",
            Exit | Gone => "stream_exit",
        }
    }

    fn has_product(self) -> bool {
        matches!(self, View | Click | Cart | Checkout | Order)
    }

    /// Median seconds until the next step, and the spread (sigma of the logarithm).
    fn dwell(self) -> (f64, f64) {
        match self {
            Start => (25.0, 0.8),
            View => (30.0, 0.9),
            Click => (40.0, 0.8),
            Cart => (55.0, 0.9),
            Checkout => (70.0, 0.6),
            Order => (45.0, 0.9),
            Chat => (35.0, 1.0),
            Exit | Gone => (1.0, 0.1),
        }
    }
}

const STEPS: [Step; 9] = [Start, View, Click, Cart, Checkout, Order, Chat, Exit, Gone];

/// How long a viewer stays at each step, in the order of `STEPS`.
static DWELL: LazyLock<[LogNormal<f64>; 9]> = LazyLock::new(|| {
    STEPS.map(|step| {
        let (median, sigma) = step.dwell();
        LogNormal::new(f64::ln(median), sigma).expect("every spread is finite")
    })
});

/// Names of segments, as in seeds/customers.csv.
const SEGMENTS: [&str; 4] = ["browser", "bargain_hunter", "loyal", "chatter"];

pub fn segment(name: &str) -> Option<usize> {
    SEGMENTS.iter().position(|known| *known == name)
}

/// Where a step leads: (next step, weight for each segment).
type Row = &'static [(Step, [f64; 4])];

fn row(from: Step) -> Row {
    match from {
        Start => &[
            (View, [70.0, 78.0, 84.0, 52.0]),
            (Chat, [8.0, 6.0, 8.0, 40.0]),
            (Exit, [14.0, 10.0, 5.0, 5.0]),
            (Gone, [8.0, 6.0, 3.0, 3.0]),
        ],
        View => &[
            (View, [34.0, 32.0, 24.0, 22.0]),
            (Click, [32.0, 42.0, 54.0, 34.0]),
            (Chat, [6.0, 5.0, 8.0, 30.0]),
            (Exit, [20.0, 15.0, 10.0, 10.0]),
            (Gone, [8.0, 6.0, 4.0, 4.0]),
        ],
        Click => &[
            (View, [44.0, 36.0, 26.0, 36.0]),
            (Cart, [24.0, 40.0, 56.0, 28.0]),
            (Chat, [6.0, 5.0, 6.0, 22.0]),
            (Exit, [20.0, 14.0, 8.0, 10.0]),
            (Gone, [6.0, 5.0, 4.0, 4.0]),
        ],
        Cart => &[
            (Checkout, [30.0, 36.0, 66.0, 34.0]),
            (View, [34.0, 40.0, 20.0, 34.0]),
            (Chat, [4.0, 4.0, 4.0, 18.0]),
            (Exit, [22.0, 14.0, 6.0, 10.0]),
            (Gone, [10.0, 6.0, 4.0, 4.0]),
        ],
        Checkout => &[
            (Order, [52.0, 60.0, 82.0, 58.0]),
            (View, [14.0, 16.0, 8.0, 18.0]),
            (Exit, [24.0, 18.0, 7.0, 18.0]),
            (Gone, [10.0, 6.0, 3.0, 6.0]),
        ],
        Order => &[
            (View, [20.0, 32.0, 44.0, 24.0]),
            (Chat, [8.0, 6.0, 12.0, 30.0]),
            (Exit, [64.0, 56.0, 40.0, 42.0]),
            (Gone, [8.0, 6.0, 4.0, 4.0]),
        ],
        Chat => &[
            (View, [52.0, 58.0, 60.0, 34.0]),
            (Chat, [16.0, 14.0, 20.0, 48.0]),
            (Exit, [24.0, 20.0, 14.0, 12.0]),
            (Gone, [8.0, 8.0, 6.0, 6.0]),
        ],
        Exit | Gone => &[],
    }
}

const MESSAGES: [&str; 16] = [
    "Love this color!",
    "Is it available in size M?",
    "What is the price?",
    "Just ordered mine!",
    "Can you show it again?",
    "Does it ship today?",
    "So pretty",
    "Any discount code?",
    "How long does the battery last?",
    "First time here, hi!",
    "Is it dishwasher safe?",
    "Great demo",
    "Adding to my cart",
    "Is there a warranty?",
    "Hello from Denver",
    "That sold out fast",
];

/// One visit.
#[derive(Debug, Clone)]
pub struct Session {
    at: i64,
    /// Ties are broken by arrival, so that order never depends on the heap.
    number: u64,
    step: Step,
    arrival: Arrival,
    product: usize,
}

impl Session {
    pub fn start(arrival: &Arrival, number: u64) -> Self {
        Session { at: arrival.at_micros, number, step: Start, product: 0, arrival: arrival.clone() }
    }

    pub fn at(&self) -> i64 {
        self.at
    }

    /// The event of the current step; its id is given later.
    pub fn event(&mut self, world: &World, rng: &mut ChaCha8Rng) -> Event {
        let viewer = &world.viewers[self.arrival.viewer];
        let stream = &world.streams[self.arrival.stream];
        if self.step == View {
            self.product = choose_product(world, &stream.category, rng);
        }
        let product = self.step.has_product().then(|| &world.products[self.product]);
        let message = (self.step == Chat).then(|| MESSAGES.choose(rng).copied().unwrap_or_default());
        Event {
            event_id: String::new(),
            stream: stream.clone(),
            stream_start_micros: self.arrival.stream_start_micros,
            viewer: viewer.clone(),
            event_micros: self.at,
            event_type: self.step.event_type(),
            product: product.cloned(),
            chat_message: message,
        }
    }

    /// Moves on. False when the visit is over.
    pub fn step(&mut self, world: &World, rng: &mut ChaCha8Rng) -> bool {
        let segment = world.viewers[self.arrival.viewer].segment;
        let options = row(self.step);
        let total: f64 = options.iter().map(|(_, weights)| weights[segment]).sum();
        let mut left = rng.random::<f64>() * total;
        let next = options.iter().find(|(_, weights)| {
            left -= weights[segment];
            left < 0.0
        });
        let Some((next, _)) = next.or(options.last()) else { return false };
        let seconds: f64 = DWELL[self.step as usize].sample(rng);
        // A visit's silence stays below half an hour: longer ones are new visits.
        self.at += (seconds.clamp(0.2, 1_500.0) * 1e6) as i64;
        self.step = *next;
        self.step != Gone
    }
}

/// Six products of ten are of the stream's category; within a group the first ones are the favourites.
fn choose_product(world: &World, category: &str, rng: &mut ChaCha8Rng) -> usize {
    let own = world.shelves.iter().find(|shelf| shelf.category == category);
    if let Some(shelf) = own
        && rng.random::<f64>() < 0.6
    {
        return shelf.products[shelf.law.sample(rng) as usize - 1];
    }
    world.law.sample(rng) as usize - 1
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Session {}

impl PartialOrd for Session {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Session {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
