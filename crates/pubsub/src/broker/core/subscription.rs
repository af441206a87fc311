//! One subscription: what is not acknowledged yet, who holds it until when, and in which order it may be delivered.

use super::filter::Filter;
use super::topic::Stored;
use rsdbt_proto::pubsub as api;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Identifies one delivery of one message. Tokens grow, so the newest delivery has the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckId {
    pub epoch: u64,
    pub message: u64,
    pub token: u64,
}

impl AckId {
    pub fn parse(text: &str) -> Option<AckId> {
        let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16).ok());
        let id = AckId { epoch: parts.next()??, message: parts.next()??, token: parts.next()?? };
        parts.next().is_none().then_some(id)
    }
}

impl std::fmt::Display for AckId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{:x}-{:x}", self.epoch, self.message, self.token)
    }
}

/// A message on its way to a subscriber.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub ack_id: AckId,
    pub message: Arc<Stored>,
    pub attempt: u32,
}

/// What one pull may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub messages: usize,
    pub bytes: usize,
}

struct Pending {
    message: Arc<Stored>,
    /// Deliveries that ended without an acknowledgement.
    failed: u32,
    /// Not delivered again before this moment.
    not_before: i64,
    lease: Option<Lease>,
}

#[derive(Clone, Copy)]
struct Lease {
    token: u64,
    deadline: i64,
}

/// Messages of one ordering key: the next is delivered when all before it are acknowledged.
#[derive(Default)]
struct Key {
    waiting: BTreeSet<u64>,
    held: BTreeSet<u64>,
}

pub struct Subscription {
    pub config: api::Subscription,
    filter: Option<Filter>,
    pending: BTreeMap<u64, Pending>,
    /// What may be delivered now, in order; of an ordering key only its first message.
    ready: BTreeSet<u64>,
    delayed: BTreeSet<(i64, u64)>,
    deadlines: BTreeSet<(i64, u64)>,
    keys: HashMap<String, Key>,
    next_token: u64,
}

const SECOND: i64 = 1_000_000;

impl Subscription {
    pub fn new(config: api::Subscription) -> Subscription {
        // A filter was checked when the subscription was created.
        let filter = Filter::parse(&config.filter).ok().filter(|_| !config.filter.is_empty());
        Subscription {
            config,
            filter,
            pending: BTreeMap::new(),
            ready: BTreeSet::new(),
            delayed: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            keys: HashMap::new(),
            next_token: 1,
        }
    }

    pub fn wants(&self, message: &Stored) -> bool {
        !self.config.detached && self.filter.as_ref().is_none_or(|filter| filter.accepts(&message.message.attributes))
    }

    fn key_of<'m>(&self, message: &'m Stored) -> Option<&'m str> {
        let key = message.message.ordering_key.as_str();
        (self.config.enable_message_ordering && !key.is_empty()).then_some(key)
    }

    /// Adds a message to the backlog if the filter lets it through.
    pub fn offer(&mut self, message: &Arc<Stored>) {
        if !self.wants(message) {
            return;
        }
        let pending = Pending { message: message.clone(), failed: 0, not_before: 0, lease: None };
        self.pending.insert(message.id, pending);
        self.release(message.id);
    }

    /// The backlog becomes exactly these messages.
    pub fn replace(&mut self, messages: impl Iterator<Item = Arc<Stored>>) {
        let config = std::mem::take(&mut self.config);
        let next_token = self.next_token;
        *self = Subscription { next_token, ..Subscription::new(config) };
        messages.for_each(|message| self.offer(&message));
    }

    /// Messages that are not acknowledged, delivered or not.
    pub fn backlog(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.pending.values().map(|pending| &pending.message)
    }

    pub fn backlog_len(&self) -> usize {
        self.pending.len()
    }

    /// Makes a message that nobody holds deliverable, or puts it in the line of its key.
    fn release(&mut self, id: u64) {
        let Some(pending) = self.pending.get(&id) else { return };
        let message = pending.message.clone();
        match self.key_of(&message) {
            None => {
                self.ready.insert(id);
            }
            Some(name) => {
                let key = self.keys.entry(name.to_owned()).or_default();
                key.held.remove(&id);
                if let Some(first) = key.waiting.first() {
                    self.ready.remove(first);
                }
                key.waiting.insert(id);
                if let (true, Some(first)) = (key.held.is_empty(), key.waiting.first()) {
                    self.ready.insert(*first);
                }
            }
        }
    }

    /// Takes deliverable messages with ids below `visible` and leases them until `deadline`.
    pub fn pull(&mut self, limits: Limits, visible: u64, deadline: i64, epoch: u64) -> Vec<Delivery> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while taken.len() < limits.messages {
            let Some(id) = self.ready.first().copied().filter(|id| *id < visible) else { break };
            let message = self.pending[&id].message.clone();
            if bytes + message.size > limits.bytes && !taken.is_empty() {
                break;
            }
            bytes += message.size;
            self.ready.remove(&id);
            if let Some(name) = self.key_of(&message) {
                // The key's next message follows in the same answer, never in another one.
                let key = self.keys.entry(name.to_owned()).or_default();
                key.waiting.remove(&id);
                key.held.insert(id);
            }
            taken.push(self.lease(id, deadline, epoch));
            self.follow(&message, visible, limits, &mut bytes, (&mut taken, deadline, epoch));
        }
        taken
    }

    /// Delivers what comes after a message in its ordering key.
    fn follow(
        &mut self,
        message: &Stored,
        visible: u64,
        limits: Limits,
        bytes: &mut usize,
        (taken, deadline, epoch): (&mut Vec<Delivery>, i64, u64),
    ) {
        let Some(name) = self.key_of(message).map(str::to_owned) else { return };
        while taken.len() < limits.messages {
            let Some(key) = self.keys.get_mut(&name) else { return };
            let Some(next) = key.waiting.first().copied().filter(|id| *id < visible) else { return };
            let size = self.pending[&next].message.size;
            if *bytes + size > limits.bytes {
                return;
            }
            *bytes += size;
            key.waiting.remove(&next);
            key.held.insert(next);
            taken.push(self.lease(next, deadline, epoch));
        }
    }

    fn lease(&mut self, id: u64, deadline: i64, epoch: u64) -> Delivery {
        let token = self.next_token;
        self.next_token += 1;
        self.deadlines.insert((deadline, id));
        let pending = self.pending.get_mut(&id).expect("only pending messages are ready");
        pending.lease = Some(Lease { token, deadline });
        let ack_id = AckId { epoch, message: id, token };
        Delivery { ack_id, message: pending.message.clone(), attempt: pending.failed + 1 }
    }

    /// Whether this delivery is the newest one and its deadline is not over.
    pub fn is_current(&self, ack: AckId, epoch: u64, now: i64) -> bool {
        let lease = self.pending.get(&ack.message).and_then(|pending| pending.lease);
        ack.epoch == epoch && lease.is_some_and(|lease| lease.token == ack.token && lease.deadline > now)
    }

    /// A message of the backlog.
    pub fn message(&self, id: u64) -> Option<&Arc<Stored>> {
        self.pending.get(&id).map(|pending| &pending.message)
    }

    pub fn has(&self, id: u64) -> bool {
        self.pending.contains_key(&id)
    }

    /// Forgets a message.
    pub fn remove(&mut self, id: u64) -> Option<Arc<Stored>> {
        let pending = self.pending.remove(&id)?;
        self.ready.remove(&id);
        self.delayed.remove(&(pending.not_before, id));
        if let Some(lease) = pending.lease {
            self.deadlines.remove(&(lease.deadline, id));
        }
        if let Some(name) = self.key_of(&pending.message).map(str::to_owned)
            && let Some(key) = self.keys.get_mut(&name)
        {
            key.held.remove(&id);
            key.waiting.remove(&id);
            match (key.held.is_empty(), key.waiting.first()) {
                (true, Some(first)) => _ = self.ready.insert(*first),
                (true, None) => _ = self.keys.remove(&name),
                _ => {}
            }
        }
        Some(pending.message)
    }

    /// Moves the deadline of a held message.
    pub fn extend(&mut self, id: u64, deadline: i64) {
        let Some(lease) = self.pending.get_mut(&id).and_then(|pending| pending.lease.as_mut()) else { return };
        self.deadlines.remove(&(lease.deadline, id));
        lease.deadline = deadline;
        self.deadlines.insert((deadline, id));
    }

    /// Takes a held message back, to be delivered again; with it all later ones of its ordering key.
    pub fn take_back(&mut self, id: u64, now: i64) {
        let Some(message) = self.pending.get(&id).filter(|p| p.lease.is_some()).map(|p| p.message.clone()) else {
            return;
        };
        let later: Vec<u64> = match self.key_of(&message).and_then(|name| self.keys.get(name)) {
            Some(key) => key.held.range(id..).copied().collect(),
            None => vec![id],
        };
        for id in later {
            self.take_one_back(id, now);
        }
    }

    fn take_one_back(&mut self, id: u64, now: i64) {
        let Some(pending) = self.pending.get_mut(&id) else { return };
        let Some(lease) = pending.lease.take() else { return };
        self.deadlines.remove(&(lease.deadline, id));
        pending.failed += 1;
        let wait = backoff(self.config.retry_policy.as_ref(), pending.failed);
        if wait > 0 {
            pending.not_before = now + wait;
            self.delayed.insert((pending.not_before, id));
        } else {
            self.release(id);
        }
    }

    /// Takes back what was held too long and wakes what waited long enough.
    pub fn expire(&mut self, now: i64) {
        while let Some((_, id)) = self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now) {
            self.take_back(id, now);
        }
        while let Some((at, id)) = self.delayed.first().copied().filter(|(at, _)| *at <= now) {
            self.delayed.remove(&(at, id));
            self.release(id);
        }
    }

    /// The next moment at which `expire` has something to do.
    pub fn next_change(&self) -> Option<i64> {
        self.deadlines.first().into_iter().chain(self.delayed.first()).map(|(at, _)| *at).min()
    }

    /// Messages that failed so often that they go to the dead-letter topic.
    pub fn dead(&self) -> Vec<u64> {
        let Some(policy) = &self.config.dead_letter_policy else { return Vec::new() };
        let most = max_attempts(policy);
        let is_dead = |pending: &Pending| pending.lease.is_none() && pending.failed >= most;
        // Only what was taken back can be dead, and it stands at the front or waits out its delay.
        let candidates = self.ready.iter().copied().take(1_000).chain(self.delayed.iter().map(|(_, id)| *id));
        candidates.filter(|id| self.pending.get(id).is_some_and(is_dead)).collect()
    }

    pub fn attempts(&self, id: u64) -> u32 {
        self.pending.get(&id).map_or(0, |pending| pending.failed)
    }

    /// Messages published before `horizon`, which are older than the subscription keeps them.
    pub fn older_than(&self, horizon: i64) -> Vec<u64> {
        let old = self.pending.values().take_while(|pending| pending.message.at_micros < horizon);
        old.map(|pending| pending.message.id).collect()
    }

    pub fn ack_deadline_micros(&self) -> i64 {
        i64::from(self.config.ack_deadline_seconds) * SECOND
    }
}

pub fn max_attempts(policy: &api::DeadLetterPolicy) -> u32 {
    // 0 stands for the default.
    if policy.max_delivery_attempts == 0 { 5 } else { policy.max_delivery_attempts.unsigned_abs() }
}

/// Microseconds to wait before delivery `failed + 1`: the policy's minimum, doubled each time up to its maximum.
fn backoff(policy: Option<&api::RetryPolicy>, failed: u32) -> i64 {
    let Some(policy) = policy else { return 0 };
    let micros = |duration: &Option<prost_types::Duration>, default: i64| {
        duration.as_ref().map_or(default, |d| d.seconds * SECOND + i64::from(d.nanos) / 1_000)
    };
    let (least, most) = (micros(&policy.minimum_backoff, 10 * SECOND), micros(&policy.maximum_backoff, 600 * SECOND));
    least.saturating_mul(1 << failed.saturating_sub(1).min(20)).min(most)
}
