//! Partial parsing, as dbt calls it: a project in which nothing has changed is not parsed again. What it was parsed into is kept
//! beside the artifacts, under a digest of everything that parsing sees.

use rsdbt_base::Diagnostics;
use rsdbt_project::ir::{Invocation, Manifest};
use rsdbt_project::load::RawProject;
use rsdbt_project::parse::{BUILTIN_MACROS, Reads};
use rsdbt_sys as sys;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

const FILE: &str = "partial_parse.json";
/// manifest.json behind its metadata, behind a line with the digest: it is copied, never read.
const ARTIFACT: &str = "partial_manifest.json";

/// A parsed and resolved project.
pub struct Kept {
    pub manifest: Manifest,
    pub warnings: Diagnostics,
    pub artifact: Artifact,
}

/// manifest.json behind its metadata.
pub enum Artifact {
    Text(String),
    /// What is left of an open file.
    File(File),
}

/// The first line of the file; the manifest is the second.
#[derive(Serialize, Deserialize)]
struct Header {
    digest: String,
    /// Digests of what templates read from the environment, which may be secret.
    environment: BTreeMap<String, Option<String>>,
    flags: BTreeMap<String, Option<Json>>,
    warnings: Diagnostics,
    /// Length of the other file.
    artifact_bytes: u64,
}

/// A digest of all that parsing depends on, but for the flags and the environment, of which only what templates read counts.
pub fn digest(raw: &RawProject, invocation: &Invocation) -> String {
    let mut seen = sys::executable_stamp();
    BUILTIN_MACROS.iter().for_each(|(_, text)| seen.push_str(text));
    // Settings are small, and all of their maps are ordered.
    let settings = (&raw.project, &raw.packages, &raw.profile, &raw.cli_vars, invocation.flag("STORE_FAILURES"));
    _ = write!(seen, "{settings:?}");
    for file in &raw.files {
        _ = write!(seen, "\n{:?} {} {} {}", file.kind, file.package, file.path, file.stamp);
    }
    hash(&seen)
}

fn hash(text: &str) -> String {
    rsdbt_base::hex(&Sha256::digest(text.as_bytes()))
}

/// A digest of a value that may be secret: nobody has a table of these.
fn salted(digest: &str, value: &str) -> String {
    hash(&format!("{digest}{value}"))
}

/// What was kept, if it was kept under this digest and the environment is the same. A file that cannot be read is none.
pub fn read(target: &Path, digest: &str, invocation: &Invocation) -> Option<Kept> {
    let text = sys::read(&target.join(FILE)).ok()?;
    let (head, line) = text.split_once('\n')?;
    let header: Header = serde_json::from_str(head).ok()?;
    let is_same =
        |(name, was): (&String, &Option<String>)| invocation.environment.get(name).map(|v| salted(digest, v)) == *was;
    // Written down, a flag that is null is one that is not there.
    let flag = |name: &String| invocation.flags.get(name).filter(|value| !value.is_null());
    let are_flags_same = header.flags.iter().all(|(name, was)| flag(name) == was.as_ref());
    if header.digest != digest || !are_flags_same || !header.environment.iter().all(is_same) {
        return None;
    }
    let mut artifact = sys::open(&target.join(ARTIFACT)).ok()?;
    let mut first = vec![0; digest.len() + 1];
    artifact.read_exact(&mut first).ok()?;
    let length = artifact.metadata().ok()?.len();
    if first.strip_suffix(b"\n") != Some(digest.as_bytes()) || length != header.artifact_bytes {
        return None;
    }
    let manifest = Manifest::read(line).ok()?;
    Some(Kept { manifest, warnings: header.warnings, artifact: Artifact::File(artifact) })
}

/// Keeps a project for the next invocation, unless its templates asked for what is never the same. A failure to write is not
/// worth a word: the next invocation parses.
pub fn write(
    target: &Path,
    digest: &str,
    reads: &Reads,
    (manifest, warnings, artifact): (&Manifest, &Diagnostics, &str),
) {
    let header = Header {
        digest: digest.to_owned(),
        environment: reads
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.as_deref().map(|v| salted(digest, v))))
            .collect(),
        flags: reads.flags.clone(),
        warnings: warnings.clone(),
        artifact_bytes: (digest.len() + 1 + artifact.len()) as u64,
    };
    let file = target.join(FILE);
    let write = || {
        sys::write_parts(&target.join(ARTIFACT), &[digest, "\n", artifact].map(str::as_bytes))?;
        let (header, manifest) = (serde_json::to_string(&header)?, manifest.write()?);
        sys::write_parts(&file, &[&header, "\n", &manifest].map(str::as_bytes))
    };
    if reads.is_volatile || write().is_err() {
        _ = sys::remove_file(&file);
    }
}
