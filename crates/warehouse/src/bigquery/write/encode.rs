//! Rows as the Storage Write API takes them: a protobuf message for each, described by a schema that is sent along.
//! Schema, message and table have the columns of the rows, so they are those of the local table.

use crate::{Cells, Rows};
use gcp_bigquery_client::google::cloud::bigquery::storage::v1::ProtoSchema;
use prost::encoding::{self, WireType};
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

/// The rows that `keep` marks, in order; what is null is left out.
pub fn encode(rows: &Rows, keep: &[bool]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = keep.iter().map(|keep| Vec::with_capacity(if *keep { 512 } else { 0 })).collect();
    for (tag, (_, cells)) in (1..).zip(&rows.columns) {
        let outs = all.iter_mut().zip(keep);
        match cells {
            Cells::Text(texts) => outs.zip(texts.iter()).for_each(|((out, keep), text)| {
                if let (Some(text), true) = (text, keep) {
                    encoding::encode_key(tag, WireType::LengthDelimited, out);
                    encoding::encode_varint(text.len() as u64, out);
                    out.extend_from_slice(text.as_bytes());
                }
            }),
            Cells::Bytes(values) => outs.zip(values).filter(|((_, keep), _)| **keep).for_each(|((out, _), value)| {
                value.iter().for_each(|value| encoding::bytes::encode(tag, value, out));
            }),
            Cells::Int(values) | Cells::Timestamp(values) => {
                outs.zip(values).filter(|((_, keep), _)| **keep).for_each(|((out, _), value)| {
                    value.iter().for_each(|value| encoding::int64::encode(tag, value, out));
                });
            }
        }
    }
    all.into_iter().zip(keep).filter_map(|(out, keep)| keep.then_some(out)).collect()
}
