//! What only dbt's DuckDB adapter has.

use super::{Call, Method};
use rsdbt_jinja::{Data, Fault};

pub const METHODS: &[Method] = &[
    ("is_motherduck()", no),
    ("is_ducklake(relation)", no),
    ("disable_transactions()", no),
    ("location_exists(location)", no),
    ("escape_sql_string(value)", |call| Ok(Data::text(call.text(0).replace('\'', "''")))),
];

fn no(_: &Call) -> Result<Data, Fault> {
    Ok(Data::Bool(false))
}
