//! A node's config. Templates, selectors and artifacts see the map with all that anybody wrote; what Rust itself acts on is
//! read out of it once, here. No stage after parsing looks a setting up by its name.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

/// The map, and what it says, read when that is asked for first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Config {
    map: Map<String, Json>,
    #[serde(skip)]
    settings: OnceLock<Settings>,
}

/// How bad a failed test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestSeverity {
    #[default]
    Error,
    Warn,
}

/// The settings that Rust acts on, with dbt's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub enabled: bool,
    pub tags: Vec<String>,
    /// Whether database, schema and identifier are quoted, where that is said.
    pub quoting: [Option<bool>; 3],
    pub materialized: String,
    pub incremental_strategy: Option<String>,
    pub unique_key: Vec<String>,
    pub full_refresh: Option<bool>,
    pub sql_header: Option<String>,
    pub access: String,
    pub microbatch: Microbatch,
    /// Whether batches of a microbatch model may run at once, where that is said.
    pub concurrent_batches: Option<bool>,
    /// Of seeds.
    pub delimiter: u8,
    pub column_types: IndexMap<String, String>,
    /// Of snapshots: the older way to place them.
    pub target_schema: Option<String>,
    pub target_database: Option<String>,
    /// Of tests.
    pub store_failures: Option<bool>,
    pub severity: TestSeverity,
    pub error_if: String,
    pub warn_if: String,
}

/// What a microbatch model says of its slices, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Microbatch {
    pub event_time: Option<String>,
    pub batch_size: Option<String>,
    pub begin: Option<String>,
    /// How many slices before the last one are built again.
    pub lookback: u32,
}

impl Config {
    pub fn settings(&self) -> &Settings {
        self.settings.get_or_init(|| Settings::read(&self.map))
    }
}

impl From<Map<String, Json>> for Config {
    fn from(map: Map<String, Json>) -> Config {
        Config { map, settings: OnceLock::new() }
    }
}

impl Deref for Config {
    type Target = Map<String, Json>;

    fn deref(&self) -> &Map<String, Json> {
        &self.map
    }
}

impl DerefMut for Config {
    /// Whoever changes the map makes the settings be read again.
    fn deref_mut(&mut self) -> &mut Map<String, Json> {
        self.settings = OnceLock::new();
        &mut self.map
    }
}

impl Settings {
    fn read(map: &Map<String, Json>) -> Settings {
        let text = |key: &str| map.get(key).and_then(Json::as_str).map(str::to_owned);
        let flag = |key: &str| map.get(key).and_then(Json::as_bool);
        let entries = |key: &str| map.get(key).and_then(Json::as_object).into_iter().flatten();
        let quoting = ["database", "schema", "identifier"].map(|part| map.get("quoting")?.get(part)?.as_bool());
        let typed = |(name, value): (&String, &Json)| Some((name.clone(), value.as_str()?.to_owned()));
        let warns = text("severity").is_some_and(|word| !word.eq_ignore_ascii_case("error"));
        Settings {
            enabled: flag("enabled") != Some(false),
            tags: texts(map.get("tags").filter(|tags| tags.is_array())),
            quoting,
            materialized: text("materialized").unwrap_or_else(|| "view".to_owned()),
            incremental_strategy: text("incremental_strategy"),
            unique_key: texts(map.get("unique_key")),
            full_refresh: flag("full_refresh"),
            sql_header: text("sql_header"),
            access: text("access").unwrap_or_else(|| "protected".to_owned()),
            concurrent_batches: flag("concurrent_batches"),
            microbatch: Microbatch {
                event_time: text("event_time"),
                batch_size: text("batch_size"),
                begin: text("begin"),
                lookback: map
                    .get("lookback")
                    .and_then(Json::as_u64)
                    .map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX)),
            },
            delimiter: text("delimiter").and_then(|text| text.bytes().next()).unwrap_or(b','),
            column_types: entries("column_types").filter_map(typed).collect(),
            target_schema: text("target_schema"),
            target_database: text("target_database"),
            // `store_failures_as` decides, where it is said.
            store_failures: match text("store_failures_as") {
                Some(kind) => Some(kind != "ephemeral"),
                None => flag("store_failures"),
            },
            severity: if warns { TestSeverity::Warn } else { TestSeverity::Error },
            error_if: text("error_if").unwrap_or_else(|| "!= 0".to_owned()),
            warn_if: text("warn_if").unwrap_or_else(|| "!= 0".to_owned()),
        }
    }
}

/// The texts of a list, or one text alone.
fn texts(value: Option<&Json>) -> Vec<String> {
    match value {
        Some(Json::String(one)) => vec![one.clone()],
        Some(Json::Array(list)) => list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_follow_the_map() {
        let mut config = Config::default();
        assert_eq!((config.settings().materialized.as_str(), config.settings().microbatch.lookback), ("view", 1));
        config.insert("materialized".to_owned(), json!("table"));
        config.insert("unique_key".to_owned(), json!(["a", "b"]));
        config.insert("severity".to_owned(), json!("warn"));
        config.insert("quoting".to_owned(), json!({"schema": false}));
        let settings = config.settings();
        assert_eq!((settings.materialized.as_str(), settings.severity), ("table", TestSeverity::Warn));
        assert_eq!(
            (settings.unique_key.as_slice(), settings.quoting),
            (["a", "b"].map(str::to_owned).as_slice(), [None, Some(false), None])
        );
        let text = serde_json::to_string(&config).expect("JSON");
        let again: Config = serde_json::from_str(&text).expect("a config");
        assert_eq!(again.settings(), config.settings());
    }
}
