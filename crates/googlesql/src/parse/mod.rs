//! GoogleSQL text to `sql::ast`. The crate `sqlparser` reads the core of the language (`core`, `dialect`, `sql::lower`);
//! a recursive-descent grammar of our own reads what it cannot: MODEL and TABLE arguments, the modifiers of set operations,
//! RANGE, loops and blocks, most pipe operators. The rule that decides is `Parser::core`.

mod call;
pub(crate) mod chain;
mod core;
mod ddl;
mod dialect;
mod dml;
mod expr;
mod from;
mod height;
mod pipe;
mod query;
mod script;

use super::ast::{Expr, Ident, Kind, Path, Query, Shape, Statement, TypeName};
use super::lex::{Tok, Token, lex};
use super::{Result, SqlError};
use rsdbt_base::roomy;

/// How deep a text may nest. What it may hold beside that, `height` says.
const DEEPEST: usize = 500;

/// Words that cannot be an alias or a column name without backticks.
const RESERVED: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "ASSERT_ROWS_MODIFIED",
    "AT",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COLLATE",
    "CREATE",
    "CROSS",
    "CUBE",
    "CURRENT",
    "DEFAULT",
    "DEFINE",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "ENUM",
    "ESCAPE",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "EXTRACT",
    "FALSE",
    "FETCH",
    "FOLLOWING",
    "FOR",
    "FROM",
    "FULL",
    "GROUP",
    "GROUPING",
    "GROUPS",
    "HASH",
    "HAVING",
    "IF",
    "IGNORE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOOKUP",
    "MERGE",
    "NATURAL",
    "NEW",
    "NO",
    "NOT",
    "NULL",
    "NULLS",
    "OF",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PRECEDING",
    "PROTO",
    "QUALIFY",
    "RANGE",
    "RECURSIVE",
    "RESPECT",
    "RIGHT",
    "ROLLUP",
    "ROWS",
    "SELECT",
    "SET",
    "SOME",
    "STRUCT",
    "TABLESAMPLE",
    "THEN",
    "TO",
    "TREAT",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "UNNEST",
    "USING",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
];

pub(super) struct Parser {
    tokens: Vec<Token>,
    pos: usize,
    /// How deep we are: see `nested`.
    depth: usize,
}

/// Every statement of a script.
pub fn script(text: &str) -> Result<Vec<Statement>> {
    roomy(|| read_script(text))
}

fn read_script(text: &str) -> Result<Vec<Statement>> {
    let mut parser = Parser::new(text)?;
    let statements = parser.statements(&[])?;
    match parser.tok() {
        Tok::End => Ok(statements),
        _ => Err(parser.unexpected("the end of the statement")),
    }
}

/// A text that is one query.
pub fn query(text: &str) -> Result<Query> {
    roomy(|| read_query(text))
}

fn read_query(text: &str) -> Result<Query> {
    let mut parser = Parser::new(text)?;
    let query = match parser.core(|core| core.query()) {
        Some(query) => query,
        None => parser.query()?,
    };
    parser.sym(";");
    match parser.tok() {
        Tok::End => Ok(query),
        _ => Err(parser.unexpected("the end of the query")),
    }
}

/// A text that is one type, such as `ARRAY<STRUCT<a INT64>>`.
pub fn type_name(text: &str) -> Result<TypeName> {
    roomy(|| Parser::new(text)?.type_name())
}

/// Whether a word cannot be a name without backticks.
pub(super) fn reserved(word: &str) -> bool {
    RESERVED.iter().any(|r| r.eq_ignore_ascii_case(word))
}

impl Parser {
    fn new(text: &str) -> Result<Parser> {
        let tokens = lex(text)?;
        height::check(&tokens)?;
        Ok(Parser { tokens, pos: 0, depth: 0 })
    }

    /// Reads something that may hold its own kind. Whatever recurses comes through here, so that no text exhausts the stack.
    fn nested<T>(&mut self, what: &str, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEEPEST {
            let message = format!("{what} nests deeper than {DEEPEST} levels");
            return Err(SqlError::syntax(message, self.at())
                .help("give the inner part a name: a WITH clause, a model or a procedure"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn tok(&self) -> &Tok {
        &self.tokens[self.pos].tok
    }

    fn at(&self) -> usize {
        self.tokens[self.pos].at
    }

    /// Where the last consumed token ended.
    fn last_end(&self) -> usize {
        if self.pos == 0 { 0 } else { self.tokens[self.pos - 1].end }
    }

    fn ahead(&self, n: usize) -> &Tok {
        &self.tokens[(self.pos + n).min(self.tokens.len() - 1)].tok
    }

    fn next(&mut self) -> Tok {
        let tok = self.tokens[self.pos].tok.clone();
        if self.pos + 1 < self.tokens.len() {
            self.pos += 1;
        }
        tok
    }

    fn unexpected(&self, wanted: &str) -> SqlError {
        let found = match self.tok() {
            Tok::Word(word, _) => format!("`{word}`"),
            Tok::Int(text) | Tok::Float(text) => format!("`{text}`"),
            Tok::Text(_) => "a string".to_owned(),
            Tok::Bytes(_) => "a bytes literal".to_owned(),
            Tok::Param(name) => format!("@{name}"),
            Tok::System(name) => format!("@@{name}"),
            Tok::Sym(symbol) => format!("`{symbol}`"),
            Tok::End => "the end of the text".to_owned(),
        };
        SqlError::syntax(format!("expected {wanted}, found {found}"), self.at())
    }

    fn is_word(tok: &Tok, word: &str) -> bool {
        matches!(tok, Tok::Word(text, false) if text.eq_ignore_ascii_case(word))
    }

    fn peek_word(&self, word: &str) -> bool {
        Parser::is_word(self.tok(), word)
    }

    fn peek_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| Parser::is_word(self.ahead(n), word))
    }

    /// Takes a keyword if it is next.
    fn word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        if found {
            self.next();
        }
        found
    }

    /// Takes a run of keywords if all of them are next.
    fn words(&mut self, words: &[&str]) -> bool {
        let found = self.peek_words(words);
        if found {
            self.pos += words.len();
        }
        found
    }

    fn need(&mut self, word: &str) -> Result<()> {
        if self.word(word) { Ok(()) } else { Err(self.unexpected(&format!("`{word}`"))) }
    }

    fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().find(|word| self.word(word)).copied()
    }

    fn peek_sym(&self, symbol: &str) -> bool {
        matches!(self.tok(), Tok::Sym(found) if *found == symbol)
    }

    fn sym(&mut self, symbol: &str) -> bool {
        let found = self.peek_sym(symbol);
        if found {
            self.next();
        }
        found
    }

    fn need_sym(&mut self, symbol: &str) -> Result<()> {
        if self.sym(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn comma_list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.sym(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn in_parens<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.need_sym("(")?;
        let value = inner(self)?;
        self.need_sym(")")?;
        Ok(value)
    }

    fn reserved(word: &str) -> bool {
        reserved(word)
    }

    fn peek_ident(&self) -> bool {
        match self.tok() {
            Tok::Word(_, true) => true,
            Tok::Word(word, false) => !Parser::reserved(word),
            _ => false,
        }
    }

    fn ident(&mut self) -> Result<Ident> {
        if !self.peek_ident() {
            return Err(self.unexpected("a name"));
        }
        self.any_word()
    }

    /// A word, reserved or not: what may follow a dot.
    fn any_word(&mut self) -> Result<Ident> {
        let at = self.at();
        match self.tok().clone() {
            Tok::Word(text, _) => {
                self.next();
                Ok(Ident { text, at })
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// `[AS] alias`; without AS the word must not be reserved.
    fn alias(&mut self) -> Result<Option<Ident>> {
        if self.word("AS") {
            return self.any_word().map(Some);
        }
        if self.peek_ident() { self.ident().map(Some) } else { Ok(None) }
    }

    /// A dotted object name: backticks around the whole or parts, dashes in the project.
    fn path(&mut self) -> Result<Path> {
        let at = self.at();
        let mut parts: Vec<String> = Vec::new();
        loop {
            let quoted = matches!(self.tok(), Tok::Word(_, true));
            let mut word = if parts.is_empty() && !quoted { self.ident()?.text } else { self.any_word()?.text };
            while !quoted && self.peek_sym("-") && self.at() == self.last_end() {
                let after = &self.tokens[(self.pos + 1).min(self.tokens.len() - 1)];
                let glued = after.at == self.tokens[self.pos].end;
                match &after.tok {
                    Tok::Word(next, false) | Tok::Int(next) if glued => {
                        word = format!("{word}-{next}");
                        self.pos += 2;
                        if let Tok::Word(more, false) = self.tok().clone()
                            && self.at() == self.last_end()
                        {
                            word.push_str(&more);
                            self.next();
                        }
                    }
                    _ => break,
                }
            }
            if quoted {
                parts.extend(word.split('.').map(str::to_owned));
            } else {
                parts.push(word);
            }
            if !(self.peek_sym(".") && matches!(self.ahead(1), Tok::Word(..))) {
                return Ok(Path { parts, at });
            }
            self.next();
        }
    }

    fn type_name(&mut self) -> Result<TypeName> {
        self.nested("this type", Parser::one_type)
    }

    fn one_type(&mut self) -> Result<TypeName> {
        let at = self.at();
        let name = match self.next() {
            Tok::Word(word, quoted) if !quoted => word.to_uppercase(),
            _ => {
                self.pos = self.pos.saturating_sub(1);
                return Err(self.unexpected("a type"));
            }
        };
        let shape = match name.as_str() {
            "ARRAY" | "RANGE" if self.sym("<") => {
                let inner = Box::new(self.type_name()?);
                self.need_sym(">")?;
                if name == "ARRAY" { Shape::Array(inner) } else { Shape::Range(inner) }
            }
            "STRUCT" if self.peek_sym("<") || self.peek_sym("<>") => Shape::Struct(self.struct_fields()?),
            _ => {
                let params = if self.sym("(") { self.type_params()? } else { Vec::new() };
                Shape::Plain(name, params)
            }
        };
        if self.word("COLLATE") {
            self.next();
        }
        Ok(TypeName { at, shape })
    }

    fn type_params(&mut self) -> Result<Vec<String>> {
        let params = self.comma_list(|p| match p.next() {
            Tok::Int(text) => Ok(text),
            Tok::Word(word, _) if word.eq_ignore_ascii_case("MAX") => Ok(word),
            _ => Err(p.unexpected("a number")),
        })?;
        self.need_sym(")")?;
        Ok(params)
    }

    fn struct_fields(&mut self) -> Result<Vec<(Option<Ident>, TypeName)>> {
        if self.sym("<>") {
            return Ok(Vec::new());
        }
        self.need_sym("<")?;
        let fields = self.comma_list(|p| {
            let named = matches!(p.tok(), Tok::Word(..)) && matches!(p.ahead(1), Tok::Word(..));
            let name = if named { Some(p.any_word()?) } else { None };
            let ty = p.type_name()?;
            p.words(&["NOT", "NULL"]);
            if p.word("OPTIONS") {
                p.options()?;
            }
            Ok((name, ty))
        })?;
        self.need_sym(">")?;
        Ok(fields)
    }

    fn boxed(&mut self) -> Result<Box<Expr>> {
        self.expr().map(Box::new)
    }

    fn make(&self, at: usize, kind: Kind) -> Expr {
        Expr { at, end: self.last_end(), kind }
    }
}
