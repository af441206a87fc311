//! sqlparser's syntax tree to ours (`sql::ast`). Whatever sqlparser can read and GoogleSQL has not, or has with another
//! meaning, is refused here rather than dropped: the hand-written grammar then decides (see `parse::core`).

mod call;
mod ddl;
mod dml;
mod expr;
mod from;
mod query;
mod select;
mod types;

use super::ast::{Ident, Path};
use super::lex::{Tok, Token};
use sqlparser::ast as theirs;
use sqlparser::tokenizer::Span;

/// What has no lowering; the name is for tests and debugging.
#[derive(Debug)]
pub struct Refused(#[allow(dead_code)] pub &'static str);

pub type Low<T> = std::result::Result<T, Refused>;

/// The tokens of the text help where sqlparser's nodes know no position of their own.
struct Lower<'a> {
    tokens: &'a [Token],
}

pub(super) fn refuse<T>(what: &'static str) -> Low<T> {
    Err(Refused(what))
}

/// Refuses a node with a part that is not lowered.
pub(super) fn only(holds: bool, what: &'static str) -> Low<()> {
    if holds { Ok(()) } else { Err(Refused(what)) }
}

/// A statement in our tree.
pub fn statement(statement: &theirs::Statement, tokens: &[Token]) -> Low<super::ast::StatementKind> {
    Lower { tokens }.statement(statement)
}

/// A query in our tree.
pub fn query(query: &theirs::Query, tokens: &[Token]) -> Low<super::ast::Query> {
    Lower { tokens }.query(query)
}

/// Spans carry byte offsets in their column (see `parse::dialect`).
fn start(span: Span) -> usize {
    (span.start.column as usize).saturating_sub(1)
}

fn end(span: Span) -> usize {
    (span.end.column as usize).saturating_sub(1)
}

impl Lower<'_> {
    /// A name; sqlparser would take a string for one.
    fn ident(&self, ident: &theirs::Ident) -> Low<Ident> {
        only(matches!(ident.quote_style, None | Some('`')), "a string as a name")?;
        Ok(Ident { text: ident.value.clone(), at: start(ident.span) })
    }

    fn idents(&self, idents: &[theirs::Ident]) -> Low<Vec<Ident>> {
        idents.iter().map(|ident| self.ident(ident)).collect()
    }

    /// An alias: behind AS any word, else none that is reserved.
    fn alias(&self, ident: &theirs::Ident) -> Low<Ident> {
        let name = self.ident(ident)?;
        let before = self.index(name.at).checked_sub(1).map(|n| &self.tokens[n].tok);
        let explicit = matches!(before, Some(Tok::Word(word, false)) if word.eq_ignore_ascii_case("AS"));
        only(explicit || ident.quote_style.is_some() || !reserved(&ident.value), "a reserved word as an alias")?;
        Ok(name)
    }

    fn maybe_alias(&self, ident: Option<&theirs::Ident>) -> Low<Option<Ident>> {
        ident.map(|ident| self.alias(ident)).transpose()
    }

    fn table_alias(&self, alias: Option<&theirs::TableAlias>) -> Low<Option<Ident>> {
        let Some(theirs::TableAlias { explicit: _, name, columns, at }) = alias else { return Ok(None) };
        only(columns.is_empty() && at.is_none(), "the columns of an alias")?;
        self.alias(name).map(Some)
    }

    /// The parts of a dotted name.
    fn name_parts<'n>(&self, name: &'n theirs::ObjectName) -> Low<Vec<&'n theirs::Ident>> {
        let part = |part: &'n theirs::ObjectNamePart| part.as_ident().ok_or(Refused("a function in a name"));
        name.0.iter().map(part).collect()
    }

    /// A name that must not be dotted.
    fn single(&self, name: &theirs::ObjectName) -> Low<Ident> {
        match self.name_parts(name)?.as_slice() {
            [ident] => self.ident(ident),
            _ => refuse("a dotted name"),
        }
    }

    fn path(&self, name: &theirs::ObjectName) -> Low<Path> {
        let idents = self.name_parts(name)?;
        let first = idents.first().ok_or(Refused("a name without parts"))?;
        only(first.quote_style.is_some() || !reserved(&first.value), "a reserved word as a name")?;
        let mut parts = Vec::new();
        for ident in &idents {
            match ident.quote_style {
                Some(_) => parts.extend(ident.value.split('.').map(str::to_owned)),
                None => parts.push(ident.value.clone()),
            }
        }
        Ok(Path { parts, at: start(first.span) })
    }

    /// The words of a dotted name as written: a backticked `a.b` is one of them.
    fn words_at(&self, at: usize) -> Vec<Ident> {
        let mut words = Vec::new();
        let mut rest = self.tokens[self.index(at)..].iter().peekable();
        while let Some(token) = rest.next() {
            match &token.tok {
                Tok::Word(text, _) => words.push(Ident { text: text.clone(), at: token.at }),
                Tok::Int(_) => {}
                _ => break,
            }
            let glued = rest.peek().is_some_and(|next| {
                matches!(next.tok, Tok::Sym("."))
                    || next.at == token.end && matches!(next.tok, Tok::Sym("-") | Tok::Word(..))
            });
            if !glued {
                break;
            }
            if rest.peek().is_some_and(|next| matches!(next.tok, Tok::Sym(_))) {
                rest.next();
            }
        }
        words
    }

    /// The first token at or behind a position.
    fn index(&self, at: usize) -> usize {
        self.tokens.partition_point(|token| token.at < at).min(self.tokens.len().saturating_sub(1))
    }

    /// Where the nearest of these words or symbols before a position stands.
    fn back(&self, at: usize, wanted: &[&str]) -> usize {
        let found = |token: &&Token| match &token.tok {
            Tok::Word(word, false) => wanted.iter().any(|w| w.eq_ignore_ascii_case(word)),
            Tok::Sym(symbol) => wanted.contains(symbol),
            _ => false,
        };
        let before = self.tokens.partition_point(|token| token.at < at);
        self.tokens[..before].iter().rev().find(found).map_or(at, |token| token.at)
    }

    /// Where the bracket ends that opens at a position.
    fn closed(&self, at: usize) -> usize {
        let mut open = 0;
        for token in &self.tokens[self.index(at)..] {
            match token.tok {
                Tok::Sym("(") => open += 1,
                Tok::Sym(")") => open -= 1,
                _ => {}
            }
            if open == 0 {
                return token.end;
            }
        }
        at
    }

    /// The token behind the nearest such word at or after a position.
    fn behind(&self, at: usize, word: &str) -> usize {
        let found = |token: &Token| matches!(&token.tok, Tok::Word(text, false) if text.eq_ignore_ascii_case(word));
        let from = self.index(at);
        let place = self.tokens[from..].iter().position(found);
        place.and_then(|n| self.tokens.get(from + n + 1)).map_or(at, |token| token.at)
    }

    /// A unit such as DAY, of which sqlparser keeps neither spelling nor place: the next such word behind `at`.
    fn spelled(&self, unit: &str, at: usize) -> Ident {
        let word = |token: &Token| match &token.tok {
            Tok::Word(text, _) if text.eq_ignore_ascii_case(unit) => Some(Ident { text: text.clone(), at: token.at }),
            _ => None,
        };
        let found = self.tokens[self.index(at)..].iter().find_map(word);
        found.unwrap_or_else(|| Ident { text: unit.to_owned(), at })
    }
}

fn reserved(word: &str) -> bool {
    super::parse::reserved(word)
}
