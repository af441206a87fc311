//! Operators, with GoogleSQL's coercions. What overflow, division by zero and NaN mean is the engine's printer's.

use super::{Analyzer, Scope};
use crate::ast::{self, Set};
use crate::query::{Expr, Node, SubqueryKind};
use crate::types::Type;
use crate::{Result, SqlError};

impl Analyzer<'_> {
    pub(super) fn unary(&mut self, op: &str, inner: &ast::Expr, scope: &Scope) -> Result<Expr> {
        let value = self.expr(inner, scope)?;
        let ty = value.ty.clone();
        match (op, &ty) {
            (_, Type::Unknown) => Ok(value),
            ("NOT", Type::Bool) => Ok(self.form("$not", vec![value], Type::Bool)),
            ("NOT", Type::Null) => Err(SqlError::semantic("Operands of NOT cannot be literal NULL", inner.at)),
            ("-" | "+" | "~", Type::Null) => {
                not_null(op, &[inner])?;
                Ok(self.plain(value))
            }
            ("+", ty) if ty.is_number() => Ok(value),
            ("-", ty) if ty.is_number() || *ty == Type::Interval => Ok(self.form("$neg", vec![value], ty.clone())),
            ("~", Type::Int64) => Ok(self.form("$bit_not", vec![value], Type::Int64)),
            ("~", Type::Bytes) => Ok(self.form("$bytes_not", vec![value], Type::Bytes)),
            (_, ty) => Err(SqlError::semantic(
                format!("No matching signature for operator {op} for argument type {ty}"),
                inner.at,
            )),
        }
    }

    pub(super) fn binary(
        &mut self,
        op: &'static str,
        left: &ast::Expr,
        right: &ast::Expr,
        scope: &Scope,
    ) -> Result<Expr> {
        if matches!(op, "AND" | "OR") {
            let sides = vec![self.expr(left, scope)?, self.expr(right, scope)?];
            if let Some(i) = sides.iter().position(|side| side.ty.distance(&Type::Bool).is_none()) {
                return Err(operator_error(op, &sides[0].ty, &sides[1].ty, [left, right][i].at));
            }
            let sides = sides.into_iter().map(|side| self.convert(side, &Type::Bool)).collect();
            return Ok(self.form(if op == "AND" { "$and" } else { "$or" }, sides, Type::Bool));
        }
        not_null(op, &[left, right])?;
        let (a, b) = (self.expr(left, scope)?, self.expr(right, scope)?);
        if a.ty == Type::Unknown || b.ty == Type::Unknown {
            let ty = if matches!(op, "=" | "!=" | "<" | "<=" | ">" | ">=") { Type::Bool } else { Type::Unknown };
            return Ok(Expr::new(Node::Null, ty));
        }
        match op {
            "=" | "!=" | "<" | "<=" | ">" | ">=" => self.comparison(op, a, b, left.at),
            "||" => self.concat(a, b, left.at),
            "&" | "|" | "^" | "<<" | ">>" => self.bits(op, a, b, left.at),
            _ => self.arithmetic(op, a, b, left.at),
        }
    }

    /// `+ - * /` of numbers, dates and intervals.
    pub(super) fn arithmetic(&mut self, op: &str, a: Expr, b: Expr, at: usize) -> Result<Expr> {
        let (a, b) = match self.date_arithmetic(op, a, b) {
            Ok(found) => return Ok(found),
            Err(sides) => *sides,
        };
        let refuse = || operator_error(op, &a.ty, &b.ty, at);
        let mut ty = a.ty.common(&b.ty).ok_or_else(refuse)?;
        for (x, y) in [(&a, &b), (&b, &a)] {
            if matches!(x.node, Node::Float(_)) && matches!(y.ty, Type::Numeric | Type::BigNumeric) {
                ty = y.ty.clone();
            }
        }
        if ty == Type::Null {
            ty = Type::Int64;
        }
        if !ty.is_number() {
            return Err(refuse());
        }
        if op == "/" && ty == Type::Int64 {
            ty = Type::Float64;
        }
        let safe_divisor = matches!(b.node, Node::Int(n) if n != 0);
        let form = match (op, &ty) {
            ("/", Type::Float64) if safe_divisor => "$div_plain",
            ("/", Type::Float64) => "$div",
            ("/", Type::Numeric) => "$div_numeric",
            ("*", Type::Numeric) => "$mul_numeric",
            ("/", Type::BigNumeric) => "$div_bignumeric",
            ("*", Type::BigNumeric) => "$mul_bignumeric",
            ("+", Type::Numeric | Type::BigNumeric) => "$add_numeric",
            ("-", Type::Numeric | Type::BigNumeric) => "$sub_numeric",
            ("+", Type::Float64) => "$add_float",
            ("-", Type::Float64) => "$sub_float",
            ("*", Type::Float64) => "$mul_float",
            ("+", _) => "$add",
            ("-", _) => "$sub",
            _ => "$mul",
        };
        let sides = vec![self.convert(a, &ty), self.convert(b, &ty)];
        Ok(self.form(form, sides, ty))
    }

    /// Arithmetic with dates and intervals, or the operands back.
    fn date_arithmetic(&self, op: &str, a: Expr, b: Expr) -> std::result::Result<Expr, Box<(Expr, Expr)>> {
        use Type::*;
        let negative = |value: Expr| {
            if op == "-" { self.form("$neg", vec![value], Int64) } else { value }
        };
        let (form, args, ty) = match (op, &a.ty, &b.ty) {
            ("+" | "-", Date, Int64) => ("$date_add", vec![a, negative(b), Expr::text("DAY")], Date),
            ("+", Int64, Date) => ("$date_add", vec![b, a, Expr::text("DAY")], Date),
            ("+", Timestamp, Interval) => ("$plus_clock_interval", vec![a, b], Timestamp),
            ("-", Timestamp, Interval) => ("$minus_clock_interval", vec![a, b], Timestamp),
            ("+", Interval, Timestamp) => ("$plus_clock_interval", vec![b, a], Timestamp),
            // a DATE becomes a DATETIME
            ("+", Date | DateTime, Interval) => ("$plus_interval", vec![self.convert(a, &DateTime), b], DateTime),
            ("-", Date | DateTime, Interval) => ("$minus_interval", vec![self.convert(a, &DateTime), b], DateTime),
            ("+", Interval, Date | DateTime) => ("$plus_interval", vec![self.convert(b, &DateTime), a], DateTime),
            ("+", Interval, Interval) => ("$plus_interval", vec![a, b], Interval),
            ("-", Interval, Interval) => ("$minus_interval", vec![a, b], Interval),
            ("*", Interval, Int64) => ("$times_interval", vec![a, b], Interval),
            ("*", Int64, Interval) => ("$times_interval", vec![b, a], Interval),
            ("/", Interval, Int64) => ("$interval_divide", vec![a, b], Interval),
            ("-", Date, Date) => ("$date_minus", vec![a, b], Interval),
            ("-", DateTime | Timestamp, DateTime | Timestamp) if a.ty == b.ty => ("$time_minus", vec![a, b], Interval),
            _ => return Err(Box::new((a, b))),
        };
        Ok(self.form(form, args, ty))
    }

    fn concat(&mut self, a: Expr, b: Expr, at: usize) -> Result<Expr> {
        let ty = match (&a.ty, &b.ty) {
            (Type::Null, Type::Null) => Type::String,
            (x, y) => x.common(y).ok_or_else(|| operator_error("||", x, y, at))?,
        };
        let form = match ty {
            Type::String | Type::Bytes => "$concat",
            Type::Array(_) => "$array_concat",
            _ => return Err(operator_error("||", &a.ty, &b.ty, at)),
        };
        let sides = vec![self.convert(a, &ty), self.convert(b, &ty)];
        Ok(self.form(form, sides, ty))
    }

    /// The type in which two values are compared, or why not.
    fn pair_type(&self, op: &str, a: &Expr, b: &Expr, at: usize) -> Result<Type> {
        if self.literal_fits(a, &b.ty) {
            return Ok(b.ty.clone());
        }
        if self.literal_fits(b, &a.ty) {
            return Ok(a.ty.clone());
        }
        a.ty.common(&b.ty).ok_or_else(|| operator_error(op, &a.ty, &b.ty, at))
    }

    pub(super) fn comparison(&mut self, op: &'static str, a: Expr, b: Expr, at: usize) -> Result<Expr> {
        let ty = self.pair_type(op, &a, &b, at)?;
        let equality = matches!(op, "=" | "!=");
        let fine = match &ty {
            Type::Json | Type::Geography => false,
            Type::Struct(_) => equality && ty.groupable(),
            Type::Array(_) => false,
            _ => true,
        };
        if !fine {
            let what = match op {
                "=" => "Equality",
                "!=" => "Inequality",
                "<" => "Less than",
                "<=" => "Less than or equal",
                ">" => "Greater than",
                _ => "Greater than or equal",
            };
            return Err(SqlError::semantic(format!("{what} is not defined for arguments of type {ty}"), at));
        }
        let sides = (Box::new(self.convert(a, &ty)), Box::new(self.convert(b, &ty)));
        Ok(Expr::new(Node::Compare(op, sides.0, sides.1), Type::Bool))
    }

    pub(super) fn is(&mut self, inner: &ast::Expr, what: &str, not: bool, scope: &Scope) -> Result<Expr> {
        let value = self.expr(inner, scope)?;
        let form = match (what, not) {
            ("NULL" | "UNKNOWN", false) => "$is_null",
            ("NULL" | "UNKNOWN", true) => "$is_not_null",
            ("TRUE", false) => "$is_true",
            ("TRUE", true) => "$is_not_true",
            (_, false) => "$is_false",
            (_, true) => "$is_not_false",
        };
        if what != "NULL" && !matches!(value.ty, Type::Bool | Type::Null | Type::Unknown) {
            return Err(SqlError::semantic(format!("IS {what} is not defined for {}", value.ty), inner.at));
        }
        let value = if what == "NULL" { self.plain(value) } else { self.convert(value, &Type::Bool) };
        Ok(self.form(form, vec![value], Type::Bool))
    }

    pub(super) fn is_distinct(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        not: bool,
        scope: &Scope,
    ) -> Result<Expr> {
        let (a, b) = (self.expr(left, scope)?, self.expr(right, scope)?);
        let ty = self.pair_type("IS DISTINCT FROM", &a, &b, left.at)?;
        let sides = vec![self.convert(a, &ty), self.convert(b, &ty)];
        Ok(self.form(if not { "$is_not_distinct" } else { "$is_distinct" }, sides, Type::Bool))
    }

    pub(super) fn between(
        &mut self,
        inner: &ast::Expr,
        (low, high): (&ast::Expr, &ast::Expr),
        not: bool,
        scope: &Scope,
    ) -> Result<Expr> {
        let (value, low, high) = (self.expr(inner, scope)?, self.expr(low, scope)?, self.expr(high, scope)?);
        let both = self.within(value, low, high, inner.at)?;
        Ok(self.negated(both, not))
    }

    /// BETWEEN: one test where all three have one type that compares as it is, two comparisons otherwise.
    fn within(&mut self, value: Expr, low: Expr, high: Expr, at: usize) -> Result<Expr> {
        let plain = !matches!(value.ty, Type::Float64 | Type::Null | Type::Unknown | Type::Struct(_) | Type::Range(_));
        let fits = |side: &Expr| side.ty == value.ty || self.literal_fits(side, &value.ty);
        if plain && value.ty.groupable() && fits(&low) && fits(&high) {
            let ty = value.ty.clone();
            let args = vec![value, self.convert(low, &ty), self.convert(high, &ty)];
            return Ok(self.form("$between", args, Type::Bool));
        }
        let heavy = low.is_heavy() || high.is_heavy();
        self.once(value, heavy, |t, value| {
            let above = t.comparison(">=", value.clone(), low, at)?;
            let below = t.comparison("<=", value, high, at)?;
            Ok(t.form("$and", vec![above, below], Type::Bool))
        })
    }

    fn negated(&self, value: Expr, not: bool) -> Expr {
        if not { self.form("$not", vec![value], Type::Bool) } else { value }
    }

    pub(super) fn is_in(&mut self, inner: &ast::Expr, set: &Set, not: bool, scope: &Scope) -> Result<Expr> {
        let value = self.expr(inner, scope)?;
        let test = match set {
            Set::Items(_) => self.in_items(value, set, scope)?,
            Set::Query(query) => {
                let out = self.query(query, scope)?;
                let [col] = out.columns.as_slice() else {
                    return Err(SqlError::semantic("Subquery of type IN must have only one output column", query.at));
                };
                let mut cols = vec![col.clone()];
                let probe = Expr::new(Node::Local(String::new()), col.ty.clone());
                let ty = self.pair_type("IN", &value, &probe, inner.at)?;
                if !ty.groupable() {
                    return Err(SqlError::semantic(format!("IN is not defined for {ty}"), inner.at));
                }
                cols[0].ty = ty.clone();
                let out = self.cast_columns(out, &cols);
                let value = self.convert(value, &ty);
                Expr::new(Node::InQuery(Box::new(value), Box::new(out)), Type::Bool)
            }
            Set::Unnest(array) => {
                let array = self.expr(array, scope)?;
                let element = match &array.ty {
                    Type::Array(element) => (**element).clone(),
                    Type::Null => return Ok(Expr::bool(not)),
                    Type::Unknown => return Ok(Expr::new(Node::Null, Type::Bool)),
                    other => {
                        return Err(SqlError::semantic(format!("IN UNNEST needs an array, this is {other}"), inner.at));
                    }
                };
                let probe = Expr::new(Node::Local(String::new()), element);
                let ty = self.pair_type("IN UNNEST", &value, &probe, inner.at)?;
                let (value, array) =
                    (self.convert(value, &ty), self.convert(array, &Type::Array(Box::new(ty.clone()))));
                match &ty {
                    // these do not compare in the engine as they do here
                    Type::Struct(_) | Type::Float64 if !value.is_heavy() => {
                        let name = self.fresh("e");
                        let item = Expr::new(Node::Local(name.clone()), ty);
                        let test = self.comparison("=", value, item, inner.at)?;
                        let lambda = Expr::new(Node::Lambda(vec![name], Box::new(test)), Type::Bool);
                        let tests = self.form("$transform", vec![array, lambda], Type::Array(Box::new(Type::Bool)));
                        self.form("$any_of", vec![tests], Type::Bool)
                    }
                    _ => self.form("$in_array", vec![value, array], Type::Bool),
                }
            }
        };
        Ok(self.negated(test, not))
    }

    fn in_items(&mut self, value: Expr, set: &Set, scope: &Scope) -> Result<Expr> {
        let items = self.set_values(set, scope)?;
        let plain = |item: &Expr| item.ty == value.ty && !matches!(value.ty, Type::Float64 | Type::Struct(_));
        if value.ty.groupable() && !matches!(value.ty, Type::Array(_)) && items.iter().all(|(item, _)| plain(item)) {
            let args = std::iter::once(value).chain(items.into_iter().map(|(item, _)| item)).collect();
            return Ok(self.form("$in", args, Type::Bool));
        }
        let heavy = items.iter().any(|(item, _)| item.is_heavy());
        self.once(value, heavy, |t, value| {
            let mut tests = Vec::new();
            for (item, at) in items {
                tests.push(t.comparison("=", value.clone(), item, at)?);
            }
            Ok(t.form("$or", tests, Type::Bool))
        })
    }

    pub(super) fn like(
        &mut self,
        inner: &ast::Expr,
        quantifier: Option<&str>,
        set: &Set,
        not: bool,
        scope: &Scope,
    ) -> Result<Expr> {
        if let (None, Set::Items(items)) = (quantifier, set) {
            let sides: Vec<&ast::Expr> = items.iter().chain([inner]).collect();
            not_null("LIKE", &sides)?;
        }
        let value = self.expr(inner, scope)?;
        let all = quantifier == Some("ALL");
        let list = match set {
            Set::Items(_) => {
                // NOT LIKE ANY means: not like one of them
                let patterns = self.set_values(set, scope)?;
                let heavy = patterns.iter().any(|(pattern, _)| pattern.is_heavy());
                return self.once(value, heavy, |t, value| {
                    let mut tests = Vec::new();
                    for (pattern, _) in patterns {
                        let test = t.like_one(value.clone(), pattern, inner.at)?;
                        tests.push(t.negated(test, not));
                    }
                    Ok(match <[Expr; 1]>::try_from(tests) {
                        Ok([only]) => only,
                        Err(tests) => t.form(if all { "$and" } else { "$or" }, tests, Type::Bool),
                    })
                });
            }
            Set::Unnest(array) => self.expr(array, scope)?,
            Set::Query(query) => {
                let out = self.query(query, scope)?;
                let [col] = out.columns.as_slice() else {
                    return Err(SqlError::semantic("the subquery of LIKE must have one column", query.at));
                };
                let ty = Type::Array(Box::new(col.ty.clone()));
                Expr::new(Node::Subquery(SubqueryKind::Array, Box::new(out)), ty)
            }
        };
        let element = list.ty.element().cloned().unwrap_or(Type::Null);
        let name = self.fresh("p");
        let pattern = Expr::new(Node::Local(name.clone()), element);
        let test = self.like_one(value, pattern, inner.at)?;
        let test = self.negated(test, not);
        let lambda = Expr::new(Node::Lambda(vec![name], Box::new(test)), Type::Bool);
        let tests = self.form("$transform", vec![list, lambda], Type::Array(Box::new(Type::Bool)));
        Ok(self.form(if all { "$all_of" } else { "$any_of" }, vec![tests], Type::Bool))
    }

    fn like_one(&self, value: Expr, pattern: Expr, at: usize) -> Result<Expr> {
        let ty = match value.ty.common(&pattern.ty) {
            Some(Type::String | Type::Null) => Type::String,
            Some(Type::Bytes) => Type::Bytes,
            Some(Type::Unknown) => return Ok(Expr::new(Node::Null, Type::Bool)),
            _ => return Err(operator_error("LIKE", &value.ty, &pattern.ty, at)),
        };
        // a pattern without a backslash means the same in every engine
        let simple = matches!(&pattern.node, Node::Text(p) if !p.contains('\\')) && value.ty == Type::String;
        let args = vec![self.convert(value, &ty), self.convert(pattern, &ty)];
        Ok(self.form(if simple { "$like_plain" } else { "$like" }, args, Type::Bool))
    }

    fn bits(&mut self, op: &str, a: Expr, b: Expr, at: usize) -> Result<Expr> {
        let shift = matches!(op, "<<" | ">>");
        let (form, args, ty) = match (&a.ty, &b.ty) {
            (Type::Int64 | Type::Null, Type::Int64 | Type::Null) => {
                let form = match op {
                    "^" => "$bit_xor",
                    "&" => "$bit_and",
                    "|" => "$bit_or",
                    "<<" => "$shift_left",
                    _ => "$shift_right",
                };
                (form, vec![self.plain(a), self.plain(b)], Type::Int64)
            }
            (Type::Bytes, Type::Int64) if shift => {
                let form = if op == "<<" { "$bytes_shift_left" } else { "$bytes_shift_right" };
                (form, vec![a, b], Type::Bytes)
            }
            (Type::Bytes, Type::Bytes) if !shift => ("$bytes_bits", vec![a, b, Expr::text(op)], Type::Bytes),
            (x, y) => return Err(operator_error(op, x, y, at)),
        };
        Ok(self.form(form, args, ty))
    }
}

/// A NULL that is written as an operand is a mistake: it makes every result NULL.
fn not_null(op: &str, sides: &[&ast::Expr]) -> Result<()> {
    match sides.iter().find(|side| matches!(side.kind, ast::Kind::Null)) {
        Some(side) => {
            let help = if matches!(op, "=" | "!=") { "IS NULL or IS NOT NULL tests for NULL" } else { "" };
            let error = SqlError::semantic(format!("Operands of {op} cannot be literal NULL"), side.at);
            Err(if help.is_empty() { error } else { error.help(help) })
        }
        None => Ok(()),
    }
}

fn operator_error(op: &str, a: &Type, b: &Type, at: usize) -> SqlError {
    SqlError::semantic(format!("No matching signature for operator {op} for argument types: {a}, {b}"), at)
}
