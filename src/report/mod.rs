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
use rsdbt_exec::Listener;

/// Everything a command tells. `Listener` is the part that exec needs.
pub trait Report: Listener {
    /// A line of progress; hidden by `--quiet`.
    fn line(&self, text: &str);
    /// A finding.
    fn diagnostic(&self, diagnostic: &Diagnostic);
    /// The last words of a run.
    fn summary(&self, text: &str, good: bool);
    /// Takes the progress bar away.
    fn finish(&self);
}
