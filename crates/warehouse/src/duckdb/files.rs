//! Files as tables. Parquet whose types fit is a view; everything else is read once, until a file changes. A value that does
//! not fit is named with its file and row. What stands at the place and is no file's is left alone.

use super::Connection;
use super::shape::Shape;
use super::warehouse::{name, text};
use crate::{DbError, DbErrorKind, Files, Format, Mounted, Value};

/// How the comment of a relation that files stand for begins.
const MARK: &str = "rsdbt source: ";

/// A place in DuckDB's catalog.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    pub catalog: &'p str,
    pub schema: &'p str,
    pub table: &'p str,
}

impl Place<'_> {
    fn full(&self) -> String {
        format!("{}.{}.{}", name(self.catalog), name(self.schema), name(self.table))
    }
}

/// The type that a column of the file gets where none is declared, from the file's format and type; or what is wrong.
pub type Adopt = fn(Format, &str) -> Result<String, String>;

/// Makes files stand at a place. `files.columns` are DuckDB's types.
pub fn mount(connection: &mut Connection, place: Place, files: &Files, adopt: Adopt) -> Result<Mounted, DbError> {
    let comment = format!("{MARK}{} [{}]", files.label, files.stamp);
    let old = match standing(connection, place)? {
        Some((_, Some(found))) if found == comment => return Ok(Mounted::Standing),
        Some((kind, Some(found))) if found.starts_with(MARK) => Some(kind),
        Some(_) => return Ok(Mounted::Occupied),
        None => None,
    };
    let plan = if files.paths.is_empty() { None } else { Some(plan(connection, files, adopt)?) };
    connection.query(&format!("create schema if not exists {}.{}", name(place.catalog), name(place.schema)))?;
    connection.begin()?;
    match replace(connection, place, (old, &comment), (files, plan.as_ref())) {
        Ok(()) => connection.commit().map(|()| Mounted::Standing),
        Err(error) => {
            connection.rollback()?;
            let found = plan.and_then(|plan| misfit(connection, files, &plan).transpose());
            Err(found.transpose()?.unwrap_or_else(|| {
                DbError::new(error.kind, format!("{}: {}", files.label, error.message))
                    .help("declare the column's `data_type` in YAML, or correct the file")
            }))
        }
    }
}

/// Takes away what stands at a place if files stand there, so that a table of that name can be made.
pub fn unmount(connection: &mut Connection, place: Place) -> Result<(), DbError> {
    if let Some((kind, Some(comment))) = standing(connection, place)?
        && comment.starts_with(MARK)
    {
        connection.query(&format!("drop {kind} {}", place.full()))?;
    }
    Ok(())
}

/// What stands at a place: "table" or "view", and its comment.
fn standing(connection: &mut Connection, place: Place) -> Result<Option<(&'static str, Option<String>)>, DbError> {
    let at = format!(
        "lower(database_name) = lower({}) and lower(schema_name) = lower({})",
        text(place.catalog),
        text(place.schema)
    );
    let named = |column: &str| format!("lower({column}) = lower({})", text(place.table));
    let sql = format!(
        "select 'table', comment from duckdb_tables() where {at} and {} \
         union all select 'view', comment from duckdb_views() where {at} and {}",
        named("table_name"),
        named("view_name")
    );
    let row = connection.query(&sql)?.rows.into_iter().next();
    Ok(row.map(|row| match row.as_slice() {
        [Value::Text(kind), comment] => {
            let kind = if kind == "view" { "view" } else { "table" };
            (kind, if let Value::Text(comment) = comment { Some(comment.clone()) } else { None })
        }
        _ => ("table", None),
    }))
}

/// How files are read: one expression a column.
struct Plan {
    reader: String,
    columns: Vec<Read>,
}

struct Read {
    name: String,
    /// the type that the reader gives
    from: String,
    to: String,
    sql: String,
}

impl Plan {
    fn is_plain(&self) -> bool {
        self.columns.iter().all(|column| column.from == column.to)
    }
}

fn replace(
    connection: &mut Connection,
    place: Place,
    (old, comment): (Option<&str>, &str),
    (files, plan): (&Files, Option<&Plan>),
) -> Result<(), DbError> {
    let full = place.full();
    if let Some(kind) = old {
        connection.query(&format!("drop {kind} {full}"))?;
    }
    let Some(plan) = plan else {
        connection.query(&format!("create table {full} {}", super::warehouse::definitions(&files.columns)))?;
        connection.query(&format!("comment on table {full} is {}", text(comment)))?;
        return Ok(());
    };
    let kind = if files.format == Format::Parquet && plan.is_plain() { "view" } else { "table" };
    let list: Vec<String> = plan.columns.iter().map(|c| format!("{} as {}", c.sql, name(&c.name))).collect();
    connection.query(&format!("create {kind} {full} as select {} from {}", list.join(", "), plan.reader))?;
    connection.query(&format!("comment on {kind} {full} is {}", text(comment)))?;
    Ok(())
}

/// The call that reads some of the files. Declared columns are read as text or JSON where the format has no types.
fn reader(files: &Files, paths: &[String], typed: &[(String, String)]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| text(path)).collect();
    let mut arguments = vec![format!("[{}]", paths.join(", "))];
    let types: Vec<String> = typed.iter().map(|(column, ty)| format!("{}: {}", text(column), text(ty))).collect();
    let function = match files.format {
        Format::Parquet => "read_parquet",
        Format::Csv => {
            arguments.push("sample_size = -1".to_owned());
            if !types.is_empty() {
                arguments.push(format!("types = {{{}}}", types.join(", ")));
            }
            "read_csv"
        }
        Format::Json => {
            arguments.push("format = 'newline_delimited'".to_owned());
            if types.is_empty() {
                arguments.push("sample_size = -1, map_inference_threshold = -1".to_owned());
            } else {
                arguments.push(format!("columns = {{{}}}", types.join(", ")));
            }
            "read_json"
        }
    };
    if paths.len() > 1 {
        arguments.push("union_by_name = true".to_owned());
    }
    arguments.push(format!("hive_partitioning = {}", files.hive));
    if files.hive {
        arguments.push("hive_types_autocast = false".to_owned());
    }
    let own = |key: &str| arguments.iter().position(|argument| argument.starts_with(&format!("{key} = ")));
    let mut given = Vec::new();
    let mut replaced = Vec::new();
    for (key, value) in &files.options {
        replaced.extend(own(key));
        given.push(format!("{key} = {value}"));
    }
    let mut at = 0;
    arguments.retain(|_| {
        at += 1;
        !replaced.contains(&(at - 1))
    });
    arguments.extend(given);
    format!("{function}({})", arguments.join(", "))
}

fn plan(connection: &mut Connection, files: &Files, adopt: Adopt) -> Result<Plan, DbError> {
    let fail = |error: DbError| DbError::new(error.kind, format!("{}: {}", files.label, error.message));
    let described = format!("select * from {}", reader(files, &files.paths, &[]));
    let found = connection.describe(&described).map_err(fail)?;
    let declared = |column: &str| files.columns.iter().find(|c| c.name.eq_ignore_ascii_case(column));
    if files.format != Format::Json
        && let Some(missing) =
            files.columns.iter().find(|c| !found.iter().any(|f| f.name.eq_ignore_ascii_case(&c.name)))
    {
        let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
        let message = format!("{} has no column '{}', which YAML declares", files.label, missing.name);
        return Err(DbError::new(DbErrorKind::Semantic, message).help(format!("it has {}", names.join(", "))));
    }
    let raw = if files.format == Format::Json { "JSON" } else { "VARCHAR" };
    let mut typed = Vec::new();
    let mut columns = Vec::new();
    let hive: Vec<String> = if files.hive { hive_keys(&files.paths) } else { Vec::new() };
    let absent = files.columns.iter().filter(|c| !found.iter().any(|f| f.name.eq_ignore_ascii_case(&c.name)));
    for column in found.iter().chain(absent) {
        let is_key = hive.iter().any(|key| key.eq_ignore_ascii_case(&column.name));
        let wanted = declared(&column.name);
        let from = match wanted {
            Some(_) if files.format != Format::Parquet && !is_key => raw.to_owned(),
            _ => column.data_type.clone(),
        };
        let to = match wanted {
            Some(wanted) => wanted.data_type.clone(),
            None => adopt(files.format, &column.data_type).map_err(|why| {
                DbError::new(DbErrorKind::Unsupported, format!("{}: column '{}': {why}", files.label, column.name))
            })?,
        };
        if !is_key && files.format != Format::Parquet && (files.format == Format::Json || from != column.data_type) {
            typed.push((column.name.clone(), from.clone()));
        }
        let sql = conversion(&name(&column.name), &Shape::read(&from), &Shape::read(&to));
        let shown = wanted.map_or(&column.name, |wanted| &wanted.name);
        columns.push(Read { name: shown.clone(), from, to, sql });
    }
    // JSON with columns given reads these alone.
    Ok(Plan { reader: reader(files, &files.paths, &typed), columns })
}

/// The keys of folders called `key=value`.
fn hive_keys(paths: &[String]) -> Vec<String> {
    let folders = paths.iter().flat_map(|path| path.split(['/', '\\']));
    let mut keys: Vec<String> = folders.filter_map(|part| Some(part.split_once('=')?.0.to_owned())).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// A value as the other type. Text holds bytes as base64 and nested values as JSON, as BigQuery's files do.
fn conversion(sql: &str, from: &Shape, to: &Shape) -> String {
    if from == to {
        return sql.to_owned();
    }
    let json = Shape::Plain("JSON".to_owned());
    match (from, to) {
        (_, Shape::Struct(fields)) if matches!(fields.as_slice(), [(only, _)] if only == "_wkt") => {
            let inner = conversion(sql, from, &Shape::Plain("VARCHAR".to_owned()));
            format!("case when {sql} is not null then struct_pack(\"_wkt\" := {inner}) end")
        }
        (Shape::Plain(from), Shape::Plain(to)) if from == "JSON" => match to.as_str() {
            "VARCHAR" => format!("({sql} ->> '$')"),
            "BLOB" => format!("from_base64({sql} ->> '$')"),
            to => format!("cast(({sql} ->> '$') as {to})"),
        },
        (Shape::Plain(from), Shape::Struct(fields)) if from == "JSON" => {
            let part = |(field, shape): &(String, Shape)| {
                let inner = format!("({sql} -> {})", text(&format!("$.\"{}\"", field.replace('"', "\\\""))));
                format!("{} := {}", name(field), conversion(&inner, &json, shape))
            };
            let parts: Vec<String> = fields.iter().map(part).collect();
            // A value that is no object must not become a struct of NULLs.
            let checked = format!("if(json_type({sql}) = 'OBJECT', {sql}, error('no object'))");
            format!(
                "case when {sql} is not null and json_type({sql}) <> 'NULL' and {checked} is not null then struct_pack({}) end",
                parts.join(", ")
            )
        }
        (Shape::Plain(from), Shape::List(inner)) if from == "JSON" => {
            let item = conversion("x", &json, inner);
            format!("coalesce(list_transform(cast({sql} as JSON[]), lambda x: {item}), [])")
        }
        (Shape::Plain(from), Shape::Plain(to)) if from == "VARCHAR" && to == "BLOB" => format!("from_base64({sql})"),
        (Shape::Plain(from), Shape::Struct(_) | Shape::List(_)) if from == "VARCHAR" => {
            conversion(&format!("cast({sql} as JSON)"), &json, to)
        }
        (Shape::List(from), Shape::List(to)) => {
            format!("list_transform({sql}, lambda x: {})", conversion("x", from, to))
        }
        (Shape::Struct(from), Shape::Struct(to)) => {
            let part = |(field, shape): &(String, Shape)| {
                let own = from.iter().find(|(own, _)| own.eq_ignore_ascii_case(field));
                let inner = match own {
                    Some((own, old)) => conversion(&format!("struct_extract({sql}, {})", text(own)), old, shape),
                    None => format!("cast(null as {})", written(shape)),
                };
                format!("{} := {inner}", name(field))
            };
            let parts: Vec<String> = to.iter().map(part).collect();
            format!("case when {sql} is not null then struct_pack({}) end", parts.join(", "))
        }
        (_, to) => format!("cast({sql} as {})", written(to)),
    }
}

fn written(shape: &Shape) -> String {
    match shape {
        Shape::Plain(name) => name.clone(),
        Shape::List(inner) => format!("{}[]", written(inner)),
        Shape::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(f, shape)| format!("{} {}", name(f), written(shape))).collect();
            format!("STRUCT({})", fields.join(", "))
        }
    }
}

/// The first value that does not become its column's type, file by file.
fn misfit(connection: &mut Connection, files: &Files, plan: &Plan) -> Result<Option<DbError>, DbError> {
    let raw = if files.format == Format::Json { "JSON" } else { "VARCHAR" };
    for path in &files.paths {
        let one = Files { paths: vec![path.clone()], ..files.clone() };
        let known = connection.describe(&format!("select * from {}", reader(&one, &one.paths, &[])))?;
        let here = |column: &&Read| known.iter().any(|found| found.name == column.name);
        let typed: Vec<(String, String)> = match files.format {
            Format::Parquet => Vec::new(),
            Format::Csv => plan.columns.iter().filter(here).filter(|c| c.from == raw).map(pair).collect(),
            Format::Json => plan.columns.iter().filter(here).map(pair).collect(),
        };
        let rows = format!("select row_number() over () as _row, * from {}", reader(&one, &one.paths, &typed));
        for column in plan.columns.iter().filter(here).filter(|column| column.from != column.to) {
            let own = name(&column.name);
            // A list is never NULL once it is read, and JSON's null is none.
            let bad = format!("{own} is not null and try({}) is null", column.sql);
            let bad = if column.from == "JSON" { format!("{bad} and ({own} ->> '$') is not null") } else { bad };
            let sql = format!("select _row, cast({own} as varchar) from ({rows}) where {bad} limit 1");
            if let Some([Value::Int(row), Value::Text(value)]) = connection.query(&sql)?.rows.first().map(Vec::as_slice)
            {
                return Ok(Some(misfit_error(path, *row, column, value)));
            }
        }
    }
    Ok(None)
}

fn pair(column: &Read) -> (String, String) {
    (column.name.clone(), column.from.clone())
}

fn misfit_error(path: &str, row: i128, column: &Read, value: &str) -> DbError {
    let value: String = value.chars().take(60).collect();
    let message = format!("{path}, row {row}: column '{}': {value} is no {}", column.name, column.to);
    DbError::new(DbErrorKind::Execution, message)
        .help("correct the value, or declare another `data_type` for the column in YAML")
}

/// `columns` with types of DuckDB's own, for a project in DuckDB SQL.
pub fn adopt_as_it_is(_: Format, ty: &str) -> Result<String, String> {
    Ok(ty.to_owned())
}
