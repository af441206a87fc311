//! JSON as Python's `json.dumps` writes it: `, ` and `: ` between items, everything beyond ASCII escaped.

use super::call::bad;
use super::value::{nested, pairs, python};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

/// `json.dumps(value, sort_keys=, indent=)`.
pub fn dumps(value: &Value, sort_keys: bool, indent: Option<usize>) -> Result<String, Error> {
    let mut writer = Writer { out: String::new(), sort_keys, indent, level: 0 };
    writer.value(value)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    sort_keys: bool,
    indent: Option<usize>,
    level: usize,
}

fn endless() -> Result<(), Error> {
    Err(bad("Circular reference detected"))
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), Error> {
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.out.push_str(&number(value)),
            ValueKind::String => self.text(value.as_str().unwrap_or_default()),
            ValueKind::Map if python::type_name(value) == "dict" => {
                return nested::inside(nested::identity(value), || self.object(value)).unwrap_or_else(endless);
            }
            ValueKind::Seq if ["list", "tuple"].contains(&python::type_name(value).as_str()) => {
                return nested::inside(nested::identity(value), || self.array(value)).unwrap_or_else(endless);
            }
            _ => {
                let kind = python::type_name(value).replace("datetime.", "");
                return Err(bad(format!("Object of type {kind} is not JSON serializable")));
            }
        }
        Ok(())
    }

    fn line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.push_str(&" ".repeat(indent * self.level));
        }
    }

    fn separator(&mut self, first: bool) {
        if !first {
            self.out.push_str(if self.indent.is_some() { "," } else { ", " });
        }
        self.line();
    }

    fn array(&mut self, value: &Value) -> Result<(), Error> {
        let items = python::items(value)?;
        self.out.push('[');
        self.level += 1;
        for (at, item) in items.iter().enumerate() {
            self.separator(at == 0);
            self.value(item)?;
        }
        self.level -= 1;
        if !items.is_empty() {
            self.line();
        }
        self.out.push(']');
        Ok(())
    }

    fn object(&mut self, value: &Value) -> Result<(), Error> {
        let mut entries = pairs(value);
        if self.sort_keys {
            crate::filters::ordered(&mut entries, false)?;
        }
        self.out.push('{');
        self.level += 1;
        for (at, (key, item)) in entries.iter().enumerate() {
            self.separator(at == 0);
            self.key(key)?;
            self.out.push_str(": ");
            self.value(item)?;
        }
        self.level -= 1;
        if !entries.is_empty() {
            self.line();
        }
        self.out.push('}');
        Ok(())
    }

    fn key(&mut self, key: &Value) -> Result<(), Error> {
        match key.kind() {
            ValueKind::String => self.text(key.as_str().unwrap_or_default()),
            ValueKind::None => self.text("null"),
            ValueKind::Bool => self.text(if key.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.text(&number(key)),
            _ => {
                let kind = python::type_name(key);
                return Err(bad(format!("keys must be str, int, float, bool or None, not {kind}")));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                ' '..='~' => self.out.push(c),
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        self.out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
        }
        self.out.push('"');
    }
}

fn number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(float) if !value.is_integer() && float.is_nan() => "NaN".to_owned(),
        Ok(float) if !value.is_integer() && float.is_infinite() => {
            if float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
        }
        _ => python::repr(value),
    }
}
