//! YAML with places: every value knows its line and column, duplicate keys are refused.

use indexmap::IndexMap;
use rsdbt_base::{Code, Diagnostic, Place};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
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

/// How many values a file may have after its aliases are written out, and how deep they may lie in each other: a few lines
/// of aliases of aliases would otherwise fill the memory.
const MOST: usize = 1_000_000;
const DEEPEST: usize = 200;

/// A collection that is not closed yet.
struct Open {
    value: Yaml,
    /// The key of a map that waits for its value.
    pending: Option<(String, usize)>,
    anchor: usize,
    /// How many values there were before it.
    before: usize,
    height: usize,
}

/// What an alias stands for, how many values it has, and how deep they lie in each other.
#[derive(Clone)]
struct Anchored {
    value: Yaml,
    count: usize,
    height: usize,
}

struct Builder<'f> {
    file: &'f str,
    stack: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    count: usize,
    root: Option<Yaml>,
}

/// Reads one document. Errors: not YAML, a key twice in one map, more than anybody writes.
pub fn parse(file: &str, text: &str) -> Result<Yaml, Diagnostic> {
    let mut builder = Builder { file, stack: Vec::new(), anchors: HashMap::new(), count: 0, root: None };
    // Event by event: `load` recurses into what is nested.
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let (marker, message) = (error.marker(), format!("this is not valid YAML: {}", error.info()));
                let place = Place::at(file, marker.line(), marker.col() + 1);
                return Err(Diagnostic::error(Code::YAML, message).at(place).source(text));
            }
        };
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        builder.event(event, span).map_err(|fault| fault.source(text))?;
    }
    Ok(builder.root.unwrap_or(Yaml { node: Node::Null, line: 1, column: 1 }))
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let made = |node| Yaml { node, line, column };
        match event {
            Event::SequenceStart(anchor, _) => self.open(made(Node::List(Vec::new())), anchor)?,
            Event::MappingStart(anchor, _) => self.open(made(Node::Map(IndexMap::new())), anchor)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    let (count, height) = (self.count - open.before, open.height + 1);
                    self.value(Anchored { value: merged(open.value), count, height }, open.anchor)?;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = match style {
                    ScalarStyle::Plain if tag.is_none() => plain(&text),
                    _ => Node::Text(text.into_owned()),
                };
                self.more(1, 0, (line, column))?;
                self.value(Anchored { value: made(node), count: 1, height: 0 }, anchor)?;
            }
            Event::Alias(anchor) => {
                let nothing = || Anchored { value: made(Node::Null), count: 1, height: 0 };
                let (count, height) = self.anchors.get(&anchor).map_or((1, 0), |meant| (meant.count, meant.height));
                self.more(count, height, (line, column))?;
                let meant = self.anchors.get(&anchor).cloned().unwrap_or_else(nothing);
                self.value(meant, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, value: Yaml, anchor: usize) -> Result<(), Diagnostic> {
        let before = self.count;
        self.more(1, 1, (value.line, value.column))?;
        self.stack.push(Open { value, pending: None, anchor, before, height: 0 });
        Ok(())
    }

    /// Counts values before they are made.
    fn more(&mut self, count: usize, height: usize, (line, column): (usize, usize)) -> Result<(), Diagnostic> {
        self.count = self.count.saturating_add(count);
        let message = if self.count > MOST {
            format!("with its aliases written out this file has more than {MOST} values")
        } else if self.stack.len() + height > DEEPEST {
            format!("values lie in each other more than {DEEPEST} deep")
        } else {
            return Ok(());
        };
        Err(Diagnostic::error(Code::YAML, message).at(Place::at(self.file, line, column)))
    }

    fn value(&mut self, made: Anchored, anchor: usize) -> Result<(), Diagnostic> {
        if anchor > 0 {
            self.anchors.insert(anchor, made.clone());
        }
        let Anchored { value, count: _, height } = made;
        let Some(parent) = self.stack.last_mut() else {
            self.root.get_or_insert(value);
            return Ok(());
        };
        parent.height = parent.height.max(height);
        match &mut parent.value.node {
            Node::List(items) => items.push(value),
            Node::Map(map) => match parent.pending.take() {
                None => parent.pending = Some((value.text().unwrap_or_else(|| "null".to_owned()), value.line)),
                Some((key, line)) if map.contains_key(&key) => {
                    let message = format!("the key '{key}' appears twice in this map");
                    let place = Place::at(self.file, line, parent.value.column);
                    return Err(Diagnostic::error(Code::YAML, message).at(place));
                }
                Some((key, line)) => {
                    map.insert(key, (value, line));
                }
            },
            _ => {}
        }
        Ok(())
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

    #[test]
    fn aliases_of_aliases_end_in_a_message() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb += &format!("a{n}: &a{n} [{aliases}]\n");
        }
        let error = parse("a.yml", &bomb).expect_err("a bomb");
        assert!(error.message.contains("more than 1000000 values"), "{}", error.message);
        assert_eq!(error.place.map(|place| place.line), Some(6));
        let mut tower = "a0: &a0 [x]\n".to_owned();
        for n in 1..300 {
            tower += &format!("a{n}: &a{n} [*a{}]\n", n - 1);
        }
        assert!(parse("a.yml", &tower).expect_err("a tower").message.contains("200 deep"));
    }

    #[test]
    fn brackets_without_end_end_in_a_message() {
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
            let text = open.repeat(100_000) + "x" + &close.repeat(100_000);
            assert!(parse("a.yml", &text).is_err(), "{open}");
        }
    }
}
