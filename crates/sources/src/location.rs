//! `external_location`, dbt-duckdb's word for the files of a source: from its text to the files that are there. No path leaves
//! the project unless the profile names the folder.

use globset::GlobBuilder;
use rsdbt_sys as sys;
use rsdbt_warehouse::Format;
use std::path::{Component, Path, PathBuf};

/// What is wrong with a location, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub message: String,
    pub help: String,
}

fn refuse<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { message: message.into(), help: help.into() })
}

/// The folders that files may be read from.
#[derive(Debug, Clone)]
pub struct Fence {
    /// what relative paths start from
    base: PathBuf,
    allowed: Vec<PathBuf>,
}

impl Fence {
    /// The project's folder, and what the profile allows beside it (`external_paths`, relative to the project).
    pub fn new(project: &Path, external_paths: &[String]) -> Fence {
        let mut allowed = vec![sys::canonical(project)];
        allowed.extend(external_paths.iter().map(|path| sys::canonical(&project.join(path))));
        Fence { base: project.to_path_buf(), allowed }
    }

    /// The same for a package, whose paths start in its own folder.
    pub fn of_package(&self, root: &Path) -> Fence {
        let mut allowed = self.allowed.clone();
        allowed.push(sys::canonical(root));
        Fence { base: root.to_path_buf(), allowed }
    }

    fn check(&self, path: &Path) -> Result<PathBuf, Refusal> {
        let full = sys::canonical(path);
        if self.allowed.iter().any(|folder| full.starts_with(folder)) {
            return Ok(full);
        }
        refuse(
            format!("{} lies outside the project", full.display()),
            "allow its folder in profiles.yml, in the target: `external_paths: [FOLDER]`",
        )
    }
}

/// Files that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub format: Format,
    pub paths: Vec<PathBuf>,
    pub options: Vec<(String, String)>,
    pub hive: bool,
}

/// Reads a location whose names are filled in, and finds its files.
pub fn find(text: &str, fence: &Fence) -> Result<Location, Refusal> {
    let text = text.trim();
    let (format, patterns, options) = match call(text)? {
        Some((format, patterns, options)) => (Some(format), patterns, options),
        None => (None, vec![text.to_owned()], Vec::new()),
    };
    let mut paths = Vec::new();
    for pattern in &patterns {
        let found = expand(pattern, fence)?;
        if found.is_empty() {
            let help = "correct `external_location`, or make the file; paths start in the project's folder";
            return refuse(format!("there is no file {pattern}"), help);
        }
        paths.extend(found);
    }
    let format = match format {
        Some(format) => format,
        None => format_of(&paths)?,
    };
    let hive = paths.iter().any(|path| path.parent().is_some_and(|folder| folder.to_string_lossy().contains('=')));
    Ok(Location { format, paths, options, hive })
}

/// `{name}` and the like.
pub fn fill(text: &str, names: &[(&str, &str)]) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

const FORMATS: [(&str, Format); 9] = [
    ("parquet", Format::Parquet),
    ("pq", Format::Parquet),
    ("csv", Format::Csv),
    ("tsv", Format::Csv),
    ("txt", Format::Csv),
    ("json", Format::Json),
    ("ndjson", Format::Json),
    ("jsonl", Format::Json),
    ("jsonlines", Format::Json),
];

/// The format of a file by the end of its name.
pub fn format_by_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let end = name.rsplit_once('.')?.1;
    FORMATS.iter().find(|(known, _)| *known == end).map(|(_, format)| *format)
}

fn format_of(paths: &[PathBuf]) -> Result<Format, Refusal> {
    let mut format = None;
    for path in paths {
        match (format_by_name(path), format) {
            (None, _) => {
                return refuse(
                    format!("{}: what it holds cannot be told from its name", path.display()),
                    "files end in .parquet, .csv, .tsv, .json, .jsonl or .ndjson (and .gz); or write read_csv('...')",
                );
            }
            (found, None) => format = found,
            (found, before) if found == before => {}
            _ => return refuse("its files have different formats", "name files of one format, as in `data/*.parquet`"),
        }
    }
    format.map_or_else(|| refuse("it names no file", "name a file"), Ok)
}

type Call = (Format, Vec<String>, Vec<(String, String)>);

/// `read_csv('path', delim = '|')`: the format, the paths and the other arguments.
fn call(text: &str) -> Result<Option<Call>, Refusal> {
    let Some((function, rest)) = text.split_once('(').filter(|_| text.starts_with("read_")) else { return Ok(None) };
    let help = "write it as read_csv('data/orders.csv', delim = '|')";
    let format = match function.trim().trim_end_matches("_auto") {
        "read_parquet" => Format::Parquet,
        "read_csv" => Format::Csv,
        "read_json" | "read_ndjson" => Format::Json,
        other => {
            return refuse(format!("{other} is no reader of files"), "there are read_parquet, read_csv and read_json");
        }
    };
    let Some(inside) = rest.trim_end().strip_suffix(')') else { return refuse("its bracket is not closed", help) };
    let mut parts = split(inside).into_iter();
    let first = parts.next().unwrap_or_default();
    let list = first.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let quoted = match list {
        Some(list) => split(list),
        None => vec![first],
    };
    let mut paths = Vec::new();
    for path in quoted {
        let inner = path.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        match inner {
            Some(inner) if !inner.replace("''", "").contains('\'') => paths.push(inner.replace("''", "'")),
            _ => return refuse(format!("{} is no path in quotes", path.trim()), help),
        }
    }
    let mut options = Vec::new();
    for part in parts {
        let Some((key, value)) = part.split_once('=') else {
            return refuse(format!("{} is no option", part.trim()), help);
        };
        let (key, value) = (key.trim().trim_end_matches(':').trim(), value.trim());
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return refuse(format!("{key} is no option"), help);
        }
        options.push((key.to_owned(), value.to_owned()));
    }
    Ok(Some((format, paths, options)))
}

/// Splits at commas outside brackets and quotes.
fn split(text: &str) -> Vec<String> {
    let (mut depth, mut quoted) = (0i32, false);
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match c {
            '\'' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

/// The files that a path with `*`, `?`, `[...]`, `{a,b}` and `**` stands for, sorted, each inside the fence.
pub fn expand(pattern: &str, fence: &Fence) -> Result<Vec<PathBuf>, Refusal> {
    if let Some((scheme, _)) = pattern.split_once("://").filter(|(scheme, _)| *scheme != "file") {
        return refuse(
            format!("{scheme}:// is not on this machine"),
            "copy the files into the project, and name their folder",
        );
    }
    let pattern = pattern.strip_prefix("file://").unwrap_or(pattern);
    let full = fence.base.join(pattern);
    let mut found = vec![PathBuf::new()];
    for component in full.components() {
        let part = component.as_os_str().to_string_lossy().into_owned();
        let is_pattern = matches!(component, Component::Normal(_)) && part.contains(['*', '?', '[', '{']);
        found = match (is_pattern, part.as_str()) {
            (false, _) => found.into_iter().map(|path| path.join(component)).collect(),
            (true, "**") => found.iter().flat_map(|folder| folders(folder)).collect(),
            (true, _) => {
                let glob = GlobBuilder::new(&part).build();
                let glob = glob.or_else(|why| refuse(why.to_string(), "a pattern is written as in a shell"))?;
                let matcher = glob.compile_matcher();
                let fits = |path: &PathBuf| path.file_name().is_some_and(|name| matcher.is_match(name));
                found.iter().flat_map(|folder| sys::entries(folder)).filter(fits).collect()
            }
        };
    }
    found.retain(|path| sys::exists(path));
    if let [folder] = found.as_slice()
        && sys::is_folder(folder)
    {
        return refuse(format!("{pattern} is a folder"), format!("name its files: {pattern}/*.parquet"));
    }
    found.retain(|path| !sys::is_folder(path));
    found.iter().map(|path| fence.check(path)).collect()
}

/// A folder and all folders below it.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_path_buf()];
    for entry in sys::entries(folder) {
        if sys::is_folder(&entry) {
            all.extend(folders(&entry));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::TempDir::new().expect("a folder");
        for file in ["p/data/a.csv", "p/data/b.csv", "p/data/d=1/c.parquet", "p/data/d=2/e/c.parquet", "out/x.csv"] {
            sys::write(&folder.path().join(file), "x\n1\n").expect("written");
        }
        folder
    }

    fn names(location: &Location) -> Vec<String> {
        location.paths.iter().map(|p| p.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn globs_and_calls_find_files() {
        let tree = tree();
        let fence = Fence::new(&tree.path().join("p"), &[]);
        let csv = find("data/*.csv", &fence).expect("files");
        assert_eq!((csv.format, names(&csv)), (Format::Csv, vec!["a.csv".into(), "b.csv".into()]));
        let deep = find("data/**/*.parquet", &fence).expect("files");
        assert_eq!((deep.hive, deep.paths.len()), (true, 2));
        let call =
            find("read_csv(['data/a.csv', 'data/b.csv'], delim=',', names = ['a', 'b'])", &fence).expect("files");
        assert_eq!(call.options, [("delim".into(), "','".into()), ("names".into(), "['a', 'b']".into())]);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let tree = tree();
        let fence = Fence::new(&tree.path().join("p"), &[]);
        let refused = |text: &str| find(text, &fence).expect_err(text).message;
        assert!(refused("../out/x.csv").ends_with("lies outside the project"));
        assert_eq!(refused("data/no.csv"), "there is no file data/no.csv");
        assert_eq!(refused("data"), "data is a folder");
        assert_eq!(refused("gs://bucket/x.csv"), "gs:// is not on this machine");
        assert_eq!(refused("read_csv((select 1))"), "(select 1) is no path in quotes");
        assert_eq!(refused("read_blob('data/a.csv')"), "read_blob is no reader of files");
        assert_eq!(refused("data/**/*"), "its files have different formats".to_owned());
        let wider = Fence::new(&tree.path().join("p"), &["../out".to_owned()]);
        assert_eq!(find("../out/x.csv", &wider).expect("allowed").paths.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_project_is_outside() {
        let tree = tree();
        std::os::unix::fs::symlink(tree.path().join("out"), tree.path().join("p/link")).expect("linked");
        let fence = Fence::new(&tree.path().join("p"), &[]);
        let refused = find("link/*.csv", &fence).expect_err("outside");
        assert!(refused.message.ends_with("lies outside the project"), "{}", refused.message);
    }
}
