//! Statements and the procedural language around them.

use super::Parser;
use crate::Result;
use crate::ast::{Expr, Ident, SetTarget, Statement, StatementKind};
use crate::lex::Tok;

type Branches = Vec<(Expr, Vec<Statement>)>;

impl Parser {
    /// Statements up to one of the words in `until` (not taken) or the end of the text.
    pub(super) fn statements(&mut self, until: &[&str]) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            while self.sym(";") {}
            if matches!(self.tok(), Tok::End) || until.iter().any(|word| self.peek_word(word)) {
                return Ok(statements);
            }
            statements.push(self.statement()?);
            if !self.sym(";") {
                let ends = matches!(self.tok(), Tok::End) || until.iter().any(|word| self.peek_word(word));
                return if ends { Ok(statements) } else { Err(self.unexpected("`;` or the end of the statement")) };
            }
        }
    }

    fn statement(&mut self) -> Result<Statement> {
        let at = self.at();
        let kind = match self.core(|core| core.statement()) {
            Some(kind) => kind,
            None => self.nested("this block", Parser::statement_kind)?,
        };
        Ok(Statement { at, end: self.last_end(), kind })
    }

    pub(super) fn statement_kind(&mut self) -> Result<StatementKind> {
        if self.starts_query(0) {
            return Ok(StatementKind::Query(Box::new(self.query()?)));
        }
        let label = self.label();
        if let Some(kind) = self.control(label)? {
            return Ok(kind);
        }
        let word = match self.tok() {
            Tok::Word(word, false) => word.to_uppercase(),
            _ => return Err(self.unexpected("a statement")),
        };
        match word.as_str() {
            "CREATE" => self.create(),
            "DROP" => self.drop(),
            "ALTER" => self.alter(),
            "INSERT" => self.insert(),
            "UPDATE" => self.update(),
            "DELETE" => self.delete(),
            "MERGE" => self.merge(),
            "TRUNCATE" => {
                self.next();
                self.need("TABLE")?;
                Ok(StatementKind::Truncate { table: self.path()? })
            }
            "DECLARE" => self.declare(),
            "SET" => self.set_statement(),
            "EXECUTE" => self.execute(),
            "CALL" => self.call_statement(),
            "RAISE" => self.raise(),
            "ASSERT" => self.assert(),
            "COMMIT" | "ROLLBACK" => {
                self.next();
                self.word("TRANSACTION");
                Ok(if word == "COMMIT" { StatementKind::Commit } else { StatementKind::Rollback })
            }
            "GRANT" | "REVOKE" => self.ignore("GRANT or REVOKE"),
            "EXPORT" | "LOAD" | "UNDROP" | "DEFINE" | "ANALYZE" | "EXPLAIN" => {
                Err(crate::SqlError::unsupported(format!("the statement {word}"), self.at()))
            }
            _ => Err(self.unexpected("a statement")),
        }
    }

    fn ignore(&mut self, what: &'static str) -> Result<StatementKind> {
        while !matches!(self.tok(), Tok::End | Tok::Sym(";")) {
            self.next();
        }
        Ok(StatementKind::Ignored(what))
    }

    fn label(&mut self) -> Option<String> {
        let block = |tok: &Tok| ["LOOP", "WHILE", "REPEAT", "FOR", "BEGIN"].iter().any(|w| Parser::is_word(tok, w));
        match self.tok().clone() {
            Tok::Word(name, _) if matches!(self.ahead(1), Tok::Sym(":")) && block(self.ahead(2)) => {
                self.pos += 2;
                Some(name)
            }
            _ => None,
        }
    }

    fn control(&mut self, label: Option<String>) -> Result<Option<StatementKind>> {
        let word = match self.tok() {
            Tok::Word(word, false) => word.to_uppercase(),
            _ => return Ok(None),
        };
        let kind = match word.as_str() {
            "IF" => self.if_statement()?,
            "CASE" => self.case_statement()?,
            "BEGIN" => self.begin(label)?,
            "LOOP" => {
                self.next();
                let body = self.statements(&["END"])?;
                self.close("LOOP")?;
                StatementKind::Loop { label, body }
            }
            "WHILE" => {
                self.next();
                let condition = self.expr()?;
                self.need("DO")?;
                let body = self.statements(&["END"])?;
                self.close("WHILE")?;
                StatementKind::While { label, condition, body }
            }
            "REPEAT" => {
                self.next();
                let body = self.statements(&["UNTIL"])?;
                self.need("UNTIL")?;
                let until = self.expr()?;
                self.close("REPEAT")?;
                StatementKind::Repeat { label, body, until }
            }
            "FOR" => {
                self.next();
                let name = self.ident()?;
                self.need("IN")?;
                let query = Box::new(self.in_parens(|p| p.query())?);
                self.need("DO")?;
                let body = self.statements(&["END"])?;
                self.close("FOR")?;
                StatementKind::For { label, name, query, body }
            }
            "BREAK" | "LEAVE" => StatementKind::Break(self.jump()),
            "CONTINUE" | "ITERATE" => StatementKind::Continue(self.jump()),
            "RETURN" => {
                self.next();
                StatementKind::Return
            }
            _ => return Ok(None),
        };
        Ok(Some(kind))
    }

    fn jump(&mut self) -> Option<String> {
        self.next();
        if self.peek_ident() { self.ident().ok().map(|name| name.text) } else { None }
    }

    /// `END LOOP [label]` and the like.
    fn close(&mut self, what: &str) -> Result<()> {
        self.need("END")?;
        self.need(what)?;
        self.jump_label();
        Ok(())
    }

    fn jump_label(&mut self) {
        if self.peek_ident() {
            self.next();
        }
    }

    fn if_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let mut branches: Branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = self.expr()?;
            self.need("THEN")?;
            branches.push((condition, self.statements(&["ELSEIF", "ELSE", "END"])?));
            if self.word("ELSEIF") {
                continue;
            }
            if self.word("ELSE") {
                otherwise = self.statements(&["END"])?;
            }
            self.need("END")?;
            self.need("IF")?;
            return Ok(StatementKind::If { branches, otherwise });
        }
    }

    fn case_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let operand = if self.peek_word("WHEN") { None } else { Some(self.expr()?) };
        let mut branches: Branches = Vec::new();
        while self.word("WHEN") {
            let when = self.expr()?;
            self.need("THEN")?;
            branches.push((when, self.statements(&["WHEN", "ELSE", "END"])?));
        }
        let otherwise = if self.word("ELSE") { Some(self.statements(&["END"])?) } else { None };
        self.need("END")?;
        self.need("CASE")?;
        Ok(StatementKind::CaseOf { operand, branches, otherwise })
    }

    fn begin(&mut self, label: Option<String>) -> Result<StatementKind> {
        self.next();
        if self.word("TRANSACTION") || matches!(self.tok(), Tok::Sym(";") | Tok::End) && label.is_none() {
            return Ok(StatementKind::Begin);
        }
        let body = self.statements(&["EXCEPTION", "END"])?;
        let mut handler = None;
        if self.word("EXCEPTION") {
            self.need("WHEN")?;
            self.need("ERROR")?;
            self.need("THEN")?;
            handler = Some(self.statements(&["END"])?);
        }
        self.need("END")?;
        self.jump_label();
        Ok(StatementKind::Block { label, body, handler })
    }

    /// The statements of a procedure: `BEGIN ... END`.
    pub(super) fn routine_body(&mut self) -> Result<Vec<Statement>> {
        let statement = self.statement()?;
        Ok(vec![statement])
    }

    fn declare(&mut self) -> Result<StatementKind> {
        self.next();
        let names = self.comma_list(Parser::ident)?;
        let mut ty = None;
        if !self.peek_word("DEFAULT") {
            ty = Some(self.type_name()?);
        }
        let default = if self.word("DEFAULT") { Some(self.expr()?) } else { None };
        Ok(StatementKind::Declare { names, ty, default })
    }

    fn set_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let targets = if self.sym("(") {
            let targets = self.comma_list(Parser::set_target)?;
            self.need_sym(")")?;
            targets
        } else {
            vec![self.set_target()?]
        };
        self.need_sym("=")?;
        Ok(StatementKind::Set { targets, value: self.expr()? })
    }

    fn set_target(&mut self) -> Result<SetTarget> {
        let at = self.at();
        if let Tok::System(name) = self.tok().clone() {
            self.next();
            return Ok(SetTarget::System(name, at));
        }
        self.any_word().map(SetTarget::Variable)
    }

    fn execute(&mut self) -> Result<StatementKind> {
        self.next();
        self.need("IMMEDIATE")?;
        let sql = self.expr()?;
        let mut into: Vec<Ident> = Vec::new();
        let mut using = Vec::new();
        if self.word("INTO") {
            into = self.comma_list(Parser::ident)?;
        }
        if self.word("USING") {
            using = self.comma_list(|p| {
                let value = p.expr()?;
                let name = if p.word("AS") { Some(p.any_word()?) } else { None };
                Ok((value, name))
            })?;
        }
        Ok(StatementKind::ExecuteImmediate { sql, into, using })
    }

    fn call_statement(&mut self) -> Result<StatementKind> {
        self.next();
        let name = self.path()?;
        self.need_sym("(")?;
        let args = if self.peek_sym(")") { Vec::new() } else { self.comma_list(Parser::expr)? };
        self.need_sym(")")?;
        Ok(StatementKind::Call { name, args })
    }

    fn raise(&mut self) -> Result<StatementKind> {
        self.next();
        if self.words(&["USING", "MESSAGE"]) {
            self.need_sym("=")?;
            return Ok(StatementKind::Raise(Some(self.expr()?)));
        }
        Ok(StatementKind::Raise(None))
    }

    fn assert(&mut self) -> Result<StatementKind> {
        self.next();
        let condition = self.expr()?;
        let mut message = None;
        if self.word("AS") {
            match self.next() {
                Tok::Text(text) => message = Some(text),
                _ => return Err(self.unexpected("a string")),
            }
        }
        Ok(StatementKind::Assert { condition, message })
    }
}
