//! What is the same for every template of one invocation: the target, vars, flags, the clock.

use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use rsdbt_jinja::{Data, Quoting};
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
    pub adapter: String,
    pub quoting: Quoting,
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

    /// Variables that do not depend on the node.
    pub fn variable(&self, name: &str) -> Option<Data> {
        let object = |map: &Map<String, Json>| Data::from(Json::Object(map.clone()));
        Some(match name {
            "target" => object(&self.target),
            "flags" => object(&self.flags),
            "invocation_args_dict" => object(&self.args),
            "invocation_id" => Data::text(self.id.clone()),
            "run_started_at" => Data::DateTime(self.started_at.timestamp_micros(), true),
            "project_name" => Data::text(self.project.clone()),
            "dbt_metadata_envs" => Data::Map(
                self.environment
                    .iter()
                    .filter_map(|(k, v)| {
                        Some((k.strip_prefix("DBT_ENV_CUSTOM_ENV_")?.to_owned(), Data::text(v.clone())))
                    })
                    .collect(),
            ),
            "env" => Data::Map(IndexMap::new()),
            _ => return None,
        })
    }
}
