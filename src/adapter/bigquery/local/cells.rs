//! Rows on their way into a table, column by column and without an allocation for each value.

use crate::adapter::duckdb::client::arrow;
use crate::adapter::{DbError, DbErrorKind};
use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

/// Texts, one behind the other in one buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    bytes: String,
    lengths: Vec<usize>,
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

/// Columns of equal length. The first one is the key: rows with a known key are not added again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    pub columns: Vec<(&'static str, Cells)>,
}

impl Texts {
    pub fn push(&mut self, text: Option<&str>) {
        self.bytes.push_str(text.unwrap_or_default());
        self.lengths.push(text.map_or(0, str::len));
        self.present.push(text.is_some());
    }

    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let ends = self.lengths.iter().scan(0, |end, length| {
            *end += length;
            Some((*end - length, *end))
        });
        ends.zip(&self.present).map(|((start, end), present)| present.then(|| &self.bytes[start..end]))
    }

    /// A batch of one column.
    pub fn record_batch(&self, name: &str) -> Result<RecordBatch, DbError> {
        self.array().and_then(|array| RecordBatch::try_from_iter([(name, Arc::new(array) as ArrayRef)])).map_err(odd)
    }

    fn array(&self) -> Result<StringArray, arrow::error::ArrowError> {
        // Arrow's offsets have 31 bits.
        if i32::try_from(self.bytes.len()).is_err() {
            let message = "the texts of one column of a batch take more than 2 GiB: make batches smaller";
            return Err(arrow::error::ArrowError::InvalidArgumentError(message.to_owned()));
        }
        let offsets = OffsetBuffer::from_lengths(self.lengths.iter().copied());
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
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, cells)| cells.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn keys(&self) -> Option<&Texts> {
        match self.columns.first() {
            Some((_, Cells::Text(keys))) => Some(keys),
            _ => None,
        }
    }

    /// The rows in Arrow's form; all of them, or those that `keep` marks.
    pub fn record_batch(&self, keep: Option<&[bool]>) -> Result<RecordBatch, DbError> {
        let build = || {
            let columns = self.columns.iter().map(|(name, cells)| Ok((*name, cells.array()?)));
            let all = RecordBatch::try_from_iter(columns.collect::<Result<Vec<_>, arrow::error::ArrowError>>()?)?;
            match keep {
                Some(keep) if keep.contains(&false) => {
                    arrow::compute::filter_record_batch(&all, &BooleanArray::from(keep.to_vec()))
                }
                _ => Ok(all),
            }
        };
        build().map_err(odd)
    }
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
        let ids: Texts = ["a", "b", "c"].into_iter().map(Some).collect();
        let rows = Rows { columns: vec![("id", Cells::Text(ids)), ("n", Cells::Int(vec![Some(1), None, Some(3)]))] };
        let batch = rows.record_batch(Some(&[true, false, true])).expect("columns of equal length");
        assert_eq!(batch.num_rows(), 2);
        assert_eq!(batch.column(1).as_ref(), &Int64Array::from(vec![Some(1), Some(3)]) as &dyn arrow::array::Array);
    }
}
