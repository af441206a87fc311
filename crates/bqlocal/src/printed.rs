//! What analysis and printing make of a query: its DuckDB text and the columns that it gives.

use rsdbt_googlesql::query::{OutCol, Query};

/// A query, printed.
#[derive(Debug, Clone)]
pub(super) struct Printed {
    pub sql: String,
    pub cols: Vec<OutCol>,
}

impl Printed {
    pub fn of(query: &Query, zone: &str) -> Printed {
        Printed { sql: rsdbt_duckdbsql::print_query(query, zone), cols: query.columns.clone() }
    }
}
