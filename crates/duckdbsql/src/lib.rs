//! Analyzed GoogleSQL printed as DuckDB SQL. It knows DuckDB's text and types, and nothing of syntax trees, names or
//! connections; whatever is wrong with a statement was said before it comes here.

mod functions;
mod print;
mod types;

pub use functions::library;
pub use types::{duck, of_duck, quote, text};

use rsdbt_googlesql::analyze::Plan;
use rsdbt_googlesql::query::{Expr, Query};

/// A query as one DuckDB statement, whose columns carry the physical names of the query's columns.
pub fn print_query(query: &Query, zone: &str) -> String {
    print::Printer::new(zone).query(query)
}

/// An expression that refers to no table.
pub fn print_expr(value: &Expr, zone: &str) -> String {
    print::Printer::new(zone).expr(value)
}

/// The DuckDB statements that together carry out a plan; the last one answers.
pub fn print_plan(plan: &Plan, zone: &str) -> Vec<String> {
    plan.steps.iter().map(|step| print::Printer::new(zone).step(step)).collect()
}
