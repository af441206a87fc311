//! User-defined functions in SQL, expanded where they are called, and table functions.

use super::order::column_exprs;
use super::scope::Scope;
use super::select::unique;
use super::{Analyzer, CteInfo, ModelCall, from::table_columns};
use crate::ast::{self, Call, Function, FunctionBody, Kind};
use crate::query::{Cte, Expr, From, OutCol, Query, Select, Table};
use crate::types::Type;
use crate::{Result, SqlError};
use std::sync::Arc;

impl Analyzer<'_> {
    pub(super) fn user_function(&mut self, call: &Call, scope: &Scope) -> Result<Option<Expr>> {
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
        let result = self.applied(call, body, &bound);
        self.ctes = ctes;
        self.expanding.pop();
        let value = result.map_err(|error| inside(&call.name, call.at, error))?;
        let Some(returns) = &function.returns else { return Ok(Some(value)) };
        let ty = self.ty(returns)?;
        if !self.fits(&value, &ty) {
            return Err(SqlError::semantic(
                format!("Function {} returns {} which does not coerce to {ty}", call.name, value.ty),
                call.at,
            ));
        }
        Ok(Some(self.convert(value, &ty)))
    }

    fn enter(&mut self, name: &str, at: usize) -> Result<()> {
        if self.expanding.iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return Err(SqlError::semantic(format!("Function {name} calls itself"), at));
        }
        self.expanding.push(name.to_owned());
        Ok(())
    }

    /// The arguments under their parameters' names, coerced to the declared types.
    fn bind(&mut self, function: &Arc<Function>, call: &Call, scope: &Scope) -> Result<Vec<(String, Expr)>> {
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
                if !self.fits(&value, &ty) {
                    return Err(SqlError::semantic(
                        format!(
                            "No matching signature for function {}: argument {} is {}, {ty} wanted",
                            call.name, param.name.text, value.ty
                        ),
                        arg.at,
                    ));
                }
                value = self.convert(value, &ty);
            }
            bound.push((param.name.text.clone(), value));
        }
        Ok(bound)
    }

    /// A table function in FROM: an ML function or one made by CREATE TABLE FUNCTION.
    pub(super) fn table_function(&mut self, call: &Call, scope: &Scope) -> Result<Query> {
        let upper = call.name.to_uppercase();
        if upper.starts_with("ML.") {
            return self.model_function(&upper, call, scope);
        }
        let Some(function) = self.catalog.routine(&call.name) else {
            const MISSING: [&str; 6] =
                ["APPENDS", "CHANGES", "GAP_FILL", "VECTOR_SEARCH", "EXTERNAL_QUERY", "RANGE_SESSIONIZE"];
            return Err(match MISSING.contains(&upper.as_str()) {
                true => SqlError::unsupported(format!("the table function {upper}"), call.at),
                false => SqlError::semantic(format!("Table-valued function not found: {}", call.name), call.at),
            });
        };
        let FunctionBody::Table(body) = &function.body else {
            return Err(SqlError::semantic(format!("{} is not a table function", call.name), call.at));
        };
        let (first, tables) = self.table_arguments(&function, call, scope)?;
        self.enter(&call.name, call.at)?;
        let ctes = std::mem::take(&mut self.ctes);
        let mut with = Vec::new();
        for (name, query) in tables {
            let phys = self.fresh("arg");
            let (columns, is_value) = (query.columns.clone(), query.is_value);
            self.ctes.push(CteInfo { name, phys: phys.clone(), columns, is_value });
            with.push(Cte { name: phys, query });
        }
        let inner = Scope { first, ..Scope::default() };
        let result = self.query(body, &inner);
        self.ctes = ctes;
        self.expanding.pop();
        let mut out = result.map_err(|error| inside(&call.name, call.at, error))?;
        if !with.is_empty() {
            if !out.with.is_empty() {
                out = super::query::nested(out);
            }
            out.with = with;
        }
        Ok(out)
    }

    /// The arguments of a table function: values by their parameters' names, and tables.
    fn table_arguments(
        &mut self,
        function: &Arc<Function>,
        call: &Call,
        scope: &Scope,
    ) -> Result<(Vec<(String, Expr)>, Vec<(String, Query)>)> {
        if function.params.iter().all(|param| param.table.is_none()) {
            return Ok((self.bind(function, call, scope)?, Vec::new()));
        }
        let (mut first, mut tables) = (Vec::new(), Vec::new());
        for (param, arg) in function.params.iter().zip(&call.args) {
            let name = param.name.text.clone();
            if param.table.is_some() {
                tables.push((name, self.table_argument(arg, scope)?));
            } else {
                first.push((name, self.expr(arg, scope)?));
            }
        }
        Ok((first, tables))
    }

    /// `TABLE t` or a bracketed query as an argument.
    fn table_argument(&mut self, arg: &ast::Expr, scope: &Scope) -> Result<Query> {
        let arg = super::call::value_of(arg);
        match &arg.kind {
            Kind::Query(query) => self.query(query, scope),
            Kind::Object("TABLE", path) => {
                if let [name] = path.parts.as_slice()
                    && let Some(cte) = self.ctes.iter().rev().find(|c| c.name.eq_ignore_ascii_case(name)).cloned()
                {
                    let alias = self.fresh("x");
                    let mut out = all_of(From::Cte(cte.phys, alias.clone()), &alias, cte.columns);
                    out.is_value = cte.is_value;
                    return Ok(out);
                }
                let table = self.relation(path)?;
                let alias = self.fresh("x");
                let columns = table_columns(&table);
                Ok(all_of(From::Table(table, alias.clone()), &alias, columns))
            }
            _ => Err(SqlError::semantic("expected TABLE name or a query in brackets", arg.at)),
        }
    }

    fn model_function(&mut self, name: &str, call: &Call, scope: &Scope) -> Result<Query> {
        let mut request = ModelCall { at: call.at, ..Default::default() };
        for arg in &call.args {
            match &arg.kind {
                Kind::Object("MODEL", path) => request.model = path.parts.clone(),
                Kind::Query(_) | Kind::Object("TABLE", _) => request.input = Some(self.table_argument(arg, scope)?),
                Kind::Struct { items, .. } => {
                    for (value, alias) in items {
                        let key = alias.as_ref().map(|a| a.text.to_lowercase()).unwrap_or_default();
                        request.settings.push((key, self.expr(value, scope)?));
                    }
                }
                Kind::Named(key, value) => {
                    let value = self.expr(value, scope)?;
                    request.settings.push((key.text.to_lowercase(), value));
                }
                _ => {
                    let value = self.expr(arg, scope)?;
                    if !matches!(value.ty, Type::Array(_)) {
                        return Err(SqlError::semantic(format!("unexpected argument of {name}"), arg.at));
                    }
                    request.settings.push((String::new(), value));
                }
            }
        }
        match self.catalog.model_call(name, &request)? {
            Some(table) => Ok(self.model_query(table)),
            None => Err(SqlError::unsupported(format!("the function {name}"), call.at)),
        }
    }

    /// The table that a function over a model gives; columns with the name of an earlier one get a physical name of their own.
    fn model_query(&mut self, mut table: Table) -> Query {
        let mut columns: Vec<OutCol> = Vec::new();
        for (name, ty) in &mut table.columns {
            let phys = unique(&columns, Some(name));
            columns.push(OutCol { name: Some(std::mem::replace(name, phys.clone())), phys, ty: ty.clone() });
        }
        let alias = self.fresh("m");
        all_of(From::Table(table, alias.clone()), &alias, columns)
    }
}

/// Every column of a FROM item.
fn all_of(from: From, alias: &str, columns: Vec<OutCol>) -> Query {
    let list = column_exprs(&columns, alias);
    Query::select(Select { list, from: Some(from), ..Select::default() }, columns)
}

fn inside(name: &str, at: usize, error: SqlError) -> SqlError {
    SqlError { at, message: format!("in function {name}: {}", error.message), ..error }
}
