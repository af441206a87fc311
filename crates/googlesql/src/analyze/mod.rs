//! The syntax tree to a `Query`: names resolved, types inferred, coercions made explicit, overloads chosen. It asks a
//! `Catalog` for tables and a `Library` for functions, and knows no engine. Findings are collected where that is asked for.

mod aggregate;
mod call;
mod coerce;
mod ddl;
mod dml;
mod expr;
mod from;
mod functions;
mod once;
mod operators;
mod order;
mod pipe;
mod pivot;
mod query;
mod routine;
mod scope;
mod select;
mod setop;
mod statement;
mod walk;
mod window;

pub use scope::{Col, Range, Scope};
pub use statement::{AlterAction, ColumnPlan, Contents, Effect, MergeClause, MergeEffect, Plan, Step, TableMeta};

use crate::ast::{Function as Routine, Path, TypeName};
use crate::library::Library;
use crate::query::{Expr, Node, OutCol, Query, Table};
use crate::types::Type;
use crate::{Result, SqlError};
use std::collections::HashSet;
use std::sync::Arc;

/// What analysis asks its caller. Who knows tables only leaves the rest as it is.
pub trait Catalog {
    /// A table, view or similar; `None` when there is none. Errors: the catalog cannot be read.
    fn relation(&self, path: &[String]) -> Result<Option<Table>>;

    /// Where a table or schema would live, as the engine calls it.
    fn target(&self, path: &[String]) -> String {
        path.join(".")
    }

    fn schema(&self, path: &[String]) -> String {
        path.join(".")
    }

    /// A temporary table of that name.
    fn temporary(&self, name: &str) -> String {
        name.to_owned()
    }

    fn routine(&self, _path: &str) -> Option<Arc<Routine>> {
        None
    }

    fn variable(&self, _name: &str) -> Option<Type> {
        None
    }

    /// The session's time zone.
    fn zone(&self) -> String {
        "UTC".to_owned()
    }

    /// A table function over a model (`ML.PREDICT` ...), given the analyzed input.
    fn model_call(&self, _name: &str, _call: &ModelCall) -> Result<Option<Table>> {
        Ok(None)
    }
}

/// The arguments of an ML table function.
#[derive(Debug, Default, Clone)]
pub struct ModelCall {
    pub at: usize,
    pub model: Vec<String>,
    pub input: Option<Query>,
    /// the settings of the STRUCT argument and named arguments, by lower-case name; an array argument has none
    pub settings: Vec<(String, Expr)>,
}

#[derive(Debug, Clone)]
struct CteInfo {
    name: String,
    phys: String,
    columns: Vec<OutCol>,
    is_value: bool,
}

pub struct Analyzer<'a> {
    catalog: &'a dyn Catalog,
    library: &'a Library,
    ctes: Vec<CteInfo>,
    counter: usize,
    /// names of routines being expanded, against recursion
    expanding: Vec<String>,
    /// routines whose bodies hold what no lambda can hold
    heavy: HashSet<String>,
    /// `@name` and positional parameters
    pub params: Vec<(String, Expr)>,
    next_param: usize,
    /// a condition that every aggregate of the current PIVOT takes on
    filter: Option<Expr>,
    zone: String,
    /// Where mistakes go that do not end the analysis; `None` ends it at the first.
    findings: Option<Vec<SqlError>>,
}

impl<'a> Analyzer<'a> {
    pub fn new(catalog: &'a dyn Catalog, library: &'a Library) -> Analyzer<'a> {
        let zone = catalog.zone();
        Analyzer {
            catalog,
            library,
            ctes: Vec::new(),
            counter: 0,
            expanding: Vec::new(),
            heavy: HashSet::new(),
            params: Vec::new(),
            next_param: 0,
            filter: None,
            zone,
            findings: None,
        }
    }

    /// Goes on after a mistake, which `findings` gives in the end; what is wrong has the type `Unknown`.
    pub fn collecting(mut self) -> Self {
        self.findings = Some(Vec::new());
        self
    }

    /// All mistakes that did not end the analysis, in the order of the text.
    pub fn findings(&mut self) -> Vec<SqlError> {
        let mut found = self.findings.take().unwrap_or_default();
        found.sort_by_key(|error| error.at);
        found.dedup();
        found
    }

    /// The value, or a value of unknown type where mistakes are collected.
    fn recover(&mut self, result: Result<Expr>) -> Result<Expr> {
        match (result, &mut self.findings) {
            (Err(error), Some(findings)) => {
                findings.push(error);
                Ok(Expr::new(Node::Null, Type::Unknown))
            }
            (result, _) => result,
        }
    }

    /// A name that nothing else in the statement has.
    fn fresh(&mut self, stem: &str) -> String {
        self.counter += 1;
        format!("_{stem}{}", self.counter)
    }

    fn ty(&self, name: &TypeName) -> Result<Type> {
        Type::of_name(name)
    }

    fn relation(&self, path: &Path) -> Result<Table> {
        self.catalog
            .relation(&path.parts)?
            .ok_or_else(|| SqlError::semantic(format!("Not found: Table {}", path.text()), path.at))
    }

    /// The session's time zone as a value.
    fn zone(&self) -> Expr {
        Expr::text(self.zone.clone())
    }

    /// A form of the library whose arguments are settled.
    fn form(&self, name: &str, args: Vec<Expr>, ty: Type) -> Expr {
        Expr::new(Node::Call(self.library.form(name), args), ty)
    }
}
