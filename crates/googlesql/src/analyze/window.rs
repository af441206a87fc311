//! Window functions and OVER.

use super::Analyzer;
use super::call::no_signature;
use super::scope::Scope;
use crate::ast::{self, Call, Order};
use crate::query::{Aggregate, Bound, Expr, Frame, Node, SortKey, Window};
use crate::types::{Type, known};
use crate::{Result, SqlError};

const UNORDERED: &[&str] = &["ROW_NUMBER", "FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"];

impl Analyzer<'_> {
    pub(super) fn window_function(&mut self, call: &Call, name: &str, scope: &Scope) -> Result<Expr> {
        let Some(written) = &call.over else {
            return Err(SqlError::semantic(
                format!("Analytic function {name} cannot be called without an OVER clause"),
                call.at,
            ));
        };
        let values = self.exprs(&call.args, scope)?;
        let over = self.window_spec(written, scope, call.at)?;
        if name.starts_with("PERCENTILE_") {
            return self.percentile(call, name, values, over);
        }
        if over.order.is_empty() && !UNORDERED.contains(&name) {
            return Err(SqlError::semantic(
                format!("Window ORDER BY is required for analytic function {name}"),
                call.at,
            ));
        }
        if over.frame.is_some() && !name.ends_with("_VALUE") {
            return Err(SqlError::semantic(
                format!("Window framing clause is not allowed for analytic function {name}"),
                call.at,
            ));
        }
        check_arguments(name, &values, call)?;
        let args: Vec<(Expr, usize)> = values.into_iter().zip(call.args.iter().map(|a| a.at)).collect();
        let library = self.library;
        let fit = self
            .best(library.overloads(name), &args)
            .ok_or_else(|| no_signature("analytic function", name, &args, call.at))?;
        let ty = fit.signature.result.fill(&fit.variables);
        let args = args.into_iter().zip(&fit.wanted).map(|((arg, _), ty)| self.convert(arg, ty)).collect();
        let call = Aggregate {
            function: fit.signature.function,
            args,
            distinct: false,
            ignore_nulls: call.ignore_nulls == Some(true),
            filter: Vec::new(),
            order: Vec::new(),
            limit: None,
            over: Some(over),
        };
        Ok(Expr::new(Node::Aggregate(Box::new(call)), ty))
    }

    /// PERCENTILE_CONT and PERCENTILE_DISC over a window: over the list of its values.
    fn percentile(&mut self, call: &Call, name: &str, values: Vec<Expr>, over: Window) -> Result<Expr> {
        let Ok([value, fraction]) = <[Expr; 2]>::try_from(values) else {
            return Err(SqlError::semantic(format!("{name} needs two arguments"), call.at));
        };
        let continuous = name == "PERCENTILE_CONT";
        let exact = fraction.ty.is_exact();
        let ty = match (&value.ty, continuous) {
            (Type::Numeric | Type::BigNumeric, true) if exact => value.ty.clone(),
            (ty, true) if ty.is_number() || *ty == Type::Null => Type::Float64,
            (ty, false) => known(ty),
            (ty, _) => return Err(SqlError::semantic(format!("{name} is not defined for {ty}"), call.at)),
        };
        let exact = exact && ty == Type::Numeric;
        let value = self.convert(value, &ty);
        let filter = if call.ignore_nulls == Some(false) {
            Vec::new()
        } else {
            vec![self.form("$is_not_null", vec![value.clone()], Type::Bool)]
        };
        let list = Aggregate {
            function: self.library.form("$list"),
            args: vec![value],
            distinct: false,
            ignore_nulls: false,
            filter,
            order: Vec::new(),
            limit: None,
            over: Some(over),
        };
        let list = Expr::new(Node::Aggregate(Box::new(list)), Type::Array(Box::new(ty.clone())));
        let fraction = self.convert(fraction, if exact { &Type::Numeric } else { &Type::Float64 });
        let form = match (continuous, &ty) {
            (true, _) if exact => "$percentile_cont_numeric",
            (true, Type::Float64) => "$percentile_cont_float",
            (true, _) => "$percentile_cont",
            (false, _) => "$percentile_disc",
        };
        Ok(self.form(form, vec![list, fraction], ty))
    }

    /// The window with its named base worked in.
    fn resolve_window(window: &ast::Window, scope: &Scope) -> Result<ast::Window> {
        let Some(base) = &window.base else { return Ok(window.clone()) };
        let found =
            scope.windows.iter().find(|(name, _)| name.eq_ignore_ascii_case(&base.text)).map(|(_, w)| w.clone());
        let named =
            found.ok_or_else(|| SqlError::semantic(format!("Unrecognized window alias {}", base.text), base.at))?;
        let mut whole = Self::resolve_window(&named, scope)?;
        if !window.partition.is_empty() {
            whole.partition.clone_from(&window.partition);
        }
        if !window.order.is_empty() {
            whole.order.clone_from(&window.order);
        }
        if window.frame.is_some() {
            whole.frame.clone_from(&window.frame);
        }
        Ok(whole)
    }

    pub(super) fn window_spec(&mut self, window: &ast::Window, scope: &Scope, at: usize) -> Result<Window> {
        let window = Self::resolve_window(window, scope)?;
        let mut out = Window::default();
        for key in &window.partition {
            let value = self.expr(key, scope)?;
            if !value.ty.groupable() || value.ty == Type::Float64 {
                return Err(SqlError::semantic(
                    format!("Partitioning by expressions of type {} is not allowed", value.ty),
                    key.at,
                ));
            }
            out.partition.push(self.plain(value));
        }
        let offsets = window.frame.as_ref().is_some_and(|f| !f.rows && has_offset(f));
        if !window.order.is_empty() {
            out.order = if offsets {
                vec![self.single_key(&window.order, scope)?]
            } else {
                self.sort_keys(&window.order, scope)?
            };
        }
        if let Some(frame) = &window.frame {
            check_frame(frame, at)?;
            if offsets && out.order.is_empty() {
                return Err(SqlError::semantic("RANGE with an offset needs ORDER BY", at));
            }
            let key = if offsets { out.order.first().map(|key| key.value.ty.clone()) } else { None };
            let start = self.bound(&frame.start, key.as_ref(), scope)?;
            let end = frame.end.as_ref().map(|end| self.bound(end, key.as_ref(), scope)).transpose()?;
            out.frame = Some(Frame { rows: frame.rows, start, end });
        }
        Ok(out)
    }

    /// RANGE with an offset takes exactly one plain key.
    fn single_key(&mut self, order: &[Order], scope: &Scope) -> Result<SortKey> {
        let [only] = order else {
            return Err(SqlError::semantic(
                "A RANGE-based window with OFFSET PRECEDING or OFFSET FOLLOWING boundaries must have exactly one ORDER BY key",
                order[0].value.at,
            ));
        };
        let value = self.expr(&only.value, scope)?;
        if !value.ty.is_number() && !matches!(value.ty, Type::Null | Type::Unknown) {
            return Err(SqlError::semantic(
                format!("RANGE with an offset needs a numeric ORDER BY, this is {}", value.ty),
                only.value.at,
            ));
        }
        let key = self.sort_key(value, only)?;
        Ok(SortKey { plain: true, ..key })
    }

    fn bound(&mut self, bound: &ast::Bound, key: Option<&Type>, scope: &Scope) -> Result<Bound> {
        Ok(match bound {
            ast::Bound::Unbounded(preceding) => Bound::Unbounded(*preceding),
            ast::Bound::Current => Bound::Current,
            ast::Bound::Offset(value, preceding) => {
                let offset = self.expr(value, scope)?;
                let offset = match key {
                    Some(ty) if ty.is_number() => self.convert(offset, ty),
                    _ => self.plain(offset),
                };
                Bound::Offset(Box::new(offset), *preceding)
            }
        })
    }
}

/// Arguments that must be constants.
fn check_arguments(name: &str, values: &[Expr], call: &Call) -> Result<()> {
    let message = match (name, values) {
        ("NTILE", [count]) if !is_constant(count) => {
            "The argument to NTILE must be a literal or query parameter".into()
        }
        ("LAG" | "LEAD", [_, offset, ..]) if matches!(offset.node, Node::Int(n) if n < 0) => {
            format!("The offset to the function {name} must not be negative")
        }
        ("LAG" | "LEAD", [_, _, other]) if !is_constant(other) => {
            format!("The third argument (the default expression) to {name} must be constant")
        }
        _ => return Ok(()),
    };
    Err(SqlError::semantic(message, call.args.last().map_or(call.at, |arg| arg.at)))
}

/// The bounds of a frame in their order.
fn check_frame(frame: &ast::Frame, at: usize) -> Result<()> {
    const CURRENT: ast::Bound = ast::Bound::Current;
    let (start, end) = (&frame.start, frame.end.as_ref().unwrap_or(&CURRENT));
    let message = match (place(start), place(end)) {
        (4, _) => "Starting window framing expression cannot be UNBOUNDED FOLLOWING".to_owned(),
        (_, 0) => "Ending window framing expression cannot be UNBOUNDED PRECEDING".to_owned(),
        (2, 1) => format!(
            "Starting window framing expression cannot be CURRENT ROW when the ending window framing expression is {}",
            words(end)
        ),
        (3, other) if other < 3 => format!(
            "Ending window framing expression cannot be {} when the starting window framing expression is OFFSET FOLLOWING",
            words(end)
        ),
        _ => return Ok(()),
    };
    Err(SqlError::semantic(message, at))
}

fn place(bound: &ast::Bound) -> usize {
    match bound {
        ast::Bound::Unbounded(true) => 0,
        ast::Bound::Offset(_, true) => 1,
        ast::Bound::Current => 2,
        ast::Bound::Offset(_, false) => 3,
        ast::Bound::Unbounded(false) => 4,
    }
}

fn words(bound: &ast::Bound) -> &'static str {
    ["UNBOUNDED PRECEDING", "OFFSET PRECEDING", "CURRENT ROW", "OFFSET FOLLOWING", "UNBOUNDED FOLLOWING"][place(bound)]
}

pub(super) fn is_constant(value: &Expr) -> bool {
    let varies = matches!(
        value.node,
        Node::Column(_) | Node::RowId(_) | Node::Subquery(..) | Node::InQuery(..) | Node::Aggregate(_)
    );
    !varies && value.parts().into_iter().all(is_constant)
}

fn has_offset(frame: &ast::Frame) -> bool {
    matches!(frame.start, ast::Bound::Offset(..)) || matches!(frame.end, Some(ast::Bound::Offset(..)))
}
