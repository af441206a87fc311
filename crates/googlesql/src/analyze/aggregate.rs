//! Aggregate functions, plain and over windows.

use super::call::no_signature;
use super::scope::{Col, Scope};
use super::{Analyzer, functions};
use crate::ast::{self, Call, Kind};
use crate::library::FunctionKind;
use crate::query::{Aggregate, Expr, From, Node, OutCol, Query, Select, SortKey, SubqueryKind, Window};
use crate::types::{Field, Type, field_names, known};
use crate::{Result, SqlError};

/// What stands behind an aggregate's bracket.
#[derive(Clone, Default)]
struct Tail {
    filter: Vec<Expr>,
    over: Option<Window>,
}

impl Tail {
    fn with(mut self, condition: Expr) -> Tail {
        self.filter.push(condition);
        self
    }
}

impl Analyzer<'_> {
    pub(super) fn is_aggregate(&self, name: &str) -> bool {
        self.is_kind(name, FunctionKind::Aggregate)
    }

    pub(super) fn is_window(&self, name: &str) -> bool {
        self.is_kind(name, FunctionKind::Window)
    }

    fn is_kind(&self, name: &str, kind: FunctionKind) -> bool {
        self.library.overloads(name).first().is_some_and(|row| row.function.kind == kind)
    }

    pub(super) fn aggregate_or_window(&mut self, call: &Call, name: &str, scope: &Scope) -> Result<Expr> {
        if self.is_window(name) || (call.over.is_some() && name.starts_with("PERCENTILE_")) {
            return self.window_function(call, name, scope);
        }
        if !self.is_aggregate(name) {
            let known = functions::special(name).is_some() || !self.library.overloads(name).is_empty();
            return Err(match known {
                true => SqlError::semantic(format!("{} is not an analytic function", call.name), call.at),
                false => self.unknown_function(name, call.at),
            });
        }
        // an aggregate inside a PIVOT takes its condition once; what it holds does not
        let pivot = self.filter.take();
        let result = self.aggregate_inner(call, name, scope, pivot.clone());
        self.filter = pivot;
        result
    }

    fn aggregate_inner(&mut self, call: &Call, name: &str, scope: &Scope, pivot: Option<Expr>) -> Result<Expr> {
        let mut tail = Tail { filter: pivot.into_iter().collect(), over: None };
        if let Some(window) = &call.over {
            let over = self.window_spec(window, scope, call.at)?;
            if call.distinct && (!over.order.is_empty() || over.frame.is_some()) {
                let what = if over.order.is_empty() { "framing clause" } else { "ORDER BY" };
                let message = format!("Window {what} is not allowed if DISTINCT is specified");
                return Err(SqlError::semantic(message, call.at));
            }
            tail.over = Some(over);
        }
        if let Some(condition) = &call.condition {
            tail.filter.push(self.bool(condition, scope)?);
        }
        if let Some(nested) = call.args.iter().find(|arg| call.over.is_none() && self.aggregates(arg)) {
            return Err(SqlError::semantic("Aggregations of aggregations are not allowed", nested.at));
        }
        match &call.having {
            Some((max, key)) => self.having_aggregate(call, name, (*max, key), scope, tail),
            None => self.aggregate_tail(call, name, scope, tail),
        }
    }

    fn aggregate_tail(&mut self, call: &Call, name: &str, scope: &Scope, tail: Tail) -> Result<Expr> {
        if name == "COUNT" && matches!(call.args.first().map(|a| &a.kind), Some(Kind::Star)) {
            return Ok(self.aggregate_form("$count_star", Vec::new(), tail, Type::Int64));
        }
        let values = self.exprs(&call.args, scope)?;
        if tail.over.is_none() && values.iter().any(super::select::has_aggregate) {
            return Err(SqlError::semantic("Aggregations of aggregations are not allowed", call.at));
        }
        if call.distinct
            && let Some(bad) = values.first().filter(|v| !v.ty.groupable())
        {
            return Err(SqlError::semantic(
                format!("Aggregate functions with DISTINCT cannot be used with arguments of type {}", bad.ty),
                call.at,
            ));
        }
        match name {
            "COUNTIF" => self.countif(call, values, tail),
            "STRING_AGG" | "ARRAY_AGG" | "ARRAY_CONCAT_AGG" => self.collect(call, name, values, scope, tail),
            "APPROX_QUANTILES" => self.approx_quantiles(call, values, tail),
            "APPROX_TOP_COUNT" | "APPROX_TOP_SUM" => self.approx_top(call, name, values, tail),
            _ => {
                let args: Vec<(Expr, usize)> = values.into_iter().zip(call.args.iter().map(|a| a.at)).collect();
                let mut tail = tail;
                if let ("PERCENTILE_CONT", [(value, _), ..]) = (name, args.as_slice())
                    && call.ignore_nulls != Some(false)
                {
                    tail = tail.with(self.form("$is_not_null", vec![self.plain(value.clone())], Type::Bool));
                }
                self.aggregate_row(call, name, args, tail)
            }
        }
    }

    /// An aggregate form of the library over settled arguments.
    fn aggregate_form(&self, name: &str, args: Vec<Expr>, tail: Tail, ty: Type) -> Expr {
        let function = self.library.form(name);
        let call = Aggregate {
            function,
            args,
            distinct: false,
            ignore_nulls: false,
            filter: tail.filter,
            order: Vec::new(),
            limit: None,
            over: tail.over,
        };
        Expr::new(Node::Aggregate(Box::new(call)), ty)
    }

    /// The cheapest overload over the arguments.
    fn aggregate_row(&mut self, call: &Call, name: &str, args: Vec<(Expr, usize)>, tail: Tail) -> Result<Expr> {
        let library = self.library;
        let fit = self
            .best(library.overloads(name), &args)
            .ok_or_else(|| no_signature("aggregate function", name, &args, call.at))?;
        let ty = fit.signature.result.fill(&fit.variables);
        let args: Vec<Expr> = args.into_iter().zip(&fit.wanted).map(|((arg, _), ty)| self.convert(arg, ty)).collect();
        let refused = |ty: &Type| matches!(ty, Type::Json | Type::Geography | Type::Struct(_) | Type::Array(_));
        if matches!(name, "MIN" | "MAX") && refused(&args[0].ty) {
            return Err(SqlError::semantic(
                format!("{name} is not defined for arguments of type {}", args[0].ty),
                call.at,
            ));
        }
        let mut tail = tail;
        if matches!(name, "MAX_BY" | "MIN_BY") {
            tail = tail.with(self.form("$is_not_null", vec![args[1].clone()], Type::Bool));
        }
        let call = Aggregate {
            function: fit.signature.function,
            args,
            distinct: call.distinct,
            ignore_nulls: call.ignore_nulls == Some(true),
            filter: tail.filter,
            order: Vec::new(),
            limit: None,
            over: tail.over,
        };
        Ok(Expr::new(Node::Aggregate(Box::new(call)), ty))
    }

    fn countif(&mut self, call: &Call, values: Vec<Expr>, tail: Tail) -> Result<Expr> {
        let [value] = values.as_slice() else {
            return Err(SqlError::semantic("COUNTIF needs one BOOL argument", call.at));
        };
        if !matches!(value.ty, Type::Bool | Type::Null | Type::Unknown) {
            let args = [(value.clone(), call.at)];
            return Err(no_signature("aggregate function", "COUNTIF", &args, call.at));
        }
        let condition = self.convert(value.clone(), &Type::Bool);
        let tail = tail.with(condition.clone());
        if call.distinct {
            return Ok(self.aggregate_form("$countif_distinct", vec![condition], tail, Type::Int64));
        }
        Ok(self.aggregate_form("$count_star", Vec::new(), tail, Type::Int64))
    }

    /// The ORDER BY inside an aggregate. With DISTINCT it is the aggregated value itself, once.
    fn inner_order(&mut self, call: &Call, scope: &Scope) -> Result<Vec<SortKey>> {
        let mut keys = self.sort_keys(&call.order, scope)?;
        keys.iter_mut().for_each(|key| key.plain = call.distinct);
        Ok(keys)
    }

    fn collect(&mut self, call: &Call, name: &str, values: Vec<Expr>, scope: &Scope, tail: Tail) -> Result<Expr> {
        let order = self.inner_order(call, scope)?;
        let limit = call.limit.as_ref().map(|limit| self.row_count("LIMIT", limit, scope)).transpose()?;
        let Some(first) = values.first() else {
            return Err(SqlError::semantic(format!("{name} needs an argument"), call.at));
        };
        if name == "ARRAY_AGG" && matches!(first.ty, Type::Array(_)) {
            let message = format!("The argument to ARRAY_AGG must not be an array type but was {}", first.ty);
            return Err(SqlError::semantic(message, call.at));
        }
        let skip = name != "ARRAY_AGG" || call.ignore_nulls == Some(true);
        let mut tail = tail;
        if skip {
            tail = tail.with(self.form("$is_not_null", vec![self.plain(first.clone())], Type::Bool));
        }
        let mut args: Vec<(Expr, usize)> = values.into_iter().zip(call.args.iter().map(|a| a.at)).collect();
        if name == "STRING_AGG" && args.len() == 1 {
            let comma = if args[0].0.ty == Type::Bytes {
                Expr::new(Node::Bytes(b",".to_vec()), Type::Bytes)
            } else {
                Expr::text(",")
            };
            args.push((comma, call.at));
        }
        if name == "STRING_AGG"
            && let Some((separator, at)) = args.get_mut(1)
        {
            if separator.is_literal_null() {
                return Err(SqlError::semantic("Argument 2 to STRING_AGG must be non-NULL", *at));
            }
            if !super::window::is_constant(separator) {
                let message = "Argument 2 to STRING_AGG must be a literal or query parameter";
                return Err(SqlError::semantic(message, *at));
            }
            if !matches!(separator.node, Node::Text(_) | Node::Bytes(_)) {
                let form = if separator.ty == Type::Bytes { "$separator_bytes" } else { "$separator" };
                let ty = separator.ty.clone();
                *separator = self.form(form, vec![separator.clone()], ty);
            }
        }
        let mut value = self.aggregate_row(&Call { ignore_nulls: None, ..call.clone() }, name, args, tail)?;
        if let Node::Aggregate(inner) = &mut value.node {
            (inner.order, inner.limit) = (order, limit);
        }
        Ok(value)
    }

    /// The exact quantiles at 0, 1/n ... 1.
    fn approx_quantiles(&mut self, call: &Call, values: Vec<Expr>, tail: Tail) -> Result<Expr> {
        let count = match call.args.get(1).map(|a| &a.kind) {
            Some(Kind::Int(text)) => text.parse::<i64>().ok().filter(|n| (1..=100_000).contains(n)),
            _ => None,
        };
        let (Some(count), Some(value)) = (count, values.into_iter().next()) else {
            return Err(SqlError::semantic(
                "the second argument of APPROX_QUANTILES must be an INT64 literal from 1 to 100000",
                call.at,
            ));
        };
        let value = self.plain(value);
        let mut tail = tail;
        if call.ignore_nulls != Some(false) {
            tail = tail.with(self.form("$is_not_null", vec![value.clone()], Type::Bool));
        }
        let ty = Type::Array(Box::new(value.ty.clone()));
        let key = SortKey { value: value.clone(), descending: false, nulls_first: true, plain: true };
        let mut out = self.aggregate_form("$approx_quantiles", vec![value, Expr::int(count)], tail, ty);
        if let Node::Aggregate(inner) = &mut out.node {
            (inner.order, inner.distinct) = (vec![key], call.distinct);
        }
        Ok(out)
    }

    fn approx_top(&mut self, call: &Call, name: &str, values: Vec<Expr>, tail: Tail) -> Result<Expr> {
        let weighted = name == "APPROX_TOP_SUM";
        let wanted = if weighted { 3 } else { 2 };
        if values.len() != wanted {
            return Err(SqlError::semantic(format!("{name} needs {wanted} arguments"), call.at));
        }
        let mut values: Vec<Expr> = values.into_iter().map(|value| self.plain(value)).collect();
        let mut tail = tail;
        let (label, form) = if weighted { ("sum", "$approx_top_sum") } else { ("count", "$approx_top_count") };
        if weighted {
            tail = tail.with(self.form("$is_not_null", vec![values[1].clone()], Type::Bool));
        } else {
            values.insert(1, Expr::int(1));
        }
        let fields = vec![
            Field { name: Some("value".into()), ty: values[0].ty.clone() },
            Field { name: Some(label.into()), ty: values[1].ty.clone() },
        ];
        let ty = Type::Array(Box::new(Type::Struct(fields)));
        Ok(self.aggregate_form(form, values, tail, ty))
    }

    /// `AGG(x HAVING MAX y)`: only the rows where y is extreme count. They are gathered, the others dropped, and the
    /// aggregate itself runs over what is left, in a subquery.
    fn having_aggregate(
        &mut self,
        call: &Call,
        name: &str,
        (max, key): (bool, &ast::Expr),
        scope: &Scope,
        tail: Tail,
    ) -> Result<Expr> {
        let key = self.expr(key, scope)?;
        if call.over.is_some() {
            return Err(SqlError::unsupported(format!("{name} with HAVING and OVER"), call.at));
        }
        let key = self.plain(key);
        let written = key.clone();
        let key = match &key.ty {
            Type::Range(inner) => {
                let field = |name: &str, ty: &Type| Field { name: Some(name.into()), ty: ty.clone() };
                let parts = [("a", &Type::Bool), ("b", &**inner), ("c", &Type::Bool), ("d", &**inner)];
                let ty = Type::Struct(parts.into_iter().map(|(name, ty)| field(name, ty)).collect());
                self.form("$range_key", vec![key], ty)
            }
            _ => key,
        };
        let form = match (max, &key.ty) {
            (true, Type::Float64) => "$keep_max_float",
            (false, Type::Float64) => "$keep_min_float",
            (true, _) => "$keep_max",
            (false, _) => "$keep_min",
        };
        let star = matches!(call.args.first().map(|a| &a.kind), Some(Kind::Star) | None);
        let values = if star { Vec::new() } else { self.exprs(&call.args, scope)? };
        let mut parts = vec![("k".to_owned(), key.clone())];
        parts.extend(values.iter().enumerate().map(|(i, value)| (format!("x{i}"), self.plain(value.clone()))));
        for (i, order) in call.order.iter().enumerate() {
            let value = self.expr(&order.value, scope)?;
            parts.push((format!("o{i}"), self.plain(value)));
        }
        let fields: Vec<Field> =
            parts.iter().map(|(name, value)| Field { name: Some(name.clone()), ty: value.ty.clone() }).collect();
        let row_type = Type::Struct(fields.clone());
        let rows_type = Type::Array(Box::new(row_type.clone()));
        let row = Expr::new(Node::Struct(parts), row_type.clone());
        let tail = tail.with(self.form("$is_not_null", vec![written], Type::Bool));
        let rows = self.aggregate_form("$list", vec![row], tail, rows_type.clone());
        let array = self.form(form, vec![rows], rows_type);
        let alias = self.fresh("h");
        let item = Expr::column(&alias, "v", row_type);
        let mut local = Scope::default();
        let mut inner = Call { having: None, condition: None, args: Vec::new(), ..call.clone() };
        for (i, phys) in field_names(&fields).into_iter().enumerate().skip(1) {
            let order = i.checked_sub(1 + values.len());
            let written = order.map_or_else(|| &call.args[i - 1], |order| &call.order[order].value);
            let value = item.clone().field(&phys, known(&fields[i].ty));
            local.star.push(Col { name: Some(phys.clone()), value });
            let literal = matches!(written.kind, Kind::Int(_) | Kind::Text(_));
            let name = ast::Ident { text: phys, at: written.at };
            let named = ast::Expr { at: written.at, end: written.at, kind: Kind::Name(name) };
            if let Some(order) = order {
                inner.order[order].value = named;
                continue;
            }
            inner.args.push(if literal { written.clone() } else { named });
        }
        if star {
            inner.args.clone_from(&call.args);
        }
        let value = self.aggregate_tail(&inner, name, &local, Tail::default())?;
        let ty = value.ty.clone();
        let column = OutCol { name: None, phys: "_v".into(), ty: ty.clone() };
        let from = Some(From::Unnest { array, alias, offset: false, lateral: false });
        let query = Query::select(Select { list: vec![value], from, ..Select::default() }, vec![column]);
        Ok(Expr::new(Node::Subquery(SubqueryKind::Scalar, Box::new(query)), ty))
    }
}
