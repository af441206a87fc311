//! Names: which columns, range variables and bindings an expression sees.

use crate::ast::{Ident, Window};
use crate::query::{Expr, Node};
use crate::types::{Field, Type, field_names};
use crate::{Result, SqlError};
use rsdbt_base::closest;
use std::rc::Rc;

#[derive(Debug, Clone, PartialEq)]
pub struct Col {
    pub name: Option<String>,
    pub value: Expr,
}

/// A FROM item. `value` is the row itself where the item is a value table.
#[derive(Debug, Clone)]
pub struct Range {
    pub alias: String,
    pub cols: Vec<Col>,
    pub value: Option<Expr>,
    /// columns that no star gives
    pub hidden: Vec<Col>,
}

/// What one query level sees; `parent` is the query around it.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// the columns of `SELECT *`, in BigQuery's order
    pub star: Vec<Col>,
    pub ranges: Vec<Range>,
    pub parent: Option<Rc<Scope>>,
    /// bindings that hide columns: select aliases in ORDER BY, parameters, WITH(...) names
    pub first: Vec<(String, Expr)>,
    /// bindings that columns hide: select aliases in HAVING and QUALIFY
    pub last: Vec<(String, Expr)>,
    pub windows: Vec<(String, Window)>,
    /// a FROM clause could not be read, so that no name can be said to be wrong
    pub unknown: bool,
}

pub(super) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}

impl Col {
    pub fn is(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|own| same(own, name))
    }
}

impl Range {
    /// The whole row as one value.
    pub fn row(&self) -> Expr {
        if let Some(value) = &self.value {
            return value.clone();
        }
        let fields: Vec<Field> =
            self.cols.iter().map(|c| Field { name: c.name.clone(), ty: c.value.ty.clone() }).collect();
        let parts = field_names(&fields).into_iter().zip(self.cols.iter().map(|c| c.value.clone())).collect();
        Expr::new(Node::Struct(parts), Type::Struct(fields))
    }
}

impl Scope {
    pub fn child(parent: &Scope) -> Scope {
        Scope { parent: Some(Rc::new(parent.clone())), unknown: parent.unknown, ..Scope::default() }
    }

    pub fn range(&self, name: &str) -> Option<&Range> {
        self.ranges.iter().find(|r| same(&r.alias, name))
    }

    fn binding(list: &[(String, Expr)], name: &str) -> Option<Expr> {
        list.iter().rev().find(|(n, _)| same(n, name)).map(|(_, t)| t.clone())
    }

    fn col(&self, name: &Ident) -> Result<Option<Expr>> {
        let mut found = self.star.iter().filter(|c| c.is(&name.text));
        let first = found.next();
        if let Some(a) = first
            && found.any(|b| a.value != b.value)
        {
            return Err(SqlError::semantic(format!("Column name {} is ambiguous", name.text), name.at));
        }
        Ok(first.map(|c| c.value.clone()))
    }

    /// The value that a bare name stands for, here or in a query around this one.
    pub fn find(&self, name: &Ident) -> Result<Option<Expr>> {
        if let Some(found) = Scope::binding(&self.first, &name.text) {
            return Ok(Some(found));
        }
        // a table's alias hides the columns of that name; two of one name, which USING joins, do not
        let mut own = self.ranges.iter().filter(|range| same(&range.alias, &name.text));
        if let (Some(range), None) = (own.next(), own.next()) {
            return Ok(Some(range.row()));
        }
        if let Some(found) = self.col(name)? {
            return Ok(Some(found));
        }
        if let Some(range) = self.range(&name.text) {
            return Ok(Some(range.row()));
        }
        let mut hidden = self.ranges.iter().flat_map(|range| &range.hidden).filter(|col| col.is(&name.text));
        if let Some(col) = hidden.next() {
            if hidden.next().is_some() {
                return Err(SqlError::semantic(format!("Column name {} is ambiguous", name.text), name.at));
            }
            return Ok(Some(col.value.clone()));
        }
        if let Some(found) = Scope::binding(&self.last, &name.text) {
            return Ok(Some(found));
        }
        match &self.parent {
            Some(parent) => parent.find(name),
            None => Ok(None),
        }
    }

    /// The range variable of that name that is nearest, if no nearer column or binding hides it.
    pub fn find_range(&self, name: &Ident) -> Option<&Range> {
        if let Some(range) = self.range(&name.text) {
            return Some(range);
        }
        let hidden = self.star.iter().any(|c| c.is(&name.text)) || Scope::binding(&self.first, &name.text).is_some();
        if hidden {
            return None;
        }
        self.parent.as_ref().and_then(|parent| parent.find_range(name))
    }

    /// The refusal of a name that nothing has.
    pub fn unknown(&self, name: &Ident) -> SqlError {
        let mut names: Vec<String> = Vec::new();
        let mut level = Some(self);
        while let Some(scope) = level {
            names.extend(scope.star.iter().filter_map(|c| c.name.clone()));
            names.extend(scope.ranges.iter().map(|r| r.alias.clone()));
            level = scope.parent.as_deref();
        }
        let error = SqlError::semantic(format!("Unrecognized name: {}", name.text), name.at);
        match closest(&name.text, names.iter().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error,
        }
    }
}
