//! Order and threads: a node starts when everything before it is done; what depends on a failure is skipped.

use super::job::{Job, Purpose};
use super::node;
use super::result::blank_result;
use super::world::World;
use rsdbt_base::{Code, Diagnostic};
use rsdbt_project::ir::{NodeId, NodeResult, ResourceType, RunResults, Status};
use rsdbt_warehouse::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

/// Native stack of a worker: macros call each other deeply.
const STACK: usize = 32 << 20;

struct State {
    /// Not yet started: node -> what it still waits for.
    waiting: BTreeMap<NodeId, BTreeSet<NodeId>>,
    running: usize,
    /// Nodes that may not run, and the failure that forbids it.
    forbidden: BTreeMap<NodeId, NodeId>,
    results: Vec<NodeResult>,
    started: usize,
    halted: bool,
}

struct Shared {
    world: Arc<World>,
    job: Job,
    rank: BTreeMap<NodeId, usize>,
    total: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// Runs the job to its end. Never fails as a whole: every node has a result.
pub fn run(world: &Arc<World>, job: Job) -> RunResults {
    let begun = Instant::now();
    let edges = dependencies(world, &job);
    let total = edges.len();
    let shared = Shared {
        world: world.clone(),
        rank: ranks(&edges),
        total,
        state: Mutex::new(State {
            waiting: edges,
            running: 0,
            forbidden: BTreeMap::new(),
            results: Vec::new(),
            started: 0,
            halted: false,
        }),
        changed: Condvar::new(),
        job,
    };
    let threads = shared.job.threads.clamp(1, total.max(1));
    std::thread::scope(|scope| {
        for number in 1..=threads {
            let shared = &shared;
            let builder = std::thread::Builder::new().name(format!("Thread-{number}")).stack_size(STACK);
            // A machine that cannot start threads has worse problems; the others do the work.
            let _ = builder.spawn_scoped(scope, move || work(shared));
        }
    });
    let state = shared.state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    RunResults { results: state.results, elapsed: begun.elapsed().as_secs_f64() }
}

/// What each selected node waits for, among the selected ones; unselected nodes between pass the order on.
fn dependencies(world: &World, job: &Job) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    let is_test = |id: &NodeId| {
        world.manifest.unit_tests.contains_key(id)
            || world.manifest.nodes.get(id).is_some_and(|n| n.resource_type == ResourceType::Test)
    };
    let runs = |id: &NodeId| {
        let node = world.manifest.nodes.get(id);
        let is_source = job.purpose == Purpose::Freshness && world.manifest.sources.contains_key(id);
        node.is_some_and(|n| !n.is_ephemeral()) || world.manifest.unit_tests.contains_key(id) || is_source
    };
    let chosen: BTreeSet<NodeId> = job.ids.iter().filter(|id| runs(id)).cloned().collect();
    let mut edges = BTreeMap::new();
    for id in &chosen {
        let above = world.graph.ancestors(id, None);
        let mut before: BTreeSet<NodeId> = above.intersection(&chosen).cloned().collect();
        if job.tests_block && !is_test(id) {
            for parent in &above {
                for child in world.graph.children(parent) {
                    let parents = world.graph.parents(child);
                    if chosen.contains(child) && is_test(child) && parents.iter().all(|p| above.contains(*p)) {
                        before.insert(child.clone());
                    }
                }
            }
        }
        edges.insert(id.clone(), before);
    }
    if job.tests_block {
        // Unit tests come before the model that they test.
        for test in world.manifest.unit_tests.values().filter(|test| chosen.contains(&test.unique_id)) {
            let model = test.depends_on.first().cloned().unwrap_or_default();
            if let Some(before) = edges.get_mut(&model) {
                before.insert(test.unique_id.clone());
            }
            if let Some(before) = edges.get_mut(&test.unique_id) {
                before.remove(&model);
            }
        }
    }
    edges
}

/// How many steps a node is from the top: earlier ones start first.
fn ranks(edges: &BTreeMap<NodeId, BTreeSet<NodeId>>) -> BTreeMap<NodeId, usize> {
    edges.iter().map(|(id, before)| (id.clone(), before.len())).collect()
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The next node to start and its number; `None` when all is done.
    fn next(&self) -> Option<(NodeId, usize, Option<NodeId>)> {
        let mut state = self.lock();
        loop {
            if state.waiting.is_empty() {
                return None;
            }
            let ready = state.waiting.iter().filter(|(_, before)| before.is_empty());
            let first = ready.min_by_key(|(id, _)| (self.rank.get(*id), *id)).map(|(id, _)| id.clone());
            if let Some(id) = first {
                state.waiting.remove(&id);
                state.started += 1;
                state.running += 1;
                let reason = state.forbidden.get(&id).cloned();
                let halted = state.halted || self.world.stops.stopped();
                let number = state.started;
                return Some((id.clone(), number, if halted { Some(id) } else { reason }));
            }
            if state.running == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn done(&self, result: NodeResult, number: usize, quiet: bool) {
        let mut state = self.lock();
        state.running -= 1;
        for before in state.waiting.values_mut() {
            before.remove(&result.unique_id);
        }
        let blocks = result.status.is_failure() || result.status == Status::Skipped;
        if blocks {
            self.forbid(&mut state, &result.unique_id);
        }
        if self.job.fail_fast && result.status.is_failure() {
            state.halted = true;
        }
        if !quiet {
            let what = self.title(&result.unique_id);
            self.world.listener.finished(number, self.total, &what, &result);
        }
        state.results.push(result);
        drop(state);
        self.changed.notify_all();
    }

    /// Everything below a failed node may not run. A failed test stands for the nodes it tests, in `build`.
    fn forbid(&self, state: &mut State, failed: &NodeId) {
        let world = &self.world;
        let is_unit = world.manifest.unit_tests.contains_key(failed);
        let is_test = world.manifest.nodes.get(failed).is_some_and(|n| n.resource_type == ResourceType::Test);
        let mut below = BTreeSet::new();
        if is_test || is_unit {
            if !self.job.tests_block {
                return;
            }
            for parent in world.graph.parents(failed) {
                below.extend(world.graph.descendants(parent, None));
                if is_unit {
                    below.insert(parent.clone());
                }
            }
        } else {
            below = world.graph.descendants(failed, None);
        }
        for id in below {
            // Tests of the tested node itself still run.
            let is_sibling = is_test
                && world.manifest.nodes.get(&id).is_some_and(|n| n.resource_type == ResourceType::Test)
                && world.graph.parents(&id).iter().all(|p| world.graph.parents(failed).contains(p));
            if id != *failed && !is_sibling && state.waiting.contains_key(&id) {
                state.forbidden.entry(id).or_insert_with(|| failed.clone());
            }
        }
    }

    fn title(&self, id: &str) -> String {
        let manifest = &self.world.manifest;
        if let Some(node) = manifest.nodes.get(id) {
            return self.world.title(node);
        }
        if let Some(source) = manifest.sources.get(id) {
            return format!("freshness of {}.{}", source.source_name, source.name);
        }
        manifest.unit_tests.get(id).map_or_else(|| id.to_owned(), |t| format!("unit_test {}::{}", t.model, t.name))
    }
}

fn work(shared: &Shared) {
    let mut session: Option<Box<dyn Session>> = None;
    while let Some((id, number, reason)) = shared.next() {
        if let Some(reason) = reason {
            let result = skipped(&shared.world, &id, &reason);
            shared.done(result, number, false);
            continue;
        }
        let quiet = matches!(shared.job.purpose, Purpose::Compile | Purpose::Estimate);
        if !quiet {
            shared.world.listener.started(number, shared.total, &shared.title(&id), &id);
        }
        let run = AssertUnwindSafe(|| node::run(&shared.world, &id, session.take(), shared.job.purpose));
        let (result, back) = match std::panic::catch_unwind(run) {
            Ok(done) => done,
            Err(panic) => (broken(&id, &panic), None),
        };
        session = back;
        shared.done(result, number, quiet);
    }
}

fn skipped(world: &World, id: &NodeId, reason: &NodeId) -> NodeResult {
    let message = if id == reason {
        "Skipped: the run was stopped".to_owned()
    } else {
        format!("Skipped because {reason} failed")
    };
    NodeResult { message: Some(message), ..blank_result(world, id, Status::Skipped) }
}

/// A defect of rsdbt: the node fails, the run goes on.
fn broken(id: &NodeId, panic: &Box<dyn std::any::Any + Send>) -> NodeResult {
    let text =
        panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
    let message = format!("rsdbt broke down on this node: {}", text.unwrap_or_default());
    NodeResult {
        unique_id: id.clone(),
        status: Status::Error,
        diagnostic: Some(Diagnostic::error(Code::BUG, message.clone())),
        message: Some(message),
        failures: None,
        adapter_response: serde_json::Map::new(),
        compiled_code: None,
        relation_name: None,
        thread: String::new(),
        execution_time: 0.0,
        timing: Vec::new(),
        freshness: None,
    }
}
