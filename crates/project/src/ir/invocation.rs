//! What is the same for every template of one invocation: the target, vars, flags, the clock.

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use rsdbt_base::Dialect;
use serde_json::{Map, Value as Json};

#[derive(Debug, Clone)]
pub struct Invocation {
    pub id: String,
    pub started_at: DateTime<Utc>,
    /// The command's name, such as `run`.
    pub command: String,
    pub project: String,
    pub database: String,
    pub schema: String,
    /// dbt's name of the adapter, such as `bigquery`.
    pub adapter: String,
    pub dialect: Dialect,
    pub target: Map<String, Json>,
    /// dbt's `flags`, upper case.
    pub flags: Map<String, Json>,
    pub args: Map<String, Json>,
    /// Vars as each package sees them; `--vars` goes before all.
    pub vars: IndexMap<String, Map<String, Json>>,
    pub cli_vars: Map<String, Json>,
    /// The environment, read once.
    pub environment: IndexMap<String, String>,
}

impl Invocation {
    pub fn var(&self, package: &str, name: &str) -> Option<Json> {
        let own = || self.vars.get(package).and_then(|vars| vars.get(name));
        let root = || self.vars.get(&self.project).and_then(|vars| vars.get(name));
        self.cli_vars.get(name).or_else(own).or_else(root).cloned()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.flags.get(name).and_then(Json::as_bool).unwrap_or(false)
    }
}
