//! Datasets and tables by their REST resources.

use super::api::{Api, Refusal};
use crate::{Path, RelationInfo};
use serde_json::{Value as Json, json};

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

/// Makes a dataset where it is missing, in the location of the profile.
pub async fn ensure_dataset(api: &Api, project: &str, dataset: &str) -> Result<(), Refusal> {
    if api.find(dataset_path(project, dataset)).await?.is_some() {
        return Ok(());
    }
    let mut resource = json!({"datasetReference": {"projectId": project, "datasetId": dataset}});
    if let Some(location) = &api.settings.location {
        resource["location"] = Json::from(location.as_str());
    }
    api.create(format!("/projects/{project}/datasets"), resource).await
}

/// Makes a table where it is missing, and adds columns that an older one has not.
pub async fn ensure_table(api: &Api, path: &Path<'_>, fields: &[Json]) -> Result<(), Refusal> {
    let Some(found) = api.find(table_path(path)).await? else {
        let reference = json!({"projectId": path.database, "datasetId": path.schema, "tableId": path.name});
        let resource = json!({"tableReference": reference, "schema": {"fields": fields}});
        return api.create(format!("{}/tables", dataset_path(path.database, path.schema)), resource).await;
    };
    let mut all = found["schema"]["fields"].as_array().cloned().unwrap_or_default();
    let name = |field: &Json| field["name"].as_str().unwrap_or_default().to_lowercase();
    let missing: Vec<Json> =
        fields.iter().filter(|field| !all.iter().any(|known| name(known) == name(field))).cloned().collect();
    if missing.is_empty() {
        return Ok(());
    }
    all.extend(missing);
    api.patch(table_path(path), json!({"schema": {"fields": all}})).await.map(drop)
}
