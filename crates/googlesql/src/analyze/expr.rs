//! Expressions: names, literals, constructors, subqueries, CASE.

use super::{Analyzer, Scope};
use crate::ast::{self, Ident, Kind, Set, TypeName};
use crate::query::{Expr, Node, Query, SubqueryKind};
use crate::types::{Field, Type, field_names, known};
use crate::{Result, SqlError};

impl Analyzer<'_> {
    pub(super) fn expr(&mut self, value: &ast::Expr, scope: &Scope) -> Result<Expr> {
        match &value.kind {
            Kind::Null => Ok(Expr::null()),
            Kind::Default => Ok(Expr::new(Node::Default, Type::Null)),
            Kind::Bool(b) => Ok(Expr::bool(*b)),
            Kind::Int(digits) => match digits.parse() {
                Ok(number) => Ok(Expr::int(number)),
                Err(_) => Err(SqlError::semantic(format!("Invalid integer literal: {digits}"), value.at)),
            },
            Kind::Float(digits) => Ok(Expr::new(Node::Float(digits.clone()), Type::Float64)),
            Kind::Text(content) => Ok(Expr::text(content.clone())),
            Kind::Bytes(bytes) => Ok(Expr::new(Node::Bytes(bytes.clone()), Type::Bytes)),
            Kind::Typed(name, content) => self.typed_literal(name, content, value.at),
            Kind::Interval { value: count, from, to } => self.interval(count, from, to.as_ref(), scope),
            Kind::Name(name) => self.name(name, scope),
            Kind::Field(inner, field) => self.field(inner, field, scope),
            Kind::Index(inner, index) => self.index(inner, index, scope),
            Kind::Param(name) => self.param(name, value.at),
            Kind::System(name) => self.system(name, value.at),
            Kind::Unary(op, inner) => self.unary(op, inner, scope),
            Kind::Binary(op, left, right) => self.binary(op, left, right, scope),
            Kind::Is { value: inner, what, not } => self.is(inner, what, *not, scope),
            Kind::IsDistinct { left, right, not } => self.is_distinct(left, right, *not, scope),
            Kind::Between { value: inner, low, high, not } => self.between(inner, (low, high), *not, scope),
            Kind::In { value: inner, set, not } => self.is_in(inner, set, *not, scope),
            Kind::Like { value: inner, quantifier, set, not } => self.like(inner, *quantifier, set, *not, scope),
            Kind::Case { operand, whens, otherwise } => {
                self.case(operand.as_deref(), whens, otherwise.as_deref(), scope)
            }
            Kind::Cast { value: inner, to, safe, format, zone } => {
                self.cast_expr(inner, to, *safe, (format.as_deref(), zone.as_deref()), scope)
            }
            Kind::Extract { part, from, zone } => self.extract(part, from, zone.as_deref(), scope),
            Kind::Call(call) => self.call(call, scope),
            Kind::Array { element, items } => self.array(element.as_ref(), items, scope, value.at),
            Kind::ArrayQuery(query) => self.array_query(query, scope),
            Kind::Struct { fields, items } => self.structure(fields.as_deref(), items, scope, value.at),
            Kind::Query(query) => self.scalar_query(query, scope, value.at),
            Kind::Exists(query) => {
                let query = self.query(query, scope)?;
                Ok(subquery(SubqueryKind::Exists, query, Type::Bool))
            }
            Kind::With { bindings, body } => self.with_expr(bindings, body, scope),
            Kind::Lambda { .. } => Err(SqlError::unsupported("a lambda here", value.at)),
            Kind::Named(name, _) => {
                Err(SqlError::semantic(format!("the argument {} has no place here", name.text), value.at))
            }
            Kind::Object(..) | Kind::Star => Err(SqlError::semantic("this cannot stand in an expression", value.at)),
        }
    }

    pub(super) fn exprs(&mut self, values: &[ast::Expr], scope: &Scope) -> Result<Vec<Expr>> {
        values.iter().map(|v| self.expr(v, scope)).collect()
    }

    /// A condition.
    pub(super) fn bool(&mut self, value: &ast::Expr, scope: &Scope) -> Result<Expr> {
        self.condition(value, "a condition", scope)
    }

    /// The condition of a clause.
    pub(super) fn condition(&mut self, value: &ast::Expr, clause: &str, scope: &Scope) -> Result<Expr> {
        let condition = self.expr(value, scope)?;
        match condition.ty {
            Type::Bool | Type::Unknown => Ok(condition),
            Type::Null => Ok(self.convert(condition, &Type::Bool)),
            other => {
                let message = format!("{clause} should return type BOOL, but returns {other}");
                Err(SqlError::semantic(message, value.at))
            }
        }
    }

    fn name(&mut self, name: &Ident, scope: &Scope) -> Result<Expr> {
        if let Some(found) = scope.find(name)? {
            return Ok(found);
        }
        if let Some(ty) = self.catalog.variable(&name.text) {
            return Ok(Expr::new(Node::Variable(name.text.to_lowercase()), ty));
        }
        // functions that may be written without brackets
        const BARE: &[&str] = &["CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_DATETIME", "CURRENT_TIME"];
        if BARE.iter().any(|b| b.eq_ignore_ascii_case(&name.text)) {
            let call = ast::Call { name: name.text.clone(), at: name.at, ..Default::default() };
            return self.call(&call, scope);
        }
        if scope.unknown {
            return Ok(Expr::new(Node::Null, Type::Unknown));
        }
        Err(scope.unknown(name))
    }

    fn field(&mut self, inner: &ast::Expr, field: &Ident, scope: &Scope) -> Result<Expr> {
        if let Kind::Name(name) = &inner.kind
            && let Some(range) = scope.find_range(name)
        {
            let found = range.cols.iter().chain(&range.hidden).find(|c| c.is(&field.text));
            let whole = range.value.as_ref().map(|value| &value.ty);
            match (found, whole) {
                (Some(col), None | Some(Type::Struct(_))) => return Ok(col.value.clone()),
                (None, None) => {
                    let names: Vec<&str> = range.cols.iter().filter_map(|c| c.name.as_deref()).collect();
                    let error =
                        SqlError::semantic(format!("Name {} not found inside {}", field.text, name.text), field.at);
                    return Err(match rsdbt_base::closest(&field.text, names.iter().copied()) {
                        Some(near) => error.help(format!("did you mean {near}?")),
                        None => error,
                    });
                }
                _ => {}
            }
        }
        let value = self.expr(inner, scope)?;
        self.field_of(value, field)
    }

    pub(super) fn field_of(&mut self, value: Expr, field: &Ident) -> Result<Expr> {
        match &value.ty {
            Type::Struct(fields) => {
                let is = |f: &Field| f.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&field.text));
                let mut found = fields.iter().enumerate().filter(|(_, f)| is(f));
                let Some((i, hit)) = found.next() else {
                    let names = fields.iter().filter_map(|f| f.name.as_deref());
                    let error = SqlError::semantic(
                        format!("Field name {} does not exist in {}", field.text, value.ty),
                        field.at,
                    );
                    return Err(match rsdbt_base::closest(&field.text, names) {
                        Some(near) => error.help(format!("did you mean {near}?")),
                        None => error,
                    });
                };
                if found.next().is_some() {
                    return Err(SqlError::semantic(format!("Struct field name {} is ambiguous", field.text), field.at));
                }
                let (phys, ty) = (field_names(fields)[i].clone(), hit.ty.clone());
                Ok(value.field(&phys, ty))
            }
            Type::Json => Ok(self.form("$json_field", vec![value, Expr::text(field.text.clone())], Type::Json)),
            Type::Unknown => Ok(value),
            other => Err(SqlError::semantic(
                format!("Cannot access field {} on a value with type {other}", field.text),
                field.at,
            )),
        }
    }

    fn index(&mut self, inner: &ast::Expr, index: &ast::Expr, scope: &Scope) -> Result<Expr> {
        let value = self.expr(inner, scope)?;
        if value.ty == Type::Unknown {
            return Ok(value);
        }
        if value.ty == Type::Json {
            let key = self.expr(index, scope)?;
            let form = if key.ty == Type::String { "$json_field" } else { "$json_item" };
            return Ok(self.form(form, vec![value, key], Type::Json));
        }
        const MODES: &[&str] = &["OFFSET", "ORDINAL", "SAFE_OFFSET", "SAFE_ORDINAL"];
        let (mode, position) = match &index.kind {
            Kind::Call(call) if call.args.len() == 1 && MODES.contains(&call.name.to_uppercase().as_str()) => {
                (call.name.to_uppercase(), self.expr(&call.args[0], scope)?)
            }
            _ => ("OFFSET".to_owned(), self.expr(index, scope)?),
        };
        if let Type::Struct(fields) = &value.ty {
            let place = match &position.node {
                Node::Int(n) => usize::try_from(*n).ok(),
                _ => None,
            };
            let i = place.and_then(|p| if mode.contains("ORDINAL") { p.checked_sub(1) } else { Some(p) });
            let Some((i, field)) = i.and_then(|i| fields.get(i).map(|f| (i, f))) else {
                return Err(SqlError::semantic("the struct has no field at that position", index.at));
            };
            let (phys, ty) = (field_names(fields)[i].clone(), field.ty.clone());
            return Ok(value.field(&phys, ty));
        }
        let Type::Array(element) = value.ty.clone() else {
            return Err(SqlError::semantic(
                format!("Element access using [] is not supported on type {}", value.ty),
                index.at,
            ));
        };
        if position.ty.distance(&Type::Int64).is_none() {
            return Err(SqlError::semantic(format!("Array position must be INT64, this is {}", position.ty), index.at));
        }
        let form = if mode.starts_with("SAFE_") { "$array_safe_at" } else { "$array_at" };
        let position = self.convert(position, &Type::Int64);
        let position =
            if mode.ends_with("OFFSET") { self.form("$next", vec![position], Type::Int64) } else { position };
        let value = self.plain(value);
        Ok(self.form(form, vec![value, position], known(&element)))
    }

    fn param(&mut self, name: &str, at: usize) -> Result<Expr> {
        if name.is_empty() {
            self.next_param += 1;
            let wanted = self.next_param.to_string();
            let found = self.params.iter().find(|(n, _)| *n == wanted).map(|(_, t)| t.clone());
            return found.ok_or_else(|| SqlError::semantic("Query parameter number is not given", at));
        }
        let found = self.params.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, t)| t.clone());
        found.ok_or_else(|| SqlError::semantic(format!("Query parameter '{name}' not found"), at))
    }

    fn system(&mut self, name: &str, at: usize) -> Result<Expr> {
        let ty = match name.to_lowercase().as_str() {
            "time_zone" => return Ok(self.zone()),
            "row_count" => Type::Int64,
            "error.message"
            | "error.statement_text"
            | "error.formatted_stack_trace"
            | "script.job_id"
            | "session_id"
            | "project_id"
            | "dataset_id"
            | "dataset_project_id" => Type::String,
            _ => return Err(SqlError::unsupported(format!("the system variable @@{name}"), at)),
        };
        Ok(Expr::new(Node::System(name.to_lowercase()), ty))
    }

    fn typed_literal(&mut self, name: &TypeName, content: &str, at: usize) -> Result<Expr> {
        let ty = self.ty(name)?;
        match &ty {
            Type::Range(inner) => self.range_literal(content, inner, at),
            Type::Json => Ok(self.form("PARSE_JSON", vec![Expr::text(content)], ty)),
            Type::BigNumeric if content.split('.').nth(1).is_some_and(|f| f.trim_end_matches('0').len() > 18) => {
                Err(SqlError::unsupported("a BIGNUMERIC with more than 18 decimals", at))
            }
            _ => self.cast_value(Expr::text(content), &ty, at),
        }
    }

    pub(super) fn range_literal(&self, content: &str, inner: &Type, at: usize) -> Result<Expr> {
        let bad = || SqlError::semantic("a RANGE literal looks like '[start, end)'", at);
        let body = content.trim().strip_prefix('[').and_then(|c| c.strip_suffix(')')).ok_or_else(bad)?;
        let (start, end) = body.split_once(',').ok_or_else(bad)?;
        let part = |part: &str| {
            let part = part.trim();
            let unbounded = part.eq_ignore_ascii_case("UNBOUNDED") || part.eq_ignore_ascii_case("NULL");
            if unbounded { Ok(Expr::null()) } else { self.cast_value(Expr::text(part), inner, at) }
        };
        Ok(self.make_range(part(start)?, part(end)?, inner))
    }

    pub(super) fn make_range(&self, start: Expr, end: Expr, inner: &Type) -> Expr {
        let ends = vec![self.convert(start, inner), self.convert(end, inner)];
        self.form("$make_range", ends, Type::Range(Box::new(inner.clone())))
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        whens: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
        scope: &Scope,
    ) -> Result<Expr> {
        let (mut results, mut tests) = (Vec::new(), Vec::new());
        for (when, then) in whens {
            tests.push(if operand.is_some() { self.expr(when, scope)? } else { self.bool(when, scope)? });
            results.push((self.expr(then, scope)?, then.at));
        }
        if let Some(otherwise) = otherwise {
            results.push((self.expr(otherwise, scope)?, otherwise.at));
        }
        let ty = self.common_of(&results).map_err(|error| no_common("operator CASE", error, &results))?;
        let mut results: Vec<Expr> = results.into_iter().map(|(value, _)| self.convert(value, &ty)).collect();
        let last = otherwise.and_then(|_| results.pop()).map(Box::new);
        let Some(operand) = operand else {
            return Ok(Expr::new(Node::Case(tests.into_iter().zip(results).collect(), last), ty));
        };
        let heavy = tests.iter().chain(&results).chain(last.as_deref()).any(Expr::is_heavy);
        let value = self.expr(operand, scope)?;
        self.once(value, heavy, |t, value| {
            let mut whens = Vec::new();
            for (test, then) in tests.into_iter().zip(results) {
                whens.push((t.comparison("=", value.clone(), test, operand.at)?, then));
            }
            Ok(Expr::new(Node::Case(whens, last), ty))
        })
    }

    fn array(&mut self, element: Option<&TypeName>, items: &[ast::Expr], scope: &Scope, at: usize) -> Result<Expr> {
        let mut values = Vec::new();
        for item in items {
            values.push((self.expr(item, scope)?, item.at));
        }
        let ty = match element {
            Some(name) => self.ty(name)?,
            None => self.common_of(&values).map_err(|error| array_elements(error, &values, at))?,
        };
        if matches!(ty, Type::Array(_)) {
            let message =
                format!("Cannot construct array with element type {ty} because nested arrays are not supported");
            return Err(SqlError::semantic(message, at));
        }
        let mut list = Vec::new();
        for (value, at) in values {
            if !self.fits(&value, &ty) {
                return Err(SqlError::semantic(format!("Array element type {} does not coerce to {ty}", value.ty), at));
            }
            list.push(self.convert(value, &ty));
        }
        Ok(Expr::new(Node::Array(list), Type::Array(Box::new(ty))))
    }

    fn array_query(&mut self, query: &ast::Query, scope: &Scope) -> Result<Expr> {
        let out = self.query(query, scope)?;
        let [col] = out.columns.as_slice() else {
            return Err(SqlError::semantic(
                "ARRAY subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values",
                query.at,
            ));
        };
        if matches!(col.ty, Type::Array(_)) {
            return Err(SqlError::semantic("Cannot use array subquery with column of type ARRAY", query.at));
        }
        let ty = Type::Array(Box::new(col.ty.clone()));
        Ok(subquery(SubqueryKind::Array, out, ty))
    }

    fn structure(
        &mut self,
        types: Option<&[(Option<Ident>, TypeName)]>,
        items: &[(ast::Expr, Option<Ident>)],
        scope: &Scope,
        at: usize,
    ) -> Result<Expr> {
        if let Some(types) = types
            && types.len() != items.len()
        {
            return Err(SqlError::semantic(
                format!("STRUCT type has {} fields but constructor call has {}", types.len(), items.len()),
                at,
            ));
        }
        let (mut fields, mut values) = (Vec::new(), Vec::new());
        for (i, (item, alias)) in items.iter().enumerate() {
            let value = self.expr(item, scope)?;
            let (name, ty) = match types {
                Some(types) => {
                    let ty = self.ty(&types[i].1)?;
                    if !self.fits(&value, &ty) {
                        return Err(SqlError::semantic(
                            format!("Struct field {} has type {} which does not coerce to {ty}", i + 1, value.ty),
                            item.at,
                        ));
                    }
                    (types[i].0.as_ref().map(|n| n.text.clone()), ty)
                }
                None => {
                    let inside = matches!(&item.kind, Kind::Struct { .. });
                    let implied = if inside { None } else { super::select::implied(item) };
                    (alias.as_ref().map(|a| a.text.clone()).or(implied), value.ty.clone())
                }
            };
            // an untyped NULL stays one, so that the struct as a whole can bend
            values.push(if value.ty == ty { value } else { self.convert(value, &ty) });
            fields.push(Field { name, ty });
        }
        if fields.is_empty() {
            return Err(SqlError::unsupported("a STRUCT without fields", at));
        }
        let parts = field_names(&fields).into_iter().zip(values).collect();
        Ok(Expr::new(Node::Struct(parts), Type::Struct(fields)))
    }

    fn scalar_query(&mut self, query: &ast::Query, scope: &Scope, at: usize) -> Result<Expr> {
        let out = self.query(query, scope)?;
        match out.columns.as_slice() {
            [col] => {
                let ty = col.ty.clone();
                Ok(subquery(SubqueryKind::Scalar, out, ty))
            }
            _ => Err(SqlError::semantic(
                "Scalar subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values",
                at,
            )),
        }
    }

    /// The values of `IN (...)` and the like.
    pub(super) fn set_values(&mut self, set: &Set, scope: &Scope) -> Result<Vec<(Expr, usize)>> {
        match set {
            Set::Items(items) => items.iter().map(|i| Ok((self.expr(i, scope)?, i.at))).collect(),
            _ => Ok(Vec::new()),
        }
    }
}

/// The refusal of values that have no type in common.
pub(super) fn no_common(what: &str, error: SqlError, values: &[(Expr, usize)]) -> SqlError {
    let types: Vec<String> = values.iter().map(|(value, _)| value.ty.to_string()).collect();
    SqlError { message: format!("No matching signature for {what} for argument types: {}", types.join(", ")), ..error }
}

fn subquery(kind: SubqueryKind, query: Query, ty: Type) -> Expr {
    Expr::new(Node::Subquery(kind, Box::new(query)), ty)
}

fn array_elements(error: SqlError, values: &[(Expr, usize)], at: usize) -> SqlError {
    let mut types: Vec<String> = Vec::new();
    for (value, _) in values {
        let shown = value.ty.to_string();
        if !types.contains(&shown) {
            types.push(shown);
        }
    }
    let message = format!("Array elements of types {{{}}} do not have a common supertype", types.join(", "));
    SqlError { message, at, ..error }
}
