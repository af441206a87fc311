//! CREATE, ALTER and DROP MODEL of a session, and what other statements have to know of models: they share their names with
//! tables, and go with their dataset.

use super::ml::{self, Failure};
use super::session::{LocalSession, names};
use crate::printed::Printed;
use rsdbt_bqml::options::{Given, Literal, read_altered};
use rsdbt_duckdbsql::text;
use rsdbt_googlesql::SqlError;
use rsdbt_googlesql::ast::{CreateMode, Expr, Kind, Model, Options, Path};
use rsdbt_warehouse::DbError;

impl LocalSession {
    fn model_key(&mut self, name: &Path) -> String {
        self.key_of(&name.parts)
    }

    fn key_of(&mut self, parts: &[String]) -> String {
        names(&mut self.connection, &self.project, &self.dataset, &self.zone, &self.variables, &self.routines)
            .model_key(parts)
    }

    fn failure(&self, failure: Failure, at: usize) -> DbError {
        match failure {
            Failure::Sql(error) => self.refused(error),
            Failure::Database(error) => self.failed(error, at),
        }
    }

    pub(super) fn create_model(&mut self, model: &Model, at: usize) -> Result<(), DbError> {
        let (key, shown, place) = (self.model_key(&model.name), model.name.text(), model.name.at);
        if model.mode.or_replace && model.mode.if_not_exists {
            let both = SqlError::semantic("CREATE MODEL cannot have both OR REPLACE and IF NOT EXISTS", place);
            return Err(self.refused(both));
        }
        if model.mode.temp {
            return Err(self.refused(SqlError::semantic("a model cannot be temporary", place)));
        }
        let dataset = key.split('.').next().unwrap_or_default().to_owned();
        if !self.has_dataset(&dataset)? {
            return Err(self.refused(SqlError::semantic(format!("Not found: Dataset {dataset}"), place)));
        }
        if !model.mode.or_replace && ml::exists(&mut self.connection, &key)? {
            if model.mode.if_not_exists {
                return Ok(());
            }
            return Err(self.refused(SqlError::semantic(format!("Already Exists: Model {shown}"), place)));
        }
        if !self.columns_of(&model.name.parts)?.is_empty() {
            let why = format!("Already Exists: {shown} is a table or view");
            return Err(self.refused(SqlError::semantic(why, place)));
        }
        if model.transform.is_some() {
            return Err(self.refused(SqlError::unsupported("TRANSFORM of CREATE MODEL", place)));
        }
        let Some(query) = &model.query else {
            return Err(self.refused(SqlError::unsupported("CREATE MODEL without a query", at)));
        };
        let given = self.given(&model.options)?;
        let out = self.analyze(|t| t.top_query(query))?;
        let out = Printed::of(&out, &self.zone);
        ml::create(&mut self.connection, &key, &given, &out, place).map_err(|why| self.failure(why, at))
    }

    fn has_dataset(&mut self, dataset: &str) -> Result<bool, DbError> {
        let condition = format!("NOT internal AND lower(schema_name) = {}", text(&dataset.to_lowercase()));
        let sql = format!(
            "SELECT 1 FROM duckdb_schemas() WHERE {condition} OR schema_name = 'main' AND {} LIMIT 1",
            dataset == "main"
        );
        Ok(!self.connection.query(&sql)?.rows.is_empty())
    }

    /// The options of a statement as constants; what is not written as one is computed.
    fn given(&mut self, options: &Options) -> Result<Vec<Given>, DbError> {
        let one = |(name, value): &(rsdbt_googlesql::ast::Ident, Expr)| {
            let constant = match ml::literal(value) {
                Some(constant) => constant,
                None => self.computed(value)?,
            };
            Ok(Given { name: name.text.clone(), at: name.at, value: constant, value_at: value.at })
        };
        options.iter().map(one).collect()
    }

    fn computed(&mut self, value: &Expr) -> Result<Literal, DbError> {
        if let Kind::Call(call) = &value.kind
            && call.name.to_uppercase().starts_with("HPARAM_")
        {
            let what = format!("{} (hyperparameter tuning)", call.name.to_uppercase());
            return Err(self.refused(SqlError::unsupported(what, value.at)));
        }
        let typed = self.analyze(|t| t.standalone(value))?;
        let sql = format!("SELECT {}", self.text_of(&typed));
        let table = self.connection.query(&sql).map_err(|why| self.failed(why, value.at))?;
        let found = table.rows.into_iter().flatten().next().and_then(ml::constant);
        found.ok_or_else(|| {
            self.refused(SqlError::semantic(format!("no option has a value of type {}", typed.ty), value.at))
        })
    }

    pub(super) fn alter_model(
        &mut self,
        name: &Path,
        if_exists: bool,
        options: &Options,
        at: usize,
    ) -> Result<(), DbError> {
        let key = self.model_key(name);
        let given = self.given(options)?;
        read_altered(&given, name.at).map_err(|refusal| self.failure(refusal.into(), at))?;
        if !ml::exists(&mut self.connection, &key)? {
            return if if_exists { Ok(()) } else { Err(self.no_model(name)) };
        }
        let set: Vec<(String, Literal)> = given.into_iter().map(|g| (g.name, g.value)).collect();
        ml::alter(&mut self.connection, &key, &set)
    }

    fn no_model(&self, name: &Path) -> DbError {
        self.refused(SqlError::semantic(format!("Not found: Model {}", name.text()), name.at))
    }

    pub(super) fn drop_model(&mut self, name: &Path, if_exists: bool) -> Result<(), DbError> {
        let key = self.model_key(name);
        let own = !self.connection.in_transaction();
        if own {
            self.connection.begin()?;
        }
        let done = ml::drop_model(&mut self.connection, &key);
        if own {
            if done.is_ok() { self.connection.commit()? } else { self.connection.rollback()? }
        }
        if done? || if_exists { Ok(()) } else { Err(self.no_model(name)) }
    }

    /// Refuses a table or view with the name of a model.
    pub(super) fn no_model_of_that_name(&mut self, mode: CreateMode, name: &Path) -> Result<(), DbError> {
        let key = self.model_key(name);
        if mode.temp || !ml::exists(&mut self.connection, &key)? {
            return Ok(());
        }
        let why = format!("Already Exists: {} is a model", name.text());
        Err(self.refused(SqlError::semantic(why, name.at).help("drop it with DROP MODEL, or take another name")))
    }

    /// The models of a dataset that is about to be dropped: they go with it, or keep it.
    pub(super) fn models_before_drop(&mut self, name: &Path, cascade: bool) -> Result<(), DbError> {
        let mut path = name.parts.clone();
        path.push(String::new());
        let key = self.key_of(&path);
        let dataset = key.trim_end_matches('.');
        if cascade {
            return ml::drop_models_of(&mut self.connection, dataset);
        }
        match ml::models_of(&mut self.connection, dataset)?.first() {
            None => Ok(()),
            Some(model) => {
                let why = format!("Dataset {} is still in use: it has the model {model}", name.text());
                Err(self.refused(SqlError::semantic(why, name.at).help("DROP SCHEMA ... CASCADE drops its models too")))
            }
        }
    }
}
