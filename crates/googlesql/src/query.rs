//! A query as analysis leaves it: every name is a column, every star is written out, every coercion is a node, every call
//! names its overload. It keeps the clauses of the text, so that what is printed stays readable. It knows no engine.

use crate::library::Function;
use crate::types::Type;

/// An expression with its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub node: Node,
    pub ty: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Null,
    /// DEFAULT, where a row is written
    Default,
    Bool(bool),
    Int(i64),
    /// the digits as written
    Float(String),
    Text(String),
    Bytes(Vec<u8>),
    /// a column of a FROM item, by the alias of the item and its own name there
    Column(Column),
    /// the place of a row in the table of that alias
    RowId(String),
    /// a field of a struct by its physical name
    Field(Box<Expr>, String),
    /// a variable of the script
    Variable(String),
    /// a variable of the system, in lower case and without `@@`
    System(String),
    Call(&'static Function, Vec<Expr>),
    Compare(&'static str, Box<Expr>, Box<Expr>),
    /// to the type of the expression
    Cast(Box<Expr>, Casting),
    /// to the length, or precision and scale, of a parameterised type
    Fit(Box<Expr>, Vec<u32>),
    /// NULL where the value cannot be had
    Safe(Box<Expr>),
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
    Array(Vec<Expr>),
    /// fields by their physical names
    Struct(Vec<(String, Expr)>),
    Lambda(Vec<String>, Box<Expr>),
    /// a parameter of a lambda, or a value that a `Let` around it names
    Local(String),
    /// values that the body names as `Local`, so that each is computed once. The body holds no subquery and no aggregate.
    Let(Vec<(String, Expr)>, Box<Expr>),
    /// the first column of the only row, whether there is a row, or all rows as an array
    Subquery(SubqueryKind, Box<Query>),
    /// whether the value is among the rows of a query
    InQuery(Box<Expr>, Box<Query>),
    Aggregate(Box<Aggregate>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Column {
    pub range: String,
    pub name: String,
}

/// How a CAST came about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Casting {
    /// made by a coercion, not written
    pub implicit: bool,
    /// AT TIME ZONE; the session's zone where there is none
    pub zone: Option<Box<Expr>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubqueryKind {
    Scalar,
    Exists,
    Array,
}

/// A call of an aggregate or window function.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    pub function: &'static Function,
    pub args: Vec<Expr>,
    pub distinct: bool,
    pub ignore_nulls: bool,
    /// rows that count: all of these hold
    pub filter: Vec<Expr>,
    pub order: Vec<SortKey>,
    pub limit: Option<Expr>,
    pub over: Option<Window>,
}

impl Aggregate {
    /// Every expression that takes part.
    pub fn parts(&self) -> Vec<&Expr> {
        let keys = self.order.iter().map(|key| &key.value);
        let mut all: Vec<&Expr> = self.args.iter().chain(&self.filter).chain(keys).collect();
        if let Some(over) = &self.over {
            all.extend(over.partition.iter().chain(over.order.iter().map(|key| &key.value)));
        }
        all
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Window {
    pub partition: Vec<Expr>,
    pub order: Vec<SortKey>,
    pub frame: Option<Frame>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub rows: bool,
    pub start: Bound,
    pub end: Option<Bound>,
}

impl Frame {
    /// Whether it reaches to a distance from the row.
    pub fn has_offset(&self) -> bool {
        [Some(&self.start), self.end.as_ref()].into_iter().flatten().any(|bound| matches!(bound, Bound::Offset(..)))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// `true` = PRECEDING
    Unbounded(bool),
    Current,
    Offset(Box<Expr>, bool),
}

#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    pub value: Expr,
    pub descending: bool,
    pub nulls_first: bool,
    /// printed as one plain key, as the frame of a RANGE and the order inside a DISTINCT aggregate want it
    pub plain: bool,
}

/// A column of a result: the name the user sees, and a physical one that is unique.
#[derive(Debug, Clone, PartialEq)]
pub struct OutCol {
    pub name: Option<String>,
    pub phys: String,
    pub ty: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub with: Vec<Cte>,
    pub recursive: bool,
    pub body: Body,
    pub order: Vec<SortKey>,
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    pub columns: Vec<OutCol>,
    /// one column that is the whole row (SELECT AS STRUCT, AS VALUE)
    pub is_value: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    /// its name in the whole statement, which may differ from the one written
    pub name: String,
    pub query: Query,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Select(Box<Select>),
    Set {
        /// UNION, INTERSECT or EXCEPT
        kind: &'static str,
        all: bool,
        left: Box<Query>,
        right: Box<Query>,
    },
    /// the step of a recursive CTE: both sides as they are
    Recursive {
        all: bool,
        base: Box<Query>,
        step: Box<Query>,
    },
    Nested(Box<Query>),
    /// rows of an INSERT
    Values(Vec<Vec<Expr>>),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Select {
    pub distinct: bool,
    /// as many as the query has columns, in their order
    pub list: Vec<Expr>,
    pub from: Option<From>,
    pub filter: Option<Expr>,
    pub group: Vec<GroupKey>,
    pub having: Option<Expr>,
    pub qualify: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum GroupKey {
    Value(Expr),
    Empty,
    /// ROLLUP, CUBE or GROUPING SETS
    Nested(&'static str, Vec<Vec<GroupKey>>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum From {
    Table(Table, String),
    /// a CTE by its name in the statement, and its alias
    Cte(String, String),
    Query {
        query: Box<Query>,
        alias: String,
        lateral: bool,
    },
    /// the items of an array as the column `v`, and their positions from 0 as `o`
    Unnest {
        array: Expr,
        alias: String,
        offset: bool,
        lateral: bool,
    },
    Join {
        /// INNER, LEFT, RIGHT, FULL or CROSS
        kind: &'static str,
        left: Box<From>,
        right: Box<From>,
        on: Option<Expr>,
    },
    Sample {
        source: Box<From>,
        percent: Expr,
    },
}

/// What a FROM clause reads that is no query of this statement.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// the name as the catalog knows it: empty where it is made up (a result of an ML function)
    pub path: Vec<String>,
    /// how the engine calls it, which the catalog says and only the engine's printer reads
    pub engine: String,
    pub columns: Vec<(String, Type)>,
    /// columns that a name finds, but no star: `_TABLE_SUFFIX`, `_PARTITIONTIME`
    pub hidden: Vec<(String, Type)>,
    /// the query that a function over tables reads, for lineage
    pub input: Option<Box<Query>>,
}

impl Expr {
    pub fn new(node: Node, ty: Type) -> Expr {
        Expr { node, ty }
    }

    pub fn null() -> Expr {
        Expr::new(Node::Null, Type::Null)
    }

    pub fn int(value: i64) -> Expr {
        Expr::new(Node::Int(value), Type::Int64)
    }

    pub fn text(value: impl Into<String>) -> Expr {
        Expr::new(Node::Text(value.into()), Type::String)
    }

    pub fn bool(value: bool) -> Expr {
        Expr::new(Node::Bool(value), Type::Bool)
    }

    pub fn column(range: &str, name: &str, ty: Type) -> Expr {
        Expr::new(Node::Column(Column { range: range.to_owned(), name: name.to_owned() }), ty)
    }

    pub fn field(self, phys: &str, ty: Type) -> Expr {
        Expr::new(Node::Field(Box::new(self), phys.to_owned()), ty)
    }

    /// Whether the type is that of an untyped NULL.
    pub fn is_null(&self) -> bool {
        self.ty == Type::Null
    }

    pub fn is_literal_null(&self) -> bool {
        matches!(self.node, Node::Null)
    }

    /// `[]` without a type.
    pub fn is_empty_array(&self) -> bool {
        matches!(&self.node, Node::Array(items) if items.is_empty()) && self.ty == Type::Array(Box::new(Type::Null))
    }

    /// Whether computing the value costs nothing and cannot fail.
    pub fn is_simple(&self) -> bool {
        match &self.node {
            Node::Null
            | Node::Default
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Float(_)
            | Node::Text(_)
            | Node::Bytes(_)
            | Node::Column(_)
            | Node::RowId(_)
            | Node::Variable(_)
            | Node::System(_)
            | Node::Local(_) => true,
            Node::Field(inner, _) => inner.is_simple(),
            Node::Cast(inner, casting) => casting.implicit && (inner.bends() || inner.is_literal_null()),
            _ => false,
        }
    }

    /// Whether a value holds what cannot stand inside a lambda: a subquery, an aggregate, a window function.
    pub fn is_heavy(&self) -> bool {
        matches!(self.node, Node::Subquery(..) | Node::InQuery(..) | Node::Aggregate(_))
            || self.parts().into_iter().any(Expr::is_heavy)
    }

    /// What an expression is made of, without subqueries.
    pub fn parts(&self) -> Vec<&Expr> {
        match &self.node {
            Node::Field(inner, _)
            | Node::Cast(inner, _)
            | Node::Fit(inner, _)
            | Node::Safe(inner)
            | Node::Lambda(_, inner)
            | Node::InQuery(inner, _) => vec![inner],
            Node::Call(_, args) | Node::Array(args) => args.iter().collect(),
            Node::Compare(_, a, b) => vec![a, b],
            Node::Case(whens, otherwise) => {
                whens.iter().flat_map(|(a, b)| [a, b]).chain(otherwise.as_deref()).collect()
            }
            Node::Struct(parts) => parts.iter().map(|(_, part)| part).collect(),
            Node::Let(values, body) => values.iter().map(|(_, value)| value).chain([&**body]).collect(),
            Node::Aggregate(call) => call.parts(),
            _ => Vec::new(),
        }
    }

    /// The same, to be changed; the inside of an aggregate is left alone.
    pub fn parts_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.node {
            Node::Field(inner, _)
            | Node::Cast(inner, _)
            | Node::Fit(inner, _)
            | Node::Safe(inner)
            | Node::Lambda(_, inner)
            | Node::InQuery(inner, _) => vec![inner],
            Node::Call(_, args) | Node::Array(args) => args.iter_mut().collect(),
            Node::Compare(_, a, b) => vec![a, b],
            Node::Case(whens, otherwise) => {
                whens.iter_mut().flat_map(|(a, b)| [a, b]).chain(otherwise.as_deref_mut()).collect()
            }
            Node::Struct(parts) => parts.iter_mut().map(|(_, part)| part).collect(),
            Node::Let(values, body) => values.iter_mut().map(|(_, value)| value).chain([&mut **body]).collect(),
            _ => Vec::new(),
        }
    }

    /// A constant whose type bends to what stands beside it.
    pub fn bends(&self) -> bool {
        matches!(self.node, Node::Int(_) | Node::Float(_) | Node::Text(_)) || self.is_empty_array()
    }
}

impl Query {
    /// A query that is one SELECT.
    pub fn select(select: Select, columns: Vec<OutCol>) -> Query {
        Query::of(Body::Select(Box::new(select)), columns)
    }

    pub fn of(body: Body, columns: Vec<OutCol>) -> Query {
        let (with, order) = (Vec::new(), Vec::new());
        Query { with, recursive: false, body, order, limit: None, offset: None, columns, is_value: false }
    }

    /// The constant that a column is, where it is one, since constants bend in a set operation.
    pub fn constant(&self, index: usize) -> Option<&Expr> {
        match &self.body {
            Body::Select(select) => {
                let value = select.list.get(index)?;
                let plain = match &value.node {
                    Node::Cast(inner, casting)
                        if casting.implicit && (inner.is_literal_null() || inner.is_empty_array()) =>
                    {
                        &**inner
                    }
                    _ => value,
                };
                (plain.bends() || plain.is_literal_null()).then_some(plain)
            }
            Body::Set { left, right, .. } => {
                let (a, b) = (left.constant(index)?, right.constant(index)?);
                (a.is_literal_null() && b.is_literal_null()).then_some(a)
            }
            Body::Nested(query) => query.constant(index),
            Body::Recursive { .. } | Body::Values(_) => None,
        }
    }
}
