//! Python's `re` on fancy-regex: match, search, fullmatch, findall, sub, split, compile.

use super::collections::List;
use crate::call::{arguments, bad};
use fancy_regex::{Captures, Regex};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use std::sync::Arc;

#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    text: String,
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
    let mut translated = text.replace("(?P<", "(?<").replace("\\Z", "\\z");
    if !letters.is_empty() {
        translated = format!("(?{letters}){translated}");
    }
    let regex = Regex::new(&translated).map_err(|why| bad(format!("invalid regular expression: {why}")))?;
    Ok(Pattern { regex, text: text.to_owned() })
}

fn found(pattern: &Pattern, captures: &Captures) -> Value {
    let groups =
        (0..captures.len()).map(|i| captures.get(i).map(|m| (m.as_str().to_owned(), m.start(), m.end()))).collect();
    let names = pattern.regex.capture_names().enumerate().filter_map(|(i, n)| n.map(|n| (n.to_owned(), i))).collect();
    Value::from_object(Match { groups, names })
}

fn failed(why: fancy_regex::Error) -> Error {
    bad(format!("regular expression failed: {why}"))
}

impl Pattern {
    /// One of the module's functions with the pattern bound: `name(args)`.
    pub fn apply(&self, name: &str, args: &[Value], subject: &str) -> Result<Value, Error> {
        match name {
            "match" | "search" | "fullmatch" => {
                let captures = self.regex.captures(subject).map_err(failed)?;
                let fits = |c: &Captures| match (name, c.get(0)) {
                    ("match", Some(m)) => m.start() == 0,
                    ("fullmatch", Some(m)) => m.start() == 0 && m.end() == subject.len(),
                    (_, whole) => whole.is_some(),
                };
                Ok(captures.filter(fits).map_or_else(|| Value::from(()), |c| found(self, &c)))
            }
            "findall" => self.find_all(subject),
            "finditer" => {
                let all: Result<Vec<Value>, Error> =
                    self.regex.captures_iter(subject).map(|c| Ok(found(self, &c.map_err(failed)?))).collect();
                Ok(List::value(all?))
            }
            "split" => {
                let parts: Result<Vec<Value>, Error> =
                    self.regex.split(subject).map(|part| Ok(Value::from(part.map_err(failed)?))).collect();
                Ok(List::value(parts?))
            }
            "sub" => {
                let template = replacement(args.first().and_then(Value::as_str).unwrap_or_default());
                let count = args.get(2).and_then(Value::as_usize).unwrap_or(0);
                let out = self.regex.try_replacen(subject, count, template.as_str()).map_err(failed)?;
                Ok(Value::from(out.into_owned()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
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
        let (args, _) = arguments(args);
        let subject = args.get(usize::from(method == "sub")).and_then(Value::as_str).unwrap_or_default();
        self.apply(method, &args, subject)
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
            Some(key) => self.group(key).ok_or_else(|| bad("IndexError: no such group"))?,
            None => 0,
        };
        let span = || self.groups[at].as_ref().map_or((-1, -1), |(_, start, end)| (*start as i64, *end as i64));
        Ok(match method {
            "group" if args.len() > 1 => {
                let all: Option<Vec<Value>> = args.iter().map(|k| self.group(k).map(|at| self.text(at))).collect();
                super::tuple(all.ok_or_else(|| bad("IndexError: no such group"))?)
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
