//! Expressions, by precedence climbing.

use super::{Parser, chain};
use crate::ast::{Expr, Ident, Kind, Set, TypeName};
use crate::lex::Tok;
use crate::{Result, SqlError};

/// Binary operators with their strength; comparison has its own function, since it does not associate.
const BINARY: &[(&str, u8)] =
    &[("|", 4), ("^", 5), ("&", 6), ("<<", 7), (">>", 7), ("+", 8), ("-", 8), ("*", 9), ("/", 9), ("||", 9)];
const COMPARE: &[&str] = &["=", "!=", "<>", "<=", ">=", "<", ">"];
const TYPED_LITERALS: &[&str] =
    &["DATE", "DATETIME", "TIMESTAMP", "TIME", "NUMERIC", "BIGNUMERIC", "DECIMAL", "BIGDECIMAL", "JSON"];

impl Parser {
    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.nested("this expression", Parser::or_expr)
    }

    fn or_expr(&mut self) -> Result<Expr> {
        self.chain("OR", Parser::and_expr)
    }

    fn and_expr(&mut self) -> Result<Expr> {
        self.chain("AND", Parser::not_expr)
    }

    fn chain(&mut self, op: &'static str, term: fn(&mut Self) -> Result<Expr>) -> Result<Expr> {
        let mut terms = vec![term(self)?];
        while self.word(op) {
            terms.push(term(self)?);
        }
        chain::exprs(op, terms).ok_or_else(|| self.unexpected("an expression"))
    }

    fn not_expr(&mut self) -> Result<Expr> {
        let at = self.at();
        if self.word("NOT") {
            let inner = self.nested("NOT", Parser::not_expr)?;
            return Ok(self.make(at, Kind::Unary("NOT", Box::new(inner))));
        }
        self.compare()
    }

    fn compare(&mut self) -> Result<Expr> {
        let mut left = self.binary(4)?;
        loop {
            let at = left.at;
            if let Tok::Sym(symbol) = *self.tok()
                && let Some(op) = COMPARE.iter().find(|op| **op == symbol)
            {
                self.next();
                let right = self.binary(4)?;
                let op = if *op == "<>" { "!=" } else { op };
                left = self.make(at, Kind::Binary(op, Box::new(left), Box::new(right)));
                continue;
            }
            if self.word("IS") {
                left = self.is_tail(left)?;
                continue;
            }
            let not =
                self.peek_word("NOT") && ["IN", "LIKE", "BETWEEN"].iter().any(|w| Parser::is_word(self.ahead(1), w));
            if not {
                self.next();
            }
            let value = left;
            if self.word("BETWEEN") {
                let low = Box::new(self.binary(4)?);
                self.need("AND")?;
                let high = Box::new(self.binary(4)?);
                left = self.make(at, Kind::Between { value: Box::new(value), low, high, not });
            } else if self.word("IN") {
                let set = self.set()?;
                left = self.make(at, Kind::In { value: Box::new(value), set, not });
            } else if self.word("LIKE") {
                left = self.like_tail(value, not)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn is_tail(&mut self, left: Expr) -> Result<Expr> {
        let at = left.at;
        let not = self.word("NOT");
        if self.words(&["DISTINCT", "FROM"]) {
            let right = Box::new(self.binary(4)?);
            return Ok(self.make(at, Kind::IsDistinct { left: Box::new(left), right, not }));
        }
        match self.one_of(&["NULL", "TRUE", "FALSE", "UNKNOWN"]) {
            Some(what) => Ok(self.make(at, Kind::Is { value: Box::new(left), what, not })),
            None => Err(self.unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")),
        }
    }

    fn like_tail(&mut self, value: Expr, not: bool) -> Result<Expr> {
        let at = value.at;
        let quantifier = self.one_of(&["ANY", "SOME", "ALL"]);
        let set = match quantifier {
            Some(_) => self.set()?,
            None => Set::Items(vec![self.binary(4)?]),
        };
        Ok(self.make(at, Kind::Like { value: Box::new(value), quantifier, set, not }))
    }

    fn set(&mut self) -> Result<Set> {
        if self.word("UNNEST") {
            return self.in_parens(|p| p.boxed()).map(Set::Unnest);
        }
        if self.peek_sym("(") && self.starts_query(1) {
            return self.in_parens(|p| p.query()).map(|q| Set::Query(Box::new(q)));
        }
        self.in_parens(|p| p.comma_list(Parser::expr)).map(Set::Items)
    }

    /// Whether the token `n` ahead begins a query (through any opening brackets).
    pub(super) fn starts_query(&self, mut n: usize) -> bool {
        while matches!(self.ahead(n), Tok::Sym("(")) {
            n += 1;
        }
        let word = |w: &str| Parser::is_word(self.ahead(n), w);
        word("SELECT") || word("FROM") || (word("WITH") && !matches!(self.ahead(n + 1), Tok::Sym("(")))
    }

    pub(super) fn binary(&mut self, weakest: u8) -> Result<Expr> {
        let mut left = self.unary()?;
        loop {
            let Some((op, strength)) = self.binary_op().filter(|(_, strength)| *strength >= weakest) else {
                return Ok(left);
            };
            self.next();
            if op == ">>" {
                self.next();
            }
            let right = self.binary(strength + 1)?;
            if op == "||" {
                let mut terms = vec![left, right];
                while self.sym("||") {
                    terms.push(self.binary(strength + 1)?);
                }
                left = chain::exprs(op, terms).ok_or_else(|| self.unexpected("an expression"))?;
                continue;
            }
            left = self.make(left.at, Kind::Binary(op, Box::new(left), Box::new(right)));
        }
    }

    fn binary_op(&self) -> Option<(&'static str, u8)> {
        let Tok::Sym(symbol) = *self.tok() else { return None };
        let shift = symbol == ">"
            && matches!(self.ahead(1), Tok::Sym(">"))
            && self.tokens[self.pos + 1].at == self.tokens[self.pos].end;
        let symbol = if shift { ">>" } else { symbol };
        BINARY.iter().find(|(op, _)| *op == symbol).copied()
    }

    fn unary(&mut self) -> Result<Expr> {
        let at = self.at();
        for op in ["-", "+", "~"] {
            if self.sym(op) {
                let inner = self.nested("this sign", Parser::unary)?;
                return Ok(match (op, inner.kind) {
                    ("-", Kind::Int(text)) if !text.starts_with('-') => self.make(at, Kind::Int(format!("-{text}"))),
                    ("-", Kind::Float(text)) if !text.starts_with('-') => {
                        self.make(at, Kind::Float(format!("-{text}")))
                    }
                    (_, kind) => {
                        let inner = Expr { kind, ..inner };
                        self.make(at, Kind::Unary(op, Box::new(inner)))
                    }
                });
            }
        }
        let value = self.primary()?;
        self.postfix(value)
    }

    pub(super) fn postfix(&mut self, mut value: Expr) -> Result<Expr> {
        loop {
            let at = value.at;
            if self.peek_sym(".") && matches!(self.ahead(1), Tok::Word(..)) {
                self.next();
                let field = self.any_word()?;
                value = self.make(at, Kind::Field(Box::new(value), field));
                if self.peek_sym("(") {
                    let name = dotted(&value).ok_or_else(|| self.unexpected("an operator"))?;
                    value = self.call(name, at)?;
                }
            } else if self.sym("[") {
                let index = self.boxed()?;
                self.need_sym("]")?;
                value = self.make(at, Kind::Index(Box::new(value), index));
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr> {
        let at = self.at();
        let kind = match self.tok().clone() {
            Tok::Int(text) => Kind::Int(text),
            Tok::Float(text) => Kind::Float(text),
            Tok::Text(text) => {
                self.next();
                let mut whole = text;
                while let Tok::Text(more) = self.tok().clone() {
                    whole.push_str(&more);
                    self.next();
                }
                return Ok(self.make(at, Kind::Text(whole)));
            }
            Tok::Bytes(bytes) => Kind::Bytes(bytes),
            Tok::Param(name) => Kind::Param(name),
            Tok::System(name) => Kind::System(name),
            Tok::Sym("?") => Kind::Param(String::new()),
            Tok::Sym("(") => return self.parenthesis(),
            Tok::Sym("[") => return self.array(None),
            Tok::Word(word, quoted) => return self.word_expr(&word, quoted),
            _ => return Err(self.unexpected("an expression")),
        };
        self.next();
        Ok(self.make(at, kind))
    }

    fn parenthesis(&mut self) -> Result<Expr> {
        let at = self.at();
        if self.starts_query(1) {
            let query = self.in_parens(|p| p.query())?;
            return Ok(self.make(at, Kind::Query(Box::new(query))));
        }
        self.need_sym("(")?;
        if self.sym(")") {
            self.need_sym("->")?;
            let body = self.boxed()?;
            return Ok(self.make(at, Kind::Lambda { params: Vec::new(), body }));
        }
        let mut items = self.comma_list(Parser::expr)?;
        self.need_sym(")")?;
        if self.sym("->") {
            let params =
                items.into_iter().map(name_of).collect::<Option<_>>().ok_or_else(|| self.unexpected("lambda names"))?;
            let body = self.boxed()?;
            return Ok(self.make(at, Kind::Lambda { params, body }));
        }
        if items.len() == 1 {
            let inner = items.remove(0);
            // a bracketed set operation such as ((SELECT 1) UNION ALL ...) was met by starts_query already
            return Ok(Expr { at, end: self.last_end(), kind: inner.kind });
        }
        let items = items.into_iter().map(|item| (item, None)).collect();
        Ok(self.make(at, Kind::Struct { fields: None, items }))
    }

    fn array(&mut self, element: Option<TypeName>) -> Result<Expr> {
        let at = self.at();
        self.need_sym("[")?;
        let items = if self.peek_sym("]") { Vec::new() } else { self.comma_list(Parser::expr)? };
        self.need_sym("]")?;
        Ok(self.make(at, Kind::Array { element, items }))
    }

    fn word_expr(&mut self, word: &str, quoted: bool) -> Result<Expr> {
        let at = self.at();
        if quoted {
            return self.name_or_call(at);
        }
        let upper = word.to_uppercase();
        let literal_next = matches!(self.ahead(1), Tok::Text(_));
        if literal_next && TYPED_LITERALS.contains(&upper.as_str()) {
            let ty = self.type_name()?;
            return self.typed_text(at, ty);
        }
        let simple = match upper.as_str() {
            "NULL" => Some(Kind::Null),
            "TRUE" => Some(Kind::Bool(true)),
            "FALSE" => Some(Kind::Bool(false)),
            "DEFAULT" => Some(Kind::Default),
            _ => None,
        };
        if let Some(kind) = simple {
            self.next();
            return Ok(self.make(at, kind));
        }
        let open = matches!(self.ahead(1), Tok::Sym("("));
        match upper.as_str() {
            "CASE" => self.case(),
            "CAST" | "SAFE_CAST" if open => self.cast(upper == "SAFE_CAST"),
            "EXTRACT" if open => self.extract(),
            "EXISTS" if open => {
                self.next();
                let query = self.in_parens(|p| p.query())?;
                Ok(self.make(at, Kind::Exists(Box::new(query))))
            }
            "INTERVAL" if !open || !matches!(self.ahead(2), Tok::Sym(")")) => self.interval(),
            "ARRAY" => self.array_word(),
            "STRUCT" => self.struct_word(),
            "RANGE" if matches!(self.ahead(1), Tok::Sym("<")) => {
                let ty = self.type_name()?;
                self.typed_text(at, ty)
            }
            "WITH" if open => self.with_expr(),
            _ if open => self.name_or_call(at),
            _ if Parser::reserved(word) => Err(self.unexpected("an expression")),
            _ => self.name_or_call(at),
        }
    }

    fn typed_text(&mut self, at: usize, ty: TypeName) -> Result<Expr> {
        match self.next() {
            Tok::Text(text) => Ok(self.make(at, Kind::Typed(ty, text))),
            _ => Err(SqlError::syntax("expected a string after the type", at)),
        }
    }

    fn name_or_call(&mut self, at: usize) -> Result<Expr> {
        let name = self.any_word()?;
        if self.peek_sym("(") {
            return self.call(name.text, at);
        }
        if self.sym("->") {
            let body = self.boxed()?;
            return Ok(self.make(at, Kind::Lambda { params: vec![name], body }));
        }
        Ok(self.make(at, Kind::Name(name)))
    }

    fn case(&mut self) -> Result<Expr> {
        let at = self.at();
        self.need("CASE")?;
        let operand = if self.peek_word("WHEN") { None } else { Some(self.boxed()?) };
        let mut whens = Vec::new();
        while self.word("WHEN") {
            let when = self.expr()?;
            self.need("THEN")?;
            whens.push((when, self.expr()?));
        }
        let otherwise = if self.word("ELSE") { Some(self.boxed()?) } else { None };
        self.need("END")?;
        Ok(self.make(at, Kind::Case { operand, whens, otherwise }))
    }

    fn cast(&mut self, safe: bool) -> Result<Expr> {
        let at = self.at();
        self.next();
        self.need_sym("(")?;
        let value = self.boxed()?;
        self.need("AS")?;
        let to = self.type_name()?;
        let format = if self.word("FORMAT") { Some(self.boxed()?) } else { None };
        let zone = if self.words(&["AT", "TIME", "ZONE"]) { Some(self.boxed()?) } else { None };
        self.need_sym(")")?;
        Ok(self.make(at, Kind::Cast { value, to, safe, format, zone }))
    }

    fn extract(&mut self) -> Result<Expr> {
        let at = self.at();
        self.next();
        self.need_sym("(")?;
        let part = Box::new(self.unary()?);
        self.need("FROM")?;
        let from = self.boxed()?;
        let zone = if self.words(&["AT", "TIME", "ZONE"]) { Some(self.boxed()?) } else { None };
        self.need_sym(")")?;
        Ok(self.make(at, Kind::Extract { part, from, zone }))
    }

    fn interval(&mut self) -> Result<Expr> {
        let at = self.at();
        self.next();
        let value = self.boxed()?;
        let from = self.any_word()?;
        let to = if self.word("TO") { Some(self.any_word()?) } else { None };
        Ok(self.make(at, Kind::Interval { value, from, to }))
    }

    fn array_word(&mut self) -> Result<Expr> {
        let at = self.at();
        match self.ahead(1) {
            Tok::Sym("(") => {
                self.next();
                let query = self.in_parens(|p| p.query())?;
                Ok(self.make(at, Kind::ArrayQuery(Box::new(query))))
            }
            Tok::Sym("<") => {
                let ty = self.type_name()?;
                let crate::ast::Shape::Array(element) = ty.shape else { return Err(self.unexpected("an array")) };
                let array = self.array(Some(*element))?;
                Ok(Expr { at, ..array })
            }
            _ => {
                self.next();
                let array = self.array(None)?;
                Ok(Expr { at, ..array })
            }
        }
    }

    fn struct_word(&mut self) -> Result<Expr> {
        let at = self.at();
        self.next();
        let typed = self.peek_sym("<") || self.peek_sym("<>");
        let fields = if typed { Some(self.struct_fields()?) } else { None };
        self.need_sym("(")?;
        let mut items = Vec::new();
        if !self.peek_sym(")") {
            items = self.comma_list(|p| {
                let value = p.expr()?;
                let name = if p.word("AS") { Some(p.any_word()?) } else { None };
                Ok((value, name))
            })?;
        }
        self.need_sym(")")?;
        Ok(self.make(at, Kind::Struct { fields, items }))
    }

    fn with_expr(&mut self) -> Result<Expr> {
        let at = self.at();
        self.next();
        self.need_sym("(")?;
        let mut bindings = Vec::new();
        while matches!(self.tok(), Tok::Word(..)) && Parser::is_word(self.ahead(1), "AS") {
            let name = self.any_word()?;
            self.need("AS")?;
            bindings.push((name, self.expr()?));
            self.need_sym(",")?;
        }
        let body = self.boxed()?;
        self.need_sym(")")?;
        Ok(self.make(at, Kind::With { bindings, body }))
    }
}

/// `a.b.c` as text, when the expression is nothing but names.
pub(super) fn dotted(value: &Expr) -> Option<String> {
    match &value.kind {
        Kind::Name(name) => Some(name.text.clone()),
        Kind::Field(inner, name) => Some(format!("{}.{}", dotted(inner)?, name.text)),
        _ => None,
    }
}

fn name_of(value: Expr) -> Option<Ident> {
    match value.kind {
        Kind::Name(name) => Some(name),
        _ => None,
    }
}
