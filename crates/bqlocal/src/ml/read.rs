//! The training rows: materialised once, in an order that is the same for the same rows; those for evaluation last. Models,
//! statistics and metrics are all made of this one table.

use super::{Failure, refuse};
use crate::printed::Printed;
use rsdbt_bqml::options::{Named, Split};
use rsdbt_bqml::{NULL_CATEGORY, NULL_CODE, Read, Table};
use rsdbt_duckdbsql::{quote, text};
use rsdbt_googlesql::SqlError;
use rsdbt_googlesql::query::OutCol;
use rsdbt_googlesql::types::Type;
use rsdbt_warehouse::duckdb::{Batch, Connection};
use rsdbt_warehouse::{DbError, DbErrorKind, Value};
use std::collections::HashMap;

const TABLE: &str = "temp.main._rsdbt_training";
/// The number of a row, from 0.
const ROW: &str = "_rsdbt_row";
/// So many rows are read at once: two of DuckDB's row groups.
const SLICE: usize = 2 * 122_880;

type Done<T> = Result<T, Failure>;

/// The materialised rows.
pub(super) struct Training {
    pub features: Vec<(String, Type)>,
    pub rows: usize,
    /// the first ones, which are trained with
    pub train: usize,
}

/// What is asked of the query's columns.
pub(super) struct Wanted<'w> {
    pub label: Option<&'w Named>,
    pub split: &'w Split,
    /// a BOOL column that is no feature
    pub marks: Option<&'w Named>,
    pub at: usize,
}

pub(super) fn find<'q>(query: &'q Printed, name: &str) -> Option<&'q OutCol> {
    query.cols.iter().find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name)))
}

/// A column as a number; NaN stands for NULL.
pub(super) fn number_sql(column: &str) -> String {
    format!("COALESCE(CAST({column} AS DOUBLE), 'nan'::DOUBLE)")
}

/// A column as the text that categories are compared by.
pub(super) fn category_sql(column: &str, ty: &Type) -> String {
    let shown = match ty {
        Type::String => column.to_owned(),
        Type::Bytes => format!("base64({column})"),
        _ => format!("CAST({column} AS VARCHAR)"),
    };
    format!("COALESCE({shown}, {})", text(NULL_CATEGORY))
}

fn one(connection: &mut Connection, sql: &str) -> Result<Vec<Value>, DbError> {
    Ok(connection.query(sql)?.rows.into_iter().next().unwrap_or_default())
}

/// Materialises the query. The order of its rows does not matter: they are sorted by what they hold.
pub(super) fn materialise(connection: &mut Connection, query: &Printed, wanted: &Wanted<'_>) -> Done<Training> {
    let features = features(query, wanted)?;
    let column = |named: &Named| find(query, &named.text).map(|c| format!("_q.{}", quote(&c.phys)));
    let order = match wanted.split {
        Split::Sequence(name, _) => column(name).map(|c| format!("{c} NULLS FIRST, ")),
        Split::Custom(name) => column(name).map(|c| format!("COALESCE({c}, TRUE), ")),
        Split::Auto | Split::None | Split::Random(_) => None,
    };
    let labelled = wanted.label.and_then(column).map(|c| format!(" WHERE {c} IS NOT NULL")).unwrap_or_default();
    let list: Vec<String> =
        query.cols.iter().map(|c| format!("_q.{} AS {}", quote(&c.phys), quote(shown_name(c)))).collect();
    connection.query(&format!(
        "CREATE OR REPLACE TEMP TABLE _rsdbt_training AS SELECT row_number() OVER (ORDER BY {}hash(_q)) - 1 AS {ROW}, {} FROM ({}) AS _q{labelled}",
        order.unwrap_or_default(),
        list.join(", "),
        query.sql
    ))?;
    let held = match wanted.split {
        Split::Custom(name) => format!("count(*) FILTER (WHERE COALESCE({}, TRUE))", quote(&name.text)),
        _ => "0".to_owned(),
    };
    let [Value::Int(rows), Value::Int(marked)] = one(connection, &format!("SELECT count(*), {held} FROM {TABLE}"))?[..]
    else {
        return Err(refuse("the training rows cannot be counted", wanted.at).into());
    };
    let rows = rows as usize;
    let held = match wanted.split {
        Split::None => 0,
        Split::Custom(_) => marked as usize,
        Split::Auto if rows < 500 => 0,
        Split::Auto if rows > 50_000 => 10_000,
        Split::Auto => (rows as f64 * 0.2).round() as usize,
        Split::Random(part) | Split::Sequence(_, part) => (rows as f64 * part).round() as usize,
    };
    if rows == held {
        let why = match (rows, wanted.label) {
            (0, None) => "the training query gives no rows".to_owned(),
            (0, Some(label)) => format!("the training query gives no row with a label in {}", label.text),
            _ => "no row is left to train with: all are for evaluation".to_owned(),
        };
        return Err(refuse(why, wanted.at).into());
    }
    Ok(Training { features, rows, train: rows - held })
}

fn shown_name(column: &OutCol) -> &str {
    column.name.as_deref().unwrap_or(&column.phys)
}

/// The columns that are features, of types that can be.
fn features(query: &Printed, wanted: &Wanted<'_>) -> Done<Vec<(String, Type)>> {
    let apart: Vec<&Named> = [
        wanted.label,
        wanted.marks,
        match wanted.split {
            Split::Sequence(name, _) | Split::Custom(name) => Some(name),
            Split::Auto | Split::None | Split::Random(_) => None,
        },
    ]
    .into_iter()
    .flatten()
    .collect();
    for named in &apart {
        if find(query, &named.text).is_none() {
            return Err(refuse(format!("the training query has no column {}", named.text), named.at).into());
        }
    }
    if let Split::Custom(name) = wanted.split
        && find(query, &name.text).is_none_or(|c| c.ty != Type::Bool)
    {
        return Err(refuse(format!("DATA_SPLIT_COL must be BOOL for 'CUSTOM': {}", name.text), name.at).into());
    }
    let mut features: Vec<(String, Type)> = Vec::new();
    for column in &query.cols {
        let Some(name) = &column.name else {
            return Err(refuse("every column of the training query needs a name", wanted.at).into());
        };
        if features.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Err(refuse(format!("the training query has two columns {name}"), wanted.at).into());
        }
        if apart.iter().any(|named| named.text.eq_ignore_ascii_case(name)) {
            continue;
        }
        match &column.ty {
            ty if ty.is_number() => {}
            Type::String | Type::Bool | Type::Date | Type::DateTime | Type::Time | Type::Bytes => {}
            other => return Err(SqlError::unsupported(format!("the feature {name} of type {other}"), wanted.at).into()),
        }
        features.push((name.clone(), column.ty.clone()));
    }
    if features.is_empty() {
        return Err(refuse("the training query has no feature column", wanted.at).into());
    }
    Ok(features)
}

/// Drops the table; it is of no use after training.
pub(super) fn discard(connection: &mut Connection) -> Result<(), DbError> {
    connection.query(&format!("DROP TABLE IF EXISTS {TABLE}")).map(|_| ())
}

impl Training {
    /// The rows that metrics are made of: those for evaluation, or all where there are none. Its columns are the query's.
    pub fn judged(&self, query: &Printed) -> Printed {
        let cols: Vec<OutCol> =
            query.cols.iter().map(|c| OutCol { phys: shown_name(c).to_owned(), ..c.clone() }).collect();
        let list: Vec<String> = cols.iter().map(|c| quote(&c.phys)).collect();
        let from = if self.train == self.rows { 0 } else { self.train };
        let sql = format!("SELECT {} FROM {TABLE} WHERE {ROW} >= {from}", list.join(", "));
        Printed { sql, cols }
    }

    /// Refuses NaN and infinite values by their column.
    fn finite(&self, connection: &mut Connection, columns: &[(&str, &Type)], at: usize) -> Done<()> {
        let floats: Vec<&str> = columns.iter().filter(|(_, ty)| **ty == Type::Float64).map(|(name, _)| *name).collect();
        if floats.is_empty() {
            return Ok(());
        }
        let checks: Vec<String> = floats.iter().map(|c| format!("bool_and(isfinite({}))", quote(c))).collect();
        let found = one(connection, &format!("SELECT {} FROM {TABLE}", checks.join(", ")))?;
        match floats.iter().zip(found).find(|(_, finite)| *finite == Value::Bool(false)) {
            Some((name, _)) => Err(refuse(format!("the column {name} has a value that is NaN or infinite"), at).into()),
            None => Ok(()),
        }
    }

    /// All rows' features, read by column into one matrix.
    pub fn table(&self, connection: &mut Connection, at: usize) -> Done<Table> {
        let named: Vec<(&str, &Type)> = self.features.iter().map(|(name, ty)| (name.as_str(), ty)).collect();
        self.finite(connection, &named, at)?;
        let dense = named.iter().filter(|(_, ty)| ty.is_number()).count();
        let hot = named.len() - dense;
        let mut numbers = vec![0.0; self.rows * dense];
        let mut codes = vec![NULL_CODE; self.rows * hot];
        let mut words: Vec<Words> = (0..hot).map(|_| Words::default()).collect();
        let (numeric, texts): (Vec<_>, Vec<_>) = named.iter().partition(|(_, ty)| ty.is_number());
        let list = numeric.iter().map(|(name, _)| number_sql(&quote(name)));
        let list: Vec<String> = list.chain(texts.iter().map(|(name, ty)| category_sql(&quote(name), ty))).collect();
        self.slices(connection, &list.join(", "), |rows, batch| {
            for column in 0..dense {
                for (row, value) in rows.iter().zip(batch.numbers(column + 1)?) {
                    numbers[*row as usize * dense + column] = *value;
                }
            }
            for (column, words) in words.iter_mut().enumerate() {
                for (row, word) in rows.iter().zip(batch.texts(dense + column + 1)?) {
                    codes[*row as usize * hot + column] = words.code(word);
                }
            }
            Some(())
        })?;
        let mut words = words.into_iter();
        let columns = named.iter().map(|(name, ty)| {
            let read = match ty.is_number() {
                true => Read::Number,
                false => Read::Category(words.next().map(|w| w.list).unwrap_or_default()),
            };
            ((*name).to_owned(), read)
        });
        Ok(Table { count: self.rows, columns: columns.collect(), numbers, codes })
    }

    /// A column of numbers.
    pub fn numbers(&self, connection: &mut Connection, column: (&str, &Type), at: usize) -> Done<Vec<f64>> {
        self.finite(connection, &[column], at)?;
        let mut all = vec![0.0; self.rows];
        self.slices(connection, &number_sql(&quote(column.0)), |rows, batch| {
            rows.iter().zip(batch.numbers(1)?).for_each(|(row, value)| all[*row as usize] = *value);
            Some(())
        })?;
        Ok(all)
    }

    /// A column's classes in their order, and each row's class by number.
    pub fn classes(&self, connection: &mut Connection, column: &str) -> Done<(Vec<String>, Vec<u32>)> {
        let name = quote(column);
        let found = connection
            .query(&format!("SELECT CAST({name} AS VARCHAR) FROM {TABLE} GROUP BY {name} ORDER BY {name}"))?;
        let names: Vec<String> = found
            .rows
            .into_iter()
            .flatten()
            .filter_map(|value| if let Value::Text(text) = value { Some(text) } else { None })
            .collect();
        let numbers: HashMap<&str, u32> = names.iter().enumerate().map(|(i, n)| (n.as_str(), i as u32)).collect();
        let mut all = vec![0; self.rows];
        self.slices(connection, &format!("CAST({name} AS VARCHAR)"), |rows, batch| {
            for (row, word) in rows.iter().zip(batch.texts(1)?) {
                all[*row as usize] = *numbers.get(word)?;
            }
            Some(())
        })?;
        Ok((names, all))
    }

    /// The rows in which a BOOL column is TRUE.
    pub fn marked(&self, connection: &mut Connection, column: &str) -> Done<Vec<usize>> {
        let found = connection.query(&format!("SELECT {ROW} FROM {TABLE} WHERE {} ORDER BY {ROW}", quote(column)))?;
        let row = |value: Value| if let Value::Int(row) = value { Some(row as usize) } else { None };
        Ok(found.rows.into_iter().flatten().filter_map(row).collect())
    }

    /// Reads expressions over the table a slice at a time; `each` gets the numbers of a batch's rows, and the batch, whose first
    /// column they are.
    fn slices(
        &self,
        connection: &mut Connection,
        list: &str,
        mut each: impl FnMut(&[f64], &Batch) -> Option<()>,
    ) -> Done<()> {
        let (mut read, mut strange) = (0, false);
        for from in (0..self.rows).step_by(SLICE) {
            let to = from + SLICE;
            let sql =
                format!("SELECT CAST({ROW} AS DOUBLE), {list} FROM {TABLE} WHERE {ROW} >= {from} AND {ROW} < {to}");
            connection.batches(&sql, |batch| {
                strange |= batch.numbers(0).and_then(|rows| each(rows, batch)).is_none();
                read += batch.rows();
            })?;
        }
        if strange || read != self.rows {
            return Err(DbError::new(DbErrorKind::Other, "the training rows came back in another shape").into());
        }
        Ok(())
    }
}

/// The values of a column by code.
#[derive(Default)]
struct Words {
    list: Vec<String>,
    codes: HashMap<String, u32>,
}

impl Words {
    fn code(&mut self, word: &str) -> u32 {
        if let Some(code) = self.codes.get(word) {
            return *code;
        }
        let code = self.list.len() as u32;
        self.list.push(word.to_owned());
        self.codes.insert(word.to_owned(), code);
        code
    }
}
