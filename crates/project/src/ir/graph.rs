//! The DAG (petgraph inside): order, neighbours, circles.

use super::{Manifest, NodeId};
use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Edges run from a resource to what depends on it.
#[derive(Debug, Default)]
pub struct Graph {
    graph: DiGraph<NodeId, ()>,
    places: HashMap<NodeId, NodeIndex>,
}

impl Graph {
    pub fn new(manifest: &Manifest) -> Self {
        let mut graph = Graph::default();
        for id in manifest.ids() {
            let place = graph.graph.add_node(id.clone());
            graph.places.insert(id.clone(), place);
        }
        for id in manifest.ids() {
            for parent in manifest.parents(id) {
                if let (Some(from), Some(to)) = (graph.places.get(parent), graph.places.get(id)) {
                    graph.graph.update_edge(*from, *to, ());
                }
            }
        }
        graph
    }

    /// A circle, as the path from a resource back to itself; `None` if there is none.
    pub fn cycle(&self) -> Option<Vec<NodeId>> {
        let components = tarjan_scc(&self.graph);
        let own = |place: NodeIndex| self.graph.find_edge(place, place).is_some();
        let ring = components.into_iter().find(|ring| ring.len() > 1 || ring.first().is_some_and(|p| own(*p)))?;
        let inside: BTreeSet<NodeIndex> = ring.iter().copied().collect();
        // Walk along edges inside the component until a resource comes back.
        let start = ring.iter().copied().min_by_key(|place| &self.graph[*place])?;
        let mut path = vec![start];
        loop {
            let here = *path.last()?;
            let next = self.graph.neighbors(here).filter(|n| inside.contains(n)).min_by_key(|n| &self.graph[*n])?;
            if let Some(at) = path.iter().position(|place| *place == next) {
                let mut names: Vec<NodeId> = path[at..].iter().map(|place| self.graph[*place].clone()).collect();
                names.push(self.graph[next].clone());
                return Some(names);
            }
            path.push(next);
        }
    }

    fn neighbours(&self, id: &str, direction: Direction) -> Vec<&NodeId> {
        let Some(place) = self.places.get(id) else { return Vec::new() };
        let mut found: Vec<&NodeId> = self
            .graph
            .edges_directed(*place, direction)
            .map(|edge| if direction == Direction::Outgoing { edge.target() } else { edge.source() })
            .map(|place| &self.graph[place])
            .collect();
        found.sort();
        found
    }

    pub fn children(&self, id: &str) -> Vec<&NodeId> {
        self.neighbours(id, Direction::Outgoing)
    }

    pub fn parents(&self, id: &str) -> Vec<&NodeId> {
        self.neighbours(id, Direction::Incoming)
    }

    /// Everything within `depth` steps of one of `ids` (all for `None`), and those themselves.
    fn reach<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i NodeId>,
        depth: Option<usize>,
        direction: Direction,
    ) -> BTreeSet<NodeId> {
        let mut edge: Vec<NodeIndex> = ids.into_iter().filter_map(|id| self.places.get(id)).copied().collect();
        let mut seen: HashSet<NodeIndex> = edge.iter().copied().collect();
        let mut steps = 0;
        while !edge.is_empty() && depth.is_none_or(|most| steps < most) {
            let around = edge.iter().flat_map(|place| self.graph.neighbors_directed(*place, direction));
            edge = around.filter(|place| seen.insert(*place)).collect();
            steps += 1;
        }
        seen.into_iter().map(|place| self.graph[place].clone()).collect()
    }

    /// `ids` and what they depend on.
    pub fn with_ancestors<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i NodeId>,
        depth: Option<usize>,
    ) -> BTreeSet<NodeId> {
        self.reach(ids, depth, Direction::Incoming)
    }

    /// `ids` and what depends on them.
    pub fn with_descendants<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i NodeId>,
        depth: Option<usize>,
    ) -> BTreeSet<NodeId> {
        self.reach(ids, depth, Direction::Outgoing)
    }
}
