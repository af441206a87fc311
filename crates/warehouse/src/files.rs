//! Files that stand for a table: what a local engine needs to know to read them. Which files these are, and whether they may
//! be read, is decided elsewhere; nothing here touches a file.

use super::Column;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Parquet,
    Csv,
    /// one object a line
    Json,
}

/// Where the rows of a source are, and what is said about them.
#[derive(Debug, Clone)]
pub struct Files {
    pub format: Format,
    /// full paths, in the order in which they are read; none for a table without rows
    pub paths: Vec<String>,
    /// further arguments of the engine's reader, as text
    pub options: Vec<(String, String)>,
    /// folders called `key=value` are columns
    pub hive: bool,
    /// what is declared, in the words of the session's dialect
    pub columns: Vec<Column>,
    /// what the user calls them
    pub label: String,
    /// changes whenever the files, or what is said about them, change
    pub stamp: String,
}

/// What became of files that were to stand at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounted {
    /// They stand there now, or stood there unchanged.
    Standing,
    /// A relation that is no file's stands there, and was left alone.
    Occupied,
}
