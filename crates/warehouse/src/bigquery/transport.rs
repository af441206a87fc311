//! The one way to the BigQuery API: a request goes out, an answer comes back, and nothing is decoded on the way.
//!
//! `gcp-bigquery-client` describes what is sent (jobs, tables), but its own client drops status and reason of an answer
//! that it cannot decode, which is what retries depend on. So requests are sent here.

use super::credentials::{Tokens, tokens};
use super::settings::Settings;
use crate::{DbError, DbErrorKind};
use async_trait::async_trait;
use reqwest::Method;
use rsdbt_web::reasons;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// After `/bigquery/v2` (or `/upload/bigquery/v2`), with a leading slash.
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub enum Body {
    Nothing,
    Json(Json),
    /// A load job and the rows it loads: one multipart upload.
    Upload {
        job: Json,
        rows: Arc<Vec<u8>>,
    },
}

/// What came back, whatever the status.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Lost {
    /// The connection failed: the request may or may not have been carried out.
    Connection(String),
    /// The caller is not let in; asking again does not help.
    Login(DbError),
}

#[async_trait]
pub trait Transport: Send + Sync {
    async fn send(&self, request: &Request) -> Result<Reply, Lost>;
}

/// HTTPS to Google, or to an emulator.
pub struct Rest {
    client: reqwest::Client,
    pub tokens: Arc<Tokens>,
    endpoint: String,
    quota_project: Option<String>,
}

/// No answer of the API takes longer: long queries are polled.
const ANSWER: Duration = Duration::from_secs(90);

impl Rest {
    pub fn new(settings: &Settings) -> Result<Rest, DbError> {
        let client = rsdbt_web::client(ANSWER)
            .map_err(|why| DbError::new(DbErrorKind::Other, format!("cannot set up HTTPS: {}", reasons(&why))))?;
        Ok(Rest {
            tokens: Arc::new(tokens(settings, &client)?),
            client,
            endpoint: settings.endpoint.clone(),
            quota_project: settings.quota_project.clone(),
        })
    }
}

const BOUNDARY: &str = "rsdbt-job-and-rows";

/// `multipart/related`: the job as JSON, then the rows.
fn multipart(job: &Json, rows: &[u8]) -> Vec<u8> {
    let mut body =
        format!("--{BOUNDARY}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{job}\r\n").into_bytes();
    body.extend_from_slice(format!("--{BOUNDARY}\r\nContent-Type: application/octet-stream\r\n\r\n").as_bytes());
    body.extend_from_slice(rows);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

#[async_trait]
impl Transport for Rest {
    async fn send(&self, request: &Request) -> Result<Reply, Lost> {
        let prefix = if matches!(request.body, Body::Upload { .. }) { "/upload" } else { "" };
        let url = format!("{}{prefix}/bigquery/v2{}", self.endpoint, request.path);
        let headers = self.tokens.headers().await.map_err(Lost::Login)?;
        let mut builder = self.client.request(request.method.clone(), url).query(&request.query).headers(headers);
        if let Some(project) = &self.quota_project {
            builder = builder.header("x-goog-user-project", project);
        }
        builder = match &request.body {
            Body::Nothing => builder,
            Body::Json(json) => builder.header("content-type", "application/json").body(json.to_string()),
            Body::Upload { job, rows } => builder
                .query(&[("uploadType", "multipart")])
                .header("content-type", format!("multipart/related; boundary={BOUNDARY}"))
                .body(multipart(job, rows)),
        };
        let lost = |why: reqwest::Error| Lost::Connection(reasons(&why.without_url()));
        let answer = builder.send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        Ok(Reply { status, body: answer.text().await.map_err(lost)? })
    }
}
