//! Text under construction that remembers which parts were copied from the source, and from where.

use super::lex::Token;

/// Pieces of output; `Some(offset)` marks a verbatim copy of the source at that offset.
#[derive(Debug, Clone, Default)]
pub struct Rope(Vec<(String, Option<usize>)>);

impl Rope {
    pub fn new() -> Self {
        Rope::default()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Text that is not in the source.
    pub fn made(text: impl Into<String>) -> Self {
        Rope(vec![(text.into(), None)])
    }

    /// Text whose beginning stands at `offset` of the source.
    pub fn placed(text: impl Into<String>, offset: usize) -> Self {
        Rope(vec![(text.into(), Some(offset))])
    }

    pub fn push(&mut self, text: impl Into<String>) {
        self.0.push((text.into(), None));
    }

    pub fn copy(&mut self, source: &str, range: std::ops::Range<usize>) {
        if !range.is_empty() {
            self.0.push((source[range.clone()].to_owned(), Some(range.start)));
        }
    }

    /// A token with the white space before it.
    pub fn token(&mut self, source: &str, token: &Token) {
        self.copy(source, token.gap..token.range.end);
    }

    pub fn append(&mut self, mut other: Rope) {
        self.0.append(&mut other.0);
    }

    /// `before` + self + `after`.
    pub fn wrapped(self, before: &str, after: &str) -> Rope {
        let mut whole = Rope::made(before);
        whole.append(self);
        whole.push(after);
        whole
    }

    /// How many line breaks the text has.
    pub fn lines(&self) -> usize {
        self.0.iter().map(|(text, _)| text.matches('\n').count()).sum()
    }

    /// The text, and pairs (offset in the text, offset in the source) where copies start.
    pub fn finish(self) -> (String, Vec<(usize, usize)>) {
        let mut text = String::with_capacity(self.0.iter().map(|(piece, _)| piece.len()).sum());
        let mut origins = Vec::new();
        for (piece, from) in self.0 {
            if let Some(offset) = from {
                origins.push((text.len(), offset));
            }
            text.push_str(&piece);
        }
        (text, origins)
    }

    pub fn text(self) -> String {
        self.finish().0
    }
}
