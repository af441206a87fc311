//! Arrow's arrays, schemas and C interface under the paths of the crate `arrow`, without its kernels (sort, cast, arithmetic,
//! strings), which take longer to compile than anything else in the tree and which nothing here calls.

pub use arrow_array::temporal_conversions;
pub use arrow_buffer::{alloc, buffer};
pub use arrow_schema::ArrowError;

#[cfg(feature = "ffi")]
pub use arrow_array::{ffi, ffi_stream};

pub mod array {
    pub use arrow_array::builder::*;
    pub use arrow_array::cast::*;
    pub use arrow_array::iterator::*;
    pub use arrow_array::*;
    pub use arrow_data::transform::{Capacities, MutableArrayData};
    pub use arrow_data::{ArrayData, ArrayDataBuilder, ArrayDataRef, BufferSpec, DataTypeLayout, layout};
}

pub mod datatypes {
    pub use arrow_array::types::*;
    pub use arrow_array::{ArrowNativeTypeOp, ArrowNumericType, ArrowPrimitiveType};
    pub use arrow_buffer::{ArrowNativeType, ToByteSlice, i256};
    pub use arrow_schema::{
        DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaBuilder, SchemaRef, TimeUnit, UnionFields,
        UnionMode,
    };
}

pub mod error {
    pub use arrow_schema::ArrowError;
    pub type Result<T> = std::result::Result<T, ArrowError>;
}

pub mod record_batch {
    pub use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchOptions, RecordBatchReader, RecordBatchWriter};
}

pub mod compute {
    use arrow_array::{Array, ArrayRef, make_array};
    use arrow_schema::{ArrowError, DataType};

    /// The array itself where it has the wanted type already, which holds for all that rsdbt gives to `duckdb`.
    ///
    /// # Errors
    /// `NotYetImplemented` for another type: the kernels that convert are not here.
    pub fn cast(array: &dyn Array, to: &DataType) -> Result<ArrayRef, ArrowError> {
        if array.data_type() == to {
            return Ok(make_array(array.to_data()));
        }
        Err(ArrowError::NotYetImplemented(format!("a conversion of {} into {to}", array.data_type())))
    }
}
