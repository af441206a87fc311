//! What the API says when something fails, read from whatever it sends; and which failures pass by themselves.

use super::transport::Reply;
use crate::{DbError, DbErrorKind};
use serde_json::Value as Json;

/// A failure of a request or of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status; none for a job that failed and for a lost connection.
    pub status: Option<u16>,
    /// BigQuery's word, such as `invalidQuery`; empty where there is none.
    pub reason: String,
    pub message: String,
}

/// Reasons that pass: the same request, or the same job under a new id, may succeed.
const TRANSIENT: [&str; 7] = [
    "backendError",
    "internalError",
    "rateLimitExceeded",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "tableUnavailable",
];

impl Failure {
    /// The failure in an answer with an error status. Proxies answer in HTML, emulators in part: what is there is used.
    pub fn of_reply(reply: &Reply) -> Failure {
        let json: Json = serde_json::from_str(&reply.body).unwrap_or_default();
        let error = &json["error"];
        let first = &error["errors"][0];
        let text = |value: &Json| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let message = text(&error["message"])
            .or_else(|| text(&first["message"]))
            .or_else(|| text(error))
            .unwrap_or_else(|| format!("the server answered with status {}", reply.status));
        let reason = text(&first["reason"]).or_else(|| text(&error["status"])).unwrap_or_default();
        Failure { status: Some(reply.status), reason, message }
    }

    /// `status.errorResult` of a job.
    pub fn of_job(error: &Json) -> Failure {
        let text = |key: &str| error.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        Failure { status: None, reason: text("reason"), message: text("message") }
    }

    pub fn connection(message: impl Into<String>) -> Failure {
        Failure { status: None, reason: "connection".to_owned(), message: message.into() }
    }

    /// Whether the same may succeed when it is tried again.
    pub fn is_transient(&self) -> bool {
        let status = self.status.is_some_and(|code| matches!(code, 408 | 429 | 500 | 502 | 503 | 504));
        status || self.reason == "connection" || TRANSIENT.contains(&self.reason.as_str())
    }

    pub fn is_missing(&self) -> bool {
        self.status == Some(404)
    }

    pub fn is_duplicate(&self) -> bool {
        self.status == Some(409)
    }

    /// As the user reads it. `sql` is the statement, for the place that the message names.
    pub fn into_error(self, sql: Option<&str>) -> DbError {
        let kind = match self.reason.as_str() {
            "invalidQuery" if self.message.starts_with("Syntax error") => DbErrorKind::Syntax,
            "invalidQuery" | "notFound" => DbErrorKind::Semantic,
            "stopped" => DbErrorKind::Interrupted,
            "invalid" => DbErrorKind::Execution,
            _ => DbErrorKind::Other,
        };
        let help = match (self.reason.as_str(), self.status) {
            ("connection", _) => Some("check the network, `api_endpoint` and the proxy settings"),
            ("bytesBilledLimitExceeded", _) => Some("raise `maximum_bytes_billed` in profiles.yml, or read less data"),
            ("accessDenied", _) | (_, Some(403)) => {
                Some("the account of this target lacks a permission: see the message")
            }
            (_, Some(401)) => Some("the token was refused: it may have expired. Log in again, or renew `token`"),
            _ => None,
        };
        let mut message = if self.reason == "connection" {
            format!("no answer from BigQuery: {}", self.message)
        } else {
            self.message.clone()
        };
        if !self.reason.is_empty() && !message.contains(&self.reason) && self.reason != "connection" {
            message = format!("{message} ({})", self.reason);
        }
        let error = DbError::new(kind, message);
        let error = match help {
            Some(help) => error.help(help),
            None => error,
        };
        let at = sql.and_then(|sql| offset(sql, position(&self.message)?));
        DbError { position: at, sql: sql.map(str::to_owned), ..error }
    }
}

/// The last `[line:column]` of a message: BigQuery gives places in words only.
fn position(message: &str) -> Option<(usize, usize)> {
    let open = message.rfind('[')?;
    let inside = message[open + 1..].split(']').next()?;
    let (line, column) = inside.split_once(':')?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

fn offset(sql: &str, (line, column): (usize, usize)) -> Option<usize> {
    let before: usize = sql.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let rest = sql.get(before..)?;
    let inside = rest.char_indices().nth(column.checked_sub(1)?).map_or(rest.len(), |(at, _)| at);
    Some(before + inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, body: &str) -> Failure {
        Failure::of_reply(&Reply { status, body: body.to_owned() })
    }

    #[test]
    fn whatever_the_server_sends_is_read() {
        let google = r#"{"error": {"code": 403, "message": "Too many", "errors": [{"reason": "rateLimitExceeded", "message": "x"}]}}"#;
        assert!(failure(403, google).is_transient());
        assert_eq!(failure(403, google).message, "Too many");
        assert!(failure(503, "<html>busy</html>").is_transient());
        let bare = failure(403, r#"{"error": {"message": "no errors list"}}"#);
        assert_eq!((bare.message.as_str(), bare.is_transient()), ("no errors list", false));
        assert!(
            !failure(400, r#"{"error": {"errors": [{"reason": "invalidQuery", "nested": {"a": 1}}]}}"#).is_transient()
        );
    }

    #[test]
    fn a_place_in_words_becomes_a_byte() {
        let sql = "select 1,\n  é, x";
        let error =
            Failure { message: "Unrecognized name: x at [2:6]".into(), reason: "invalidQuery".into(), status: None };
        let error = error.into_error(Some(sql));
        assert_eq!(error.position.map(|at| &sql[at..]), Some("x"));
        assert_eq!(error.kind, DbErrorKind::Semantic);
    }
}
