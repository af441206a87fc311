//! What waits for what, as steps with counters: built in the time of the graph's edges, however deep it is.
//! It starts nothing and knows no thread.

use super::job::{Job, Purpose};
use rsdbt_project::ir::{Graph, Manifest, NodeId, ResourceType};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A node that runs, or a point that only passes the order on: a resource that was not selected, a gate behind tests.
#[derive(Default)]
struct Step {
    id: Option<NodeId>,
    /// How many steps before it are not done.
    waits: usize,
    next: Vec<usize>,
    /// How many nodes run before it on the longest way.
    rank: usize,
    /// The failure that forbids it.
    forbidden: Option<NodeId>,
}

/// The steps of a job and how far they are.
pub struct Plan {
    steps: Vec<Step>,
    /// By rank, then by unique id, whose order is that of the steps.
    ready: BTreeSet<(usize, usize)>,
    total: usize,
}

impl Plan {
    pub fn new(manifest: &Manifest, graph: &Graph, job: &Job) -> Plan {
        let mut builder = Builder::new(manifest, graph, job);
        builder.link();
        let mut plan = Plan {
            total: builder.steps.iter().filter(|step| step.id.is_some()).count(),
            steps: builder.steps,
            ready: BTreeSet::new(),
        };
        let order = plan.order();
        plan.rank(&order);
        let free: Vec<usize> = (0..plan.steps.len()).filter(|at| plan.steps[*at].waits == 0).collect();
        plan.pass(free);
        plan
    }

    /// How many nodes will run.
    pub fn total(&self) -> usize {
        self.total
    }

    /// A node whose turn it is, and the failure that forbids it.
    pub fn start(&mut self) -> Option<(usize, NodeId, Option<NodeId>)> {
        let (_, at) = self.ready.pop_first()?;
        let step = &self.steps[at];
        Some((at, step.id.clone()?, step.forbidden.clone()))
    }

    /// A node is done. With `failure` nothing that waits for it may run.
    pub fn done(&mut self, at: usize, failure: Option<&NodeId>) {
        // What was skipped hands on the failure that it was skipped for.
        if self.steps[at].forbidden.is_none() {
            self.steps[at].forbidden = failure.cloned();
        }
        let free = self.release(at);
        self.pass(free);
    }

    /// Counts a step off; those that wait for nothing more.
    fn release(&mut self, at: usize) -> Vec<usize> {
        let forbidden = self.steps[at].forbidden.clone();
        let next = std::mem::take(&mut self.steps[at].next);
        let mut free = Vec::new();
        for after in next {
            let step = &mut self.steps[after];
            step.waits -= 1;
            if step.forbidden.is_none() {
                step.forbidden.clone_from(&forbidden);
            }
            if step.waits == 0 {
                free.push(after);
            }
        }
        free
    }

    /// Makes free steps ready; those that run nothing are done at once.
    fn pass(&mut self, mut free: Vec<usize>) {
        while let Some(at) = free.pop() {
            if self.steps[at].id.is_some() {
                self.ready.insert((self.steps[at].rank, at));
            } else {
                free.extend(self.release(at));
            }
        }
    }

    /// Every step after those that it waits for.
    fn order(&self) -> Vec<usize> {
        let mut waits: Vec<usize> = self.steps.iter().map(|step| step.waits).collect();
        let mut order: Vec<usize> = (0..self.steps.len()).filter(|at| waits[*at] == 0).collect();
        let mut at = 0;
        while at < order.len() {
            for next in &self.steps[order[at]].next {
                waits[*next] -= 1;
                if waits[*next] == 0 {
                    order.push(*next);
                }
            }
            at += 1;
        }
        order
    }

    fn rank(&mut self, order: &[usize]) {
        for at in order {
            let below = self.steps[*at].rank + usize::from(self.steps[*at].id.is_some());
            for next in self.steps[*at].next.clone() {
                self.steps[next].rank = self.steps[next].rank.max(below);
            }
        }
    }
}

struct Builder<'w> {
    manifest: &'w Manifest,
    graph: &'w Graph,
    job: &'w Job,
    ids: Vec<&'w NodeId>,
    places: HashMap<&'w NodeId, usize>,
    steps: Vec<Step>,
}

impl<'w> Builder<'w> {
    fn new(manifest: &'w Manifest, graph: &'w Graph, job: &'w Job) -> Self {
        let ids = manifest.ids();
        let places = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let mut builder = Builder { manifest, graph, job, ids, places, steps: Vec::new() };
        builder.steps = builder
            .ids
            .iter()
            .map(|id| Step { id: builder.runs(id).then(|| (*id).clone()), ..Step::default() })
            .collect();
        builder
    }

    fn runs(&self, id: &NodeId) -> bool {
        let manifest = self.manifest;
        let is_source = self.job.purpose == Purpose::Freshness && manifest.sources.contains_key(id);
        let is_node = manifest.nodes.get(id).is_some_and(|node| !node.is_ephemeral());
        self.job.ids.contains(id) && (is_node || manifest.unit_tests.contains_key(id) || is_source)
    }

    fn is_unit_test(&self, at: usize) -> bool {
        self.manifest.unit_tests.contains_key(self.ids[at])
    }

    fn is_test(&self, at: usize) -> bool {
        let node = self.manifest.nodes.get(self.ids[at]);
        self.is_unit_test(at) || node.is_some_and(|node| node.resource_type == ResourceType::Test)
    }

    fn neighbours(&self, ids: &[&NodeId]) -> Vec<usize> {
        ids.iter().filter_map(|id| self.places.get(*id)).copied().collect()
    }

    fn parents(&self, at: usize) -> Vec<usize> {
        self.neighbours(&self.graph.parents(self.ids[at]))
    }

    fn children(&self, at: usize) -> Vec<usize> {
        self.neighbours(&self.graph.children(self.ids[at]))
    }

    fn edge(&mut self, before: usize, after: usize) {
        self.steps[before].next.push(after);
        self.steps[after].waits += 1;
    }

    fn link(&mut self) {
        let mut gates: HashMap<usize, usize> = HashMap::new();
        let mut shared: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        if self.job.tests_block {
            let tests: Vec<usize> = (0..self.ids.len())
                .filter(|at| self.steps[*at].id.is_some() && self.is_test(*at) && !self.is_unit_test(*at))
                .collect();
            for test in tests {
                let parents = self.parents(test);
                match parents.as_slice() {
                    [] => {}
                    [tested] => {
                        let gate = *gates.entry(*tested).or_insert_with(|| self.steps.len());
                        if gate == self.steps.len() {
                            self.steps.push(Step::default());
                            self.edge(*tested, gate);
                        }
                        self.edge(test, gate);
                    }
                    _ => shared.entry(parents).or_default().push(test),
                }
            }
        }
        for at in 0..self.ids.len() {
            self.wait_for_parents(at, &gates);
        }
        self.wait_for_shared_tests(shared);
    }

    /// A node waits for its parents, and where tests block for theirs. A unit test waits for what its model waits for.
    fn wait_for_parents(&mut self, at: usize, gates: &HashMap<usize, usize>) {
        let unit_tests_model = (self.job.tests_block && self.is_unit_test(at)).then(|| self.parents(at));
        let of_model = unit_tests_model.as_ref().and_then(|parents| parents.first()).copied();
        if let Some(model) = of_model {
            self.edge(at, model);
        }
        let is_data_test = self.is_test(at) && of_model.is_none();
        for parent in self.parents(of_model.unwrap_or(at)) {
            let before = if is_data_test { parent } else { gates.get(&parent).copied().unwrap_or(parent) };
            self.edge(before, at);
        }
    }

    /// Tests of several nodes hold up what depends on all of these, as in dbt: the first such nodes of every way down.
    fn wait_for_shared_tests(&mut self, shared: BTreeMap<Vec<usize>, Vec<usize>>) {
        if shared.is_empty() {
            return;
        }
        let above = Ancestors::of(self, shared.keys().flatten().copied().collect());
        for (tested, tests) in shared {
            let gate = self.steps.len();
            self.steps.push(Step::default());
            for test in tests {
                self.edge(test, gate);
            }
            let Some(last) = tested.iter().copied().max_by_key(|at| above.place(*at)) else { continue };
            let mut seen = BTreeSet::from([last]);
            let mut edge = vec![last];
            while let Some(at) = edge.pop() {
                for child in self.children(at) {
                    if self.is_test(child) || !seen.insert(child) {
                        continue;
                    }
                    if above.has_all(child, &tested) {
                        self.edge(gate, child);
                    } else {
                        edge.push(child);
                    }
                }
            }
        }
    }
}

/// Which of some nodes each node depends on: one bit for each of them.
struct Ancestors {
    columns: BTreeMap<usize, usize>,
    words: usize,
    bits: Vec<u64>,
    /// Where each node comes, parents first.
    places: Vec<usize>,
}

impl Ancestors {
    fn of(builder: &Builder, asked: BTreeSet<usize>) -> Ancestors {
        let count = builder.ids.len();
        let words = asked.len().div_ceil(64);
        let columns: BTreeMap<usize, usize> = asked.into_iter().enumerate().map(|(column, at)| (at, column)).collect();
        let mut ancestors = Ancestors { columns, words, bits: vec![0; count * words], places: vec![0; count] };
        let mut waits: Vec<usize> = (0..count).map(|at| builder.parents(at).len()).collect();
        let mut order: Vec<usize> = (0..count).filter(|at| waits[*at] == 0).collect();
        let mut done = 0;
        while done < order.len() {
            let at = order[done];
            ancestors.places[at] = done;
            done += 1;
            for child in builder.children(at) {
                ancestors.hand_down(at, child);
                waits[child] -= 1;
                if waits[child] == 0 {
                    order.push(child);
                }
            }
        }
        ancestors
    }

    fn hand_down(&mut self, parent: usize, child: usize) {
        for word in 0..self.words {
            self.bits[child * self.words + word] |= self.bits[parent * self.words + word];
        }
        if let Some(column) = self.columns.get(&parent) {
            self.bits[child * self.words + column / 64] |= 1 << (column % 64);
        }
    }

    fn place(&self, at: usize) -> usize {
        self.places[at]
    }

    fn has_all(&self, at: usize, asked: &[usize]) -> bool {
        asked.iter().all(|asked| {
            let column = self.columns.get(asked);
            column.is_some_and(|column| self.bits[at * self.words + column / 64] >> (column % 64) & 1 == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsdbt_project::ir::Node;

    /// `a <- b` as "b a"; what begins with `t` is a data test.
    fn manifest(edges: &[(&str, &[&str])]) -> Manifest {
        let mut manifest = Manifest::default();
        for (name, parents) in edges {
            let kind = if name.starts_with('t') { ResourceType::Test } else { ResourceType::Model };
            let mut node = Node::named(kind, "p", name);
            node.unique_id = (*name).to_owned();
            node.depends_on = parents.iter().map(|parent| (*parent).to_owned()).collect();
            manifest.nodes.insert(node.unique_id.clone(), node);
        }
        manifest
    }

    fn plan(manifest: &Manifest, ids: &[&str], tests_block: bool) -> Plan {
        let job = Job {
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            threads: 1,
            fail_fast: false,
            tests_block,
            purpose: Purpose::Build,
        };
        Plan::new(manifest, &Graph::new(manifest), &job)
    }

    /// Runs a plan; those in `failing` fail. The answer is what ran and what was skipped (`-x`), in order.
    fn play(mut plan: Plan, failing: &[&str]) -> String {
        let mut seen = Vec::new();
        while let Some((at, id, forbidden)) = plan.start() {
            let fails = forbidden.is_some() || failing.contains(&id.as_str());
            plan.done(at, fails.then_some(&id));
            seen.push(if forbidden.is_some() { format!("-{id}") } else { id });
        }
        seen.join(" ")
    }

    #[test]
    fn order_goes_through_what_was_not_selected() {
        let chain = manifest(&[("z", &[]), ("m", &["z"]), ("a", &["m"])]);
        assert_eq!(play(plan(&chain, &["a", "z"], false), &[]), "z a");
        assert_eq!(play(plan(&chain, &["a", "z"], false), &["z"]), "z -a");
    }

    #[test]
    fn tests_hold_up_what_depends_on_all_that_they_test() {
        let graph = manifest(&[
            ("a", &[]),
            ("b", &[]),
            ("c", &["a"]),
            ("d", &["a", "b"]),
            ("e", &["d"]),
            ("t_a", &["a"]),
            ("t_ab", &["a", "b"]),
        ]);
        let all = ["a", "b", "c", "d", "e", "t_a", "t_ab"];
        assert_eq!(play(plan(&graph, &all, true), &[]), "a b t_a t_ab c d e");
        assert_eq!(play(plan(&graph, &all, true), &["t_ab"]), "a b t_a t_ab c -d -e");
        assert_eq!(play(plan(&graph, &all, true), &["t_a"]), "a b t_a t_ab -c -d -e");
        // Where tests do not block, a failed one stands alone.
        assert_eq!(play(plan(&graph, &all, false), &["t_a", "t_ab"]), "a b c d t_a t_ab e");
    }

    #[test]
    fn a_chain_of_thousands_is_planned_at_once() {
        let names: Vec<String> = (0..20_000).map(|n| format!("m{n:05}")).collect();
        let mut chain = Manifest::default();
        for (at, name) in names.iter().enumerate() {
            let mut node = Node::named(ResourceType::Model, "p", name);
            node.unique_id.clone_from(name);
            node.depends_on = names.get(at.wrapping_sub(1)).cloned().into_iter().collect();
            chain.nodes.insert(name.clone(), node);
        }
        let ids: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(play(plan(&chain, &ids, true), &[]), names.join(" "));
    }
}
