//! Writes the rows of sources as Parquet, and then the lock. A file's name holds its digest, so that an old lock and its files
//! stay whole until the new one is there.

use super::plan::{Column, Settings, Wanted};
use super::values::Maker;
use crate::lock::{self, Entry, File, Lock, Way};
use rsdbt_duckdbsql::{quote, text};
use rsdbt_sys as sys;
use rsdbt_warehouse::duckdb::{Connection, Database};
use rsdbt_warehouse::{DbError, DbErrorKind, Value};
use std::path::Path;

/// Makes rows for the sources and notes them in the lock. `tables` are the full names, in the order of `wanted`.
pub fn write(
    root: &Path,
    lock: &mut Lock,
    wanted: &[Wanted],
    (tables, settings): (&[String], Settings),
) -> Result<(), DbError> {
    let mut connection = Database::open(None)?.connect()?;
    // The bytes of a file depend on how many threads share its rows.
    connection.query("SET threads = 1")?;
    for (one, table) in wanted.iter().zip(tables) {
        let entry = Entry {
            table: table.clone(),
            way: Way::Mock,
            seed: Some(settings.seed),
            until: Some(settings.until.to_string()),
            columns: one
                .columns
                .iter()
                .map(|c| lock::Column { name: c.name.clone(), data_type: c.ty.to_string() })
                .collect(),
            files: source(&mut connection, root, one, &settings)?,
        };
        lock.sources.insert(one.id.clone(), entry);
    }
    // Rows do not belong into version control.
    let ignored = root.join(".rsdbt").join(".gitignore");
    if !sys::exists(&ignored) {
        sys::write(&ignored, "*\n").map_err(|why| unwritten(&ignored, &why))?;
    }
    lock.write(root).map_err(|why| unwritten(&lock::path(root), &why))?;
    sweep(root, lock);
    Ok(())
}

fn unwritten(path: &Path, why: &std::io::Error) -> DbError {
    DbError::new(DbErrorKind::Other, format!("{} cannot be written: {why}", path.display()))
}

/// Removes files that the lock does not name.
fn sweep(root: &Path, lock: &Lock) {
    let folder = lock::folder(root);
    let kept: Vec<_> = lock.sources.values().flat_map(|e| &e.files).map(|file| folder.join(&file.file)).collect();
    for path in sys::walk(&folder) {
        if path.extension().is_some_and(|end| end == "parquet") && !kept.contains(&path) {
            // A file that stays is not read by anyone.
            _ = sys::remove_file(&path);
        }
    }
}

fn source(connection: &mut Connection, root: &Path, one: &Wanted, settings: &Settings) -> Result<Vec<File>, DbError> {
    let Some(stem) = one.identifier.strip_suffix('*') else {
        return Ok(vec![file(connection, root, one, (&one.identifier, settings, None, (0, one.rows)))?]);
    };
    let calendar = settings.calendar();
    let mut files = Vec::new();
    let count = calendar.len() as u64;
    for (at, day) in calendar.into_iter().enumerate() {
        let at = at as u64;
        let rows = (one.rows * at / count, one.rows * (at + 1) / count);
        let table = format!("{stem}{}", day.format("%Y%m%d"));
        files.push(file(connection, root, one, (&table, settings, Some(day), rows))?);
    }
    Ok(files)
}

type Part<'p> = (&'p str, &'p Settings, Option<chrono::NaiveDate>, (u64, u64));

fn file(
    connection: &mut Connection,
    root: &Path,
    one: &Wanted,
    (table, settings, day, rows): Part,
) -> Result<File, DbError> {
    let maker = Maker { settings, table: &one.id, rows: one.rows };
    let sql = select(&maker, one, day, rows);
    let mut parts = one.id.split('.').skip(1);
    let (package, source) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let inner = Path::new(package).join(source);
    let folder = lock::folder(root).join(&inner);
    sys::create_folder(&folder).map_err(|why| unwritten(&folder, &why))?;
    let staged = folder.join(format!("{table}.{}.tmp", sys::process_id()));
    let written =
        connection.query(&format!("COPY ({sql}) TO {} (FORMAT parquet)", text(&staged.display().to_string())));
    let finish = |written: rsdbt_warehouse::Table| {
        let bytes = sys::read_bytes(&staged).map_err(|why| unwritten(&staged, &why))?;
        let sha256 = lock::digest(&bytes);
        let name = format!("{table}-{}.parquet", &sha256[..12]);
        let path = folder.join(&name);
        sys::write(&path, &bytes).map_err(|why| unwritten(&path, &why))?;
        let rows = match written.rows.first().and_then(|row| row.first()) {
            Some(Value::Int(rows)) => u64::try_from(*rows).unwrap_or_default(),
            _ => 0,
        };
        let file = inner.join(&name).to_string_lossy().replace('\\', "/");
        Ok(File { table: table.to_owned(), file, rows, bytes: bytes.len() as u64, sha256 })
    };
    let done = written.and_then(finish);
    // Gone already where the file was never begun.
    _ = sys::remove_file(&staged);
    done
}

fn select(maker: &Maker, one: &Wanted, day: Option<chrono::NaiveDate>, (from, to): (u64, u64)) -> String {
    let value = |column: &Column| format!("{} as {}", maker.column(column), quote(&column.name));
    let values: Vec<String> = one.columns.iter().map(value).collect();
    let rows = format!("select __row, {} as __time from range({from}, {to}) as r(__row)", maker.time(day));
    if one.combinations.is_empty() {
        return format!("select {} from ({rows}) order by __row", values.join(", "));
    }
    let once = |columns: &Vec<String>| {
        let names: Vec<String> = columns.iter().map(|name| quote(name)).collect();
        format!("row_number() over (partition by {} order by __row) = 1", names.join(", "))
    };
    let once: Vec<String> = one.combinations.iter().map(once).collect();
    format!(
        "select * exclude (__row) from (select __row, {} from ({rows})) qualify {} order by __row",
        values.join(", "),
        once.join(" and ")
    )
}
