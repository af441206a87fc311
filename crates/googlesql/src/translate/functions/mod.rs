//! The function library: one file a family, each with a table of overloads and of special forms.

mod array;
mod conditional;
mod datetime;
mod extract;
mod format;
mod geo;
mod hash;
mod interval;
mod json;
mod math;
mod net;
mod range;
mod string;

use super::call::{Sig, Special};

const TABLES: &[&[Sig]] = &[
    array::TABLE,
    conditional::TABLE,
    datetime::TABLE,
    format::TABLE,
    geo::TABLE,
    hash::TABLE,
    interval::TABLE,
    json::TABLE,
    math::TABLE,
    net::TABLE,
    range::TABLE,
    string::TABLE,
];
type Specials = &'static [(&'static str, Special)];
const SPECIALS: &[Specials] = &[
    array::SPECIAL,
    conditional::SPECIAL,
    datetime::SPECIAL,
    format::SPECIAL,
    interval::SPECIAL,
    json::SPECIAL,
    range::SPECIAL,
    string::SPECIAL,
];

/// BigQuery functions that are known to be missing, so that the message says so.
pub(super) const KNOWN_MISSING: &[&str] = &[
    "SEARCH",
    "CONTAINS_SUBSTR",
    "COLLATE",
    "SESSION_USER",
    "BAG_OF_WORDS",
    "TEXT_ANALYZE",
    "TF_IDF",
    "VECTOR_INDEX.STATISTICS",
    "EXTERNAL_OBJECT_TRANSFORM",
    "PARSE_JSON_NUMBER",
    "TYPEOF",
];

pub(super) fn overloads(name: &str) -> Vec<&'static Sig> {
    TABLES.iter().flat_map(|table| table.iter()).filter(|sig| sig.name == name).collect()
}

pub(super) fn special(name: &str) -> Option<Special> {
    SPECIALS.iter().flat_map(|table| table.iter()).find(|(n, _)| *n == name).map(|(_, special)| *special)
}

pub(super) fn known(name: &str) -> bool {
    special(name).is_some() || !overloads(name).is_empty()
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLES
        .iter()
        .flat_map(|table| table.iter())
        .map(|sig| sig.name)
        .chain(SPECIALS.iter().flat_map(|t| t.iter()).map(|(n, _)| *n))
}
