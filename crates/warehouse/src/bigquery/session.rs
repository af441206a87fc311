//! One conversation: statements become jobs, questions about tables become requests. BigQuery has no transactions
//! between jobs, so `begin`, `commit` and `rollback` do nothing: each statement is atomic by itself.

use super::api::{Api, Refusal};
use super::job::{self, Done, Upload, Work};
use super::tables;
use super::{rows, transport};
use crate::{
    BigQueryTables, Column, DbError, DbErrorKind, Estimate, Outcome, Path, Receipt, RelationInfo, Session, Stop, Table,
};
use gcp_bigquery_client::model::job_configuration::JobConfiguration;
use gcp_bigquery_client::model::job_configuration_load::JobConfigurationLoad;
use gcp_bigquery_client::model::job_configuration_query::JobConfigurationQuery;
use gcp_bigquery_client::model::job_configuration_table_copy::JobConfigurationTableCopy;
use gcp_bigquery_client::model::table_reference::TableReference;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub struct CloudSession {
    api: Arc<Api>,
    runtime: Arc<Runtime>,
    stop: watch::Sender<bool>,
    labels: Vec<(String, String)>,
    receipt: Option<Receipt>,
}

fn reference(path: &Path) -> TableReference {
    TableReference::new(path.database, path.schema, path.name)
}

fn number(value: &Json) -> Option<u64> {
    value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok())
}

/// What a job did and cost, from its resource.
fn receipt(done: &Done) -> Receipt {
    let statistics = &done.job["statistics"];
    let query = &statistics["query"];
    let rows = [&query["numDmlAffectedRows"], &statistics["load"]["outputRows"], &statistics["copy"]["copiedRows"]];
    let code = query["statementType"].as_str().map_or_else(
        || done.job["configuration"]["jobType"].as_str().unwrap_or("JOB").to_owned(),
        |word| word.replace('_', " "),
    );
    Receipt {
        code,
        rows_affected: rows.into_iter().find_map(number).and_then(|n| i64::try_from(n).ok()),
        bytes_processed: number(&query["totalBytesProcessed"]).or_else(|| number(&statistics["totalBytesProcessed"])),
        bytes_billed: number(&query["totalBytesBilled"]),
        slot_ms: number(&statistics["totalSlotMs"]).or_else(|| number(&query["totalSlotMs"])),
        project: done.place.project.clone(),
        location: done.place.location.clone(),
        job_id: done.place.id.clone(),
    }
}

impl CloudSession {
    pub fn new(api: Arc<Api>, runtime: Arc<Runtime>) -> Self {
        CloudSession { api, runtime, stop: watch::Sender::new(false), labels: Vec::new(), receipt: None }
    }

    /// Runs a job to its end and keeps its receipt.
    fn work(&mut self, work: &Work) -> Result<Done, DbError> {
        let mut stop = self.stop.subscribe();
        let done = self.runtime.block_on(job::run(&self.api, work, &mut stop))?;
        self.receipt = Some(receipt(&done));
        Ok(done)
    }

    fn ask<T>(&self, question: impl Future<Output = Result<T, Refusal>>) -> Result<T, DbError> {
        self.ask_about(None, question)
    }

    /// Waits for an answer, unless the user stops the run; `sql` is what an error points into.
    fn ask_about<T>(
        &self,
        sql: Option<&str>,
        question: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, DbError> {
        let mut stop = self.stop.subscribe();
        self.runtime.block_on(async {
            tokio::select! {
                answer = question => answer.map_err(|refusal| refusal.into_error(sql)),
                _ = stop.wait_for(|stop| *stop) => Err(DbError::new(DbErrorKind::Interrupted, "the request was given up")),
            }
        })
    }

    fn configuration(&self) -> JobConfiguration {
        let settings = &self.api.settings;
        JobConfiguration {
            job_timeout_ms: settings.job_timeout.map(|limit| limit.as_millis().to_string()),
            labels: (!self.labels.is_empty()).then(|| self.labels.iter().cloned().collect()),
            ..JobConfiguration::default()
        }
    }

    fn query(&self, sql: &str, dry: bool) -> Work {
        let settings = &self.api.settings;
        let query = JobConfigurationQuery {
            query: sql.to_owned(),
            use_legacy_sql: Some(false),
            priority: Some(settings.priority.to_owned()),
            maximum_bytes_billed: settings.maximum_bytes_billed.map(|limit| limit.to_string()),
            ..JobConfigurationQuery::default()
        };
        let configuration =
            JobConfiguration { query: Some(query), dry_run: dry.then_some(true), ..self.configuration() };
        Work { configuration, upload: None }
    }

    /// The rows of a query job, page after page; none for statements that give none.
    fn results(&self, done: &Done) -> Result<Table, DbError> {
        let mut table = Table::default();
        let mut token: Option<String> = None;
        loop {
            let mut query = done.place.query();
            query.push(("formatOptions.useInt64Timestamp", "true".to_owned()));
            query.extend(token.take().map(|token| ("pageToken", token)));
            let page = self.ask(self.api.get(done.place.results_path(), query))?;
            if page["totalRows"].is_null() && page["rows"].is_null() {
                return Ok(table);
            }
            if table.columns.is_empty() {
                table.columns = rows::columns(&page["schema"]);
            }
            table.rows.extend(rows::rows(&page["schema"], &page["rows"]));
            match page["pageToken"].as_str() {
                Some(next) => token = Some(next.to_owned()),
                None => return Ok(table),
            }
        }
    }

    fn dry_run(&self, sql: &str) -> Result<Estimate, DbError> {
        let path = format!("/projects/{}/jobs", self.api.settings.execution_project);
        let work = self.query(sql, true);
        let mut body = serde_json::json!({ "configuration": work.configuration });
        if let Some(location) = &self.api.settings.location {
            body["jobReference"] =
                serde_json::json!({"projectId": self.api.settings.execution_project, "location": location});
        }
        let request = transport::Request {
            method: reqwest::Method::POST,
            path,
            query: Vec::new(),
            body: transport::Body::Json(body),
        };
        let job = self.ask_about(Some(sql), self.api.call(&request))?;
        let error = &job["status"]["errorResult"];
        if !error.is_null() {
            return Err(super::failure::Failure::of_job(error).into_error(Some(sql)));
        }
        let query = &job["statistics"]["query"];
        let bytes = number(&query["totalBytesProcessed"]).or_else(|| number(&job["statistics"]["totalBytesProcessed"]));
        Ok(Estimate { bytes: bytes.unwrap_or(0), columns: rows::columns(&query["schema"]) })
    }
}

impl Session for CloudSession {
    fn execute(&mut self, sql: &str) -> Result<Outcome, DbError> {
        let work = self.query(sql, false);
        let done = self.work(&work)?;
        let rows_affected = number(&done.job["statistics"]["query"]["numDmlAffectedRows"]);
        Ok(Outcome { table: self.results(&done)?, rows_affected })
    }

    fn columns_of_query(&mut self, query: &str) -> Result<Vec<Column>, DbError> {
        self.dry_run(query).map(|estimate| estimate.columns)
    }

    fn columns(&mut self, path: &Path) -> Result<Vec<Column>, DbError> {
        let found = self.ask(self.api.find(tables::table_path(path)))?;
        Ok(found.map(|table| rows::columns(&table["schema"])).unwrap_or_default())
    }

    fn relations(&mut self, database: &str, schema: &str) -> Result<Vec<RelationInfo>, DbError> {
        self.ask(tables::relations(&self.api, database, schema))
    }

    fn relation(&mut self, path: &Path) -> Result<Option<RelationInfo>, DbError> {
        self.ask(tables::relation(&self.api, path))
    }

    fn comments(&mut self, path: &Path) -> Result<(Option<String>, Vec<(String, String)>), DbError> {
        let Some(table) = self.resource(path)? else { return Ok((None, Vec::new())) };
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let fields = table["schema"]["fields"].as_array().cloned().unwrap_or_default();
        let columns = fields.iter().filter_map(|field| Some((text(&field["name"])?, text(&field["description"])?)));
        Ok((text(&table["description"]), columns.collect()))
    }

    fn schemas(&mut self, database: &str) -> Result<Vec<String>, DbError> {
        self.ask(tables::datasets(&self.api, database))
    }

    fn load(&mut self, path: &Path, columns: &[Column], values: &[Vec<Option<String>>]) -> Result<u64, DbError> {
        let mut lines = String::new();
        for row in values {
            let cells = columns
                .iter()
                .zip(row)
                .filter_map(|(column, cell)| Some((column.name.clone(), rows::cell_json(column, cell.as_deref()?))));
            lines.push_str(&Json::Object(cells.collect::<Map<_, _>>()).to_string());
            lines.push('\n');
        }
        let fields: Vec<Json> = columns.iter().map(rows::field).collect();
        let upload = Upload { schema: serde_json::json!({ "fields": fields }), rows: Arc::new(lines.into_bytes()) };
        let load = JobConfigurationLoad {
            destination_table: Some(reference(path)),
            source_format: Some("NEWLINE_DELIMITED_JSON".to_owned()),
            write_disposition: Some("WRITE_TRUNCATE".to_owned()),
            ..JobConfigurationLoad::default()
        };
        let configuration = JobConfiguration { load: Some(load), ..self.configuration() };
        let done = self.work(&Work { configuration, upload: Some(upload) })?;
        Ok(number(&done.job["statistics"]["load"]["outputRows"]).unwrap_or(values.len() as u64))
    }

    fn begin(&mut self) -> Result<(), DbError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), DbError> {
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), DbError> {
        Ok(())
    }

    fn stop_handle(&self) -> Stop {
        let stop = self.stop.clone();
        Box::new(move || {
            stop.send_replace(true);
        })
    }

    fn receipt(&mut self) -> Option<Receipt> {
        self.receipt.take()
    }

    fn set_labels(&mut self, labels: Vec<(String, String)>) {
        self.labels = labels;
    }

    fn estimate(&mut self, sql: &str) -> Result<Estimate, DbError> {
        self.dry_run(sql)
    }

    fn tables(&mut self) -> Option<&mut dyn BigQueryTables> {
        Some(self)
    }
}

impl BigQueryTables for CloudSession {
    fn resource(&mut self, path: &Path) -> Result<Option<Json>, DbError> {
        self.ask(self.api.find(tables::table_path(path)))
    }

    fn patch(&mut self, path: &Path, change: Json) -> Result<(), DbError> {
        self.ask(self.api.patch(tables::table_path(path), change)).map(|_| ())
    }

    fn copy(&mut self, sources: &[Path], target: &Path, disposition: &str) -> Result<(), DbError> {
        let copy = JobConfigurationTableCopy {
            source_tables: Some(sources.iter().map(reference).collect()),
            destination_table: Some(reference(target)),
            write_disposition: Some(disposition.to_owned()),
            ..JobConfigurationTableCopy::default()
        };
        let configuration = JobConfiguration { copy: Some(copy), ..self.configuration() };
        self.work(&Work { configuration, upload: None }).map(|_| ())
    }

    fn dataset(&mut self, project: &str, dataset: &str) -> Result<Option<Json>, DbError> {
        self.ask(self.api.find(tables::dataset_path(project, dataset)))
    }

    fn patch_dataset(&mut self, project: &str, dataset: &str, change: Json) -> Result<(), DbError> {
        self.ask(self.api.patch(tables::dataset_path(project, dataset), change)).map(|_| ())
    }
}
