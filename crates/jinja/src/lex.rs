//! Cuts a template into text, comments, expressions and statements, and the inside of tags into tokens.
//! It follows Jinja2's lexer; it never decides what a tag means.

use std::ops::Range;

/// White-space control at one end of a tag: `-`, `+` or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    None,
    Minus,
    Plus,
}

impl Trim {
    pub fn sign(self) -> &'static str {
        match self {
            Trim::None => "",
            Trim::Minus => "-",
            Trim::Plus => "+",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum TokenKind {
    Name,
    Number,
    /// A string literal, decoded.
    Str(String),
    Op,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub kind: TokenKind,
    pub range: Range<usize>,
    /// Where the white space before the token starts.
    pub gap: usize,
}

#[derive(Debug, Clone)]
pub struct Tag {
    /// The whole tag, delimiters included.
    pub range: Range<usize>,
    pub open: Trim,
    pub close: Trim,
    pub tokens: Vec<Token>,
}

#[derive(Debug, Clone)]
pub enum Segment {
    Text(Range<usize>),
    Comment(Range<usize>),
    Expression(Tag),
    Statement(Tag),
    /// `{% raw %}...{% endraw %}` as written.
    Raw(Range<usize>),
}

#[derive(Debug, Clone)]
pub struct SyntaxError {
    pub message: String,
    pub offset: usize,
}

pub fn fail<T>(message: impl Into<String>, offset: usize) -> Result<T, SyntaxError> {
    Err(SyntaxError { message: message.into(), offset })
}

/// The segments of a template, in order and without gaps.
pub fn segments(source: &str) -> Result<Vec<Segment>, SyntaxError> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let Some(open) = next_open(source, at) else {
            found.push(Segment::Text(at..source.len()));
            break;
        };
        if open > at {
            found.push(Segment::Text(at..open));
        }
        let segment = match &source[open..open + 2] {
            "{#" => comment(source, open)?,
            "{{" => Segment::Expression(tag(source, open, "}}")?),
            _ => statement(source, open)?,
        };
        at = end_of(&segment);
        found.push(segment);
    }
    Ok(found)
}

fn end_of(segment: &Segment) -> usize {
    match segment {
        Segment::Text(range) | Segment::Comment(range) | Segment::Raw(range) => range.end,
        Segment::Expression(tag) | Segment::Statement(tag) => tag.range.end,
    }
}

fn next_open(source: &str, from: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    (from..bytes.len().saturating_sub(1)).find(|&i| bytes[i] == b'{' && matches!(bytes[i + 1], b'{' | b'%' | b'#'))
}

fn comment(source: &str, open: usize) -> Result<Segment, SyntaxError> {
    match source[open..].find("#}") {
        Some(length) => Ok(Segment::Comment(open..open + length + 2)),
        None => fail("Missing end of comment tag", open),
    }
}

fn statement(source: &str, open: usize) -> Result<Segment, SyntaxError> {
    let found = tag(source, open, "%}")?;
    let is_raw = matches!(found.tokens.as_slice(), [only] if source[only.range.clone()] == *"raw");
    if !is_raw {
        return Ok(Segment::Statement(found));
    }
    match end_tag(source, found.range.end, &["endraw"]) {
        Some(close) => Ok(Segment::Raw(open..close.end)),
        None => fail("Missing end of raw directive", open),
    }
}

/// The first `{% word %}` after `from`, for a word of `words`; nothing between is looked at.
pub fn end_tag(source: &str, from: usize, words: &[&str]) -> Option<Range<usize>> {
    let mut at = from;
    while let Some(found) = source[at..].find("{%") {
        let open = at + found;
        // From behind the opening: the `%` of `{%}` does not close what it has opened.
        let inner = open + 2;
        let close = inner + source[inner..].find("%}")? + 2;
        let inside = source[inner..close - 2].trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace());
        if words.contains(&inside) {
            return Some(open..close);
        }
        at = inner;
    }
    None
}

fn tag(source: &str, open: usize, close: &str) -> Result<Tag, SyntaxError> {
    let bytes = source.as_bytes();
    let mut at = open + 2;
    let opening = trim_sign(bytes.get(at));
    if opening != Trim::None {
        at += 1;
    }
    let mut tokens = Vec::new();
    // The brackets that are open, by what closes them.
    let mut brackets: Vec<&str> = Vec::new();
    loop {
        let gap = at;
        while at < bytes.len() && bytes[at].is_ascii_whitespace() {
            at += 1;
        }
        let rest = &source[at..];
        if brackets.is_empty() {
            if rest.starts_with(close) {
                super::height::check(source, &tokens)?;
                return Ok(Tag { range: open..at + 2, open: opening, close: Trim::None, tokens });
            }
            let sign = trim_sign(bytes.get(at));
            if sign != Trim::None && rest[1..].starts_with(close) {
                super::height::check(source, &tokens)?;
                return Ok(Tag { range: open..at + 3, open: opening, close: sign, tokens });
            }
        }
        if rest.is_empty() {
            let end = if close == "}}" { "end of print statement" } else { "end of statement block" };
            return fail(format!("unexpected end of template, expected '{end}'."), open);
        }
        let token = token(source, at, gap)?;
        match &source[token.range.clone()] {
            "(" if token.kind == TokenKind::Op => brackets.push(")"),
            "[" if token.kind == TokenKind::Op => brackets.push("]"),
            "{" if token.kind == TokenKind::Op => brackets.push("}"),
            sign @ (")" | "]" | "}") if token.kind == TokenKind::Op => match brackets.pop() {
                Some(wanted) if wanted == sign => {}
                Some(wanted) => return fail(format!("unexpected '{sign}', expected '{wanted}'"), at),
                None => return fail(format!("unexpected '{sign}'"), at),
            },
            _ => {}
        }
        at = token.range.end;
        tokens.push(token);
    }
}

fn trim_sign(byte: Option<&u8>) -> Trim {
    match byte {
        Some(b'-') => Trim::Minus,
        Some(b'+') => Trim::Plus,
        _ => Trim::None,
    }
}

const OPERATORS: [&str; 6] = ["==", "!=", "<=", ">=", "//", "**"];

fn token(source: &str, at: usize, gap: usize) -> Result<Token, SyntaxError> {
    let rest = &source[at..];
    let first = rest.chars().next().unwrap_or('\0');
    let made = |kind, length: usize| Ok(Token { kind, range: at..at + length, gap });
    if first == '"' || first == '\'' {
        let (text, length) = string(rest, first, at)?;
        return made(TokenKind::Str(text), length);
    }
    if first.is_ascii_digit() {
        // As in Python, a number does not begin with zeros.
        let zeros = rest.len() - rest.trim_start_matches('0').len();
        let leads = zeros > 0 && rest[zeros..].starts_with(|c: char| c.is_ascii_digit());
        let length =
            if leads && !rest[..number_length(rest)].contains(['.', 'e', 'E']) { zeros } else { number_length(rest) };
        return made(TokenKind::Number, length);
    }
    if first.is_alphabetic() || first == '_' {
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return made(TokenKind::Name, length);
    }
    if OPERATORS.iter().any(|op| rest.starts_with(op)) {
        return made(TokenKind::Op, 2);
    }
    if "+-*/%~<>=()[]{}.,:|".contains(first) {
        return made(TokenKind::Op, 1);
    }
    let place = source[..at].chars().count();
    fail(format!("unexpected char {} at {place}", super::value::python::quoted(&first.to_string())), at)
}

fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'_') {
            at += 1;
        }
        at
    };
    let mut end = digits(0);
    if end + 1 < bytes.len() && bytes[end] == b'.' && bytes[end + 1].is_ascii_digit() {
        end = digits(end + 1);
    }
    if end < bytes.len() && (bytes[end] | 32) == b'e' {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end
}

/// A Python string literal: its value and its length in the source.
fn string(rest: &str, quote: char, offset: usize) -> Result<(String, usize), SyntaxError> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Ok((value, at + 1));
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        let Some((escape_at, escape)) = chars.next() else { break };
        match escape {
            'n' => value.push('\n'),
            't' => value.push('\t'),
            'r' => value.push('\r'),
            'b' => value.push('\u{8}'),
            'f' => value.push('\u{c}'),
            'v' => value.push('\u{b}'),
            'a' => value.push('\u{7}'),
            '0' => value.push('\0'),
            '\n' => {}
            '\\' | '\'' | '"' => value.push(escape),
            'x' | 'u' | 'U' => {
                let width = match escape {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let digits = rest.get(escape_at + 1..escape_at + 1 + width).unwrap_or("");
                match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
                    Some(decoded) => {
                        value.push(decoded);
                        chars.nth(width - 1);
                    }
                    None => value.extend(['\\', escape]),
                }
            }
            // Python keeps the backslash of an escape that it does not know.
            other => value.extend(['\\', other]),
        }
    }
    fail(
        format!(
            "unexpected char {} at {offset}: this text is never closed",
            super::value::python::quoted(&quote.to_string())
        ),
        offset,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_and_delimiters_inside_strings_do_not_end_a_tag() {
        let source = "a{{ {'x': {'y': '}}'}} }}b{%- if x: -%}";
        let found = segments(source).expect("valid");
        assert_eq!(found.len(), 4);
        let Segment::Expression(tag) = &found[1] else { panic!("an expression") };
        assert_eq!(&source[tag.range.clone()], "{{ {'x': {'y': '}}'}} }}");
        let Segment::Statement(tag) = &found[3] else { panic!("a statement") };
        assert_eq!((tag.open, tag.close), (Trim::Minus, Trim::Minus));
    }

    #[test]
    fn unknown_escapes_keep_their_backslash() {
        let Segment::Expression(tag) = &segments(r"{{ '\d\n\x41' }}").expect("valid")[0] else { panic!() };
        assert_eq!(tag.tokens[0].kind, TokenKind::Str("\\d\nA".into()));
    }
}
