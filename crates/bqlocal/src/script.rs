//! The procedural language: variables, branches, loops, blocks with handlers, procedures, functions.

use super::session::LocalSession;
use crate::printed::Printed;
use rsdbt_duckdbsql::{duck, print_expr, quote, text};
use rsdbt_googlesql::ast::{Expr, Ident, SetTarget, Statement, StatementKind};
use rsdbt_googlesql::query::{self, Node};
use rsdbt_googlesql::types::Type;
use rsdbt_googlesql::{SqlError, parse};
use rsdbt_warehouse::{DbError, DbErrorKind, Value};

/// Where execution goes after a statement.
pub(super) enum Flow {
    Next,
    Break(Option<String>),
    Continue(Option<String>),
    Return,
}

/// Parameters of EXECUTE IMMEDIATE and the error that a handler handles.
#[derive(Default, Clone)]
pub(super) struct Frame {
    params: Vec<(String, query::Expr)>,
    error: Option<DbError>,
}

pub(super) type Done = Result<Flow, DbError>;

impl LocalSession {
    pub(super) fn block(&mut self, statements: &[Statement], frame: &mut Frame) -> Done {
        for statement in statements {
            match self.step(statement, frame)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn step(&mut self, statement: &Statement, frame: &mut Frame) -> Done {
        use StatementKind as K;
        let at = statement.at;
        match &statement.kind {
            K::Declare { names, ty, default } => self.declare(names, ty.as_ref(), default.as_ref(), at)?,
            K::Set { targets, value } => self.set(targets, value, at)?,
            K::If { branches, otherwise } => {
                for (condition, body) in branches {
                    if self.condition(condition)? {
                        return self.block(body, frame);
                    }
                }
                return self.block(otherwise, frame);
            }
            K::CaseOf { operand, branches, otherwise } => {
                return self.case(operand.as_ref(), branches, otherwise.as_deref(), frame);
            }
            K::Loop { label, body } => return self.repeat(label.as_deref(), body, frame, |_| Ok(true), |_| Ok(false)),
            K::While { label, condition, body } => {
                return self.repeat(label.as_deref(), body, frame, |s| s.condition(condition), |_| Ok(false));
            }
            K::Repeat { label, body, until } => {
                return self.repeat(label.as_deref(), body, frame, |_| Ok(true), |s| s.condition(until));
            }
            K::For { label, name, query, body } => return self.for_in(label.as_deref(), name, query, body, frame),
            K::Break(label) => return Ok(Flow::Break(label.clone())),
            K::Continue(label) => return Ok(Flow::Continue(label.clone())),
            K::Return => return Ok(Flow::Return),
            K::Block { label, body, handler } => {
                return self.guarded(label.as_deref(), body, handler.as_deref(), frame);
            }
            K::ExecuteImmediate { sql, into, using } => return self.execute(sql, into, using, frame),
            K::Call { name, args } => return self.call(&name.text(), args, frame, at),
            K::Raise(message) => return Err(self.raise(message.as_ref(), frame, at)?),
            K::Assert { condition, message } => {
                if !self.condition(condition)? {
                    let shown = message.clone().unwrap_or_else(|| "Assertion failed".into());
                    return Err(self.failed(DbError::new(DbErrorKind::Execution, shown), at));
                }
            }
            K::Begin => self.connection.begin()?,
            K::Commit => self.connection.commit()?,
            K::Rollback => self.connection.rollback()?,
            K::Ignored(_) => {}
            K::CreateModel(model) => self.create_model(model, at)?,
            K::Drop { what: "MODEL", name, if_exists } => self.drop_model(name, *if_exists)?,
            K::AlterModel { name, if_exists, options } => self.alter_model(name, *if_exists, options, at)?,
            K::DropSchema { name, cascade, .. } => {
                self.models_before_drop(name, *cascade)?;
                self.simple(statement, &frame.params.clone())?
            }
            K::CreateTable { mode, name, .. } | K::CreateView { mode, name, .. } => {
                self.no_model_of_that_name(*mode, name)?;
                self.simple(statement, &frame.params.clone())?
            }
            K::CreateFunction(function) => self.create_function(function),
            K::CreateProcedure { name, .. } => {
                self.procedures.insert(name.text().to_lowercase(), statement.kind.clone());
            }
            K::Drop { what: what @ ("FUNCTION" | "TABLE FUNCTION" | "PROCEDURE"), name, if_exists } => {
                self.drop_routine(what, &name.text(), *if_exists, at)?
            }
            _ => self.simple(statement, &frame.params.clone())?,
        }
        Ok(Flow::Next)
    }

    /// A condition; NULL is false.
    fn condition(&mut self, value: &Expr) -> Result<bool, DbError> {
        let typed = self.analyze(|t| t.standalone(value))?;
        if !matches!(typed.ty, Type::Bool | Type::Null) {
            return Err(
                self.refused(SqlError::semantic(format!("a condition must be BOOL, this is {}", typed.ty), value.at))
            );
        }
        Ok(self.value(&self.text_of(&typed), value.at)? == Value::Bool(true))
    }

    /// A value of the script as DuckDB text.
    pub(super) fn text_of(&self, value: &query::Expr) -> String {
        print_expr(value, &self.zone)
    }

    fn value(&mut self, sql: &str, at: usize) -> Result<Value, DbError> {
        let table = self.connection.query(&format!("SELECT {sql}")).map_err(|e| self.failed(e, at))?;
        Ok(table.rows.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or(Value::Null))
    }

    pub(super) fn store(&mut self, name: &str, ty: &Type, sql: &str, at: usize) -> Result<(), DbError> {
        let statement =
            format!("SET VARIABLE {} = CAST({sql} AS {})", quote(&format!("v_{}", name.to_lowercase())), duck(ty));
        self.connection.query(&statement).map_err(|e| self.failed(e, at))?;
        self.variables.insert(name.to_lowercase(), ty.clone());
        Ok(())
    }

    fn declare(
        &mut self,
        names: &[Ident],
        ty: Option<&rsdbt_googlesql::ast::TypeName>,
        default: Option<&Expr>,
        at: usize,
    ) -> Result<(), DbError> {
        let declared = match ty {
            Some(name) => Some(Type::of_name(name).map_err(|e| self.refused(e))?),
            None => None,
        };
        let (sql, ty) = match (default, declared) {
            (Some(value), Some(ty)) => {
                let given = self.analyze(|t| t.assigned(value, &ty))?;
                (self.text_of(&given), ty)
            }
            (Some(value), None) => {
                let given = self.analyze(|t| t.standalone(value))?;
                let ty = if given.is_null() { Type::Int64 } else { given.ty.clone() };
                (self.text_of(&given), ty)
            }
            (None, Some(ty)) => ("NULL".to_owned(), ty),
            (None, None) => return Err(self.refused(SqlError::semantic("DECLARE needs a type or a DEFAULT", at))),
        };
        for name in names {
            self.store(&name.text, &ty, &sql, at)?;
        }
        Ok(())
    }

    fn set(&mut self, targets: &[SetTarget], value: &Expr, at: usize) -> Result<(), DbError> {
        if let [target] = targets {
            return match target {
                SetTarget::System(name, at) => self.set_system(name, value, *at),
                SetTarget::Variable(name) => {
                    let ty = self.variable_type(name)?;
                    // dbt writes SET (x) = (SELECT AS STRUCT ...): a struct of one field for one variable
                    let given = self.analyze(|t| t.standalone(value))?;
                    if matches!(&given.ty, Type::Struct(fields) if fields.len() == 1) && !matches!(ty, Type::Struct(_))
                    {
                        return self.set_fields(targets, &given, value, at);
                    }
                    let given = self.analyze(|t| t.assigned(value, &ty))?;
                    self.store(&name.text, &ty, &self.text_of(&given), at)
                }
            };
        }
        let typed = self.analyze(|t| t.standalone(value))?;
        self.set_fields(targets, &typed, value, at)
    }

    /// One field of a struct for each variable.
    fn set_fields(
        &mut self,
        targets: &[SetTarget],
        typed: &query::Expr,
        value: &Expr,
        at: usize,
    ) -> Result<(), DbError> {
        let Type::Struct(fields) = &typed.ty else {
            return Err(self.refused(SqlError::semantic("SET of several variables needs a STRUCT", value.at)));
        };
        if fields.len() != targets.len() {
            return Err(self.refused(SqlError::semantic(
                format!("{} variables, but {} values", targets.len(), fields.len()),
                value.at,
            )));
        }
        let given = self.text_of(typed);
        self.connection.query(&format!("SET VARIABLE sys_set = {given}")).map_err(|e| self.failed(e, at))?;
        let fields: Vec<(String, Type)> =
            rsdbt_googlesql::types::field_names(fields).into_iter().zip(fields.iter().map(|f| f.ty.clone())).collect();
        for (target, (phys, from)) in targets.iter().zip(fields) {
            let SetTarget::Variable(name) = target else { continue };
            let ty = self.variable_type(name)?;
            if from.distance(&ty).is_none() {
                return Err(
                    self.refused(SqlError::semantic(format!("{} is {ty}, the value {from}", name.text), name.at))
                );
            }
            self.store(&name.text, &ty, &format!("(getvariable('sys_set')).{}", quote(&phys)), at)?;
        }
        Ok(())
    }

    pub(super) fn variable_type(&self, name: &Ident) -> Result<Type, DbError> {
        let found = self.variables.get(&name.text.to_lowercase()).cloned();
        found.ok_or_else(|| self.refused(SqlError::semantic(format!("Undeclared variable: {}", name.text), name.at)))
    }

    fn set_system(&mut self, name: &str, value: &Expr, at: usize) -> Result<(), DbError> {
        let typed = self.analyze(|t| t.standalone(value))?;
        let Value::Text(content) = self.value(&self.text_of(&typed), value.at)? else {
            return Err(self.refused(SqlError::semantic(format!("@@{name} takes a STRING"), at)));
        };
        match name.to_lowercase().as_str() {
            "time_zone" => {
                self.value(&format!("bq_timestamp_datetime(now(), {})", text(&content)), value.at)?;
                self.zone = content;
            }
            "dataset_id" => self.dataset = content,
            "query_label" | "dataset_project_id" => {}
            _ => return Err(self.refused(SqlError::unsupported(format!("SET @@{name}"), at))),
        }
        Ok(())
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        branches: &[(Expr, Vec<Statement>)],
        otherwise: Option<&[Statement]>,
        frame: &mut Frame,
    ) -> Done {
        for (when, body) in branches {
            let hit = match operand {
                None => self.condition(when)?,
                Some(operand) => {
                    let at = operand.at;
                    let kind =
                        rsdbt_googlesql::ast::Kind::Binary("=", Box::new(operand.clone()), Box::new(when.clone()));
                    self.condition(&Expr { at, end: when.end, kind })?
                }
            };
            if hit {
                return self.block(body, frame);
            }
        }
        self.block(otherwise.unwrap_or(&[]), frame)
    }

    /// A loop: `before` says whether another round begins, `after` whether it was the last.
    fn repeat(
        &mut self,
        label: Option<&str>,
        body: &[Statement],
        frame: &mut Frame,
        before: impl Fn(&mut Self) -> Result<bool, DbError>,
        after: impl Fn(&mut Self) -> Result<bool, DbError>,
    ) -> Done {
        let own = |wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|w| label.is_some_and(|l| l.eq_ignore_ascii_case(w)))
        };
        while before(self)? {
            match self.block(body, frame)? {
                Flow::Break(wanted) if own(&wanted) => break,
                Flow::Next => {}
                Flow::Continue(wanted) if own(&wanted) => {}
                other => return Ok(other),
            }
            if after(self)? {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn for_in(
        &mut self,
        label: Option<&str>,
        name: &Ident,
        query: &rsdbt_googlesql::ast::Query,
        body: &[Statement],
        frame: &mut Frame,
    ) -> Done {
        let out = self.analyze(|t| t.top_query(query))?;
        let out = Printed::of(&out, &self.zone);
        let parts: Vec<String> = out.cols.iter().map(|c| format!("{0} := q.{0}", quote(&c.phys))).collect();
        let fields =
            out.cols.iter().map(|c| rsdbt_googlesql::types::Field { name: c.name.clone(), ty: c.ty.clone() }).collect();
        let ty = Type::Struct(fields);
        let at = query.at;
        let holder = format!("sys_for_{}", name.text.to_lowercase());
        let sql = format!(
            "SET VARIABLE {} = ARRAY(SELECT struct_pack({}) FROM ({}) AS q)",
            quote(&holder),
            parts.join(", "),
            out.sql
        );
        self.connection.query(&sql).map_err(|e| self.failed(e, at))?;
        let Value::Int(count) = self.value(&format!("len(getvariable({}))", text(&holder)), at)? else {
            return Ok(Flow::Next);
        };
        let own = |wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|w| label.is_some_and(|l| l.eq_ignore_ascii_case(w)))
        };
        for i in 1..=count {
            self.store(&name.text, &ty, &format!("getvariable({})[{i}]", text(&holder)), at)?;
            match self.block(body, frame)? {
                Flow::Break(wanted) if own(&wanted) => break,
                Flow::Next => {}
                Flow::Continue(wanted) if own(&wanted) => {}
                other => return Ok(other),
            }
        }
        self.variables.remove(&name.text.to_lowercase());
        Ok(Flow::Next)
    }

    fn guarded(
        &mut self,
        label: Option<&str>,
        body: &[Statement],
        handler: Option<&[Statement]>,
        frame: &mut Frame,
    ) -> Done {
        let outer = self.variables.clone();
        let done = self.block(body, frame);
        self.variables = outer;
        let done = match (done, handler) {
            (Err(error), Some(handler)) if error.kind != DbErrorKind::Interrupted => {
                if self.connection.in_transaction() {
                    self.connection.rollback()?;
                }
                self.connection.query(&format!("SET VARIABLE \"sys_error.message\" = {}", text(&error.message)))?;
                let mut inner = Frame { error: Some(error), ..frame.clone() };
                self.block(handler, &mut inner)?
            }
            (done, _) => done?,
        };
        match done {
            Flow::Break(Some(wanted)) if label.is_some_and(|l| l.eq_ignore_ascii_case(&wanted)) => Ok(Flow::Next),
            other => Ok(other),
        }
    }

    fn raise(&mut self, message: Option<&Expr>, frame: &Frame, at: usize) -> Result<DbError, DbError> {
        let Some(message) = message else {
            let error = frame.error.clone();
            return error.ok_or_else(|| {
                self.refused(SqlError::semantic("RAISE without a message belongs into an exception handler", at))
            });
        };
        let typed = self.analyze(|t| t.standalone(message))?;
        let shown = match self.value(&self.text_of(&typed), at)? {
            Value::Text(shown) => shown,
            other => format!("{other:?}"),
        };
        Ok(self.failed(DbError::new(DbErrorKind::Execution, shown), at))
    }

    fn execute(&mut self, sql: &Expr, into: &[Ident], using: &[(Expr, Option<Ident>)], frame: &mut Frame) -> Done {
        let typed = self.analyze(|t| t.standalone(sql))?;
        let Value::Text(content) = self.value(&self.text_of(&typed), sql.at)? else {
            return Err(self.refused(SqlError::semantic("EXECUTE IMMEDIATE needs a STRING that is not NULL", sql.at)));
        };
        let mut params = Vec::new();
        for (i, (value, name)) in using.iter().enumerate() {
            let typed = self.analyze(|t| t.standalone(value))?;
            let key = name.as_ref().map_or_else(|| (i + 1).to_string(), |n| n.text.clone());
            let holder = format!("sys_param_{}", key.to_lowercase());
            let ty = if typed.is_null() { Type::Int64 } else { typed.ty.clone() };
            let given = self.text_of(&typed);
            self.connection
                .query(&format!("SET VARIABLE {} = {given}", quote(&holder)))
                .map_err(|e| self.failed(e, value.at))?;
            params.push((key, query::Expr::new(Node::System(holder.trim_start_matches("sys_").to_owned()), ty)));
        }
        let outer = std::mem::replace(&mut self.text, content.clone());
        let kept = self.last.take();
        let result = match parse::script(&content) {
            Ok(statements) => self.block(&statements, &mut Frame { params, error: frame.error.clone() }),
            Err(error) => Err(self.refused(error)),
        };
        self.text = outer;
        result.map_err(|e| self.failed(e, sql.at))?;
        if into.is_empty() {
            self.last = self.last.take().or(kept);
            return Ok(Flow::Next);
        }
        let table = self.last.take().unwrap_or_default();
        self.last = kept;
        for (i, name) in into.iter().enumerate() {
            let ty = self.variable_type(name)?;
            let value = table.rows.first().and_then(|row| row.get(i)).cloned().unwrap_or(Value::Null);
            let Some(sql) = literal(&value) else {
                return Err(self.refused(SqlError::unsupported("EXECUTE IMMEDIATE ... INTO of this type", name.at)));
            };
            self.store(&name.text, &ty, &sql, name.at)?;
        }
        Ok(Flow::Next)
    }
}

/// A value as a DuckDB literal; `None` for what has no short form.
fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "NULL".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(f) if f.is_finite() => format!("{f:?}::DOUBLE"),
        Value::Decimal(d) => d.clone(),
        Value::Text(t) => text(t),
        Value::Date(d) => format!("(DATE '1970-01-01' + {d})"),
        Value::Time(t) => format!("CAST(make_timestamp({t}) AS TIME)"),
        Value::DateTime(t) => format!("make_timestamp({t})"),
        Value::Timestamp(t) => format!("make_timestamptz({t})"),
        Value::Bytes(b) => format!("from_hex('{}')", b.iter().map(|x| format!("{x:02x}")).collect::<String>()),
        _ => return None,
    })
}
