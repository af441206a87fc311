//! INTERVAL: its literals and its constructor.

use super::Special;
use crate::analyze::{Analyzer, Scope};
use crate::ast::{self, Call, Ident, Kind};
use crate::query::Expr;
use crate::types::Type;
use crate::{Result, SqlError};

pub(super) const SPECIAL: &[(&str, Special)] = &[("MAKE_INTERVAL", make)];

const UNITS: &[&str] = &["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
const PARTS: &[&str] =
    &["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"];

fn make(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let mut parts = vec![Expr::int(0); UNITS.len()];
    for (i, arg) in call.args.iter().enumerate() {
        let (place, value) = match &arg.kind {
            Kind::Named(name, value) => match UNITS.iter().position(|u| u.eq_ignore_ascii_case(&name.text)) {
                Some(place) => (place, &**value),
                None => {
                    return Err(SqlError::semantic(format!("MAKE_INTERVAL has no argument {}", name.text), name.at));
                }
            },
            _ => (i, arg),
        };
        let value = t.wanted(call, value, &Type::Int64, scope)?;
        match parts.get_mut(place) {
            Some(slot) => *slot = value,
            None => return Err(SqlError::semantic("MAKE_INTERVAL has six arguments", arg.at)),
        }
    }
    Ok(t.form("$make_interval", parts, Type::Interval))
}

impl Analyzer<'_> {
    /// `INTERVAL n part` and `INTERVAL 'text' part TO part`.
    pub(in crate::analyze) fn interval(
        &mut self,
        value: &ast::Expr,
        from: &Ident,
        to: Option<&Ident>,
        scope: &Scope,
    ) -> Result<Expr> {
        let part = from.text.to_uppercase();
        let count = self.expr(value, scope)?;
        if let Some(to) = to {
            let range = Expr::text(format!("{part} TO {}", to.text.to_uppercase()));
            let text = self.convert(count, &Type::String);
            return Ok(self.form("$parse_interval", vec![text, range], Type::Interval));
        }
        if count.ty == Type::String {
            return Ok(self.form("$parse_interval", vec![count, Expr::text(part)], Type::Interval));
        }
        if count.ty.distance(&Type::Int64).is_none() {
            return Err(SqlError::semantic(format!("INTERVAL needs an INT64, this is {}", count.ty), value.at));
        }
        if !PARTS.contains(&part.as_str()) {
            return Err(SqlError::semantic(format!("{part} is not a part of an INTERVAL"), from.at));
        }
        let count = self.convert(count, &Type::Int64);
        Ok(self.form("$interval", vec![count, Expr::text(part)], Type::Interval))
    }
}
