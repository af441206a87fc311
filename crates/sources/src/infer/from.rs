//! FROM clauses: what they bring into sight.

use super::query::{Level, Walker};
use super::shapes::{Record, Shape, Var};
use rsdbt_googlesql::ast::{Expr, From, FromKind, Ident, JoinOn, Kind, Path};
use rsdbt_googlesql::types::Type;

impl Walker<'_> {
    /// Adds what a FROM item gives to the innermost level.
    pub(super) fn from(&mut self, from: &From) {
        match &from.kind {
            FromKind::Table { path, names, alias, offset, .. } => {
                let shown = alias.as_ref().map(|a| a.text.clone());
                match self.array_of(names, path) {
                    Some(array) => self.see_array(array, alias.as_ref().or(names.last()), offset.as_ref()),
                    None => {
                        let row = self.table(path);
                        let name = shown.or_else(|| path.parts.last().cloned()).unwrap_or_default();
                        self.see(name, row);
                    }
                }
            }
            FromKind::Query { query, alias, .. } => {
                // A query in FROM does not see its neighbours.
                let level = self.levels.pop().unwrap_or_default();
                let row = self.query(query);
                self.levels.push(level);
                self.see(alias.as_ref().map(|a| a.text.clone()).unwrap_or_default(), row);
            }
            FromKind::Unnest { values, alias, offset } => {
                for value in values {
                    let array = self.expr(value);
                    self.see_array(array, alias.as_ref(), offset.as_ref());
                }
            }
            FromKind::Join { left, right, on, .. } => {
                self.from(left);
                self.join_right(right, on);
            }
            FromKind::Pivot { source, pivot, alias } => {
                self.levels.push(Level::default());
                self.from(source);
                pivot.aggregates.iter().for_each(|(value, _)| _ = self.expr(value));
                let column = self.expr(&pivot.column);
                for (value, _) in &pivot.values {
                    self.literal(column, value);
                }
                self.grouped = true;
                let source = self.close();
                let row = Record { open: true, bases: Vec::new(), ..Record::default() };
                let made = self.shapes.add(Shape::Record(row));
                let bases = vec![source, made];
                let row = self.shapes.add(Shape::Record(Record { bases, ..Record::default() }));
                self.see(alias.as_ref().map(|a| a.text.clone()).unwrap_or_default(), row);
            }
            FromKind::Unpivot { source, unpivot, alias } => {
                self.levels.push(Level::default());
                self.from(source);
                let mut fields = vec![(unpivot.name.text.clone(), self.shapes.scalar(Type::String))];
                for (at, name) in unpivot.values.iter().enumerate() {
                    let value = self.shapes.unknown();
                    for (columns, _) in &unpivot.columns {
                        if let Some(column) = columns.get(at) {
                            let column = self.name(column);
                            self.shapes.link(value, column);
                        }
                    }
                    fields.push((name.text.clone(), value));
                }
                let source = self.close();
                let row = self.shapes.add(Shape::Record(Record { fields, bases: vec![source], ..Record::default() }));
                self.see(alias.as_ref().map(|a| a.text.clone()).unwrap_or_default(), row);
            }
            FromKind::Sample { source, .. } => self.from(source),
            FromKind::Call { call, alias } => {
                call.args.iter().for_each(|argument| _ = self.expr(argument));
                let row = self.shapes.add(Shape::Record(Record { open: true, ..Record::default() }));
                self.see(alias.as_ref().map(|a| a.text.clone()).unwrap_or_default(), row);
            }
        }
    }

    pub(super) fn join_right(&mut self, right: &From, on: &JoinOn) {
        let before = self.levels.last().map_or(0, |level| level.ranges.len());
        self.from(right);
        match on {
            JoinOn::On(condition) => {
                let outer = std::mem::replace(&mut self.joining, true);
                self.expr(condition);
                self.joining = outer;
            }
            JoinOn::Using(names) => {
                for name in names {
                    let ranges: Vec<Var> =
                        self.levels.last().map(|l| l.ranges.iter().map(|(_, v)| *v).collect()).unwrap_or_default();
                    let (left, right) = ranges.split_at(before.min(ranges.len()));
                    let known = left.iter().find_map(|row| self.shapes.known(*row, &name.text));
                    let a = known.or_else(|| left.iter().find_map(|row| self.shapes.field(*row, &name.text)));
                    let b = right.iter().find_map(|row| self.shapes.field(*row, &name.text));
                    if let (Some(a), Some(b)) = (a, b) {
                        self.shapes.link(a, b);
                        self.shapes.equal.insert((a.min(b), a.max(b)));
                    }
                }
            }
            JoinOn::None => {}
        }
    }

    fn see(&mut self, name: String, row: Var) {
        if let Some(level) = self.levels.last_mut() {
            level.ranges.push((name, row));
        }
    }

    fn see_array(&mut self, array: Var, alias: Option<&Ident>, offset: Option<&Option<Ident>>) {
        let element = self.shapes.element(array);
        self.see(alias.map(|a| a.text.clone()).unwrap_or_default(), element);
        if let Some(name) = offset {
            let at = self.shapes.scalar(Type::Int64);
            let name = name.as_ref().map_or_else(|| "offset".to_owned(), |n| n.text.clone());
            if let Some(level) = self.levels.last_mut() {
                level.bound.push((name, at));
            }
        }
    }

    /// `t.items` after `t`: an array of a row that is in sight.
    fn array_of(&mut self, names: &[Ident], path: &Path) -> Option<Var> {
        let first = names.first()?;
        if names.len() < 2 || self.tables.contains_key(&path.text().to_lowercase()) {
            return None;
        }
        self.range(&first.text)?;
        let mut value = Expr { at: first.at, end: first.at, kind: Kind::Name(first.clone()) };
        for name in &names[1..] {
            value = Expr { at: first.at, end: name.at, kind: Kind::Field(Box::new(value), name.clone()) };
        }
        Some(self.expr(&value))
    }

    fn table(&mut self, path: &Path) -> Var {
        let name = path.text().to_lowercase();
        if let Some((_, row)) = self.ctes.iter().rev().find(|(known, _)| *known == name) {
            return *row;
        }
        match self.tables.get(&name) {
            Some(output) => {
                self.grouped |= output.grouped;
                output.row
            }
            None => self.shapes.add(Shape::Record(Record { open: true, ..Record::default() })),
        }
    }
}
