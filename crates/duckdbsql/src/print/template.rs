//! Calls: the text of a row of the library with its operands filled in.

use super::code;
use super::{LONG, Printer};
use crate::types::{duck, text};
use rsdbt_googlesql::library::Function;
use rsdbt_googlesql::query::Expr;
use rsdbt_googlesql::types::Type;

/// A row that is tried: NULL where it fails.
const TRY: &str = "@try ";
/// Macros of ours repeat their arguments when DuckDB expands them.
const MACRO: &str = "rsdbt_sys.main.";

impl Printer<'_> {
    pub(super) fn call(&mut self, function: &'static Function, args: &[Expr], ty: &Type) -> String {
        let operands: Vec<&Expr> = args.iter().collect();
        if let Some(template) = function.text.strip_prefix(TRY) {
            return self.bound(&operands, |_, _| true, |p, given| format!("TRY({})", p.fill(template, given, ty)));
        }
        if let Some(code) = code::find(function.text) {
            return code(self, args, ty);
        }
        let template = function.text;
        let repeated = |i: usize| template.contains(MACRO) || uses(template, i + 1) > 1;
        self.bound(&operands, |i, text| text.len() > LONG && repeated(i), |p, given| p.fill(template, given, ty))
    }

    fn fill(&mut self, template: &str, args: &[Expr], ty: &Type) -> String {
        expand(template, |slot| self.slot(slot, args, ty))
    }

    /// What stands for a slot that every kind of row has.
    pub(super) fn slot(&mut self, slot: char, args: &[Expr], ty: &Type) -> Option<String> {
        match slot {
            '*' => Some(self.list(args)),
            'z' => Some(text(self.zone)),
            't' => Some(duck(ty)),
            _ => {
                let place = slot.to_digit(10).filter(|digit| *digit > 0)? as usize;
                Some(args.get(place - 1).map(|arg| self.expr(arg)).unwrap_or_default())
            }
        }
    }
}

/// How often a template holds an operand.
fn uses(template: &str, place: usize) -> usize {
    template.matches(&format!("${place}")).count() + template.matches("$*").count()
}

/// A template with its slots filled; a `$` that begins no slot is itself.
pub(super) fn expand(template: &str, mut slot: impl FnMut(char) -> Option<String>) -> String {
    let mut sql = String::with_capacity(template.len() + 32);
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        let filled = if c == '$' { chars.peek().copied().and_then(&mut slot) } else { None };
        match filled {
            Some(text) => {
                sql.push_str(&text);
                chars.next();
            }
            None => sql.push(c),
        }
    }
    sql
}
