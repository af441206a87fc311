//! Requests that are repeated until they are answered: the layer between jobs or tables and the transport.

use super::failure::Failure;
use super::settings::Settings;
use super::transport::{Body, Lost, Request, Transport};
use crate::DbError;
use reqwest::Method;
use serde_json::Value as Json;
use std::time::Duration;
use tokio::time::Instant;

/// The API with its manners: back-off, deadline, secrets kept.
pub struct Api {
    pub transport: Box<dyn Transport>,
    pub settings: Settings,
    secrets: Vec<String>,
}

/// A call that failed for good.
#[derive(Debug)]
pub enum Refusal {
    Failure(Failure),
    /// No token is to be had.
    Login(DbError),
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Half to all of the doubled pause: callers that failed together do not come back together.
pub fn pause(attempt: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

impl Api {
    pub fn new(transport: Box<dyn Transport>, settings: Settings) -> Api {
        let mut secrets = settings.secrets();
        secrets.retain(|secret| secret.len() >= 4);
        Api { transport, settings, secrets }
    }

    /// Sends a request until it is answered, at most until the deadline. Only requests that may safely arrive twice go here.
    pub async fn call(&self, request: &Request) -> Result<Json, Refusal> {
        let begun = Instant::now();
        let mut attempt = 0;
        loop {
            let failure = match self.once(request).await {
                Ok(json) => return Ok(json),
                Err(Refusal::Login(error)) => return Err(Refusal::Login(self.censored(error))),
                Err(Refusal::Failure(failure)) => failure,
            };
            let wait = pause(attempt);
            if !failure.is_transient() || begun.elapsed() + wait > self.settings.retry_deadline {
                return Err(Refusal::Failure(Failure { message: self.censor(&failure.message), ..failure }));
            }
            attempt += 1;
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, request: &Request) -> Result<Json, Refusal> {
        let reply = self.transport.send(request).await.map_err(|lost| match lost {
            Lost::Connection(message) => Refusal::Failure(Failure::connection(message)),
            Lost::Login(error) => Refusal::Login(error),
        })?;
        if !(200..300).contains(&reply.status) {
            return Err(Refusal::Failure(Failure::of_reply(&reply)));
        }
        if reply.body.trim().is_empty() {
            return Ok(Json::Null);
        }
        // An answer that was cut off on its way is as good as none.
        serde_json::from_str(&reply.body)
            .map_err(|_| Refusal::Failure(Failure::connection("the answer was cut off or is not JSON")))
    }

    pub async fn get(&self, path: String, query: Vec<(&'static str, String)>) -> Result<Json, Refusal> {
        self.call(&Request { method: Method::GET, path, query, body: Body::Nothing }).await
    }

    /// `None` where there is no such thing.
    pub async fn find(&self, path: String) -> Result<Option<Json>, Refusal> {
        match self.get(path, Vec::new()).await {
            Ok(json) => Ok(Some(json)),
            Err(Refusal::Failure(failure)) if failure.is_missing() => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Makes a thing, or finds that it is there: an answer that was lost looks the same.
    pub async fn create(&self, path: String, body: Json) -> Result<(), Refusal> {
        match self.call(&Request { method: Method::POST, path, query: Vec::new(), body: Body::Json(body) }).await {
            Err(Refusal::Failure(failure)) if failure.is_duplicate() => Ok(()),
            done => done.map(drop),
        }
    }

    pub async fn patch(&self, path: String, body: Json) -> Result<Json, Refusal> {
        self.call(&Request { method: Method::PATCH, path, query: Vec::new(), body: Body::Json(body) }).await
    }

    /// All items of a list that comes in pages.
    pub async fn list(&self, path: String, key: &str) -> Result<Vec<Json>, Refusal> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = vec![("maxResults", "1000".to_owned())];
            query.extend(token.take().map(|token| ("pageToken", token)));
            let mut page = self.get(path.clone(), query).await?;
            if let Some(Json::Array(more)) = page.get_mut(key).map(Json::take) {
                items.extend(more);
            }
            match page.get("nextPageToken").and_then(Json::as_str) {
                Some(next) => token = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }

    fn censor(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    fn censored(&self, error: DbError) -> DbError {
        DbError { message: self.censor(&error.message), ..error }
    }
}

impl Refusal {
    pub fn into_error(self, sql: Option<&str>) -> DbError {
        match self {
            Refusal::Failure(failure) => failure.into_error(sql),
            Refusal::Login(error) => error,
        }
    }
}
