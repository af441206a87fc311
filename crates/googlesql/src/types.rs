//! BigQuery's types: their names, their order of coercion and how DuckDB stores them.

use super::ast::{Shape, TypeName};
use super::{Result, SqlError};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// an untyped NULL, which takes any type
    Null,
    /// what could not be analyzed; it coerces both ways, so that one mistake gives one message
    Unknown,
    Bool,
    Int64,
    Float64,
    Numeric,
    BigNumeric,
    String,
    Bytes,
    Date,
    Time,
    DateTime,
    Timestamp,
    Interval,
    Json,
    Geography,
    Range(Box<Type>),
    Array(Box<Type>),
    Struct(Vec<Field>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: Option<String>,
    pub ty: Type,
}

/// BigQuery name and aliases, DuckDB name.
const PLAIN: &[(&str, Type, &str)] = &[
    ("BOOL", Type::Bool, "BOOLEAN"),
    ("BOOLEAN", Type::Bool, "BOOLEAN"),
    ("INT64", Type::Int64, "BIGINT"),
    ("INT", Type::Int64, "BIGINT"),
    ("INTEGER", Type::Int64, "BIGINT"),
    ("BIGINT", Type::Int64, "BIGINT"),
    ("SMALLINT", Type::Int64, "BIGINT"),
    ("TINYINT", Type::Int64, "BIGINT"),
    ("BYTEINT", Type::Int64, "BIGINT"),
    ("FLOAT64", Type::Float64, "DOUBLE"),
    ("FLOAT", Type::Float64, "DOUBLE"),
    ("NUMERIC", Type::Numeric, "DECIMAL(38,9)"),
    ("DECIMAL", Type::Numeric, "DECIMAL(38,9)"),
    ("BIGNUMERIC", Type::BigNumeric, "DECIMAL(38,18)"),
    ("BIGDECIMAL", Type::BigNumeric, "DECIMAL(38,18)"),
    ("STRING", Type::String, "VARCHAR"),
    ("BYTES", Type::Bytes, "BLOB"),
    ("DATE", Type::Date, "DATE"),
    ("TIME", Type::Time, "TIME"),
    ("DATETIME", Type::DateTime, "TIMESTAMP"),
    ("TIMESTAMP", Type::Timestamp, "TIMESTAMP WITH TIME ZONE"),
    ("INTERVAL", Type::Interval, "INTERVAL"),
    ("JSON", Type::Json, "JSON"),
    ("GEOGRAPHY", Type::Geography, "GEOGRAPHY"),
];

impl Type {
    pub fn of_name(name: &TypeName) -> Result<Type> {
        Ok(match &name.shape {
            Shape::Plain(word, _) => match PLAIN.iter().find(|(known, ..)| known.eq_ignore_ascii_case(word)) {
                Some((_, ty, _)) => ty.clone(),
                None => return Err(SqlError::semantic(format!("Type not found: {word}"), name.at)),
            },
            Shape::Array(inner) => match Type::of_name(inner)? {
                Type::Array(_) => return Err(SqlError::semantic("Arrays of arrays are not supported", name.at)),
                inner => Type::Array(Box::new(inner)),
            },
            Shape::Range(inner) => match Type::of_name(inner)? {
                ty @ (Type::Date | Type::DateTime | Type::Timestamp) => Type::Range(Box::new(ty)),
                ty => return Err(SqlError::semantic(format!("RANGE<{ty}> is not a type"), name.at)),
            },
            Shape::Struct(fields) => Type::Struct(
                fields
                    .iter()
                    .map(|(name, ty)| Ok(Field { name: name.as_ref().map(|n| n.text.clone()), ty: Type::of_name(ty)? }))
                    .collect::<Result<_>>()?,
            ),
        })
    }

    /// How DuckDB writes the type.
    pub fn duck(&self) -> String {
        match self {
            Type::Null | Type::Unknown => "BIGINT".into(),
            Type::Geography => "STRUCT(\"_wkt\" VARCHAR)".into(),
            Type::Range(inner) => format!("STRUCT(\"_start\" {0}, \"_end\" {0})", inner.duck()),
            Type::Array(inner) => format!("{}[]", inner.duck()),
            Type::Struct(fields) => {
                let names = field_names(fields);
                let list: Vec<String> =
                    fields.iter().zip(names).map(|(f, name)| format!("{} {}", quote(&name), f.ty.duck())).collect();
                format!("STRUCT({})", list.join(", "))
            }
            plain => PLAIN.iter().find(|(_, ty, _)| ty == plain).map_or("VARCHAR", |(.., duck)| duck).to_owned(),
        }
    }

    /// The BigQuery type of a DuckDB column, from the name that DESCRIBE prints.
    pub fn of_duck(name: &str) -> Type {
        let name = name.trim();
        if let Some(inner) = name.strip_suffix("[]") {
            return Type::Array(Box::new(Type::of_duck(inner)));
        }
        if let Some(body) = name.strip_prefix("STRUCT(").and_then(|rest| rest.strip_suffix(')')) {
            return struct_of_duck(body);
        }
        if let Some(inside) = name.strip_prefix("DECIMAL(").and_then(|rest| rest.strip_suffix(')')) {
            let scale = inside.split(',').nth(1).and_then(|s| s.trim().parse::<u32>().ok()).unwrap_or(0);
            return if scale > 9 { Type::BigNumeric } else { Type::Numeric };
        }
        match name {
            "TINYINT" | "SMALLINT" | "INTEGER" | "UTINYINT" | "USMALLINT" | "UINTEGER" | "UBIGINT" | "HUGEINT"
            | "UHUGEINT" => Type::Int64,
            "FLOAT" => Type::Float64,
            "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" => Type::DateTime,
            _ => PLAIN.iter().find(|(.., duck)| *duck == name).map_or(Type::String, |(_, ty, _)| ty.clone()),
        }
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Type::Int64 | Type::Float64 | Type::Numeric | Type::BigNumeric)
    }

    /// NUMERIC and BIGNUMERIC.
    pub fn is_exact(&self) -> bool {
        matches!(self, Type::Numeric | Type::BigNumeric)
    }

    pub fn element(&self) -> Option<&Type> {
        match self {
            Type::Array(inner) => Some(inner),
            _ => None,
        }
    }

    /// Whether GROUP BY, DISTINCT and comparison work on the type.
    pub fn groupable(&self) -> bool {
        match self {
            Type::Json | Type::Geography => false,
            Type::Array(inner) => inner.groupable(),
            Type::Struct(fields) => fields.iter().all(|f| f.ty.groupable()),
            _ => true,
        }
    }

    /// How far an implicit coercion to `to` is; `None` when there is none.
    pub fn distance(&self, to: &Type) -> Option<u32> {
        use Type::*;
        if self == to || *self == Unknown || *to == Unknown {
            return Some(0);
        }
        match (self, to) {
            (Null, _) => Some(1),
            (Int64, Float64) => Some(2),
            (Int64, Numeric) => Some(3),
            (Int64, BigNumeric) => Some(4),
            (Numeric, BigNumeric) => Some(2),
            (Numeric, Float64) => Some(3),
            (BigNumeric, Float64) => Some(2),
            (Date, DateTime) => Some(2),
            (Array(a), Array(b)) => a.distance(b).filter(|_| **a == Null || a == b || matches!(**a, Struct(_))),
            (Struct(a), Struct(b)) if a.len() == b.len() => {
                let mut sum = 1;
                for (x, y) in a.iter().zip(b) {
                    sum += x.ty.distance(&y.ty)?;
                }
                Some(sum)
            }
            _ => None,
        }
    }

    /// The nearest type that both coerce to.
    pub fn common(&self, other: &Type) -> Option<Type> {
        if *self == Type::Unknown || *other == Type::Unknown {
            return Some(Type::Unknown);
        }
        if let (Type::Struct(a), Type::Struct(b)) = (self, other)
            && a.len() == b.len()
        {
            let fields: Option<Vec<Field>> =
                a.iter().zip(b).map(|(x, y)| Some(Field { name: x.name.clone(), ty: x.ty.common(&y.ty)? })).collect();
            return fields.map(Type::Struct);
        }
        if let (Type::Array(a), Type::Array(b)) = (self, other) {
            return (a == b || **a == Type::Null || **b == Type::Null || matches!(**a, Type::Struct(_)))
                .then(|| a.common(b))
                .flatten()
                .map(|t| Type::Array(Box::new(t)));
        }
        if self.distance(other).is_some() {
            return Some(other.clone());
        }
        other.distance(self).map(|_| self.clone())
    }
}

/// A type fit for a column: an untyped NULL is an INT64.
pub fn known(ty: &Type) -> Type {
    match ty {
        Type::Null => Type::Int64,
        Type::Array(inner) => Type::Array(Box::new(known(inner))),
        _ => ty.clone(),
    }
}

/// The physical field names of a struct: DuckDB wants every field named, and once.
pub fn field_names(fields: &[Field]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(fields.len());
    for (i, field) in fields.iter().enumerate() {
        let wanted = field.name.clone().filter(|n| !n.is_empty() && !names.iter().any(|m| m.eq_ignore_ascii_case(n)));
        names.push(wanted.unwrap_or_else(|| format!("_f{i}_")));
    }
    names
}

/// A DuckDB identifier.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn struct_of_duck(body: &str) -> Type {
    let mut fields = Vec::new();
    for part in split_top(body) {
        let part = part.trim();
        let (name, ty) = match part.strip_prefix('"') {
            Some(rest) => {
                let mut end = 0;
                let bytes = rest.as_bytes();
                while end < bytes.len() && (bytes[end] != b'"' || bytes.get(end + 1) == Some(&b'"')) {
                    end += if bytes[end] == b'"' { 2 } else { 1 };
                }
                (rest[..end].replace("\"\"", "\""), &rest[(end + 1).min(rest.len())..])
            }
            None => part.split_once(' ').map_or((String::new(), part), |(n, t)| (n.to_owned(), t)),
        };
        let anonymous =
            name.strip_prefix("_f").and_then(|n| n.strip_suffix('_')).is_some_and(|n| n.parse::<usize>().is_ok());
        fields.push(Field { name: (!anonymous).then_some(name), ty: Type::of_duck(ty) });
    }
    let names: Vec<&str> = fields.iter().filter_map(|f| f.name.as_deref()).collect();
    match (names.as_slice(), fields.as_slice()) {
        (["_wkt"], _) => Type::Geography,
        (["_start", "_end"], [first, _]) => Type::Range(Box::new(first.ty.clone())),
        _ => Type::Struct(fields),
    }
}

/// Splits at commas outside brackets and quotes.
fn split_top(body: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0i32, false, 0);
    let mut parts = Vec::new();
    for (i, c) in body.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(&body[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if start < body.len() {
        parts.push(&body[start..]);
    }
    parts
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Null => f.write_str("INT64"),
            Type::Unknown => f.write_str("UNKNOWN"),
            Type::Range(inner) => write!(f, "RANGE<{inner}>"),
            Type::Array(inner) => write!(f, "ARRAY<{inner}>"),
            Type::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (i, field) in fields.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    if let Some(name) = &field.name {
                        write!(f, "{name} ")?;
                    }
                    write!(f, "{}", field.ty)?;
                }
                f.write_str(">")
            }
            plain => f.write_str(PLAIN.iter().find(|(_, ty, _)| ty == plain).map_or("?", |(name, ..)| name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duckdb_names_round_trip() {
        let ty = Type::Array(Box::new(Type::Struct(vec![
            Field { name: Some("a b".into()), ty: Type::Numeric },
            Field { name: None, ty: Type::Range(Box::new(Type::Date)) },
            Field { name: Some("t".into()), ty: Type::Array(Box::new(Type::Timestamp)) },
        ])));
        assert_eq!(Type::of_duck(&ty.duck()), ty);
        assert_eq!(ty.to_string(), "ARRAY<STRUCT<a b NUMERIC, RANGE<DATE>, t ARRAY<TIMESTAMP>>>");
    }

    #[test]
    fn numbers_widen_and_never_narrow() {
        assert_eq!(Type::Int64.common(&Type::Float64), Some(Type::Float64));
        assert_eq!(Type::Numeric.common(&Type::Float64), Some(Type::Float64));
        assert_eq!(Type::Float64.distance(&Type::Int64), None);
    }
}
