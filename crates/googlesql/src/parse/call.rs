//! Function calls with everything that may stand in and behind their brackets.

use super::Parser;
use crate::Result;
use crate::ast::{Bound, Call, Expr, Frame, Kind, Order, Window};
use crate::lex::Tok;

impl Parser {
    /// The call of `name`, whose opening bracket is next.
    pub(super) fn call(&mut self, name: String, at: usize) -> Result<Expr> {
        let call = self.call_parts(name, at)?;
        Ok(self.make(at, Kind::Call(Box::new(call))))
    }

    pub(super) fn call_parts(&mut self, name: String, at: usize) -> Result<Call> {
        let (safe, name) = match name.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case("SAFE.") => (true, name[5..].to_owned()),
            _ => (false, name),
        };
        let mut call = Call { name, at, safe, ..Call::default() };
        self.need_sym("(")?;
        if !self.peek_sym(")") {
            call.distinct = self.word("DISTINCT");
            call.args = self.comma_list(Parser::argument)?;
        }
        self.call_modifiers(&mut call)?;
        self.need_sym(")")?;
        if self.word("OVER") {
            call.over = Some(self.window()?);
        }
        Ok(call)
    }

    fn nulls_modifier(&mut self) -> Option<bool> {
        if self.words(&["IGNORE", "NULLS"]) {
            return Some(true);
        }
        self.words(&["RESPECT", "NULLS"]).then_some(false)
    }

    fn call_modifiers(&mut self, call: &mut Call) -> Result<()> {
        if self.word("WHERE") {
            call.condition = Some(self.expr()?);
        }
        call.ignore_nulls = self.nulls_modifier();
        if self.word("HAVING") {
            let max = self.word("MAX");
            if !max {
                self.need("MIN")?;
            }
            call.having = Some((max, self.expr()?));
        }
        if self.words(&["ORDER", "BY"]) {
            call.order = self.order_items()?;
        }
        if self.word("LIMIT") {
            call.limit = Some(self.expr()?);
        }
        Ok(())
    }

    fn argument(&mut self) -> Result<Expr> {
        let at = self.at();
        if self.sym("*") {
            return Ok(self.make(at, Kind::Star));
        }
        for word in ["MODEL", "TABLE"] {
            if self.peek_word(word) && matches!(self.ahead(1), Tok::Word(..)) {
                self.next();
                let path = self.path()?;
                return Ok(self.make(at, Kind::Object(word, path)));
            }
        }
        if matches!(self.tok(), Tok::Word(..)) && matches!(self.ahead(1), Tok::Sym("=>")) {
            let name = self.any_word()?;
            self.next();
            let value = self.boxed()?;
            return Ok(self.make(at, Kind::Named(name, value)));
        }
        if self.peek_word("SELECT") || (self.peek_word("WITH") && !matches!(self.ahead(1), Tok::Sym("("))) {
            let query = self.query()?;
            return Ok(self.make(at, Kind::Query(Box::new(query))));
        }
        self.expr()
    }

    pub(super) fn order_items(&mut self) -> Result<Vec<Order>> {
        self.comma_list(|p| {
            let value = p.expr()?;
            let collate = if p.word("COLLATE") { Some(p.expr()?) } else { None };
            let descending = p.word("DESC");
            if !descending {
                p.word("ASC");
            }
            let nulls_first =
                if p.words(&["NULLS", "FIRST"]) { Some(true) } else { p.words(&["NULLS", "LAST"]).then_some(false) };
            Ok(Order { value, descending, nulls_first, collate })
        })
    }

    /// What follows OVER, or stands in a WINDOW clause.
    pub(super) fn window(&mut self) -> Result<Window> {
        if !self.peek_sym("(") {
            return Ok(Window { base: Some(self.ident()?), ..Window::default() });
        }
        self.in_parens(|p| {
            let mut window = Window::default();
            let clause = ["PARTITION", "ORDER", "ROWS", "RANGE"].iter().any(|w| p.peek_word(w));
            if !clause && p.peek_ident() {
                window.base = Some(p.ident()?);
            }
            if p.words(&["PARTITION", "BY"]) {
                window.partition = p.comma_list(Parser::expr)?;
            }
            if p.words(&["ORDER", "BY"]) {
                window.order = p.order_items()?;
            }
            if let Some(unit) = p.one_of(&["ROWS", "RANGE"]) {
                window.frame = Some(p.frame(unit == "ROWS")?);
            }
            Ok(window)
        })
    }

    fn frame(&mut self, rows: bool) -> Result<Frame> {
        if !self.word("BETWEEN") {
            return Ok(Frame { rows, start: self.bound()?, end: None });
        }
        let start = self.bound()?;
        self.need("AND")?;
        Ok(Frame { rows, start, end: Some(self.bound()?) })
    }

    fn bound(&mut self) -> Result<Bound> {
        if self.words(&["CURRENT", "ROW"]) {
            return Ok(Bound::Current);
        }
        let value = if self.word("UNBOUNDED") { None } else { Some(self.expr()?) };
        let preceding = match self.one_of(&["PRECEDING", "FOLLOWING"]) {
            Some(side) => side == "PRECEDING",
            None => return Err(self.unexpected("PRECEDING or FOLLOWING")),
        };
        Ok(match value {
            Some(value) => Bound::Offset(value, preceding),
            None => Bound::Unbounded(preceding),
        })
    }
}
