//! `sources.lock`: where the rows of each source came from, with its columns. It is made to be read, and to be committed.

use rsdbt_sys as sys;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The newest form of the file that this program reads.
const VERSION: u32 = 1;
const HEAD: &str =
    "# Written by rsdbt: where the rows of the project's sources came from. Commit it; `.rsdbt/` holds the rows.\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// rows that were made up
    Mock,
    /// rows of the warehouse
    Pull,
    /// columns without rows
    Schema,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: String,
}

/// One file, which is one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// the table's own name: of a wildcard table, one of its shards
    pub table: String,
    /// relative to the folder of the rows
    pub file: String,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub table: String,
    pub way: Way,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// the last day of made-up times
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    pub columns: Vec<Column>,
    pub files: Vec<File>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    version: u32,
    /// by dbt's unique id
    pub sources: BTreeMap<String, Entry>,
}

/// The lock of a project.
pub fn path(project: &Path) -> PathBuf {
    project.join("sources.lock")
}

/// Where the rows of a project's sources are.
pub fn folder(project: &Path) -> PathBuf {
    project.join(".rsdbt").join("sources")
}

impl Lock {
    /// The lock of a project; an empty one where there is none. Errors: what is wrong with it.
    pub fn read(project: &Path) -> Result<Lock, String> {
        let path = path(project);
        if !sys::exists(&path) {
            return Ok(Lock { version: VERSION, sources: BTreeMap::new() });
        }
        let text = sys::read(&path).map_err(|why| why.to_string())?;
        let version = text.lines().find_map(|line| line.strip_prefix("version:")?.trim().parse::<u32>().ok());
        if version.is_some_and(|version| version > VERSION) {
            return Err("it was written by a newer rsdbt".to_owned());
        }
        serde_yaml::from_str(&text).map_err(|why| why.to_string())
    }

    /// Writes it as a whole: a reader sees the old one or the new one.
    pub fn write(&self, project: &Path) -> std::io::Result<()> {
        let lock = Lock { version: VERSION, sources: self.sources.clone() };
        let text = serde_yaml::to_string(&lock).map_err(std::io::Error::other)?;
        sys::write(&path(project), format!("{HEAD}{text}"))
    }
}

/// The digest of a file as the lock holds it.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_what_was_written_and_a_newer_one_is_refused() {
        let folder = tempfile::TempDir::new().expect("a folder");
        assert_eq!(Lock::read(folder.path()).expect("none").sources.len(), 0);
        let mut lock = Lock::default();
        let column = Column { name: "a".into(), data_type: "ARRAY<STRUCT<k STRING>>".into() };
        let entry = Entry {
            table: "p.d.t".into(),
            way: Way::Schema,
            seed: None,
            until: None,
            columns: vec![column],
            files: Vec::new(),
        };
        lock.sources.insert("source.a.b.c".into(), entry);
        lock.write(folder.path()).expect("written");
        assert_eq!(Lock::read(folder.path()).expect("read").sources, lock.sources);
        sys::write(&path(folder.path()), "version: 99\nsources: 1\n").expect("written");
        assert_eq!(Lock::read(folder.path()), Err("it was written by a newer rsdbt".to_owned()));
    }
}
