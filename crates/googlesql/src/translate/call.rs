//! Function calls: overloads chosen from the family tables, special forms, SAFE., user-defined functions.

use super::scope::Scope;
use super::{Result, SqlError, Translator, Typed, functions};
use crate::ast::{Call, Expr, Kind};
use crate::types::Type;
use rsdbt_base::closest;

/// One overload. `args`: a letter a type (see `letter`), `x` for arguments of one common type, `a` any, `A` any array,
/// `*` repeats the last, `_` marks where the optional rest begins. `ret`: a letter, `1`..`9` the type of that argument, `x` the common type, `e` the
/// element of the first argument, `[` before a letter an array of it. `sql`: `$1`.. the arguments, `$*` all, `$z` the zone.
#[derive(Debug, Clone, Copy)]
pub struct Sig {
    pub name: &'static str,
    pub args: &'static str,
    pub ret: &'static str,
    pub sql: &'static str,
}

pub const fn f(name: &'static str, args: &'static str, ret: &'static str, sql: &'static str) -> Sig {
    Sig { name, args, ret, sql }
}

/// A form whose arguments are not plain values, or whose text depends on them.
pub type Special = fn(&mut Translator<'_>, &Call, &Scope) -> Result<Typed>;

pub fn letter(c: char) -> Option<Type> {
    Some(match c {
        'b' => Type::Bool,
        'i' => Type::Int64,
        'f' => Type::Float64,
        'n' => Type::Numeric,
        'N' => Type::BigNumeric,
        's' => Type::String,
        'y' => Type::Bytes,
        'd' => Type::Date,
        't' => Type::Time,
        'D' => Type::DateTime,
        'T' => Type::Timestamp,
        'v' => Type::Interval,
        'j' => Type::Json,
        'g' => Type::Geography,
        _ => return None,
    })
}

enum Want {
    Type(Type),
    Common,
    Any,
    AnyArray,
}

/// The wanted arguments of a signature for `count` of them; `None` when the count does not fit.
fn wants(args: &str, count: usize) -> Option<Vec<Want>> {
    let mut list = Vec::new();
    let mut chars = args.chars().peekable();
    while let Some(c) = chars.next() {
        let one = |c: char| match c {
            'x' => Want::Common,
            'a' => Want::Any,
            'A' => Want::AnyArray,
            c => Want::Type(letter(c).unwrap_or(Type::Null)),
        };
        if c == '[' {
            let inner = chars.next().and_then(letter).unwrap_or(Type::Null);
            list.push(Want::Type(Type::Array(Box::new(inner))));
            continue;
        }
        if c == '*' {
            continue;
        }
        if chars.peek() == Some(&'*') {
            while list.len() < count {
                list.push(one(c));
            }
            break;
        }
        list.push(one(c));
    }
    (list.len() == count).then_some(list)
}

impl Translator<'_> {
    pub(super) fn call(&mut self, call: &Call, scope: &Scope) -> Result<Typed> {
        let upper = call.name.to_uppercase();
        if let Some(typed) = self.user_function(call, scope)? {
            return Ok(typed);
        }
        if call.over.is_some() || super::aggregate::is_aggregate(&upper) || super::window::is_window(&upper) {
            let typed = self.aggregate_or_window(call, &upper, scope)?;
            return Ok(if call.safe { Typed { sql: format!("TRY({})", typed.sql), ..typed } } else { typed });
        }
        let plain = !call.distinct
            && call.order.is_empty()
            && call.limit.is_none()
            && call.having.is_none()
            && call.ignore_nulls.is_none();
        if !plain {
            return Err(SqlError::semantic(format!("{} is not an aggregate function", call.name), call.at));
        }
        let mut typed = match functions::special(&upper) {
            Some(special) => special(self, call, scope)?,
            None => {
                let mut args = Vec::new();
                for arg in &call.args {
                    args.push((self.expr(named(arg), scope)?, arg.at));
                }
                self.resolve(&upper, &args, call.at)?
            }
        };
        if call.safe {
            typed.sql = format!("TRY({})", typed.sql);
        }
        Ok(typed)
    }

    /// The cheapest overload of a function in the tables.
    pub(super) fn resolve(&mut self, name: &str, args: &[(Typed, usize)], at: usize) -> Result<Typed> {
        let sigs: Vec<&'static Sig> = functions::overloads(name);
        if sigs.is_empty() {
            return Err(unknown_function(name, at));
        }
        let mut best: Option<(u32, &'static Sig, Vec<Typed>, Type)> = None;
        for sig in sigs {
            if let Some((cost, converted, common)) = self.fit(sig, args)
                && best.as_ref().is_none_or(|(least, ..)| cost < *least)
            {
                best = Some((cost, sig, converted, common));
            }
        }
        let Some((_, sig, converted, common)) = best else {
            let types: Vec<String> =
                args.iter().map(|(t, _)| if t.is_null() { "NULL".into() } else { t.ty.to_string() }).collect();
            return Err(SqlError::semantic(
                format!("No matching signature for function {name} for argument types: {}", types.join(", ")),
                at,
            ));
        };
        let ty = ret_type(sig.ret, &converted, &common);
        Ok(Typed::new(self.fill(sig.sql, &converted), ty))
    }

    pub(super) fn fill(&self, template: &str, args: &[Typed]) -> String {
        let mut sql = String::with_capacity(template.len() + 16 * args.len());
        let mut chars = template.chars();
        while let Some(c) = chars.next() {
            if c != '$' {
                sql.push(c);
                continue;
            }
            match chars.next() {
                Some('*') => sql.push_str(&args.iter().map(|a| a.sql.as_str()).collect::<Vec<_>>().join(", ")),
                Some('z') => sql.push_str(&self.zone_sql()),
                Some(d) => {
                    if let Some(arg) = d.to_digit(10).and_then(|i| args.get((i as usize).wrapping_sub(1))) {
                        sql.push_str(&arg.sql);
                    }
                }
                None => {}
            }
        }
        sql
    }

    fn fit(&self, sig: &Sig, args: &[(Typed, usize)]) -> Option<(u32, Vec<Typed>, Type)> {
        let wants = wants(sig.args, args.len())?;
        let shared: Vec<(Typed, usize)> =
            wants.iter().zip(args).filter(|(w, _)| matches!(w, Want::Common)).map(|(_, a)| a.clone()).collect();
        let common = if shared.is_empty() { Type::Null } else { self.common_of(&shared).ok()? };
        let common = if common == Type::Null { Type::Int64 } else { common };
        let mut cost = 0;
        let mut converted = Vec::new();
        for (want, (arg, _)) in wants.iter().zip(args) {
            let to = match want {
                Want::Type(ty) => {
                    cost += match arg.ty.distance(ty) {
                        Some(distance) => distance,
                        None => self.literal_target(arg, ty).map(|_| 6)?,
                    };
                    ty.clone()
                }
                Want::Common => common.clone(),
                Want::Any => super::select::known(&arg.ty),
                Want::AnyArray => match &arg.ty {
                    Type::Array(_) => super::select::known(&arg.ty),
                    Type::Null => Type::Array(Box::new(Type::Int64)),
                    _ => return None,
                },
            };
            let generic = !matches!(want, Want::Type(_));
            cost += u32::from(generic) * 3;
            let sql = self.convert(arg, &to);
            let literal = if arg.ty == to { arg.literal.clone() } else { super::Literal::No };
            converted.push(Typed { sql, ty: to, literal });
        }
        Some((cost, converted, common))
    }
}

/// The value of a named argument, or the argument itself.
fn named(arg: &Expr) -> &Expr {
    match &arg.kind {
        Kind::Named(_, value) => value,
        _ => arg,
    }
}

fn ret_type(ret: &str, args: &[Typed], common: &Type) -> Type {
    if let Some(inner) = ret.strip_prefix('[') {
        return Type::Array(Box::new(ret_type(inner, args, common)));
    }
    match ret.chars().next() {
        Some('x') => common.clone(),
        Some('e') => args.first().and_then(|a| a.ty.element().cloned()).unwrap_or(Type::Int64),
        Some(d) if d.is_ascii_digit() => {
            let i = d.to_digit(10).unwrap_or(1) as usize;
            args.get(i - 1).map_or(Type::Int64, |a| a.ty.clone())
        }
        Some(c) => letter(c).unwrap_or(Type::String),
        None => Type::String,
    }
}

pub(super) fn unknown_function(name: &str, at: usize) -> SqlError {
    if functions::KNOWN_MISSING.contains(&name)
        || ["ML.", "AI.", "ST_", "HLL_COUNT.", "NET.", "KEYS.", "AEAD.", "S2_"].iter().any(|p| name.starts_with(p))
    {
        return SqlError::unsupported(format!("the function {name}"), at);
    }
    let error = SqlError::semantic(format!("Function not found: {name}"), at);
    match closest(name, functions::names()) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error,
    }
}
