//! DuckDB's names: of types, of identifiers, of texts.

use rsdbt_googlesql::types::{Field, Type, field_names};

/// Types without parts, by the name that DuckDB gives them.
const PLAIN: &[(Type, &str)] = &[
    (Type::Bool, "BOOLEAN"),
    (Type::Int64, "BIGINT"),
    (Type::Float64, "DOUBLE"),
    (Type::Numeric, "DECIMAL(38,9)"),
    (Type::BigNumeric, "DECIMAL(38,18)"),
    (Type::String, "VARCHAR"),
    (Type::Bytes, "BLOB"),
    (Type::Date, "DATE"),
    (Type::Time, "TIME"),
    (Type::DateTime, "TIMESTAMP"),
    (Type::Timestamp, "TIMESTAMP WITH TIME ZONE"),
    (Type::Interval, "INTERVAL"),
    (Type::Json, "JSON"),
];

/// How DuckDB writes a type.
pub fn duck(ty: &Type) -> String {
    match ty {
        Type::Null | Type::Unknown => "BIGINT".into(),
        Type::Geography => "STRUCT(\"_wkt\" VARCHAR)".into(),
        Type::Range(inner) => format!("STRUCT(\"_start\" {0}, \"_end\" {0})", duck(inner)),
        Type::Array(inner) => format!("{}[]", duck(inner)),
        Type::Struct(fields) => {
            let names = field_names(fields);
            let list: Vec<String> =
                fields.iter().zip(names).map(|(f, name)| format!("{} {}", quote(&name), duck(&f.ty))).collect();
            format!("STRUCT({})", list.join(", "))
        }
        plain => PLAIN.iter().find(|(ty, _)| ty == plain).map_or("VARCHAR", |(_, name)| name).to_owned(),
    }
}

/// The BigQuery type of a DuckDB column, from the name that DESCRIBE prints.
pub fn of_duck(name: &str) -> Type {
    let name = name.trim();
    if let Some(inner) = name.strip_suffix("[]") {
        return Type::Array(Box::new(of_duck(inner)));
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
        _ => PLAIN.iter().find(|(_, duck)| *duck == name).map_or(Type::String, |(ty, _)| ty.clone()),
    }
}

/// A DuckDB identifier.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A DuckDB string literal.
pub fn text(value: &str) -> String {
    if value.contains('\0') {
        let parts: Vec<String> = value.split('\0').map(|part| format!("'{}'", part.replace('\'', "''"))).collect();
        return format!("({})", parts.join(" || chr(0) || "));
    }
    format!("'{}'", value.replace('\'', "''"))
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
        fields.push(Field { name: (!anonymous).then_some(name), ty: of_duck(ty) });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let ty = Type::Array(Box::new(Type::Struct(vec![
            Field { name: Some("a b".into()), ty: Type::Numeric },
            Field { name: None, ty: Type::Range(Box::new(Type::Date)) },
            Field { name: Some("g".into()), ty: Type::Geography },
            Field { name: Some("j".into()), ty: Type::Array(Box::new(Type::Json)) },
            Field { name: Some("say \"t\"".into()), ty: Type::Array(Box::new(Type::Timestamp)) },
        ])));
        assert_eq!(of_duck(&duck(&ty)), ty);
        assert_eq!(of_duck("JSON"), Type::Json);
    }

    #[test]
    fn texts_may_hold_quotes_and_zeros() {
        assert_eq!(text("it's"), "'it''s'");
        assert_eq!(text("a\0b"), "('a' || chr(0) || 'b')");
    }
}
