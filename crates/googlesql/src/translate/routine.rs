//! User-defined functions in SQL, expanded where they are called, and table functions.

use super::scope::Scope;
use super::{Output, Result, SqlError, Translator, Typed};
use crate::ast::{Call, Expr, Function, FunctionBody, Kind};
use crate::types::Type;
use std::sync::Arc;

impl Translator<'_> {
    pub(super) fn user_function(&mut self, call: &Call, scope: &Scope) -> Result<Option<Typed>> {
        let Some(function) = self.catalog.routine(&call.name) else { return Ok(None) };
        if function.aggregate {
            return Err(SqlError::unsupported(format!("the aggregate function {}", call.name), call.at));
        }
        let bound = self.bind(&function, call, scope)?;
        let FunctionBody::Sql(body) = &function.body else {
            let language = function.language.clone().unwrap_or_else(|| "table".into());
            return Err(SqlError::unsupported(format!("the {language} function {}", call.name), call.at));
        };
        self.enter(&call.name, call.at)?;
        let ctes = std::mem::take(&mut self.ctes);
        let inner = Scope { first: bound, ..Scope::default() };
        let result = self.expr(body, &inner);
        self.ctes = ctes;
        self.expanding.pop();
        let mut value = result.map_err(|e| SqlError {
            at: call.at,
            message: format!("in function {}: {}", call.name, e.message),
            ..e
        })?;
        if let Some(returns) = &function.returns {
            let ty = self.ty(returns)?;
            if value.ty.distance(&ty).is_none() && self.literal_target(&value, &ty).is_none() {
                return Err(SqlError::semantic(
                    format!("Function {} returns {} which does not coerce to {ty}", call.name, value.ty),
                    call.at,
                ));
            }
            value = Typed::new(self.convert(&value, &ty), ty);
        }
        value.sql = format!("({})", value.sql);
        Ok(Some(value))
    }

    fn enter(&mut self, name: &str, at: usize) -> Result<()> {
        if self.expanding.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return Err(SqlError::semantic(format!("Function {name} calls itself"), at));
        }
        self.expanding.push(name.to_owned());
        Ok(())
    }

    /// The arguments under their parameters' names, coerced to the declared types.
    fn bind(&mut self, function: &Arc<Function>, call: &Call, scope: &Scope) -> Result<Vec<(String, Typed)>> {
        if function.params.len() != call.args.len() {
            return Err(SqlError::semantic(
                format!(
                    "No matching signature for function {}: it takes {} arguments, {} given",
                    call.name,
                    function.params.len(),
                    call.args.len()
                ),
                call.at,
            ));
        }
        let mut bound = Vec::new();
        for (param, arg) in function.params.iter().zip(&call.args) {
            let mut value = self.expr(arg, scope)?;
            if let Some(ty) = &param.ty {
                let ty = self.ty(ty)?;
                if value.ty.distance(&ty).is_none() && self.literal_target(&value, &ty).is_none() {
                    return Err(SqlError::semantic(
                        format!(
                            "No matching signature for function {}: argument {} is {}, {ty} wanted",
                            call.name, param.name.text, value.ty
                        ),
                        arg.at,
                    ));
                }
                value = Typed::new(self.convert(&value, &ty), ty);
            }
            bound.push((param.name.text.clone(), value));
        }
        Ok(bound)
    }

    /// A table function in FROM: an ML function or one made by CREATE TABLE FUNCTION.
    pub(super) fn table_function(&mut self, call: &Call, scope: &Scope) -> Result<Output> {
        let upper = call.name.to_uppercase();
        if upper.starts_with("ML.") {
            return self.model_function(&upper, call, scope);
        }
        if upper == "RANGE_SESSIONIZE" {
            return self.range_sessionize(call, scope);
        }
        let Some(function) = self.catalog.routine(&call.name) else {
            return Err(match upper.as_str() {
                "APPENDS" | "CHANGES" | "GAP_FILL" | "VECTOR_SEARCH" | "EXTERNAL_QUERY" => {
                    SqlError::unsupported(format!("the table function {upper}"), call.at)
                }
                _ => SqlError::semantic(format!("Table-valued function not found: {}", call.name), call.at),
            });
        };
        let FunctionBody::Table(body) = &function.body else {
            return Err(SqlError::semantic(format!("{} is not a table function", call.name), call.at));
        };
        let (mut first, mut tables) = (Vec::new(), Vec::new());
        for (param, arg) in function.params.iter().zip(&call.args) {
            if param.table.is_some() {
                let out = self.table_argument(arg, scope)?;
                tables.push((param.name.text.clone(), out));
            }
        }
        if tables.is_empty() {
            first = self.bind(&function, call, scope)?;
        } else {
            for (param, arg) in function.params.iter().zip(&call.args).filter(|(p, _)| p.table.is_none()) {
                first.push((param.name.text.clone(), self.expr(arg, scope)?));
            }
        }
        self.enter(&call.name, call.at)?;
        let ctes = std::mem::take(&mut self.ctes);
        let mut texts = Vec::new();
        for (name, out) in tables {
            let phys = self.fresh("arg");
            texts.push(format!("{} AS ({})", crate::types::quote(&phys), out.sql));
            self.ctes.push(super::CteInfo { name, phys, cols: out.cols, value: out.value });
        }
        let inner = Scope { first, ..Scope::default() };
        let result = self.query(body, &inner);
        self.ctes = ctes;
        self.expanding.pop();
        let mut out = result.map_err(|e| SqlError {
            at: call.at,
            message: format!("in function {}: {}", call.name, e.message),
            ..e
        })?;
        if !texts.is_empty() {
            out.sql = format!("WITH {} SELECT * FROM ({})", texts.join(", "), out.sql);
        }
        Ok(out)
    }

    /// `TABLE t` or a bracketed query as an argument.
    pub(super) fn table_argument(&mut self, arg: &Expr, scope: &Scope) -> Result<Output> {
        let arg = match &arg.kind {
            Kind::Named(_, inner) => inner,
            _ => arg,
        };
        match &arg.kind {
            Kind::Query(query) => self.query(query, scope),
            Kind::Object("TABLE", path) => {
                if let [name] = path.parts.as_slice()
                    && let Some(cte) = self.ctes.iter().rev().find(|c| c.name.eq_ignore_ascii_case(name)).cloned()
                {
                    let sql = format!("SELECT * FROM {}", crate::types::quote(&cte.phys));
                    return Ok(Output { sql, cols: cte.cols, value: cte.value, literals: Vec::new() });
                }
                let relation = self.relation(path)?;
                let cols = relation
                    .columns
                    .iter()
                    .map(|(n, ty)| super::OutCol { name: Some(n.clone()), phys: n.clone(), ty: ty.clone() })
                    .collect();
                Ok(Output { sql: format!("SELECT * FROM {}", relation.sql), cols, value: false, literals: Vec::new() })
            }
            _ => Err(SqlError::semantic("expected TABLE name or a query in brackets", arg.at)),
        }
    }

    fn model_function(&mut self, name: &str, call: &Call, scope: &Scope) -> Result<Output> {
        let mut request = super::ModelCall { at: call.at, ..Default::default() };
        for arg in &call.args {
            match &arg.kind {
                Kind::Object("MODEL", path) => request.model = path.parts.clone(),
                Kind::Query(_) | Kind::Object("TABLE", _) => request.input = Some(self.table_argument(arg, scope)?),
                Kind::Struct { items, .. } => {
                    for (value, alias) in items {
                        let key = alias.as_ref().map(|a| a.text.to_lowercase()).unwrap_or_default();
                        request.settings.push((key, self.expr(value, scope)?.sql));
                    }
                }
                Kind::Named(key, value) => {
                    let value = self.expr(value, scope)?.sql;
                    request.settings.push((key.text.to_lowercase(), value));
                }
                _ => {
                    let value = self.expr(arg, scope)?;
                    if !matches!(value.ty, Type::Array(_)) {
                        return Err(SqlError::semantic(format!("unexpected argument of {name}"), arg.at));
                    }
                    request.settings.push((String::new(), value.sql));
                }
            }
        }
        match self.catalog.model_call(name, &request)? {
            Some(relation) => {
                let mut cols: Vec<super::OutCol> = Vec::new();
                for (n, ty) in &relation.columns {
                    let phys = super::select::unique(&cols, Some(n));
                    cols.push(super::OutCol { name: Some(n.clone()), phys, ty: ty.clone() });
                }
                Ok(Output { sql: relation.sql, cols, value: false, literals: Vec::new() })
            }
            None => Err(SqlError::unsupported(format!("the function {name}"), call.at)),
        }
    }

    fn range_sessionize(&mut self, call: &Call, _scope: &Scope) -> Result<Output> {
        Err(SqlError::unsupported("the table function RANGE_SESSIONIZE", call.at))
    }
}
