//! Rows as the Storage Write API takes them: a protobuf message for each, described by a schema that is sent along.
//! Schema, message and table have the columns of the rows, so they are those of the local table.

use crate::{Cells, Field, Kind, Rows};
use gcp_bigquery_client::google::cloud::bigquery::storage::v1::ProtoSchema;
use prost::encoding::{self, WireType};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};
use serde_json::{Value as Json, json};

/// The type of a column on the wire and in the table. A TIMESTAMP travels as microseconds.
fn kinds(kind: Kind) -> (Type, &'static str) {
    match kind {
        Kind::Text => (Type::String, "STRING"),
        Kind::Int => (Type::Int64, "INTEGER"),
        Kind::Bytes => (Type::Bytes, "BYTES"),
        Kind::Timestamp => (Type::Int64, "TIMESTAMP"),
    }
}

/// The columns as the tables API has them.
pub fn fields(fields: &[Field]) -> Vec<Json> {
    let mode = |field: &Field| if field.required { "REQUIRED" } else { "NULLABLE" };
    fields.iter().map(|field| json!({"name": field.name, "type": kinds(field.kind).1, "mode": mode(field)})).collect()
}

/// The message that `encode` writes.
pub fn schema(fields: &[Field]) -> ProtoSchema {
    let described = |(number, field): (i32, &Field)| FieldDescriptorProto {
        name: Some(field.name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional as i32),
        r#type: Some(kinds(field.kind).0 as i32),
        ..Default::default()
    };
    let field = (1..).zip(fields).map(described).collect();
    ProtoSchema {
        proto_descriptor: Some(DescriptorProto { name: Some("Row".to_owned()), field, ..Default::default() }),
    }
}

/// The rows that `keep` marks, in order; what is null is left out.
pub fn encode(rows: &Rows, keep: &[bool]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = keep.iter().map(|keep| Vec::with_capacity(if *keep { 512 } else { 0 })).collect();
    for (tag, cells) in (1..).zip(rows.columns()) {
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
