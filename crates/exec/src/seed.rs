//! Seeds: CSV files, typed as dbt types them, loaded as a whole or not at all.

use super::host::RunHost;
use indexmap::IndexMap;
use rsdbt_base::{Code, Column, Dialect, Place};
use rsdbt_jinja::{Data, Fault};
use rsdbt_sys as sys;
use rsdbt_warehouse::Path;

/// A CSV file as text cells.
pub struct Seed {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// `adapter.load_seed()`: replaces the seed's table. Returns the number of rows.
pub fn load(host: &RunHost) -> Result<Data, Fault> {
    let node = &host.node;
    let path = std::path::Path::new(&node.root).join(&node.original_file_path);
    let fail = |line: usize, message: String| {
        Fault::new(Code::SEED, "Runtime", message).at(Place::at(&node.original_file_path, line, 0))
    };
    let bytes = sys::read_bytes(&path).map_err(|why| fail(0, format!("cannot read the seed: {why}")))?;
    let settings = node.settings();
    let seed = read(&bytes, settings.delimiter, &settings.column_types, host.world.invocation.dialect);
    let seed = seed.map_err(|(line, why)| fail(line, why))?;
    let target = Path { database: &node.database, schema: &node.schema, name: &node.alias };
    host.begin()?;
    let loaded = host.with_session(|session| session.load(&target, &seed.columns, &seed.rows));
    let rows = loaded.map_err(|fault| Fault { help: fault.help.clone(), ..fail(0, fault.message) })?;
    Ok(Data::Int(rows as i64))
}

/// Reads a CSV file. Errors carry the line.
pub fn read(
    bytes: &[u8],
    delimiter: u8,
    types: &IndexMap<String, String>,
    dialect: Dialect,
) -> Result<Seed, (usize, String)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(true).flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|why| (1, why.to_string()))?.clone();
    let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    if names.iter().all(String::is_empty) {
        return Err((1, "the file has no header line".to_owned()));
    }
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err((1, format!("the column '{}' appears twice in the header", twice.1)));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|why| {
            let line = why.position().map_or(0, |p| p.line() as usize);
            (line, format!("this row is not valid CSV: {why}"))
        })?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        if record.len() != names.len() {
            return Err((line, format!("this row has {} fields, the header has {}", record.len(), names.len())));
        }
        rows.push(record.iter().map(|cell| (!is_null(cell)).then(|| cell.to_owned())).collect::<Vec<_>>());
    }
    let columns = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let given = types.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, t)| t.clone());
            let data_type = given.unwrap_or_else(|| infer(rows.iter().filter_map(|row| row[at].as_deref()), dialect));
            Column { name: name.clone(), data_type }
        })
        .collect();
    Ok(Seed { columns, rows })
}

/// dbt reads empty fields and the word `null` as NULL.
fn is_null(cell: &str) -> bool {
    cell.is_empty() || cell.eq_ignore_ascii_case("null")
}

type Test = fn(&str) -> bool;

/// The first type that every value fits: (test, DuckDB's name, BigQuery's name).
const TYPES: &[(Test, &str, &str)] = &[
    (is_int32, "INTEGER", "INT64"),
    (|cell| cell.parse::<i64>().is_ok() && !has_leading_zero(cell), "BIGINT", "INT64"),
    (is_number, "DOUBLE", "FLOAT64"),
    (is_date, "DATE", "DATE"),
    (is_datetime, "TIMESTAMP", "DATETIME"),
    (|cell| matches!(cell.to_lowercase().as_str(), "true" | "false"), "BOOLEAN", "BOOL"),
];

fn infer<'a>(values: impl Iterator<Item = &'a str> + Clone, dialect: Dialect) -> String {
    let mut values = values.peekable();
    let found = if values.peek().is_some() { TYPES.iter().find(|(test, ..)| values.clone().all(test)) } else { None };
    match (found, dialect) {
        (Some((_, duckdb, _)), Dialect::DuckDb) => (*duckdb).to_owned(),
        (Some((.., bigquery)), Dialect::GoogleSql) => (*bigquery).to_owned(),
        (None, Dialect::DuckDb) => "VARCHAR".to_owned(),
        (None, Dialect::GoogleSql) => "STRING".to_owned(),
    }
}

fn is_int32(cell: &str) -> bool {
    cell.parse::<i32>().is_ok() && !has_leading_zero(cell)
}

/// `007` is a code, not a number.
fn has_leading_zero(cell: &str) -> bool {
    let digits = cell.trim_start_matches(['-', '+']);
    digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.")
}

fn is_number(cell: &str) -> bool {
    let plain = cell.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    plain && cell.parse::<f64>().is_ok() && !has_leading_zero(cell)
}

fn is_date(cell: &str) -> bool {
    cell.len() == 10 && chrono::NaiveDate::parse_from_str(cell, "%Y-%m-%d").is_ok()
}

fn is_datetime(cell: &str) -> bool {
    let cell = cell.trim_end_matches('Z');
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
        .iter()
        .any(|format| chrono::NaiveDateTime::parse_from_str(cell, format).is_ok())
        || is_date(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str) -> Vec<String> {
        let seed = read(text.as_bytes(), b',', &IndexMap::new(), Dialect::GoogleSql).map_err(|e| e.1).expect("valid");
        seed.columns.into_iter().map(|c| c.data_type).collect()
    }

    #[test]
    fn types_are_found_from_values() {
        let text = "a,b,c,d,e,f,g\n1,1.5,2024-01-01,2024-01-01 10:00:00,true,007,\n2,,2024-01-02,2024-01-01,FALSE,1,\n";
        assert_eq!(types(text), ["INT64", "FLOAT64", "DATE", "DATETIME", "BOOL", "STRING", "STRING"]);
    }

    #[test]
    fn a_short_row_is_refused_with_its_line() {
        let error = read(b"a,b\n1,2\n3\n", b',', &IndexMap::new(), Dialect::DuckDb).err().expect("short");
        assert_eq!(error, (3, "this row has 1 fields, the header has 2".to_owned()));
    }
}
