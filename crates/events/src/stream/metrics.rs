//! How the stream goes: rates, delays, backlog; as text, JSON, or for Prometheus.

use rsdbt_warehouse::Landed;
use rsdbt_web::{Response, Server};
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Upper bounds of the delay classes, in milliseconds.
const BOUNDS: [u64; 14] = [5, 10, 25, 50, 100, 250, 500, 750, 1_000, 2_500, 5_000, 10_000, 60_000, u64::MAX];

#[derive(Debug, Clone, Default)]
struct Counts {
    delivered: u64,
    fresh: u64,
    known: u64,
    quarantined: u64,
    batches: u64,
    backlog: Option<u64>,
    /// From publish to commit: the longest of the last batch, and all by class.
    lag_micros: i64,
    delays: [u64; BOUNDS.len()],
}

/// Counters that one thread fills and others read.
pub struct Metrics {
    counts: Mutex<Counts>,
    begun: Instant,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { counts: Mutex::default(), begun: Instant::now() }
    }
}

impl Metrics {
    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a committed batch with the delay of each of its messages, in microseconds.
    pub fn batch(&self, landed: &Landed, delays: impl Iterator<Item = i64>) {
        let mut counts = self.counts();
        counts.batches += 1;
        counts.fresh += landed.fresh;
        counts.known += landed.known;
        counts.quarantined += landed.quarantined;
        counts.lag_micros = 0;
        for delay in delays {
            counts.delivered += 1;
            counts.lag_micros = counts.lag_micros.max(delay);
            let millis = delay.max(0).unsigned_abs() / 1_000;
            let class = BOUNDS.iter().position(|bound| millis <= *bound).unwrap_or(BOUNDS.len() - 1);
            counts.delays[class] += 1;
        }
    }

    pub fn set_backlog(&self, backlog: Option<u64>) {
        self.counts().backlog = backlog;
    }

    /// The bound that this share of all messages stayed under, in milliseconds.
    fn quantile(counts: &Counts, share: f64) -> u64 {
        let wanted = (counts.delivered as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (bound, count) in BOUNDS.iter().zip(counts.delays) {
            seen += count;
            if seen >= wanted {
                return *bound;
            }
        }
        0
    }

    pub fn json(&self) -> Json {
        let counts = self.counts().clone();
        let seconds = self.begun.elapsed().as_secs_f64();
        json!({
            "delivered": counts.delivered, "fresh": counts.fresh, "known": counts.known,
            "quarantined": counts.quarantined, "batches": counts.batches, "backlog": counts.backlog,
            "lag_seconds": counts.lag_micros as f64 / 1e6, "seconds": seconds,
            "events_per_second": counts.delivered as f64 / seconds.max(1e-9),
            "delay_ms_p50": Metrics::quantile(&counts, 0.5), "delay_ms_p99": Metrics::quantile(&counts, 0.99),
        })
    }

    /// One line for the terminal.
    pub fn line(&self) -> String {
        let counts = self.counts().clone();
        let rate = counts.delivered as f64 / self.begun.elapsed().as_secs_f64().max(1e-9);
        let backlog = counts.backlog.map(|backlog| format!(", backlog {backlog}")).unwrap_or_default();
        format!(
            "{} delivered ({rate:.0}/s): {} new, {} known, {} quarantined; lag {:.2} s{backlog}",
            counts.delivered,
            counts.fresh,
            counts.known,
            counts.quarantined,
            counts.lag_micros as f64 / 1e6
        )
    }

    /// In Prometheus' text format.
    fn exposition(&self) -> String {
        let counts = self.counts().clone();
        let mut text = String::new();
        let mut put = |name: &str, kind: &str, value: f64| {
            text.push_str(&format!("# TYPE rsdbt_ingest_{name} {kind}\nrsdbt_ingest_{name} {value}\n"));
        };
        put("delivered_total", "counter", counts.delivered as f64);
        put("fresh_total", "counter", counts.fresh as f64);
        put("known_total", "counter", counts.known as f64);
        put("quarantined_total", "counter", counts.quarantined as f64);
        put("batches_total", "counter", counts.batches as f64);
        put("lag_seconds", "gauge", counts.lag_micros as f64 / 1e6);
        if let Some(backlog) = counts.backlog {
            put("backlog", "gauge", backlog as f64);
        }
        text
    }

    /// Answers `GET /metrics` on this machine for as long as the server is kept.
    pub fn serve(self: &Arc<Self>, port: u16) -> std::io::Result<Server> {
        let metrics = self.clone();
        rsdbt_web::serve(port, move |request| match request.path {
            "/metrics" => Response::ok("text/plain; version=0.0.4", metrics.exposition()),
            _ => Response::refusal(404, "there is /metrics"),
        })
    }
}
