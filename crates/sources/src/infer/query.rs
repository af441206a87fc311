//! Queries: from what they read to the record of what they give.

use super::shapes::{Record, Shape, Shapes, Var};
use rsdbt_googlesql::ast::{Body, Cte, Expr, Group, GroupItem, Item, Kind, Order, Pipe, Query, Select, Window};
use rsdbt_googlesql::library::Library;
use rsdbt_googlesql::types::Type;
use std::collections::BTreeMap;

/// What a table or model gives.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub row: Var,
    /// its rows were grouped or made distinct somewhere on the way
    pub grouped: bool,
}

/// One query level: what FROM gives, and names that expressions bind.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub ranges: Vec<(String, Var)>,
    pub bound: Vec<(String, Var)>,
}

/// Walks over queries; tables are known by their dotted names in lower case.
pub struct Walker<'w> {
    pub shapes: Shapes,
    pub tables: BTreeMap<String, Output>,
    pub(super) library: &'w Library,
    pub(super) ctes: Vec<(String, Var)>,
    pub(super) levels: Vec<Level>,
    pub(super) grouped: bool,
    pub(super) joining: bool,
}

impl<'w> Walker<'w> {
    pub fn new(library: &'w Library) -> Walker<'w> {
        Walker {
            shapes: Shapes::default(),
            tables: BTreeMap::new(),
            library,
            ctes: Vec::new(),
            levels: Vec::new(),
            grouped: false,
            joining: false,
        }
    }

    /// The output of a whole statement.
    pub fn statement(&mut self, query: &Query) -> Output {
        self.grouped = false;
        let row = self.query(query);
        Output { row, grouped: self.grouped }
    }

    pub(super) fn query(&mut self, query: &Query) -> Var {
        let depth = self.ctes.len();
        self.with(&query.with, query.recursive);
        let mut row = self.body(&query.body);
        self.levels.push(Level { ranges: vec![(String::new(), row)], bound: Vec::new() });
        self.order(&query.order);
        self.levels.pop();
        for (pipe, _) in &query.pipes {
            row = self.pipe(pipe, row);
        }
        self.ctes.truncate(depth);
        row
    }

    fn with(&mut self, ctes: &[Cte], recursive: bool) {
        for cte in ctes {
            if recursive {
                // What the steps read is what the query gives.
                let own = self.shapes.unknown();
                self.ctes.push((cte.name.text.to_lowercase(), own));
                let row = self.query(&cte.query);
                self.ctes.pop();
                self.shapes.link(own, row);
                self.ctes.push((cte.name.text.to_lowercase(), row));
            } else {
                let row = self.query(&cte.query);
                self.ctes.push((cte.name.text.to_lowercase(), row));
            }
        }
    }

    fn body(&mut self, body: &Body) -> Var {
        match body {
            Body::Select(select) => self.select(select, None),
            Body::Query(query) => self.query(query),
            Body::From(from) => {
                self.levels.push(Level::default());
                self.from(from);
                self.close()
            }
            Body::Set { op, left, right } => {
                let (left, right) = (self.body(left), self.body(right));
                self.grouped |= !op.all;
                self.union(left, right)
            }
        }
    }

    /// Columns of both sides have one type each; the left side gives the names.
    fn union(&mut self, left: Var, right: Var) -> Var {
        let (a, b) = (self.shapes.fields(left), self.shapes.fields(right));
        if a.is_empty() || b.is_empty() {
            self.shapes.link(left, right);
        }
        for ((_, a), (_, b)) in a.iter().zip(&b) {
            self.shapes.link(*a, *b);
        }
        left
    }

    /// Everything that the level sees as one record.
    pub(super) fn close(&mut self) -> Var {
        let level = self.levels.pop().unwrap_or_default();
        let bases = level.ranges.iter().map(|(_, var)| *var).collect();
        self.shapes.add(Shape::Record(Record { bases, ..Record::default() }))
    }

    /// `input`: the rows before a pipe.
    fn select(&mut self, select: &Select, input: Option<Var>) -> Var {
        self.levels
            .push(Level { ranges: input.map(|row| (String::new(), row)).into_iter().collect(), ..Level::default() });
        if let Some(from) = &select.from {
            self.from(from);
        }
        self.condition(select.condition.as_ref());
        let row = self.items(&select.items);
        let aliases = self.shapes.fields(row);
        if let Some(level) = self.levels.last_mut() {
            level.bound.extend(aliases);
        }
        if let Some(Group::Items(items)) = &select.group {
            items.iter().for_each(|item| self.group(item));
        }
        self.grouped |= select.group.is_some() || select.distinct || select.qualify.is_some();
        self.condition(select.having.as_ref());
        self.condition(select.qualify.as_ref());
        for (_, window) in &select.windows {
            self.window(window);
        }
        self.levels.pop();
        match select.shape {
            Some("STRUCT") => {
                self.shapes.add(Shape::Record(Record { fields: vec![("value".to_owned(), row)], ..Record::default() }))
            }
            _ => row,
        }
    }

    fn condition(&mut self, condition: Option<&Expr>) {
        if let Some(condition) = condition {
            let var = self.expr(condition);
            self.shapes.ask(var, &Type::Bool);
        }
    }

    fn group(&mut self, item: &GroupItem) {
        match item {
            GroupItem::Value(value, _) => _ = self.expr(value),
            GroupItem::Empty => {}
            GroupItem::Nested(_, sets) => sets.iter().flatten().for_each(|item| self.group(item)),
        }
    }

    /// The record of a select list.
    fn items(&mut self, items: &[Item]) -> Var {
        let mut record = Record::default();
        for item in items {
            match item {
                Item::Value(value, alias) => {
                    let var = self.expr(value);
                    let name = alias.as_ref().map(|a| a.text.clone()).or_else(|| implied(value));
                    record.fields.push((name.unwrap_or_default(), var));
                }
                Item::Star { of, except, replace, .. } => {
                    let bases = match of {
                        Some(of) => vec![self.expr(of)],
                        None => {
                            self.levels.last().map(|l| l.ranges.iter().map(|(_, v)| *v).collect()).unwrap_or_default()
                        }
                    };
                    let mut without: Vec<String> = except.iter().map(|name| name.text.clone()).collect();
                    for (value, name) in replace {
                        let var = self.expr(value);
                        record.fields.push((name.text.clone(), var));
                        without.push(name.text.clone());
                    }
                    let part = Record { bases, without, ..Record::default() };
                    let part = self.shapes.add(Shape::Record(part));
                    record.bases.push(part);
                }
            }
        }
        self.shapes.add(Shape::Record(record))
    }

    pub(super) fn order(&mut self, order: &[Order]) {
        order.iter().for_each(|key| _ = self.expr(&key.value));
    }

    pub(super) fn window(&mut self, window: &Window) {
        window.partition.iter().for_each(|value| _ = self.expr(value));
        self.order(&window.order);
    }

    fn pipe(&mut self, pipe: &Pipe, row: Var) -> Var {
        let level = |row: Var| Level { ranges: vec![(String::new(), row)], bound: Vec::new() };
        match pipe {
            Pipe::Select(select) => self.select(select, Some(row)),
            Pipe::Where(condition) => {
                self.levels.push(level(row));
                self.condition(Some(condition));
                self.levels.pop();
                row
            }
            Pipe::Extend(items) | Pipe::Window(items) => {
                self.levels.push(level(row));
                let added = self.items(items);
                self.levels.pop();
                self.shapes.add(Shape::Record(Record { bases: vec![added, row], ..Record::default() }))
            }
            Pipe::Aggregate { items, group, .. } => {
                self.grouped = true;
                self.levels.push(level(row));
                let mut all: Vec<Item> = Vec::new();
                all.extend(group.iter().filter_map(|(item, _)| match item {
                    GroupItem::Value(value, alias) => Some(Item::Value(value.clone(), alias.clone())),
                    _ => None,
                }));
                all.extend(items.iter().map(|(item, _)| item.clone()));
                let out = self.items(&all);
                self.levels.pop();
                out
            }
            Pipe::Order(order) => {
                self.levels.push(level(row));
                self.order(order);
                self.levels.pop();
                row
            }
            Pipe::Drop(names) => {
                let without = names.iter().map(|name| name.text.clone()).collect();
                self.shapes.add(Shape::Record(Record { bases: vec![row], without, ..Record::default() }))
            }
            Pipe::Rename(pairs) => {
                let mut record = Record { bases: vec![row], ..Record::default() };
                for (old, new) in pairs {
                    if let Some(var) = self.shapes.field(row, &old.text) {
                        record.fields.push((new.text.clone(), var));
                        record.without.push(old.text.clone());
                    }
                }
                self.shapes.add(Shape::Record(record))
            }
            Pipe::Set(pairs) => {
                self.levels.push(level(row));
                let fields = pairs.iter().map(|(name, value)| (name.text.clone(), self.expr(value))).collect();
                self.levels.pop();
                self.shapes.add(Shape::Record(Record { fields, bases: vec![row], ..Record::default() }))
            }
            Pipe::Join { right, on, .. } => {
                self.levels.push(level(row));
                self.join_right(right, on);
                self.close()
            }
            Pipe::SetOp(_, queries) => queries.iter().fold(row, |left, query| {
                let right = self.query(query);
                self.union(left, right)
            }),
            Pipe::Distinct => {
                self.grouped = true;
                row
            }
            _ => row,
        }
    }
}

/// The name that a column has without AS.
fn implied(value: &Expr) -> Option<String> {
    match &value.kind {
        Kind::Name(name) | Kind::Field(_, name) => Some(name.text.clone()),
        _ => None,
    }
}
