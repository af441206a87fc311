//! `clean`: deletes the folders of `clean-targets`, never anything outside the project.

use crate::options::Options;
use crate::report::Report;
use crate::{OK, Stop};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_project::load::load_settings;
use rsdbt_sys as sys;
use std::path::Path;
use std::sync::Arc;

pub fn clean(options: &Options, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let (project, _) = load_settings(&options.load)?;
    let root = sys::canonical(Path::new(&project.root));
    let sources: Vec<&String> = [&project.model_paths, &project.seed_paths, &project.macro_paths, &project.test_paths]
        .into_iter()
        .flatten()
        .collect();
    for folder in &project.clean_targets {
        let path = sys::canonical(&root.join(folder));
        if !path.starts_with(&root) || path == root || sources.contains(&folder) {
            let message = format!("'{folder}' of clean-targets is outside the project or holds its sources");
            return Err(Diagnostic::error(Code::CONFIG, message).into());
        }
        if sys::is_folder(&path) {
            sys::remove_folder(&path)
                .map_err(|why| Diagnostic::error(Code::FILE, format!("cannot delete {}: {why}", path.display())))?;
            report.line(&format!("Cleaned {folder}/"));
        }
    }
    report.line("Finished cleaning all paths.");
    Ok(OK)
}
