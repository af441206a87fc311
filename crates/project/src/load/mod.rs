//! Reads a project from disk: settings, packages and files, as text. It does not look into SQL.

mod host;
mod settings;

use crate::config::{Profile, Project};
use crate::ir::Checksum;
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
    /// As dbt takes it: of the text without the white space around it.
    pub checksum: Checksum,
    /// A digest of what parsing sees of the file.
    pub stamp: String,
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
                match read_file(&full, &path, kind) {
                    Ok((text, checksum, stamp)) => files.push(RawFile {
                        kind,
                        package: package.name.clone(),
                        shown: format!("{prefix}{path}"),
                        path,
                        relative,
                        full,
                        text,
                        checksum,
                        stamp,
                    }),
                    Err(why) => diagnostics.push(
                        Diagnostic::error(Code::FILE, format!("cannot read this file: {why}")).at(Place::file(path)),
                    ),
                }
            }
        }
    }
}

/// Seeds above this size are not read for a checksum: 1 MiB, dbt's own limit.
const LARGE_SEED: u64 = 1 << 20;

/// Text, checksum and stamp of a file.
fn read_file(path: &Path, shown: &str, kind: FileKind) -> std::io::Result<(String, Checksum, String)> {
    if kind == FileKind::Seed {
        let file = sys::open(path)?;
        if file.metadata()?.len() > LARGE_SEED {
            return Ok((String::new(), Checksum::Path(shown.to_owned()), String::new()));
        }
        let mut bytes = Vec::new();
        (&file).take(LARGE_SEED).read_to_end(&mut bytes)?;
        let sum = sha256(String::from_utf8_lossy(&bytes).trim());
        return Ok((String::new(), Checksum::Sha256(sum.clone()), sum));
    }
    let text = sys::read(path)?;
    let (sum, stamp) = (checksum(&text), sha256(&text));
    // Jinja2 reads files with `\n` line ends.
    Ok((text.replace("\r\n", "\n"), sum, stamp))
}

/// dbt's checksum of a file's text.
pub fn checksum(text: &str) -> Checksum {
    Checksum::Sha256(sha256(text.trim()))
}

/// SHA-256 as hexadecimal digits.
pub fn sha256(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/").trim_start_matches("./").to_owned()
}
