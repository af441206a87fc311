//! The broker behind a lock, with its journal: requests from any thread, one sync for all that wait (group commit).

use crate::broker::core::{Broker, Fault, FaultKind};
use crate::broker::journal::Journal;
use rsdbt_sys as sys;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// How long writes are refused after the disk failed.
const REST: Duration = Duration::from_millis(500);
/// Retention is looked after at least this often.
const TICK: Duration = Duration::from_millis(500);

type Answer = Result<(), Fault>;

struct State {
    broker: Broker,
    /// Who waits for the records that are in the broker's log now.
    waiting: Vec<oneshot::Sender<Answer>>,
    is_closing: bool,
    /// Set while the disk fails: why, and until when requests are refused at once.
    resting: Option<(Fault, Instant)>,
    /// Memory is ahead of the disk, and the disk could not be read back yet.
    is_stale: bool,
}

struct Shared {
    state: Mutex<State>,
    /// There is something to write, or the end has come.
    work: Condvar,
    /// Something may have become deliverable.
    changed: Condvar,
    changed_async: Notify,
    is_durable: bool,
}

/// A running broker. Dropping it writes what is left and ends its thread.
pub struct Service {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// Microseconds since 1970-01-01, never running backwards: a clock that is set back must not revive a lease.
fn now_micros() -> i64 {
    use std::sync::atomic::{AtomicI64, Ordering};
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = i64::try_from(sys::now().as_micros()).unwrap_or(i64::MAX);
    LAST.fetch_max(now, Ordering::SeqCst).max(now)
}

impl Service {
    /// A broker that keeps its state in a folder, or in memory only.
    pub fn open(folder: Option<&Path>) -> Result<Service, Fault> {
        let (journal, broker) = match folder {
            Some(folder) => Journal::open(folder).map(|(journal, broker)| (Some(journal), broker))?,
            None => (None, Broker::new()),
        };
        let state = State { broker, waiting: Vec::new(), is_closing: false, resting: None, is_stale: false };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            work: Condvar::new(),
            changed: Condvar::new(),
            changed_async: Notify::new(),
            is_durable: journal.is_some(),
        });
        let writer = std::thread::spawn({
            let shared = shared.clone();
            move || write_loop(&shared, journal)
        });
        Ok(Service { shared, writer: Some(writer) })
    }

    /// Runs a request; the receiver answers when its records are on disk.
    fn start<T>(
        &self,
        request: impl FnOnce(&mut Broker, i64) -> Result<T, Fault>,
    ) -> Result<(T, Option<oneshot::Receiver<Answer>>), Fault> {
        let mut state = self.shared.lock();
        if let Some((fault, until)) = &state.resting
            && (state.is_stale || Instant::now() < *until)
        {
            return Err(fault.clone());
        }
        let value = request(&mut state.broker, now_micros())?;
        if !state.broker.has_log() {
            return Ok((value, None));
        }
        if !self.shared.is_durable {
            state.settle();
            drop(state);
            self.shared.announce();
            return Ok((value, None));
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(sender);
        self.shared.work.notify_one();
        Ok((value, Some(receiver)))
    }

    /// Runs a request and waits until it is durable.
    pub fn run<T>(&self, request: impl FnOnce(&mut Broker, i64) -> Result<T, Fault>) -> Result<T, Fault> {
        let (value, durable) = self.start(request)?;
        match durable {
            None => Ok(value),
            Some(receiver) => receiver.blocking_recv().unwrap_or_else(|_| Err(closed())).map(|()| value),
        }
    }

    /// The same without blocking a thread.
    pub async fn run_async<T>(&self, request: impl FnOnce(&mut Broker, i64) -> Result<T, Fault>) -> Result<T, Fault> {
        let (value, durable) = self.start(request)?;
        match durable {
            None => Ok(value),
            Some(receiver) => receiver.await.unwrap_or_else(|_| Err(closed())).map(|()| value),
        }
    }

    /// Something became deliverable without a request's doing: wakes those who wait.
    pub fn announce(&self) {
        self.shared.announce();
    }

    /// Asks until there is an answer or the time is over.
    pub fn wait_for<T>(
        &self,
        patience: Duration,
        mut ask: impl FnMut(&mut Broker, i64) -> Result<Option<T>, Fault>,
    ) -> Result<Option<T>, Fault> {
        let until = Instant::now() + patience;
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = ask(&mut state.broker, now_micros())? {
                if state.broker.has_log() {
                    self.shared.work.notify_one();
                }
                return Ok(Some(found));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Resolves when something may have become deliverable. Ask for it before looking, then look, then wait.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.shared.changed_async.notified()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.take() {
            _ = writer.join();
        }
    }
}

fn closed() -> Fault {
    Fault::new(FaultKind::Unavailable, "the broker is closing")
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A request that panicked left a broker whose every record was applied whole.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn announce(&self) {
        self.changed.notify_all();
        self.changed_async.notify_waiters();
    }
}

impl State {
    /// Without a journal everything is as durable as it gets.
    fn settle(&mut self) {
        _ = self.broker.take_log();
        let next = self.broker.next_id();
        self.broker.set_durable(next);
    }
}

/// Waits for records or the next deadline; writes, syncs, answers.
fn write_loop(shared: &Shared, mut journal: Option<Journal>) {
    let mut state = shared.lock();
    loop {
        state = rest(shared, state, &mut journal);
        let now = now_micros();
        let due = state.broker.next_change().map_or(TICK, |at| Duration::from_micros((at - now).max(0).unsigned_abs()));
        if !state.broker.has_log() && !state.is_closing {
            let waited = shared.work.wait_timeout(state, due.min(TICK).max(Duration::from_micros(200)));
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        let now = now_micros();
        let is_due = state.broker.next_change().is_some_and(|at| at <= now);
        state.broker.sweep(now);
        let has_records = state.broker.has_log();
        match &mut journal {
            Some(journal) if has_records => state = write(shared, state, journal),
            None if has_records => state.settle(),
            _ => {}
        }
        if has_records || is_due {
            shared.announce();
        }
        if state.is_closing && (!state.broker.has_log() || state.resting.is_some()) {
            return;
        }
    }
}

/// One group commit. The lock is open while the disk works, so that the next group gathers.
fn write<'s>(shared: &'s Shared, mut state: MutexGuard<'s, State>, journal: &mut Journal) -> MutexGuard<'s, State> {
    let records = state.broker.take_log();
    let next_id = state.broker.next_id();
    let waiting = std::mem::take(&mut state.waiting);
    drop(state);
    let written = journal.append(&records);
    let mut state = shared.lock();
    match &written {
        Ok(()) => {
            state.broker.set_durable(next_id);
            state.resting = None;
            if journal.is_worth_compacting() && !state.broker.has_log() {
                // A failure leaves the long log, which is as good.
                _ = journal.compact(&state.broker.snapshot_log());
            }
        }
        Err(fault) => start_over(&mut state, journal, fault),
    }
    waiting.into_iter().for_each(|sender| _ = sender.send(written.clone()));
    state
}

/// After a failed write memory is ahead of the disk: nothing unwritten may stay, so the disk's state is loaded.
fn start_over(state: &mut State, journal: &mut Journal, fault: &Fault) {
    state.resting = Some((fault.clone(), Instant::now() + REST));
    for sender in std::mem::take(&mut state.waiting) {
        _ = sender.send(Err(fault.clone()));
    }
    match journal.reload() {
        Ok(broker) => (state.broker, state.is_stale) = (broker, false),
        Err(_) => state.is_stale = true,
    }
}

/// While the disk fails nothing is written; then it is tried again.
fn rest<'s>(
    shared: &'s Shared,
    mut state: MutexGuard<'s, State>,
    journal: &mut Option<Journal>,
) -> MutexGuard<'s, State> {
    while let (Some((fault, until)), false) = (state.resting.clone(), state.is_closing) {
        let left = until.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            let waited = shared.work.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        } else if let (true, Some(journal)) = (state.is_stale, journal.as_mut()) {
            start_over(&mut state, journal, &fault);
        } else {
            break;
        }
    }
    state
}
