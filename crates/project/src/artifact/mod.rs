//! dbt's artifacts as JSON: manifest.json v12, run_results.json v6, catalog.json v1, sources.json v3. Pure.

mod catalog;
mod contract;
mod freshness;
mod manifest;
mod node;
mod results;

pub use catalog::{CatalogTable, catalog_json};
pub use freshness::sources_json;
pub use manifest::{graph_json, manifest_body, manifest_head};
pub(crate) use node::freshness;
pub use node::{exposure_json, hook_json, node_json, source_json, unit_test_json};
pub use results::run_results_json;

use crate::ir::Invocation;
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

/// dbt's way to write a moment.
pub fn stamp(moment: &DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn metadata(schema: &str, invocation: &Invocation, generated: &DateTime<Utc>) -> Json {
    json!({
        "dbt_schema_version": format!("https://schemas.getdbt.com/dbt/{schema}.json"),
        "dbt_version": rsdbt_base::DBT_VERSION,
        "generated_at": stamp(generated),
        "invocation_id": invocation.id,
        "invocation_started_at": stamp(&invocation.started_at),
        "env": {},
    })
}
