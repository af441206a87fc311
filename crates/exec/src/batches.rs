//! A microbatch model: every batch by itself, as many at once as the run has threads. What others built stays when one fails.

use super::host::RunHost;
use super::job::Purpose;
use super::microbatch::{self, Window};
use super::node::one;
use super::result::{blank_result, fail, located};
use super::schedule::STACK;
use super::world::World;
use rsdbt_jinja::{Fault, names_variable};
use rsdbt_project::ir::{Batches, Node, NodeResult, Status};
use rsdbt_warehouse::Session;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Ran = (NodeResult, Option<Box<dyn Session>>);

/// Builds a model batch by batch: the first one, which makes the table, then those between at once, then the last one.
pub fn run(world: &Arc<World>, node: &Arc<Node>, session: Option<Box<dyn Session>>) -> Ran {
    let host = Arc::new(RunHost::new(world, node, session));
    let planned = plan(world, node, &host);
    let session = host.into_session();
    let (windows, grows) = match planned {
        Ok(planned) => planned,
        Err(fault) => {
            let mut result = blank_result(world, &node.unique_id, Status::Error);
            let diagnostic = located(world, node, None, fail(fault));
            result.message = Some(diagnostic.message.clone());
            result.diagnostic = Some(diagnostic);
            return (result, session);
        }
    };
    let (first, session) = batch(world, node, windows[0], session);
    let mut results = vec![first];
    // Without its first batch there is no table that the others could grow.
    let mut session = session;
    if grows || results[0].status != Status::Error {
        let rest = &windows[1..];
        let (between, last) = rest.split_at(rest.len().saturating_sub(1));
        let threads = if may_run_at_once(node) { world.threads } else { 1 };
        results.extend(at_once(world, node, between, threads));
        for window in last {
            let (result, back) = batch(world, node, *window, session);
            session = back;
            results.push(result);
        }
    }
    (summary(world, node, &windows, results), session)
}

fn plan(world: &Arc<World>, node: &Node, host: &RunHost) -> Result<(Vec<Window>, bool), Fault> {
    let grows = has_table(host)? && !world.full_refresh(node);
    if let Some(before) = world.retried.get(&node.unique_id).filter(|before| !before.failed.is_empty()) {
        let window = |(start, end): &(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)| Window {
            start: start.naive_utc(),
            end: end.naive_utc(),
            grows: true,
        };
        return Ok((before.failed.iter().map(window).collect(), true));
    }
    let windows = microbatch::windows(node, &world.batch_range, grows, world.invocation.started_at)?;
    Ok((windows, grows))
}

/// Whether the model's table is there as a table.
fn has_table(host: &RunHost) -> Result<bool, Fault> {
    let node = &host.node;
    let found = host.find(&node.database, &node.schema, &node.alias)?;
    Ok(found.is_some_and(|relation| relation.kind.as_deref() == Some("table")))
}

/// As in dbt: where the model does not say, it depends on whether it looks at what the other batches built.
fn may_run_at_once(node: &Node) -> bool {
    node.settings().concurrent_batches.unwrap_or_else(|| !names_variable(&node.raw_code, "this"))
}

fn batch(world: &Arc<World>, node: &Arc<Node>, window: Window, session: Option<Box<dyn Session>>) -> Ran {
    let mut host = RunHost::new(world, node, session);
    host.window = Some(window);
    one(world, Arc::new(host), Purpose::Build)
}

/// The results of some batches, in their order; each thread has a session of its own.
fn at_once(world: &Arc<World>, node: &Arc<Node>, windows: &[Window], threads: usize) -> Vec<NodeResult> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        let mut session = None;
        while let Some((at, window)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, *windows.get(at)?)))
        {
            let (result, back) = batch(world, node, window, session.take());
            session = back;
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    std::thread::scope(|scope| {
        let name = std::thread::current().name().unwrap_or("main").to_owned();
        for _ in 0..threads.min(windows.len()) {
            let builder = std::thread::Builder::new().name(name.clone()).stack_size(STACK);
            // Where no thread can be had, the others do its part.
            let _ = builder.spawn_scoped(scope, work);
        }
    });
    // Nothing is left unless no thread could be started.
    work();
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// One result for all batches. Those that were not tried for lack of a table count as failed.
fn summary(world: &World, node: &Node, windows: &[Window], results: Vec<NodeResult>) -> NodeResult {
    let span = |window: &Window| (window.start.and_utc(), window.end.and_utc());
    let mut batches = Batches::default();
    if let Some(before) = world.retried.get(&node.unique_id) {
        batches.successful.clone_from(&before.successful);
    }
    for (at, window) in windows.iter().enumerate() {
        let is_built = results.get(at).is_some_and(|result| result.status != Status::Error);
        let list = if is_built { &mut batches.successful } else { &mut batches.failed };
        list.push(span(window));
    }
    let total = windows.len();
    let first_failed = results.iter().position(|result| result.status == Status::Error);
    let Some(at) = first_failed else {
        let last =
            results.into_iter().next_back().unwrap_or_else(|| blank_result(world, &node.unique_id, Status::Success));
        let message = format!("{total} {}", if total == 1 { "batch" } else { "batches" });
        return NodeResult { message: Some(message), batches: Some(batches), ..last };
    };
    let count = results.iter().filter(|result| result.status == Status::Error).count();
    let message = format!("{count} of {total} batches failed, the first of them {}", windows[at].name());
    let status = if batches.successful.is_empty() { Status::Error } else { Status::PartialSuccess };
    let first = results.into_iter().nth(at).unwrap_or_else(|| blank_result(world, &node.unique_id, status));
    let again = "build the failed ones again with `rsdbt retry`, or all with --full-refresh";
    let diagnostic = first.diagnostic.clone().map(|found| found.note(message.clone()).help(again));
    let message = format!("{message}\n  {}", first.message.clone().unwrap_or_default());
    NodeResult { status, message: Some(message), diagnostic, batches: Some(batches), ..first }
}
