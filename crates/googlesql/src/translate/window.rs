//! Window functions and OVER.

use super::scope::Scope;
use super::{Result, SqlError, Translator, Typed};
use crate::ast::{Bound, Call, Frame, Order, Window};
use crate::types::Type;

/// Numbering functions with the type they give.
const RANKING: &[(&str, &str, Type)] = &[
    ("ROW_NUMBER", "row_number", Type::Int64),
    ("RANK", "rank", Type::Int64),
    ("DENSE_RANK", "dense_rank", Type::Int64),
    ("PERCENT_RANK", "percent_rank", Type::Float64),
    ("CUME_DIST", "cume_dist", Type::Float64),
    ("NTILE", "ntile", Type::Int64),
];
const NAVIGATION: &[(&str, &str)] = &[
    ("LAG", "lag"),
    ("LEAD", "lead"),
    ("FIRST_VALUE", "first_value"),
    ("LAST_VALUE", "last_value"),
    ("NTH_VALUE", "nth_value"),
];

pub(super) fn is_window(name: &str) -> bool {
    RANKING.iter().any(|(n, ..)| *n == name) || NAVIGATION.iter().any(|(n, _)| *n == name)
}

impl Translator<'_> {
    pub(super) fn window_function(&mut self, call: &Call, name: &str, scope: &Scope) -> Result<Typed> {
        let Some(window) = &call.over else {
            return Err(SqlError::semantic(
                format!("Analytic function {name} cannot be called without an OVER clause"),
                call.at,
            ));
        };
        let values = self.exprs(&call.args, scope)?;
        if name.starts_with("PERCENTILE_") {
            return self.percentile(call, name, values, scope);
        }
        let over = self.window_spec(window, scope, call.at)?;
        if let Some((_, duck, ty)) = RANKING.iter().find(|(n, ..)| *n == name) {
            let resolved = Self::resolve_window(window, scope)?;
            if resolved.order.is_empty() && !matches!(name, "ROW_NUMBER") {
                return Err(SqlError::semantic(
                    format!("Window ORDER BY is required for analytic function {name}"),
                    call.at,
                ));
            }
            let args: Vec<String> = values.iter().map(|v| self.plain(v)).collect();
            let checked =
                if name == "NTILE" { vec![format!("rsdbt_sys.main.positive({})", args.join(", "))] } else { args };
            return Ok(Typed::new(format!("{duck}({}) OVER ({over})", checked.join(", ")), ty.clone()));
        }
        let duck = NAVIGATION.iter().find(|(n, _)| *n == name).map_or("first_value", |(_, duck)| duck);
        let Some(first) = values.first() else {
            return Err(SqlError::semantic(format!("{name} needs an argument"), call.at));
        };
        let mut ty = super::select::known(&first.ty);
        if let Some(default) = values.get(2) {
            ty = ty.common(&default.ty).or_else(|| self.literal_target(default, &ty)).unwrap_or(ty);
        }
        let mut args = vec![self.convert(first, &ty)];
        if let Some(offset) = values.get(1) {
            let check = if name == "NTH_VALUE" { "positive" } else { "not_negative" };
            args.push(format!("rsdbt_sys.main.{check}({})", self.plain(offset)));
        }
        if let Some(default) = values.get(2) {
            args.push(self.convert(default, &ty));
        }
        let nulls = if call.ignore_nulls == Some(true) { " IGNORE NULLS" } else { "" };
        Ok(Typed::new(format!("{duck}({}{nulls}) OVER ({over})", args.join(", ")), ty))
    }

    fn percentile(&mut self, call: &Call, name: &str, values: Vec<Typed>, scope: &Scope) -> Result<Typed> {
        let [value, fraction] = values.as_slice() else {
            return Err(SqlError::semantic(format!("{name} needs two arguments"), call.at));
        };
        let continuous = name == "PERCENTILE_CONT";
        let ty = match (&value.ty, continuous) {
            (Type::Numeric | Type::BigNumeric, true) => value.ty.clone(),
            (ty, true) if ty.is_number() || *ty == Type::Null => Type::Float64,
            (ty, false) => super::select::known(ty),
            (ty, _) => return Err(SqlError::semantic(format!("{name} is not defined for {ty}"), call.at)),
        };
        let over = match &call.over {
            Some(window) => format!(" OVER ({})", self.window_spec(window, scope, call.at)?),
            None => String::new(),
        };
        let plain = self.convert(value, &ty);
        let filter = if call.ignore_nulls == Some(false) {
            String::new()
        } else {
            format!(" FILTER (WHERE {plain} IS NOT NULL)")
        };
        let list = format!("list({plain}){filter}{over}");
        let fraction = self.convert(fraction, &Type::Float64);
        let sql = match (continuous, &ty) {
            (true, Type::Float64) => format!("bq_percentile_cont({list}, {fraction})"),
            (true, _) => format!("CAST(rsdbt_sys.main.percentile_cont({list}, {fraction}) AS {})", ty.duck()),
            (false, _) => format!("rsdbt_sys.main.percentile_disc({list}, {fraction})"),
        };
        Ok(Typed::new(sql, ty))
    }

    /// The window with its named base worked in.
    fn resolve_window(window: &Window, scope: &Scope) -> Result<Window> {
        let Some(base) = &window.base else { return Ok(window.clone()) };
        let found =
            scope.windows.iter().find(|(name, _)| name.eq_ignore_ascii_case(&base.text)).map(|(_, w)| w.clone());
        let named =
            found.ok_or_else(|| SqlError::semantic(format!("Unrecognized window alias {}", base.text), base.at))?;
        let mut whole = Self::resolve_window(&named, scope)?;
        if !window.partition.is_empty() {
            whole.partition = window.partition.clone();
        }
        if !window.order.is_empty() {
            whole.order = window.order.clone();
        }
        if window.frame.is_some() {
            whole.frame = window.frame.clone();
        }
        Ok(whole)
    }

    pub(super) fn window_spec(&mut self, window: &Window, scope: &Scope, at: usize) -> Result<String> {
        let window = Self::resolve_window(window, scope)?;
        let mut parts = Vec::new();
        if !window.partition.is_empty() {
            let mut keys = Vec::new();
            for key in &window.partition {
                let typed = self.expr(key, scope)?;
                if !typed.ty.groupable() {
                    return Err(SqlError::semantic(
                        format!("Partitioning by expressions of type {} is not allowed", typed.ty),
                        key.at,
                    ));
                }
                keys.push(self.plain(&typed));
            }
            parts.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        let offsets = window.frame.as_ref().is_some_and(|f| !f.rows && has_offset(f));
        if !window.order.is_empty() {
            let keys =
                if offsets { self.single_key(&window.order, scope)? } else { self.sort_keys(&window.order, scope)? };
            parts.push(format!("ORDER BY {keys}"));
        }
        if let Some(frame) = &window.frame {
            parts.push(self.frame(frame, &window.order, scope, at)?);
        }
        Ok(parts.join(" "))
    }

    /// RANGE with an offset takes exactly one plain key.
    fn single_key(&mut self, order: &[Order], scope: &Scope) -> Result<String> {
        let [only] = order else {
            return Err(SqlError::semantic(
                "RANGE with an offset needs exactly one ORDER BY expression",
                order[0].value.at,
            ));
        };
        let value = self.expr(&only.value, scope)?;
        if !value.ty.is_number() && value.ty != Type::Null {
            return Err(SqlError::semantic(
                format!("RANGE with an offset needs a numeric ORDER BY, this is {}", value.ty),
                only.value.at,
            ));
        }
        let first = only.nulls_first.unwrap_or(!only.descending);
        let direction = if only.descending { "DESC" } else { "ASC" };
        Ok(format!("{} {direction} NULLS {}", self.plain(&value), if first { "FIRST" } else { "LAST" }))
    }

    fn frame(&mut self, frame: &Frame, order: &[Order], scope: &Scope, at: usize) -> Result<String> {
        let key = match order.first() {
            Some(order) if !frame.rows && has_offset(frame) => Some(self.expr(&order.value, scope)?.ty),
            None if !frame.rows && has_offset(frame) => {
                return Err(SqlError::semantic("RANGE with an offset needs ORDER BY", at));
            }
            _ => None,
        };
        let unit = if frame.rows { "ROWS" } else { "RANGE" };
        let start = self.bound(&frame.start, key.as_ref(), scope)?;
        match &frame.end {
            Some(end) => {
                let end = self.bound(end, key.as_ref(), scope)?;
                Ok(format!("{unit} BETWEEN {start} AND {end}"))
            }
            None => Ok(format!("{unit} {start}")),
        }
    }

    fn bound(&mut self, bound: &Bound, key: Option<&Type>, scope: &Scope) -> Result<String> {
        let side = |preceding: bool| if preceding { "PRECEDING" } else { "FOLLOWING" };
        Ok(match bound {
            Bound::Unbounded(preceding) => format!("UNBOUNDED {}", side(*preceding)),
            Bound::Current => "CURRENT ROW".into(),
            Bound::Offset(value, preceding) => {
                let typed = self.expr(value, scope)?;
                let sql = match key {
                    Some(ty) if ty.is_number() => self.convert(&typed, ty),
                    _ => typed.sql.clone(),
                };
                format!("{sql} {}", side(*preceding))
            }
        })
    }
}

fn has_offset(frame: &Frame) -> bool {
    matches!(frame.start, Bound::Offset(..)) || matches!(frame.end, Some(Bound::Offset(..)))
}
