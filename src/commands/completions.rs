//! `completions`: what a shell needs to complete rsdbt's commands and options, on standard output.

use crate::args::{Args, CompletionsArgs};
use crate::{OK, Stop};
use clap::CommandFactory;
use rsdbt_base::{Code, Diagnostic};
use std::io::{ErrorKind, Write};

pub fn completions(arguments: &CompletionsArgs) -> Result<u8, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Args::command(), "rsdbt", &mut script);
    match std::io::stdout().lock().write_all(&script) {
        // A reader that has gone away (`| head`) is no error of ours.
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            Err(Diagnostic::error(Code::FILE, format!("cannot write the completions: {why}")).into())
        }
        _ => Ok(OK),
    }
}
