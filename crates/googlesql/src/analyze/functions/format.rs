//! FORMAT, which takes values of any type.

use super::{Special, refused};
use crate::analyze::{Analyzer, Scope};
use crate::ast::Call;
use crate::query::Expr;
use crate::types::Type;
use crate::{Result, SqlError};

pub(super) const SPECIAL: &[(&str, Special)] = &[("FORMAT", format)];

fn format(t: &mut Analyzer<'_>, call: &Call, scope: &Scope) -> Result<Expr> {
    let mut values = t.exprs(&call.args, scope)?;
    let Some(pattern) = values.first_mut() else {
        return Err(SqlError::semantic("FORMAT needs a format string", call.at));
    };
    if pattern.ty.distance(&Type::String).is_none() {
        return Err(refused(call, &pattern.ty));
    }
    *pattern = t.convert(pattern.clone(), &Type::String);
    Ok(t.form("$format", values, Type::String))
}
