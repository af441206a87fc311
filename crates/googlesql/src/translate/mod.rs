//! BigQuery's syntax tree to DuckDB SQL, with names resolved and types inferred. Every column of a star is written out,
//! every implicit coercion is made explicit; what DuckDB would do differently is an own function (`bq_*`).

mod aggregate;
mod call;
mod cast;
mod ddl;
mod dml;
mod expr;
mod from;
mod functions;
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
mod window;

pub use scope::{Col, Range, Scope};
pub use statement::{Effect, Plan};

use super::ast::{Function, Path, TypeName};
use super::types::{Type, quote};
use super::{Result, SqlError};
use std::sync::Arc;

/// A table, view or similar that a query may name.
#[derive(Debug, Clone)]
pub struct Relation {
    /// its DuckDB name or query, ready for a FROM clause
    pub sql: String,
    pub columns: Vec<(String, Type)>,
}

/// What the translator asks its caller.
pub trait Catalog {
    /// Columns of a table; `None` when there is none. Errors: the catalog cannot be read.
    fn relation(&self, path: &[String]) -> Result<Option<Relation>>;
    /// Where a table or schema would live: its DuckDB name.
    fn target(&self, path: &[String]) -> String;
    fn schema(&self, path: &[String]) -> String;
    fn routine(&self, path: &str) -> Option<Arc<Function>>;
    fn variable(&self, name: &str) -> Option<Type>;
    /// The session's time zone.
    fn zone(&self) -> String;
    /// A table function over a model (`ML.PREDICT` ...), given the translated input.
    fn model_call(&self, name: &str, call: &ModelCall) -> Result<Option<Relation>>;
}

/// The arguments of an ML table function, translated as far as they can be.
#[derive(Debug, Default, Clone)]
pub struct ModelCall {
    pub at: usize,
    pub model: Vec<String>,
    pub input: Option<Output>,
    /// named settings of the STRUCT argument as DuckDB expressions
    pub settings: Vec<(String, String)>,
}

/// A translated expression.
#[derive(Debug, Clone)]
pub struct Typed {
    pub sql: String,
    pub ty: Type,
    pub literal: Literal,
}

/// What kind of literal an expression is, for literal coercion.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    No,
    Int,
    Float(String),
    Text(String),
    EmptyArray,
    Null,
}

impl Typed {
    pub fn new(sql: impl Into<String>, ty: Type) -> Typed {
        Typed { sql: sql.into(), ty, literal: Literal::No }
    }

    pub fn null() -> Typed {
        Typed { sql: "NULL".into(), ty: Type::Null, literal: Literal::No }
    }

    pub fn is_null(&self) -> bool {
        self.ty == Type::Null
    }
}

/// A translated query: its text and its columns, whose physical names are unique.
#[derive(Debug, Clone, Default)]
pub struct Output {
    pub sql: String,
    pub cols: Vec<OutCol>,
    /// one column that is the whole row (SELECT AS STRUCT, AS VALUE)
    pub value: bool,
    /// which columns are literals, which bend in a set operation; empty when none is
    pub(super) literals: Vec<Literal>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OutCol {
    pub name: Option<String>,
    pub phys: String,
    pub ty: Type,
}

#[derive(Debug, Clone)]
pub(super) struct CteInfo {
    name: String,
    phys: String,
    cols: Vec<OutCol>,
    value: bool,
}

pub struct Translator<'a> {
    catalog: &'a dyn Catalog,
    ctes: Vec<CteInfo>,
    counter: usize,
    /// names of routines being expanded, against recursion
    expanding: Vec<String>,
    /// `@name` and positional parameters, as translated values
    pub params: Vec<(String, Typed)>,
    next_param: usize,
    /// a condition that every aggregate of the current PIVOT takes on
    filter: Option<String>,
    zone: String,
}

impl<'a> Translator<'a> {
    pub fn new(catalog: &'a dyn Catalog) -> Translator<'a> {
        let zone = catalog.zone();
        Translator {
            catalog,
            ctes: Vec::new(),
            counter: 0,
            expanding: Vec::new(),
            params: Vec::new(),
            next_param: 0,
            filter: None,
            zone,
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

    fn relation(&self, path: &Path) -> Result<Relation> {
        self.catalog
            .relation(&path.parts)?
            .ok_or_else(|| SqlError::semantic(format!("Not found: Table {}", path.text()), path.at))
    }

    /// The session's zone as a DuckDB literal.
    fn zone_sql(&self) -> String {
        text(&self.zone)
    }
}

/// A DuckDB string literal.
pub fn text(value: &str) -> String {
    if value.contains('\0') {
        let parts: Vec<String> = value.split('\0').map(|part| format!("'{}'", part.replace('\'', "''"))).collect();
        return format!("({})", parts.join(" || chr(0) || "));
    }
    format!("'{}'", value.replace('\'', "''"))
}

/// `"a"."b"`
fn column(alias: &str, name: &str) -> String {
    format!("{}.{}", quote(alias), quote(name))
}
