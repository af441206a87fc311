//! Pipe operators: what may follow `|>`.

use super::Parser;
use crate::Result;
use crate::ast::{GroupItem, Item, Pipe};
use crate::lex::Tok;

impl Parser {
    pub(super) fn pipe(&mut self) -> Result<Pipe> {
        if let Some(op) = self.set_op()? {
            let queries = self.comma_list(|p| p.in_parens(|p| p.query()))?;
            return Ok(Pipe::SetOp(op, queries));
        }
        if let Some(kind) = self.join_kind()? {
            let right = self.read_from_item()?;
            return Ok(Pipe::Join { kind, right, on: self.join_on()? });
        }
        let name = self.any_word()?;
        Ok(match name.text.to_uppercase().as_str() {
            "SELECT" => {
                let mut select = self.select_head()?;
                if self.word("WINDOW") {
                    select.windows = self.comma_list(|p| {
                        let name = p.ident()?;
                        p.need("AS")?;
                        Ok((name, p.window()?))
                    })?;
                }
                Pipe::Select(Box::new(select))
            }
            "EXTEND" => Pipe::Extend(self.items()?),
            "WINDOW" => Pipe::Window(self.items()?),
            "SET" => Pipe::Set(self.comma_list(|p| {
                let name = p.any_word()?;
                p.need_sym("=")?;
                Ok((name, p.expr()?))
            })?),
            "DROP" => Pipe::Drop(self.comma_list(Parser::any_word)?),
            "RENAME" => Pipe::Rename(self.comma_list(|p| {
                let old = p.any_word()?;
                p.word("AS");
                Ok((old, p.any_word()?))
            })?),
            "AS" => Pipe::As(self.any_word()?),
            "WHERE" => Pipe::Where(self.expr()?),
            "LIMIT" => {
                let count = self.expr()?;
                let offset = if self.word("OFFSET") { Some(self.expr()?) } else { None };
                Pipe::Limit(count, offset)
            }
            "ORDER" => {
                self.need("BY")?;
                Pipe::Order(self.order_items()?)
            }
            "DISTINCT" => Pipe::Distinct,
            "AGGREGATE" => self.aggregate()?,
            "PIVOT" => Pipe::Pivot(self.pivot()?, self.alias()?),
            "UNPIVOT" => Pipe::Unpivot(self.unpivot()?, self.alias()?),
            "TABLESAMPLE" => Pipe::Sample(self.sample()?),
            "ASSERT" => {
                let condition = self.expr()?;
                let message = if self.sym(",") { self.comma_list(Parser::expr)? } else { Vec::new() };
                Pipe::Assert(condition, message)
            }
            "CALL" => {
                let path = self.path()?;
                let call = self.call_parts(path.text(), path.at)?;
                Pipe::Call(Box::new(call), self.alias()?)
            }
            "WITH" => Pipe::With(self.ctes()?),
            "STATIC_DESCRIBE" => Pipe::StaticDescribe,
            _ => return Err(crate::SqlError::unsupported(format!("the pipe operator {}", name.text), name.at)),
        })
    }

    fn aggregate(&mut self) -> Result<Pipe> {
        let mut items: Vec<(Item, Option<bool>)> = Vec::new();
        let ends = |p: &Parser| matches!(p.tok(), Tok::End | Tok::Sym(")" | ";" | "|>"));
        while !ends(self) && !self.peek_word("GROUP") {
            let item = self.item()?;
            let direction = self.direction();
            let item = match item {
                Item::Value(value, None) => Item::Value(value, self.alias()?),
                item => item,
            };
            items.push((item, direction));
            if !self.sym(",") {
                break;
            }
        }
        let (mut group, mut and_order) = (Vec::new(), false);
        if self.word("GROUP") {
            if self.word("AND") {
                self.need("ORDER")?;
                and_order = true;
            }
            self.need("BY")?;
            group = self.comma_list(|p| {
                let item = p.group_item()?;
                let item = match item {
                    GroupItem::Value(value, None) if p.peek_ident() => GroupItem::Value(value, p.alias()?),
                    item => item,
                };
                Ok((item, p.direction()))
            })?;
        }
        Ok(Pipe::Aggregate { items, group, and_order })
    }

    fn direction(&mut self) -> Option<bool> {
        let found = self.one_of(&["ASC", "DESC"]).map(|word| word == "DESC");
        if found.is_some() && !self.words(&["NULLS", "FIRST"]) {
            self.words(&["NULLS", "LAST"]);
        }
        found
    }
}
