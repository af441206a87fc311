//! Operators, with BigQuery's coercions, its errors for overflow and division by zero, and its NaN.

use super::scope::Scope;
use super::{Literal, Result, SqlError, Translator, Typed};
use crate::ast::{Expr, Set};
use crate::types::Type;

impl Translator<'_> {
    pub(super) fn unary(&mut self, op: &str, inner: &Expr, scope: &Scope) -> Result<Typed> {
        let value = self.expr(inner, scope)?;
        match (op, &value.ty) {
            ("NOT", Type::Bool) => Ok(Typed::new(format!("(NOT {})", value.sql), Type::Bool)),
            ("NOT", Type::Null) => Err(SqlError::semantic("Operands of NOT cannot be literal NULL", inner.at)),
            ("-" | "+", Type::Null) => Ok(Typed::new(self.plain(&value), Type::Int64)),
            ("+", ty) if ty.is_number() => Ok(Typed::new(value.sql, ty.clone())),
            ("-", ty) if ty.is_number() || *ty == Type::Interval => {
                Ok(Typed::new(format!("(-{})", value.sql), ty.clone()))
            }
            ("~", Type::Int64) => Ok(Typed::new(format!("(~{})", value.sql), Type::Int64)),
            ("~", Type::Bytes) => Ok(Typed::new(format!("bq_bytes_not({})", value.sql), Type::Bytes)),
            (_, ty) => Err(SqlError::semantic(
                format!("No matching signature for operator {op} for argument type {ty}"),
                inner.at,
            )),
        }
    }

    pub(super) fn binary(&mut self, op: &'static str, left: &Expr, right: &Expr, scope: &Scope) -> Result<Typed> {
        if matches!(op, "AND" | "OR") {
            let (a, b) = (self.bool(left, scope)?, self.bool(right, scope)?);
            return Ok(Typed::new(format!("({a} {op} {b})"), Type::Bool));
        }
        let (a, b) = (self.expr(left, scope)?, self.expr(right, scope)?);
        match op {
            "=" | "!=" | "<" | "<=" | ">" | ">=" => self.comparison(op, &a, &b, left.at),
            "||" => self.concat(&a, &b, left.at),
            "&" | "|" | "^" | "<<" | ">>" => bits(op, &a, &b, left.at),
            _ => self.arithmetic(op, &a, &b, left.at),
        }
    }

    /// `+ - * /` of numbers, dates and intervals.
    pub(super) fn arithmetic(&mut self, op: &str, a: &Typed, b: &Typed, at: usize) -> Result<Typed> {
        let refuse = || {
            SqlError::semantic(
                format!("No matching signature for operator {op} for argument types: {}, {}", a.ty, b.ty),
                at,
            )
        };
        if let Some(found) = self.date_arithmetic(op, a, b, at)? {
            return Ok(found);
        }
        let mut ty = a.ty.common(&b.ty).ok_or_else(refuse)?;
        for (x, y) in [(a, b), (b, a)] {
            let bends = matches!(x.literal, Literal::Float(_)) && matches!(y.ty, Type::Numeric | Type::BigNumeric);
            if bends {
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
        let (x, y) = (self.convert(a, &ty), self.convert(b, &ty));
        let sql = match (op, &ty) {
            ("/", Type::Float64) => {
                let safe = b.literal == Literal::Int && !is_zero(&b.sql);
                if safe { format!("({x} / {y})") } else { format!("bq_divide({x}, {y})") }
            }
            ("/", Type::Numeric) => format!("bq_numeric_divide({x}, {y})"),
            ("*", Type::Numeric) => format!("bq_numeric_multiply({x}, {y})"),
            ("/", Type::BigNumeric) => format!("bq_bignumeric_divide({x}, {y})"),
            ("*", Type::BigNumeric) => format!("bq_bignumeric_multiply({x}, {y})"),
            ("+" | "-", Type::Numeric | Type::BigNumeric) => format!("CAST({x} {op} {y} AS {})", ty.duck()),
            (_, Type::Float64) if op != "/" => format!("bq_finite({x} {op} {y}, {x}, {y})"),
            _ => format!("({x} {op} {y})"),
        };
        Ok(Typed::new(sql, ty))
    }

    fn date_arithmetic(&mut self, op: &str, a: &Typed, b: &Typed, _at: usize) -> Result<Option<Typed>> {
        use Type::*;
        let sql = match (op, &a.ty, &b.ty) {
            ("+" | "-", Date, Int64) => {
                Typed::new(format!("bq_date_add({}, {}({}), 'DAY')", a.sql, sign(op), b.sql), Date)
            }
            ("+", Int64, Date) => Typed::new(format!("bq_date_add({}, {}, 'DAY')", b.sql, a.sql), Date),
            ("+" | "-", Date, Interval) => {
                Typed::new(format!("(CAST({} AS TIMESTAMP) {op} {})", a.sql, b.sql), DateTime)
            }
            ("+", Interval, Date) => Typed::new(format!("(CAST({} AS TIMESTAMP) + {})", b.sql, a.sql), DateTime),
            ("+" | "-", DateTime | Timestamp, Interval) => {
                Typed::new(format!("({} {op} {})", a.sql, b.sql), a.ty.clone())
            }
            ("+", Interval, DateTime | Timestamp) => Typed::new(format!("({} + {})", b.sql, a.sql), b.ty.clone()),
            ("+" | "-", Interval, Interval) => Typed::new(format!("({} {op} {})", a.sql, b.sql), Interval),
            ("*", Interval, Int64) => Typed::new(format!("({} * {})", a.sql, b.sql), Interval),
            ("*", Int64, Interval) => Typed::new(format!("({} * {})", b.sql, a.sql), Interval),
            ("/", Interval, Int64) => Typed::new(format!("bq_interval_divide({}, {})", a.sql, b.sql), Interval),
            ("-", Date, Date) => Typed::new(format!("to_days(CAST({} - {} AS INTEGER))", a.sql, b.sql), Interval),
            ("-", DateTime | Timestamp, DateTime | Timestamp) if a.ty == b.ty => {
                Typed::new(format!("to_microseconds(epoch_us({}) - epoch_us({}))", a.sql, b.sql), Interval)
            }
            _ => return Ok(None),
        };
        Ok(Some(sql))
    }

    fn concat(&mut self, a: &Typed, b: &Typed, at: usize) -> Result<Typed> {
        let ty = match (&a.ty, &b.ty) {
            (Type::Null, Type::Null) => Type::String,
            (x, y) => x.common(y).ok_or_else(|| {
                SqlError::semantic(format!("No matching signature for operator || for argument types: {x}, {y}"), at)
            })?,
        };
        let (x, y) = (self.convert(a, &ty), self.convert(b, &ty));
        match ty {
            Type::String | Type::Bytes => Ok(Typed::new(format!("({x} || {y})"), ty)),
            Type::Array(_) => Ok(Typed::new(format!("rsdbt_sys.main.array_concat({x}, {y})"), ty)),
            _ => Err(SqlError::semantic(
                format!("No matching signature for operator || for argument types: {}, {}", a.ty, b.ty),
                at,
            )),
        }
    }

    /// Both sides in one type, or why not.
    pub(super) fn pair(&self, op: &str, a: &Typed, b: &Typed, at: usize) -> Result<(String, String, Type)> {
        let ty = match self.literal_target(a, &b.ty).or_else(|| self.literal_target(b, &a.ty)) {
            Some(ty) => ty,
            None => a.ty.common(&b.ty).ok_or_else(|| {
                SqlError::semantic(
                    format!("No matching signature for operator {op} for argument types: {}, {}", a.ty, b.ty),
                    at,
                )
            })?,
        };
        Ok((self.convert(a, &ty), self.convert(b, &ty), ty))
    }

    pub(super) fn comparison(&mut self, op: &str, a: &Typed, b: &Typed, at: usize) -> Result<Typed> {
        let (x, y, ty) = self.pair(op, a, b, at)?;
        let equality = matches!(op, "=" | "!=");
        let fine = match &ty {
            Type::Json | Type::Geography => false,
            Type::Range(_) if !equality => return Err(SqlError::unsupported(format!("{op} of {ty}"), at)),
            Type::Struct(_) | Type::Array(_) | Type::Range(_) => equality && ty.groupable(),
            _ => true,
        };
        if !fine {
            return Err(SqlError::semantic(format!("{op} is not defined for arguments of type {ty}"), at));
        }
        if let Type::Struct(fields) = &ty {
            return self.struct_comparison(op, (&x, &y), fields, at);
        }
        let duck = if op == "!=" { "<>" } else { op };
        let plain = format!("({x} {duck} {y})");
        if ty != Type::Float64 {
            return Ok(Typed::new(plain, Type::Bool));
        }
        // DuckDB: NaN = NaN, and NaN above everything; BigQuery: every comparison with NaN is false, != is true
        let constant = |t: &Typed| matches!(t.literal, Literal::Int | Literal::Float(_));
        let guard: Vec<String> = match op {
            "=" | "!=" if constant(a) || constant(b) => Vec::new(),
            "=" => vec![x.clone()],
            "!=" => return Ok(Typed::new(format!("({plain} OR isnan({x}))"), Type::Bool)),
            _ => [(a, &x), (b, &y)].into_iter().filter(|(t, _)| !constant(t)).map(|(_, sql)| sql.clone()).collect(),
        };
        let sql = guard.iter().fold(plain, |sql, side| format!("({sql} AND NOT isnan({side}))"));
        Ok(Typed::new(sql, Type::Bool))
    }

    /// Field by field, since DuckDB takes two NULL fields for equal.
    fn struct_comparison(
        &mut self,
        op: &str,
        sides: (&str, &str),
        fields: &[crate::types::Field],
        at: usize,
    ) -> Result<Typed> {
        let mut tests = Vec::new();
        for (phys, field) in crate::types::field_names(fields).iter().zip(fields) {
            let side = |sql: &str| Typed::new(format!("({sql}).{}", crate::types::quote(phys)), field.ty.clone());
            tests.push(self.comparison("=", &side(sides.0), &side(sides.1), at)?.sql);
        }
        let all = format!("({})", tests.join(" AND "));
        Ok(Typed::new(if op == "!=" { format!("(NOT {all})") } else { all }, Type::Bool))
    }

    pub(super) fn is(&mut self, inner: &Expr, what: &str, not: bool, scope: &Scope) -> Result<Typed> {
        let value = self.expr(inner, scope)?;
        let word = if not { "IS NOT" } else { "IS" };
        let sql = match what {
            "NULL" => format!("({} {word} NULL)", self.plain(&value)),
            "UNKNOWN" => format!("({} {word} NULL)", self.convert(&value, &Type::Bool)),
            _ => {
                if !matches!(value.ty, Type::Bool | Type::Null) {
                    return Err(SqlError::semantic(format!("IS {what} is not defined for {}", value.ty), inner.at));
                }
                let test = if not { "IS DISTINCT FROM" } else { "IS NOT DISTINCT FROM" };
                format!("({} {test} {what})", self.convert(&value, &Type::Bool))
            }
        };
        Ok(Typed::new(sql, Type::Bool))
    }

    pub(super) fn is_distinct(&mut self, left: &Expr, right: &Expr, not: bool, scope: &Scope) -> Result<Typed> {
        let (a, b) = (self.expr(left, scope)?, self.expr(right, scope)?);
        let (x, y, _) = self.pair("IS DISTINCT FROM", &a, &b, left.at)?;
        let word = if not { "IS NOT DISTINCT FROM" } else { "IS DISTINCT FROM" };
        Ok(Typed::new(format!("({x} {word} {y})"), Type::Bool))
    }

    pub(super) fn between(&mut self, inner: &Expr, low: &Expr, high: &Expr, not: bool, scope: &Scope) -> Result<Typed> {
        let (value, low, high) = (self.expr(inner, scope)?, self.expr(low, scope)?, self.expr(high, scope)?);
        let above = self.comparison(">=", &value, &low, inner.at)?;
        let below = self.comparison("<=", &value, &high, inner.at)?;
        let not = if not { "NOT " } else { "" };
        Ok(Typed::new(format!("({not}({} AND {}))", above.sql, below.sql), Type::Bool))
    }

    pub(super) fn is_in(&mut self, inner: &Expr, set: &Set, not: bool, scope: &Scope) -> Result<Typed> {
        let value = self.expr(inner, scope)?;
        let no = if not { "NOT " } else { "" };
        let sql = match set {
            Set::Items(_) => {
                let items = self.set_values(set, scope)?;
                let mut tests = Vec::new();
                let plain = items
                    .iter()
                    .all(|(item, _)| item.ty == value.ty && !matches!(value.ty, Type::Float64 | Type::Struct(_)));
                if plain && value.ty.groupable() {
                    let list: Vec<&str> = items.iter().map(|(t, _)| t.sql.as_str()).collect();
                    format!("({} IN ({}))", value.sql, list.join(", "))
                } else {
                    for (item, at) in &items {
                        tests.push(self.comparison("=", &value, item, *at)?.sql);
                    }
                    format!("({})", tests.join(" OR "))
                }
            }
            Set::Query(query) => {
                let out = self.query(query, scope)?;
                let [col] = out.cols.as_slice() else {
                    return Err(SqlError::semantic("Subquery of type IN must have only one output column", query.at));
                };
                let probe = Typed::new("x", col.ty.clone());
                let (left, _, ty) = self.pair("IN", &value, &probe, inner.at)?;
                if !ty.groupable() {
                    return Err(SqlError::semantic(format!("IN is not defined for {ty}"), inner.at));
                }
                let cols = vec![super::OutCol { ty: ty.clone(), ..col.clone() }];
                let out = self.cast_columns(out, &cols);
                format!("({left} IN ({}))", out.sql)
            }
            Set::Unnest(array) => {
                let array = self.expr(array, scope)?;
                let element = match &array.ty {
                    Type::Array(element) => (**element).clone(),
                    Type::Null => return Ok(Typed::new(format!("({no}FALSE)"), Type::Bool)),
                    other => {
                        return Err(SqlError::semantic(format!("IN UNNEST needs an array, this is {other}"), inner.at));
                    }
                };
                let probe = Typed::new("x", element.clone());
                let (left, _, ty) = self.pair("IN UNNEST", &value, &probe, inner.at)?;
                let list = self.convert(&array, &Type::Array(Box::new(ty)));
                format!("rsdbt_sys.main.in_array({left}, {list})")
            }
        };
        Ok(Typed::new(if not { format!("(NOT {sql})") } else { sql }, Type::Bool))
    }

    pub(super) fn like(
        &mut self,
        inner: &Expr,
        quantifier: Option<&str>,
        set: &Set,
        not: bool,
        scope: &Scope,
    ) -> Result<Typed> {
        let value = self.expr(inner, scope)?;
        let all = quantifier == Some("ALL");
        let one = |this: &Self, pattern: &Typed| -> Result<String> {
            match value.ty.common(&pattern.ty) {
                Some(Type::String | Type::Null) => Ok(format!(
                    "bq_like({}, {})",
                    this.convert(&value, &Type::String),
                    this.convert(pattern, &Type::String)
                )),
                Some(Type::Bytes) => Ok(format!(
                    "bq_like({}, {})",
                    this.convert(&value, &Type::Bytes),
                    this.convert(pattern, &Type::Bytes)
                )),
                _ => Err(SqlError::semantic(
                    format!("No matching signature for operator LIKE for argument types: {}, {}", value.ty, pattern.ty),
                    inner.at,
                )),
            }
        };
        // NOT LIKE ANY means: not like one of them
        let negate = |sql: String| if not { format!("(NOT {sql})") } else { sql };
        let sql = match set {
            Set::Items(_) => {
                let mut tests = Vec::new();
                for (pattern, _) in self.set_values(set, scope)? {
                    let test = match &pattern.literal {
                        Literal::Text(p) if value.ty == Type::String && simple_pattern(p) => {
                            format!("({} LIKE {})", value.sql, pattern.sql)
                        }
                        _ => one(self, &pattern)?,
                    };
                    tests.push(negate(test));
                }
                format!("({})", tests.join(if all { " AND " } else { " OR " }))
            }
            Set::Unnest(array) => {
                let array = self.expr(array, scope)?;
                let element = array.ty.element().cloned().unwrap_or(Type::Null);
                let test = negate(one(self, &Typed::new("p", element))?);
                let list = format!("list_transform({}, lambda p: {test})", array.sql);
                format!("rsdbt_sys.main.{}({list})", if all { "all_of" } else { "any_of" })
            }
            Set::Query(query) => {
                let out = self.query(query, scope)?;
                let [col] = out.cols.as_slice() else {
                    return Err(SqlError::semantic("the subquery of LIKE must have one column", query.at));
                };
                let test = negate(one(self, &Typed::new("p", col.ty.clone()))?);
                let list = format!("list_transform(ARRAY({}), lambda p: {test})", out.sql);
                format!("rsdbt_sys.main.{}({list})", if all { "all_of" } else { "any_of" })
            }
        };
        Ok(Typed::new(sql, Type::Bool))
    }
}

fn sign(op: &str) -> &'static str {
    if op == "-" { "-" } else { "" }
}

fn is_zero(sql: &str) -> bool {
    !sql.split("::").next().unwrap_or("").chars().any(|c| ('1'..='9').contains(&c))
}

/// A pattern that means the same in DuckDB's LIKE.
fn simple_pattern(pattern: &str) -> bool {
    !pattern.contains('\\')
}

fn bits(op: &str, a: &Typed, b: &Typed, at: usize) -> Result<Typed> {
    let shift = matches!(op, "<<" | ">>");
    match (&a.ty, &b.ty) {
        (Type::Int64 | Type::Null, Type::Int64 | Type::Null) => {
            let (x, y) = (nullable(a), nullable(b));
            let sql = match op {
                "^" => format!("xor({x}, {y})"),
                "<<" => format!("bq_shift_left({x}, {y})"),
                ">>" => format!("bq_shift_right({x}, {y})"),
                _ => format!("({x} {op} {y})"),
            };
            Ok(Typed::new(sql, Type::Int64))
        }
        (Type::Bytes, Type::Int64) if shift => {
            let name = if op == "<<" { "bq_bytes_shift_left" } else { "bq_bytes_shift_right" };
            Ok(Typed::new(format!("{name}({}, {})", a.sql, b.sql), Type::Bytes))
        }
        (Type::Bytes, Type::Bytes) if !shift => {
            Ok(Typed::new(format!("bq_bytes_bits({}, {}, '{op}')", a.sql, b.sql), Type::Bytes))
        }
        (x, y) => {
            Err(SqlError::semantic(format!("No matching signature for operator {op} for argument types: {x}, {y}"), at))
        }
    }
}

fn nullable(value: &Typed) -> String {
    if value.is_null() { "CAST(NULL AS BIGINT)".into() } else { value.sql.clone() }
}
