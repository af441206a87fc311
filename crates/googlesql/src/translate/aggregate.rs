//! Aggregate functions, plain and over windows.

use super::scope::Scope;
use super::{Result, SqlError, Translator, Typed, text};
use crate::ast::{Call, Expr, Kind, Set};
use crate::types::{Field, Type, quote};

/// Aggregates by name: the argument letters as in `Sig`, the result, the DuckDB text.
/// `$f` is the FILTER and OVER tail, `$d` DISTINCT, `$o` the inner ORDER BY.
struct Agg {
    name: &'static str,
    args: &'static str,
    ret: &'static str,
    sql: &'static str,
}

const fn a(name: &'static str, args: &'static str, ret: &'static str, sql: &'static str) -> Agg {
    Agg { name, args, ret, sql }
}

const TABLE: &[Agg] = &[
    a("COUNT", "a", "i", "count($d$1)$f"),
    a("SUM", "i", "i", "CAST(sum($d$1)$f AS BIGINT)"),
    a("SUM", "f", "f", "sum($d$1)$f"),
    a("SUM", "n", "n", "CAST(sum($d$1)$f AS DECIMAL(38,9))"),
    a("SUM", "N", "N", "CAST(sum($d$1)$f AS DECIMAL(38,18))"),
    a("SUM", "v", "v", "bq_check_interval(sum($d$1)$f)"),
    a("AVG", "i", "f", "avg($d$1)$f"),
    a("AVG", "f", "f", "avg($d$1)$f"),
    a(
        "AVG",
        "n",
        "n",
        "bq_numeric_divide(CAST(sum($d$1)$f AS DECIMAL(38,9)), CAST(nullif(count($d$1)$f, 0) AS DECIMAL(38,9)))",
    ),
    a(
        "AVG",
        "N",
        "N",
        "bq_bignumeric_divide(CAST(sum($d$1)$f AS DECIMAL(38,18)), CAST(nullif(count($d$1)$f, 0) AS DECIMAL(38,18)))",
    ),
    a("MIN", "f", "f", "CASE WHEN bool_or(isnan($1))$f THEN 'nan'::DOUBLE ELSE min($1)$f END"),
    a("MIN", "a", "1", "min($1)$f"),
    a("MAX", "a", "1", "max($1)$f"),
    a("ANY_VALUE", "a", "1", "any_value($1)$f"),
    a("LOGICAL_AND", "b", "b", "bool_and($1)$f"),
    a("LOGICAL_OR", "b", "b", "bool_or($1)$f"),
    a("BIT_AND", "i", "i", "bit_and($1)$f"),
    a("BIT_OR", "i", "i", "bit_or($1)$f"),
    a("BIT_XOR", "i", "i", "bit_xor($d$1)$f"),
    a("STDDEV", "f", "f", "stddev_samp($d$1)$f"),
    a("STDDEV_SAMP", "f", "f", "stddev_samp($d$1)$f"),
    a("STDDEV_POP", "f", "f", "stddev_pop($d$1)$f"),
    a("VARIANCE", "f", "f", "var_samp($d$1)$f"),
    a("VAR_SAMP", "f", "f", "var_samp($d$1)$f"),
    a("VAR_POP", "f", "f", "var_pop($d$1)$f"),
    a("CORR", "ff", "f", "CASE WHEN regr_count($1, $2)$f < 2 THEN NULL ELSE corr($1, $2)$f END"),
    a("COVAR_POP", "ff", "f", "covar_pop($1, $2)$f"),
    a("COVAR_SAMP", "ff", "f", "covar_samp($1, $2)$f"),
    a("APPROX_COUNT_DISTINCT", "a", "i", "count(DISTINCT $1)$f"),
    a("MAX_BY", "aa", "1", "arg_max_null($1, $2)$f"),
    a("MIN_BY", "aa", "1", "arg_min_null($1, $2)$f"),
    a("GROUPING", "a", "i", "CAST(grouping($1) AS BIGINT)"),
    a("PERCENTILE_CONT", "ff", "f", "quantile_cont($1, $2)$f"),
    a("PERCENTILE_DISC", "xf", "x", "quantile_disc($1, $2)$f"),
];

/// Aggregates with an own function below.
const SPECIAL: &[&str] = &[
    "COUNTIF",
    "STRING_AGG",
    "ARRAY_AGG",
    "ARRAY_CONCAT_AGG",
    "APPROX_QUANTILES",
    "APPROX_TOP_COUNT",
    "APPROX_TOP_SUM",
];

pub(super) fn is_aggregate(name: &str) -> bool {
    SPECIAL.contains(&name) || TABLE.iter().any(|row| row.name == name)
}

/// Whether an expression holds an aggregate outside subqueries and windows.
pub(super) fn contains(value: &Expr) -> bool {
    let mut found = false;
    walk(value, &mut |e| {
        if let Kind::Call(call) = &e.kind {
            found |= is_aggregate(&call.name.to_uppercase()) && call.over.is_none();
        }
    });
    found
}

/// Visits an expression and what it is made of, without subqueries.
pub(super) fn walk(value: &Expr, visit: &mut impl FnMut(&Expr)) {
    visit(value);
    let mut each = |items: &[&Expr]| items.iter().for_each(|e| walk(e, visit));
    match &value.kind {
        Kind::Interval { value, .. }
        | Kind::Field(value, _)
        | Kind::Unary(_, value)
        | Kind::Is { value, .. }
        | Kind::Named(_, value) => each(&[value]),
        Kind::Index(a, b) | Kind::Binary(_, a, b) | Kind::IsDistinct { left: a, right: b, .. } => each(&[a, b]),
        Kind::Between { value, low, high, .. } => each(&[value, low, high]),
        Kind::In { value, set, .. } | Kind::Like { value, set, .. } => {
            each(&[value]);
            match set {
                Set::Items(items) => items.iter().for_each(|e| walk(e, visit)),
                Set::Unnest(array) => walk(array, visit),
                Set::Query(_) => {}
            }
        }
        Kind::Case { operand, whens, otherwise } => {
            operand.iter().chain(otherwise.iter()).for_each(|e| walk(e, visit));
            whens.iter().for_each(|(a, b)| {
                walk(a, visit);
                walk(b, visit);
            });
        }
        Kind::Cast { value, .. } | Kind::Extract { from: value, .. } => each(&[value]),
        Kind::Call(call) => call.args.iter().chain(call.condition.iter()).for_each(|e| walk(e, visit)),
        Kind::Array { items, .. } => items.iter().for_each(|e| walk(e, visit)),
        Kind::Struct { items, .. } => items.iter().for_each(|(e, _)| walk(e, visit)),
        Kind::With { bindings, body } => {
            bindings.iter().for_each(|(_, e)| walk(e, visit));
            walk(body, visit);
        }
        _ => {}
    }
}

/// What stands behind an aggregate's bracket.
pub(super) struct Tail {
    /// conditions of its FILTER
    conditions: Vec<String>,
    over: String,
}

impl Tail {
    fn sql(&self) -> String {
        let filter = if self.conditions.is_empty() {
            String::new()
        } else {
            format!(" FILTER (WHERE {})", self.conditions.join(" AND "))
        };
        format!("{filter}{}", self.over)
    }

    fn with(&self, condition: String) -> Tail {
        let mut conditions = self.conditions.clone();
        conditions.push(condition);
        Tail { conditions, over: self.over.clone() }
    }
}

impl Translator<'_> {
    pub(super) fn aggregate_or_window(&mut self, call: &Call, name: &str, scope: &Scope) -> Result<Typed> {
        if super::window::is_window(name)
            || (call.over.is_some() && matches!(name, "PERCENTILE_CONT" | "PERCENTILE_DISC"))
        {
            return self.window_function(call, name, scope);
        }
        if !is_aggregate(name) {
            return Err(match super::functions::known(name) {
                true => SqlError::semantic(format!("{} is not an analytic function", call.name), call.at),
                false => super::call::unknown_function(name, call.at),
            });
        }
        // an aggregate inside a PIVOT takes its condition once; what it holds does not
        let pivot = self.filter.take();
        let result = self.aggregate_inner(call, name, scope, pivot.clone());
        self.filter = pivot;
        result
    }

    fn aggregate_inner(&mut self, call: &Call, name: &str, scope: &Scope, pivot: Option<String>) -> Result<Typed> {
        let mut tail = Tail { conditions: pivot.into_iter().collect(), over: String::new() };
        if let Some(window) = &call.over {
            tail.over = format!(" OVER ({})", self.window_spec(window, scope, call.at)?);
        }
        if let Some(condition) = &call.condition {
            tail.conditions.push(self.bool(condition, scope)?);
        }
        if call.having.is_some() {
            return self.having_aggregate(call, name, scope, &tail);
        }
        self.aggregate_tail(call, name, scope, &tail)
    }

    fn aggregate_tail(&mut self, call: &Call, name: &str, scope: &Scope, tail: &Tail) -> Result<Typed> {
        if name == "COUNT" && matches!(call.args.first().map(|a| &a.kind), Some(Kind::Star)) {
            return Ok(Typed::new(format!("count(*){}", tail.sql()), Type::Int64));
        }
        let values = self.exprs(&call.args, scope)?;
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
                let args: Vec<(Typed, usize)> = values.into_iter().zip(call.args.iter().map(|a| a.at)).collect();
                self.aggregate_row(call, name, &args, tail)
            }
        }
    }

    fn aggregate_row(&mut self, call: &Call, name: &str, args: &[(Typed, usize)], tail: &Tail) -> Result<Typed> {
        let mut best: Option<(u32, &Agg, Vec<Typed>)> = None;
        for row in TABLE.iter().filter(|row| row.name == name) {
            if let Some((cost, converted)) = self.fit_aggregate(row, args)
                && best.as_ref().is_none_or(|(least, ..)| cost < *least)
            {
                best = Some((cost, row, converted));
            }
        }
        let Some((_, row, converted)) = best else {
            let types: Vec<String> = args.iter().map(|(t, _)| t.ty.to_string()).collect();
            return Err(SqlError::semantic(
                format!("No matching signature for aggregate function {name} for argument types: {}", types.join(", ")),
                call.at,
            ));
        };
        if matches!(name, "MIN" | "MAX")
            && matches!(
                converted[0].ty,
                Type::Json | Type::Geography | Type::Struct(_) | Type::Array(_) | Type::Range(_)
            )
        {
            return Err(SqlError::semantic(
                format!("{name} is not defined for arguments of type {}", converted[0].ty),
                call.at,
            ));
        }
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let ty = match row.ret {
            "1" | "x" => converted[0].ty.clone(),
            other => other.chars().next().and_then(super::call::letter).unwrap_or(Type::Int64),
        };
        let mut tail = Tail { conditions: tail.conditions.clone(), over: tail.over.clone() };
        if name == "MAX_BY" || name == "MIN_BY" {
            tail.conditions.push(format!("{} IS NOT NULL", converted[1].sql));
        }
        let sql = row.sql.replace("$d", distinct).replace("$f", &tail.sql());
        Ok(Typed::new(self.fill(&sql, &converted), ty))
    }

    fn fit_aggregate(&self, row: &Agg, args: &[(Typed, usize)]) -> Option<(u32, Vec<Typed>)> {
        if row.args.len() != args.len() {
            return None;
        }
        let (mut cost, mut converted) = (0, Vec::new());
        for (c, (arg, _)) in row.args.chars().zip(args) {
            let to = match super::call::letter(c) {
                Some(ty) => {
                    cost += arg.ty.distance(&ty)?;
                    ty
                }
                None => {
                    cost += 3;
                    super::select::known(&arg.ty)
                }
            };
            converted.push(Typed::new(self.convert(arg, &to), to));
        }
        Some((cost, converted))
    }

    fn countif(&mut self, call: &Call, values: Vec<Typed>, tail: &Tail) -> Result<Typed> {
        match values.as_slice() {
            [value] if matches!(value.ty, Type::Bool | Type::Null) => {
                let condition = self.convert(value, &Type::Bool);
                let sql = if call.distinct {
                    format!("count(DISTINCT {condition}){}", tail.with(condition.clone()).sql())
                } else {
                    format!("count(*){}", tail.with(condition).sql())
                };
                Ok(Typed::new(sql, Type::Int64))
            }
            _ => Err(SqlError::semantic("COUNTIF needs one BOOL argument", call.at)),
        }
    }

    fn inner_order(&mut self, call: &Call, scope: &Scope) -> Result<String> {
        if call.order.is_empty() {
            return Ok(String::new());
        }
        if call.distinct {
            // DuckDB wants the sort key to be the aggregated value itself, once
            let keys: Vec<String> = call
                .order
                .iter()
                .map(|o| {
                    let value = self.expr(&o.value, scope)?;
                    let first = o.nulls_first.unwrap_or(!o.descending);
                    Ok(format!(
                        "{} {} NULLS {}",
                        value.sql,
                        if o.descending { "DESC" } else { "ASC" },
                        if first { "FIRST" } else { "LAST" }
                    ))
                })
                .collect::<Result<_>>()?;
            return Ok(format!(" ORDER BY {}", keys.join(", ")));
        }
        Ok(format!(" ORDER BY {}", self.sort_keys(&call.order, scope)?))
    }

    fn collect(&mut self, call: &Call, name: &str, values: Vec<Typed>, scope: &Scope, tail: &Tail) -> Result<Typed> {
        let Some(value) = values.first() else {
            return Err(SqlError::semantic(format!("{name} needs an argument"), call.at));
        };
        let order = self.inner_order(call, scope)?;
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let limit = match &call.limit {
            Some(limit) => format!("[1:{}]", self.expr(limit, scope)?.sql),
            None => String::new(),
        };
        if name == "STRING_AGG" {
            return self.string_agg(call, &values, &(distinct.to_owned(), order, limit), tail);
        }
        let plain = self.plain(value);
        let skip = call.ignore_nulls == Some(true) || name == "ARRAY_CONCAT_AGG";
        let tail = if skip { tail.with(format!("{plain} IS NOT NULL")) } else { tail.with_same() };
        let list = format!("list({distinct}{plain}{order}){}", tail.sql());
        if name == "ARRAY_CONCAT_AGG" {
            if !matches!(value.ty, Type::Array(_)) {
                return Err(SqlError::semantic(format!("ARRAY_CONCAT_AGG is not defined for {}", value.ty), call.at));
            }
            return Ok(Typed::new(format!("flatten(({list}){limit})"), value.ty.clone()));
        }
        if matches!(value.ty, Type::Array(_)) {
            return Err(SqlError::semantic("The argument to ARRAY_AGG must not be an array type", call.at));
        }
        let sql = if limit.is_empty() { list } else { format!("({list}){limit}") };
        Ok(Typed::new(sql, Type::Array(Box::new(super::select::known(&value.ty)))))
    }

    fn string_agg(
        &mut self,
        call: &Call,
        values: &[Typed],
        parts: &(String, String, String),
        tail: &Tail,
    ) -> Result<Typed> {
        let (distinct, order, limit) = parts;
        let value = &values[0];
        let separator = match values.get(1) {
            Some(separator) => separator.sql.clone(),
            None => text(","),
        };
        let tail = tail.with(format!("{} IS NOT NULL", self.plain(value)));
        match value.ty {
            Type::String | Type::Null => {
                let list = format!("list({distinct}{}{order}){}", self.convert(value, &Type::String), tail.sql());
                Ok(Typed::new(format!("array_to_string(({list}){limit}, {separator})"), Type::String))
            }
            Type::Bytes => {
                let separator = values.get(1).map_or("from_hex('2c')".to_owned(), |s| s.sql.clone());
                let list = format!("list({distinct}{}{order}){}", value.sql, tail.sql());
                Ok(Typed::new(format!("list_reduce(({list}){limit}, lambda a, b: a || {separator} || b)"), Type::Bytes))
            }
            ref other => Err(SqlError::semantic(format!("STRING_AGG is not defined for {other}"), call.at)),
        }
    }

    /// The exact quantiles at 0, 1/n ... 1.
    fn approx_quantiles(&mut self, call: &Call, values: Vec<Typed>, tail: &Tail) -> Result<Typed> {
        let count = match call.args.get(1).map(|a| &a.kind) {
            Some(Kind::Int(text)) => text.parse::<usize>().ok().filter(|n| (1..=100_000).contains(n)),
            _ => None,
        };
        let Some(count) = count else {
            return Err(SqlError::semantic(
                "the second argument of APPROX_QUANTILES must be an INT64 literal from 1 to 100000",
                call.at,
            ));
        };
        let plain = self.plain(&values[0]);
        let skip = call.ignore_nulls != Some(false);
        let tail = if skip { tail.with(format!("{plain} IS NOT NULL")) } else { tail.with_same() };
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let list = format!("list({distinct}{plain} ORDER BY {plain} ASC NULLS FIRST){}", tail.sql());
        Ok(Typed::new(
            format!("rsdbt_sys.main.quantiles({list}, {count})"),
            Type::Array(Box::new(values[0].ty.clone())),
        ))
    }

    fn approx_top(&mut self, call: &Call, name: &str, values: Vec<Typed>, tail: &Tail) -> Result<Typed> {
        let weighted = name == "APPROX_TOP_SUM";
        let wanted = if weighted { 3 } else { 2 };
        if values.len() != wanted {
            return Err(SqlError::semantic(format!("{name} needs {wanted} arguments"), call.at));
        }
        let value = self.plain(&values[0]);
        let count = format!("rsdbt_sys.main.positive({})", self.plain(&values[wanted - 1]));
        let (label, ty) = if weighted { ("sum", values[1].ty.clone()) } else { ("count", Type::Int64) };
        let weight = if weighted { self.plain(&values[1]) } else { "1::BIGINT".to_owned() };
        let tail = if weighted { tail.with(format!("{weight} IS NOT NULL")) } else { tail.with_same() };
        let list = format!("list(struct_pack(v := {value}, w := {weight})){}", tail.sql());
        let sql = format!("rsdbt_sys.main.top_{label}({list}, {count})");
        let fields = vec![
            Field { name: Some("value".into()), ty: values[0].ty.clone() },
            Field { name: Some(label.into()), ty: ty.clone() },
        ];
        let cast = Type::Array(Box::new(Type::Struct(fields)));
        Ok(Typed::new(format!("CAST({sql} AS {})", cast.duck()), cast))
    }

    /// `AGG(x HAVING MAX y)`: only the rows where y is extreme count.
    fn having_aggregate(&mut self, call: &Call, name: &str, scope: &Scope, tail: &Tail) -> Result<Typed> {
        let Some((max, key)) = &call.having else { return Err(SqlError::semantic("HAVING is missing", call.at)) };
        let key = self.expr(key, scope)?;
        if call.over.is_some() || !call.order.is_empty() || call.limit.is_some() {
            return Err(SqlError::unsupported(format!("{name} with HAVING and ORDER BY, LIMIT or OVER"), call.at));
        }
        if matches!(key.ty, Type::Range(_)) {
            return Err(SqlError::unsupported(format!("HAVING MAX or MIN of {}", key.ty), call.at));
        }
        let key_sql = self.plain(&key);
        let star = matches!(call.args.first().map(|a| &a.kind), Some(Kind::Star) | None);
        let values = if star { Vec::new() } else { self.exprs(&call.args, scope)? };
        let mut parts = vec![format!("k := {key_sql}")];
        parts.extend(
            values.iter().enumerate().map(|(i, v)| format!("{} := {}", quote(&format!("x{i}")), self.plain(v))),
        );
        let list =
            format!("list(struct_pack({})){}", parts.join(", "), tail.with(format!("{key_sql} IS NOT NULL")).sql());
        let kept = format!("rsdbt_sys.main.{}({list})", if *max { "keep_max" } else { "keep_min" });
        // the aggregate itself runs over the kept rows, which a subquery unnests
        let alias = self.fresh("h");
        let mut inner = Call { having: None, condition: None, args: Vec::new(), ..call.clone() };
        let mut local = Scope::default();
        for (i, value) in values.iter().enumerate() {
            let name = format!("x{i}");
            local.star.push(super::scope::Col {
                name: Some(name.clone()),
                sql: format!("({}.\"r\").{}", quote(&alias), quote(&name)),
                ty: super::select::known(&value.ty),
            });
            let at = call.args[i].at;
            let literal = matches!(call.args[i].kind, Kind::Int(_) | Kind::Text(_));
            inner.args.push(if literal {
                call.args[i].clone()
            } else {
                Expr { at, end: at, kind: Kind::Name(crate::ast::Ident { text: name, at }) }
            });
        }
        if star {
            inner.args = call.args.clone();
        }
        let typed = self.aggregate_tail(&inner, name, &local, &Tail { conditions: Vec::new(), over: String::new() })?;
        Ok(Typed::new(
            format!("(SELECT {} FROM (SELECT unnest({kept}) AS \"r\") AS {})", typed.sql, quote(&alias)),
            typed.ty,
        ))
    }
}

impl Tail {
    fn with_same(&self) -> Tail {
        Tail { conditions: self.conditions.clone(), over: self.over.clone() }
    }
}
