//! Makes new inputs out of known ones: bytes and pieces are removed, repeated, swapped between inputs or nested. Deterministic.

use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// Longer inputs find nothing that shorter ones do not.
const MOST: usize = 8 * 1024;
/// What languages of text give a meaning to, and numbers at the edges.
const TOKENS: [&str; 30] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "'",
    "\"",
    "`",
    "\\",
    "\n",
    ",",
    ":",
    "- ",
    "--",
    "/*",
    "*/",
    "#",
    "&a",
    "*a",
    "NULL",
    "-1",
    "9223372036854775808",
    "1e400",
    "é",
    "\u{1F600}",
];

pub struct Mutator<'s> {
    random: ChaCha8Rng,
    seeds: &'s [Vec<u8>],
}

impl<'s> Mutator<'s> {
    pub fn new(seed: u64, seeds: &'s [Vec<u8>]) -> Mutator<'s> {
        Mutator { random: ChaCha8Rng::seed_from_u64(seed), seeds }
    }

    /// A known input with one to eight changes.
    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self.seeds.choose(&mut self.random).cloned().unwrap_or_default();
        for _ in 0..self.random.random_range(1..=8) {
            self.change(&mut input);
        }
        input.truncate(MOST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (from, to) = self.piece(input.len());
        match self.random.random_range(0..8) {
            0 => drop(input.drain(from..to)),
            1 => self.insert(input, |random| vec![random.random()]),
            2 if from < to => input[from] ^= 1 << self.random.random_range(0..8),
            3 => self.insert(input, |random| TOKENS.choose(random).unwrap_or(&"").as_bytes().to_vec()),
            4 => {
                let copy = input[from..to].to_vec();
                self.insert(input, |_| copy);
            }
            5 => {
                let other = self.seeds.choose(&mut self.random).cloned().unwrap_or_default();
                let (start, end) = self.piece(other.len());
                input.splice(from..to, other[start..end].iter().copied());
            }
            6 => self.nest(input, from, to),
            _ => input.truncate(from),
        }
    }

    /// The same thing many times inside itself: what reads by recursion must say where it ends.
    fn nest(&mut self, input: &mut Vec<u8>, from: usize, to: usize) {
        const PAIRS: [(&str, &str); 6] =
            [("(", ")"), ("[", "]"), ("{a: ", "}"), ("- ", ""), ("(select ", ")"), ("{% if 1 %}", "{% endif %}")];
        let (open, close) = PAIRS.choose(&mut self.random).copied().unwrap_or_default();
        let depth = 1 << self.random.random_range(0..10);
        let whole = [open.repeat(depth).as_bytes(), &input[from..to], close.repeat(depth).as_bytes()].concat();
        input.splice(from..to, whole);
    }

    fn insert(&mut self, input: &mut Vec<u8>, make: impl FnOnce(&mut ChaCha8Rng) -> Vec<u8>) {
        let at = self.random.random_range(0..=input.len());
        let what = make(&mut self.random);
        input.splice(at..at, what);
    }

    /// Somewhere inside, mostly short.
    fn piece(&mut self, length: usize) -> (usize, usize) {
        let from = self.random.random_range(0..=length);
        let most = if self.random.random_bool(0.2) { length - from } else { (length - from).min(12) };
        (from, from + self.random.random_range(0..=most))
    }
}
