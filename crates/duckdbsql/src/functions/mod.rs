//! The function library: one file a family, each with a table of overloads and forms and the DuckDB text of each.

mod aggregate;
mod array;
mod conditional;
mod datetime;
mod format;
mod geo;
mod hash;
mod interval;
mod json;
mod math;
mod net;
mod operators;
mod range;
mod string;
mod window;

use rsdbt_googlesql::library::{Function, Library, Shared};

/// The rows of all families.
pub static TABLES: &[&[Function]] = &[
    aggregate::TABLE,
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
    operators::TABLE,
    range::TABLE,
    string::TABLE,
    window::TABLE,
];

static LIBRARY: Shared = Shared::new();

/// All functions that DuckDB offers to GoogleSQL.
pub fn library() -> &'static Library {
    LIBRARY.get_or_init(|| Library::new(TABLES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_signature_can_be_read_and_stands_once() {
        let mut seen = HashSet::new();
        for row in TABLES.iter().flat_map(|table| table.iter()) {
            assert!(seen.insert(row.signature), "{} stands twice", row.signature);
        }
        assert_eq!(library().form("$date_add").text, "bq_date_add($1, $2, $3)");
        let overloads = library().overloads("SUBSTR");
        assert!(overloads.iter().all(|row| row.required >= 2 && row.params.len() <= 3));
    }
}
