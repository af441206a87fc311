//! YAML with places: every value knows its line and column, duplicate keys are refused.

use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Place};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, SpannedEventReceiver};
use serde_json::Value as Json;
use std::collections::HashMap;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Yaml {
    pub node: Node,
    pub line: usize,
    pub column: usize,
}

#[derive(Debug, Clone)]
pub enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Yaml>),
    Map(IndexMap<String, (Yaml, usize)>),
}

static NULL: Yaml = Yaml { node: Node::Null, line: 0, column: 0 };

impl Yaml {
    pub fn get(&self, key: &str) -> &Yaml {
        match &self.node {
            Node::Map(map) => map.get(key).map_or(&NULL, |(value, _)| value),
            _ => &NULL,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.node, Node::Null)
    }

    pub fn text(&self) -> Option<String> {
        match &self.node {
            Node::Text(text) => Some(text.clone()),
            Node::Int(value) => Some(value.to_string()),
            Node::Float(value) => Some(value.to_string()),
            Node::Bool(value) => Some(value.to_string()),
            _ => None,
        }
    }

    pub fn flag(&self) -> Option<bool> {
        match &self.node {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn list(&self) -> &[Yaml] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = (&String, &Yaml)> {
        let map = match &self.node {
            Node::Map(map) => Some(map),
            _ => None,
        };
        map.into_iter().flatten().map(|(key, (value, _))| (key, value))
    }

    pub fn is_map(&self) -> bool {
        matches!(self.node, Node::Map(_))
    }

    /// A list of texts; one text alone counts as a list of one.
    pub fn texts(&self) -> Vec<String> {
        match &self.node {
            Node::List(items) => items.iter().filter_map(Yaml::text).collect(),
            _ => self.text().into_iter().collect(),
        }
    }

    pub fn place(&self, file: &str) -> Place {
        Place::at(file, self.line, self.column)
    }

    pub fn to_json(&self) -> Json {
        match &self.node {
            Node::Null => Json::Null,
            Node::Bool(value) => Json::Bool(*value),
            Node::Int(value) => Json::from(*value),
            Node::Float(value) => Json::from(*value),
            Node::Text(text) => Json::from(text.as_str()),
            Node::List(items) => Json::Array(items.iter().map(Yaml::to_json).collect()),
            Node::Map(map) => Json::Object(map.iter().map(|(k, (v, _))| (k.clone(), v.to_json())).collect()),
        }
    }
}

struct Builder<'f> {
    file: &'f str,
    /// Open collections; a map also holds the key that waits for its value.
    stack: Vec<(Yaml, Option<(String, usize)>, usize)>,
    anchors: HashMap<usize, Yaml>,
    root: Option<Yaml>,
    fault: Option<Diagnostic>,
}

/// Reads one document. Errors: not YAML, or a key twice in one map.
pub fn parse(file: &str, text: &str) -> Result<Yaml, Diagnostic> {
    let mut builder = Builder { file, stack: Vec::new(), anchors: HashMap::new(), root: None, fault: None };
    if let Err(error) = Parser::new_from_str(text).load(&mut builder, false) {
        let marker = error.marker();
        let place = Place::at(file, marker.line(), marker.col() + 1);
        let message = error.info().to_owned();
        return Err(Diagnostic::error(Code::YAML, format!("this is not valid YAML: {message}")).at(place).source(text));
    }
    match builder.fault {
        Some(fault) => Err(fault.source(text)),
        None => Ok(builder.root.unwrap_or(Yaml { node: Node::Null, line: 1, column: 1 })),
    }
}

impl<'input> SpannedEventReceiver<'input> for Builder<'_> {
    fn on_event(&mut self, event: Event<'input>, span: Span) {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let open = |node| Yaml { node, line, column };
        match event {
            Event::SequenceStart(anchor, _) => self.stack.push((open(Node::List(Vec::new())), None, anchor)),
            Event::MappingStart(anchor, _) => self.stack.push((open(Node::Map(IndexMap::new())), None, anchor)),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((value, _, anchor)) = self.stack.pop() {
                    self.value(merged(value), anchor);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = match style {
                    ScalarStyle::Plain if tag.is_none() => plain(&text),
                    _ => Node::Text(text.into_owned()),
                };
                self.value(open(node), anchor);
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or_else(|| open(Node::Null));
                self.value(value, 0);
            }
            _ => {}
        }
    }
}

impl Builder<'_> {
    fn value(&mut self, value: Yaml, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        let Some((parent, pending, _)) = self.stack.last_mut() else {
            self.root.get_or_insert(value);
            return;
        };
        match &mut parent.node {
            Node::List(items) => items.push(value),
            Node::Map(map) => match pending.take() {
                None => *pending = Some((value.text().unwrap_or_else(|| "null".to_owned()), value.line)),
                Some((key, line)) => {
                    if map.contains_key(&key) && self.fault.is_none() {
                        let message = format!("the key '{key}' appears twice in this map");
                        let place = Place::at(self.file, line, parent.column);
                        self.fault = Some(Diagnostic::error(Code::YAML, message).at(place));
                    }
                    map.insert(key, (value, line));
                }
            },
            _ => {}
        }
    }
}

/// `<<: *base` merges the entries of another map.
fn merged(mut value: Yaml) -> Yaml {
    if let Node::Map(map) = &mut value.node
        && let Some((base, line)) = map.shift_remove("<<")
    {
        let bases = if base.is_map() { vec![base] } else { base.list().to_vec() };
        for base in bases {
            for (key, inherited) in base.entries() {
                map.entry(key.clone()).or_insert_with(|| (inherited.clone(), line));
            }
        }
    }
    value
}

/// The type of a plain scalar, as PyYAML (YAML 1.1) reads it.
fn plain(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Node::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Node::Bool(false),
        ".nan" | ".NaN" => return Node::Float(f64::NAN),
        ".inf" => return Node::Float(f64::INFINITY),
        "-.inf" => return Node::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.starts_with(|c: char| c.is_ascii_digit()) || digits.starts_with('.') {
        let unscored = text.replace('_', "");
        if let Ok(value) = unscored.parse::<i64>()
            && !(digits.len() > 1 && digits.starts_with('0'))
        {
            return Node::Int(value);
        }
        if unscored.contains('.')
            && let Ok(value) = unscored.parse::<f64>()
        {
            return Node::Float(value);
        }
    }
    Node::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_place_and_type() {
        let yaml = parse("a.yml", "a: 1\nb:\n  - x\n  - \"2\"\nc: yes\n").expect("valid");
        assert_eq!(yaml.get("b").list()[1].text().as_deref(), Some("2"));
        assert_eq!(yaml.get("b").list()[1].line, 4);
        assert_eq!(yaml.get("c").flag(), Some(true));
        assert_eq!(yaml.to_json().to_string(), r#"{"a":1,"b":["x","2"],"c":true}"#);
    }

    #[test]
    fn a_key_twice_is_refused_with_its_line() {
        let error = parse("a.yml", "a: 1\nb: 2\na: 3\n").expect_err("twice");
        assert_eq!(error.place.map(|p| p.line), Some(3));
    }

    #[test]
    fn anchors_and_merges() {
        let yaml = parse("a.yml", "x: &b {k: 1, l: 2}\ny:\n  <<: *b\n  l: 3\n").expect("valid");
        assert_eq!(yaml.get("y").to_json().to_string(), r#"{"l":3,"k":1}"#);
    }
}
