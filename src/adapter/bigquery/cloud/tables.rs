//! Datasets and tables by their REST resources.

use super::api::{Api, Refusal};
use crate::adapter::{Path, RelationInfo};
use serde_json::Value as Json;

pub fn dataset_path(project: &str, dataset: &str) -> String {
    format!("/projects/{project}/datasets/{dataset}")
}

pub fn table_path(path: &Path) -> String {
    format!("{}/tables/{}", dataset_path(path.database, path.schema), path.name)
}

/// dbt's words for BigQuery's kinds of tables.
fn kind(word: &str) -> &'static str {
    match word {
        "VIEW" => "view",
        "MATERIALIZED_VIEW" => "materialized_view",
        "EXTERNAL" => "external",
        _ => "table",
    }
}

fn info(resource: &Json) -> RelationInfo {
    let reference = |key: &str| resource["tableReference"][key].as_str().unwrap_or_default().to_owned();
    RelationInfo {
        schema: reference("datasetId"),
        name: reference("tableId"),
        kind: kind(resource["type"].as_str().unwrap_or_default()),
    }
}

/// All tables and views of a dataset; none when there is no such dataset.
pub async fn relations(api: &Api, project: &str, dataset: &str) -> Result<Vec<RelationInfo>, Refusal> {
    match api.list(format!("{}/tables", dataset_path(project, dataset)), "tables").await {
        Ok(all) => Ok(all.iter().map(info).collect()),
        Err(Refusal::Failure(failure)) if failure.is_missing() => Ok(Vec::new()),
        Err(refusal) => Err(refusal),
    }
}

pub async fn relation(api: &Api, path: &Path<'_>) -> Result<Option<RelationInfo>, Refusal> {
    Ok(api.find(table_path(path)).await?.as_ref().map(info))
}

pub async fn datasets(api: &Api, project: &str) -> Result<Vec<String>, Refusal> {
    let all = api.list(format!("/projects/{project}/datasets"), "datasets").await?;
    let name = |item: &Json| item["datasetReference"]["datasetId"].as_str().map(str::to_owned);
    Ok(all.iter().filter_map(name).collect())
}
