//! From a template's value to YAML: block style, two spaces, lines of about 80 signs.

use super::scalar;
use crate::call::bad;
use crate::value::{nested, pairs, python};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

const WIDTH: usize = 80;

/// `yaml.safe_dump(value, sort_keys=)`.
pub fn dump(value: &Value, sort_keys: bool) -> Result<String, Error> {
    let mut writer = Writer { out: String::new(), sort_keys };
    match collection(value) {
        Some(entries) if !entries.is_empty() => writer.block(value, 0, true)?,
        Some(_) => writer.out.push_str(&format!("{}\n", empty(value))),
        None => {
            let text = writer.scalar(value, 0)?;
            let plain = !text.starts_with(['\'', '"']);
            writer.out.push_str(&format!("{text}\n{}", if plain { "...\n" } else { "" }));
        }
    }
    Ok(writer.out)
}

struct Writer {
    out: String,
    sort_keys: bool,
}

/// The members of a list or tuple, or the entries of a dict as pairs.
fn collection(value: &Value) -> Option<Vec<(Option<Value>, Value)>> {
    match python::type_name(value).as_str() {
        "dict" => Some(pairs(value).into_iter().map(|(key, value)| (Some(key), value)).collect()),
        "list" | "tuple" => Some(python::items(value).ok()?.into_iter().map(|value| (None, value)).collect()),
        _ => None,
    }
}

fn empty(value: &Value) -> &'static str {
    if value.kind() == ValueKind::Map { "{}" } else { "[]" }
}

impl Writer {
    /// Members one below the other; the first one's indentation is there when `starts_line` is false.
    fn block(&mut self, value: &Value, indent: usize, starts_line: bool) -> Result<(), Error> {
        let walk = || self.members(value, indent, starts_line);
        let endless = || Err(bad("this value contains itself, or lies too deep for YAML"));
        nested::inside(nested::identity(value), walk).unwrap_or_else(endless)
    }

    fn members(&mut self, value: &Value, indent: usize, starts_line: bool) -> Result<(), Error> {
        let mut members = collection(value).unwrap_or_default();
        if self.sort_keys && value.kind() == ValueKind::Map {
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        for (at, (key, member)) in members.iter().enumerate() {
            if at > 0 || starts_line {
                self.out.push_str(&" ".repeat(indent));
            }
            match key {
                Some(key) => {
                    let key = self.scalar(key, indent)?;
                    self.out.push_str(&format!("{key}:"));
                    self.member(member, indent, true)?;
                }
                None => {
                    self.out.push('-');
                    self.member(member, indent, false)?;
                }
            }
        }
        Ok(())
    }

    fn member(&mut self, member: &Value, indent: usize, of_map: bool) -> Result<(), Error> {
        match collection(member) {
            Some(entries) if entries.is_empty() => self.out.push_str(&format!(" {}\n", empty(member))),
            Some(_) if of_map => {
                self.out.push('\n');
                // Lists stand below their key without further indentation.
                let deeper = if member.kind() == ValueKind::Map { indent + 2 } else { indent };
                return self.block(member, deeper, true);
            }
            Some(_) => {
                self.out.push(' ');
                return self.block(member, indent + 2, false);
            }
            None => {
                let text = self.scalar(member, indent + 2)?;
                self.out.push_str(&format!(" {text}\n"));
            }
        }
        Ok(())
    }

    fn scalar(&self, value: &Value, indent: usize) -> Result<String, Error> {
        Ok(match value.kind() {
            ValueKind::None => "null".to_owned(),
            ValueKind::Bool => if value.is_true() { "true" } else { "false" }.to_owned(),
            ValueKind::Number if value.is_integer() => value.to_string(),
            ValueKind::Number => float(python::number(value)?),
            ValueKind::String => text(value.as_str().unwrap_or_default(), indent, self.column()),
            ValueKind::Plain if python::type_name(value).starts_with("datetime.date") => value.to_string(),
            _ => return Err(bad(format!("cannot represent an object: {}", python::repr(value)))),
        })
    }

    fn column(&self) -> usize {
        self.out.rsplit('\n').next().map_or(0, |line| line.chars().count())
    }
}

fn float(value: f64) -> String {
    match value {
        v if v.is_nan() => ".nan".to_owned(),
        v if v.is_infinite() => if v > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
        v => {
            let text = python::float(v);
            // YAML 1.1 reads `1e+20` as text.
            if text.contains('.') { text } else { text.replacen('e', ".0e", 1) }
        }
    }
}

fn text(text: &str, indent: usize, column: usize) -> String {
    let printable = |c: char| c == '\n' || (' '..='~').contains(&c);
    if !text.chars().all(printable) || text.contains(" \n") {
        return double_quoted(text);
    }
    let means_text = scalar::resolve(text).as_str() == Some(text) && !["=", "<<"].contains(&text);
    if means_text && may_be_plain(text) {
        return folded(text, indent, column);
    }
    let quoted = text.replace('\'', "''");
    format!("'{}'", folded(&broken(&quoted, indent), indent, column + 1))
}

fn may_be_plain(text: &str) -> bool {
    let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return false };
    let second = chars.next();
    let leads = "#,[]{}&*!|>'\"%@`".contains(first) || ("-?:".contains(first) && blank(second));
    let inside = text.contains(": ") || text.contains(" #") || text.ends_with(':') || text.contains('\n');
    let edges = text.starts_with(' ') || text.ends_with(' ');
    let marks = text.starts_with("---") || text.starts_with("...");
    !(leads || inside || edges || marks)
}

/// Line breaks inside quotes are doubled, and the next line is indented.
fn broken(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut in_run = false;
    for c in text.chars() {
        if c == '\n' {
            out.push_str(if in_run { "\n" } else { "\n\n" });
        } else {
            if in_run {
                out.push_str(&" ".repeat(indent));
            }
            out.push(c);
        }
        in_run = c == '\n';
    }
    if in_run {
        out.push_str(&" ".repeat(indent));
    }
    out
}

/// Lines that are longer than `WIDTH` go on below at a single space.
fn folded(text: &str, indent: usize, column: usize) -> String {
    let mut out = String::new();
    let mut column = column + 1;
    let chars: Vec<char> = text.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let single = *c == ' ' && at > 0 && chars[at - 1] != ' ' && chars.get(at + 1).is_some_and(|next| *next != ' ');
        if single && column > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else {
            out.push(*c);
            column = if *c == '\n' { 0 } else { column + 1 };
        }
    }
    out
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\u{85}' => out.push_str("\\N"),
            '\u{a0}' => out.push_str("\\_"),
            ' '..='~' => out.push(c),
            c if u32::from(c) <= 0xff => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
