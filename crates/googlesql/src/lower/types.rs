//! Types.

use super::{Low, Lower, Refused, only, refuse};
use crate::ast::{Ident, Shape, TypeName};
use sqlparser::ast::{ArrayElemTypeDef, DataType, StructBracketKind, StructField};

impl Lower<'_> {
    /// A type; sqlparser gives it no position, so the caller does.
    pub(super) fn type_name(&self, data_type: &DataType, at: usize) -> Low<TypeName> {
        let shape = match data_type {
            DataType::Array(ArrayElemTypeDef::AngleBracket(element)) => {
                Shape::Array(Box::new(self.type_name(element, at)?))
            }
            DataType::Array(ArrayElemTypeDef::None) => Shape::Plain("ARRAY".to_owned(), Vec::new()),
            DataType::Struct(fields, StructBracketKind::AngleBrackets) if !fields.is_empty() => {
                Shape::Struct(self.struct_fields(fields, at)?)
            }
            DataType::Array(_) | DataType::Struct(..) | DataType::AnyType => return refuse("a type"),
            plain => plain_type(&plain.to_string())?,
        };
        Ok(TypeName { at, shape })
    }

    pub(super) fn struct_fields(&self, fields: &[StructField], at: usize) -> Low<Vec<(Option<Ident>, TypeName)>> {
        let field = |field: &StructField| {
            let StructField { field_name, field_type, options } = field;
            only(options.is_none(), "options of a field")?;
            let name = field_name.as_ref().map(|name| self.ident(name)).transpose()?;
            let at = name.as_ref().map_or(at, |name| name.at);
            Ok((name, self.type_name(field_type, at)?))
        };
        fields.iter().map(field).collect()
    }
}

/// `NAME` or `NAME(1,2)`, as sqlparser prints it.
fn plain_type(text: &str) -> Low<Shape> {
    let (name, params) = match text.split_once('(') {
        Some((name, params)) => (name, params.strip_suffix(')').ok_or(Refused("a type"))?),
        None => (text, ""),
    };
    only(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "a type of several words")?;
    let params: Vec<String> = params.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect();
    only(params.iter().all(|p| p.chars().all(|c| c.is_ascii_digit())), "a type parameter")?;
    Ok(Shape::Plain(name.to_uppercase(), params))
}
