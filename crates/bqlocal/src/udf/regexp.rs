//! Regular expressions. Compiled ones are kept per thread.

use super::{Answer, Out, Row, Val, int};
use regex::bytes::{Regex, RegexBuilder};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

pub(super) const TABLE: &[Row] = &[
    ("bq_regexp_contains", "ss>b", |a| Ok(Out::Bool(compiled(a)?.is_match(a[0].bytes())))),
    ("bq_regexp_contains", "yy>b", |a| Ok(Out::Bool(compiled(a)?.is_match(a[0].bytes())))),
    ("bq_regexp_extract", "ssii>s", |a| extract(a, true)),
    ("bq_regexp_extract", "yyii>y", |a| extract(a, false)),
    ("bq_regexp_extract_all", "ss>[s", |a| extract_all(a, true)),
    ("bq_regexp_extract_all", "yy>[y", |a| extract_all(a, false)),
    ("bq_regexp_replace", "sss>s", |a| replace(a, true)),
    ("bq_regexp_replace", "yyy>y", |a| replace(a, false)),
    ("bq_regexp_instr", "ssiii>i", position),
    ("bq_regexp_instr", "yyiii>i", position),
];

/// By pattern and whether it is read as Unicode.
type Cache = HashMap<(Vec<u8>, bool), Rc<Regex>>;

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

fn compiled(a: &[Val<'_>]) -> Result<Rc<Regex>, String> {
    let unicode = matches!(a[1], Val::Text(_));
    let key = (a[1].bytes().to_vec(), unicode);
    CACHE.with_borrow_mut(|cache| {
        if let Some(found) = cache.get(&key) {
            return Ok(found.clone());
        }
        let pattern = String::from_utf8_lossy(&key.0).into_owned();
        let built = RegexBuilder::new(&pattern).unicode(unicode).build().map_err(|why| {
            format!("Cannot parse regular expression: {}", why.to_string().lines().last().unwrap_or(""))
        })?;
        if cache.len() > 500 {
            cache.clear();
        }
        let built = Rc::new(built);
        cache.insert(key, built.clone());
        Ok(built)
    })
}

fn wrap(value: &[u8], text: bool) -> Out {
    if text { Out::Text(String::from_utf8_lossy(value).into_owned()) } else { Out::Bytes(value.to_vec()) }
}

fn check_groups(regex: &Regex) -> Result<(), String> {
    if regex.captures_len() > 2 { Err("Regular expression has more than one capturing group".into()) } else { Ok(()) }
}

/// The byte offset of a 1-based character position; `None` beyond the end.
fn start(value: &Val<'_>, position: i64) -> Option<usize> {
    let skip = usize::try_from(position - 1).ok()?;
    match value {
        Val::Text(text) => text.char_indices().map(|(i, _)| i).chain([text.len()]).nth(skip),
        _ => (skip <= value.bytes().len()).then_some(skip),
    }
}

/// Matches from an offset on, like RE2's: an empty match moves on by one character.
fn nth_match(
    regex: &Regex,
    a: &[Val<'_>],
    from: usize,
    n: usize,
) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let value = &a[0].bytes()[from..];
    let found = regex.captures_iter(value).nth(n)?;
    let whole = found.get(0)?.range();
    let part = found.get(if regex.captures_len() > 1 { 1 } else { 0 }).map_or(usize::MAX..usize::MAX, |m| m.range());
    Some((
        whole.start + from..whole.end + from,
        if part.start == usize::MAX { part } else { part.start + from..part.end + from },
    ))
}

fn extract(a: &[Val<'_>], text: bool) -> Answer {
    let regex = compiled(a)?;
    check_groups(&regex)?;
    if a[2].int() <= 0 || a[3].int() <= 0 {
        return Err("Position and occurrence must be positive in REGEXP_EXTRACT".into());
    }
    let Some(from) = start(&a[0], a[2].int()) else { return Ok(Out::Null) };
    match nth_match(&regex, a, from, a[3].int() as usize - 1) {
        Some((_, part)) if part.start != usize::MAX => Ok(wrap(&a[0].bytes()[part], text)),
        _ => Ok(Out::Null),
    }
}

fn extract_all(a: &[Val<'_>], text: bool) -> Answer {
    let regex = compiled(a)?;
    check_groups(&regex)?;
    let group = usize::from(regex.captures_len() > 1);
    let items = regex
        .captures_iter(a[0].bytes())
        .map(|c| Some(c.get(group).map_or_else(|| wrap(b"", text), |m| wrap(m.as_bytes(), text))))
        .collect();
    Ok(Out::List(items))
}

fn replace(a: &[Val<'_>], text: bool) -> Answer {
    let regex = compiled(a)?;
    let template = a[2].bytes();
    let mut i = 0;
    while i < template.len() {
        if template[i] == b'\\' {
            match template.get(i + 1) {
                Some(b'\\') => {}
                Some(d @ b'0'..=b'9') if usize::from(d - b'0') < regex.captures_len() => {}
                Some(b'0'..=b'9') => return Err("Invalid REGEXP_REPLACE pattern: the group does not exist".into()),
                _ => {
                    return Err(
                        "Invalid REGEXP_REPLACE pattern: a backslash must be followed by a digit or a backslash".into(),
                    );
                }
            }
            i += 1;
        }
        i += 1;
    }
    let value = a[0].bytes();
    let mut whole = Vec::new();
    let mut last = 0;
    for found in regex.captures_iter(value) {
        let Some(range) = found.get(0).map(|m| m.range()) else { continue };
        whole.extend_from_slice(&value[last..range.start]);
        let mut i = 0;
        while i < template.len() {
            if template[i] == b'\\' {
                i += 1;
                match template[i] {
                    b'\\' => whole.push(b'\\'),
                    d => whole.extend_from_slice(found.get(usize::from(d - b'0')).map_or(&b""[..], |m| m.as_bytes())),
                }
            } else {
                whole.push(template[i]);
            }
            i += 1;
        }
        last = range.end;
    }
    whole.extend_from_slice(&value[last..]);
    Ok(wrap(&whole, text))
}

fn position(a: &[Val<'_>]) -> Answer {
    let regex = compiled(a)?;
    check_groups(&regex)?;
    if a[2].int() <= 0 || a[3].int() <= 0 {
        return Err("Position and occurrence must be positive in REGEXP_INSTR".into());
    }
    let after = match a[4].int() {
        0 => false,
        1 => true,
        _ => return Err("Occurrence position must be 0 or 1 in REGEXP_INSTR".into()),
    };
    if a[1].bytes().is_empty() {
        return int(0);
    }
    let Some(from) = start(&a[0], a[2].int()) else { return int(0) };
    let Some((_, part)) = nth_match(&regex, a, from, a[3].int() as usize - 1).filter(|(_, p)| p.start != usize::MAX)
    else {
        return int(0);
    };
    let at = if after { part.end } else { part.start };
    let before = match &a[0] {
        Val::Text(text) => text[..at].chars().count(),
        _ => at,
    };
    int(before as i64 + 1)
}
