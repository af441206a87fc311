//! Recognises Jinja2's expression grammar by operator precedence and rewrites what minijinja does differently:
//! literals become mutable objects, arithmetic becomes calls that follow Python, slices become copies.

use super::lex::{SyntaxError, Token, TokenKind, fail};
use super::rope::Rope;
use std::collections::BTreeSet;

/// Reads the tokens of one tag.
pub struct Reader<'s> {
    pub source: &'s str,
    pub tokens: &'s [Token],
    pub at: usize,
    /// Where the tag ends: the place of "something is missing".
    pub end: usize,
    /// Every name that stands for a variable.
    pub names: BTreeSet<String>,
}

type Read = Result<Rope, SyntaxError>;

/// Binary operators of one precedence level and the calls that replace them (`None`: kept).
const ADDITIVE: &[(&str, Option<&str>)] = &[("+", Some("_add")), ("-", Some("_sub"))];
const CONCAT: &[(&str, Option<&str>)] = &[("~", Some("_concat"))];
const MULTIPLICATIVE: &[(&str, Option<&str>)] =
    &[("*", Some("_mul")), ("//", Some("_floordiv")), ("/", Some("_div")), ("%", Some("_mod"))];
const COMPARISONS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];
/// Words that end an argument of a test written without parentheses.
const NOT_AN_ARGUMENT: [&str; 8] = ["else", "or", "and", "if", "is", "in", "not", "recursive"];

impl<'s> Reader<'s> {
    pub fn new(source: &'s str, tokens: &'s [Token], end: usize) -> Self {
        Reader { source, tokens, at: 0, end, names: BTreeSet::new() }
    }

    pub fn peek(&self) -> &'s str {
        self.peek_at(0)
    }

    /// The text of a token ahead; empty at the end and for string literals.
    pub fn peek_at(&self, ahead: usize) -> &'s str {
        match self.tokens.get(self.at + ahead) {
            Some(token) if !matches!(token.kind, TokenKind::Str(_)) => &self.source[token.range.clone()],
            _ => "",
        }
    }

    pub fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |token| token.range.start)
    }

    pub fn next(&mut self) -> Option<&'s Token> {
        let token = self.tokens.get(self.at);
        self.at += usize::from(token.is_some());
        token
    }

    /// Takes one token as it is.
    pub fn take(&mut self, into: &mut Rope) {
        if let Some(token) = self.next() {
            into.token(self.source, token);
        }
    }

    pub fn expect(&mut self, text: &str, into: &mut Rope) -> Result<(), SyntaxError> {
        if self.peek() != text {
            return self.unexpected(&format!("expected '{text}'"));
        }
        self.take(into);
        Ok(())
    }

    pub fn unexpected<T>(&self, wanted: &str) -> Result<T, SyntaxError> {
        match self.tokens.get(self.at) {
            Some(token) => fail(format!("{wanted}, got '{}'", &self.source[token.range.clone()]), token.range.start),
            None => fail(format!("{wanted}, got end of tag"), self.end),
        }
    }

    pub fn name(&mut self) -> Result<String, SyntaxError> {
        match self.tokens.get(self.at) {
            Some(token) if token.kind == TokenKind::Name => {
                self.at += 1;
                Ok(self.source[token.range.clone()].to_owned())
            }
            _ => self.unexpected("expected a name"),
        }
    }

    /// `a, b` outside of brackets is a tuple, which minijinja wants in parentheses.
    pub fn tuple(&mut self, conditional: bool) -> Read {
        let one = |r: &mut Self| if conditional { r.ternary() } else { r.or() };
        let mut whole = one(self)?;
        if self.peek() != "," {
            return Ok(whole);
        }
        while self.peek() == "," {
            self.take(&mut whole);
            if self.done() || ["=", "if", "recursive"].contains(&self.peek()) {
                break;
            }
            whole.append(one(self)?);
        }
        Ok(whole.wrapped(" (", ")"))
    }

    pub fn ternary(&mut self) -> Read {
        let mut whole = self.or()?;
        while self.peek() == "if" {
            self.take(&mut whole);
            whole.append(self.or()?);
            if self.peek() == "else" {
                self.take(&mut whole);
                whole.append(self.ternary()?);
            }
        }
        Ok(whole)
    }

    pub fn or(&mut self) -> Read {
        let mut left = self.and()?;
        while self.peek() == "or" {
            self.take(&mut left);
            left.append(self.and()?);
        }
        Ok(left)
    }

    fn and(&mut self) -> Read {
        let mut left = self.not()?;
        while self.peek() == "and" {
            self.take(&mut left);
            left.append(self.not()?);
        }
        Ok(left)
    }

    fn not(&mut self) -> Read {
        if self.peek() == "not" {
            let mut whole = Rope::new();
            self.take(&mut whole);
            whole.append(self.not()?);
            return Ok(whole);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Read {
        let mut left = self.binary(0)?;
        loop {
            if COMPARISONS.contains(&self.peek()) || self.peek() == "in" {
                self.take(&mut left);
            } else if self.peek() == "not" && self.peek_at(1) == "in" {
                self.take(&mut left);
                self.take(&mut left);
            } else {
                return Ok(left);
            }
            left.append(self.binary(0)?);
        }
    }

    fn binary(&mut self, level: usize) -> Read {
        const LEVELS: [&[(&str, Option<&str>)]; 3] = [ADDITIVE, CONCAT, MULTIPLICATIVE];
        let Some(operators) = LEVELS.get(level) else { return self.power() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, replacement)) = operators.iter().find(|(text, _)| *text == self.peek()) {
            let Some(call) = replacement else {
                self.take(&mut left);
                left.append(self.binary(level + 1)?);
                continue;
            };
            let gap = self.next().map_or(0..0, |token| token.gap..token.range.start);
            left.copy(self.source, gap);
            left.push(",");
            left.append(self.binary(level + 1)?);
            left = left.wrapped(&format!(" {call}("), ")");
        }
        Ok(left)
    }

    fn power(&mut self) -> Read {
        let mut left = self.unary()?;
        while self.peek() == "**" {
            self.take(&mut left);
            left.append(self.unary()?);
        }
        Ok(left)
    }

    fn unary(&mut self) -> Read {
        let sign = self.peek();
        if sign == "-" || sign == "+" {
            let mut whole = Rope::new();
            let token = self.next();
            if sign == "-" {
                whole.push(" -");
            } else if let Some(token) = token {
                whole.copy(self.source, token.gap..token.range.start);
            }
            whole.append(self.unary()?);
            return Ok(whole);
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Read {
        let mut whole = self.primary()?;
        loop {
            match self.peek() {
                "." => {
                    self.take(&mut whole);
                    if !matches!(self.tokens.get(self.at), Some(t) if matches!(t.kind, TokenKind::Name | TokenKind::Number))
                    {
                        return self.unexpected("expected a name or number after '.'");
                    }
                    self.take(&mut whole);
                }
                "[" => whole = self.subscript(whole)?,
                "(" => self.arguments(&mut whole)?,
                "|" => {
                    self.take(&mut whole);
                    self.name()?;
                    self.at -= 1;
                    self.take(&mut whole);
                    if self.peek() == "(" {
                        self.arguments(&mut whole)?;
                    }
                }
                "is" => self.test(&mut whole)?,
                _ => return Ok(whole),
            }
        }
    }

    fn test(&mut self, whole: &mut Rope) -> Result<(), SyntaxError> {
        self.take(whole);
        if self.peek() == "not" {
            self.take(whole);
        }
        self.name()?;
        self.at -= 1;
        self.take(whole);
        if self.peek() == "(" {
            return self.arguments(whole);
        }
        let has_argument = self.tokens.get(self.at).is_some_and(|token| match token.kind {
            TokenKind::Name => !NOT_AN_ARGUMENT.contains(&&self.source[token.range.clone()]),
            TokenKind::Number | TokenKind::Str(_) => true,
            TokenKind::Op => ["[", "{"].contains(&&self.source[token.range.clone()]),
        });
        if has_argument {
            let argument = self.primary()?;
            whole.append(argument.wrapped("(", ")"));
        }
        Ok(())
    }

    fn subscript(&mut self, base: Rope) -> Read {
        let mut whole = base;
        self.expect("[", &mut whole)?;
        let mut is_slice = false;
        let mut parts = 0;
        while self.peek() != "]" {
            match self.peek() {
                ":" => {
                    is_slice = true;
                    self.take(&mut whole);
                }
                "," => self.take(&mut whole),
                _ => whole.append(self.ternary()?),
            }
            parts += 1;
            if self.done() {
                return self.unexpected("expected ']'");
            }
        }
        if parts == 0 {
            return self.unexpected("expected a subscript");
        }
        self.expect("]", &mut whole)?;
        Ok(if is_slice { whole.wrapped(" _slice(", ")") } else { whole })
    }

    fn arguments(&mut self, whole: &mut Rope) -> Result<(), SyntaxError> {
        self.expect("(", whole)?;
        while self.peek() != ")" {
            if self.peek() == "*" || self.peek() == "**" {
                self.take(whole);
            } else if self.peek_at(1) == "=" && self.tokens[self.at].kind == TokenKind::Name {
                self.take(whole);
                self.take(whole);
            }
            whole.append(self.ternary()?);
            if self.peek() == "," {
                self.take(whole);
            } else if self.peek() != ")" {
                return self.unexpected("expected ',' or ')'");
            }
        }
        self.expect(")", whole)
    }

    fn primary(&mut self) -> Read {
        let mut whole = Rope::new();
        let Some(token) = self.tokens.get(self.at) else { return self.unexpected("expected an expression") };
        match &token.kind {
            TokenKind::Name => {
                let word = &self.source[token.range.clone()];
                if ["if", "else", "and", "or", "in", "is", "not"].contains(&word) {
                    return self.unexpected("expected an expression");
                }
                if word.starts_with("_") && super::ops::is_reserved(word) {
                    return fail(format!("the name '{word}' is reserved"), token.range.start);
                }
                self.names.insert(word.to_owned());
                self.take(&mut whole);
            }
            TokenKind::Number => {
                self.at += 1;
                whole.copy(self.source, token.gap..token.range.start);
                whole.push(self.source[token.range.clone()].replace('_', ""));
            }
            TokenKind::Str(_) => self.strings(&mut whole),
            TokenKind::Op => match self.peek() {
                "(" => return self.parenthesis(),
                "[" => return self.list(),
                "{" => return self.dict(),
                _ => return self.unexpected("expected an expression"),
            },
        }
        Ok(whole)
    }

    /// One string literal or several side by side, spelled with the escapes that minijinja knows.
    fn strings(&mut self, whole: &mut Rope) {
        let mut value = String::new();
        let mut lines = 0;
        let mut first = true;
        while let Some(token) = self.tokens.get(self.at) {
            let TokenKind::Str(text) = &token.kind else { break };
            if first {
                whole.copy(self.source, token.gap..token.range.start);
            } else {
                lines += self.source[token.gap..token.range.start].matches('\n').count();
            }
            lines += self.source[token.range.clone()].matches('\n').count();
            value.push_str(text);
            first = false;
            self.at += 1;
        }
        let mut spelled = String::from("\"");
        for c in value.chars() {
            match c {
                '"' => spelled.push_str("\\\""),
                '\\' => spelled.push_str("\\\\"),
                '\n' => spelled.push_str("\\n"),
                other => spelled.push(other),
            }
        }
        spelled.push('"');
        whole.push(spelled);
        whole.push("\n".repeat(lines));
    }

    fn parenthesis(&mut self) -> Read {
        let mut whole = Rope::new();
        self.expect("(", &mut whole)?;
        while self.peek() != ")" {
            whole.append(self.ternary()?);
            if self.peek() == "," {
                self.take(&mut whole);
            } else if self.peek() != ")" {
                return self.unexpected("expected ')'");
            }
        }
        self.expect(")", &mut whole)?;
        Ok(whole)
    }

    fn list(&mut self) -> Read {
        let mut whole = Rope::new();
        self.expect("[", &mut whole)?;
        while self.peek() != "]" {
            whole.append(self.ternary()?);
            if self.peek() == "," {
                self.take(&mut whole);
            } else if self.peek() != "]" {
                return self.unexpected("expected ',' or ']'");
            }
        }
        self.expect("]", &mut whole)?;
        Ok(whole.wrapped(" _list(", ")"))
    }

    fn dict(&mut self) -> Read {
        let mut whole = Rope::new();
        self.expect("{", &mut whole)?;
        while self.peek() != "}" {
            whole.append(self.ternary()?);
            self.expect(":", &mut whole)?;
            whole.append(self.ternary()?);
            if self.peek() == "," {
                self.take(&mut whole);
            } else if self.peek() != "}" {
                return self.unexpected("expected ',' or '}'");
            }
        }
        self.expect("}", &mut whole)?;
        Ok(whole.wrapped(" _dict(", ")"))
    }
}
