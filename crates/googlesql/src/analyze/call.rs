//! Function calls: overloads chosen by their signatures, special forms, SAFE., user-defined functions.

use super::{Analyzer, Scope, functions};
use crate::ast::{self, Call, Kind};
use crate::library::{Pattern, Signature};
use crate::query::{Expr, Node};
use crate::types::{Type, known};
use crate::{Result, SqlError};
use rsdbt_base::closest;

/// A signature that fits: what it costs, its variables, the wanted types.
pub(super) struct Fit<'l> {
    pub signature: &'l Signature,
    cost: u32,
    pub variables: Vec<Type>,
    pub wanted: Vec<Type>,
}

impl Analyzer<'_> {
    pub(super) fn call(&mut self, call: &Call, scope: &Scope) -> Result<Expr> {
        let upper = call.name.to_uppercase();
        if let Some(value) = self.user_function(call, scope)? {
            return Ok(value);
        }
        let value = if call.over.is_some() || self.is_aggregate(&upper) || self.is_window(&upper) {
            self.aggregate_or_window(call, &upper, scope)?
        } else {
            self.scalar(call, &upper, scope)?
        };
        Ok(if call.safe { Expr { ty: value.ty.clone(), node: Node::Safe(Box::new(value)) } } else { value })
    }

    fn scalar(&mut self, call: &Call, upper: &str, scope: &Scope) -> Result<Expr> {
        let named = call.args.iter().position(|arg| matches!(arg.kind, Kind::Named(..))).unwrap_or(call.args.len());
        if let Some(stray) = call.args[named..].iter().find(|arg| !matches!(arg.kind, Kind::Named(..))) {
            let message =
                format!("Call to function {upper} must not specify positional arguments after named arguments");
            return Err(SqlError::semantic(message, stray.at));
        }
        let plain = !call.distinct
            && call.order.is_empty()
            && call.limit.is_none()
            && call.having.is_none()
            && call.ignore_nulls.is_none();
        if !plain {
            return Err(SqlError::semantic(format!("{} is not an aggregate function", call.name), call.at));
        }
        if let Some(special) = functions::special(upper) {
            return special(self, call, scope);
        }
        let mut args = Vec::new();
        for arg in &call.args {
            args.push((self.expr(value_of(arg), scope)?, arg.at));
        }
        self.resolve(upper, args, call.at)
    }

    /// A call of the cheapest overload.
    pub(super) fn resolve(&mut self, name: &str, args: Vec<(Expr, usize)>, at: usize) -> Result<Expr> {
        if self.library.overloads(name).is_empty() {
            return Err(self.unknown_function(name, at));
        }
        let library = self.library;
        let fit = self.best(library.overloads(name), &args).ok_or_else(|| no_signature("function", name, &args, at))?;
        let ty = fit.signature.result.fill(&fit.variables);
        let args = args.into_iter().zip(&fit.wanted).map(|((arg, _), ty)| self.convert(arg, ty)).collect();
        Ok(Expr::new(Node::Call(fit.signature.function, args), ty))
    }

    pub(super) fn best<'l>(&self, list: &'l [Signature], args: &[(Expr, usize)]) -> Option<Fit<'l>> {
        let mut best: Option<Fit<'l>> = None;
        for signature in list {
            if let Some(fit) = self.fit(signature, args)
                && best.as_ref().is_none_or(|least| fit.cost < least.cost)
            {
                best = Some(fit);
            }
        }
        best
    }

    fn fit<'l>(&self, signature: &'l Signature, args: &[(Expr, usize)]) -> Option<Fit<'l>> {
        let params = signature.params_for(args.len())?;
        let variables = self.variables(&params, args)?;
        let (mut cost, mut wanted) = (0, Vec::new());
        for (param, (arg, _)) in params.iter().zip(args) {
            let ty = param.fill(&variables);
            cost += match arg.ty.distance(&ty) {
                _ if arg.is_empty_array() && matches!(ty, Type::Array(_)) => 1,
                Some(distance) => distance,
                None if matches!(arg.node, Node::Float(_)) && !args.iter().any(|(arg, _)| arg.ty.is_exact()) => {
                    return None;
                }
                None => self.literal_fits(arg, &ty).then_some(6)?,
            };
            cost += u32::from(param.has_variable());
            wanted.push(ty);
        }
        Some(Fit { signature, cost, variables, wanted })
    }

    /// The type of each variable: what all arguments that stand for it coerce to.
    fn variables(&self, params: &[&Pattern], args: &[(Expr, usize)]) -> Option<Vec<Type>> {
        let mut found: Vec<Vec<(Expr, usize)>> = Vec::new();
        for (param, (arg, at)) in params.iter().zip(args) {
            if !param.has_variable() || arg.ty == Type::Unknown {
                continue;
            }
            let (i, ty) = param.variable(&arg.ty)?;
            let i = i as usize;
            found.resize_with(found.len().max(i + 1), Vec::new);
            let whole = matches!(param, Pattern::Any(_));
            found[i].push((if whole { arg.clone() } else { Expr::new(Node::Local(String::new()), ty.clone()) }, *at));
        }
        let mut variables = Vec::new();
        for values in found {
            variables.push(known(&self.common_of(&values).ok()?));
        }
        Some(variables)
    }

    pub(super) fn unknown_function(&self, name: &str, at: usize) -> SqlError {
        const FAMILIES: [&str; 8] = ["ML.", "AI.", "ST_", "HLL_COUNT.", "NET.", "KEYS.", "AEAD.", "S2_"];
        if functions::KNOWN_MISSING.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family)) {
            return SqlError::unsupported(format!("the function {name}"), at);
        }
        let error = SqlError::semantic(format!("Function not found: {name}"), at);
        let mut names: Vec<&str> = self.library.names().chain(functions::names()).collect();
        names.sort_unstable();
        match closest(name, names) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error,
        }
    }
}

/// The value of a named argument, or the argument itself.
pub(super) fn value_of(arg: &ast::Expr) -> &ast::Expr {
    match &arg.kind {
        Kind::Named(_, value) => value,
        _ => arg,
    }
}

pub(super) fn no_signature(what: &str, name: &str, args: &[(Expr, usize)], at: usize) -> SqlError {
    let types: Vec<String> =
        args.iter().map(|(arg, _)| if arg.is_null() { "NULL".into() } else { arg.ty.to_string() }).collect();
    SqlError::semantic(format!("No matching signature for {what} {name} for argument types: {}", types.join(", ")), at)
}
