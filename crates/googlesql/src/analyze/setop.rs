//! UNION, INTERSECT and EXCEPT, by position and by name.

use super::Analyzer;
use super::query::around;
use super::scope::Scope;
use crate::ast::{self, Ident, SetOp};
use crate::query::{Body, Expr, Node, OutCol, Query};
use crate::types::known;
use crate::{Result, SqlError};

impl Analyzer<'_> {
    pub(super) fn set_operation(
        &mut self,
        op: &SetOp,
        left: &ast::Body,
        right: &ast::Body,
        outer: &Scope,
    ) -> Result<Query> {
        let left = self.body(left, outer)?;
        let right = self.body(right, outer)?;
        self.combine(op, left, right)
    }

    pub(super) fn combine(&mut self, op: &SetOp, left: Query, right: Query) -> Result<Query> {
        let (left, right) = match &op.by_name {
            Some(columns) => self.by_name(op, columns.as_deref(), left, right)?,
            None if op.mode.is_some() || op.strict => {
                return Err(SqlError::semantic("this set operation needs BY NAME or CORRESPONDING", op.at));
            }
            None => (left, right),
        };
        if left.columns.len() != right.columns.len() {
            return Err(SqlError::semantic(
                format!(
                    "Queries in {} have mismatched column count; left has {}, right has {}",
                    operation(op),
                    left.columns.len(),
                    right.columns.len()
                ),
                op.at,
            ));
        }
        let mut columns = left.columns.clone();
        for (i, (col, other)) in columns.iter_mut().zip(&right.columns).enumerate() {
            let sides = [(loose(&left, i), op.at), (loose(&right, i), op.at)];
            col.ty = self.common_of(&sides).map(|ty| known(&ty)).map_err(|_| {
                SqlError::semantic(
                    format!("Column {} in {} has incompatible types: {}, {}", i + 1, operation(op), col.ty, other.ty),
                    op.at,
                )
            })?;
            if (!op.all || op.kind != "UNION") && !col.ty.groupable() {
                return Err(SqlError::semantic(format!("{} on a column of type {}", op.kind, col.ty), op.at));
            }
        }
        let is_value = left.is_value && right.is_value;
        let left = Box::new(self.cast_columns(left, &columns));
        let right = Box::new(self.cast_columns(right, &columns));
        let mut out = Query::of(Body::Set { kind: op.kind, all: op.all, left, right }, columns);
        out.is_value = is_value;
        Ok(out)
    }

    /// The output with every column coerced to the given types (names stay its own).
    pub(super) fn cast_columns(&mut self, out: Query, wanted: &[OutCol]) -> Query {
        if out.columns.iter().zip(wanted).all(|(a, b)| a.ty == b.ty) {
            return out;
        }
        let alias = self.fresh("c");
        let mut list = Vec::new();
        for (i, (col, want)) in out.columns.iter().zip(wanted).enumerate() {
            let value = match loose(&out, i) {
                constant
                    if constant.is_literal_null() || (constant.bends() && self.literal_fits(&constant, &want.ty)) =>
                {
                    constant
                }
                _ => Expr::column(&alias, &col.phys, col.ty.clone()),
            };
            list.push(self.convert(value, &want.ty));
        }
        let columns = out.columns.iter().zip(wanted).map(|(c, w)| OutCol { ty: w.ty.clone(), ..c.clone() }).collect();
        let is_value = out.is_value;
        let mut out = around(out, alias, list, columns);
        out.is_value = is_value;
        out
    }

    /// Both sides with the same columns in the same order, matched by name.
    fn by_name(&mut self, op: &SetOp, columns: Option<&[Ident]>, left: Query, right: Query) -> Result<(Query, Query)> {
        let (l, r) = (names(&left, op)?, names(&right, op)?);
        let wanted = wanted(op, columns, &l, &r)?;
        let (left_cols, right_cols) = (left.columns.clone(), right.columns.clone());
        Ok((self.project(left, &wanted, &right_cols), self.project(right, &wanted, &left_cols)))
    }

    /// The named columns of an output; a missing one is NULL.
    fn project(&mut self, out: Query, wanted: &[String], other: &[OutCol]) -> Query {
        let alias = self.fresh("n");
        let (mut list, mut columns) = (Vec::new(), Vec::new());
        for name in wanted {
            let is = |c: &OutCol| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name));
            let place = out.columns.iter().position(is);
            let value = match place {
                Some(i) => match loose(&out, i) {
                    constant if constant.is_literal_null() => constant,
                    _ => Expr::column(&alias, &out.columns[i].phys, out.columns[i].ty.clone()),
                },
                None => Expr::null(),
            };
            let spelled = place.map(|i| &out.columns[i]).or_else(|| other.iter().find(|c| is(c)));
            let name = spelled.and_then(|c| c.name.clone()).unwrap_or_else(|| name.clone());
            columns.push(OutCol { name: Some(name.clone()), phys: name, ty: known(&value.ty) });
            list.push(self.plain(value));
        }
        around(out, alias, list, columns)
    }
}

fn operation(op: &SetOp) -> String {
    format!("{} {}", op.kind, if op.all { "ALL" } else { "DISTINCT" })
}

/// The names that a set operation by name gives, in their order.
fn wanted(op: &SetOp, columns: Option<&[Ident]>, l: &[String], r: &[String]) -> Result<Vec<String>> {
    let has = |list: &[String], name: &str| list.iter().any(|n| n.eq_ignore_ascii_case(name));
    let shared: Vec<String> = l.iter().filter(|n| has(r, n)).cloned().collect();
    let only_right: Vec<String> = r.iter().filter(|n| !has(l, n)).cloned().collect();
    let error = |message: &str| Err(SqlError::semantic(format!("{} by name: {message}", op.kind), op.at));
    match (columns, op.mode) {
        (Some(list), mode) => {
            let list: Vec<String> = list.iter().map(|i| i.text.clone()).collect();
            let bad = list.iter().find(|n| match mode {
                Some("FULL") => false,
                Some("LEFT") => !has(l, n),
                _ => !has(l, n) || !has(r, n),
            });
            if let Some(bad) = bad {
                return error(&format!("column {bad} is not in every input"));
            }
            if op.strict && (l.len() != list.len() || r.len() != list.len()) {
                return error("STRICT needs the same columns in both inputs");
            }
            Ok(list)
        }
        (None, Some("FULL")) => Ok(l.iter().chain(&only_right).cloned().collect()),
        (None, Some("LEFT")) if shared.is_empty() => error("the inputs have no column in common"),
        (None, Some("LEFT")) => Ok(l.to_vec()),
        (None, _) if op.strict => {
            if shared.len() != l.len() || !only_right.is_empty() {
                return error("the inputs have different columns");
            }
            Ok(l.to_vec())
        }
        (None, _) if shared.is_empty() => error("the inputs have no column in common"),
        (None, _) => Ok(shared),
    }
}

/// The names of a side's columns; one without a name can be left out unless every column must stay.
fn names(out: &Query, op: &SetOp) -> Result<Vec<String>> {
    let all = op.strict || (op.mode.is_some_and(|m| m != "INNER") && matches!(op.by_name, Some(None)));
    if all && out.columns.iter().any(|c| c.name.is_none()) {
        return Err(SqlError::semantic("a set operation by name needs every column named", op.at));
    }
    Ok(out.columns.iter().filter_map(|c| c.name.clone()).collect())
}

/// A column of a side as a value that still knows which constant it is.
pub(super) fn loose(out: &Query, i: usize) -> Expr {
    match out.constant(i) {
        Some(constant) => constant.clone(),
        None => Expr::new(Node::Local(String::new()), out.columns[i].ty.clone()),
    }
}
