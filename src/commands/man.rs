//! `man`: a manual page of the program and of each command, made from the same declarations as `--help`.

use crate::args::{Args, ManArgs};
use crate::report::Report;
use crate::{OK, Stop};
use clap::CommandFactory;
use rsdbt_base::{Code, Diagnostic};
use rsdbt_sys as sys;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub fn man(arguments: &ManArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let folder = &arguments.folder;
    let mut program = Args::command();
    // Names of subcommands and the options of every command are filled in here.
    program.build();
    let pages = sys::create_folder(folder).and_then(|()| write_pages(&program, folder)).map_err(|why| {
        Diagnostic::error(Code::FILE, format!("cannot write manual pages into {}: {why}", folder.display()))
            .help("name a folder that may be written, such as ~/.local/share/man/man1")
    })?;
    report.line(&format!("{pages} manual pages in {}", folder.display()));
    Ok(OK)
}

/// Writes the page of `command` and those of its subcommands; gives their number.
fn write_pages(command: &clap::Command, folder: &Path) -> io::Result<usize> {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    sys::write(&folder.join(page.get_filename()), text)?;
    command.get_subcommands().try_fold(1, |count, inner| Ok(count + write_pages(inner, folder)?))
}
