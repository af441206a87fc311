//! `rsdbt sql`: runs a BigQuery script and prints the last result. Argument parsing is elsewhere.

use crate::args::Explain;
use crate::report::excerpt;
use rsdbt_base::Place;
use rsdbt_bqlocal::json::{document, plain};
use rsdbt_bqlocal::{LocalBigQuery, LocalSession};
use rsdbt_sys as sys;
use rsdbt_warehouse::{DbError, Table, Value};
use std::io::{Read, Write};
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Table,
    Json,
    Csv,
}

#[derive(Debug, Clone, Default)]
pub struct SqlOptions {
    /// the script; standard input where there is none
    pub file: Option<PathBuf>,
    pub output: Format,
    /// what to print instead of the result
    pub explain: Option<Explain>,
}

/// An empty warehouse in memory, as `rsdbt sql` uses it.
pub fn empty_session() -> Result<LocalSession, DbError> {
    LocalBigQuery::open(None, "local", "")?.connect()
}

/// Runs the script; the exit code is 1 when it failed.
pub fn run(options: &SqlOptions, session: &mut LocalSession) -> i32 {
    let (name, script) = match read(options) {
        Ok(found) => found,
        Err(why) => {
            eprintln!("error: {why}");
            return 1;
        }
    };
    let done = match options.explain {
        Some(Explain::DuckDb) => session.explain(&script).map(|text| text + "\n"),
        Some(Explain::Types) => session.explain_types(&script),
        None => session.run(&script).map(|table| print(&table, options.output)),
    };
    match done {
        Ok(text) => {
            let written = std::io::stdout().lock().write_all(text.as_bytes());
            i32::from(written.is_err())
        }
        Err(error) => {
            eprint!("{}", report(&error, &name, &script));
            1
        }
    }
}

fn read(options: &SqlOptions) -> Result<(String, String), String> {
    match &options.file {
        Some(path) => sys::read(path)
            .map(|text| (path.display().to_string(), text))
            .map_err(|why| format!("{}: {why}", path.display())),
        None => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).map_err(|why| format!("standard input: {why}"))?;
            Ok(("<stdin>".to_owned(), text))
        }
    }
}

/// The error with its place, the line it is in and the help.
fn report(error: &DbError, name: &str, script: &str) -> String {
    let source = error.sql.as_deref().unwrap_or(script);
    let mut text = String::new();
    match error.position {
        Some(position) => {
            let place = Place::of_offset(name, source, position);
            text.push_str(&format!("error: {}\n  --> {place}\n", error.message));
            if let Some(line) = source.lines().nth(place.line.saturating_sub(1)) {
                let (shown, at) = excerpt(line, place.column.saturating_sub(1));
                text.push_str(&format!("   | {shown}\n   | {}^\n", " ".repeat(shown[..at].chars().count())));
            }
        }
        None => text.push_str(&format!("error: {}\n", error.message)),
    }
    if let Some(help) = &error.help {
        text.push_str(&format!("  help: {help}\n"));
    }
    text
}

fn print(table: &Table, format: Format) -> String {
    match format {
        Format::Json => document(table).to_string() + "\n",
        Format::Csv => csv_text(table),
        Format::Table => table_text(table),
    }
}

fn csv_text(table: &Table) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = writer.write_record(table.columns.iter().map(|c| &c.name));
    let rows = table.rows.iter().try_for_each(|row| {
        writer.write_record(row.iter().map(|v| if *v == Value::Null { String::new() } else { plain(v) }))
    });
    match header.and(rows) {
        Ok(()) => writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

fn table_text(table: &Table) -> String {
    if table.columns.is_empty() {
        return String::new();
    }
    let mut lines: Vec<Vec<String>> = vec![table.columns.iter().map(|c| c.name.clone()).collect()];
    lines.extend(table.rows.iter().map(|row| row.iter().map(plain).collect()));
    let widths: Vec<usize> =
        (0..table.columns.len()).map(|i| lines.iter().map(|l| l[i].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if n == 0 {
            let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
            text.push_str(&format!("| {} |\n", rule.join(" | ")));
        }
    }
    text
}
