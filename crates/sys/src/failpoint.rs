//! Places where a test makes the process die: `RSDBT_FAILPOINT=point:n` ends it at the n-th pass, without a word.
//! A crash is only a test of what is written when it happens between two given steps, which a kill from outside misses.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

struct Armed {
    point: String,
    nth: u64,
    passes: AtomicU64,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

fn armed() -> Option<&'static Armed> {
    let read = || {
        let text = super::env_var("RSDBT_FAILPOINT")?;
        let (point, nth) = text.split_once(':')?;
        Some(Armed { point: point.to_owned(), nth: nth.parse().ok()?, passes: AtomicU64::new(0) })
    };
    ARMED.get_or_init(read).as_ref()
}

/// Dies here when this is the armed point's n-th pass.
pub fn failpoint(point: &str) {
    if let Some(armed) = armed()
        && armed.point == point
        && armed.passes.fetch_add(1, Ordering::SeqCst) + 1 == armed.nth
    {
        // As SIGKILL does: no destructor, no flush.
        std::process::abort();
    }
}
