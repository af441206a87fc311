//! Plain lines in dbt's words; on a terminal with colours and a progress bar below them.

use super::{Report, Told, diagnostic};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rsdbt_base::Diagnostic;
use rsdbt_exec::Listener;
use rsdbt_project::ir::{NodeResult, Status};
use rsdbt_sys as sys;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

const WIDTH: usize = 80;

/// How to print.
#[derive(Debug, Clone)]
pub struct Style {
    pub colour: bool,
    pub quiet: bool,
    /// Whether a progress bar may be drawn.
    pub interactive: bool,
    pub root: Option<PathBuf>,
}

pub struct Terminal {
    style: Style,
    bar: Mutex<Option<ProgressBar>>,
}

impl Terminal {
    pub fn new(style: Style) -> Self {
        Terminal { style, bar: Mutex::new(None) }
    }

    fn print(&self, text: &str) {
        let text = sys::masked(text);
        let bar = self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match bar.as_ref() {
            Some(bar) => bar.println(&*text),
            None => {
                // A reader that has gone away (`| head`) is no error of ours.
                let _ = writeln!(std::io::stdout().lock(), "{text}");
            }
        }
    }

    fn stamped(&self, text: &str) {
        if !self.style.quiet {
            let now = rsdbt_sys::now_utc().format("%H:%M:%S");
            self.print(&format!("{now}  {text}"));
        }
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.style.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn dotted(&self, left: &str, word: &str, colour: &str) -> String {
        let dots = ".".repeat(WIDTH.saturating_sub(left.chars().count() + 1).max(2));
        format!("{left} {dots} [{}]", self.paint(word, colour))
    }

    fn draw(&self, done: usize, total: usize, what: &str) {
        if !self.style.interactive || self.style.quiet {
            return;
        }
        let mut bar = self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            if let Ok(style) =
                ProgressStyle::with_template("{spinner:.cyan} [{bar:30.cyan/dim}] {pos}/{len} {wide_msg}")
            {
                bar.set_style(style.progress_chars("━━─"));
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        bar.set_message(what.to_owned());
    }
}

fn word(result: &NodeResult) -> (&'static str, &'static str) {
    match result.status {
        Status::Success => ("OK", "32"),
        Status::Pass => ("PASS", "32"),
        Status::Warn => ("WARN", "33"),
        Status::Fail => ("FAIL", "31"),
        Status::Error | Status::RuntimeError => ("ERROR", "31"),
        Status::Skipped => ("SKIP", "33"),
        Status::PartialSuccess => ("PARTIAL SUCCESS", "33"),
    }
}

impl Listener for Terminal {
    fn started(&self, index: usize, total: usize, what: &str, _: &str) {
        self.stamped(&self.dotted(&format!("{index} of {total} START {what}"), "RUN", "0"));
        self.draw(index - 1, total, what);
    }

    fn finished(&self, index: usize, total: usize, what: &str, result: &NodeResult) {
        let (short, colour) = word(result);
        let verb = match result.status {
            Status::Success if what.starts_with("seed") => "OK loaded",
            Status::Success if what.starts_with("snapshot") => "OK snapshotted",
            Status::Success => "OK created",
            Status::Error if what.starts_with("seed") => "ERROR loading",
            Status::Error => "ERROR creating",
            Status::Fail if what.starts_with("freshness") => "ERROR STALE",
            _ => short,
        };
        let detail = match (&result.status, &result.message, result.failures) {
            (Status::Success, Some(message), _) if message != "OK" => format!("{short} {message}"),
            (Status::Fail, _, None) if what.starts_with("freshness") => "ERROR STALE".to_owned(),
            (Status::Fail | Status::Warn, _, Some(count)) => format!("{short} {count}"),
            _ => short.to_owned(),
        };
        let seconds = match result.status {
            Status::Skipped => String::new(),
            _ => format!(" in {:.2}s", result.execution_time),
        };
        let line = self.dotted(&format!("{index} of {total} {verb} {what}"), &format!("{detail}{seconds}"), colour);
        self.stamped(&line);
        self.draw(index, total, "");
    }

    fn said(&self, message: &str) {
        self.stamped(message);
    }

    fn warned(&self, diagnostic: &Diagnostic) {
        self.diagnostic(diagnostic);
    }
}

impl Report for Terminal {
    fn line(&self, text: &str) {
        self.stamped(text);
    }

    fn told(&self, what: &Told, text: &str) {
        match what {
            Told::EndOfRun { errors, partial, .. } => self.summary(text, errors + partial == 0),
            _ => self.stamped(text),
        }
    }

    fn diagnostic(&self, found: &Diagnostic) {
        let text = diagnostic::render(found, self.style.root.as_deref(), self.style.colour);
        let text = sys::masked(&text);
        let bar = self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match bar.as_ref() {
            Some(bar) => bar.suspend(|| {
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }),
            None => {
                let _ = writeln!(std::io::stderr().lock(), "{text}");
            }
        }
    }

    fn summary(&self, text: &str, good: bool) {
        let text = self.paint(text, if good { "32" } else { "31" });
        self.stamped(&text);
    }

    fn finish(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}
