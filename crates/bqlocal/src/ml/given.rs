//! The values of OPTIONS as constants.

use rsdbt_bqml::options::Literal;
use rsdbt_googlesql::ast::{Expr, Kind};
use rsdbt_warehouse::Value;

/// A value that is written as a constant; `None` for one that has to be computed.
pub(in super::super) fn literal(value: &Expr) -> Option<Literal> {
    Some(match &value.kind {
        Kind::Null => Literal::Null,
        Kind::Bool(value) => Literal::Bool(*value),
        Kind::Int(digits) => Literal::Int(digits.parse().ok()?),
        Kind::Float(digits) => Literal::Float(digits.parse().ok()?),
        Kind::Text(text) => Literal::Text(text.clone()),
        Kind::Unary("-", inner) => match literal(inner)? {
            Literal::Int(value) => Literal::Int(-value),
            Literal::Float(value) => Literal::Float(-value),
            _ => return None,
        },
        Kind::Array { items, .. } => Literal::List(items.iter().map(literal).collect::<Option<_>>()?),
        Kind::Struct { items, .. } => {
            let field = |(value, name): &(Expr, Option<rsdbt_googlesql::ast::Ident>)| {
                Some((name.as_ref().map(|n| n.text.clone()).unwrap_or_default(), literal(value)?))
            };
            Literal::Struct(items.iter().map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// A computed value as a constant; `None` for types that no option has.
pub(in super::super) fn constant(value: Value) -> Option<Literal> {
    Some(match value {
        Value::Null => Literal::Null,
        Value::Bool(value) => Literal::Bool(value),
        Value::Int(value) => Literal::Int(value.try_into().ok()?),
        Value::Float(value) => Literal::Float(value),
        Value::Decimal(digits) => Literal::Float(digits.parse().ok()?),
        Value::Text(text) => Literal::Text(text),
        Value::Timestamp(micros) => Literal::Time(micros),
        Value::List(items) => Literal::List(items.into_iter().map(constant).collect::<Option<_>>()?),
        Value::Struct(fields) => {
            let field = |(name, value)| Some((name, constant(value)?));
            Literal::Struct(fields.into_iter().map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
