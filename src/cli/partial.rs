//! Partial parsing, as dbt calls it: a project in which nothing has changed is not parsed again. What it was parsed into is kept
//! beside the artifacts, under a digest of everything that parsing sees.

use crate::base::Diagnostics;
use crate::ir::{Invocation, Manifest};
use crate::load::RawProject;
use crate::parse::{BUILTIN_MACROS, Reads};
use crate::sys;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const FILE: &str = "partial_parse.json";

/// A parsed and resolved project.
pub struct Kept {
    pub manifest: Manifest,
    pub warnings: Diagnostics,
    /// manifest.json behind its metadata.
    pub artifact: String,
}

/// The first line of the file; the manifest and the artifact are the second and the third.
#[derive(Serialize, Deserialize)]
struct Header {
    digest: String,
    /// Digests of what templates read from the environment, which may be secret.
    environment: BTreeMap<String, Option<String>>,
    flags: BTreeMap<String, Option<Json>>,
    warnings: Diagnostics,
}

/// A digest of all that parsing depends on, but for the flags and the environment, of which only what templates read counts.
pub fn digest(raw: &RawProject, invocation: &Invocation) -> String {
    let mut seen = sys::executable_stamp();
    BUILTIN_MACROS.iter().for_each(|(_, text)| seen.push_str(text));
    // Settings are small, and all of their maps are ordered.
    let settings = (&raw.project, &raw.packages, &raw.profile, &raw.cli_vars, invocation.flag("STORE_FAILURES"));
    _ = write!(seen, "{settings:?}");
    for file in &raw.files {
        _ = write!(seen, "\n{:?} {} {} {}", file.kind, file.package, file.path, file.checksum);
    }
    hash(&seen)
}

fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

/// A digest of a value that may be secret: nobody has a table of these.
fn salted(digest: &str, value: &str) -> String {
    hash(&format!("{digest}{value}"))
}

/// What was kept, if it was kept under this digest and the environment is the same. A file that cannot be read is none.
pub fn read(target: &Path, digest: &str, invocation: &Invocation) -> Option<Kept> {
    let mut text = sys::read(&target.join(FILE)).ok()?;
    let (head, rest) = text.split_once('\n')?;
    let header: Header = serde_json::from_str(head).ok()?;
    let is_same =
        |(name, was): (&String, &Option<String>)| invocation.environment.get(name).map(|v| salted(digest, v)) == *was;
    // Written down, a flag that is null is one that is not there.
    let flag = |name: &String| invocation.flags.get(name).filter(|value| !value.is_null());
    let are_flags_same = header.flags.iter().all(|(name, was)| flag(name) == was.as_ref());
    if header.digest != digest || !are_flags_same || !header.environment.iter().all(is_same) {
        return None;
    }
    let (line, artifact) = rest.split_once('\n')?;
    let manifest = Manifest::read(line).ok()?;
    let before = text.len() - artifact.len();
    text.drain(..before);
    Some(Kept { manifest, warnings: header.warnings, artifact: text })
}

/// Keeps a project for the next invocation, unless its templates asked for what is never the same. A failure to write is not
/// worth a word: the next invocation parses.
pub fn write(target: &Path, digest: &str, reads: &Reads, kept: &Kept) {
    let file = target.join(FILE);
    if reads.is_volatile {
        _ = sys::remove_file(&file);
        return;
    }
    let header = Header {
        digest: digest.to_owned(),
        environment: reads
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.as_deref().map(|v| salted(digest, v))))
            .collect(),
        flags: reads.flags.clone(),
        warnings: kept.warnings.clone(),
    };
    if let (Ok(header), Ok(manifest)) = (serde_json::to_string(&header), kept.manifest.write()) {
        let parts = [&header, "\n", &manifest, "\n", &kept.artifact];
        if sys::write_parts(&file, &parts.map(str::as_bytes)).is_err() {
            _ = sys::remove_file(&file);
        }
    }
}
