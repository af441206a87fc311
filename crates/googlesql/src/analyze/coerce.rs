//! Coercion and CAST: which types a value may take, and the nodes that make it so.

use super::{Analyzer, Scope};
use crate::ast::{self, Shape, TypeName};
use crate::query::{Casting, Expr, Node};
use crate::types::{Field, Type, field_names, known};
use crate::{Result, SqlError};

/// What CAST can do beyond what coerces; arrays, structs and ranges go by their parts.
const CASTS: &[(Type, &[Type])] = &[
    (Type::Int64, &[Type::Bool, Type::String]),
    (Type::Float64, &[Type::Int64, Type::Numeric, Type::BigNumeric, Type::String]),
    (Type::Numeric, &[Type::Int64, Type::String]),
    (Type::BigNumeric, &[Type::Int64, Type::Numeric, Type::String]),
    (Type::Bool, &[Type::Int64, Type::String]),
    (
        Type::String,
        &[
            Type::Bool,
            Type::Int64,
            Type::Float64,
            Type::Numeric,
            Type::BigNumeric,
            Type::Bytes,
            Type::Date,
            Type::Time,
            Type::DateTime,
            Type::Timestamp,
            Type::Interval,
        ],
    ),
    (Type::Bytes, &[Type::String]),
    (Type::Date, &[Type::String, Type::Timestamp]),
    (Type::DateTime, &[Type::String, Type::Date, Type::Time, Type::Timestamp]),
    (Type::Timestamp, &[Type::String, Type::Date, Type::Time, Type::DateTime]),
    (Type::Time, &[Type::String]),
    (Type::Interval, &[Type::String]),
];

/// Whether a value of one type can be cast to another.
pub(super) fn castable(from: &Type, to: &Type) -> bool {
    if from == to || from.distance(to).is_some() {
        return true;
    }
    match (from, to) {
        (Type::Array(a), Type::Array(b)) => castable(a, b),
        (Type::Struct(a), Type::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| castable(&x.ty, &y.ty))
        }
        (Type::Range(_), Type::String) => true,
        _ => CASTS.iter().any(|(a, list)| a == from && list.contains(to)),
    }
}

impl Analyzer<'_> {
    /// An implicit coercion that is known to be allowed. Constants take the type themselves.
    pub(super) fn convert(&self, value: Expr, to: &Type) -> Expr {
        if value.ty == *to {
            return self.plain(value);
        }
        if value.ty == Type::Unknown || *to == Type::Unknown {
            return value;
        }
        match (value.node, to) {
            // a constructor takes the type part by part, so that constants inside it bend
            (Node::Struct(parts), Type::Struct(fields)) if parts.len() == fields.len() => {
                let converted = parts.into_iter().zip(fields).map(|((_, part), field)| self.convert(part, &field.ty));
                Expr::new(Node::Struct(field_names(fields).into_iter().zip(converted).collect()), to.clone())
            }
            (node, _) => {
                let value = Expr::new(node, value.ty);
                Expr::new(Node::Cast(Box::new(value), Casting { implicit: true, zone: None }), to.clone())
            }
        }
    }

    /// A value with its type settled: an untyped NULL is an INT64.
    pub(super) fn plain(&self, value: Expr) -> Expr {
        let ty = known(&value.ty);
        if ty == value.ty { value } else { self.convert(value, &ty) }
    }

    /// CAST of a value. Errors: the types do not allow it.
    pub(super) fn cast_value(&self, value: Expr, to: &Type, at: usize) -> Result<Expr> {
        if let (Node::Text(content), Type::Range(inner)) = (&value.node, to) {
            return self.range_literal(content, inner, at);
        }
        if value.is_empty_array() || value.ty == Type::Unknown {
            return Ok(self.convert(value, to));
        }
        if value.is_null() {
            return Ok(Expr::new(Node::Cast(Box::new(value), Casting::default()), to.clone()));
        }
        if !castable(&value.ty, to) {
            return Err(SqlError::semantic(format!("Invalid cast from {} to {to}", value.ty), at));
        }
        // a constant that is cast bends no more
        if value.ty == *to && !value.bends() {
            return Ok(value);
        }
        Ok(Expr::new(Node::Cast(Box::new(value), Casting::default()), to.clone()))
    }

    pub(super) fn cast_expr(
        &mut self,
        inner: &ast::Expr,
        name: &TypeName,
        safe: bool,
        extra: (Option<&ast::Expr>, Option<&ast::Expr>),
        scope: &Scope,
    ) -> Result<Expr> {
        let to = self.ty(name)?;
        let value = self.expr(inner, scope)?;
        let (format, zone) = extra;
        let mut result = match format {
            Some(format) => {
                let format = self.expr(format, scope)?;
                let zone = zone.map(|zone| self.expr(zone, scope)).transpose()?.unwrap_or_else(|| self.zone());
                let [format, zone] = [format, zone].map(|text| self.convert(text, &Type::String));
                self.cast_format(value, &to, (format, zone), inner.at)?
            }
            None => self.cast_value(value, &to, inner.at)?,
        };
        if let (Some(zone), None) = (zone, format) {
            let zone = self.expr(zone, scope)?;
            if let Node::Cast(_, casting) = &mut result.node {
                casting.zone = Some(Box::new(zone));
            }
        }
        result = fit(self, result, name);
        Ok(if safe { Expr { ty: result.ty.clone(), node: Node::Safe(Box::new(result)) } } else { result })
    }

    fn cast_format(&mut self, value: Expr, to: &Type, (format, zone): (Expr, Expr), at: usize) -> Result<Expr> {
        use Type::*;
        match (&value.ty, to) {
            (Int64 | Numeric | BigNumeric | Float64, String) => {
                Err(SqlError::unsupported(format!("CAST({} AS {to} FORMAT ...)", value.ty), at)
                    .help("FORMAT('%...', x) is supported"))
            }
            (Timestamp, String) => Ok(self.form("$cast_format_timestamp", vec![value, format, zone], String)),
            (Date | DateTime, String) => {
                let what = Expr::text(value.ty.to_string());
                let value = self.convert(value, &DateTime);
                Ok(self.form("$cast_format", vec![value, format, what], String))
            }
            (Time, String) => Ok(self.form("$cast_format_time", vec![value, format], String)),
            (String, Timestamp) => Ok(self.form("$cast_parse_timestamp", vec![value, format, zone], Timestamp)),
            (String, Date) => Ok(self.form("$cast_parse_date", vec![value, format], Date)),
            (String, DateTime) => Ok(self.form("$cast_parse_datetime", vec![value, format], DateTime)),
            (String, Time) => Ok(self.form("$cast_parse_time", vec![value, format], Time)),
            (Bytes, String) => Ok(self.form("$cast_bytes_text", vec![value, format], to.clone())),
            (String, Bytes) => Ok(self.form("$cast_text_bytes", vec![value, format], to.clone())),
            (Null, _) => Ok(self.convert(value, to)),
            (from, to) => Err(SqlError::semantic(format!("CAST from {from} to {to} with FORMAT is not possible"), at)),
        }
    }

    /// The type that all values coerce to; constants bend to the others.
    pub(super) fn common_of(&self, values: &[(Expr, usize)]) -> Result<Type> {
        if let Some(fields) = self.common_fields(values) {
            return fields.map(Type::Struct);
        }
        let mut ty = Type::Null;
        for pass in [true, false] {
            for (value, at) in values.iter().filter(|(v, _)| v.bends() != pass) {
                let bends_to = matches!(value.node, Node::Float(_)) && matches!(ty, Type::Numeric | Type::BigNumeric);
                if !pass && (bends_to || self.literal_fits(value, &ty)) {
                    continue;
                }
                ty = ty.common(&value.ty).ok_or_else(|| {
                    SqlError::semantic(format!("the types {ty} and {} do not fit together", value.ty), *at)
                })?;
            }
        }
        Ok(ty)
    }

    /// The common fields of values that are all struct constructors of one size: field by field.
    fn common_fields(&self, values: &[(Expr, usize)]) -> Option<Result<Vec<Field>>> {
        let parts: Option<Vec<_>> = values
            .iter()
            .map(|(value, at)| match (&value.node, &value.ty) {
                (Node::Struct(parts), Type::Struct(fields)) => Some((parts, fields, *at)),
                _ => None,
            })
            .collect();
        let parts = parts.filter(|parts| parts.len() > 1)?;
        let (first, fields, _) = parts.first()?;
        if parts.iter().any(|(own, ..)| own.len() != first.len()) {
            return None;
        }
        let field = |i: usize| {
            let column: Vec<(Expr, usize)> = parts.iter().map(|(own, _, at)| (own[i].1.clone(), *at)).collect();
            Ok(Field { name: fields[i].name.clone(), ty: self.common_of(&column)? })
        };
        Some((0..first.len()).map(field).collect())
    }

    /// Whether a constant may take a type although its own does not coerce.
    pub(super) fn literal_fits(&self, value: &Expr, to: &Type) -> bool {
        match &value.node {
            Node::Text(_) => matches!(to, Type::Date | Type::DateTime | Type::Timestamp | Type::Time),
            Node::Float(_) => matches!(to, Type::Numeric | Type::BigNumeric),
            Node::Array(items) if value.is_empty_array() => items.is_empty() && matches!(to, Type::Array(_)),
            Node::Struct(parts) => match to {
                Type::Struct(fields) => {
                    parts.len() == fields.len()
                        && parts.iter().zip(fields).all(|((_, part), field)| self.fits(part, &field.ty))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a value may stand where a type is wanted.
    pub(super) fn fits(&self, value: &Expr, to: &Type) -> bool {
        value.ty.distance(to).is_some() || self.literal_fits(value, to)
    }

    /// A value for a column: BigQuery's assignment coercion, or why not.
    pub(super) fn assign(&self, value: Expr, ty: &Type, at: usize) -> Result<Expr> {
        if matches!(value.node, Node::Default) || value.ty == Type::Unknown {
            return Ok(value);
        }
        if value.ty.distance(ty).is_some() {
            return Ok(self.convert(value, ty));
        }
        let narrower = matches!(
            (&value.ty, ty),
            (Type::Float64, Type::Numeric | Type::BigNumeric)
                | (Type::BigNumeric, Type::Numeric)
                | (Type::Struct(_), Type::Struct(_))
                | (Type::Array(_), Type::Array(_))
        );
        if self.literal_fits(&value, ty) || narrower {
            return self.cast_value(value, ty, at);
        }
        Err(SqlError::semantic(
            format!("Value has type {} which cannot be inserted into column of type {ty}", value.ty),
            at,
        ))
    }
}

/// `STRING(5)`, `NUMERIC(10, 2)`: the value held to the parameters of its type, also inside of arrays and structs.
pub(super) fn fit(t: &mut Analyzer<'_>, value: Expr, name: &TypeName) -> Expr {
    if !has_parameters(name) {
        return value;
    }
    match (&name.shape, value.ty.clone()) {
        (Shape::Plain(..), ty) => Expr { ty, node: Node::Fit(Box::new(value), limits(name)) },
        (Shape::Array(inner), Type::Array(element)) => {
            let local = t.fresh("x");
            let item = fit(t, Expr::new(Node::Local(local.clone()), (*element).clone()), inner);
            let lambda = Expr::new(Node::Lambda(vec![local], Box::new(item)), *element);
            let ty = value.ty.clone();
            t.form("$transform", vec![value, lambda], ty)
        }
        (Shape::Struct(parts), Type::Struct(fields)) if parts.len() == fields.len() => {
            let mut list = Vec::new();
            for ((phys, field), (_, part)) in field_names(&fields).into_iter().zip(&fields).zip(parts) {
                let inner = value.clone().field(&phys, field.ty.clone());
                list.push((phys, fit(t, inner, part)));
            }
            let ty = value.ty.clone();
            let there = t.form("$is_not_null", vec![value], Type::Bool);
            Expr::new(Node::Case(vec![(there, Expr::new(Node::Struct(list), ty.clone()))], None), ty)
        }
        _ => value,
    }
}

/// The numbers in the brackets of a type that has a length, or precision and scale.
pub(super) fn limits(name: &TypeName) -> Vec<u32> {
    match &name.shape {
        Shape::Plain(_, params) if has_parameters(name) => params.iter().map_while(|p| p.parse().ok()).collect(),
        _ => Vec::new(),
    }
}

fn has_parameters(name: &TypeName) -> bool {
    match &name.shape {
        Shape::Plain(word, params) => {
            let limited = ["STRING", "BYTES", "NUMERIC", "DECIMAL", "BIGNUMERIC", "BIGDECIMAL"];
            !params.is_empty() && limited.iter().any(|known| known.eq_ignore_ascii_case(word))
        }
        Shape::Array(inner) => has_parameters(inner),
        Shape::Struct(parts) => parts.iter().any(|(_, part)| has_parameters(part)),
        Shape::Range(_) => false,
    }
}
