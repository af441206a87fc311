//! Column lineage and reads of an analyzed query: which columns of which tables make each column of the result, and how,
//! and what a statement needs to read. Pure walks over `Query`.

use crate::analyze::{Contents, MergeEffect, Plan, Step};
use crate::query::{Aggregate, Body, Expr, From, GroupKey, Node, Query, Select, SubqueryKind, Table, Window};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A column of a table that the catalog knows; fields of structs behind dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceColumn {
    pub table: Vec<String>,
    pub column: String,
}

/// How a source column takes part in a result, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Influence {
    /// as it is, under whatever name
    Copied,
    /// through an expression
    Derived,
    /// through an aggregate
    Aggregated,
    /// decides which rows there are: WHERE, JOIN, HAVING, QUALIFY, EXISTS
    Filter,
    /// groups, partitions or orders
    Ordering,
}

/// The source columns of one value.
pub type Flow = BTreeMap<SourceColumn, Influence>;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lineage {
    /// the columns of the result, in their order, with what makes their values
    pub columns: Vec<(Option<String>, Flow)>,
    /// what decides about the rows of the whole result
    pub rows: Flow,
}

/// What a statement reads: tables with the columns that it names.
pub type Reads = BTreeMap<Vec<String>, BTreeSet<String>>;

/// The lineage of a query.
pub fn lineage(query: &Query) -> Lineage {
    let mut walk = Walk::default();
    let flows = walk.query(query);
    let columns = query.columns.iter().zip(flows).map(|(col, (_, flow))| (col.name.clone(), flow)).collect();
    Lineage { columns, rows: walk.rows }
}

/// The tables and columns that a query reads, whatever for.
pub fn reads(query: &Query) -> Reads {
    let mut walk = Walk::default();
    let flows = walk.query(query).into_iter().map(|(_, flow)| flow).collect();
    walk.collected(flows)
}

/// What a statement does to a table: its columns as the statement makes them. `None` where it makes no columns.
pub fn written(plan: &Plan) -> Option<Lineage> {
    let mut walk = Walk::default();
    let columns = plan.steps.iter().find_map(|step| walk.step(step))?;
    Some(Lineage { columns, rows: walk.rows })
}

/// What all steps of a statement read.
pub fn plan_reads(plan: &Plan) -> Reads {
    let mut found = Reads::new();
    for step in &plan.steps {
        let mut walk = Walk::default();
        let columns = walk.step(step).unwrap_or_default();
        let flows = columns.into_iter().map(|(_, flow)| flow).collect();
        for (table, columns) in walk.collected(flows) {
            found.entry(table).or_default().extend(columns);
        }
    }
    found
}

impl Lineage {
    /// The lineage with views replaced by what they read. `view` gives a view's own lineage, and nothing for a table.
    pub fn through(&self, view: &dyn Fn(&[String]) -> Option<Lineage>) -> Lineage {
        let mut rows = Flow::new();
        let mut columns = Vec::new();
        for (name, flow) in &self.columns {
            columns.push((name.clone(), expand(flow, view, &mut rows)));
        }
        let own = expand(&self.rows, view, &mut Flow::new());
        merge(&mut rows, &own);
        Lineage { columns, rows }
    }
}

fn expand(flow: &Flow, view: &dyn Fn(&[String]) -> Option<Lineage>, rows: &mut Flow) -> Flow {
    let mut out = Flow::new();
    for (source, influence) in flow {
        let Some(inner) = view(&source.table) else {
            add(&mut out, source.clone(), *influence);
            continue;
        };
        merge(rows, &inner.rows);
        let (head, path) = source.column.split_once('.').map_or((source.column.as_str(), ""), |(h, p)| (h, p));
        let column = inner.columns.iter().find(|(n, _)| n.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(head)));
        for (deep, how) in column.into_iter().flat_map(|(_, flow)| flow) {
            let mut deep = deep.clone();
            if !path.is_empty() && *how == Influence::Copied {
                deep.column = format!("{}.{path}", deep.column);
            }
            add(&mut out, deep, (*influence).max(*how));
        }
    }
    out
}

fn add(flow: &mut Flow, source: SourceColumn, influence: Influence) {
    let entry = flow.entry(source).or_insert(influence);
    *entry = (*entry).min(influence);
}

fn merge(into: &mut Flow, from: &Flow) {
    from.iter().for_each(|(source, influence)| add(into, source.clone(), *influence));
}

/// The flow with every influence at least as far as `least`.
fn at_least(flow: Flow, least: Influence) -> Flow {
    flow.into_iter().map(|(source, influence)| (source, influence.max(least))).collect()
}

/// Columns of a FROM item or a query, by physical name.
type Columns = Vec<(String, Flow)>;

#[derive(Default)]
struct Walk {
    ctes: Vec<(String, Columns)>,
    /// FROM items in sight, query level by query level
    levels: Vec<HashMap<String, Columns>>,
    rows: Flow,
    tables: BTreeSet<Vec<String>>,
}

impl Walk {
    /// The tables that were met, with the columns that flow into values or decide about rows.
    fn collected(self, flows: Vec<Flow>) -> Reads {
        let mut found: Reads = self.tables.into_iter().map(|table| (table, BTreeSet::new())).collect();
        for source in flows.iter().flat_map(Flow::keys).chain(self.rows.keys()) {
            let column = source.column.split('.').next().unwrap_or_default().to_owned();
            found.entry(source.table.clone()).or_default().insert(column);
        }
        found
    }

    /// The columns that a step makes, where it makes some.
    fn step(&mut self, step: &Step) -> Option<Vec<(Option<String>, Flow)>> {
        let named = |query: &Query, flows: Columns| -> Vec<(Option<String>, Flow)> {
            query.columns.iter().zip(flows).map(|(col, (_, flow))| (col.name.clone(), flow)).collect()
        };
        match step {
            Step::CreateTable { contents: Contents::Query(query), .. } => {
                let flows = self.query(query);
                Some(named(query, flows))
            }
            Step::Query(query) | Step::CreateView { query, .. } => {
                let flows = self.query(query);
                Some(named(query, flows))
            }
            Step::Insert { columns, rows, .. } => {
                let flows = self.query(rows);
                Some(columns.iter().zip(flows).map(|(name, (_, flow))| (Some(name.clone()), flow)).collect())
            }
            Step::Update { table, alias, set, from, condition, .. } => {
                self.target(table, alias, from.as_ref());
                let flow = self.expr(condition);
                self.decide(flow, Influence::Filter);
                let made = set.iter().map(|(name, value)| (Some(name.clone()), self.expr(value))).collect();
                self.levels.pop();
                Some(made)
            }
            Step::Merge { table, alias, source, on, clauses, .. } => {
                self.target(table, alias, Some(source));
                let flow = self.expr(on);
                self.decide(flow, Influence::Filter);
                let mut made: BTreeMap<String, Flow> = BTreeMap::new();
                for clause in clauses {
                    if let Some(condition) = &clause.condition {
                        let flow = self.expr(condition);
                        self.decide(flow, Influence::Filter);
                    }
                    let (MergeEffect::Update(list) | MergeEffect::Insert(list)) = &clause.effect else { continue };
                    for (name, value) in list {
                        let flow = self.expr(value);
                        merge(made.entry(name.clone()).or_default(), &flow);
                    }
                }
                self.levels.pop();
                let order = table.columns.iter().filter_map(|(name, _)| made.remove_entry(name));
                Some(order.map(|(name, flow)| (Some(name), flow)).collect())
            }
            _ => None,
        }
    }

    /// Opens a level in which the target of a change and what it is changed from are in sight.
    fn target(&mut self, table: &Table, alias: &str, from: Option<&From>) {
        self.levels.push(HashMap::new());
        self.from(&From::Table(table.clone(), alias.to_owned()));
        if let Some(from) = from {
            self.from(from);
        }
    }

    fn query(&mut self, query: &Query) -> Columns {
        let depth = self.ctes.len();
        for cte in &query.with {
            let columns = match &cte.query.body {
                Body::Recursive { base, step, .. } => self.recursive(&cte.name, base, step),
                _ => self.query(&cte.query),
            };
            self.ctes.push((cte.name.clone(), columns));
        }
        let mut flows = match &query.body {
            Body::Select(select) => self.select(select, query),
            Body::Set { kind, left, right, .. } => {
                let (left, right) = (self.query(left), self.query(right));
                if *kind == "EXCEPT" {
                    right.into_iter().for_each(|(_, flow)| self.decide(flow, Influence::Filter));
                    left
                } else {
                    union(left, &right)
                }
            }
            Body::Recursive { base, step, .. } => {
                let base = self.query(base);
                let step = self.query(step);
                union(base, &step)
            }
            Body::Nested(inner) => self.query(inner),
            Body::Values(rows) => {
                let mut flows: Columns = query.columns.iter().map(|c| (c.phys.clone(), Flow::new())).collect();
                for row in rows {
                    for (value, (_, flow)) in row.iter().zip(flows.iter_mut()) {
                        let found = self.expr(value);
                        merge(flow, &found);
                    }
                }
                flows
            }
        };
        for (col, (phys, _)) in query.columns.iter().zip(flows.iter_mut()) {
            phys.clone_from(&col.phys);
        }
        self.ctes.truncate(depth);
        flows
    }

    fn recursive(&mut self, name: &str, base: &Query, step: &Query) -> Columns {
        let mut flows = self.query(base);
        // what a step adds can pass through the next one; a second round finds it
        for _ in 0..2 {
            self.ctes.push((name.to_owned(), flows.clone()));
            let more = self.query(step);
            self.ctes.pop();
            flows = union(flows, &more);
        }
        flows
    }

    fn select(&mut self, select: &Select, query: &Query) -> Columns {
        self.levels.push(HashMap::new());
        if let Some(from) = &select.from {
            self.from(from);
        }
        for condition in [&select.filter, &select.having, &select.qualify].into_iter().flatten() {
            let flow = self.expr(condition);
            self.decide(flow, Influence::Filter);
        }
        select.group.iter().for_each(|key| self.group(key));
        for key in &query.order {
            let flow = self.expr(&key.value);
            self.decide(flow, Influence::Ordering);
        }
        let (mut flows, mut fields) = (Columns::new(), Columns::new());
        for (value, col) in select.list.iter().zip(&query.columns) {
            flows.push((col.phys.clone(), self.expr(value)));
            // the fields of a struct that is made here are known one by one, under `column.field` behind the columns
            if let Node::Struct(parts) = &value.node {
                for (name, part) in parts {
                    fields.push((format!("{}.{name}", col.phys), self.expr(part)));
                }
            }
        }
        flows.append(&mut fields);
        self.levels.pop();
        flows
    }

    fn group(&mut self, key: &GroupKey) {
        match key {
            GroupKey::Value(value) => {
                let flow = self.expr(value);
                self.decide(flow, Influence::Ordering);
            }
            GroupKey::Empty => {}
            GroupKey::Nested(_, sets) => sets.iter().flatten().for_each(|key| self.group(key)),
        }
    }

    /// What decides about all rows.
    fn decide(&mut self, flow: Flow, least: Influence) {
        merge(&mut self.rows, &at_least(flow, least));
    }

    fn from(&mut self, from: &From) {
        match from {
            From::Table(table, alias) => {
                let columns = match &table.input {
                    Some(input) => self.through_function(input, &table.columns),
                    None => {
                        self.tables.insert(table.path.clone());
                        let column = |name: &String| SourceColumn { table: table.path.clone(), column: name.clone() };
                        let own = |name: &String| Flow::from([(column(name), Influence::Copied)]);
                        table.columns.iter().map(|(name, _)| (name.clone(), own(name))).collect()
                    }
                };
                self.see(alias, columns);
            }
            From::Cte(name, alias) => {
                let found = self.ctes.iter().rev().find(|(known, _)| known == name);
                let columns = found.map(|(_, columns)| columns.clone()).unwrap_or_default();
                self.see(alias, columns);
            }
            From::Query { query, alias, .. } => {
                let columns = self.query(query);
                self.see(alias, columns);
            }
            From::Unnest { array, alias, .. } => {
                let flow = self.expr(array);
                let place = at_least(flow.clone(), Influence::Derived);
                self.see(alias, vec![("v".to_owned(), flow), ("o".to_owned(), place)]);
            }
            From::Join { left, right, on, .. } => {
                self.from(left);
                self.from(right);
                if let Some(on) = on {
                    let flow = self.expr(on);
                    self.decide(flow, Influence::Filter);
                }
            }
            From::Sample { source, .. } => self.from(source),
        }
    }

    /// A function over a table passes columns on by their names and makes the others of all that it reads.
    fn through_function(&mut self, input: &Query, columns: &[(String, crate::types::Type)]) -> Columns {
        let flows = self.query(input);
        let mut all = Flow::new();
        flows.iter().for_each(|(_, flow)| merge(&mut all, flow));
        let made = at_least(all, Influence::Derived);
        let passed = |name: &str| {
            let place = input.columns.iter().position(|c| c.name.as_deref() == Some(name));
            place.and_then(|i| flows.get(i)).map(|(_, flow)| flow.clone())
        };
        columns.iter().map(|(name, _)| (name.clone(), passed(name).unwrap_or_else(|| made.clone()))).collect()
    }

    fn see(&mut self, alias: &str, columns: Columns) {
        if let Some(level) = self.levels.last_mut() {
            level.insert(alias.to_owned(), columns);
        }
    }

    fn find(&self, range: &str, name: &str) -> Option<Flow> {
        let columns = self.levels.iter().rev().find_map(|level| level.get(range))?;
        columns.iter().find(|(own, _)| own == name).map(|(_, flow)| flow.clone())
    }

    fn expr(&mut self, value: &Expr) -> Flow {
        match &value.node {
            Node::Column(column) => self.find(&column.range, &column.name).unwrap_or_default(),
            Node::Field(inner, name) => self.field(inner, name),
            Node::Cast(inner, casting) if casting.implicit => self.expr(inner),
            Node::Struct(parts) => {
                let mut flow = Flow::new();
                for (_, part) in parts {
                    let found = self.expr(part);
                    merge(&mut flow, &found);
                }
                flow
            }
            Node::Subquery(kind, query) => {
                let mut flow = Flow::new();
                self.query(query).iter().for_each(|(_, column)| merge(&mut flow, column));
                match kind {
                    SubqueryKind::Exists => at_least(flow, Influence::Filter),
                    SubqueryKind::Scalar | SubqueryKind::Array => at_least(flow, Influence::Derived),
                }
            }
            Node::InQuery(probe, query) => {
                let mut flow = at_least(self.expr(probe), Influence::Derived);
                let inner = self.query(query);
                inner.into_iter().for_each(|(_, column)| merge(&mut flow, &at_least(column, Influence::Filter)));
                flow
            }
            Node::Aggregate(call) => self.aggregate(call),
            _ => {
                let mut flow = Flow::new();
                for child in value.parts() {
                    let found = self.expr(child);
                    merge(&mut flow, &at_least(found, Influence::Derived));
                }
                flow
            }
        }
    }

    fn field(&mut self, inner: &Expr, name: &str) -> Flow {
        if let Node::Struct(parts) = &inner.node
            && let Some((_, part)) = parts.iter().find(|(own, _)| own == name)
        {
            return self.expr(part);
        }
        if let Node::Column(column) = &inner.node
            && let Some(flow) = self.find(&column.range, &format!("{}.{name}", column.name))
        {
            return flow;
        }
        let deeper = |(source, influence): (SourceColumn, Influence)| {
            let column =
                if influence == Influence::Copied { format!("{}.{name}", source.column) } else { source.column };
            (SourceColumn { column, ..source }, influence)
        };
        self.expr(inner).into_iter().map(deeper).collect()
    }

    fn aggregate(&mut self, call: &Aggregate) -> Flow {
        let mut flow = Flow::new();
        for arg in &call.args {
            let found = self.expr(arg);
            merge(&mut flow, &at_least(found, Influence::Aggregated));
        }
        for condition in &call.filter {
            let found = self.expr(condition);
            merge(&mut flow, &at_least(found, Influence::Filter));
        }
        for key in &call.order {
            let found = self.expr(&key.value);
            merge(&mut flow, &at_least(found, Influence::Ordering));
        }
        if let Some(Window { partition, order, .. }) = &call.over {
            for key in partition.iter().chain(order.iter().map(|key| &key.value)) {
                let found = self.expr(key);
                merge(&mut flow, &at_least(found, Influence::Ordering));
            }
        }
        flow
    }
}

/// The columns of both sides of a set operation, by position; what is known of fields ends here.
fn union(left: Columns, right: &Columns) -> Columns {
    let mut out = left;
    out.retain(|(name, _)| !name.contains('.'));
    for ((_, flow), (_, other)) in out.iter_mut().zip(right) {
        merge(flow, other);
    }
    out
}
