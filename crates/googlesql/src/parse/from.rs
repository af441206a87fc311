//! The FROM clause: tables, subqueries, UNNEST, joins, PIVOT and UNPIVOT.

use super::Parser;
use crate::Result;
use crate::ast::{Expr, From, FromKind, Ident, JoinOn, Path, Pivot, Unpivot};
use crate::lex::Tok;

impl Parser {
    pub(super) fn read_from(&mut self) -> Result<From> {
        let mut left = self.joined()?;
        while self.sym(",") {
            let at = self.at();
            let right = self.joined()?;
            let kind = FromKind::Join { kind: "CROSS", left: Box::new(left), right: Box::new(right), on: JoinOn::None };
            left = From { at, kind };
        }
        Ok(left)
    }

    fn joined(&mut self) -> Result<From> {
        let mut left = self.read_from_item()?;
        // `a JOIN b JOIN c ON .. ON ..`: conditions that come later belong to the joins further out
        let mut waiting: Vec<(From, &'static str)> = Vec::new();
        loop {
            let at = self.at();
            if !waiting.is_empty() && (self.peek_word("ON") || self.peek_word("USING")) {
                let on = self.join_on()?;
                if let Some((outer, kind)) = waiting.pop() {
                    let kind = FromKind::Join { kind, left: Box::new(outer), right: Box::new(left), on };
                    left = From { at, kind };
                }
                continue;
            }
            let Some(kind) = self.join_kind()? else { break };
            let right = self.read_from_item()?;
            if kind == "CROSS" {
                left = From {
                    at,
                    kind: FromKind::Join { kind, left: Box::new(left), right: Box::new(right), on: JoinOn::None },
                };
            } else if self.peek_word("ON") || self.peek_word("USING") {
                let on = self.join_on()?;
                left = From { at, kind: FromKind::Join { kind, left: Box::new(left), right: Box::new(right), on } };
            } else if self.correlated(&right) || self.no_condition_follows() {
                left = From {
                    at,
                    kind: FromKind::Join { kind, left: Box::new(left), right: Box::new(right), on: JoinOn::None },
                };
            } else {
                waiting.push((left, kind));
                left = right;
            }
        }
        match waiting.pop() {
            Some(_) => Err(self.unexpected("ON or USING")),
            None => Ok(left),
        }
    }

    /// An array join needs no condition.
    fn correlated(&self, right: &From) -> bool {
        match &right.kind {
            FromKind::Unnest { .. } => !["JOIN", "INNER", "LEFT", "RIGHT", "FULL"].iter().any(|w| self.peek_word(w)),
            FromKind::Table { path, .. } => path.parts.len() > 1 && self.no_condition_follows(),
            _ => false,
        }
    }

    fn no_condition_follows(&self) -> bool {
        match self.tok() {
            Tok::End | Tok::Sym(")" | ";" | "|>" | ",") => true,
            Tok::Word(..) => {
                ["WHERE", "GROUP", "ORDER", "LIMIT", "QUALIFY", "WINDOW", "HAVING", "UNION", "CROSS", "EXCEPT"]
                    .iter()
                    .any(|w| self.peek_word(w))
            }
            _ => false,
        }
    }

    pub(super) fn join_kind(&mut self) -> Result<Option<&'static str>> {
        let kind = if self.words(&["CROSS", "JOIN"]) {
            "CROSS"
        } else if self.words(&["INNER", "JOIN"]) || self.words(&["JOIN"]) {
            "INNER"
        } else {
            let side = ["LEFT", "RIGHT", "FULL"].into_iter().find(|w| self.peek_word(w));
            let Some(side) = side else { return Ok(None) };
            let outer = Parser::is_word(self.ahead(1), "OUTER");
            if !Parser::is_word(self.ahead(1 + usize::from(outer)), "JOIN") {
                return Ok(None);
            }
            self.pos += 2 + usize::from(outer);
            side
        };
        Ok(Some(kind))
    }

    pub(super) fn join_on(&mut self) -> Result<JoinOn> {
        if self.word("ON") {
            return self.expr().map(JoinOn::On);
        }
        if self.word("USING") {
            return self.name_list().map(JoinOn::Using);
        }
        Ok(JoinOn::None)
    }

    pub(super) fn read_from_item(&mut self) -> Result<From> {
        let mut item = self.read_from_base()?;
        loop {
            let at = self.at();
            if self.peek_word("PIVOT") && matches!(self.ahead(1), Tok::Sym("(")) {
                self.next();
                let pivot = self.pivot()?;
                let alias = self.alias()?;
                item = From { at, kind: FromKind::Pivot { source: Box::new(item), pivot, alias } };
            } else if self.peek_word("UNPIVOT") {
                self.next();
                let unpivot = self.unpivot()?;
                let alias = self.alias()?;
                item = From { at, kind: FromKind::Unpivot { source: Box::new(item), unpivot, alias } };
            } else if self.word("TABLESAMPLE") {
                let percent = self.sample()?;
                item = From { at, kind: FromKind::Sample { source: Box::new(item), percent } };
            } else {
                return Ok(item);
            }
        }
    }

    pub(super) fn sample(&mut self) -> Result<Expr> {
        self.any_word()?;
        self.in_parens(|p| {
            let value = p.expr()?;
            p.need("PERCENT")?;
            Ok(value)
        })
    }

    fn read_from_base(&mut self) -> Result<From> {
        let at = self.at();
        let lateral = self.word("LATERAL");
        if self.word("UNNEST") {
            let values = self.in_parens(|p| {
                p.comma_list(|p| {
                    let value = p.expr()?;
                    if p.word("AS") {
                        p.any_word()?;
                    }
                    Ok(value)
                })
            })?;
            let alias = self.read_from_alias()?;
            let offset = self.with_offset()?;
            return Ok(From { at, kind: FromKind::Unnest { values, alias, offset } });
        }
        if self.peek_sym("(") {
            if self.starts_query(1) && self.bracket_is_query() {
                let query = Box::new(self.in_parens(|p| p.query())?);
                let alias = self.read_from_alias()?;
                return Ok(From { at, kind: FromKind::Query { query, alias, lateral } });
            }
            return self.nested("this FROM clause", |p| p.in_parens(Parser::read_from));
        }
        let path_at = self.pos;
        let path = self.path()?;
        if self.peek_sym("(") {
            let call = self.call_parts(path.text(), path.at)?;
            let alias = self.read_from_alias()?;
            return Ok(From { at, kind: FromKind::Call { call: Box::new(call), alias } });
        }
        self.table_tail(at, path, path_at)
    }

    /// `((SELECT ..) UNION ..)` is a query, `((SELECT ..) AS a JOIN ..)` a join.
    fn bracket_is_query(&self) -> bool {
        let mut depth = 0usize;
        let mut n = 1;
        if !matches!(self.ahead(1), Tok::Sym("(")) {
            return true;
        }
        loop {
            match self.ahead(n) {
                Tok::Sym("(") => depth += 1,
                Tok::Sym(")") => depth -= 1,
                Tok::End => return true,
                _ => {}
            }
            n += 1;
            if depth == 0 {
                break;
            }
        }
        let follows = |words: &[&str]| words.iter().any(|w| Parser::is_word(self.ahead(n), w));
        matches!(self.ahead(n), Tok::Sym(")" | "|>"))
            || follows(&["UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT"])
            || (follows(&["FULL", "LEFT", "INNER"])
                && !["JOIN", "OUTER"].iter().any(|w| Parser::is_word(self.ahead(n + 1), w)))
    }

    fn table_tail(&mut self, at: usize, path: Path, path_at: usize) -> Result<From> {
        let names = self.tokens[path_at..self.pos]
            .iter()
            .filter_map(|t| match &t.tok {
                Tok::Word(text, _) => Some(Ident { text: text.clone(), at: t.at }),
                _ => None,
            })
            .collect();
        let mut as_of = self.system_time()?;
        let alias = self.read_from_alias()?;
        let offset = self.with_offset()?;
        if as_of.is_none() {
            as_of = self.system_time()?;
        }
        Ok(From { at, kind: FromKind::Table { path, names, alias, offset, as_of } })
    }

    fn system_time(&mut self) -> Result<Option<Expr>> {
        if self.words(&["FOR", "SYSTEM_TIME", "AS", "OF"]) || self.words(&["FOR", "SYSTEM", "TIME", "AS", "OF"]) {
            return self.expr().map(Some);
        }
        Ok(None)
    }

    fn read_from_alias(&mut self) -> Result<Option<Ident>> {
        let next = |w: &str| self.peek_word(w);
        let clause = (next("PIVOT") || next("UNPIVOT")) && matches!(self.ahead(1), Tok::Sym("(") | Tok::Word(..));
        if clause { Ok(None) } else { self.alias() }
    }

    fn with_offset(&mut self) -> Result<Option<Option<Ident>>> {
        if self.words(&["WITH", "OFFSET"]) { self.alias().map(Some) } else { Ok(None) }
    }

    pub(super) fn pivot(&mut self) -> Result<Pivot> {
        self.in_parens(|p| {
            let aggregates = p.comma_list(|p| Ok((p.expr()?, p.alias()?)))?;
            p.need("FOR")?;
            // no comparison here: IN is the clause's own word
            let column = p.binary(4)?;
            p.need("IN")?;
            let values = p.in_parens(|p| p.comma_list(|p| Ok((p.expr()?, p.alias()?))))?;
            Ok(Pivot { aggregates, column, values })
        })
    }

    pub(super) fn unpivot(&mut self) -> Result<Unpivot> {
        let include_nulls = self.words(&["INCLUDE", "NULLS"]);
        self.words(&["EXCLUDE", "NULLS"]);
        self.in_parens(|p| {
            let values = if p.peek_sym("(") { p.name_list()? } else { vec![p.any_word()?] };
            p.need("FOR")?;
            let name = p.any_word()?;
            p.need("IN")?;
            let columns = p.in_parens(|p| {
                p.comma_list(|p| {
                    let names = if p.peek_sym("(") { p.name_list()? } else { vec![p.any_word()?] };
                    p.word("AS");
                    let label = if matches!(p.tok(), Tok::Text(_) | Tok::Int(_) | Tok::Sym("-")) {
                        Some(p.expr()?)
                    } else {
                        None
                    };
                    Ok((names, label))
                })
            })?;
            Ok(Unpivot { include_nulls, values, name, columns })
        })
    }
}
