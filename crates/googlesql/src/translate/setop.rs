//! UNION, INTERSECT and EXCEPT, by position and by name.

use super::scope::Scope;
use super::{Literal, OutCol, Output, Result, SqlError, Translator, Typed, column};
use crate::ast::{Body, Ident, SetOp};
use crate::types::{Type, quote};

impl Translator<'_> {
    pub(super) fn set_operation(&mut self, op: &SetOp, left: &Body, right: &Body, outer: &Scope) -> Result<Output> {
        let left = self.body(left, outer)?;
        let right = self.body(right, outer)?;
        self.combine(op, left, right)
    }

    pub(super) fn combine(&mut self, op: &SetOp, left: Output, right: Output) -> Result<Output> {
        let (left, right) = match &op.by_name {
            Some(columns) => self.by_name(op, columns.as_deref(), left, right)?,
            None if op.mode.is_some() || op.strict => {
                return Err(SqlError::semantic("this set operation needs BY NAME or CORRESPONDING", op.at));
            }
            None => (left, right),
        };
        if left.cols.len() != right.cols.len() {
            return Err(SqlError::semantic(
                format!(
                    "Queries in {} have mismatched column count; left has {}, right has {}",
                    op.kind,
                    left.cols.len(),
                    right.cols.len()
                ),
                op.at,
            ));
        }
        let mut cols = left.cols.clone();
        for (i, (col, other)) in cols.iter_mut().zip(&right.cols).enumerate() {
            col.ty = self
                .common_of(&[(loose(&left, i), op.at), (loose(&right, i), op.at)])
                .ok()
                .map(|ty| super::select::known(&ty))
                .ok_or_else(|| {
                    SqlError::semantic(
                        format!("Column {} in {} has incompatible types: {}, {}", i + 1, op.kind, col.ty, other.ty),
                        op.at,
                    )
                })?;
            if (!op.all || op.kind != "UNION") && !col.ty.groupable() {
                return Err(SqlError::semantic(format!("{} on a column of type {}", op.kind, col.ty), op.at));
            }
        }
        let value = left.value && right.value;
        let literals = if left.literals == right.literals { left.literals.clone() } else { Vec::new() };
        let left = self.cast_columns(left, &cols);
        let right = self.cast_columns(right, &cols);
        let all = if op.all { " ALL" } else { "" };
        let alias = self.fresh("s");
        let names: Vec<String> = cols.iter().map(|c| column(&alias, &c.phys)).collect();
        let list: Vec<String> = cols.iter().map(|c| quote(&c.phys)).collect();
        let sql = format!(
            "SELECT {} FROM (({}) {}{all} ({})) AS {}({})",
            names.join(", "),
            left.sql,
            op.kind,
            right.sql,
            quote(&alias),
            list.join(", ")
        );
        let literals = literals.into_iter().map(|l| if l == Literal::Null { l } else { Literal::No }).collect();
        Ok(Output { sql, cols, value, literals })
    }

    /// The output with every column coerced to the given types (names stay its own).
    pub(super) fn cast_columns(&mut self, out: Output, wanted: &[OutCol]) -> Output {
        let same = out.cols.iter().zip(wanted).all(|(a, b)| a.ty == b.ty);
        if same {
            return out;
        }
        let alias = self.fresh("c");
        let list: Vec<String> = out
            .cols
            .iter()
            .zip(wanted)
            .enumerate()
            .map(|(i, (col, want))| {
                let value = match out.literals.get(i) {
                    Some(Literal::Null) => Typed::null(),
                    Some(literal @ Literal::Float(_))
                        if matches!(want.ty, crate::types::Type::Numeric | crate::types::Type::BigNumeric) =>
                    {
                        Typed { sql: String::new(), ty: col.ty.clone(), literal: literal.clone() }
                    }
                    Some(Literal::EmptyArray) => {
                        Typed { sql: String::new(), ty: col.ty.clone(), literal: Literal::EmptyArray }
                    }
                    _ => Typed::new(column(&alias, &col.phys), col.ty.clone()),
                };
                format!("{} AS {}", self.convert(&value, &want.ty), quote(&col.phys))
            })
            .collect();
        let sql = format!("SELECT {} FROM ({}) AS {}", list.join(", "), out.sql, quote(&alias));
        let cols = out.cols.iter().zip(wanted).map(|(c, w)| OutCol { ty: w.ty.clone(), ..c.clone() }).collect();
        Output { sql, cols, value: out.value, literals: Vec::new() }
    }

    /// Both sides with the same columns in the same order, matched by name.
    fn by_name(
        &mut self,
        op: &SetOp,
        columns: Option<&[Ident]>,
        left: Output,
        right: Output,
    ) -> Result<(Output, Output)> {
        let (l, r) = (names(&left, op)?, names(&right, op)?);
        let has = |list: &[String], name: &str| list.iter().any(|n| n.eq_ignore_ascii_case(name));
        let shared: Vec<String> = l.iter().filter(|n| has(&r, n)).cloned().collect();
        let only_right: Vec<String> = r.iter().filter(|n| !has(&l, n)).cloned().collect();
        let error = |message: &str| Err(SqlError::semantic(format!("{} by name: {message}", op.kind), op.at));
        let wanted = match (columns, op.mode) {
            (Some(list), mode) => {
                let list: Vec<String> = list.iter().map(|i| i.text.clone()).collect();
                let bad = list.iter().find(|n| match mode {
                    Some("FULL") => !has(&l, n) && !has(&r, n),
                    Some("LEFT") => !has(&l, n),
                    _ => !has(&l, n) || !has(&r, n),
                });
                if let Some(bad) = bad {
                    return error(&format!("column {bad} is not in every input"));
                }
                if op.strict && (l.len() != list.len() || r.len() != list.len()) {
                    return error("STRICT needs the same columns in both inputs");
                }
                list
            }
            (None, Some("FULL")) => l.iter().chain(&only_right).cloned().collect(),
            (None, Some("LEFT")) => {
                if shared.is_empty() {
                    return error("the inputs have no column in common");
                }
                l.clone()
            }
            (None, _) if op.strict => {
                if shared.len() != l.len() || !only_right.is_empty() {
                    return error("the inputs have different columns");
                }
                l.clone()
            }
            (None, _) => {
                if shared.is_empty() {
                    return error("the inputs have no column in common");
                }
                shared
            }
        };
        let (left_cols, right_cols) = (left.cols.clone(), right.cols.clone());
        Ok((self.project(left, &wanted, &right_cols), self.project(right, &wanted, &left_cols)))
    }

    /// The named columns of an output; a missing one is NULL.
    fn project(&mut self, out: Output, wanted: &[String], other: &[OutCol]) -> Output {
        let alias = self.fresh("n");
        let mut cols = Vec::new();
        let mut list = Vec::new();
        let mut literals = Vec::new();
        for name in wanted {
            let found = out.cols.iter().find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name)));
            let place = found.and_then(|f| out.cols.iter().position(|c| c.phys == f.phys));
            literals.push(match place {
                Some(i) => out.literals.get(i).cloned().unwrap_or(Literal::No),
                None => Literal::Null,
            });
            let (sql, ty) = match found {
                Some(col) => (column(&alias, &col.phys), col.ty.clone()),
                None => ("NULL".to_owned(), Type::Null),
            };
            let spelled = found
                .or_else(|| other.iter().find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name))));
            let name = spelled.and_then(|c| c.name.clone()).unwrap_or_else(|| name.clone());
            list.push(format!("{sql} AS {}", quote(&name)));
            cols.push(OutCol { name: Some(name.clone()), phys: name, ty });
        }
        let sql = format!("SELECT {} FROM ({}) AS {}", list.join(", "), out.sql, quote(&alias));
        Output { sql, cols, value: false, literals }
    }
}

/// The names of a side's columns; one without a name can be left out unless every column must stay.
fn names(out: &Output, op: &SetOp) -> Result<Vec<String>> {
    let all = op.strict || (op.mode.is_some_and(|m| m != "INNER") && matches!(op.by_name, Some(None)));
    if all && out.cols.iter().any(|c| c.name.is_none()) {
        return Err(SqlError::semantic("a set operation by name needs every column named", op.at));
    }
    Ok(out.cols.iter().filter_map(|c| c.name.clone()).collect())
}

/// A column of a side as a value that still knows which literal it is.
fn loose(out: &Output, i: usize) -> Typed {
    match out.literals.get(i) {
        Some(Literal::Null) => Typed::null(),
        literal => {
            Typed { sql: String::new(), ty: out.cols[i].ty.clone(), literal: literal.cloned().unwrap_or(Literal::No) }
        }
    }
}
