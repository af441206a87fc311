//! The program `rsdbt`: what was typed (`args`), what it means (`options`), `pipeline`, where stages meet, and one file a command.

mod args;
mod bus;
mod commands;
mod cost;
mod invocation;
mod options;
mod partial;
mod pipeline;
mod previous;
mod report;
mod signals;
mod surveyed;
mod version;

use crate::report::{JsonLog, Report, Style, Terminal};
use args::{Args, Command};
use clap::Parser;
use options::Options;
use rsdbt_base::{Diagnostic, Diagnostics};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

/// dbt's exit codes.
pub const OK: u8 = 0;
pub const FAILED: u8 = 1;
pub const USAGE: u8 = 2;

/// Why a command ended early: findings that are already complete.
pub struct Stop(pub Diagnostics);

impl From<Diagnostic> for Stop {
    fn from(diagnostic: Diagnostic) -> Self {
        Stop(vec![diagnostic])
    }
}

impl From<Diagnostics> for Stop {
    fn from(diagnostics: Diagnostics) -> Self {
        Stop(diagnostics)
    }
}

fn main() -> ExitCode {
    ExitCode::from(run())
}

/// Runs the command line and gives the exit code.
fn run() -> u8 {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { OK };
            // Help that nobody reads any more (`| head`) is no error.
            let _ = error.print();
            return code;
        }
    };
    let options = match Options::read(&args) {
        Ok(options) => options,
        Err(diagnostic) => {
            eprintln!("{}", crate::report::render(&diagnostic, None, std::io::stderr().is_terminal()));
            return USAGE;
        }
    };
    let report = reporter(&options);
    let outcome = dispatch(&args, &options, &report);
    report.finish();
    match outcome {
        Ok(code) => code,
        Err(Stop(diagnostics)) => {
            diagnostics.iter().for_each(|diagnostic| report.diagnostic(diagnostic));
            USAGE
        }
    }
}

fn reporter(options: &Options) -> Arc<dyn Report> {
    if options.json_log {
        return Arc::new(JsonLog::new(&options.invocation_id, options.quiet));
    }
    let style = Style {
        colour: options.colour,
        quiet: options.quiet,
        interactive: std::io::stderr().is_terminal() && std::io::stdout().is_terminal(),
        root: options.load.project_dir.clone().or_else(|| rsdbt_sys::current_folder().ok()),
    };
    Arc::new(Terminal::new(style))
}

fn dispatch(args: &Args, options: &Options, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    match &args.command {
        Command::Run(_) | Command::Build(_) | Command::Test(_) | Command::Seed(_) | Command::Snapshot(_) => {
            commands::run::run(options, report)
        }
        Command::Compile(compile) => commands::show::compile(options, compile, report),
        Command::Check(check) => commands::check::run(options, check, report),
        Command::Lineage(lineage) => commands::lineage::run(options, lineage, report),
        Command::Parse => commands::run::parse(options, report),
        Command::List(list) => commands::list::list(options, list, report),
        Command::Show(arguments) => commands::show::show(options, arguments, report),
        Command::Sql(arguments) => sql_command(options, arguments),
        Command::Simulate(arguments) => commands::simulate::run(options, arguments, report),
        Command::Ingest(arguments) => commands::ingest::run(options, arguments, report),
        Command::Live(arguments) => commands::live::run(options, arguments, report),
        Command::Shop(arguments) => commands::shop::run(options, arguments, report),
        Command::Pubsub(arguments) => commands::pubsub::run(arguments, report),
        Command::Dashboard(arguments) => commands::dashboard::run(options, arguments, report),
        Command::Mock(arguments) => commands::mock::mock(options, arguments, report),
        Command::RunOperation(arguments) => commands::run::operation(options, arguments, report),
        Command::Debug { connection } => commands::debug::debug(options, *connection, report),
        Command::Deps => commands::deps::deps(options, report),
        Command::Clean => commands::clean::clean(options, report),
        Command::Docs(docs) => commands::docs::docs(options, docs, report),
        Command::Source(arguments) => commands::freshness::source(options, arguments, report),
        Command::Retry(arguments) => commands::retry::retry(options, arguments, report),
        Command::Clone(_) => commands::run::clone(options, report),
        Command::Diff(arguments) => commands::diff::diff(options, arguments, report),
        Command::Explain { code } => explain(code),
        Command::Completions(arguments) => commands::completions::completions(arguments),
        Command::Man(arguments) => commands::man::man(arguments, report),
    }
}

fn sql_command(options: &Options, arguments: &args::SqlArgs) -> Result<u8, Stop> {
    let format = match arguments.output {
        args::SqlFormat::Table => commands::sql::Format::Table,
        args::SqlFormat::Json => commands::sql::Format::Json,
        args::SqlFormat::Csv => commands::sql::Format::Csv,
    };
    let fail = |error: rsdbt_warehouse::DbError| Stop(vec![pipeline::connection_error(&error)]);
    let mut session = match (&options.load.target, arguments.local) {
        (Some(_), false) => {
            let (project, profile) = rsdbt_project::load::load_settings(&options.load)?;
            pipeline::open_local(&profile, &project.root).map_err(fail)?
        }
        _ => commands::sql::empty_session().map_err(fail)?,
    };
    let sql = commands::sql::SqlOptions { file: arguments.file.clone(), output: format, explain: arguments.explain };
    Ok(commands::sql::run(&sql, &mut session) as u8)
}

fn explain(code: &str) -> Result<u8, Stop> {
    match rsdbt_base::explain(code) {
        Some(text) => {
            println!("{}: {text}", code.to_uppercase());
            Ok(OK)
        }
        None => {
            let known: Vec<&str> = rsdbt_base::CODES.iter().map(|(code, _)| code.0).collect();
            let error = Diagnostic::error(rsdbt_base::Code::USAGE, format!("there is no error code '{code}'"));
            Err(error.help(format!("the codes are {}", known.join(", "))).into())
        }
    }
}
