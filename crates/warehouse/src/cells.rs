//! Rows on their way into a table, column by column and without an allocation for each value.

use crate::duckdb::client::arrow;
use crate::{DbError, DbErrorKind, Field, Kind};
use arrow::array::{
    Array, ArrayRef, BinaryArray, Int64Array, MutableArrayData, StringArray, TimestampMicrosecondArray, make_array,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

/// Texts, one behind the other in one buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    bytes: String,
    /// Where each text ends.
    ends: Vec<usize>,
    present: Vec<bool>,
}

/// The values of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    Text(Texts),
    Int(Vec<Option<i64>>),
    Bytes(Vec<Option<Vec<u8>>>),
    /// Microseconds since 1970-01-01.
    Timestamp(Vec<Option<i64>>),
}

/// One value on its way into a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'c> {
    Null,
    Text(&'c str),
    Int(i64),
    Bytes(&'c [u8]),
    /// Microseconds since 1970-01-01.
    Timestamp(i64),
}

/// Columns of equal length, one for each field. The first one is the key: rows with a known key are not added again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    fields: &'static [Field],
    columns: Vec<Cells>,
}

impl Texts {
    pub fn push(&mut self, text: Option<&str>) {
        self.bytes.push_str(text.unwrap_or_default());
        self.ends.push(self.bytes.len());
        self.present.push(text.is_some());
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at a place below `len`.
    pub fn get(&self, at: usize) -> Option<&str> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.present[at].then(|| &self.bytes[start..self.ends[at]])
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// A batch of one column.
    pub fn record_batch(&self, name: &str) -> Result<RecordBatch, DbError> {
        self.array().and_then(|array| RecordBatch::try_from_iter([(name, Arc::new(array) as ArrayRef)])).map_err(odd)
    }

    fn array(&self) -> Result<StringArray, arrow::error::ArrowError> {
        let offsets: Result<Vec<i32>, _> =
            std::iter::once(&0).chain(&self.ends).map(|end| i32::try_from(*end)).collect();
        let offsets = offsets.map_err(|_| {
            let message = "the texts of one column of a batch take more than 2 GiB: make batches smaller";
            arrow::error::ArrowError::InvalidArgumentError(message.to_owned())
        })?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let nulls = NullBuffer::from(self.present.as_slice());
        StringArray::try_new(offsets, Buffer::from(self.bytes.as_bytes()), Some(nulls))
    }
}

impl<'t> FromIterator<Option<&'t str>> for Texts {
    fn from_iter<I: IntoIterator<Item = Option<&'t str>>>(texts: I) -> Texts {
        let mut collected = Texts::default();
        texts.into_iter().for_each(|text| collected.push(text));
        collected
    }
}

impl Cells {
    fn new(kind: Kind) -> Cells {
        match kind {
            Kind::Text => Cells::Text(Texts::default()),
            Kind::Int => Cells::Int(Vec::new()),
            Kind::Bytes => Cells::Bytes(Vec::new()),
            Kind::Timestamp => Cells::Timestamp(Vec::new()),
        }
    }

    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Cells::Text(texts), Cell::Text(text)) => texts.push(Some(text)),
            (Cells::Text(texts), Cell::Null) => texts.push(None),
            (Cells::Int(values), Cell::Int(value)) | (Cells::Timestamp(values), Cell::Timestamp(value)) => {
                values.push(Some(value));
            }
            (Cells::Int(values) | Cells::Timestamp(values), Cell::Null) => values.push(None),
            (Cells::Bytes(values), Cell::Bytes(bytes)) => values.push(Some(bytes.to_vec())),
            (Cells::Bytes(values), Cell::Null) => values.push(None),
            (_, cell) => panic!("{cell:?} is in a column of another kind: a row has the kinds of its fields"),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Cells::Text(texts) => texts.len(),
            Cells::Int(values) | Cells::Timestamp(values) => values.len(),
            Cells::Bytes(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn array(&self) -> Result<ArrayRef, arrow::error::ArrowError> {
        Ok(match self {
            Cells::Text(texts) => Arc::new(texts.array()?),
            Cells::Int(values) => Arc::new(Int64Array::from(values.clone())),
            Cells::Bytes(values) => Arc::new(BinaryArray::from_iter(values.iter().map(|value| value.as_deref()))),
            Cells::Timestamp(values) => Arc::new(TimestampMicrosecondArray::from(values.clone()).with_timezone("UTC")),
        })
    }
}

impl Rows {
    pub fn new(fields: &'static [Field]) -> Rows {
        Rows { fields, columns: fields.iter().map(|field| Cells::new(field.kind)).collect() }
    }

    /// Adds a row: a cell for each field.
    pub fn push<const N: usize>(&mut self, row: [Cell; N]) {
        assert_eq!(N, self.fields.len(), "a row has a cell for each field");
        self.columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    }

    pub fn fields(&self) -> &'static [Field] {
        self.fields
    }

    pub fn columns(&self) -> &[Cells] {
        &self.columns
    }

    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, Cells::len)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn keys(&self) -> Option<&Texts> {
        match self.columns.first() {
            Some(Cells::Text(keys)) => Some(keys),
            _ => None,
        }
    }

    /// The rows in Arrow's form; all of them, or those that `keep` marks.
    pub fn record_batch(&self, keep: Option<&[bool]>) -> Result<RecordBatch, DbError> {
        // Mostly every row is new: then nothing is copied.
        let keep = keep.filter(|keep| keep.contains(&false));
        let build = || {
            let columns = self.fields.iter().zip(&self.columns).map(|(field, cells)| {
                let all = cells.array()?;
                Ok((field.name, keep.map_or_else(|| all.clone(), |keep| marked(&all, keep))))
            });
            RecordBatch::try_from_iter(columns.collect::<Result<Vec<_>, arrow::error::ArrowError>>()?)
        };
        build().map_err(odd)
    }
}

/// The values that `keep` marks, copied run by run.
fn marked(all: &ArrayRef, keep: &[bool]) -> ArrayRef {
    let all = all.to_data();
    let mut kept = MutableArrayData::new(vec![&all], false, keep.len());
    let mut end = 0;
    for run in keep.chunk_by(|a, b| a == b) {
        let start = end;
        end += run.len();
        if run.starts_with(&[true]) {
            kept.extend(0, start, end);
        }
    }
    make_array(kept.freeze())
}

fn odd(why: arrow::error::ArrowError) -> DbError {
    DbError::new(DbErrorKind::Other, why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_went_in() {
        let texts = [Some("a"), None, Some(""), Some("häuser")];
        let column: Texts = texts.into_iter().collect();
        assert!(column.iter().eq(texts));
        assert!(column.array().expect("small").iter().eq(texts));
    }

    #[test]
    fn only_marked_rows_are_taken() {
        const FIELDS: &[Field] = &[
            Field { name: "id", kind: Kind::Text, required: true },
            Field { name: "n", kind: Kind::Int, required: false },
        ];
        let mut rows = Rows::new(FIELDS);
        rows.push([Cell::Text("a"), Cell::Int(1)]);
        rows.push([Cell::Text("b"), Cell::Null]);
        rows.push([Cell::Text("c"), Cell::Int(3)]);
        let batch = rows.record_batch(Some(&[true, false, true])).expect("columns of equal length");
        assert_eq!(batch.num_rows(), 2);
        assert_eq!(batch.column(1).as_ref(), &Int64Array::from(vec![Some(1), Some(3)]) as &dyn arrow::array::Array);
    }
}
