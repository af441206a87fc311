//! Names: which columns, range variables and bindings an expression sees.

use super::{Result, SqlError, Typed};
use crate::ast::{Ident, Window};
use crate::types::{Type, field_names, quote};
use rsdbt_base::closest;
use std::rc::Rc;

#[derive(Debug, Clone, PartialEq)]
pub struct Col {
    pub name: Option<String>,
    pub sql: String,
    pub ty: Type,
}

/// A FROM item. `value` is the row itself where the item is a value table.
#[derive(Debug, Clone)]
pub struct Range {
    pub alias: String,
    pub cols: Vec<Col>,
    pub value: Option<(String, Type)>,
}

/// What one query level sees; `parent` is the query around it.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// the columns of `SELECT *`, in BigQuery's order
    pub star: Vec<Col>,
    pub ranges: Vec<Range>,
    pub parent: Option<Rc<Scope>>,
    /// bindings that hide columns: select aliases in ORDER BY, parameters, WITH(...) names
    pub first: Vec<(String, Typed)>,
    /// bindings that columns hide: select aliases in HAVING and QUALIFY
    pub last: Vec<(String, Typed)>,
    pub windows: Vec<(String, Window)>,
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}

impl Range {
    /// The whole row as one value.
    pub fn row(&self) -> (String, Type) {
        if let Some(value) = &self.value {
            return value.clone();
        }
        let fields: Vec<_> =
            self.cols.iter().map(|c| crate::types::Field { name: c.name.clone(), ty: c.ty.clone() }).collect();
        let names = field_names(&fields);
        let parts: Vec<String> =
            self.cols.iter().zip(names).map(|(c, n)| format!("{} := {}", quote(&n), c.sql)).collect();
        (format!("struct_pack({})", parts.join(", ")), Type::Struct(fields))
    }
}

impl Scope {
    pub fn child(parent: &Scope) -> Scope {
        Scope { parent: Some(Rc::new(parent.clone())), ..Scope::default() }
    }

    pub fn range(&self, name: &str) -> Option<&Range> {
        self.ranges.iter().find(|r| same(&r.alias, name))
    }

    fn binding(list: &[(String, Typed)], name: &str) -> Option<Typed> {
        list.iter().rev().find(|(n, _)| same(n, name)).map(|(_, t)| t.clone())
    }

    fn col(&self, name: &Ident) -> Result<Option<Typed>> {
        let mut found = self.star.iter().filter(|c| c.name.as_deref().is_some_and(|n| same(n, &name.text)));
        let first = found.next();
        if let (Some(a), Some(b)) = (first, found.next())
            && a.sql != b.sql
        {
            return Err(SqlError::semantic(format!("Column name {} is ambiguous", name.text), name.at));
        }
        Ok(first.map(|c| Typed::new(c.sql.clone(), c.ty.clone())))
    }

    /// The value that a bare name stands for, here or in a query around this one.
    pub fn find(&self, name: &Ident) -> Result<Option<Typed>> {
        if let Some(found) = Scope::binding(&self.first, &name.text) {
            return Ok(Some(found));
        }
        if let Some(found) = self.col(name)? {
            return Ok(Some(found));
        }
        if let Some(range) = self.range(&name.text) {
            let (sql, ty) = range.row();
            return Ok(Some(Typed::new(sql, ty)));
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
        let hidden = self.star.iter().any(|c| c.name.as_deref().is_some_and(|n| same(n, &name.text)))
            || Scope::binding(&self.first, &name.text).is_some();
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
