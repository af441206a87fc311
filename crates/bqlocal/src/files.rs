//! Files as tables of BigQuery: what is declared in its words becomes DuckDB's, and what the file says becomes what BigQuery's
//! own loader would make of it.

use rsdbt_duckdbsql::{duck, of_duck};
use rsdbt_googlesql::parse;
use rsdbt_googlesql::types::Type;
use rsdbt_warehouse::duckdb::{Connection, files as duck_files};
use rsdbt_warehouse::{Column, DbError, DbErrorKind, Files, Format, Mounted};

/// Makes files stand at a place of the session's own database.
pub(super) fn mount(
    connection: &mut Connection,
    (schema, table): (&str, &str),
    files: &Files,
) -> Result<Mounted, DbError> {
    let columns = files.columns.iter().map(column).collect::<Result<_, _>>()?;
    let converted = Files { columns, ..files.clone() };
    let catalog = connection.catalog().to_owned();
    let place = duck_files::Place { catalog: &catalog, schema, table };
    duck_files::mount(connection, place, &converted, adopt).map_err(|mut error| {
        // The user declared BigQuery's types.
        for (column, declared) in converted.columns.iter().zip(&files.columns) {
            let words = format!("column '{}': ", column.name);
            if error.message.contains(&words) {
                error.message = error.message.replace(&column.data_type, &declared.data_type);
            }
        }
        error
    })
}

/// Takes away files that stand at a place, so that a table can be made there.
pub(super) fn unmount(connection: &mut Connection, schema: &str, table: &str) -> Result<(), DbError> {
    let catalog = connection.catalog().to_owned();
    duck_files::unmount(connection, duck_files::Place { catalog: &catalog, schema, table })
}

fn column(declared: &Column) -> Result<Column, DbError> {
    let ty = parse::type_name(&declared.data_type).and_then(|name| Type::of_name(&name));
    let ty = ty.map_err(|why| {
        let message = format!("column '{}': `data_type: {}`: {}", declared.name, declared.data_type, why.message);
        DbError::new(DbErrorKind::Semantic, message).help("a `data_type` is one of BigQuery's types")
    })?;
    Ok(Column { name: declared.name.clone(), data_type: duck(&ty) })
}

/// What BigQuery's loader makes of a file's column. Date and time in text are a moment in UTC.
fn adopt(format: Format, ty: &str) -> Result<String, String> {
    for foreign in ["MAP(", "UNION(", "BIT"] {
        if ty.starts_with(foreign) || ty.contains(&format!(" {foreign}")) {
            return Err(format!("BigQuery has no type for {ty}"));
        }
    }
    let adopted = match (format, of_duck(ty)) {
        (Format::Csv | Format::Json, Type::DateTime) => Type::Timestamp,
        (_, ty) => ty,
    };
    Ok(duck(&adopted))
}
