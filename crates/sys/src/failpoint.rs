//! Places where a test makes the process die, and faults that it asks for: `RSDBT_FAILPOINT=point:n` ends the process at
//! the n-th pass, without a word; `RSDBT_FAULT` names what is to be done wrong.
//!
//! Both exist only with the feature `failpoints`. What users run never looks at these variables.

#[cfg(feature = "failpoints")]
pub use armed::{failpoint, fault};
#[cfg(not(feature = "failpoints"))]
pub use harmless::{failpoint, fault};

#[cfg(feature = "failpoints")]
mod armed {
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
            let text = crate::env_var("RSDBT_FAILPOINT")?;
            let (point, nth) = text.split_once(':')?;
            Some(Armed { point: point.to_owned(), nth: nth.parse().ok()?, passes: AtomicU64::new(0) })
        };
        ARMED.get_or_init(read).as_ref()
    }

    /// Dies here when this is the armed point's n-th pass. A crash is only a test of what is written when it happens
    /// between two given steps, which a kill from outside misses.
    pub fn failpoint(point: &str) {
        if let Some(armed) = armed()
            && armed.point == point
            && armed.passes.fetch_add(1, Ordering::SeqCst) + 1 == armed.nth
        {
            // As SIGKILL does: no destructor, no flush.
            std::process::abort();
        }
    }

    /// What is to be done wrong.
    pub fn fault() -> Option<String> {
        crate::env_var("RSDBT_FAULT").filter(|named| !named.is_empty())
    }
}

#[cfg(not(feature = "failpoints"))]
mod harmless {
    /// Nothing happens here.
    pub fn failpoint(_point: &str) {}

    /// Nothing is done wrong on purpose.
    pub fn fault() -> Option<String> {
        None
    }
}
