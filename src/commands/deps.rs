//! `deps`: rsdbt reads packages where they are and downloads none; this says which ones it found.

use crate::options::Options;
use crate::report::Report;
use crate::{OK, Stop};
use rsdbt_base::{Code, Diagnostic, Place};
use rsdbt_project::load::{load_settings, packages_wanted};
use std::sync::Arc;

pub fn deps(options: &Options, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let (project, _) = load_settings(&options.load)?;
    let wanted = packages_wanted(&project)?;
    if wanted.is_empty() {
        report.line("No packages were found in packages.yml or dependencies.yml");
    }
    let mut missing = Vec::new();
    for package in wanted {
        match package.found {
            Some(folder) => report.line(&format!("{}: {folder}", package.name)),
            None => missing.push(
                Diagnostic::error(Code::CONFIG, format!("the package '{}' is not installed", package.name))
                    .at(Place::file("packages.yml"))
                    .help(format!(
                        "rsdbt downloads nothing: put the package into {}/, or name it with `local:`",
                        project.packages_path
                    )),
            ),
        }
    }
    if missing.is_empty() { Ok(OK) } else { Err(Stop(missing)) }
}
