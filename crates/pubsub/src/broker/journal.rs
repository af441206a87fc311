//! The write-ahead log on disk: appended and synced before anything is confirmed, replayed at start, compacted when
//! most of it is dead. One file is the whole state: `journal-N.log`, and a compaction writes N+1 before it removes N.

use crate::broker::core::{Broker, Fault, FaultKind};
use prost::Message;
use rsdbt_proto::journal::Record;
use rsdbt_sys as sys;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Below these sizes compaction is not worth it: while the broker runs, and when it starts.
const SMALL: u64 = 128 << 20;
const SMALL_AT_START: u64 = 4 << 20;
/// A log is compacted when it has grown so many times: a backlog is written again seldom, and replay stays short.
const GROWTH: u64 = 4;

pub struct Journal {
    folder: PathBuf,
    number: u64,
    file: File,
    /// Bytes that are synced; the file is cut back to here after a failed write.
    length: u64,
    /// The length after the last compaction.
    compacted: u64,
    /// Held as long as the journal is open: one broker a folder.
    _lock: File,
}

fn failed(path: &Path, why: &std::io::Error) -> Fault {
    let kind = match why.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => FaultKind::Exhausted,
        _ => FaultKind::Unavailable,
    };
    Fault::new(kind, format!("the broker's journal {}: {why}", path.display()))
}

impl Journal {
    /// Opens the newest journal of a folder and rebuilds the broker from it. A record that was cut off by a crash
    /// ends the log; damage before the end is an error, since what follows would be lost silently.
    pub fn open(folder: &Path) -> Result<(Journal, Broker), Fault> {
        sys::create_folder(folder).map_err(|why| failed(folder, &why))?;
        let lock = lock(folder)?;
        let numbers = numbers(folder);
        let number = numbers.last().copied().unwrap_or(1);
        let path = path(folder, number);
        let mut file = open_file(&path).map_err(|why| failed(&path, &why))?;
        let (mut broker, length) = rebuild(&mut file, &path)?;
        file.set_len(length).and_then(|()| file.seek(SeekFrom::Start(length))).map_err(|why| failed(&path, &why))?;
        // What an interrupted compaction left behind.
        numbers.iter().filter(|old| **old != number).for_each(|old| _ = sys::remove_file(&self::path(folder, *old)));
        let mut journal = Journal { folder: folder.to_owned(), number, file, length, compacted: 0, _lock: lock };
        let header = broker.take_log();
        journal.append(&header)?;
        // Short runs one after the other must not read the same dead records again and again.
        if length > SMALL_AT_START.max(broker.alive_bytes() * GROWTH) {
            // A failure leaves the long log, which is as good.
            _ = journal.compact(&broker.snapshot_log());
        }
        Ok((journal, broker))
    }

    /// Writes records and syncs them. After an error nothing of them is kept.
    pub fn append(&mut self, records: &[u8]) -> Result<(), Fault> {
        let begun = self.file.write_all(records);
        sys::failpoint("broker-before-fsync");
        let done = begun.and_then(|()| self.file.sync_data());
        sys::failpoint("broker-after-fsync");
        match done {
            Ok(()) => {
                self.length += records.len() as u64;
                Ok(())
            }
            Err(why) => {
                let cut = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
                cut.map_err(|why| failed(&self.current(), &why))?;
                Err(failed(&self.current(), &why))
            }
        }
    }

    /// The state as it is on disk; the record of its new epoch is in the broker's log.
    pub fn reload(&mut self) -> Result<Broker, Fault> {
        let path = self.current();
        let (broker, length) = rebuild(&mut self.file, &path)?;
        let cut = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::Start(length)));
        cut.map_err(|why| failed(&path, &why))?;
        self.length = length;
        Ok(broker)
    }

    pub fn is_worth_compacting(&self) -> bool {
        self.length > SMALL.max(self.compacted * GROWTH)
    }

    /// Replaces the log by the state. A crash at any moment leaves the old file or the new one.
    pub fn compact(&mut self, state: &[u8]) -> Result<(), Fault> {
        let (old, new) = (self.current(), path(&self.folder, self.number + 1));
        let temporary = new.with_extension("tmp");
        // The handle outlives the renaming, so that nothing can fail between the new name and its first use.
        let write = || -> std::io::Result<File> {
            let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&temporary)?;
            file.write_all(state)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &new)?;
            File::open(&self.folder)?.sync_all()?;
            Ok(file)
        };
        match write() {
            Ok(file) => {
                (self.file, self.number) = (file, self.number + 1);
                (self.length, self.compacted) = (state.len() as u64, state.len() as u64);
                _ = sys::remove_file(&old);
                Ok(())
            }
            Err(why) => {
                // The newest file counts at the next start: what is not used must not stay.
                _ = (sys::remove_file(&temporary), sys::remove_file(&new));
                // The old log still holds everything; try again when it has grown once more.
                self.compacted = self.length;
                Err(failed(&new, &why))
            }
        }
    }

    fn current(&self) -> PathBuf {
        path(&self.folder, self.number)
    }
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("journal-{number:08}.log"))
}

fn numbers(folder: &Path) -> Vec<u64> {
    let number = |path: &PathBuf| {
        path.file_name()?.to_str()?.strip_prefix("journal-")?.strip_suffix(".log")?.parse::<u64>().ok()
    };
    let mut numbers: Vec<u64> = sys::walk(folder).iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn open_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn lock(folder: &Path) -> Result<File, Fault> {
    let path = folder.join("lock");
    let file = open_file(&path).map_err(|why| failed(&path, &why))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(Fault::new(
            FaultKind::Unavailable,
            format!(
                "another process has the broker's folder {} open; stop it, share it through `rsdbt pubsub serve`, or choose another --data-dir",
                folder.display()
            ),
        )),
    }
}

/// Replays a log from its start; gives the broker and the length of the good part.
fn rebuild(file: &mut File, path: &Path) -> Result<(Broker, u64), Fault> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes)).map_err(|why| failed(path, &why))?;
    let mut broker = Broker::new();
    broker.begin_replay();
    let mut at = 0;
    while let Some((record, next)) = record_at(&bytes, at) {
        let record = record.ok_or_else(|| damaged(path, at))?;
        broker.replay(record);
        at = next;
    }
    if is_damage(&bytes, at) {
        return Err(damaged(path, at));
    }
    broker.end_replay();
    Ok((broker, at as u64))
}

fn damaged(path: &Path, at: usize) -> Fault {
    Fault::new(
        FaultKind::Unavailable,
        format!(
            "the broker's journal {} is damaged at byte {at}: restore it from a copy, or remove it to start empty",
            path.display()
        ),
    )
}

/// The record at an offset and where the next begins; `None` where no whole, valid record starts.
fn record_at(bytes: &[u8], at: usize) -> Option<(Option<Record>, usize)> {
    let header = bytes.get(at..at + 8)?;
    let number = |part: &[u8]| part.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    let (length, sum) = (number(&header[..4]) as usize, number(&header[4..]));
    let body = bytes.get(at + 8..at + 8 + length)?;
    (length > 0 && crc32fast::hash(body) == sum).then(|| (Record::decode(body).ok(), at + 8 + length))
}

/// Whether a whole record follows the first bad one directly: then it is not the cut-off end of the last write.
fn is_damage(bytes: &[u8], at: usize) -> bool {
    let Some(header) = bytes.get(at..at + 4) else { return false };
    let length = header.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    at.checked_add(8 + length).is_some_and(|next| record_at(bytes, next).is_some())
}
