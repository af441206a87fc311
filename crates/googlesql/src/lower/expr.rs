//! Expressions.

use super::{Low, Lower, Refused, end, only, refuse, start};
use crate::ast::{Body, Expr, Kind, Query, Set, Shape};
use crate::parse::chain;
use sqlparser::ast::{
    self as theirs, AccessExpr, BinaryOperator, CastFormat, CastKind, DataType, DateTimeField, ExtractSyntax, Interval,
    Spanned, Subscript, TypedString, UnaryOperator, Value, ValueWithSpan,
};

/// Types whose name may stand before a string.
const TYPED_LITERALS: &[&str] =
    &["DATE", "DATETIME", "TIMESTAMP", "TIME", "NUMERIC", "BIGNUMERIC", "DECIMAL", "BIGDECIMAL", "JSON"];

impl Lower<'_> {
    pub(super) fn exprs(&self, values: &[theirs::Expr]) -> Low<Vec<Expr>> {
        values.iter().map(|value| self.expr(value)).collect()
    }

    pub(super) fn boxed(&self, value: &theirs::Expr) -> Low<Box<Expr>> {
        self.expr(value).map(Box::new)
    }

    pub(super) fn expr(&self, value: &theirs::Expr) -> Low<Expr> {
        use theirs::Expr as E;
        match value {
            E::Identifier(ident) => self.name(ident),
            E::CompoundIdentifier(idents) => self.compound(idents),
            E::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            E::Value(literal) => literal_expr(literal),
            E::TypedString(typed) => self.typed(typed),
            E::Nested(inner) => self.nested(inner),
            E::UnaryOp { op, expr } => self.unary(op, expr),
            E::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or | BinaryOperator::StringConcat, .. } => {
                self.chain(value)
            }
            E::BinaryOp { left, op, right } => {
                let op = binary(op)?;
                let (left, right) = (self.boxed(left)?, self.boxed(right)?);
                Ok(Expr { at: left.at, end: right.end, kind: Kind::Binary(op, left, right) })
            }
            E::Function(function) => self.function(function),
            E::Case { case_token, end_token, operand, conditions, else_result } => {
                let operand = operand.as_ref().map(|value| self.boxed(value)).transpose()?;
                let when = |when: &theirs::CaseWhen| Ok((self.expr(&when.condition)?, self.expr(&when.result)?));
                let whens = conditions.iter().map(when).collect::<Low<_>>()?;
                let otherwise = else_result.as_ref().map(|value| self.boxed(value)).transpose()?;
                let (at, end) = (start(case_token.0.span), end(end_token.0.span));
                Ok(Expr { at, end, kind: Kind::Case { operand, whens, otherwise } })
            }
            E::Cast { kind, expr, data_type, format } => self.cast(kind, expr, data_type, format.as_ref()),
            E::Extract { field, syntax: ExtractSyntax::From, expr } => self.extract(field, expr),
            E::Interval(interval) => self.interval(interval),
            E::Exists { .. } | E::Subquery(_) => self.subquery(value),
            E::Tuple(_) | E::Struct { .. } | E::Array(_) => self.constructor(value),
            predicate => self.predicate(predicate),
        }
    }

    /// All terms of `a AND b AND c`, which lean to the left here.
    fn chain(&self, value: &theirs::Expr) -> Low<Expr> {
        let (mut first, mut terms, mut word) = (value, Vec::new(), None);
        while let theirs::Expr::BinaryOp { left, op, right } = first
            && word.is_none_or(|word| word == op)
        {
            word = Some(op);
            terms.push(right.as_ref());
            first = left;
        }
        terms.push(first);
        let op = binary(word.ok_or(Refused("a chain without operator"))?)?;
        let terms = terms.into_iter().rev().map(|term| self.expr(term)).collect::<Low<_>>()?;
        chain::exprs(op, terms).ok_or(Refused("a chain without terms"))
    }

    /// Brackets leave no node, but for those around a query in brackets, which are a query themselves.
    fn nested(&self, inner: &theirs::Expr) -> Low<Expr> {
        let query = matches!(inner, theirs::Expr::Subquery(_) | theirs::Expr::Nested(_));
        let Expr { at, end, kind } = self.expr(inner)?;
        let at = self.back(at, &["("]);
        let kind = match kind {
            Kind::Query(inner) if query => Kind::Query(Box::new(Query::of(Body::Query(inner), at + 1))),
            kind => kind,
        };
        Ok(Expr { at, end, kind })
    }

    fn name(&self, ident: &theirs::Ident) -> Low<Expr> {
        let name = self.ident(ident)?;
        let plain = ident.quote_style.is_none();
        let kind = if plain && name.text.eq_ignore_ascii_case("DEFAULT") {
            Kind::Default
        } else {
            only(!plain || !super::reserved(&name.text), "a reserved word as a name")?;
            Kind::Name(name)
        };
        Ok(Expr { at: start(ident.span), end: end(ident.span), kind })
    }

    fn compound(&self, idents: &[theirs::Ident]) -> Low<Expr> {
        let (first, rest) = idents.split_first().ok_or(Refused("a name without parts"))?;
        let mut value = self.name(first)?;
        only(matches!(value.kind, Kind::Name(_)), "a field of DEFAULT")?;
        for ident in rest {
            let kind = Kind::Field(Box::new(value), self.ident(ident)?);
            value = Expr { at: start(first.span), end: end(ident.span), kind };
        }
        Ok(value)
    }

    fn access(&self, root: &theirs::Expr, chain: &[AccessExpr]) -> Low<Expr> {
        let mut value = self.expr(root)?;
        let at = value.at;
        for step in chain {
            let kind = match step {
                AccessExpr::Dot(theirs::Expr::Identifier(field)) => Kind::Field(Box::new(value), self.ident(field)?),
                AccessExpr::Subscript(Subscript::Index { index }) => Kind::Index(Box::new(value), self.boxed(index)?),
                AccessExpr::Dot(_) | AccessExpr::Subscript(Subscript::Slice { .. }) => return refuse("an access"),
            };
            value = Expr { at, end: end(step.span()), kind };
        }
        Ok(value)
    }

    fn typed(&self, typed: &TypedString) -> Low<Expr> {
        let TypedString { data_type, value, uses_odbc_syntax } = typed;
        only(!uses_odbc_syntax, "an ODBC literal")?;
        let Kind::Text(text) = literal_expr(value)?.kind else { return refuse("a typed literal that is no string") };
        let at = self.tokens[self.index(start(value.span)).saturating_sub(1)].at;
        let ty = self.type_name(data_type, at)?;
        let known = matches!(&ty.shape, Shape::Plain(name, params) if params.is_empty() && TYPED_LITERALS.contains(&name.as_str()));
        only(known, "a literal of this type")?;
        Ok(Expr { at, end: end(value.span), kind: Kind::Typed(ty, text) })
    }

    fn unary(&self, op: &UnaryOperator, inner: &theirs::Expr) -> Low<Expr> {
        let (op, sign) = match op {
            UnaryOperator::Minus => ("-", "-"),
            UnaryOperator::Plus => ("+", "+"),
            UnaryOperator::BitwiseNot => ("~", "~"),
            UnaryOperator::Not => ("NOT", "NOT"),
            _ => return refuse("an operator"),
        };
        let inner = self.expr(inner)?;
        let (at, end) = (self.back(inner.at, &[sign]), inner.end);
        let kind = match (op, inner.kind) {
            ("-", Kind::Int(text)) if !text.starts_with('-') => Kind::Int(format!("-{text}")),
            ("-", Kind::Float(text)) if !text.starts_with('-') => Kind::Float(format!("-{text}")),
            (_, kind) => Kind::Unary(op, Box::new(Expr { kind, ..inner })),
        };
        Ok(Expr { at, end, kind })
    }

    fn cast(
        &self,
        kind: &CastKind,
        value: &theirs::Expr,
        data_type: &DataType,
        format: Option<&CastFormat>,
    ) -> Low<Expr> {
        if *kind == CastKind::DoubleColon {
            return self.typed_array(value, data_type);
        }
        let safe = match kind {
            CastKind::Cast => false,
            CastKind::SafeCast => true,
            CastKind::TryCast | CastKind::DoubleColon => return refuse("TRY_CAST"),
        };
        let value = self.boxed(value)?;
        let to = self.type_name(data_type, self.behind(value.end, "AS"))?;
        let at = self.back(value.at, &["CAST", "SAFE_CAST"]);
        let (format, zone) = match format {
            None => (None, None),
            Some(CastFormat::Value(format)) => (Some(Box::new(literal_expr(format)?)), None),
            Some(CastFormat::ValueAtTimeZone(format, zone)) => {
                (Some(Box::new(literal_expr(format)?)), Some(Box::new(literal_expr(zone)?)))
            }
        };
        Ok(Expr { at, end: value.end, kind: Kind::Cast { value, to, safe, format, zone } })
    }

    /// How `parse::dialect` hands over `ARRAY<type>[...]`.
    fn typed_array(&self, value: &theirs::Expr, data_type: &DataType) -> Low<Expr> {
        let array = self.expr(value)?;
        let Kind::Array { element: None, items } = array.kind else { return refuse("a `::` cast") };
        let Shape::Array(element) = self.type_name(data_type, array.at)?.shape else { return refuse("a `::` cast") };
        Ok(Expr { kind: Kind::Array { element: Some(*element), items }, ..array })
    }

    fn extract(&self, field: &DateTimeField, value: &theirs::Expr) -> Low<Expr> {
        let (value, zone) = match value {
            theirs::Expr::AtTimeZone { timestamp, time_zone } => (timestamp.as_ref(), Some(self.boxed(time_zone)?)),
            value => (value, None),
        };
        let from = self.boxed(value)?;
        let at = self.back(from.at, &["EXTRACT"]);
        let part = match field {
            DateTimeField::Week(Some(day)) => {
                let day = self.name(day)?;
                let name = self.spelled("WEEK", at);
                let call = crate::ast::Call { name: name.text, at: name.at, args: vec![day], ..Default::default() };
                Expr { at: name.at, end: name.at, kind: Kind::Call(Box::new(call)) }
            }
            field => {
                let name = self.spelled(&field.to_string(), at);
                Expr { at: name.at, end: name.at + name.text.len(), kind: Kind::Name(name) }
            }
        };
        Ok(Expr { at, end: from.end, kind: Kind::Extract { part: Box::new(part), from, zone } })
    }

    fn interval(&self, interval: &Interval) -> Low<Expr> {
        let Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } = interval;
        only(leading_precision.is_none() && fractional_seconds_precision.is_none(), "the precision of an interval")?;
        let value = self.boxed(value)?;
        let unit = |field: &DateTimeField, at| match field {
            DateTimeField::Week(Some(_)) => refuse("WEEK(day) of an interval"),
            field => Ok(self.spelled(&field.to_string(), at)),
        };
        let from = unit(leading_field.as_ref().ok_or(Refused("an interval without unit"))?, value.end)?;
        let to = last_field.as_ref().map(|field| unit(field, from.at + from.text.len())).transpose()?;
        let at = self.back(value.at, &["INTERVAL"]);
        Ok(Expr { at, end: from.at + from.text.len(), kind: Kind::Interval { value, from, to } })
    }

    fn subquery(&self, value: &theirs::Expr) -> Low<Expr> {
        match value {
            theirs::Expr::Subquery(query) => {
                let query = self.query(query)?;
                let at = self.back(query.at, &["("]);
                Ok(Expr { at, end: query.at, kind: Kind::Query(Box::new(query)) })
            }
            theirs::Expr::Exists { subquery, negated } => {
                let query = self.query(subquery)?;
                let at = self.back(query.at, &["EXISTS"]);
                let exists = Expr { at, end: query.at, kind: Kind::Exists(Box::new(query)) };
                if !negated {
                    return Ok(exists);
                }
                Ok(Expr { at: self.back(at, &["NOT"]), end: exists.end, kind: Kind::Unary("NOT", Box::new(exists)) })
            }
            _ => refuse("an expression"),
        }
    }

    /// Arrays and structs.
    fn constructor(&self, value: &theirs::Expr) -> Low<Expr> {
        let (word, fallback, kind) = match value {
            theirs::Expr::Tuple(items) => {
                let items = items.iter().map(|item| Ok((self.expr(item)?, None))).collect::<Low<_>>()?;
                ("(", value.span(), Kind::Struct { fields: None, items })
            }
            theirs::Expr::Array(theirs::Array { elem, named }) => {
                let items = self.exprs(elem)?;
                (if *named { "ARRAY" } else { "[" }, value.span(), Kind::Array { element: None, items })
            }
            theirs::Expr::Struct { values, fields } => {
                let item = |item: &theirs::Expr| match item {
                    theirs::Expr::Named { expr, name } => Ok((self.expr(expr)?, Some(self.ident(name)?))),
                    plain => Ok((self.expr(plain)?, None)),
                };
                let items: Vec<_> = values.iter().map(item).collect::<Low<_>>()?;
                let first = items.first().map_or(0, |(value, _): &(Expr, _)| value.at);
                let at = self.back(first, &["STRUCT"]);
                let fields = if fields.is_empty() { None } else { Some(self.struct_fields(fields, at)?) };
                return Ok(Expr { at, end: first, kind: Kind::Struct { fields, items } });
            }
            _ => return refuse("a constructor"),
        };
        Ok(Expr { at: self.back(start(fallback), &[word]), end: end(fallback), kind })
    }

    fn predicate(&self, value: &theirs::Expr) -> Low<Expr> {
        use theirs::Expr as E;
        let is =
            |value: &theirs::Expr, what: &'static str, not: bool| self.boxed(value).map(|value| (value, what, not));
        let (value, what, not) = match value {
            E::IsNull(value) => is(value, "NULL", false)?,
            E::IsNotNull(value) => is(value, "NULL", true)?,
            E::IsTrue(value) => is(value, "TRUE", false)?,
            E::IsNotTrue(value) => is(value, "TRUE", true)?,
            E::IsFalse(value) => is(value, "FALSE", false)?,
            E::IsNotFalse(value) => is(value, "FALSE", true)?,
            E::IsUnknown(value) => is(value, "UNKNOWN", false)?,
            E::IsNotUnknown(value) => is(value, "UNKNOWN", true)?,
            other => return self.comparison(other),
        };
        Ok(Expr { at: value.at, end: value.end, kind: Kind::Is { value, what, not } })
    }

    fn comparison(&self, value: &theirs::Expr) -> Low<Expr> {
        use theirs::Expr as E;
        let (at, kind) = match value {
            E::IsDistinctFrom(left, right) | E::IsNotDistinctFrom(left, right) => {
                let not = matches!(value, E::IsNotDistinctFrom(..));
                let left = self.boxed(left)?;
                (left.at, Kind::IsDistinct { left, right: self.boxed(right)?, not })
            }
            E::Between { expr, negated, low, high } => {
                let value = self.boxed(expr)?;
                (value.at, Kind::Between { value, low: self.boxed(low)?, high: self.boxed(high)?, not: *negated })
            }
            E::InList { expr, list, negated } => self.in_set(expr, Set::Items(self.exprs(list)?), *negated)?,
            E::InSubquery { expr, subquery, negated } => {
                self.in_set(expr, Set::Query(Box::new(self.query(subquery)?)), *negated)?
            }
            E::InUnnest { expr, array_expr, negated } => {
                self.in_set(expr, Set::Unnest(self.boxed(array_expr)?), *negated)?
            }
            E::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let quantified = matches!(pattern.as_ref(), E::Function(f) if super::reserved(&f.name.to_string()));
                only(!quantified, "LIKE ANY | SOME | ALL")?;
                let value = self.boxed(expr)?;
                let set = Set::Items(vec![self.expr(pattern)?]);
                (value.at, Kind::Like { value, quantifier: None, set, not: *negated })
            }
            _ => return refuse("an expression of another language"),
        };
        Ok(Expr { at, end: end(value.span()), kind })
    }

    fn in_set(&self, value: &theirs::Expr, set: Set, not: bool) -> Low<(usize, Kind)> {
        let empty = matches!(&set, Set::Items(items) if items.is_empty());
        only(!empty, "an empty IN list")?;
        let value = self.boxed(value)?;
        Ok((value.at, Kind::In { value, set, not }))
    }
}

pub(super) fn literal_expr(literal: &ValueWithSpan) -> Low<Expr> {
    let kind = match &literal.value {
        Value::Number(text, false) => {
            let float = text.contains(['.', 'e', 'E']);
            if float { Kind::Float(text.clone()) } else { Kind::Int(text.clone()) }
        }
        Value::SingleQuotedString(text) => Kind::Text(text.clone()),
        Value::HexStringLiteral(digits) => Kind::Bytes(bytes(digits)?),
        Value::Boolean(value) => Kind::Bool(*value),
        Value::Null => Kind::Null,
        Value::Placeholder(name) => match name.strip_prefix("@@") {
            Some(system) => Kind::System(system.to_owned()),
            None => Kind::Param(name.strip_prefix('@').unwrap_or_default().to_owned()),
        },
        _ => return refuse("a literal"),
    };
    Ok(Expr { at: start(literal.span), end: end(literal.span), kind })
}

fn bytes(digits: &str) -> Low<Vec<u8>> {
    let byte = |n: usize| digits.get(n..n + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..digits.len()).step_by(2).map(byte).collect::<Option<_>>().ok_or(Refused("a bytes literal"))
}

fn binary(op: &BinaryOperator) -> Low<&'static str> {
    Ok(match op {
        BinaryOperator::Plus => "+",
        BinaryOperator::Minus => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::StringConcat => "||",
        BinaryOperator::Gt => ">",
        BinaryOperator::Lt => "<",
        BinaryOperator::GtEq => ">=",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "!=",
        BinaryOperator::And => "AND",
        BinaryOperator::Or => "OR",
        BinaryOperator::BitwiseOr => "|",
        BinaryOperator::BitwiseAnd => "&",
        BinaryOperator::BitwiseXor => "^",
        BinaryOperator::PGBitwiseShiftLeft => "<<",
        BinaryOperator::PGBitwiseShiftRight => ">>",
        _ => return refuse("an operator"),
    })
}
