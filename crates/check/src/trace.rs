//! Column lineage over a whole project: the lineages of its queries, joined at the relations that they make.

use crate::relations::Relations;
use rsdbt_googlesql::lineage::{Influence, Lineage};
use std::collections::{BTreeMap, BTreeSet};

/// A column of a relation, which is named as `Relations::key` names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnRef {
    pub relation: String,
    /// Lower case; fields of structs behind dots.
    pub column: String,
}

/// One column takes part in another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: ColumnRef,
    pub to: ColumnRef,
    pub influence: Influence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Upstream,
    Downstream,
}

#[derive(Debug, Default)]
pub struct Trace {
    into: BTreeMap<ColumnRef, Vec<Edge>>,
    out_of: BTreeMap<ColumnRef, Vec<Edge>>,
}

impl Trace {
    /// Adds what a query does that makes the relation `key`.
    pub fn add(&mut self, key: &str, lineage: &Lineage, relations: &Relations) {
        for (name, flow) in &lineage.columns {
            let Some(name) = name else { continue };
            let to = ColumnRef { relation: key.to_owned(), column: name.to_lowercase() };
            for (source, influence) in flow {
                let from = ColumnRef { relation: relations.key(&source.table), column: source.column.to_lowercase() };
                let edge = Edge { from: from.clone(), to: to.clone(), influence: *influence };
                self.into.entry(to.clone()).or_default().push(edge.clone());
                self.out_of.entry(from).or_default().push(edge);
            }
        }
    }

    /// Every edge that is met on the way from a column, each once.
    pub fn reach(&self, start: &ColumnRef, direction: Direction) -> BTreeSet<Edge> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::from([start.clone()]);
        let mut next = vec![start.clone()];
        while let Some(here) = next.pop() {
            for edge in self.touching(&here, direction) {
                let there = match direction {
                    Direction::Upstream => &edge.from,
                    Direction::Downstream => &edge.to,
                };
                if seen.insert(there.clone()) {
                    next.push(there.clone());
                }
                found.insert(edge.clone());
            }
        }
        found
    }

    /// The edges of one column. A column stands for its fields too, and a field is made where its column is.
    fn touching(&self, here: &ColumnRef, direction: Direction) -> Vec<&Edge> {
        let edges = match direction {
            Direction::Upstream => &self.into,
            Direction::Downstream => &self.out_of,
        };
        let inside = format!("{}.", here.column);
        let is_near = |column: &str| {
            column == here.column || column.starts_with(&inside) || here.column.starts_with(&format!("{column}."))
        };
        let from = ColumnRef { relation: here.relation.clone(), column: String::new() };
        let same = edges.range(from..).take_while(|(column, _)| column.relation == here.relation);
        same.filter(|(column, _)| is_near(&column.column)).flat_map(|(_, edges)| edges).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Schema, survey, type_of};

    fn column(relation: &str, column: &str) -> ColumnRef {
        ColumnRef { relation: format!("lab.shop.{relation}"), column: column.to_owned() }
    }

    /// raw -> stg -> daily
    fn trace() -> Trace {
        let mut relations = Relations::new("lab", "shop");
        let raw = [
            ("id", "INT64"),
            ("amount", "NUMERIC"),
            ("placed", "TIMESTAMP"),
            ("who", "STRUCT<name STRING, age INT64>"),
        ];
        let raw = raw.iter().map(|(n, t)| ((*n).to_owned(), type_of(t).expect("a type"))).collect();
        relations.insert(&["raw"], Schema::Known(raw));
        let mut trace = Trace::default();
        for (name, sql) in [
            ("stg", "select id as order_id, amount * 2 as Amount, date(placed) as day, who from lab.shop.raw"),
            ("daily", "select day, sum(amount) as total, any_value(who.name) as name from lab.shop.stg group by day"),
        ] {
            let found = survey(sql, &relations);
            assert!(found.findings.is_empty(), "{:?}", found.findings);
            trace.add(&format!("lab.shop.{name}"), &found.lineage.expect("known"), &relations);
            relations.insert(&[name], Schema::Known(found.columns.expect("known")));
        }
        trace
    }

    #[test]
    fn upstream_goes_through_every_model() {
        let found: Vec<(ColumnRef, Influence)> = trace()
            .reach(&column("daily", "total"), Direction::Upstream)
            .into_iter()
            .map(|edge| (edge.from, edge.influence))
            .collect();
        assert_eq!(
            found,
            [(column("raw", "amount"), Influence::Derived), (column("stg", "amount"), Influence::Aggregated),]
        );
        let names = trace().reach(&column("daily", "name"), Direction::Upstream);
        assert!(
            names.iter().any(|edge| edge.from.relation == "lab.shop.raw" && edge.from.column.starts_with("who")),
            "{names:?}"
        );
    }

    #[test]
    fn downstream_is_the_other_way() {
        let found = trace().reach(&column("raw", "placed"), Direction::Downstream);
        let ends: Vec<ColumnRef> = found.into_iter().map(|edge| edge.to).collect();
        assert_eq!(ends, [column("stg", "day"), column("daily", "day")]);
        assert!(trace().reach(&column("raw", "nope"), Direction::Downstream).is_empty());
    }
}
