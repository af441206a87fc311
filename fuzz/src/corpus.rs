//! What each target begins with: the repository's own fixtures, macros and example project. A target without one has nothing to
//! change, so that is an error.

use rsdbt_sys as sys;
use std::path::Path;

pub fn seeds(root: &Path, target: &str) -> Result<Vec<Vec<u8>>, String> {
    let found = match target {
        "sql" | "parse" => [blocks(root, "bigquery"), files(root, "sql")].concat(),
        "jinja" => [blocks(root, "jinja"), files(root, "sql")].concat(),
        "yaml" => files(root, "yml"),
        "csv" => files(root, "csv"),
        // Requests are read out of any bytes.
        "broker" => (0..=255).map(|byte| (0..64).map(|at: u8| at.wrapping_mul(37) ^ byte).collect()).collect(),
        _ => Vec::new(),
    };
    if found.is_empty() { Err(format!("no fixtures for '{target}' below {}", root.display())) } else { Ok(found) }
}

/// Whole files by their ending; not the big ones.
fn files(root: &Path, ending: &str) -> Vec<Vec<u8>> {
    let folders = ["tests/fixtures", "project", "macros", "seeds"].map(|folder| root.join(folder));
    let all = folders.iter().flat_map(|folder| sys::walk(folder));
    let wanted = all.filter(|path| path.extension().is_some_and(|found| found == ending));
    wanted.filter_map(|path| sys::read_bytes(&path).ok()).map(|bytes| bytes[..bytes.len().min(4096)].to_vec()).collect()
}

/// The fenced blocks of one language in the Markdown fixtures.
fn blocks(root: &Path, language: &str) -> Vec<Vec<u8>> {
    let open = format!("```{language}\n");
    let texts = sys::walk(&root.join("tests/fixtures"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|found| found == "md"));
    let texts = texts.filter_map(|path| sys::read(&path).ok());
    let cut = |text: String| {
        let parts = text.split(open.as_str()).skip(1).filter_map(|rest| rest.split("\n```").next());
        parts.map(|block| block.as_bytes().to_vec()).collect::<Vec<_>>()
    };
    texts.flat_map(cut).collect()
}
