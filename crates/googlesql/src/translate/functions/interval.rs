//! INTERVAL: constructors and their parts.

use super::super::call::{Sig, Special, f};
use super::super::scope::Scope;
use super::super::{Result, Translator, Typed};
use crate::SqlError;
use crate::ast::{Call, Expr, Ident, Kind};
use crate::types::Type;

pub(super) const TABLE: &[Sig] = &[
    f("JUSTIFY_DAYS", "v", "v", "bq_justify($1, 'DAYS')"),
    f("JUSTIFY_HOURS", "v", "v", "bq_justify($1, 'HOURS')"),
    f("JUSTIFY_INTERVAL", "v", "v", "bq_justify($1, 'INTERVAL')"),
];

pub(super) const SPECIAL: &[(&str, Special)] = &[("MAKE_INTERVAL", make)];

const UNITS: &[&str] = &["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];

fn make(t: &mut Translator<'_>, call: &Call, scope: &Scope) -> Result<Typed> {
    let mut parts = vec!["0::BIGINT".to_owned(); 6];
    for (i, arg) in call.args.iter().enumerate() {
        let (at, value) = match &arg.kind {
            Kind::Named(name, value) => match UNITS.iter().position(|u| u.eq_ignore_ascii_case(&name.text)) {
                Some(at) => (at, &**value),
                None => {
                    return Err(SqlError::semantic(format!("MAKE_INTERVAL has no argument {}", name.text), name.at));
                }
            },
            _ => (i, arg),
        };
        let value = t.expr(value, scope)?;
        if let Some(slot) = parts.get_mut(at) {
            *slot = t.convert(&value, &Type::Int64);
        }
    }
    Ok(Typed::new(format!("bq_make_interval({})", parts.join(", ")), Type::Interval))
}

impl Translator<'_> {
    /// `INTERVAL n part` and `INTERVAL 'text' part TO part`.
    pub(in crate::translate) fn interval(
        &mut self,
        value: &Expr,
        from: &Ident,
        to: Option<&Ident>,
        scope: &Scope,
    ) -> Result<Typed> {
        let part = from.text.to_uppercase();
        let typed = self.expr(value, scope)?;
        if let Some(to) = to {
            let range = format!("{part} TO {}", to.text.to_uppercase());
            return Ok(Typed::new(
                format!("bq_parse_interval({}, '{range}')", self.convert(&typed, &Type::String)),
                Type::Interval,
            ));
        }
        if typed.ty == Type::String {
            return Ok(Typed::new(format!("bq_parse_interval({}, '{part}')", typed.sql), Type::Interval));
        }
        if !matches!(typed.ty, Type::Int64 | Type::Null) {
            return Err(SqlError::semantic(format!("INTERVAL needs an INT64, this is {}", typed.ty), value.at));
        }
        let count = self.convert(&typed, &Type::Int64);
        if !["YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"]
            .contains(&part.as_str())
        {
            return Err(SqlError::semantic(format!("{part} is not a part of an INTERVAL"), from.at));
        }
        Ok(Typed::new(format!("bq_interval({count}, '{part}')"), Type::Interval))
    }
}
