//! Order and threads: a node starts when everything before it is done; what depends on a failure is skipped.

use super::job::{Job, Purpose};
use super::node;
use super::plan::Plan;
use super::result::blank_result;
use super::world::World;
use rsdbt_base::{Code, Diagnostic};
use rsdbt_project::ir::{NodeId, NodeResult, RunResults, Status};
use rsdbt_warehouse::Session;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

/// Native stack of a worker: macros call each other deeply.
pub const STACK: usize = 32 << 20;

struct State {
    plan: Plan,
    running: usize,
    results: Vec<NodeResult>,
    started: usize,
    halted: bool,
}

struct Shared {
    world: Arc<World>,
    job: Job,
    total: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// Runs the job to its end. Never fails as a whole: every node has a result.
pub fn run(world: &Arc<World>, job: Job) -> RunResults {
    let begun = Instant::now();
    let plan = Plan::new(&world.manifest, &world.graph, &job);
    let total = plan.total();
    let shared = Shared {
        world: world.clone(),
        total,
        state: Mutex::new(State { plan, running: 0, results: Vec::new(), started: 0, halted: false }),
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

/// A node to start.
struct Turn {
    at: usize,
    id: NodeId,
    /// Its place in the order of starts.
    number: usize,
    /// The failure for which it is skipped; its own id where the run was stopped.
    forbidden: Option<NodeId>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The next node to start; `None` when all is done.
    fn next(&self) -> Option<Turn> {
        let mut state = self.lock();
        loop {
            if let Some((at, id, forbidden)) = state.plan.start() {
                state.started += 1;
                state.running += 1;
                let halted = state.halted || self.world.stops.stopped();
                let forbidden = if halted { Some(id.clone()) } else { forbidden };
                return Some(Turn { at, id, number: state.started, forbidden });
            }
            if state.running == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn done(&self, turn: &Turn, result: NodeResult, quiet: bool) {
        let mut state = self.lock();
        state.running -= 1;
        let blocks = result.status.is_failure() || result.status == Status::Skipped;
        state.plan.done(turn.at, blocks.then_some(&result.unique_id));
        if self.job.fail_fast && result.status.is_failure() {
            state.halted = true;
        }
        if !quiet {
            let what = self.title(&result.unique_id);
            self.world.listener.finished(turn.number, self.total, &what, &result);
        }
        state.results.push(result);
        drop(state);
        self.changed.notify_all();
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
    while let Some(turn) = shared.next() {
        let id = &turn.id;
        if let Some(reason) = &turn.forbidden {
            shared.done(&turn, skipped(&shared.world, id, reason), false);
            continue;
        }
        let quiet = matches!(shared.job.purpose, Purpose::Compile | Purpose::Estimate);
        if !quiet {
            shared.world.listener.started(turn.number, shared.total, &shared.title(id), id);
        }
        let run = AssertUnwindSafe(|| node::run(&shared.world, id, session.take(), shared.job.purpose));
        let (result, back) = match std::panic::catch_unwind(run) {
            Ok(done) => done,
            Err(panic) => (broken(id, &panic), None),
        };
        session = back;
        shared.done(&turn, result, quiet);
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
        batches: None,
    }
}
