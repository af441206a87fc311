//! Filters that make text.

use super::Row;
use crate::call::bad;
use crate::signature::Bound;
use crate::strings;
use crate::value::{pairs, python, tuple};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

pub const FILTERS: &[Row] = &[
    (&["string"], "string(object)", |_, args| Ok(Value::from(args.text(0)))),
    (&["upper"], "upper(s)", |_, args| Ok(Value::from(args.text(0).to_uppercase()))),
    (&["lower"], "lower(s)", |_, args| Ok(Value::from(args.text(0).to_lowercase()))),
    (&["capitalize"], "capitalize(s)", |_, args| Ok(Value::from(strings::capitalized(&args.text(0))))),
    (&["title"], "title(s)", |_, args| Ok(Value::from(title(&args.text(0))))),
    (&["trim"], "trim(value, chars=)", trim),
    (&["replace"], "replace(s, old, new, count=)", replace),
    (&["center"], "center(value, width=)", center),
    (&["indent"], "indent(s, width=, first=, blank=)", indent),
    (&["truncate"], "truncate(s, length=, killwords=, end=, leeway=)", truncate),
    (&["wordwrap"], "wordwrap(s, width=, break_long_words=, wrapstring=, break_on_hyphens=)", word_wrap),
    (&["wordcount"], "wordcount(s)", |_, args| Ok(Value::from(word_count(&args.text(0))))),
    (&["escape", "e", "forceescape"], "escape(s)", |_, args| Ok(Value::from(escaped(&args.text(0))))),
    (&["safe"], "safe(value)", |_, args| Ok(args.value(0))),
    (&["striptags"], "striptags(value)", |_, args| Ok(Value::from(strip_tags(&args.text(0))))),
    (&["urlencode"], "urlencode(value)", |_, args| Ok(Value::from(url_encoded(&args.value(0))))),
    (&["xmlattr"], "xmlattr(d, autospace=)", xml_attributes),
    (&["tojson"], "tojson(value, indent=)", to_json),
    (&["pprint"], "pprint(value)", |_, args| Ok(Value::from(python::sorted_repr(&args.value(0))))),
    (&["format"], "format(value, *, **)", format),
    // What these three mean in YAML is decided in `native`: in text they change nothing.
    (&["as_text", "as_native", "as_bool", "as_number"], "as_text(value)", |_, args| Ok(args.value(0))),
];

/// Words start after white space, hyphens and opening brackets only.
fn title(text: &str) -> String {
    let mut out = String::new();
    let mut starts = true;
    for c in text.chars() {
        match starts {
            true => out.extend(c.to_uppercase()),
            false => out.extend(c.to_lowercase()),
        }
        starts = c.is_whitespace() || "-({[<".contains(c);
    }
    out
}

fn trim(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let set = args.some(1).map(python::text);
    Ok(Value::from(strings::strip_set(&args.text(0), set.as_deref(), true, true)))
}

fn replace(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let count = args.some(3).and_then(Value::as_usize).unwrap_or(usize::MAX);
    Ok(Value::from(args.text(0).replacen(&args.text(1), &args.text(2), count)))
}

fn center(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let width = usize::try_from(args.int(1, 80)?).unwrap_or(0);
    Ok(Value::from(strings::padded(&args.text(0), "center", width, " ")))
}

fn indent(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let prefix = match args.some(1) {
        Some(width) if width.kind() == ValueKind::String => python::text(width),
        _ => " ".repeat(usize::try_from(args.int(1, 4)?).unwrap_or(0).min(strings::WIDEST)),
    };
    let (first, blank) = (args.is_true(2), args.is_true(3));
    let text = args.text(0);
    let lines = text.split('\n').enumerate().map(|(at, line)| match (at, line) {
        (0, line) if !first => line.to_owned(),
        (_, "") if !blank => String::new(),
        (_, line) => format!("{prefix}{line}"),
    });
    Ok(Value::from(lines.collect::<Vec<_>>().join("\n")))
}

fn truncate(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let text = args.text(0);
    let end = args.text_or(3, "...");
    let size = |at, default| -> Result<usize, Error> { Ok(usize::try_from(args.int(at, default)?).unwrap_or(0)) };
    let (length, leeway) = (size(1, 255)?, if args.some(4).is_some() { size(4, 0)? } else { 5 });
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= length + leeway {
        return Ok(Value::from(text));
    }
    let kept: String = chars[..length.saturating_sub(end.chars().count())].iter().collect();
    Ok(Value::from(match args.is_true(2) {
        true => kept + &end,
        false => kept.rsplit_once(' ').map_or(kept.as_str(), |(words, _)| words).to_owned() + &end,
    }))
}

/// Lines of at most `width` signs; longer words are cut unless they may not be.
fn word_wrap(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let width = usize::try_from(args.int(1, 79)?).unwrap_or(0).max(1);
    let cuts = args.get(2).is_none_or(Value::is_true);
    let text = args.text(0);
    let wrapped: Vec<String> = text.lines().map(|line| wrap(line, width, cuts).join(&args.text_or(3, "\n"))).collect();
    Ok(Value::from(wrapped.join(&args.text_or(3, "\n"))))
}

fn wrap(line: &str, width: usize, cuts: bool) -> Vec<String> {
    let mut lines = vec![String::new()];
    let length = |text: &str| text.chars().count();
    for word in line.split_whitespace() {
        let mut word = word.to_owned();
        loop {
            let last = lines.len() - 1;
            let used = length(&lines[last]);
            let gap = usize::from(used > 0);
            if used + gap + length(&word) <= width || (used == 0 && !cuts) {
                lines[last] += &format!("{}{word}", " ".repeat(gap));
                break;
            }
            if used == 0 {
                let rest: String = word.chars().skip(width).collect();
                lines[last] = word.chars().take(width).collect();
                word = rest;
            }
            lines.push(String::new());
        }
    }
    lines
}

fn word_count(text: &str) -> usize {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).count()
}

/// For HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            c => out.push(c),
        }
    }
    out
}

fn strip_tags(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match (c, inside) {
            ('<', _) => inside = true,
            ('>', true) => inside = false,
            (c, false) => out.push(c),
            _ => {}
        }
    }
    let plain = out.split_whitespace().collect::<Vec<_>>().join(" ");
    [("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", "\""), ("&quot;", "\""), ("&amp;", "&")]
        .iter()
        .fold(plain, |text, (name, sign)| text.replace(name, sign))
}

fn quoted(text: &str, is_query: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' if is_query => out.push('+'),
            b'/' if !is_query => out.push('/'),
            b if b.is_ascii_alphanumeric() || b"_.-~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

fn url_encoded(value: &Value) -> String {
    let join = |items: Vec<(Value, Value)>| {
        let one =
            |(k, v): &(Value, Value)| format!("{}={}", quoted(&python::text(k), true), quoted(&python::text(v), true));
        items.iter().map(one).collect::<Vec<_>>().join("&")
    };
    match value.kind() {
        ValueKind::Map => join(pairs(value)),
        ValueKind::Seq => join(python::entries(value).unwrap_or_default()),
        _ => quoted(&python::text(value), false),
    }
}

fn xml_attributes(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let given = pairs(&args.value(0)).into_iter().filter(|(_, v)| !v.is_none() && !v.is_undefined());
    let all: Vec<String> =
        given.map(|(k, v)| format!("{}=\"{}\"", escaped(&python::text(&k)), escaped(&python::text(&v)))).collect();
    let space = if args.get(1).is_none_or(Value::is_true) && !all.is_empty() { " " } else { "" };
    Ok(Value::from(format!("{space}{}", all.join(" "))))
}

/// JSON that may stand in HTML, with sorted keys.
fn to_json(_: &mut State, args: &Bound) -> Result<Value, Error> {
    let indent = args.some(1).map(crate::signature::whole).transpose()?.map(|n| usize::try_from(n).unwrap_or(0));
    let text = crate::json::dumps(&args.value(0), true, indent)?;
    let signs = [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("'", "\\u0027")];
    Ok(Value::from(signs.iter().fold(text, |text, (sign, code)| text.replace(sign, code))))
}

fn format(_: &mut State, args: &Bound) -> Result<Value, Error> {
    if !args.rest.is_empty() && !args.named.is_empty() {
        return Err(bad("can't handle positional and keyword arguments at the same time"));
    }
    let values = match args.named.is_empty() {
        true => tuple(args.rest.clone()),
        false => crate::value::collections::Dict::value(
            args.named.iter().map(|(k, v)| (Value::from(k.as_str()), v.clone())).collect(),
        ),
    };
    crate::format::percent(&args.text(0), &values).map(Value::from)
}
