//! The settings of an ML function: the fields of its STRUCT and its named arguments, each with its type. A name that the
//! function does not know is refused.

use super::refuse;
use rsdbt_base::closest;
use rsdbt_duckdbsql::print_expr;
use rsdbt_googlesql::Result;
use rsdbt_googlesql::analyze::ModelCall;
use rsdbt_googlesql::query::{Expr, Node};
use rsdbt_googlesql::types::Type;

pub(super) struct Settings<'c> {
    function: &'static str,
    call: &'c ModelCall,
    zone: &'c str,
}

impl<'c> Settings<'c> {
    /// Errors: a name that is not `known`, or a name twice.
    pub fn read(function: &'static str, known: &[&str], call: &'c ModelCall, zone: &'c str) -> Result<Settings<'c>> {
        for (i, (name, _)) in call.settings.iter().enumerate() {
            let shown = if name.is_empty() { "an array or a setting without a name" } else { name.as_str() };
            if !known.contains(&name.as_str()) {
                let error = refuse(format!("{shown} is no argument of {function}"), call.at);
                return Err(match closest(name, known.iter().copied()) {
                    Some(near) if !near.is_empty() => error.help(format!("did you mean {near}?")),
                    _ => error,
                });
            }
            if call.settings[..i].iter().any(|(earlier, _)| earlier == name) {
                return Err(refuse(format!("{shown} is given twice"), call.at));
            }
        }
        Ok(Settings { function, call, zone })
    }

    fn get(&self, name: &str) -> Option<&'c Expr> {
        self.call.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn given(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name).map(|value| &value.node) {
            None => Ok(default),
            Some(Node::Bool(value)) => Ok(*value),
            Some(_) => Err(self.wrong(name, "TRUE or FALSE")),
        }
    }

    /// A number as DuckDB text; it may be a variable or an expression.
    pub fn number(&self, name: &str, default: &str) -> Result<String> {
        match self.get(name) {
            None => Ok(default.to_owned()),
            Some(value) if value.ty.is_number() => Ok(format!("CAST({} AS DOUBLE)", print_expr(value, self.zone))),
            Some(_) => Err(self.wrong(name, "a number")),
        }
    }

    /// A number that is written as one, from `low` to `high`.
    pub fn constant(&self, name: &str, (low, high): (f64, f64)) -> Result<Option<f64>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = match &value.node {
            Node::Int(value) => Some(*value as f64),
            Node::Float(digits) => digits.parse().ok(),
            Node::Cast(inner, _) => match &inner.node {
                Node::Int(value) => Some(*value as f64),
                Node::Float(digits) => digits.parse().ok(),
                _ => None,
            },
            _ => None,
        };
        match found.filter(|value| (low..=high).contains(value)) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(name, &format!("a constant from {low} to {high}"))),
        }
    }

    /// The array of numbers that has no name, as DuckDB text.
    pub fn array(&self) -> Result<Option<String>> {
        let Some(value) = self.get("") else { return Ok(None) };
        match &value.ty {
            Type::Array(item) if item.is_number() => {
                Ok(Some(format!("CAST({} AS DOUBLE[])", print_expr(value, self.zone))))
            }
            _ => Err(refuse(format!("the array of {} must be of numbers", self.function), self.call.at)),
        }
    }

    fn wrong(&self, name: &str, what: &str) -> rsdbt_googlesql::SqlError {
        refuse(format!("{name} of {} must be {what}", self.function), self.call.at)
    }
}
