//! The manifest against the warehouse: what was sent and did not arrive, and what arrived more than once.

use super::manifest::Manifest;
use rsdbt_warehouse::QUARANTINE_SUFFIX;
use rsdbt_warehouse::{DbError, Session, Value};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Sent events that are neither in the table nor in the quarantine.
    pub lost: u64,
    /// Rows beyond the first one of an event.
    pub duplicated: u64,
    /// Rows that nobody sent.
    pub foreign: u64,
    pub arrived: u64,
    pub quarantined: u64,
    /// Quarantined events, beyond those that were sent unreadable.
    pub wrongly_quarantined: i64,
    /// Events that arrived after one that happened more than a minute later.
    pub late: u64,
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.foreign == 0 && self.wrongly_quarantined == 0
    }
}

/// Compares. Events are known by (run, shard, seq), so a loss is a gap in `seq`: no list of events is needed.
/// The dataset may have its project in front.
pub fn verify(session: &mut dyn Session, manifest: &Manifest, dataset: &str, table: &str) -> Result<Verdict, DbError> {
    let run = manifest.run_id.replace('\'', "\\'");
    let events = format!("`{dataset}`.`{table}`");
    let quarantine = format!("`{dataset}`.`{table}{QUARANTINE_SUFFIX}`");
    let mut verdict = Verdict::default();
    for shard in &manifest.shards {
        let mine = format!("run_id = '{run}' and shard = {}", shard.shard);
        let sent = format!("seq between 0 and {}", shard.events as i64 - 1);
        let found = session.run(&format!(
            "select (select count(*) from {events} where {mine}),
                    (select count(distinct seq) from {events} where {mine} and {sent}),
                    (select count(*) from {events} where {mine} and not ({sent})),
                    (select count(*) from {quarantine} where {mine}),
                    (select count(distinct seq) from (select seq from {events} where {mine} and {sent}
                       union all select seq from {quarantine} where {mine} and {sent}))"
        ))?;
        let [rows, distinct, foreign, quarantined, seen] = numbers(&found.rows);
        verdict.arrived += distinct;
        verdict.duplicated += rows - distinct - foreign;
        verdict.foreign += foreign;
        verdict.quarantined += quarantined;
        verdict.lost += shard.events - seen;
        let late = session.run(&format!(
            "select countif(timestamp_diff(latest, event_time, second) > 60) from (
               select event_time, max(event_time) over (order by seq) as latest from {events} where {mine})"
        ))?;
        verdict.late += numbers::<1>(&late.rows)[0];
    }
    verdict.wrongly_quarantined = verdict.quarantined as i64 - manifest.unreadable() as i64;
    Ok(verdict)
}

fn numbers<const N: usize>(rows: &[Vec<Value>]) -> [u64; N] {
    let mut found = [0; N];
    let values = rows.first().map(Vec::as_slice).unwrap_or_default();
    for (place, value) in found.iter_mut().zip(values) {
        if let Value::Int(count) = value {
            *place = u64::try_from(*count).unwrap_or(0);
        }
    }
    found
}
