//! The syntax tree of GoogleSQL as written: no names resolved, no types. Every node knows its byte position.

pub type Boxed = Box<Expr>;

#[derive(Debug, Clone, PartialEq)]
pub struct Ident {
    pub text: String,
    pub at: usize,
}

/// A dotted name of a table, model or routine; backticked parts are already split at their dots.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    pub parts: Vec<String>,
    pub at: usize,
}

impl Path {
    pub fn text(&self) -> String {
        self.parts.join(".")
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct TypeName {
    pub at: usize,
    pub shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Plain(String, Vec<String>),
    Array(Box<TypeName>),
    Range(Box<TypeName>),
    Struct(Vec<(Option<Ident>, TypeName)>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub at: usize,
    pub end: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Null,
    Default,
    Bool(bool),
    Int(String),
    Float(String),
    Text(String),
    Bytes(Vec<u8>),
    /// `DATE '2020-01-01'`
    Typed(TypeName, String),
    Interval {
        value: Boxed,
        from: Ident,
        to: Option<Ident>,
    },
    Name(Ident),
    Field(Boxed, Ident),
    Index(Boxed, Boxed),
    Param(String),
    System(String),
    Unary(&'static str, Boxed),
    Binary(&'static str, Boxed, Boxed),
    /// IS \[NOT\] NULL | TRUE | FALSE | UNKNOWN
    Is {
        value: Boxed,
        what: &'static str,
        not: bool,
    },
    IsDistinct {
        left: Boxed,
        right: Boxed,
        not: bool,
    },
    Between {
        value: Boxed,
        low: Boxed,
        high: Boxed,
        not: bool,
    },
    In {
        value: Boxed,
        set: Set,
        not: bool,
    },
    /// LIKE, or LIKE ANY | SOME | ALL with its quantifier
    Like {
        value: Boxed,
        quantifier: Option<&'static str>,
        set: Set,
        not: bool,
    },
    Case {
        operand: Option<Boxed>,
        whens: Vec<(Expr, Expr)>,
        otherwise: Option<Boxed>,
    },
    Cast {
        value: Boxed,
        to: TypeName,
        safe: bool,
        format: Option<Boxed>,
        zone: Option<Boxed>,
    },
    Extract {
        part: Boxed,
        from: Boxed,
        zone: Option<Boxed>,
    },
    Call(Box<Call>),
    Array {
        element: Option<TypeName>,
        items: Vec<Expr>,
    },
    ArrayQuery(Box<Query>),
    /// STRUCT(...), STRUCT<...>(...) and (a, b)
    Struct {
        fields: Option<Vec<(Option<Ident>, TypeName)>>,
        items: Vec<(Expr, Option<Ident>)>,
    },
    Query(Box<Query>),
    Exists(Box<Query>),
    With {
        bindings: Vec<(Ident, Expr)>,
        body: Boxed,
    },
    Lambda {
        params: Vec<Ident>,
        body: Boxed,
    },
    Named(Ident, Boxed),
    /// `MODEL path` or `TABLE path` as an argument
    Object(&'static str, Path),
    Star,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Set {
    Items(Vec<Expr>),
    Query(Box<Query>),
    Unnest(Boxed),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Call {
    pub name: String,
    pub at: usize,
    pub safe: bool,
    pub args: Vec<Expr>,
    pub distinct: bool,
    /// IGNORE NULLS = true, RESPECT NULLS = false
    pub ignore_nulls: Option<bool>,
    /// HAVING MAX = true, HAVING MIN = false
    pub having: Option<(bool, Expr)>,
    pub condition: Option<Expr>,
    pub order: Vec<Order>,
    pub limit: Option<Expr>,
    pub over: Option<Window>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub value: Expr,
    pub descending: bool,
    pub nulls_first: Option<bool>,
    pub collate: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Window {
    pub base: Option<Ident>,
    pub partition: Vec<Expr>,
    pub order: Vec<Order>,
    pub frame: Option<Frame>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub rows: bool,
    pub start: Bound,
    pub end: Option<Bound>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    Unbounded(bool),
    Current,
    /// `true` = PRECEDING
    Offset(Expr, bool),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub at: usize,
    pub recursive: bool,
    pub with: Vec<Cte>,
    pub body: Body,
    pub order: Vec<Order>,
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    pub pipes: Vec<(Pipe, usize)>,
}

impl Query {
    /// A query that is nothing but its body.
    pub fn of(body: Body, at: usize) -> Query {
        let (with, order, pipes) = (Vec::new(), Vec::new(), Vec::new());
        Query { at, recursive: false, with, body, order, limit: None, offset: None, pipes }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    pub name: Ident,
    pub query: Query,
    /// WITH DEPTH: name, lower and upper bound
    pub depth: Option<(Option<Ident>, Option<Expr>, Option<Expr>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Select(Box<Select>),
    Set {
        op: SetOp,
        left: Box<Body>,
        right: Box<Body>,
    },
    Query(Box<Query>),
    /// `FROM ...` that starts a pipe query
    From(Box<From>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct SetOp {
    pub at: usize,
    /// UNION, INTERSECT or EXCEPT
    pub kind: &'static str,
    pub all: bool,
    /// FULL, LEFT or INNER
    pub mode: Option<&'static str>,
    pub strict: bool,
    /// CORRESPONDING or BY NAME; with a list of columns
    pub by_name: Option<Option<Vec<Ident>>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    pub at: usize,
    pub distinct: bool,
    /// STRUCT or VALUE
    pub shape: Option<&'static str>,
    pub items: Vec<Item>,
    pub from: Option<From>,
    pub condition: Option<Expr>,
    pub group: Option<Group>,
    pub having: Option<Expr>,
    pub qualify: Option<Expr>,
    pub windows: Vec<(Ident, Window)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Value(Expr, Option<Ident>),
    Star { of: Option<Expr>, except: Vec<Ident>, replace: Vec<(Expr, Ident)>, at: usize },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Group {
    All,
    Items(Vec<GroupItem>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum GroupItem {
    Value(Expr, Option<Ident>),
    Empty,
    /// ROLLUP, CUBE or GROUPING SETS
    Nested(&'static str, Vec<Vec<GroupItem>>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct From {
    pub at: usize,
    pub kind: FromKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FromKind {
    Table { path: Path, names: Vec<Ident>, alias: Option<Ident>, offset: Option<Option<Ident>>, as_of: Option<Expr> },
    Query { query: Box<Query>, alias: Option<Ident>, lateral: bool },
    Unnest { values: Vec<Expr>, alias: Option<Ident>, offset: Option<Option<Ident>> },
    Call { call: Box<Call>, alias: Option<Ident> },
    Join { kind: &'static str, left: Box<From>, right: Box<From>, on: JoinOn },
    Pivot { source: Box<From>, pivot: Pivot, alias: Option<Ident> },
    Unpivot { source: Box<From>, unpivot: Unpivot, alias: Option<Ident> },
    Sample { source: Box<From>, percent: Expr },
}

#[derive(Debug, Clone, PartialEq)]
pub enum JoinOn {
    None,
    On(Expr),
    Using(Vec<Ident>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Pivot {
    pub aggregates: Vec<(Expr, Option<Ident>)>,
    pub column: Expr,
    pub values: Vec<(Expr, Option<Ident>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Unpivot {
    pub include_nulls: bool,
    pub values: Vec<Ident>,
    pub name: Ident,
    /// the columns of one output row and what its name column says
    pub columns: Vec<(Vec<Ident>, Option<Expr>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Pipe {
    Select(Box<Select>),
    Extend(Vec<Item>),
    Set(Vec<(Ident, Expr)>),
    Drop(Vec<Ident>),
    Rename(Vec<(Ident, Ident)>),
    As(Ident),
    Where(Expr),
    Limit(Expr, Option<Expr>),
    Order(Vec<Order>),
    Aggregate { items: Vec<(Item, Option<bool>)>, group: Vec<(GroupItem, Option<bool>)>, and_order: bool },
    Distinct,
    Join { kind: &'static str, right: From, on: JoinOn },
    SetOp(SetOp, Vec<Query>),
    Pivot(Pivot, Option<Ident>),
    Unpivot(Unpivot, Option<Ident>),
    Sample(Expr),
    Assert(Expr, Vec<Expr>),
    Call(Box<Call>, Option<Ident>),
    Window(Vec<Item>),
    With(Vec<Cte>),
    StaticDescribe,
}

/// `(name, value)` of OPTIONS(...).
pub type Options = Vec<(Ident, Expr)>;

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    pub name: Ident,
    pub ty: Option<TypeName>,
    pub not_null: bool,
    pub default: Option<Expr>,
    pub options: Options,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableParts {
    pub columns: Option<Vec<ColumnDef>>,
    pub partition: Option<Expr>,
    pub cluster: Vec<Expr>,
    pub options: Options,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CreateMode {
    pub or_replace: bool,
    pub if_not_exists: bool,
    pub temp: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    pub name: Ident,
    /// `None` for ANY TYPE
    pub ty: Option<TypeName>,
    /// TABLE<...> parameter of a table function
    pub table: Option<Vec<ColumnDef>>,
    /// IN, OUT or INOUT
    pub mode: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    pub mode: CreateMode,
    pub name: Path,
    pub params: Vec<Param>,
    pub returns: Option<TypeName>,
    pub aggregate: bool,
    pub language: Option<String>,
    pub body: FunctionBody,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FunctionBody {
    Sql(Box<Expr>),
    Table(Box<Query>),
    Code(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub mode: CreateMode,
    pub name: Path,
    pub transform: Option<Vec<Item>>,
    pub options: Options,
    pub query: Option<Box<Query>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MergeWhen {
    pub at: usize,
    pub matched: bool,
    pub by_source: bool,
    pub condition: Option<Expr>,
    pub action: MergeAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MergeAction {
    Insert { columns: Vec<Ident>, values: Option<Vec<Expr>> },
    Update(Vec<(Vec<Ident>, Expr)>),
    Delete,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InsertSource {
    Values(Vec<Vec<Expr>>),
    Query(Box<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Alter {
    AddColumn(ColumnDef, bool),
    DropColumn(Ident, bool),
    RenameColumn(Ident, Ident),
    RenameTo(Path),
    SetOptions(Options),
    ColumnType(Ident, TypeName),
    ColumnOptions(Ident, Options),
    ColumnDropNotNull(Ident),
    ColumnSetDefault(Ident, Expr),
    ColumnDropDefault(Ident),
    /// constraints and the like, which have no effect on results
    Accepted,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub at: usize,
    pub end: usize,
    pub kind: StatementKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    Query(Box<Query>),
    CreateSchema {
        mode: CreateMode,
        name: Path,
    },
    DropSchema {
        name: Path,
        if_exists: bool,
        cascade: bool,
    },
    CreateTable {
        mode: CreateMode,
        name: Path,
        parts: TableParts,
        query: Option<Box<Query>>,
        like: Option<Path>,
        clone: Option<(Path, bool)>,
    },
    CreateView {
        mode: CreateMode,
        name: Path,
        columns: Vec<ColumnDef>,
        options: Options,
        query: Box<Query>,
        materialized: bool,
    },
    CreateFunction(Box<Function>),
    CreateProcedure {
        mode: CreateMode,
        name: Path,
        params: Vec<Param>,
        body: Vec<Statement>,
    },
    CreateModel(Box<Model>),
    Drop {
        what: &'static str,
        name: Path,
        if_exists: bool,
    },
    AlterTable {
        name: Path,
        if_exists: bool,
        view: bool,
        actions: Vec<Alter>,
    },
    AlterSchema {
        name: Path,
    },
    AlterModel {
        name: Path,
        if_exists: bool,
        options: Options,
    },
    Insert {
        table: Path,
        columns: Vec<Ident>,
        source: InsertSource,
        assert_rows: Option<Expr>,
    },
    Update {
        table: Path,
        alias: Option<Ident>,
        set: Vec<(Vec<Ident>, Expr)>,
        from: Option<From>,
        condition: Expr,
        assert_rows: Option<Expr>,
    },
    Delete {
        table: Path,
        alias: Option<Ident>,
        condition: Expr,
        assert_rows: Option<Expr>,
    },
    Merge {
        table: Path,
        alias: Option<Ident>,
        source: From,
        on: Expr,
        whens: Vec<MergeWhen>,
    },
    Truncate {
        table: Path,
    },
    Declare {
        names: Vec<Ident>,
        ty: Option<TypeName>,
        default: Option<Expr>,
    },
    Set {
        targets: Vec<SetTarget>,
        value: Expr,
    },
    If {
        branches: Vec<(Expr, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    CaseOf {
        operand: Option<Expr>,
        branches: Vec<(Expr, Vec<Statement>)>,
        otherwise: Option<Vec<Statement>>,
    },
    Loop {
        label: Option<String>,
        body: Vec<Statement>,
    },
    While {
        label: Option<String>,
        condition: Expr,
        body: Vec<Statement>,
    },
    Repeat {
        label: Option<String>,
        body: Vec<Statement>,
        until: Expr,
    },
    For {
        label: Option<String>,
        name: Ident,
        query: Box<Query>,
        body: Vec<Statement>,
    },
    Break(Option<String>),
    Continue(Option<String>),
    Return,
    Block {
        label: Option<String>,
        body: Vec<Statement>,
        handler: Option<Vec<Statement>>,
    },
    ExecuteImmediate {
        sql: Expr,
        into: Vec<Ident>,
        using: Vec<(Expr, Option<Ident>)>,
    },
    Call {
        name: Path,
        args: Vec<Expr>,
    },
    Raise(Option<Expr>),
    Assert {
        condition: Expr,
        message: Option<String>,
    },
    Begin,
    Commit,
    Rollback,
    /// GRANT, REVOKE and other statements without effect on a laptop
    Ignored(&'static str),
}

#[derive(Debug, Clone, PartialEq)]
pub enum SetTarget {
    Variable(Ident),
    System(String, usize),
}
