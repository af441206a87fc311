//! DuckDB's types, read from the names that DESCRIBE prints.

/// A type and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Plain(String),
    List(Box<Shape>),
    Struct(Vec<(String, Shape)>),
}

impl Shape {
    pub fn read(name: &str) -> Shape {
        let name = name.trim();
        if let Some(inner) = name.strip_suffix("[]") {
            return Shape::List(Box::new(Shape::read(inner)));
        }
        match name.strip_prefix("STRUCT(").and_then(|rest| rest.strip_suffix(')')) {
            Some(body) => Shape::Struct(parts(body).into_iter().map(field).collect()),
            None => Shape::Plain(name.to_owned()),
        }
    }
}

fn field(part: &str) -> (String, Shape) {
    let part = part.trim();
    let Some(rest) = part.strip_prefix('"') else {
        let (name, ty) = part.split_once(' ').unwrap_or(("", part));
        return (name.to_owned(), Shape::read(ty));
    };
    let bytes = rest.as_bytes();
    let mut end = 0;
    while end < bytes.len() && (bytes[end] != b'"' || bytes.get(end + 1) == Some(&b'"')) {
        end += if bytes[end] == b'"' { 2 } else { 1 };
    }
    let end = end.min(rest.len());
    (rest[..end].replace("\"\"", "\""), Shape::read(rest.get(end + 1..).unwrap_or_default()))
}

/// Splits at commas outside brackets and quotes.
fn parts(body: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0i32, false, 0);
    let mut found = Vec::new();
    for (at, c) in body.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                found.push(&body[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&body[start..]);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read() {
        let plain = |name: &str| Shape::Plain(name.to_owned());
        let shape = Shape::read("STRUCT(\"a \"\"b\"\"\" DECIMAL(38,9), l STRUCT(k VARCHAR)[])[]");
        let inner = Shape::Struct(vec![("k".into(), plain("VARCHAR"))]);
        let fields = vec![("a \"b\"".into(), plain("DECIMAL(38,9)")), ("l".into(), Shape::List(Box::new(inner)))];
        assert_eq!(shape, Shape::List(Box::new(Shape::Struct(fields))));
    }
}
