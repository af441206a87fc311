//! A job: sent under an id of our own, so that a request that is repeated never runs it twice.

use super::api::{Api, Refusal, pause};
use super::failure::Failure;
use super::transport::{Body, Request};
use crate::{DbError, DbErrorKind, job_link};
use gcp_bigquery_client::model::job::Job;
use gcp_bigquery_client::model::job_configuration::JobConfiguration;
use gcp_bigquery_client::model::job_reference::JobReference;
use reqwest::Method;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long one question after a running job may hang at the server.
const POLL: Duration = Duration::from_secs(10);
/// The server cancels a job at its time-out; we stop waiting a little later.
const GRACE: Duration = Duration::from_secs(15);

/// Where a job runs.
#[derive(Debug, Clone)]
pub struct Place {
    pub project: String,
    pub id: String,
    pub location: Option<String>,
}

impl Place {
    fn path(&self, kind: &str) -> String {
        format!("/projects/{}/{kind}/{}", self.project, self.id)
    }

    /// The location is needed outside the US and EU.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        self.location.iter().map(|location| ("location", location.clone())).collect()
    }

    pub fn results_path(&self) -> String {
        self.path("queries")
    }
}

/// A job that came to an end: the job resource as the API shows it.
#[derive(Debug)]
pub struct Done {
    pub place: Place,
    pub job: Json,
}

/// What a job does: its configuration, and rows to upload.
pub struct Work {
    pub configuration: JobConfiguration,
    pub upload: Option<Upload>,
}

/// The rows of a load job, with their schema: the library's type of it has no precision, scale or length.
#[derive(Clone)]
pub struct Upload {
    pub schema: Json,
    pub rows: Arc<Vec<u8>>,
}

impl Work {
    fn resource(&self, api: &Api, place: &Place) -> Json {
        let job = Job {
            configuration: Some(self.configuration.clone()),
            job_reference: Some(JobReference {
                job_id: Some(place.id.clone()),
                location: place.location.clone(),
                project_id: Some(place.project.clone()),
            }),
            ..Job::default()
        };
        let mut json = serde_json::to_value(job).unwrap_or_default();
        if let Some(upload) = &self.upload {
            json["configuration"]["load"]["schema"] = upload.schema.clone();
        }
        // The library does not know this field yet.
        if let Some(reservation) = &api.settings.reservation {
            json["configuration"]["reservation"] = Json::from(reservation.as_str());
        }
        json
    }

    fn sql(&self) -> Option<&str> {
        self.configuration.query.as_ref().map(|query| query.query.as_str())
    }
}

/// Runs a job to its end. One that BigQuery itself reports as failed for a transient reason is run again, under a new id,
/// as often as the profile allows. One of which nothing more is heard is not: it may have been carried out.
pub async fn run(api: &Api, work: &Work, stop: &mut watch::Receiver<bool>) -> Result<Done, DbError> {
    let mut attempt = 0;
    loop {
        let place = Place {
            project: api.settings.execution_project.clone(),
            id: format!("rsdbt_{}", uuid::Uuid::new_v4()),
            location: api.settings.location.clone(),
        };
        let link = job_link(&place.project, place.location.as_deref(), &place.id);
        let linked = |error: DbError| DbError { message: format!("{}\njob: {link}", error.message), ..error };
        let done = one(api, work, place, stop).await.map_err(linked)?;
        let error = &done.job["status"]["errorResult"];
        if error.is_null() {
            return Ok(done);
        }
        let failure = Failure::of_job(error);
        // The statements of a script that went well before the failure have been carried out: it is not run again.
        if is_script(&done.job) || !failure.is_transient() || attempt >= api.settings.job_retries {
            return Err(linked(failure.into_error(work.sql())));
        }
        attempt += 1;
        tokio::time::sleep(pause(attempt)).await;
    }
}

fn is_script(job: &Json) -> bool {
    job["statistics"]["query"]["statementType"] == "SCRIPT"
        || job["statistics"]["numChildJobs"].as_str().is_some_and(|count| count != "0")
}

/// Sends a job and waits for its end, good or bad. A job that is given up is cancelled on the server.
async fn one(api: &Api, work: &Work, mut place: Place, stop: &mut watch::Receiver<bool>) -> Result<Done, DbError> {
    if *stop.borrow() {
        return Err(stopped());
    }
    let ended = tokio::select! {
        ended = to_the_end(api, work, &mut place) => ended.map_err(Some),
        () = told_to_stop(stop) => Err(None),
    };
    let refusal = match ended {
        Ok(job) => return Ok(Done { place, job }),
        Err(refusal) => refusal,
    };
    // It may have arrived, whatever we heard; but not without a token.
    if !matches!(refusal, Some(Refusal::Login(_))) {
        cancel(api, &place).await;
    }
    Err(refusal.map_or_else(stopped, |refusal| refusal.into_error(work.sql())))
}

async fn to_the_end(api: &Api, work: &Work, place: &mut Place) -> Result<Json, Refusal> {
    let job = insert(api, work, place).await?;
    if let Some(location) = job["jobReference"]["location"].as_str() {
        place.location = Some(location.to_owned());
    }
    wait(api, place, job).await
}

fn stopped() -> DbError {
    DbError::new(DbErrorKind::Interrupted, "the job was cancelled")
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could stop it.
        std::future::pending::<()>().await;
    }
}

/// Sends the job. That it is there already means that an earlier answer was lost.
async fn insert(api: &Api, work: &Work, place: &Place) -> Result<Json, Refusal> {
    let resource = work.resource(api, place);
    let body = match &work.upload {
        Some(upload) => Body::Upload { job: resource, rows: upload.rows.clone() },
        None => Body::Json(resource),
    };
    let path = format!("/projects/{}/jobs", place.project);
    match api.call(&Request { method: Method::POST, path, query: Vec::new(), body }).await {
        Err(Refusal::Failure(failure)) if failure.is_duplicate() => look(api, place).await,
        other => other,
    }
}

async fn look(api: &Api, place: &Place) -> Result<Json, Refusal> {
    api.get(place.path("jobs"), place.query()).await
}

/// Waits until the job is done and gives it as it is then.
async fn wait(api: &Api, place: &Place, mut job: Json) -> Result<Json, Refusal> {
    let begun = Instant::now();
    let mut round = 0;
    while job["status"]["state"] != "DONE" {
        if api.settings.job_timeout.is_some_and(|limit| begun.elapsed() > limit + GRACE) {
            let message = "the job took longer than `job_execution_timeout_seconds` and was cancelled";
            return Err(Refusal::Failure(Failure { message: message.into(), ..Failure::default() }));
        }
        if job["configuration"]["query"].is_object() {
            // Hangs at the server until the job is done; that it failed is told by the job itself.
            let mut query = place.query();
            query.push(("timeoutMs", POLL.as_millis().to_string()));
            query.push(("maxResults", "0".to_owned()));
            match api.get(place.results_path(), query).await {
                Ok(_) | Err(Refusal::Failure(Failure { status: Some(_), .. })) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        job = look(api, place).await?;
        if job["status"]["state"] != "DONE" {
            tokio::time::sleep(pause(round)).await;
            round += 1;
        }
    }
    Ok(job)
}

/// Asks the server to give up a job. It is a courtesy: whether it is heard does not change what we do.
async fn cancel(api: &Api, place: &Place) {
    let path = format!("{}/cancel", place.path("jobs"));
    let request = Request { method: Method::POST, path, query: place.query(), body: Body::Nothing };
    let _ = tokio::time::timeout(Duration::from_secs(5), api.transport.send(&request)).await;
}
