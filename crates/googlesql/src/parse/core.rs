//! Which of the two grammars reads a statement.

use super::{Parser, dialect};
use crate::ast::{Query, StatementKind};
use crate::lex::{Tok, Token};
use crate::lower;
use sqlparser::parser::Parser as SqlParser;
use sqlparser::tokenizer::Token as Theirs;

/// Deeper brackets go to the hand-written grammar, which tells where they become too many; sqlparser tries brackets in
/// several ways, and each level multiplies its work.
const DEEPEST: usize = 24;
/// A longer statement goes there too: sqlparser's trees lean to the left, however long a chain is.
const LONGEST: usize = 100_000;

/// One statement as sqlparser sees it.
pub(super) struct Core<'a> {
    tokens: &'a [Token],
    parser: SqlParser<'a>,
}

impl Parser {
    /// The one rule: sqlparser reads the statement up to its `;` and `sql::lower` turns its tree into ours. Only when
    /// sqlparser refuses the statement, or knows it as something that has no lowering, nothing is taken and the
    /// hand-written grammar reads it, which then also words the error.
    ///
    /// There are two grammars because sqlparser refuses about one in six of the valid GoogleSQL texts of Google's own
    /// tests: MODEL and TABLE arguments, CORRESPONDING and the like at set operations, RANGE, loops, most pipe operators.
    /// The statements of blocks come through here one by one, so that a loop does not keep its SELECT from sqlparser.
    pub(super) fn core<T>(&mut self, read: fn(&mut Core) -> Option<T>) -> Option<T> {
        let rest = &self.tokens[self.pos..];
        let length = rest.iter().position(|token| matches!(token.tok, Tok::Sym(";") | Tok::End))?;
        let tokens = &rest[..length];
        if tokens.len() > LONGEST || depth(tokens) > DEEPEST {
            return None;
        }
        let theirs = dialect::tokens(tokens)?;
        let parser = SqlParser::new(&dialect::GoogleSql).with_tokens_with_locations(theirs);
        let value = read(&mut Core { tokens, parser })?;
        self.pos += length;
        Some(value)
    }
}

impl Core<'_> {
    pub(super) fn statement(&mut self) -> Option<StatementKind> {
        let statement = self.parser.parse_statement().ok()?;
        self.ends()?;
        lower::statement(&statement, self.tokens).ok()
    }

    pub(super) fn query(&mut self) -> Option<Query> {
        let query = self.parser.parse_query().ok()?;
        self.ends()?;
        lower::query(&query, self.tokens).ok()
    }

    fn ends(&self) -> Option<()> {
        (self.parser.peek_token_ref().token == Theirs::EOF).then_some(())
    }
}

/// How deep brackets nest.
fn depth(tokens: &[Token]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for token in tokens {
        match token.tok {
            Tok::Sym("(" | "[") => depth += 1,
            Tok::Sym(")" | "]") => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests;
