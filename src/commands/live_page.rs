//! What the page of `live` says beside the dashboard: that a build is under way, or what went wrong in one.

use crate::OK;
use crate::report::{Report, Terminal, Told, to_text};
use rsdbt_base::{Diagnostic, Severity};
use rsdbt_exec::Listener;
use rsdbt_project::ir::NodeResult;
use std::sync::{Mutex, PoisonError};

/// The report of one build: the terminal's, with its errors kept for the page.
pub struct Overheard {
    terminal: Terminal,
    errors: Mutex<Vec<String>>,
}

impl Overheard {
    pub fn new(terminal: Terminal) -> Overheard {
        Overheard { terminal, errors: Mutex::default() }
    }

    /// What the page says of a build; nothing when it went well.
    pub fn trouble(&self, code: u8, number: u64) -> String {
        if code == OK {
            return String::new();
        }
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let list = if errors.is_empty() { "the terminal says why".to_owned() } else { errors.join("\n") };
        format!("Build {number} failed; the next one follows.\n{list}")
    }
}

impl Listener for Overheard {
    fn started(&self, index: usize, total: usize, what: &str, id: &str) {
        self.terminal.started(index, total, what, id);
    }

    fn finished(&self, index: usize, total: usize, what: &str, result: &NodeResult) {
        self.terminal.finished(index, total, what, result);
    }

    fn said(&self, message: &str) {
        self.terminal.said(message);
    }

    fn warned(&self, diagnostic: &Diagnostic) {
        self.terminal.warned(diagnostic);
    }
}

impl Report for Overheard {
    fn told(&self, what: &Told, text: &str) {
        self.terminal.told(what, text);
    }

    fn line(&self, text: &str) {
        self.terminal.line(text);
    }

    fn diagnostic(&self, diagnostic: &Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(to_text(diagnostic));
        }
        self.terminal.diagnostic(diagnostic);
    }

    fn summary(&self, text: &str, good: bool) {
        self.terminal.summary(text, good);
    }

    fn finish(&self) {
        self.terminal.finish();
    }
}

/// A page for the time in which there is no dashboard; it looks for a newer one by itself.
pub fn waiting(text: &str) -> String {
    let head = "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\"><title>Live shopping</title>";
    format!("{head}<pre>{}</pre>", escaped(text))
}

/// The dashboard with a notice above it.
pub fn with_notice(page: &str, text: &str) -> String {
    page.replacen("<body>", &format!("<body>\n<pre class=\"notice\" role=\"alert\">{}</pre>", escaped(text)), 1)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_stands_above_the_page_and_is_no_markup() {
        let page = with_notice("<body><h1>x</h1></body>", "1 < 2\nb");
        assert_eq!(page, "<body>\n<pre class=\"notice\" role=\"alert\">1 &lt; 2\nb</pre><h1>x</h1></body>");
        assert!(waiting("a <b>").contains("a &lt;b&gt;"));
    }
}
