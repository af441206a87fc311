//! Reads a project from disk: settings, packages and files, as text. It does not look into SQL.

mod host;
mod settings;

use crate::config::{Profile, Project};
use rsdbt_base::{Code, Diagnostic, Diagnostics, Place, hex};
use rsdbt_sys as sys;
pub use settings::{Options, load_settings, packages_wanted};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    Macro,
    GenericTest,
    Model,
    Analysis,
    SingularTest,
    Snapshot,
    Seed,
    /// Rows of a unit test.
    Fixture,
    Properties,
    Docs,
}

/// A file's text and where it was found.
#[derive(Debug, Clone)]
pub struct RawFile {
    pub kind: FileKind,
    pub package: String,
    /// Relative to its package's root, with `/`.
    pub path: String,
    /// Relative to the resource folder it was found in.
    pub relative: String,
    /// As messages show it: relative to the root project.
    pub shown: String,
    pub full: PathBuf,
    /// Empty for seeds, which are read when they are loaded.
    pub text: String,
    /// SHA-256 of the content, for seeds.
    pub checksum: String,
}

/// Everything that was read.
#[derive(Debug)]
pub struct RawProject {
    pub project: Project,
    pub packages: Vec<Project>,
    pub profile: Profile,
    pub files: Vec<RawFile>,
    /// `--vars`.
    pub cli_vars: serde_json::Map<String, serde_json::Value>,
    pub selectors: Option<crate::config::Yaml>,
}

/// Reads the files of the root project and its packages.
pub fn load(project: Project, profile: Profile, options: &Options) -> Result<RawProject, Diagnostics> {
    let packages = settings::load_packages(&project, &profile, options)?;
    let mut files = Vec::new();
    let mut diagnostics = Vec::new();
    for package in std::iter::once(&project).chain(&packages) {
        let prefix =
            if package.name == project.name { String::new() } else { shown_prefix(&project.root, &package.root) };
        read_package(package, &prefix, &mut files, &mut diagnostics);
    }
    let selectors = settings::load_selectors(&project)?;
    if diagnostics.is_empty() {
        Ok(RawProject { project, packages, profile, files, cli_vars: options.vars.clone(), selectors })
    } else {
        Err(diagnostics)
    }
}

fn shown_prefix(root: &str, package: &str) -> String {
    let inside = Path::new(package).strip_prefix(root).unwrap_or(Path::new(package));
    format!("{}/", inside.display())
}

fn read_package(package: &Project, prefix: &str, files: &mut Vec<RawFile>, diagnostics: &mut Diagnostics) {
    let folders: [(&[String], FileKind, &[&str]); 7] = [
        (&package.macro_paths, FileKind::Macro, &["sql"]),
        (&package.model_paths, FileKind::Model, &["sql"]),
        (&package.seed_paths, FileKind::Seed, &["csv"]),
        (&package.snapshot_paths, FileKind::Snapshot, &["sql"]),
        (&package.analysis_paths, FileKind::Analysis, &["sql"]),
        (&package.test_paths, FileKind::SingularTest, &["sql", "csv"]),
        (&package.docs_paths, FileKind::Docs, &["md"]),
    ];
    let root = Path::new(&package.root);
    let mut seen = std::collections::BTreeSet::new();
    for (paths, kind, extensions) in folders {
        for folder in paths {
            let base = root.join(folder);
            for full in sys::walk(&base) {
                let relative = slashed(full.strip_prefix(&base).unwrap_or(&full));
                let extension = full.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
                let kind = match extension.as_str() {
                    "yml" | "yaml" => FileKind::Properties,
                    "md" => FileKind::Docs,
                    e if !extensions.contains(&e) => continue,
                    _ if kind == FileKind::SingularTest && relative.starts_with("fixtures/") => FileKind::Fixture,
                    "csv" if kind == FileKind::SingularTest => continue,
                    _ if kind == FileKind::SingularTest && relative.starts_with("generic/") => FileKind::GenericTest,
                    _ => kind,
                };
                if !seen.insert(full.clone()) {
                    continue;
                }
                let path = slashed(&Path::new(folder).join(&relative));
                match read_file(&full, kind) {
                    Ok((text, checksum)) => files.push(RawFile {
                        kind,
                        package: package.name.clone(),
                        shown: format!("{prefix}{path}"),
                        path,
                        relative,
                        full,
                        text,
                        checksum,
                    }),
                    Err(why) => diagnostics.push(
                        Diagnostic::error(Code::FILE, format!("cannot read this file: {why}")).at(Place::file(path)),
                    ),
                }
            }
        }
    }
}

fn read_file(path: &Path, kind: FileKind) -> std::io::Result<(String, String)> {
    if kind == FileKind::Seed {
        return Ok((String::new(), checksum_of(sys::open(path)?)?));
    }
    // Jinja2 reads files with `\n` line ends.
    let text = sys::read(path)?.replace("\r\n", "\n");
    let sum = checksum(text.as_bytes());
    Ok((text, sum))
}

/// SHA-256 as hexadecimal digits.
pub fn checksum(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The same of all that is left in a file, which may be large.
fn checksum_of(mut file: impl Read) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = [0; 1 << 15];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/").trim_start_matches("./").to_owned()
}
