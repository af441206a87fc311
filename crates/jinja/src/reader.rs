//! Goes through the tokens of one tag, and says in Jinja2's words what was expected and what stands there.

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
            return self.unexpected(&format!("expected token '{text}'"));
        }
        self.take(into);
        Ok(())
    }

    /// `wanted`, got what stands here.
    pub fn unexpected<T>(&self, wanted: &str) -> Result<T, SyntaxError> {
        fail(format!("{wanted}, got {}", self.here()), self.offset())
    }

    /// What stands here, in Jinja2's words.
    pub fn here(&self) -> String {
        let word = match self.tokens.get(self.at) {
            None => return format!("'{}'", self.tag_end()),
            Some(token) => match token.kind {
                TokenKind::Str(_) => "string",
                TokenKind::Number if self.source[token.range.clone()].contains(['.', 'e', 'E']) => "float",
                TokenKind::Number => "integer",
                _ => &self.source[token.range.clone()],
            },
        };
        format!("'{word}'")
    }

    /// What the end of this tag is called.
    pub fn tag_end(&self) -> &'static str {
        if self.source[..self.end].ends_with("}}") { "end of print statement" } else { "end of statement block" }
    }

    /// The tag is read, or something is left over.
    pub fn finish(&self) -> Result<(), SyntaxError> {
        if self.done() { Ok(()) } else { self.unexpected(&format!("expected token '{}'", self.tag_end())) }
    }

    pub fn name(&mut self) -> Result<String, SyntaxError> {
        match self.tokens.get(self.at) {
            Some(token) if token.kind == TokenKind::Name => {
                self.at += 1;
                Ok(self.source[token.range.clone()].to_owned())
            }
            _ => self.unexpected("expected token 'name'"),
        }
    }
}
