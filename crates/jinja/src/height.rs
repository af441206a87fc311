//! How tall the tree of one tag can get, told from its tokens: brackets and chains of operators, which build on each other.
//! What reads, compiles and drops the tree recurses, so a tag whose tree would be too tall is refused with its place.

use super::lex::{SyntaxError, Token, TokenKind, fail};

const TALLEST: usize = 1_000;
/// Words that join two expressions or stand before one.
const OPERATORS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// What stands between two brackets.
#[derive(Default)]
struct Level {
    /// the tallest member so far, the operators of this one, and the tallest bracket in it
    best: usize,
    links: usize,
    inner: usize,
}

impl Level {
    fn height(&self) -> usize {
        self.best.max(self.links + self.inner)
    }
}

pub fn check(source: &str, tokens: &[Token]) -> Result<(), SyntaxError> {
    let (mut level, mut open) = (Level::default(), Vec::new());
    for token in tokens {
        let text = &source[token.range.clone()];
        match (&token.kind, text) {
            (TokenKind::Op, "(" | "[" | "{") => {
                level.links += 1;
                open.push(std::mem::take(&mut level));
            }
            (TokenKind::Op, ")" | "]" | "}") => {
                let inner = level.height() + 1;
                level = open.pop().unwrap_or_default();
                level.inner = level.inner.max(inner);
            }
            (TokenKind::Op, ",") => level = Level { best: level.height(), links: 0, inner: 0 },
            (TokenKind::Op, ":") => {}
            (TokenKind::Op, _) => level.links += 1,
            (TokenKind::Name, word) if OPERATORS.contains(&word) => level.links += 1,
            _ => {}
        }
        if level.height() > TALLEST || open.len() > TALLEST {
            let message = format!("more than {TALLEST} operators and brackets build on each other in this tag");
            return fail(format!("{message}; split it with {{% set %}}"), token.range.start);
        }
    }
    Ok(())
}
