//! `rsdbt sql`: runs a BigQuery script and prints the last result. Argument parsing is elsewhere.

use base64::Engine;
use rsdbt_base::Place;
use rsdbt_bqlocal::{LocalBigQuery, LocalSession, field_types};
use rsdbt_googlesql::types::Type;
use rsdbt_sys as sys;
use rsdbt_warehouse::{Column, DbError, Table, Value};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Table,
    Json,
    Csv,
}

#[derive(Debug, Clone, Default)]
pub struct SqlOptions {
    /// the script; standard input where there is none
    pub file: Option<PathBuf>,
    pub output: Format,
    /// print the DuckDB SQL instead of the result
    pub explain: bool,
}

/// An empty warehouse in memory, as `rsdbt sql` uses it.
pub fn empty_session() -> Result<LocalSession, DbError> {
    LocalBigQuery::open(None, "local", "")?.connect()
}

/// Runs the script; the exit code is 1 when it failed.
pub fn run(options: &SqlOptions, session: &mut LocalSession) -> i32 {
    let (name, script) = match read(options) {
        Ok(found) => found,
        Err(why) => {
            eprintln!("error: {why}");
            return 1;
        }
    };
    let done = if options.explain {
        session.explain(&script).map(|text| text + "\n")
    } else {
        session.run(&script).map(|table| print(&table, options.output))
    };
    match done {
        Ok(text) => {
            let written = std::io::stdout().lock().write_all(text.as_bytes());
            i32::from(written.is_err())
        }
        Err(error) => {
            eprint!("{}", report(&error, &name, &script));
            1
        }
    }
}

fn read(options: &SqlOptions) -> Result<(String, String), String> {
    match &options.file {
        Some(path) => sys::read(path)
            .map(|text| (path.display().to_string(), text))
            .map_err(|why| format!("{}: {why}", path.display())),
        None => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).map_err(|why| format!("standard input: {why}"))?;
            Ok(("<stdin>".to_owned(), text))
        }
    }
}

/// The error with its place, the line it is in and the help.
fn report(error: &DbError, name: &str, script: &str) -> String {
    let source = error.sql.as_deref().unwrap_or(script);
    let mut text = String::new();
    match error.position {
        Some(position) => {
            let place = Place::of_offset(name, source, position);
            text.push_str(&format!("error: {}\n  --> {place}\n", error.message));
            if let Some(line) = source.lines().nth(place.line.saturating_sub(1)) {
                text.push_str(&format!("   | {line}\n   | {}^\n", " ".repeat(place.column.saturating_sub(1))));
            }
        }
        None => text.push_str(&format!("error: {}\n", error.message)),
    }
    if let Some(help) = &error.help {
        text.push_str(&format!("  help: {help}\n"));
    }
    text
}

fn print(table: &Table, format: Format) -> String {
    match format {
        Format::Json => json_text(table),
        Format::Csv => csv_text(table),
        Format::Table => table_text(table),
    }
}

fn json_text(table: &Table) -> String {
    let types: Vec<Option<Type>> = table.columns.iter().map(|c| field_types(&c.data_type)).collect();
    let schema: Vec<Json> = table.columns.iter().zip(&types).map(|(c, ty)| field(c, ty.as_ref())).collect();
    let rows: Vec<Json> = table.rows.iter().map(|row| Json::Array(row.iter().map(value).collect())).collect();
    json!({ "schema": schema, "rows": rows }).to_string() + "\n"
}

fn field(column: &Column, ty: Option<&Type>) -> Json {
    match ty {
        Some(ty) => schema_of(&column.name, ty),
        None => json!({ "name": column.name, "type": column.data_type, "mode": "NULLABLE" }),
    }
}

fn schema_of(name: &str, ty: &Type) -> Json {
    let (mode, ty) = match ty {
        Type::Array(inner) => ("REPEATED", &**inner),
        ty => ("NULLABLE", ty),
    };
    match ty {
        Type::Struct(fields) => {
            let fields: Vec<Json> = fields.iter().map(|f| schema_of(f.name.as_deref().unwrap_or(""), &f.ty)).collect();
            json!({ "name": name, "type": "STRUCT", "mode": mode, "fields": fields })
        }
        ty => json!({ "name": name, "type": ty.to_string(), "mode": mode }),
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => i64::try_from(*n).map_or_else(|_| json!(n.to_string()), |n| json!(n)),
        Value::Float(f) if f.is_nan() => json!("NaN"),
        Value::Float(f) if f.is_infinite() => json!(if *f > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Float(f) => json!(f),
        Value::Bytes(b) => json!(base64::engine::general_purpose::STANDARD.encode(b)),
        Value::List(items) => Json::Array(items.iter().map(self::value).collect()),
        Value::Struct(fields) => Json::Array(fields.iter().map(|(_, v)| self::value(v)).collect()),
        other => json!(plain(other)),
    }
}

/// A value as text, in the forms of the JSON contract.
fn plain(value: &Value) -> String {
    const DAY: i64 = 86_400_000_000;
    let date = |days: i64| {
        chrono::DateTime::from_timestamp(days * 86_400, 0).unwrap_or_default().format("%Y-%m-%d").to_string()
    };
    let clock = |micros: i64| {
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let shown = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if fraction == 0 { shown } else { format!("{shown}.{fraction:06}") }
    };
    match value {
        Value::Null => "NULL".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Decimal(text) | Value::Text(text) => text.clone(),
        Value::Date(days) => date(i64::from(*days)),
        Value::Time(micros) => clock(*micros),
        Value::DateTime(micros) => format!("{}T{}", date(micros.div_euclid(DAY)), clock(micros.rem_euclid(DAY))),
        Value::Timestamp(micros) => format!("{}T{}Z", date(micros.div_euclid(DAY)), clock(micros.rem_euclid(DAY))),
        Value::Interval { months, days, micros } => {
            let (m, u) = (months.unsigned_abs(), micros.unsigned_abs());
            let (seconds, fraction) = (u / 1_000_000, u % 1_000_000);
            let sign = |negative: bool| if negative { "-" } else { "" };
            let shown = format!(
                "{}{}-{} {days} {}{}:{}:{}",
                sign(*months < 0),
                m / 12,
                m % 12,
                sign(*micros < 0),
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            );
            if fraction == 0 { shown } else { format!("{shown}.{fraction:06}") }
        }
        nested => self::value(nested).to_string(),
    }
}

fn csv_text(table: &Table) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = writer.write_record(table.columns.iter().map(|c| &c.name));
    let rows = table.rows.iter().try_for_each(|row| {
        writer.write_record(row.iter().map(|v| if *v == Value::Null { String::new() } else { plain(v) }))
    });
    match header.and(rows) {
        Ok(()) => writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

fn table_text(table: &Table) -> String {
    if table.columns.is_empty() {
        return String::new();
    }
    let mut lines: Vec<Vec<String>> = vec![table.columns.iter().map(|c| c.name.clone()).collect()];
    lines.extend(table.rows.iter().map(|row| row.iter().map(plain).collect()));
    let widths: Vec<usize> =
        (0..table.columns.len()).map(|i| lines.iter().map(|l| l[i].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if n == 0 {
            let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
            text.push_str(&format!("| {} |\n", rule.join(" | ")));
        }
    }
    text
}
