//! The functions that DuckDB lacks or does differently, as Rust scalar functions. They live in the instance's system
//! catalog, never in the user's file. One generic entry point serves all: a table row gives name, signature and code.

mod bytes;
mod calendar;
mod cast_format;
mod clock;
mod format;
mod geo;
mod hash;
mod interval;
mod json;
mod json_edit;
mod json_read;
mod list;
mod net;
mod number;
mod parse;
mod regexp;
mod text;
mod zone;

use duckdb::core::{DataChunkHandle, FlatVector, Inserter, LogicalTypeHandle, LogicalTypeId as Id};
use duckdb::ffi;
use duckdb::vscalar::{ScalarFunctionSignature, VScalar};
use rsdbt_warehouse::duckdb::client as duckdb;
use std::cell::Cell;

/// One argument of one row; never NULL, since a NULL argument makes a NULL result.
#[derive(Debug, Clone, PartialEq)]
pub enum Val<'a> {
    Bool(bool),
    /// INT64, and the counts inside dates, times and timestamps
    Int(i64),
    Float(f64),
    /// NUMERIC with 9 and BIGNUMERIC with 18 decimals
    Decimal(i128),
    Text(&'a str),
    Bytes(&'a [u8]),
    Interval(i32, i32, i64),
    List(Vec<Option<Val<'a>>>),
}

/// The result of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Decimal(i128),
    Text(String),
    Bytes(Vec<u8>),
    Interval(i32, i32, i64),
    List(Vec<Option<Out>>),
}

pub type Answer = Result<Out, String>;
pub type Body = fn(&[Val<'_>]) -> Answer;

/// Name, signature (`args>result`, see `logical`), code.
pub type Row = (&'static str, &'static str, Body);

const TABLES: &[&[Row]] = &[
    bytes::TABLE,
    cast_format::TABLE,
    clock::TABLE,
    format::TABLE,
    geo::TABLE,
    hash::TABLE,
    interval::TABLE,
    json::TABLE,
    json_edit::TABLE,
    list::TABLE,
    net::TABLE,
    number::TABLE,
    parse::TABLE,
    regexp::TABLE,
    text::TABLE,
    zone::TABLE,
];

impl<'a> Val<'a> {
    pub fn int(&self) -> i64 {
        match self {
            Val::Int(v) => *v,
            Val::Bool(b) => i64::from(*b),
            _ => 0,
        }
    }

    pub fn float(&self) -> f64 {
        if let Val::Float(v) = self { *v } else { 0.0 }
    }

    pub fn decimal(&self) -> i128 {
        if let Val::Decimal(v) = self { *v } else { 0 }
    }

    pub fn bool(&self) -> bool {
        matches!(self, Val::Bool(true))
    }

    pub fn text(&self) -> &'a str {
        if let Val::Text(v) = self { v } else { "" }
    }

    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Val::Bytes(v) => v,
            Val::Text(v) => v.as_bytes(),
            _ => &[],
        }
    }

    pub fn list(&self) -> &[Option<Val<'a>>] {
        if let Val::List(v) = self { v } else { &[] }
    }

    pub fn interval(&self) -> (i32, i32, i64) {
        if let Val::Interval(m, d, u) = self { (*m, *d, *u) } else { (0, 0, 0) }
    }
}

pub fn text(value: impl Into<String>) -> Answer {
    Ok(Out::Text(value.into()))
}

pub fn int(value: i64) -> Answer {
    Ok(Out::Int(value))
}

/// `s` text, `y` bytes, `i` INT64, `f` FLOAT64, `n` NUMERIC, `N` BIGNUMERIC, `b` BOOL, `d` DATE, `t` TIME, `D` DATETIME,
/// `T` TIMESTAMP, `v` INTERVAL, `j` JSON (as text), `[` before a letter a list; `g` (results only) GEOGRAPHY.
fn logical(letters: &mut std::str::Chars<'_>) -> Option<(LogicalTypeHandle, char)> {
    let letter = letters.next()?;
    let handle = match letter {
        '[' => {
            let (inner, c) = logical(letters)?;
            return Some((LogicalTypeHandle::list(&inner), list_letter(c)));
        }
        's' | 'j' => LogicalTypeHandle::from(Id::Varchar),
        'y' => LogicalTypeHandle::from(Id::Blob),
        'i' => LogicalTypeHandle::from(Id::Bigint),
        'f' => LogicalTypeHandle::from(Id::Double),
        'n' => LogicalTypeHandle::decimal(38, 9),
        'N' => LogicalTypeHandle::decimal(38, 18),
        'b' => LogicalTypeHandle::from(Id::Boolean),
        'd' => LogicalTypeHandle::from(Id::Date),
        't' => LogicalTypeHandle::from(Id::Time),
        'D' => LogicalTypeHandle::from(Id::Timestamp),
        'T' => LogicalTypeHandle::from(Id::TimestampTZ),
        'v' => LogicalTypeHandle::from(Id::Interval),
        'g' => LogicalTypeHandle::struct_type(&[("_wkt", LogicalTypeHandle::from(Id::Varchar))]),
        _ => return None,
    };
    Some((handle, letter))
}

/// Lists are marked by the upper bit pattern of their element: 's' -> list of text, and so on.
fn list_letter(element: char) -> char {
    char::from_u32(element as u32 + 0x1000).unwrap_or(element)
}

fn element_letter(letter: char) -> Option<char> {
    (letter as u32).checked_sub(0x1000).and_then(char::from_u32)
}

thread_local! {
    /// The signature being registered: `VScalar::signatures` has no other way to learn it.
    static CURRENT: Cell<&'static str> = const { Cell::new("") };
}

#[derive(Clone)]
struct State {
    args: Vec<char>,
    result: char,
    body: Body,
}

struct Function;

impl VScalar for Function {
    type State = State;

    fn invoke(
        state: &State,
        input: &mut DataChunkHandle,
        output: &mut dyn duckdb::vtab::arrow::WritableVector,
    ) -> Result<(), Box<dyn std::error::Error>> {
        run(state, input, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        let (args, result) = CURRENT.get().split_once('>').unwrap_or(("", "s"));
        let mut letters = args.chars();
        let mut list = Vec::new();
        while let Some((handle, _)) = logical(&mut letters) {
            list.push(handle);
        }
        match logical(&mut result.chars()) {
            Some((result, _)) => vec![ScalarFunctionSignature::exact(list, result)],
            None => Vec::new(),
        }
    }
}

/// Registers every function; called once an instance, before any statement of a user.
pub fn register(connection: &duckdb::Connection) -> duckdb::Result<()> {
    let mut by_name: Vec<&Row> = TABLES.iter().flat_map(|table| table.iter()).collect();
    by_name.sort_by_key(|row| row.0);
    for (name, signature, body) in by_name {
        CURRENT.set(signature);
        let (args, result) = signature.split_once('>').unwrap_or(("", "s"));
        let letters = |text: &'static str| {
            let mut chars = text.chars();
            std::iter::from_fn(move || logical(&mut chars).map(|(_, c)| c)).collect::<Vec<char>>()
        };
        let state = State { args: letters(args), result: letters(result).first().copied().unwrap_or('s'), body: *body };
        connection.register_scalar_function_with_state::<Function>(name, &state)?;
    }
    Ok(())
}

/// A string inside a vector: valid as long as the chunk.
unsafe fn string_at<'a>(vector: &FlatVector<'a>, row: usize) -> &'a [u8] {
    // SAFETY: the caller checked that the row is within the vector and not NULL, and that it holds strings.
    unsafe {
        let item = vector.as_mut_ptr::<ffi::duckdb_string_t>().add(row);
        let length = ffi::duckdb_string_t_length(*item) as usize;
        let data = ffi::duckdb_string_t_data(item);
        std::slice::from_raw_parts(data.cast::<u8>(), length)
    }
}

/// One value of a vector. The row is in range and not NULL.
unsafe fn read<'a>(vector: &FlatVector<'a>, letter: char, row: usize) -> Val<'a> {
    // SAFETY: `letter` is the type that DuckDB was told to give for this vector.
    unsafe {
        match letter {
            's' | 'j' => Val::Text(std::str::from_utf8_unchecked(string_at(vector, row))),
            'y' => Val::Bytes(string_at(vector, row)),
            'i' | 't' | 'D' | 'T' => Val::Int(*vector.as_mut_ptr::<i64>().add(row)),
            'd' => Val::Int(i64::from(*vector.as_mut_ptr::<i32>().add(row))),
            'f' => Val::Float(*vector.as_mut_ptr::<f64>().add(row)),
            // DuckDB aligns vectors to 8 bytes, Rust wants 16 for an i128
            'n' | 'N' => Val::Decimal(vector.as_mut_ptr::<i128>().add(row).read_unaligned()),
            'b' => Val::Bool(*vector.as_mut_ptr::<u8>().add(row) != 0),
            _ => {
                let raw = *vector.as_mut_ptr::<ffi::duckdb_interval>().add(row);
                Val::Interval(raw.months, raw.days, raw.micros)
            }
        }
    }
}

fn run(
    state: &State,
    input: &mut DataChunkHandle,
    output: &mut dyn duckdb::vtab::arrow::WritableVector,
) -> Result<(), Box<dyn std::error::Error>> {
    let rows = input.len();
    let mut answers = Vec::with_capacity(rows);
    let mut args: Vec<Val<'_>> = Vec::with_capacity(state.args.len());
    'rows: for row in 0..rows {
        args.clear();
        for (index, letter) in state.args.iter().enumerate() {
            match argument(input, index, *letter, row) {
                Some(value) => args.push(value),
                None => {
                    answers.push(Out::Null);
                    continue 'rows;
                }
            }
        }
        answers.push((state.body)(&args)?);
    }
    drop(args);
    match element_letter(state.result) {
        Some(element) => write_lists(answers, element, output),
        None if state.result == 'g' => write_structs(answers, output),
        None => {
            let mut vector = output.flat_vector();
            for (row, answer) in answers.into_iter().enumerate() {
                write(&mut vector, state.result, row, answer);
            }
        }
    }
    Ok(())
}

fn argument<'a>(input: &'a DataChunkHandle, index: usize, letter: char, row: usize) -> Option<Val<'a>> {
    let Some(element) = element_letter(letter) else {
        let vector = input.flat_vector(index);
        if vector.row_is_null(row as u64) {
            return None;
        }
        // SAFETY: row < input.len(), checked not NULL, type as registered.
        return Some(unsafe { read(&vector, letter, row) });
    };
    let list = input.list_vector(index);
    if list.row_is_null(row as u64) {
        return None;
    }
    let (offset, length) = list.get_entry(row);
    let child = list.child(list.len());
    let items = (offset..offset + length)
        // SAFETY: the entry lies within the child vector.
        .map(|at| (!child.row_is_null(at as u64)).then(|| unsafe { read(&child, element, at) }))
        .collect();
    Some(Val::List(items))
}

/// Writes one value into a result vector.
fn write(vector: &mut FlatVector<'_>, letter: char, row: usize, answer: Out) {
    // SAFETY: the row is within the vector, whose type is `letter`.
    unsafe {
        match answer {
            Out::Null | Out::List(_) => vector.set_null(row),
            Out::Text(v) => vector.insert(row, v.as_bytes()),
            Out::Bytes(v) => vector.insert(row, v.as_slice()),
            Out::Bool(v) => *vector.as_mut_ptr::<u8>().add(row) = u8::from(v),
            Out::Int(v) if letter == 'd' => *vector.as_mut_ptr::<i32>().add(row) = v as i32,
            Out::Int(v) => *vector.as_mut_ptr::<i64>().add(row) = v,
            Out::Float(v) => *vector.as_mut_ptr::<f64>().add(row) = v,
            Out::Decimal(v) => vector.as_mut_ptr::<i128>().add(row).write_unaligned(v),
            Out::Interval(months, days, micros) => {
                *vector.as_mut_ptr::<ffi::duckdb_interval>().add(row) = ffi::duckdb_interval { months, days, micros };
            }
        }
    }
}

fn write_lists(answers: Vec<Out>, element: char, output: &mut dyn duckdb::vtab::arrow::WritableVector) {
    let total = answers.iter().map(|a| if let Out::List(items) = a { items.len() } else { 0 }).sum();
    let mut list = output.list_vector();
    let mut child = list.child(total);
    let mut offset = 0;
    for (row, answer) in answers.into_iter().enumerate() {
        let Out::List(items) = answer else {
            list.set_entry(row, offset, 0);
            list.set_null(row);
            continue;
        };
        list.set_entry(row, offset, items.len());
        for item in items {
            write(&mut child, element, offset, item.unwrap_or(Out::Null));
            offset += 1;
        }
    }
    list.set_len(total);
}

fn write_structs(answers: Vec<Out>, output: &mut dyn duckdb::vtab::arrow::WritableVector) {
    let count = answers.len();
    let mut whole = output.struct_vector();
    let mut child = whole.child(0, count);
    for (row, answer) in answers.into_iter().enumerate() {
        if answer == Out::Null {
            whole.set_null(row);
        }
        write(&mut child, 's', row, answer);
    }
}
