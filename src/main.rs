//! The rsdbt binary.

use rsdbt::cli::sql::{Format, SqlOptions, empty_session, run};
use std::process::ExitCode;

/// Until the real command line is there: `rsdbt sql [--file F] [--output json|csv|table] [--explain]`.
fn main() -> ExitCode {
    let mut options = SqlOptions::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--file" => options.file = args.next().map(Into::into),
            "--output" => {
                options.output = match args.next().as_deref() {
                    Some("json") => Format::Json,
                    Some("csv") => Format::Csv,
                    _ => Format::Table,
                }
            }
            "--explain" => options.explain = true,
            _ => {}
        }
    }
    match empty_session() {
        Ok(mut session) => ExitCode::from(run(&options, &mut session) as u8),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
