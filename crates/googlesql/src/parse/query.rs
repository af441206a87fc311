//! Queries: WITH, SELECT, set operations, ORDER BY and LIMIT.

use super::{Parser, chain};
use crate::Result;
use crate::ast::{Body, Cte, Expr, Group, GroupItem, Ident, Item, Kind, Query, Select, SetOp};
use crate::lex::Tok;

impl Parser {
    pub(super) fn query(&mut self) -> Result<Query> {
        self.nested("this query", Parser::one_query)
    }

    fn one_query(&mut self) -> Result<Query> {
        let at = self.at();
        let (mut with, mut recursive) = (Vec::new(), false);
        if self.word("WITH") {
            recursive = self.word("RECURSIVE");
            with = self.ctes()?;
        }
        let body = self.body()?;
        let mut query =
            Query { at, recursive, with, body, order: Vec::new(), limit: None, offset: None, pipes: Vec::new() };
        if self.words(&["ORDER", "BY"]) {
            query.order = self.order_items()?;
        }
        if self.word("LIMIT") {
            query.limit = Some(self.expr()?);
            if self.word("OFFSET") {
                query.offset = Some(self.expr()?);
            }
        }
        while self.peek_sym("|>") {
            let at = self.at();
            self.next();
            let pipe = self.pipe()?;
            query.pipes.push((pipe, at));
        }
        Ok(query)
    }

    pub(super) fn ctes(&mut self) -> Result<Vec<Cte>> {
        let mut ctes = Vec::new();
        loop {
            let name = self.any_word()?;
            self.need("AS")?;
            let query = self.in_parens(|p| p.query())?;
            let depth = if self.words(&["WITH", "DEPTH"]) { Some(self.depth_tail()?) } else { None };
            ctes.push(Cte { name, query, depth });
            if !self.sym(",") || self.peek_word("SELECT") || self.peek_sym("(") {
                return Ok(ctes);
            }
        }
    }

    #[allow(clippy::type_complexity)]
    fn depth_tail(&mut self) -> Result<(Option<Ident>, Option<Expr>, Option<Expr>)> {
        let name = if self.word("AS") { Some(self.any_word()?) } else { None };
        let bound = |p: &mut Parser| if p.word("UNBOUNDED") { Ok(None) } else { p.binary_bound().map(Some) };
        if self.word("BETWEEN") {
            let low = bound(self)?;
            self.need("AND")?;
            return Ok((name, low, bound(self)?));
        }
        if self.word("MAX") {
            return Ok((name, None, bound(self)?));
        }
        Ok((name, None, None))
    }

    fn binary_bound(&mut self) -> Result<Expr> {
        let at = self.at();
        match self.next() {
            Tok::Int(text) => Ok(self.make(at, Kind::Int(text))),
            _ => Err(self.unexpected("a number")),
        }
    }

    fn body(&mut self) -> Result<Body> {
        let mut left = self.body_part()?;
        // the parts of the chain that is being read
        let mut rest: Vec<(SetOp, Body)> = Vec::new();
        while let Some(op) = self.set_op()? {
            if rest.last().is_some_and(|(last, _)| !chain::is_same(last, &op)) {
                left = chain::bodies(left, std::mem::take(&mut rest));
            }
            rest.push((op, self.body_part()?));
        }
        Ok(chain::bodies(left, rest))
    }

    fn body_part(&mut self) -> Result<Body> {
        if self.peek_sym("(") {
            let query = self.in_parens(|p| p.query())?;
            return Ok(Body::Query(Box::new(query)));
        }
        if self.word("FROM") {
            return Ok(Body::From(Box::new(self.read_from()?)));
        }
        self.select().map(|select| Body::Select(Box::new(select)))
    }

    /// `[FULL|LEFT [OUTER] | INNER] {UNION|INTERSECT|EXCEPT} {ALL|DISTINCT} [STRICT] [CORRESPONDING|BY NAME ...]`
    pub(super) fn set_op(&mut self) -> Result<Option<SetOp>> {
        let at = self.at();
        let mut n = 0;
        let mut mode = None;
        for word in ["FULL", "LEFT", "INNER"] {
            if Parser::is_word(self.ahead(n), word) {
                mode = Some(word);
                n += 1;
                break;
            }
        }
        if Parser::is_word(self.ahead(n), "OUTER") {
            mode = mode.or(Some("FULL"));
            n += 1;
        }
        let Some(kind) = ["UNION", "INTERSECT", "EXCEPT"].into_iter().find(|w| Parser::is_word(self.ahead(n), w))
        else {
            return Ok(None);
        };
        self.pos += n + 1;
        let all = match self.one_of(&["ALL", "DISTINCT"]) {
            Some(which) => which == "ALL",
            None => return Err(self.unexpected(&format!("ALL or DISTINCT after {kind}"))),
        };
        let mut strict = self.word("STRICT");
        let mut by_name = None;
        if self.words(&["BY", "NAME"]) {
            // without a mode BY NAME wants equal columns, CORRESPONDING the shared ones
            strict = mode.is_none();
            by_name = Some(if self.word("ON") { Some(self.name_list()?) } else { None });
        } else if self.word("CORRESPONDING") {
            by_name = Some(if self.word("BY") { Some(self.name_list()?) } else { None });
        }
        Ok(Some(SetOp { at, kind, all, mode, strict, by_name }))
    }

    pub(super) fn name_list(&mut self) -> Result<Vec<Ident>> {
        self.in_parens(|p| p.comma_list(Parser::any_word))
    }

    pub(super) fn select(&mut self) -> Result<Select> {
        self.need("SELECT")?;
        let mut select = self.select_head()?;
        if self.word("FROM") {
            select.from = Some(self.read_from()?);
        }
        if self.word("WHERE") {
            select.condition = Some(self.expr()?);
        }
        if self.words(&["GROUP", "BY"]) {
            select.group =
                Some(if self.word("ALL") { Group::All } else { Group::Items(self.comma_list(Parser::group_item)?) });
        }
        if self.word("HAVING") {
            select.having = Some(self.expr()?);
        }
        if self.word("QUALIFY") {
            select.qualify = Some(self.expr()?);
        }
        if self.word("WINDOW") {
            select.windows = self.comma_list(|p| {
                let name = p.ident()?;
                p.need("AS")?;
                Ok((name, p.window()?))
            })?;
        }
        Ok(select)
    }

    /// The select list with what stands before it.
    pub(super) fn select_head(&mut self) -> Result<Select> {
        let at = self.at();
        let distinct = self.word("DISTINCT");
        if !distinct {
            self.word("ALL");
        }
        let mut shape = None;
        if self.word("AS") {
            shape = self.one_of(&["STRUCT", "VALUE"]);
            if shape.is_none() {
                return Err(self.unexpected("STRUCT or VALUE"));
            }
        }
        let items = self.items()?;
        Ok(Select {
            at,
            distinct,
            shape,
            items,
            from: None,
            condition: None,
            group: None,
            having: None,
            qualify: None,
            windows: Vec::new(),
        })
    }

    /// A select list; a trailing comma is allowed.
    pub(super) fn items(&mut self) -> Result<Vec<Item>> {
        let mut items = vec![self.item()?];
        while self.sym(",") {
            let ends = matches!(self.tok(), Tok::End | Tok::Sym(")" | ";" | "|>"))
                || ["FROM", "UNION", "INTERSECT", "EXCEPT", "WHERE", "ORDER", "LIMIT", "GROUP"]
                    .iter()
                    .any(|w| self.peek_word(w));
            if ends {
                break;
            }
            items.push(self.item()?);
        }
        Ok(items)
    }

    pub(super) fn item(&mut self) -> Result<Item> {
        let at = self.at();
        if self.sym("*") {
            return self.star(None, at);
        }
        let value = self.expr()?;
        if self.peek_sym(".") && matches!(self.ahead(1), Tok::Sym("*")) {
            self.pos += 2;
            return self.star(Some(value), at);
        }
        Ok(Item::Value(value, self.alias()?))
    }

    fn star(&mut self, of: Option<Expr>, at: usize) -> Result<Item> {
        let mut except = Vec::new();
        if self.peek_word("EXCEPT") && matches!(self.ahead(1), Tok::Sym("(")) {
            self.next();
            except = self.name_list()?;
        }
        let mut replace = Vec::new();
        if self.word("REPLACE") {
            replace = self.in_parens(|p| {
                p.comma_list(|p| {
                    let value = p.expr()?;
                    p.need("AS")?;
                    Ok((value, p.any_word()?))
                })
            })?;
        }
        Ok(Item::Star { of, except, replace, at })
    }

    pub(super) fn group_item(&mut self) -> Result<GroupItem> {
        for (words, name) in
            [(&["ROLLUP"][..], "ROLLUP"), (&["CUBE"], "CUBE"), (&["GROUPING", "SETS"], "GROUPING SETS")]
        {
            if self.peek_words(words) && matches!(self.ahead(words.len()), Tok::Sym("(")) {
                self.words(words);
                let sets = self.in_parens(|p| p.comma_list(Parser::group_set))?;
                return Ok(GroupItem::Nested(name, sets));
            }
        }
        if self.peek_sym("(") && matches!(self.ahead(1), Tok::Sym(")")) {
            self.pos += 2;
            return Ok(GroupItem::Empty);
        }
        let value = self.expr()?;
        let alias = if self.word("AS") { Some(self.any_word()?) } else { None };
        Ok(GroupItem::Value(value, alias))
    }

    fn group_set(&mut self) -> Result<Vec<GroupItem>> {
        match self.nested("this grouping", Parser::group_item)? {
            GroupItem::Value(Expr { kind: Kind::Struct { fields: None, items }, .. }, None) => {
                Ok(items.into_iter().map(|(value, _)| GroupItem::Value(value, None)).collect())
            }
            GroupItem::Empty => Ok(Vec::new()),
            item => Ok(vec![item]),
        }
    }
}
