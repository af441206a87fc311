//! The port to the operating system: files, environment, clock. Every other room asks here (clippy.toml refuses the rest).
#![allow(clippy::disallowed_methods)]

mod failpoint;
mod parallel;
mod secrets;

pub use failpoint::{failpoint, fault};
pub use parallel::parallel;
pub use secrets::masked;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub fn env_var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub fn env_vars() -> Vec<(String, String)> {
    let mut all: Vec<_> =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    all.sort();
    all
}

/// The folder of the running program; where a link to it points.
pub fn executable_folder() -> Option<PathBuf> {
    Some(canonical(&std::env::current_exe().ok()?).parent()?.to_path_buf())
}

/// Tells this build of the program from others: its file's path, size and time.
pub fn executable_stamp() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let file = std::fs::metadata(&path).map(|file| (file.len(), file.modified().ok()));
    format!("{} {file:?}", path.display())
}

pub fn current_folder() -> io::Result<PathBuf> {
    std::env::current_dir()
}

pub fn temporary_folder() -> PathBuf {
    std::env::temp_dir()
}

pub fn home_folder() -> Option<PathBuf> {
    env_var("HOME").or_else(|| env_var("USERPROFILE")).map(PathBuf::from)
}

pub fn process_id() -> u32 {
    std::process::id()
}

/// The time since 1970-01-01 UTC.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

pub fn now_utc() -> chrono::DateTime<chrono::Utc> {
    let now = now();
    chrono::DateTime::from_timestamp(now.as_secs() as i64, now.subsec_nanos()).unwrap_or_default()
}

pub fn read(path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
}

pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

pub fn open(path: &Path) -> io::Result<std::fs::File> {
    std::fs::File::open(path)
}

pub fn exists(path: &Path) -> bool {
    path.exists()
}

pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// The path with links and `..` resolved; the path itself where it does not exist yet.
pub fn canonical(path: &Path) -> PathBuf {
    if let Ok(full) = std::fs::canonicalize(path) {
        return full;
    }
    match (path.parent().filter(|p| !p.as_os_str().is_empty()), path.file_name()) {
        (Some(parent), Some(name)) if parent != path => canonical(parent).join(name),
        _ => current_folder().map(|here| here.join(path)).unwrap_or_else(|_| path.to_path_buf()),
    }
}

pub fn create_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

pub fn remove_folder(path: &Path) -> io::Result<()> {
    std::fs::remove_dir_all(path)
}

/// An empty file for writing, with the folders above it.
pub fn create_file(path: &Path) -> io::Result<std::fs::File> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    std::fs::File::create(path)
}

pub fn remove_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

/// Writes a file as a whole: a reader sees the old content or the new one, never a part.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    write_parts(path, &[content.as_ref()])
}

/// The same for a content in parts, one behind the other.
pub fn write_parts(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    write_with(path, |file| parts.iter().try_for_each(|part| io::Write::write_all(file, part)))
}

/// The same for a beginning and what is left of an open file.
pub fn write_from(path: &Path, head: &[u8], mut rest: &std::fs::File) -> io::Result<()> {
    write_with(path, |file| {
        io::Write::write_all(file, head)?;
        io::copy(&mut rest, file).map(|_| ())
    })
}

fn write_with(path: &Path, fill: impl FnOnce(&mut std::fs::File) -> io::Result<()>) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        create_folder(parent)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Threads may write one file at once.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    name.push(format!(".{}-{}.tmp", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    let temporary = path.with_file_name(name);
    let write = || {
        fill(&mut std::fs::File::create(&temporary)?)?;
        std::fs::rename(&temporary, path)
    };
    write().inspect_err(|_| _ = std::fs::remove_file(&temporary))
}

/// What is directly in a folder, sorted by name; nothing where it cannot be read.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<PathBuf> = found.filter_map(Result::ok).map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// The size of a file, and when it was last written, in nanoseconds since 1970.
pub fn file_stamp(path: &Path) -> io::Result<(u64, u128)> {
    let file = std::fs::metadata(path)?;
    let written = file.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((file.len(), written.as_nanos()))
}

/// Every file below `root`, sorted by path.
pub fn walk(root: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(root)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect()
}
