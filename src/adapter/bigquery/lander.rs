//! Where batches of events land: what the local warehouse and the cloud have in common.

use super::local::{Batch, Dedupe, Landed, Landing, LocalSession};
use crate::adapter::DbError;

/// A table ready for batches, with its quarantine and its ledger.
pub trait Lander {
    /// Adds a batch; rows whose key is known are left out. When it returns, the rest is as safe as the warehouse keeps
    /// anything. After an error the same messages may come again, in other batches.
    fn land(&mut self, batch: &Batch) -> Result<Landed, DbError>;
}

/// A warehouse that batches can land in.
pub trait Target {
    /// Creates what is missing. `Dedupe::Off` exists so that a test can show what happens without.
    fn lander(self, dataset: &str, table: &str, dedupe: Dedupe) -> Result<Box<dyn Lander>, DbError>;
}

/// Whoever lands events does so for weeks. Without a limit DuckDB would keep what it wrote in memory, up to most of it.
const MEMORY: &str = "512MB";

struct LocalLander {
    session: LocalSession,
    landing: Landing,
}

impl Target for LocalSession {
    fn lander(mut self, dataset: &str, table: &str, dedupe: Dedupe) -> Result<Box<dyn Lander>, DbError> {
        let landing = self.landing(dataset, table, dedupe)?;
        self.limit_memory(MEMORY)?;
        Ok(Box::new(LocalLander { session: self, landing }))
    }
}

impl Lander for LocalLander {
    fn land(&mut self, batch: &Batch) -> Result<Landed, DbError> {
        self.session.land(&self.landing, batch)
    }
}
