//! Resources of a project: what dbt calls nodes, sources, exposures and unit tests.

use super::{Config, Settings};
use chrono::TimeDelta;
use indexmap::IndexMap;
use rsdbt_base::{Dialect, Relation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::fmt;

/// dbt's unique id, such as `model.shop.fct_sessions`.
pub type NodeId = String;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResourceType {
    Model,
    Seed,
    Snapshot,
    Test,
    Analysis,
    Operation,
    Source,
    Exposure,
    UnitTest,
}

impl ResourceType {
    /// dbt's word, as in unique ids and `resource_type:` selectors.
    pub fn word(self) -> &'static str {
        match self {
            ResourceType::Model => "model",
            ResourceType::Seed => "seed",
            ResourceType::Snapshot => "snapshot",
            ResourceType::Test => "test",
            ResourceType::Analysis => "analysis",
            ResourceType::Operation => "operation",
            ResourceType::Source => "source",
            ResourceType::Exposure => "exposure",
            ResourceType::UnitTest => "unit_test",
        }
    }

    /// Whether the node leaves a relation in the warehouse.
    pub fn is_refable(self) -> bool {
        matches!(self, ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// `ref(...)` as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RefCall {
    pub package: Option<String>,
    pub name: String,
    pub version: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ColumnInfo {
    pub name: String,
    pub description: String,
    pub data_type: Option<String>,
    pub meta: Map<String, Json>,
    pub tags: Vec<String>,
    pub quote: Option<bool>,
    pub constraints: Vec<Json>,
    /// BigQuery: taxonomies that guard the column.
    pub policy_tags: Vec<Json>,
}

/// What state comparison knows a file by, in dbt's forms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checksum {
    /// It has no file of its own.
    #[default]
    None,
    Sha256(String),
    /// A seed that is too large to be read: its path.
    Path(String),
}

/// What makes a node a data test.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TestInfo {
    /// The generic test's name; empty for a singular test.
    pub name: String,
    pub namespace: Option<String>,
    pub kwargs: IndexMap<String, Json>,
    pub column_name: Option<String>,
    pub attached_node: Option<NodeId>,
}

impl TestInfo {
    pub fn is_generic(&self) -> bool {
        !self.name.is_empty()
    }
}

/// A model, seed, snapshot, test, analysis or operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    pub unique_id: NodeId,
    pub resource_type: ResourceType,
    pub package: String,
    pub name: String,
    /// Relative to its resource folder.
    pub path: String,
    /// Relative to its package's root.
    pub original_file_path: String,
    /// The package's root folder.
    pub root: String,
    /// The name of its template.
    pub template: String,
    pub patch_path: Option<String>,
    pub raw_code: String,
    pub fqn: Vec<String>,
    pub alias: String,
    pub database: String,
    pub schema: String,
    pub config: Config,
    /// The part of `config` that the file itself and its YAML set.
    pub unrendered_config: Map<String, Json>,
    pub description: String,
    pub columns: IndexMap<String, ColumnInfo>,
    pub constraints: Vec<Json>,
    pub refs: Vec<RefCall>,
    pub sources: Vec<(String, String)>,
    pub depends_on: Vec<NodeId>,
    pub macros: Vec<String>,
    pub checksum: Checksum,
    pub version: Option<Json>,
    pub latest_version: Option<Json>,
    pub test: Option<TestInfo>,
    /// A model's columns that constraints or tests show to be its key.
    pub primary_key: Vec<String>,
    /// Line of the YAML entry that made the node, where there is one.
    pub line: usize,
}

impl Node {
    /// A node with nothing in it but its names.
    pub fn named(kind: ResourceType, package: &str, name: &str) -> Node {
        Node {
            unique_id: format!("{kind}.{package}.{name}"),
            resource_type: kind,
            package: package.to_owned(),
            name: name.to_owned(),
            path: String::new(),
            original_file_path: String::new(),
            root: String::new(),
            template: String::new(),
            patch_path: None,
            raw_code: String::new(),
            fqn: vec![package.to_owned(), name.to_owned()],
            alias: name.to_owned(),
            database: String::new(),
            schema: String::new(),
            config: default_config(kind).into(),
            unrendered_config: Map::new(),
            description: String::new(),
            columns: IndexMap::new(),
            constraints: Vec::new(),
            refs: Vec::new(),
            sources: Vec::new(),
            depends_on: Vec::new(),
            macros: Vec::new(),
            checksum: Checksum::None,
            version: None,
            latest_version: None,
            test: (kind == ResourceType::Test).then(TestInfo::default),
            primary_key: Vec::new(),
            line: 0,
        }
    }

    /// A setting of any name that is not null.
    pub fn setting(&self, key: &str) -> Option<&Json> {
        self.config.get(key).filter(|value| !value.is_null())
    }

    pub fn settings(&self) -> &Settings {
        self.config.settings()
    }

    pub fn materialized(&self) -> &str {
        &self.settings().materialized
    }

    /// Whether the node is a test that keeps the rows it found in a table.
    pub fn stores_failures(&self) -> bool {
        self.resource_type == ResourceType::Test && self.settings().store_failures == Some(true)
    }

    pub fn is_ephemeral(&self) -> bool {
        self.resource_type == ResourceType::Model && self.materialized() == "ephemeral"
    }

    /// Whether the node has a place in the warehouse.
    pub fn has_relation(&self) -> bool {
        (self.resource_type.is_refable() && !self.is_ephemeral()) || self.stores_failures()
    }

    pub fn tags(&self) -> Vec<String> {
        self.config.settings().tags.clone()
    }

    pub fn relation(&self, dialect: Dialect) -> Relation {
        if self.is_ephemeral() {
            let identifier = Some(format!("__dbt__cte__{}", self.name));
            return Relation {
                identifier,
                kind: Some("cte".into()),
                dialect,
                quoted: [true; 3],
                ..Relation::default()
            };
        }
        let mut relation = Relation::new(&self.database, &self.schema, &self.alias, dialect);
        let quoting = self.settings().quoting;
        relation.quoted = std::array::from_fn(|at| quoting[at].unwrap_or(relation.quoted[at]));
        relation
    }

    /// The name that `ref` knows it by, with its version.
    pub fn display_name(&self) -> String {
        match &self.version {
            Some(version) => format!("{}.v{}", self.name, plain(version)),
            None => self.name.clone(),
        }
    }
}

/// A version or other scalar without quotes.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    pub unique_id: NodeId,
    pub package: String,
    pub source_name: String,
    pub name: String,
    pub identifier: String,
    pub database: String,
    pub schema: String,
    pub fqn: Vec<String>,
    pub original_file_path: String,
    pub root: String,
    pub description: String,
    pub source_description: String,
    pub loader: String,
    pub columns: IndexMap<String, ColumnInfo>,
    pub config: Config,
    pub meta: Map<String, Json>,
    pub source_meta: Map<String, Json>,
    /// `warn_after`, `error_after`, `filter`.
    pub freshness: Option<Json>,
    pub loaded_at_field: Option<String>,
    /// A template, rendered when it is asked.
    pub loaded_at_query: Option<String>,
    pub quoting: Map<String, Json>,
    /// The settings, the database and the schema as they were written.
    pub unrendered_config: Map<String, Json>,
    pub unrendered_database: Option<String>,
    pub unrendered_schema: Option<String>,
    pub line: usize,
}

/// The age that `{count: 12, period: hour}` stands for; nothing where both are missing.
///
/// # Errors
/// What is wrong with it.
pub fn age_limit(rule: &Json) -> Result<Option<TimeDelta>, String> {
    let part = |key: &str| rule.get(key).filter(|value| !value.is_null());
    let (count, period) = match (part("count"), part("period")) {
        (Some(count), Some(period)) => (count, period),
        (None, None) if rule.is_object() || rule.is_null() => return Ok(None),
        _ => return Err("it needs a 'count' and a 'period'".to_owned()),
    };
    let number = count.as_i64().or_else(|| count.as_str()?.trim().parse().ok());
    let delta = match (number, period.as_str()) {
        (None, _) => return Err(format!("the 'count' {count} is no whole number")),
        (Some(count), Some("minute")) => TimeDelta::try_minutes(count),
        (Some(count), Some("hour")) => TimeDelta::try_hours(count),
        (Some(count), Some("day")) => TimeDelta::try_days(count),
        _ => return Err(format!("the 'period' {period} is none of minute, hour, day")),
    };
    delta.map(Some).ok_or_else(|| format!("the 'count' {count} is too large"))
}

impl Source {
    /// The age that a rule (`warn_after`, `error_after`) allows. Parsing has refused rules that are none.
    pub fn allowed_age(&self, rule: &str) -> Option<TimeDelta> {
        age_limit(self.freshness.as_ref()?.get(rule)?).ok().flatten()
    }

    pub fn tags(&self) -> Vec<String> {
        self.config.settings().tags.clone()
    }

    pub fn relation(&self, dialect: Dialect) -> Relation {
        let mut relation = Relation::new(&self.database, &self.schema, &self.identifier, dialect);
        for (at, part) in ["database", "schema", "identifier"].iter().enumerate() {
            if let Some(flag) = self.quoting.get(*part).and_then(Json::as_bool) {
                relation.quoted[at] = flag;
            }
        }
        relation
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exposure {
    pub unique_id: NodeId,
    pub package: String,
    pub name: String,
    pub fqn: Vec<String>,
    pub original_file_path: String,
    /// The YAML entry.
    pub entry: Json,
    pub description: String,
    pub refs: Vec<RefCall>,
    pub sources: Vec<(String, String)>,
    pub depends_on: Vec<NodeId>,
}

/// One input of a unit test.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnitGiven {
    /// `ref('x')`, `source('a', 'b')` or `this`.
    pub input: String,
    pub rows: UnitRows,
    pub form: UnitForm,
}

/// How rows of a unit test were written: `dict`, `csv` or `sql`, and in which fixture.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnitForm {
    pub format: String,
    pub fixture: Option<String>,
}

/// Rows of a unit test in the form they were written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum UnitRows {
    Dicts(Vec<Map<String, Json>>),
    Sql(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnitTest {
    pub unique_id: NodeId,
    pub package: String,
    pub name: String,
    pub model: String,
    pub fqn: Vec<String>,
    pub original_file_path: String,
    pub description: String,
    pub given: Vec<UnitGiven>,
    pub expect: UnitRows,
    pub expect_form: UnitForm,
    /// What state comparison knows it by.
    pub checksum: String,
    pub schema: String,
    /// `macros`, `vars`, `env_vars` that stand in for the real ones.
    pub overrides: Map<String, Json>,
    pub depends_on: Vec<NodeId>,
    pub config: Map<String, Json>,
    pub line: usize,
}

/// When a project's hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookTime {
    Start,
    End,
}

impl HookTime {
    /// Its key in dbt_project.yml, and its tag.
    pub fn word(self) -> &'static str {
        match self {
            HookTime::Start => "on-run-start",
            HookTime::End => "on-run-end",
        }
    }
}

/// One entry of `on-run-start` or `on-run-end`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hook {
    pub node: Node,
    pub time: HookTime,
    /// Its place in the list of its project.
    pub index: usize,
}

/// A node for `run-operation`: it has names and nothing else.
pub fn operation(invocation: &super::Invocation, package: &str, name: &str) -> Node {
    Node {
        database: invocation.database.clone(),
        schema: invocation.schema.clone(),
        ..Node::named(ResourceType::Operation, package, name)
    }
}

/// dbt's default configuration of a resource type.
pub fn default_config(kind: ResourceType) -> Map<String, Json> {
    let common = json!({"enabled": true, "alias": null, "schema": null, "database": null, "tags": [], "meta": {}, "group": null});
    let node = json!({
        "materialized": "view", "incremental_strategy": null, "batch_size": null, "lookback": 1, "begin": null,
        "persist_docs": {}, "post-hook": [], "pre-hook": [], "quoting": {}, "column_types": {}, "full_refresh": null,
        "unique_key": null, "on_schema_change": "ignore", "on_configuration_change": "apply", "grants": {},
        "packages": [], "docs": {"show": true, "node_color": null}, "contract": {"enforced": false, "alias_types": true},
        "event_time": null, "concurrent_batches": null
    });
    let own = match kind {
        ResourceType::Model | ResourceType::Analysis | ResourceType::Operation => {
            json!({"access": "protected", "freshness": null})
        }
        ResourceType::Seed => json!({"materialized": "seed", "delimiter": ",", "quote_columns": null}),
        ResourceType::Snapshot => json!({
            "materialized": "snapshot", "strategy": null, "target_schema": null, "target_database": null, "updated_at": null,
            "check_cols": null, "snapshot_meta_column_names": {}, "dbt_valid_to_current": null
        }),
        ResourceType::Test => {
            return object([
                common,
                json!({
                    "materialized": "test", "severity": "ERROR", "store_failures": null, "store_failures_as": null, "where": null,
                    "limit": null, "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0", "schema": "dbt_test__audit"
                }),
            ]);
        }
        _ => return object([json!({"enabled": true, "tags": [], "meta": {}})]),
    };
    object([common, node, own])
}

fn object(parts: impl IntoIterator<Item = Json>) -> Map<String, Json> {
    parts.into_iter().filter_map(|part| part.as_object().cloned()).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_limits() {
        assert_eq!(age_limit(&json!({"count": 2, "period": "hour"})), Ok(Some(TimeDelta::hours(2))));
        assert_eq!(age_limit(&json!({"count": "3", "period": "day"})), Ok(Some(TimeDelta::days(3))));
        assert_eq!(age_limit(&json!({"count": null, "period": null})), Ok(None));
        for wrong in [
            json!({"count": 1}),
            json!({"count": 1, "period": "week"}),
            json!({"count": 0.5, "period": "day"}),
            json!(5),
        ] {
            assert!(age_limit(&wrong).is_err(), "{wrong}");
        }
    }
}
