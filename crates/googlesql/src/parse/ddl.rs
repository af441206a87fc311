//! CREATE, DROP and ALTER.

use super::Parser;
use crate::ast::{
    Alter, ColumnDef, CreateMode, Expr, Function, FunctionBody, Ident, Kind, Model, Options, Param, Path, Query,
    StatementKind, TableParts,
};
use crate::lex::Tok;
use crate::{Result, SqlError};

impl Parser {
    pub(super) fn options(&mut self) -> Result<Options> {
        self.need_sym("(")?;
        let mut options = Vec::new();
        while !self.peek_sym(")") {
            let name = self.any_word()?;
            if !self.sym("=") {
                self.need_sym("+=")?;
            }
            options.push((name, self.expr()?));
            if !self.sym(",") {
                break;
            }
        }
        self.need_sym(")")?;
        Ok(options)
    }

    fn maybe_options(&mut self) -> Result<Options> {
        if self.word("OPTIONS") { self.options() } else { Ok(Vec::new()) }
    }

    pub(super) fn create(&mut self) -> Result<StatementKind> {
        self.next();
        let or_replace = self.words(&["OR", "REPLACE"]);
        let temp = self.word("TEMP") || self.word("TEMPORARY");
        let mut mode = CreateMode { or_replace, temp, if_not_exists: false };
        let materialized = self.word("MATERIALIZED");
        let aggregate = self.word("AGGREGATE");
        let snapshot = self.word("SNAPSHOT");
        if self.peek_word("EXTERNAL") {
            return Err(SqlError::unsupported("CREATE EXTERNAL", self.at()));
        }
        let table_function = self.peek_words(&["TABLE", "FUNCTION"]) && self.word("TABLE");
        let what = match self.one_of(&["TABLE", "VIEW", "SCHEMA", "FUNCTION", "PROCEDURE", "MODEL"]) {
            Some(what) => what,
            None => return Err(SqlError::unsupported("this CREATE statement", self.at())),
        };
        mode.if_not_exists = self.words(&["IF", "NOT", "EXISTS"]);
        let name = self.path()?;
        match what {
            "SCHEMA" => {
                if self.words(&["DEFAULT", "COLLATE"]) {
                    self.expr()?;
                }
                self.maybe_options()?;
                Ok(StatementKind::CreateSchema { mode, name })
            }
            "TABLE" => self.create_table(mode, name, snapshot),
            "VIEW" => self.create_view(mode, name, materialized),
            "FUNCTION" => self.create_function(mode, name, aggregate, table_function),
            "PROCEDURE" => self.create_procedure(mode, name),
            _ => self.create_model(mode, name),
        }
    }

    fn create_table(&mut self, mode: CreateMode, name: Path, snapshot: bool) -> Result<StatementKind> {
        let mut parts = TableParts::default();
        let (mut like, mut clone) = (None, None);
        if self.peek_sym("(") {
            parts.columns = Some(self.column_defs()?);
        }
        if self.word("LIKE") {
            like = Some(self.path()?);
        } else if self.word("CLONE") || self.word("COPY") {
            clone = Some((self.path()?, snapshot));
            if self.words(&["FOR", "SYSTEM_TIME", "AS", "OF"]) {
                self.expr()?;
            }
        }
        if self.words(&["DEFAULT", "COLLATE"]) {
            self.expr()?;
        }
        self.layout(&mut parts)?;
        let query = if self.word("AS") { Some(Box::new(self.query()?)) } else { None };
        if parts.columns.is_none() && query.is_none() && like.is_none() && clone.is_none() {
            return Err(self.unexpected("a column list or AS"));
        }
        Ok(StatementKind::CreateTable { mode, name, parts, query, like, clone })
    }

    fn layout(&mut self, parts: &mut TableParts) -> Result<()> {
        if self.words(&["PARTITION", "BY"]) {
            parts.partition = Some(self.expr()?);
        }
        if self.words(&["CLUSTER", "BY"]) {
            parts.cluster = self.comma_list(Parser::expr)?;
        }
        parts.options = self.maybe_options()?;
        Ok(())
    }

    /// A bracketed list of columns; table constraints are accepted and left out.
    fn column_defs(&mut self) -> Result<Vec<ColumnDef>> {
        self.need_sym("(")?;
        let mut columns = Vec::new();
        while !self.peek_sym(")") {
            let constraint = self.peek_words(&["PRIMARY", "KEY"])
                || self.peek_words(&["FOREIGN", "KEY"])
                || self.peek_word("CONSTRAINT");
            if constraint {
                self.skip_constraint();
            } else {
                columns.push(self.column_def()?);
            }
            if !self.sym(",") {
                break;
            }
        }
        self.need_sym(")")?;
        Ok(columns)
    }

    fn skip_constraint(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.tok() {
                Tok::Sym("(") => depth += 1,
                Tok::Sym(")") if depth > 0 => depth -= 1,
                Tok::Sym(")" | "," | ";") if depth == 0 => return,
                Tok::End => return,
                _ => {}
            }
            self.next();
        }
    }

    pub(super) fn column_def(&mut self) -> Result<ColumnDef> {
        let name = self.any_word()?;
        let typed = matches!(self.tok(), Tok::Word(..)) && !self.peek_word("OPTIONS") && !self.peek_word("NOT");
        let ty = if typed { Some(self.type_name()?) } else { None };
        let mut column = ColumnDef { name, ty, not_null: false, default: None, options: Vec::new() };
        loop {
            if self.words(&["NOT", "NULL"]) {
                column.not_null = true;
            } else if self.word("DEFAULT") {
                column.default = Some(self.expr()?);
            } else if self.word("OPTIONS") {
                column.options = self.options()?;
            } else if self.words(&["PRIMARY", "KEY"]) {
                self.words(&["NOT", "ENFORCED"]);
            } else if self.peek_word("REFERENCES") {
                self.skip_constraint();
            } else if self.word("COLLATE") {
                self.expr()?;
            } else if self.peek_word("GENERATED") {
                return Err(SqlError::unsupported("a generated column", self.at()));
            } else {
                return Ok(column);
            }
        }
    }

    fn create_view(&mut self, mode: CreateMode, name: Path, materialized: bool) -> Result<StatementKind> {
        let columns = if self.peek_sym("(") { self.column_defs()? } else { Vec::new() };
        let mut parts = TableParts::default();
        self.layout(&mut parts)?;
        self.need("AS")?;
        let query = Box::new(self.query()?);
        Ok(StatementKind::CreateView { mode, name, columns, options: parts.options, query, materialized })
    }

    fn params(&mut self) -> Result<Vec<Param>> {
        self.need_sym("(")?;
        let mut params = Vec::new();
        while !self.peek_sym(")") {
            let followed = matches!(self.ahead(1), Tok::Word(..)) && matches!(self.ahead(2), Tok::Word(..));
            let mode = if followed { self.one_of(&["INOUT", "OUT", "IN"]).unwrap_or("IN") } else { "IN" };
            let name = self.any_word()?;
            let mut param = Param { name, ty: None, table: None, mode };
            if self.words(&["ANY", "TYPE"]) {
            } else if self.peek_word("TABLE") {
                self.next();
                param.table = Some(self.table_param()?);
            } else {
                param.ty = Some(self.type_name()?);
            }
            self.words(&["NOT", "AGGREGATE"]);
            params.push(param);
            if !self.sym(",") {
                break;
            }
        }
        self.need_sym(")")?;
        Ok(params)
    }

    fn table_param(&mut self) -> Result<Vec<ColumnDef>> {
        self.need_sym("<")?;
        let columns = self.comma_list(Parser::column_def)?;
        self.need_sym(">")?;
        Ok(columns)
    }

    fn create_function(&mut self, mode: CreateMode, name: Path, aggregate: bool, table: bool) -> Result<StatementKind> {
        let params = self.params()?;
        let mut returns = None;
        if self.word("RETURNS") {
            if table && self.word("TABLE") {
                self.table_param()?;
            } else {
                returns = Some(self.type_name()?);
            }
        }
        let mut language = None;
        loop {
            if self.word("LANGUAGE") {
                language = Some(self.any_word()?.text);
            } else if self.word("OPTIONS") {
                self.options()?;
            } else if !(self.words(&["NOT", "DETERMINISTIC"]) || self.word("DETERMINISTIC")) {
                break;
            }
        }
        self.need("AS")?;
        let body = if language.as_deref().is_some_and(|l| !l.eq_ignore_ascii_case("SQL")) {
            match self.next() {
                Tok::Text(code) => FunctionBody::Code(code),
                _ => return Err(self.unexpected("the code as a string")),
            }
        } else if table {
            let query = if self.peek_sym("(") { self.in_parens(|p| p.query())? } else { self.query()? };
            FunctionBody::Table(Box::new(query))
        } else {
            FunctionBody::Sql(Box::new(self.in_parens(Parser::function_body)?))
        };
        self.maybe_options()?;
        let function = Function { mode, name, params, returns, aggregate, language, body };
        Ok(StatementKind::CreateFunction(Box::new(function)))
    }

    fn function_body(&mut self) -> Result<Expr> {
        let at = self.at();
        if self.peek_word("SELECT") {
            let query = self.query()?;
            return Ok(self.make(at, Kind::Query(Box::new(query))));
        }
        self.expr()
    }

    fn create_procedure(&mut self, mode: CreateMode, name: Path) -> Result<StatementKind> {
        let params = self.params()?;
        self.maybe_options()?;
        if self.word("LANGUAGE") {
            return Err(SqlError::unsupported("a procedure in another language", self.at()));
        }
        let body = self.routine_body()?;
        Ok(StatementKind::CreateProcedure { mode, name, params, body })
    }

    fn create_model(&mut self, mode: CreateMode, name: Path) -> Result<StatementKind> {
        let transform = if self.word("TRANSFORM") { Some(self.in_parens(Parser::items)?) } else { None };
        for word in ["INPUT", "OUTPUT", "REMOTE"] {
            if self.peek_word(word) {
                return Err(SqlError::unsupported(format!("{word} of CREATE MODEL"), self.at()));
            }
        }
        let options = self.maybe_options()?;
        let query: Option<Box<Query>> = if self.word("AS") { Some(Box::new(self.query()?)) } else { None };
        Ok(StatementKind::CreateModel(Box::new(Model { mode, name, transform, options, query })))
    }

    pub(super) fn drop(&mut self) -> Result<StatementKind> {
        self.next();
        if self.words(&["MATERIALIZED", "VIEW"]) {
            return self.drop_tail("VIEW");
        }
        if self.words(&["SNAPSHOT", "TABLE"]) {
            return self.drop_tail("TABLE");
        }
        if self.words(&["TABLE", "FUNCTION"]) {
            return self.drop_tail("TABLE FUNCTION");
        }
        match self.one_of(&["TABLE", "VIEW", "SCHEMA", "FUNCTION", "PROCEDURE", "MODEL"]) {
            Some(what) => self.drop_tail(what),
            None => Err(SqlError::unsupported("this DROP statement", self.at())),
        }
    }

    fn drop_tail(&mut self, what: &'static str) -> Result<StatementKind> {
        let if_exists = self.words(&["IF", "EXISTS"]);
        let name = self.path()?;
        if what == "SCHEMA" {
            let cascade = self.word("CASCADE");
            self.word("RESTRICT");
            return Ok(StatementKind::DropSchema { name, if_exists, cascade });
        }
        Ok(StatementKind::Drop { what, name, if_exists })
    }

    pub(super) fn alter(&mut self) -> Result<StatementKind> {
        self.next();
        self.word("MATERIALIZED");
        let what = match self.one_of(&["TABLE", "VIEW", "SCHEMA", "MODEL"]) {
            Some(what) => what,
            None => return Err(SqlError::unsupported("this ALTER statement", self.at())),
        };
        let if_exists = self.words(&["IF", "EXISTS"]);
        let name = self.path()?;
        if what == "MODEL" {
            self.need("SET")?;
            self.need("OPTIONS")?;
            return Ok(StatementKind::AlterModel { name, if_exists, options: self.options()? });
        }
        if what == "SCHEMA" {
            self.need("SET")?;
            if self.words(&["DEFAULT", "COLLATE"]) {
                self.expr()?;
            } else {
                self.need("OPTIONS")?;
                self.options()?;
            }
            return Ok(StatementKind::AlterSchema { name });
        }
        let actions = self.comma_list(Parser::alter_action)?;
        Ok(StatementKind::AlterTable { name, if_exists, view: what == "VIEW", actions })
    }

    fn alter_action(&mut self) -> Result<Alter> {
        if self.words(&["SET", "OPTIONS"]) {
            return self.options().map(Alter::SetOptions);
        }
        if self.words(&["ADD", "COLUMN"]) {
            let if_missing = self.words(&["IF", "NOT", "EXISTS"]);
            return Ok(Alter::AddColumn(self.column_def()?, if_missing));
        }
        if self.words(&["DROP", "COLUMN"]) {
            let if_exists = self.words(&["IF", "EXISTS"]);
            return Ok(Alter::DropColumn(self.any_word()?, if_exists));
        }
        if self.words(&["RENAME", "COLUMN"]) {
            self.words(&["IF", "EXISTS"]);
            let old = self.any_word()?;
            self.need("TO")?;
            return Ok(Alter::RenameColumn(old, self.any_word()?));
        }
        if self.words(&["RENAME", "TO"]) {
            return self.path().map(Alter::RenameTo);
        }
        if self.words(&["ALTER", "COLUMN"]) {
            self.words(&["IF", "EXISTS"]);
            let column = self.any_word()?;
            return self.alter_column(column);
        }
        if self.peek_word("ADD") || self.peek_word("DROP") {
            self.skip_constraint();
            return Ok(Alter::Accepted);
        }
        Err(SqlError::unsupported("this ALTER TABLE action", self.at()))
    }

    fn alter_column(&mut self, column: Ident) -> Result<Alter> {
        if self.words(&["SET", "DATA", "TYPE"]) {
            return Ok(Alter::ColumnType(column, self.type_name()?));
        }
        if self.words(&["SET", "OPTIONS"]) {
            return Ok(Alter::ColumnOptions(column, self.options()?));
        }
        if self.words(&["DROP", "NOT", "NULL"]) {
            return Ok(Alter::ColumnDropNotNull(column));
        }
        if self.words(&["DROP", "DEFAULT"]) {
            return Ok(Alter::ColumnDropDefault(column));
        }
        if self.words(&["SET", "DEFAULT"]) {
            return Ok(Alter::ColumnSetDefault(column, self.expr()?));
        }
        Err(SqlError::unsupported("this ALTER COLUMN action", self.at()))
    }
}
