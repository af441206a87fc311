//! Python's `re` on fancy-regex: match, search, fullmatch, findall, sub, split, compile.

use super::collections::List;
use super::python;
use crate::call::{arguments, bad};
use fancy_regex::{Captures, Regex};
use indexmap::IndexMap;
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use std::sync::{Arc, OnceLock};

#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    text: String,
    /// The same for `match` and `fullmatch`, made when they are asked for.
    anchored: [OnceLock<Result<Regex, String>>; 2],
}

#[derive(Debug)]
struct Match {
    groups: Vec<Option<(String, usize, usize)>>,
    names: Vec<(String, usize)>,
}

/// Compiles a Python pattern; `flags` is the sum of `re.I` (2), `re.M` (8), `re.S` (16), `re.X` (64).
pub fn compile(text: &str, flags: i64) -> Result<Pattern, Error> {
    let letters: String = [(2, 'i'), (8, 'm'), (16, 's'), (64, 'x')]
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, c)| *c)
        .collect();
    let mut translated = translated(text, flags & 8 != 0);
    if !letters.is_empty() {
        translated = format!("(?{letters}){translated}");
    }
    let regex = Regex::new(&translated).map_err(|why| bad(format!("invalid regular expression: {why}")))?;
    Ok(Pattern { regex, text: text.to_owned(), anchored: Default::default() })
}

/// Python's spelling in the crate's: `\Z`, brackets, and `$`, which also stands before a last line break.
fn translated(text: &str, multi_line: bool) -> String {
    let mut out = String::new();
    let mut in_class = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Z') => out.push_str("\\z"),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                // A bracket right after the opening one is itself a member.
                out.extend(chars.next_if_eq(&'^'));
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            // The crate would read it as a class inside a class.
            '[' => out.push_str("\\["),
            ']' => {
                in_class = false;
                out.push(']');
            }
            '$' if !in_class && !multi_line => out.push_str("(?=\\n?\\z)"),
            c => out.push(c),
        }
    }
    out
}

fn found(pattern: &Pattern, subject: &str, captures: &Captures) -> Value {
    let place = |offset: usize| subject[..offset].chars().count();
    let groups = (0..captures.len())
        .map(|i| captures.get(i).map(|m| (m.as_str().to_owned(), place(m.start()), place(m.end()))))
        .collect();
    let names = pattern.regex.capture_names().enumerate().filter_map(|(i, n)| n.map(|n| (n.to_owned(), i))).collect();
    Value::from_object(Match { groups, names })
}

fn failed(why: fancy_regex::Error) -> Error {
    bad(format!("regular expression failed: {why}"))
}

impl Pattern {
    /// The pattern at the start of a text, or over the whole of it.
    fn anchored(&self, whole: bool) -> Result<&Regex, Error> {
        let made = self.anchored[usize::from(whole)].get_or_init(|| {
            let end = if whole { "\\z" } else { "" };
            Regex::new(&format!("\\A(?:{}){end}", self.regex.as_str())).map_err(|why| why.to_string())
        });
        made.as_ref().map_err(|why| bad(why.clone()))
    }

    /// One of the module's functions with the pattern bound: `name(args)`.
    pub fn apply(&self, name: &str, args: &[Value], named: &IndexMap<String, Value>) -> Result<Value, Error> {
        let text = |at: usize, keyword: &str| {
            let given = args.get(at).or_else(|| named.get(keyword)).cloned().unwrap_or_default();
            match given.as_str() {
                Some(text) => Ok(text.to_owned()),
                None => Err(bad(format!("expected string or bytes-like object, got '{}'", python::type_name(&given)))),
            }
        };
        let count = |at: usize, keyword: &str| {
            args.get(at).or_else(|| named.get(keyword)).and_then(Value::as_usize).unwrap_or(0)
        };
        match name {
            "match" | "search" | "fullmatch" => {
                let subject = text(0, "string")?;
                let regex = if name == "search" { &self.regex } else { self.anchored(name == "fullmatch")? };
                let captures = regex.captures(&subject).map_err(failed)?;
                Ok(captures.map_or_else(|| Value::from(()), |c| found(self, &subject, &c)))
            }
            "findall" => self.find_all(&text(0, "string")?),
            "finditer" => {
                let subject = text(0, "string")?;
                let all: Result<Vec<Value>, Error> = self
                    .regex
                    .captures_iter(&subject)
                    .map(|c| Ok(found(self, &subject, &c.map_err(failed)?)))
                    .collect();
                all.map(List::value)
            }
            "split" => self.split(&text(0, "string")?, count(1, "maxsplit")),
            "sub" => {
                let template = replacement(&text(0, "repl")?);
                let subject = text(1, "string")?;
                let out = self.regex.try_replacen(&subject, count(2, "count"), template.as_str()).map_err(failed)?;
                Ok(Value::from(out.into_owned()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    /// The parts between matches, and the groups of the matches; at most so many matches, 0 for all.
    fn split(&self, subject: &str, most: usize) -> Result<Value, Error> {
        let mut parts = Vec::new();
        let mut from = 0;
        for captures in self.regex.captures_iter(subject).take(if most == 0 { usize::MAX } else { most }) {
            let captures = captures.map_err(failed)?;
            let Some(whole) = captures.get(0) else { continue };
            parts.push(Value::from(&subject[from..whole.start()]));
            let groups = (1..captures.len()).map(|i| captures.get(i));
            parts.extend(groups.map(|m| m.map_or_else(|| Value::from(()), |m| Value::from(m.as_str()))));
            from = whole.end();
        }
        parts.push(Value::from(&subject[from..]));
        Ok(List::value(parts))
    }

    fn find_all(&self, subject: &str) -> Result<Value, Error> {
        let mut all = Vec::new();
        for captures in self.regex.captures_iter(subject) {
            let captures = captures.map_err(failed)?;
            let group = |i: usize| Value::from(captures.get(i).map_or("", |m| m.as_str()));
            all.push(match captures.len() {
                1 => group(0),
                2 => group(1),
                n => super::tuple((1..n).map(group).collect()),
            });
        }
        Ok(List::value(all))
    }
}

/// Python writes groups as `\1` and `\g<name>`, the crate as `${1}` and `${name}`.
fn replacement(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('$', _) => out.push_str("$$"),
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                chars.next();
                out.push_str(&format!("${{{digit}}}"));
            }
            ('\\', Some('g')) => {
                chars.next();
                let name: String = chars.by_ref().skip_while(|c| *c == '<').take_while(|c| *c != '>').collect();
                out.push_str(&format!("${{{name}}}"));
            }
            ('\\', Some('n')) => {
                chars.next();
                out.push('\n');
            }
            ('\\', Some('\\')) => {
                chars.next();
                out.push('\\');
            }
            (c, _) => out.push(c),
        }
    }
    out
}

impl Object for Pattern {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "pattern").then(|| Value::from(self.text.clone()))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (args, named) = arguments(args);
        self.apply(method, &args, &named)
    }
}

impl Match {
    fn group(&self, key: &Value) -> Option<usize> {
        match key.as_str() {
            Some(name) => self.names.iter().find(|(n, _)| n == name).map(|(_, i)| *i),
            None => key.as_usize().filter(|i| *i < self.groups.len()),
        }
    }

    fn text(&self, at: usize) -> Value {
        self.groups[at].as_ref().map_or_else(|| Value::from(()), |(text, ..)| Value::from(text.clone()))
    }
}

impl Object for Match {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.group(key).map(|at| self.text(at))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let at = match args.first() {
            Some(key) => self.group(key).ok_or_else(|| bad("no such group"))?,
            None => 0,
        };
        let span = || self.groups[at].as_ref().map_or((-1, -1), |(_, start, end)| (*start as i64, *end as i64));
        Ok(match method {
            "group" if args.len() > 1 => {
                let all: Option<Vec<Value>> = args.iter().map(|k| self.group(k).map(|at| self.text(at))).collect();
                super::tuple(all.ok_or_else(|| bad("no such group"))?)
            }
            "group" => self.text(at),
            "groups" => super::tuple((1..self.groups.len()).map(|at| self.text(at)).collect()),
            "groupdict" => super::collections::Dict::value(
                self.names.iter().map(|(name, at)| (Value::from(name.clone()), self.text(*at))).collect(),
            ),
            "start" => Value::from(span().0),
            "end" => Value::from(span().1),
            "span" => Value::from((span().0, span().1)),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}
