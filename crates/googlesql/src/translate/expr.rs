//! Expressions: names, literals, constructors, subqueries, CASE.

use super::scope::Scope;
use super::{Literal, Result, SqlError, Translator, Typed, text};
use crate::ast::{Expr, Ident, Kind, Query, Set, TypeName};
use crate::types::{Field, Type, field_names, quote};

impl Translator<'_> {
    pub(super) fn expr(&mut self, value: &Expr, scope: &Scope) -> Result<Typed> {
        match &value.kind {
            Kind::Null => Ok(Typed::null()),
            Kind::Default => Ok(Typed::new("DEFAULT", Type::Null)),
            Kind::Bool(b) => Ok(Typed::new(if *b { "TRUE" } else { "FALSE" }, Type::Bool)),
            Kind::Int(digits) => int(digits, value.at),
            Kind::Float(digits) => Ok(Typed {
                sql: format!("{digits}::DOUBLE"),
                ty: Type::Float64,
                literal: Literal::Float(digits.clone()),
            }),
            Kind::Text(content) => {
                Ok(Typed { sql: text(content), ty: Type::String, literal: Literal::Text(content.clone()) })
            }
            Kind::Bytes(bytes) => Ok(Typed::new(format!("from_hex('{}')", hex(bytes)), Type::Bytes)),
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
            Kind::Between { value: inner, low, high, not } => self.between(inner, low, high, *not, scope),
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
                let out = self.query(query, scope)?;
                Ok(Typed::new(format!("EXISTS ({})", out.sql), Type::Bool))
            }
            Kind::With { bindings, body } => {
                let mut inner = scope.clone();
                for (name, bound) in bindings {
                    let typed = self.expr(bound, &inner)?;
                    inner.first.push((name.text.clone(), typed));
                }
                self.expr(body, &inner)
            }
            Kind::Lambda { .. } => Err(SqlError::unsupported("a lambda here", value.at)),
            Kind::Named(name, _) => {
                Err(SqlError::semantic(format!("the argument {} has no place here", name.text), value.at))
            }
            Kind::Object(..) | Kind::Star => Err(SqlError::semantic("this cannot stand in an expression", value.at)),
        }
    }

    pub(super) fn exprs(&mut self, values: &[Expr], scope: &Scope) -> Result<Vec<Typed>> {
        values.iter().map(|v| self.expr(v, scope)).collect()
    }

    /// A condition as DuckDB text.
    pub(super) fn bool(&mut self, value: &Expr, scope: &Scope) -> Result<String> {
        let typed = self.expr(value, scope)?;
        match typed.ty {
            Type::Bool => Ok(typed.sql),
            Type::Null => Ok(format!("CAST({} AS BOOLEAN)", typed.sql)),
            other => Err(SqlError::semantic(format!("a condition must be BOOL, this is {other}"), value.at)),
        }
    }

    fn name(&mut self, name: &Ident, scope: &Scope) -> Result<Typed> {
        if let Some(found) = scope.find(name)? {
            return Ok(found);
        }
        if let Some(ty) = self.catalog.variable(&name.text) {
            return Ok(Typed::new(self.variable_sql(&name.text, &ty), ty));
        }
        // functions that may be written without brackets
        const BARE: &[&str] = &["CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_DATETIME", "CURRENT_TIME"];
        if BARE.iter().any(|b| b.eq_ignore_ascii_case(&name.text)) {
            let call = crate::ast::Call { name: name.text.clone(), at: name.at, ..Default::default() };
            return self.call(&call, scope);
        }
        Err(scope.unknown(name))
    }

    fn variable_sql(&self, name: &str, ty: &Type) -> String {
        format!("CAST(getvariable({}) AS {})", text(&format!("v_{}", name.to_lowercase())), ty.duck())
    }

    fn field(&mut self, inner: &Expr, field: &Ident, scope: &Scope) -> Result<Typed> {
        if let Kind::Name(name) = &inner.kind
            && let Some(range) = scope.find_range(name)
        {
            let found =
                range.cols.iter().find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&field.text)));
            match (found, &range.value) {
                (Some(col), None | Some((_, Type::Struct(_)))) => {
                    return Ok(Typed::new(col.sql.clone(), col.ty.clone()));
                }
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
        self.field_of(&value, field)
    }

    pub(super) fn field_of(&mut self, value: &Typed, field: &Ident) -> Result<Typed> {
        match &value.ty {
            Type::Struct(fields) => {
                let mut found = fields
                    .iter()
                    .enumerate()
                    .filter(|(_, f)| f.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&field.text)));
                let Some((i, hit)) = found.next() else {
                    return Err(SqlError::semantic(
                        format!("Field name {} does not exist in {}", field.text, value.ty),
                        field.at,
                    ));
                };
                if found.next().is_some() {
                    return Err(SqlError::semantic(format!("Struct field name {} is ambiguous", field.text), field.at));
                }
                Ok(Typed::new(format!("({}).{}", value.sql, quote(&field_names(fields)[i])), hit.ty.clone()))
            }
            Type::Json => Ok(Typed::new(format!("bq_json_field({}, {})", value.sql, text(&field.text)), Type::Json)),
            other => Err(SqlError::semantic(
                format!("Cannot access field {} on a value with type {other}", field.text),
                field.at,
            )),
        }
    }

    fn index(&mut self, inner: &Expr, index: &Expr, scope: &Scope) -> Result<Typed> {
        let value = self.expr(inner, scope)?;
        if value.ty == Type::Json {
            let key = self.expr(index, scope)?;
            return match key.ty {
                Type::String => Ok(Typed::new(format!("bq_json_field({}, {})", value.sql, key.sql), Type::Json)),
                _ => Ok(Typed::new(format!("bq_json_item({}, {})", value.sql, key.sql), Type::Json)),
            };
        }
        let (mode, position) = match &index.kind {
            Kind::Call(call) if call.args.len() == 1 => (call.name.to_uppercase(), self.expr(&call.args[0], scope)?),
            _ => ("OFFSET".to_owned(), self.expr(index, scope)?),
        };
        if let Type::Struct(fields) = &value.ty {
            return struct_item(&value, fields, &mode, index);
        }
        let Type::Array(element) = &value.ty else {
            return Err(SqlError::semantic(
                format!("Element access using [] is not supported on type {}", value.ty),
                index.at,
            ));
        };
        if !matches!(position.ty, Type::Int64 | Type::Null) {
            return Err(SqlError::semantic(format!("Array position must be INT64, this is {}", position.ty), index.at));
        }
        let (base, safe) = match mode.as_str() {
            "OFFSET" => (1, false),
            "ORDINAL" => (0, false),
            "SAFE_OFFSET" => (1, true),
            "SAFE_ORDINAL" => (0, true),
            _ => (1, false),
        };
        let position =
            if mode.contains("OFFSET") || mode.contains("ORDINAL") { position } else { self.expr(index, scope)? };
        let shift = if base == 1 { format!("({}) + 1", self.plain(&position)) } else { self.plain(&position) };
        let name = if safe { "rsdbt_sys.main.array_safe_at" } else { "rsdbt_sys.main.array_at" };
        Ok(Typed::new(format!("{name}({}, {shift})", self.plain(&value)), (**element).clone()))
    }

    fn param(&mut self, name: &str, at: usize) -> Result<Typed> {
        if name.is_empty() {
            self.next_param += 1;
            let wanted = self.next_param.to_string();
            let found = self.params.iter().find(|(n, _)| *n == wanted).map(|(_, t)| t.clone());
            return found.ok_or_else(|| SqlError::semantic("Query parameter number is not given", at));
        }
        let found = self.params.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, t)| t.clone());
        found.ok_or_else(|| SqlError::semantic(format!("Query parameter '{name}' not found"), at))
    }

    fn system(&mut self, name: &str, at: usize) -> Result<Typed> {
        match name.to_lowercase().as_str() {
            "time_zone" => Ok(Typed::new(self.zone_sql(), Type::String)),
            known @ ("error.message" | "error.statement_text" | "error.formatted_stack_trace") => {
                Ok(Typed::new(format!("CAST(getvariable({}) AS VARCHAR)", text(&format!("sys_{known}"))), Type::String))
            }
            "row_count" => Ok(Typed::new("CAST(getvariable('sys_row_count') AS BIGINT)", Type::Int64)),
            "script.job_id" | "session_id" | "project_id" | "dataset_id" | "dataset_project_id" => Ok(Typed::new(
                format!("CAST(getvariable({}) AS VARCHAR)", text(&format!("sys_{}", name.to_lowercase()))),
                Type::String,
            )),
            _ => Err(SqlError::unsupported(format!("the system variable @@{name}"), at)),
        }
    }

    fn typed_literal(&mut self, name: &TypeName, content: &str, at: usize) -> Result<Typed> {
        let ty = self.ty(name)?;
        if let Type::Range(inner) = &ty {
            return self.range_literal(content, inner, at);
        }
        let value = Typed { sql: text(content), ty: Type::String, literal: Literal::Text(content.to_owned()) };
        match ty {
            Type::Json => Ok(Typed::new(format!("bq_parse_json({})", value.sql), ty)),
            Type::BigNumeric if content.split('.').nth(1).is_some_and(|f| f.trim_end_matches('0').len() > 18) => {
                Err(SqlError::unsupported("a BIGNUMERIC with more than 18 decimals", at))
            }
            _ => self.cast_value(&value, &ty, at),
        }
    }

    pub(super) fn range_literal(&self, content: &str, inner: &Type, at: usize) -> Result<Typed> {
        let bad = || SqlError::semantic("a RANGE literal looks like '[start, end)'", at);
        let body = content.trim().strip_prefix('[').and_then(|c| c.strip_suffix(')')).ok_or_else(bad)?;
        let (start, end) = body.split_once(',').ok_or_else(bad)?;
        let mut ends = Vec::new();
        for part in [start, end] {
            let part = part.trim();
            let unbounded = part.eq_ignore_ascii_case("UNBOUNDED") || part.eq_ignore_ascii_case("NULL");
            let value = Typed { sql: text(part), ty: Type::String, literal: Literal::Text(part.to_owned()) };
            ends.push(if unbounded { Typed::null() } else { self.cast_value(&value, inner, at)? });
        }
        Ok(self.make_range(&ends[0], &ends[1], inner))
    }

    pub(super) fn make_range(&self, start: &Typed, end: &Typed, inner: &Type) -> Typed {
        let (start, end) = (self.convert(start, inner), self.convert(end, inner));
        let sql = format!(
            "CASE WHEN {start} >= {end} THEN error('Range start element must be smaller than range end element') ELSE struct_pack(\"_start\" := {start}, \"_end\" := {end}) END"
        );
        Typed::new(format!("({sql})"), Type::Range(Box::new(inner.clone())))
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        whens: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        scope: &Scope,
    ) -> Result<Typed> {
        let operand = operand.map(|o| self.expr(o, scope).map(|t| (t, o.at))).transpose()?;
        let mut results = Vec::new();
        let mut conditions = Vec::new();
        for (when, then) in whens {
            conditions.push(match &operand {
                Some((left, at)) => {
                    let right = self.expr(when, scope)?;
                    self.comparison("=", left, &right, *at)?.sql
                }
                None => self.bool(when, scope)?,
            });
            results.push((self.expr(then, scope)?, then.at));
        }
        if let Some(otherwise) = otherwise {
            results.push((self.expr(otherwise, scope)?, otherwise.at));
        }
        let ty = self.common_of(&results)?;
        let mut sql = String::from("CASE");
        for (condition, (then, _)) in conditions.iter().zip(&results) {
            sql.push_str(&format!(" WHEN {condition} THEN {}", self.convert(then, &ty)));
        }
        if otherwise.is_some()
            && let Some((last, _)) = results.last()
        {
            sql.push_str(&format!(" ELSE {}", self.convert(last, &ty)));
        }
        Ok(Typed::new(format!("{sql} END"), ty))
    }

    fn array(&mut self, element: Option<&TypeName>, items: &[Expr], scope: &Scope, at: usize) -> Result<Typed> {
        let mut values = Vec::new();
        for item in items {
            values.push((self.expr(item, scope)?, item.at));
        }
        let ty = match element {
            Some(name) => self.ty(name)?,
            None => self.common_of(&values)?,
        };
        if matches!(ty, Type::Array(_)) {
            return Err(SqlError::semantic("Cannot construct array with element type ARRAY", at));
        }
        let mut list = Vec::new();
        for (value, at) in &values {
            let fits = value.ty.distance(&ty).is_some() || self.literal_target(value, &ty).is_some();
            if !fits {
                return Err(SqlError::semantic(
                    format!("Array element type {} does not coerce to {ty}", value.ty),
                    *at,
                ));
            }
            list.push(self.convert(value, &ty));
        }
        if list.is_empty() {
            let literal = if element.is_none() { Literal::EmptyArray } else { Literal::No };
            let sql = if ty == Type::Null { "[]".to_owned() } else { format!("CAST([] AS {}[])", ty.duck()) };
            return Ok(Typed { sql, ty: Type::Array(Box::new(ty)), literal });
        }
        Ok(Typed::new(format!("[{}]", list.join(", ")), Type::Array(Box::new(ty))))
    }

    fn array_query(&mut self, query: &Query, scope: &Scope) -> Result<Typed> {
        let out = self.query(query, scope)?;
        let [col] = out.cols.as_slice() else {
            return Err(SqlError::semantic(
                "ARRAY subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values",
                query.at,
            ));
        };
        if matches!(col.ty, Type::Array(_)) {
            return Err(SqlError::semantic("Cannot use array subquery with column of type ARRAY", query.at));
        }
        Ok(Typed::new(format!("ARRAY({})", out.sql), Type::Array(Box::new(col.ty.clone()))))
    }

    fn structure(
        &mut self,
        types: Option<&[(Option<Ident>, TypeName)]>,
        items: &[(Expr, Option<Ident>)],
        scope: &Scope,
        at: usize,
    ) -> Result<Typed> {
        let mut fields = Vec::new();
        let mut values = Vec::new();
        if let Some(types) = types
            && types.len() != items.len()
        {
            return Err(SqlError::semantic(
                format!("STRUCT type has {} fields but constructor call has {}", types.len(), items.len()),
                at,
            ));
        }
        for (i, (item, alias)) in items.iter().enumerate() {
            let value = self.expr(item, scope)?;
            let (name, ty) = match types {
                Some(types) => {
                    let ty = self.ty(&types[i].1)?;
                    if value.ty.distance(&ty).is_none() && self.literal_target(&value, &ty).is_none() {
                        return Err(SqlError::semantic(
                            format!("Struct field {} has type {} which does not coerce to {ty}", i + 1, value.ty),
                            item.at,
                        ));
                    }
                    (types[i].0.as_ref().map(|n| n.text.clone()), ty)
                }
                None => {
                    let implied =
                        if matches!(&item.kind, Kind::Struct { .. }) { None } else { super::select::implied(item) };
                    (alias.as_ref().map(|a| a.text.clone()).or(implied), value.ty.clone())
                }
            };
            values.push(self.convert(&value, &ty));
            fields.push(Field { name, ty });
        }
        if fields.is_empty() {
            return Err(SqlError::unsupported("a STRUCT without fields", at));
        }
        let names = field_names(&fields);
        let parts: Vec<String> = names.iter().zip(&values).map(|(n, v)| format!("{} := {v}", quote(n))).collect();
        Ok(Typed::new(format!("struct_pack({})", parts.join(", ")), Type::Struct(fields)))
    }

    fn scalar_query(&mut self, query: &Query, scope: &Scope, at: usize) -> Result<Typed> {
        let out = self.query(query, scope)?;
        match out.cols.as_slice() {
            [col] => Ok(Typed::new(format!("({})", out.sql), col.ty.clone())),
            _ => Err(SqlError::semantic(
                "Scalar subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values",
                at,
            )),
        }
    }

    /// The values of `IN (...)` and the like.
    pub(super) fn set_values(&mut self, set: &Set, scope: &Scope) -> Result<Vec<(Typed, usize)>> {
        match set {
            Set::Items(items) => items.iter().map(|i| Ok((self.expr(i, scope)?, i.at))).collect(),
            _ => Ok(Vec::new()),
        }
    }

    /// The type that all values coerce to; literals bend to the others.
    pub(super) fn common_of(&self, values: &[(Typed, usize)]) -> Result<Type> {
        let mut ty = Type::Null;
        let fixed = |v: &Typed| v.literal == Literal::No;
        for pass in [true, false] {
            for (value, at) in values.iter().filter(|(v, _)| fixed(v) == pass) {
                ty = match ty.common(&value.ty).or_else(|| self.literal_target(value, &ty)) {
                    Some(common)
                        if pass
                            || !matches!(value.literal, Literal::Float(_))
                            || !matches!(ty, Type::Numeric | Type::BigNumeric) =>
                    {
                        common
                    }
                    Some(_) => ty,
                    None => {
                        return Err(SqlError::semantic(
                            format!("the types {ty} and {} do not fit together", value.ty),
                            *at,
                        ));
                    }
                };
            }
        }
        Ok(ty)
    }

    /// The type a literal may take although its own does not coerce.
    pub(super) fn literal_target(&self, value: &Typed, to: &Type) -> Option<Type> {
        let fits = match &value.literal {
            Literal::Text(_) => matches!(to, Type::Date | Type::DateTime | Type::Timestamp | Type::Time),
            Literal::Float(_) => matches!(to, Type::Numeric | Type::BigNumeric),
            Literal::EmptyArray => matches!(to, Type::Array(_)),
            Literal::Int | Literal::No | Literal::Null => false,
        };
        fits.then(|| to.clone())
    }
}

fn struct_item(value: &Typed, fields: &[Field], mode: &str, index: &Expr) -> Result<Typed> {
    let position = match &index.kind {
        Kind::Int(text) => text.parse::<usize>().ok(),
        Kind::Call(call) => match call.args.first().map(|a| &a.kind) {
            Some(Kind::Int(text)) => text.parse::<usize>().ok(),
            _ => None,
        },
        _ => None,
    };
    let i = position.and_then(|p| if mode.contains("ORDINAL") { p.checked_sub(1) } else { Some(p) });
    match i.and_then(|i| fields.get(i).map(|f| (i, f))) {
        Some((i, field)) => {
            Ok(Typed::new(format!("({}).{}", value.sql, quote(&field_names(fields)[i])), field.ty.clone()))
        }
        None => Err(SqlError::semantic("the struct has no field at that position", index.at)),
    }
}

fn int(digits: &str, at: usize) -> Result<Typed> {
    if digits.parse::<i64>().is_err() {
        return Err(SqlError::semantic(format!("Invalid INT64 literal: {digits}"), at));
    }
    let sql = match digits {
        "-9223372036854775808" => "(-9223372036854775807::BIGINT - 1)".to_owned(),
        _ if digits.starts_with('-') => format!("({digits})::BIGINT"),
        _ => format!("{digits}::BIGINT"),
    };
    Ok(Typed { sql, ty: Type::Int64, literal: Literal::Int })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
