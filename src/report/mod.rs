//! What the user sees while rsdbt works: plain lines, a progress bar on terminals, or dbt's JSON log.

mod diagnostic;
mod json;
mod table;
mod terminal;

pub use diagnostic::{excerpt, render, to_text};
pub use json::JsonLog;
pub use table::{csv_text, text_table, value_text};
pub use terminal::{Style, Terminal};

use rsdbt_base::Diagnostic;
use rsdbt_base::Dialect;
use rsdbt_exec::Listener;
use rsdbt_project::ir::Manifest;

/// What a line tells, where dbt's log has figures for it.
pub enum Told<'t> {
    Found,
    Concurrency {
        threads: usize,
        target: &'t str,
        nodes: usize,
    },
    /// What ran, and for how many seconds.
    Finished(&'t str, f64),
    EndOfRun {
        errors: usize,
        partial: usize,
        warnings: usize,
    },
    Stats(&'t [(&'t str, usize)]),
}

/// Everything a command tells. `Listener` is the part that exec needs.
pub trait Report: Listener {
    /// A line of progress; hidden by `--quiet`.
    fn line(&self, text: &str);
    /// A finding.
    fn diagnostic(&self, diagnostic: &Diagnostic);
    /// A line that dbt has an event of its own for.
    fn told(&self, what: &Told, text: &str);
    /// What the log says of each node besides its name.
    fn knows(&self, _: &Manifest, _: Dialect) {}
    /// The last words of a run.
    fn summary(&self, text: &str, good: bool);
    /// Takes the progress bar away.
    fn finish(&self);
}
