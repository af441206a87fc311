//! Where batches of events land: what the local warehouse and the cloud have in common.

use crate::DbError;
use crate::cells::Rows;

/// What a column of a landing table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    Bytes,
    Timestamp,
}

/// A column of a landing table. Which columns there are is known to whoever lands, not to a warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    /// Never null.
    pub required: bool,
}

/// Where batches land: a table and the quarantine beside it, and their columns. The first column of each is its key.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'d> {
    pub dataset: &'d str,
    pub table: &'d str,
    pub events: &'static [Field],
    pub quarantine: &'static [Field],
}

impl Kind {
    /// The type in GoogleSQL.
    pub fn google_sql(self) -> &'static str {
        match self {
            Kind::Text => "STRING",
            Kind::Int => "INT64",
            Kind::Bytes => "BYTES",
            Kind::Timestamp => "TIMESTAMP",
        }
    }
}

/// A batch on its way into the warehouse.
#[derive(Debug, Default)]
pub struct Batch {
    pub events: Rows,
    /// Messages that are no events, with the reason; empty where there are none.
    pub rejected: Rows,
    /// The name of the batch in the ledger, for batches that have one.
    pub ledger: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Landed {
    pub fresh: u64,
    /// Events whose id was in the table already, or came twice in the batch.
    pub known: u64,
    pub quarantined: u64,
}

/// Whether rows with known keys are left out. `Off` exists so that a test can show what happens without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedupe {
    On,
    Off,
}

/// What the quarantine of a table is called: its name and this.
pub const QUARANTINE_SUFFIX: &str = "_quarantine";

/// A table ready for batches, with its quarantine and its ledger.
pub trait Lander {
    /// Adds a batch; rows whose key is known are left out. When it returns, the rest is as safe as the warehouse keeps
    /// anything. After an error the same messages may come again, in other batches.
    fn land(&mut self, batch: &Batch) -> Result<Landed, DbError>;
}

/// A warehouse that batches can land in.
pub trait Target {
    /// Creates what is missing. `Dedupe::Off` exists so that a test can show what happens without.
    fn lander(self, to: &Destination, dedupe: Dedupe) -> Result<Box<dyn Lander>, DbError>;
}
