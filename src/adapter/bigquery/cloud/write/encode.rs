//! Rows as the Storage Write API takes them: a protobuf message for each, described by a schema that is sent along.
//! Schema, message and table have the columns of the rows, so they are those of the local table.

use crate::adapter::bigquery::local::{Cells, Rows};
use gcp_bigquery_client::google::cloud::bigquery::storage::v1::ProtoSchema;
use prost::encoding;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};
use serde_json::{Value as Json, json};

/// The type of a column on the wire and in the table. A TIMESTAMP travels as microseconds.
fn kinds(cells: &Cells) -> (Type, &'static str) {
    match cells {
        Cells::Text(_) => (Type::String, "STRING"),
        Cells::Int(_) => (Type::Int64, "INTEGER"),
        Cells::Bytes(_) => (Type::Bytes, "BYTES"),
        Cells::Timestamp(_) => (Type::Int64, "TIMESTAMP"),
    }
}

/// The columns as the tables API has them. The first one is the key, and never null.
pub fn fields(rows: &Rows) -> Vec<Json> {
    let mode = |at: usize| if at == 0 { "REQUIRED" } else { "NULLABLE" };
    let columns = rows.columns.iter().enumerate();
    columns.map(|(at, (name, cells))| json!({"name": name, "type": kinds(cells).1, "mode": mode(at)})).collect()
}

/// The message that `encode` writes.
pub fn schema(rows: &Rows) -> ProtoSchema {
    let field = |(at, (name, cells)): (usize, &(&str, Cells))| FieldDescriptorProto {
        name: Some((*name).to_owned()),
        number: Some(at as i32 + 1),
        label: Some(Label::Optional as i32),
        r#type: Some(kinds(cells).0 as i32),
        ..Default::default()
    };
    let field = rows.columns.iter().enumerate().map(field).collect();
    ProtoSchema {
        proto_descriptor: Some(DescriptorProto { name: Some("Row".to_owned()), field, ..Default::default() }),
    }
}

/// One row; what is null is left out.
pub fn encode(rows: &Rows, row: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    for (tag, (_, cells)) in (1..).zip(&rows.columns) {
        match cells {
            Cells::Text(values) => values[row].iter().for_each(|value| encoding::string::encode(tag, value, &mut out)),
            Cells::Bytes(values) => values[row].iter().for_each(|value| encoding::bytes::encode(tag, value, &mut out)),
            Cells::Int(values) | Cells::Timestamp(values) => {
                values[row].iter().for_each(|value| encoding::int64::encode(tag, value, &mut out));
            }
        }
    }
    out
}
