//! Functions and procedures that a script makes, drops and calls.

use super::script::{Done, Flow, Frame};
use super::session::LocalSession;
use rsdbt_duckdbsql::{duck, quote, text};
use rsdbt_googlesql::SqlError;
use rsdbt_googlesql::ast::{Expr, Function, Param, StatementKind};
use rsdbt_googlesql::types::Type;
use rsdbt_warehouse::DbError;
use std::sync::Arc;

impl LocalSession {
    pub(super) fn create_function(&mut self, function: &Function) {
        let parts = &function.name.parts;
        let own = parts.len() == 3 && parts[0].eq_ignore_ascii_case(&self.project);
        let key = if own { parts[1..].join(".") } else { function.name.text() };
        let exists = self.routines.0.contains_key(&key.to_lowercase());
        if !(exists && function.mode.if_not_exists) {
            self.routines.0.insert(key.to_lowercase(), Arc::new(function.clone()));
        }
    }

    pub(super) fn drop_routine(&mut self, what: &str, name: &str, if_exists: bool, at: usize) -> Result<(), DbError> {
        let key = name.to_lowercase();
        let gone = if what == "PROCEDURE" {
            self.procedures.remove(&key).is_some()
        } else {
            self.routines.0.remove(&key).is_some()
        };
        if gone || if_exists {
            Ok(())
        } else {
            Err(self.refused(SqlError::semantic(format!("Not found: {what} {name}"), at)))
        }
    }

    pub(super) fn call(&mut self, name: &str, args: &[Expr], _frame: &mut Frame, at: usize) -> Done {
        let Some(StatementKind::CreateProcedure { params, body, .. }) =
            self.procedures.get(&name.to_lowercase()).cloned()
        else {
            return Err(self.refused(SqlError::semantic(format!("Procedure not found: {name}"), at)));
        };
        if params.len() != args.len() {
            return Err(self.refused(SqlError::semantic(
                format!("Procedure {name} takes {} arguments, {} given", params.len(), args.len()),
                at,
            )));
        }
        let outer = self.variables.clone();
        let mut inputs = Vec::new();
        for (param, arg) in params.iter().zip(args) {
            let ty = self.param_type(param, arg)?;
            let sql = if param.mode == "OUT" {
                "NULL".to_owned()
            } else {
                let given = self.analyze(|t| t.assigned(arg, &ty))?;
                self.text_of(&given)
            };
            self.connection
                .query(&format!("SET VARIABLE {} = CAST({sql} AS {})", hold(&param.name.text), duck(&ty)))
                .map_err(|e| self.failed(e, at))?;
            inputs.push((param.name.text.clone(), ty));
        }
        let saved: Vec<(String, String)> = outer.keys().map(|k| (k.clone(), format!("sys_save_{k}"))).collect();
        for (key, save) in &saved {
            self.connection.query(&format!(
                "SET VARIABLE {} = getvariable({})",
                quote(save),
                text(&format!("v_{key}"))
            ))?;
        }
        self.variables.clear();
        for (param, ty) in &inputs {
            self.store(param, ty, &format!("getvariable({})", text(&format!("sys_in_{}", param.to_lowercase()))), at)?;
        }
        let done = self.block(&body, &mut Frame::default());
        for (param, _) in &inputs {
            self.connection.query(&format!(
                "SET VARIABLE {} = getvariable({})",
                hold(param),
                text(&format!("v_{}", param.to_lowercase()))
            ))?;
        }
        for (key, save) in &saved {
            self.connection.query(&format!(
                "SET VARIABLE {} = getvariable({})",
                quote(&format!("v_{key}")),
                text(save)
            ))?;
        }
        self.variables = outer;
        done?;
        for (param, arg) in params.iter().zip(args).filter(|(p, _)| p.mode != "IN") {
            let rsdbt_googlesql::ast::Kind::Name(target) = &arg.kind else {
                return Err(
                    self.refused(SqlError::semantic(format!("the {} argument must be a variable", param.mode), arg.at))
                );
            };
            let ty = self.variable_type(target)?;
            self.store(
                &target.text,
                &ty,
                &format!("getvariable({})", text(&format!("sys_in_{}", param.name.text.to_lowercase()))),
                at,
            )?;
        }
        Ok(Flow::Next)
    }

    fn param_type(&mut self, param: &Param, arg: &Expr) -> Result<Type, DbError> {
        match &param.ty {
            Some(name) => Type::of_name(name).map_err(|e| self.refused(e)),
            None => self.analyze(|t| t.standalone(arg)).map(|t| t.ty),
        }
    }
}

fn hold(name: &str) -> String {
    quote(&format!("sys_in_{}", name.to_lowercase()))
}
