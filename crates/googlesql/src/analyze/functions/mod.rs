//! Functions with a grammar or a type rule of their own, one file a family. They settle their arguments and call a form
//! of the library; all other functions are rows of it. No engine is named here.

mod array;
mod conditional;
mod datetime;
mod extract;
mod format;
mod interval;
mod json;
mod range;
mod string;

use super::{Analyzer, Scope};
use crate::ast::{self, Call, Kind};
use crate::query::{Expr, Node};
use crate::types::Type;
use crate::{Result, SqlError};

pub(super) type Special = fn(&mut Analyzer<'_>, &Call, &Scope) -> Result<Expr>;
type Specials = &'static [(&'static str, Special)];

const SPECIALS: &[Specials] = &[
    array::SPECIAL,
    conditional::SPECIAL,
    datetime::SPECIAL,
    format::SPECIAL,
    interval::SPECIAL,
    json::SPECIAL,
    range::SPECIAL,
    string::SPECIAL,
];

/// BigQuery functions that are known to be missing, so that the message says so.
pub(super) const KNOWN_MISSING: &[&str] = &[
    "SEARCH",
    "BAG_OF_WORDS",
    "TEXT_ANALYZE",
    "TF_IDF",
    "VECTOR_INDEX.STATISTICS",
    "EXTERNAL_OBJECT_TRANSFORM",
    "PARSE_JSON_NUMBER",
    "FLATTEN",
];

pub(super) fn special(name: &str) -> Option<Special> {
    SPECIALS.iter().flat_map(|table| table.iter()).find(|(known, _)| *known == name).map(|(_, special)| *special)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SPECIALS.iter().flat_map(|table| table.iter()).map(|(name, _)| *name)
}

/// A value that could not be analyzed, because an argument could not.
fn unknown() -> Expr {
    Expr::new(Node::Null, Type::Unknown)
}

fn count(call: &Call, counts: std::ops::RangeInclusive<usize>) -> Result<()> {
    if counts.contains(&call.args.len()) {
        return Ok(());
    }
    let name = call.name.to_uppercase();
    Err(SqlError::semantic(format!("wrong number of arguments for function {name}"), call.at))
}

/// The refusal of a type of an argument.
fn refused(call: &Call, ty: &Type) -> SqlError {
    let name = call.name.to_uppercase();
    SqlError::semantic(format!("No matching signature for function {name} for argument type {ty}"), call.at)
}

/// The arguments without a name, and those with one.
fn split_named(args: &[ast::Expr]) -> (Vec<&ast::Expr>, Vec<(&str, &ast::Expr)>) {
    let (mut plain, mut named) = (Vec::new(), Vec::new());
    for arg in args {
        match &arg.kind {
            Kind::Named(name, value) => named.push((name.text.as_str(), &**value)),
            _ => plain.push(arg),
        }
    }
    (plain, named)
}

impl Analyzer<'_> {
    /// The values with their places.
    fn placed(&mut self, args: &[ast::Expr], scope: &Scope) -> Result<Vec<(Expr, usize)>> {
        args.iter().map(|arg| Ok((self.expr(arg, scope)?, arg.at))).collect()
    }

    /// An argument that must take a type.
    fn wanted(&mut self, call: &Call, arg: &ast::Expr, ty: &Type, scope: &Scope) -> Result<Expr> {
        let value = self.expr(arg, scope)?;
        if self.fits(&value, ty) { Ok(self.convert(value, ty)) } else { Err(refused(call, &value.ty)) }
    }
}
