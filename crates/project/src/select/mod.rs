//! dbt's node selection: `--select`, `--exclude`, selectors.yml. Pure.

mod methods;
mod yaml_selectors;

use crate::config::Yaml;
use crate::ir::{Graph, Manifest, NodeId, ResourceType};
use crate::state::State;
pub use methods::METHODS;
use rsdbt_base::Dialect;
use rsdbt_base::{Code, Diagnostic};
use std::collections::{BTreeMap, BTreeSet};
pub use yaml_selectors::named_selector;

pub type NodeSet = BTreeSet<NodeId>;

/// How tests follow the nodes that were selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Indirect {
    /// Tests of any selected node.
    #[default]
    Eager,
    /// Tests all of whose parents are selected.
    Cautious,
    /// Tests all of whose parents are selected or ancestors of what is selected.
    Buildable,
    Empty,
}

/// What selection works on.
pub struct Selection<'s> {
    pub manifest: &'s Manifest,
    pub graph: &'s Graph,
    pub indirect: Indirect,
    pub dialect: Dialect,
    /// selectors.yml, for `selector:`.
    pub selectors: Option<&'s Yaml>,
    pub previous: Previous,
}

/// Other invocations, as far as a selection asks for them.
#[derive(Debug, Default)]
pub struct Previous {
    pub state: Option<State>,
    /// For `result:`: unique id -> status.
    pub results: BTreeMap<NodeId, String>,
    /// For `source_status:fresher`; none without the artifacts of two invocations.
    pub fresher: Option<BTreeSet<NodeId>>,
}

/// One criterion: `[@][n+][method:]value[+n]`.
#[derive(Debug, PartialEq, Eq)]
struct Criterion<'c> {
    childrens_parents: bool,
    /// `Some(None)` is all of them.
    parents: Option<Option<usize>>,
    method: Option<&'c str>,
    value: &'c str,
    children: Option<Option<usize>>,
}

impl<'c> Criterion<'c> {
    fn parse(text: &'c str) -> Result<Self, Diagnostic> {
        let bad = || Diagnostic::error(Code::USAGE, format!("'{text}' is not a valid selection"));
        let (childrens_parents, mut rest) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut parents = None;
        if let Some((depth, after)) = rest.split_once('+').filter(|(d, _)| d.chars().all(|c| c.is_ascii_digit())) {
            parents = Some(depth.parse().ok());
            rest = after;
        }
        let mut children = None;
        if let Some((before, depth)) = rest.rsplit_once('+').filter(|(_, d)| d.chars().all(|c| c.is_ascii_digit())) {
            children = Some(depth.parse().ok());
            rest = before;
        }
        if childrens_parents && children.is_some() {
            return Err(Diagnostic::error(
                Code::USAGE,
                format!("'{text}' is not a valid selection: '@' and a trailing '+' exclude each other"),
            ));
        }
        let (method, value) = match rest.split_once(':') {
            Some((method, value)) => (Some(method), value),
            None => (None, rest),
        };
        if value.is_empty() {
            return Err(bad());
        }
        Ok(Criterion { childrens_parents, parents, method, value, children })
    }
}

impl Selection<'_> {
    /// The nodes for `--select` and `--exclude` lists; nothing selected means everything.
    pub fn select(&self, select: &[String], exclude: &[String]) -> Result<NodeSet, Diagnostic> {
        let chosen = match select {
            [] => self.everything(),
            some => self.union(some)?,
        };
        let without = self.union(exclude)?;
        Ok(chosen.difference(&without).cloned().collect())
    }

    pub fn everything(&self) -> NodeSet {
        self.manifest.ids().into_iter().cloned().collect()
    }

    fn union(&self, definitions: &[String]) -> Result<NodeSet, Diagnostic> {
        let mut chosen = NodeSet::new();
        for part in definitions.iter().flat_map(|text| text.split_whitespace()) {
            let mut both: Option<NodeSet> = None;
            for criterion in part.split(',') {
                let found = self.criterion(criterion)?;
                both = Some(match both {
                    Some(before) => before.intersection(&found).cloned().collect(),
                    None => found,
                });
            }
            chosen.extend(both.unwrap_or_default());
        }
        Ok(chosen)
    }

    /// One criterion with its graph operators, tests included.
    pub fn criterion(&self, text: &str) -> Result<NodeSet, Diagnostic> {
        let criterion = Criterion::parse(text)?;
        let direct = methods::find(self, criterion.method, criterion.value)?;
        let found = self.neighbours(&direct, &criterion);
        Ok(self.with_tests(found))
    }

    fn neighbours(&self, direct: &NodeSet, criterion: &Criterion) -> NodeSet {
        let mut found = direct.clone();
        if criterion.childrens_parents {
            found.extend(self.graph.with_ancestors(&self.graph.with_descendants(direct, None), None));
        }
        if let Some(depth) = criterion.parents {
            found.extend(self.graph.with_ancestors(direct, depth));
        }
        if let Some(depth) = criterion.children {
            found.extend(self.graph.with_descendants(direct, depth));
        }
        found
    }

    /// Adds the data and unit tests of what was selected.
    pub fn with_tests(&self, mut found: NodeSet) -> NodeSet {
        if self.indirect == Indirect::Empty {
            return found;
        }
        let reach: NodeSet = match self.indirect {
            Indirect::Buildable => self.graph.with_ancestors(&found, None),
            _ => found.clone(),
        };
        let mut tests = NodeSet::new();
        for id in &found {
            for child in self.graph.children(id) {
                let parents = self.graph.parents(child);
                let fits = match self.indirect {
                    Indirect::Eager => true,
                    _ => parents.iter().all(|parent| reach.contains(*parent)),
                };
                if fits && self.is_test(child) {
                    tests.insert(child.clone());
                }
            }
        }
        found.extend(tests);
        found
    }

    pub fn is_test(&self, id: &str) -> bool {
        self.manifest.unit_tests.contains_key(id)
            || self.manifest.nodes.get(id).is_some_and(|node| node.resource_type == ResourceType::Test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_read_as_in_dbt() {
        let one = Criterion::parse("2+tag:nightly+").expect("valid");
        assert_eq!(
            (one.parents, one.method, one.value, one.children),
            (Some(Some(2)), Some("tag"), "nightly", Some(None))
        );
        assert!(Criterion::parse("@a").expect("valid").childrens_parents);
        assert!(Criterion::parse("@a+").is_err());
    }
}
