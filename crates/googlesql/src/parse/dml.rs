//! INSERT, UPDATE, DELETE and MERGE.

use super::Parser;
use crate::Result;
use crate::ast::{Expr, Ident, InsertSource, MergeAction, MergeWhen, StatementKind};

impl Parser {
    pub(super) fn insert(&mut self) -> Result<StatementKind> {
        self.next();
        self.word("INTO");
        let table = self.path()?;
        let mut columns = Vec::new();
        if self.peek_sym("(") && !self.starts_query(1) {
            columns = self.name_list()?;
        }
        let source = if self.word("VALUES") {
            InsertSource::Values(self.comma_list(Parser::value_row)?)
        } else {
            InsertSource::Query(Box::new(self.query()?))
        };
        let assert_rows = self.assert_rows()?;
        Ok(StatementKind::Insert { table, columns, source, assert_rows })
    }

    fn value_row(&mut self) -> Result<Vec<Expr>> {
        self.in_parens(|p| p.comma_list(Parser::expr))
    }

    fn assert_rows(&mut self) -> Result<Option<Expr>> {
        if self.word("ASSERT_ROWS_MODIFIED") { self.expr().map(Some) } else { Ok(None) }
    }

    pub(super) fn update(&mut self) -> Result<StatementKind> {
        self.next();
        let table = self.path()?;
        let alias = self.alias()?;
        self.need("SET")?;
        let set = self.assignments()?;
        let from = if self.word("FROM") { Some(self.read_from()?) } else { None };
        self.need("WHERE")?;
        let condition = self.expr()?;
        let assert_rows = self.assert_rows()?;
        Ok(StatementKind::Update { table, alias, set, from, condition, assert_rows })
    }

    fn assignments(&mut self) -> Result<Vec<(Vec<Ident>, Expr)>> {
        self.comma_list(|p| {
            let mut target = vec![p.any_word()?];
            while p.sym(".") {
                target.push(p.any_word()?);
            }
            p.need_sym("=")?;
            Ok((target, p.expr()?))
        })
    }

    pub(super) fn delete(&mut self) -> Result<StatementKind> {
        self.next();
        self.word("FROM");
        let table = self.path()?;
        let alias = self.alias()?;
        self.need("WHERE")?;
        let condition = self.expr()?;
        let assert_rows = self.assert_rows()?;
        Ok(StatementKind::Delete { table, alias, condition, assert_rows })
    }

    pub(super) fn merge(&mut self) -> Result<StatementKind> {
        self.next();
        self.word("INTO");
        let table = self.path()?;
        let alias = self.alias()?;
        self.need("USING")?;
        let source = self.read_from_item()?;
        self.need("ON")?;
        let on = self.expr()?;
        let mut whens = Vec::new();
        while self.peek_word("WHEN") {
            whens.push(self.merge_when()?);
        }
        Ok(StatementKind::Merge { table, alias, source, on, whens })
    }

    fn merge_when(&mut self) -> Result<MergeWhen> {
        let at = self.at();
        self.need("WHEN")?;
        let matched = !self.word("NOT");
        self.need("MATCHED")?;
        let mut by_source = false;
        if self.word("BY") {
            by_source = self.word("SOURCE");
            if !by_source {
                self.need("TARGET")?;
            }
        }
        let condition = if self.word("AND") { Some(self.expr()?) } else { None };
        self.need("THEN")?;
        let action = if self.word("DELETE") {
            MergeAction::Delete
        } else if self.word("UPDATE") {
            self.need("SET")?;
            MergeAction::Update(self.assignments()?)
        } else {
            self.need("INSERT")?;
            self.merge_insert()?
        };
        Ok(MergeWhen { at, matched, by_source, condition, action })
    }

    fn merge_insert(&mut self) -> Result<MergeAction> {
        if self.word("ROW") {
            return Ok(MergeAction::Insert { columns: Vec::new(), values: None });
        }
        let columns = if self.peek_sym("(") { self.name_list()? } else { Vec::new() };
        if self.word("ROW") {
            return Ok(MergeAction::Insert { columns, values: None });
        }
        self.need("VALUES")?;
        let values = self.value_row()?;
        Ok(MergeAction::Insert { columns, values: Some(values) })
    }
}
