//! From YAML to a template's value.

use super::scalar;
use crate::value::collections::{Dict, List};
use crate::value::{pairs, python};
use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::ValueKind;
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::HashMap;

/// A collection that is not closed yet.
enum Open {
    List(Vec<Value>),
    /// Entries, the key that waits for its value, maps that `<<` merges in.
    Map(IndexMap<Value, Value>, Option<Key>, Vec<Value>),
}

enum Key {
    Plain(Value),
    Merge,
}

#[derive(Default)]
struct Builder {
    stack: Vec<(Open, usize)>,
    anchors: HashMap<usize, Value>,
    root: Option<Value>,
    /// What the safe loader would not build.
    refused: bool,
}

/// The first document; `None` when the text is no YAML.
pub fn load(text: &str) -> Option<Value> {
    let mut builder = Builder::default();
    // Event by event: the parser's own `load` recurses into what is nested.
    for event in Parser::new_from_str(text) {
        match event.ok()?.0 {
            Event::DocumentEnd => break,
            event => builder.event(event),
        }
    }
    (!builder.refused).then(|| builder.root.unwrap_or_else(|| Value::from(())))
}

impl Builder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::SequenceStart(anchor, _) => self.stack.push((Open::List(Vec::new()), anchor)),
            Event::MappingStart(anchor, _) => {
                self.stack.push((Open::Map(IndexMap::new(), None, Vec::new()), anchor));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((open, anchor)) = self.stack.pop() {
                    self.value(closed(open), anchor, false);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                self.refused |= tag.is_some_and(|tag| tag.suffix != "str");
                let value = if plain { scalar::resolve(&text) } else { Value::from(text.as_ref()) };
                self.value(value, anchor, plain && text == "<<");
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(value) => self.value(value, 0, false),
                None => self.refused = true,
            },
            _ => {}
        }
    }
}

/// Merged entries go first, the map's own win.
fn closed(open: Open) -> Value {
    match open {
        Open::List(items) => List::value(items),
        Open::Map(own, _, bases) => {
            let mut all = IndexMap::new();
            for base in bases {
                for (key, value) in pairs(&base) {
                    all.entry(key).or_insert(value);
                }
            }
            all.extend(own);
            Dict::value(all)
        }
    }
}

impl Builder {
    fn value(&mut self, value: Value, anchor: usize, merge: bool) {
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        let Some((open, _)) = self.stack.last_mut() else {
            self.root.get_or_insert(value);
            return;
        };
        match open {
            Open::List(items) => items.push(value),
            Open::Map(entries, pending, bases) => match pending.take() {
                None if merge => *pending = Some(Key::Merge),
                None => {
                    self.refused |= python::hashable(&value).is_err();
                    *pending = Some(Key::Plain(value));
                }
                Some(Key::Merge) if value.kind() == ValueKind::Map => bases.push(value),
                Some(Key::Merge) => bases.extend(python::items(&value).unwrap_or_default()),
                Some(Key::Plain(key)) => {
                    entries.insert(key, value);
                }
            },
        }
    }
}
