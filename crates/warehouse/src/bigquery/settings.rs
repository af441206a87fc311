//! What a cloud target of profiles.yml says, with dbt-bigquery's names and defaults.

use crate::{DbError, DbErrorKind};
use serde_json::{Map, Value as Json};
use std::time::Duration;

/// Where the API is, unless `api_endpoint` says otherwise.
const ENDPOINT: &str = "https://bigquery.googleapis.com";
/// Where rows are streamed to, unless `storage_endpoint` says otherwise.
const STORAGE_ENDPOINT: &str = "https://bigquerystorage.googleapis.com";

/// What dbt-bigquery asks for. Drive is needed for tables over Google Sheets.
const SCOPES: [&str; 3] = [
    "https://www.googleapis.com/auth/bigquery",
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/drive",
];

/// How the caller shows who it is.
#[derive(Clone, PartialEq)]
pub enum Login {
    /// Application default credentials: a file, gcloud's login, or the metadata server.
    Default,
    /// A token that somebody else fetched; it is not renewed.
    Token(String),
    /// A user's refresh token.
    Refresh { token: String, client_id: String, client_secret: String, token_uri: Option<String> },
    /// A service account's key, as in its JSON file.
    ServiceAccount(Json),
    /// Workload identity federation: the token of another provider is exchanged for Google's.
    Federated {
        audience: String,
        provider: TokenEndpoint,
        token_url: Option<String>,
        impersonation_url: Option<String>,
    },
}

/// Where the other provider hands out tokens: `token_endpoint` of the profile.
#[derive(Clone, PartialEq)]
pub struct TokenEndpoint {
    pub request_url: String,
    pub request_data: String,
}

/// A cloud target.
#[derive(Clone)]
pub struct Settings {
    /// The project that holds the data.
    pub project: String,
    pub dataset: String,
    /// The project that runs, and pays for, the jobs.
    pub execution_project: String,
    pub location: Option<String>,
    /// `INTERACTIVE` or `BATCH`.
    pub priority: &'static str,
    pub maximum_bytes_billed: Option<u64>,
    /// A job that takes longer is cancelled.
    pub job_timeout: Option<Duration>,
    /// How often a job that failed for a transient reason is run again.
    pub job_retries: u32,
    /// How long a request that gets no answer is repeated.
    pub retry_deadline: Duration,
    pub quota_project: Option<String>,
    pub reservation: Option<String>,
    pub endpoint: String,
    pub storage_endpoint: String,
    pub scopes: Vec<String>,
    pub login: Login,
    pub impersonate: Option<String>,
}

fn wrong(message: impl Into<String>) -> DbError {
    DbError::new(DbErrorKind::Other, message)
}

/// Reads typed values out of the profile, and words what does not fit.
struct Reader<'s>(&'s Map<String, Json>);

impl Reader<'_> {
    fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| match self.0.get(*name)? {
            Json::String(text) if !text.is_empty() => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    fn needed(&self, method: &str, name: &str) -> Result<String, DbError> {
        self.text(&[name]).ok_or_else(|| wrong(format!("`method: {method}` needs `{name}` in profiles.yml")))
    }

    fn number(&self, names: &[&str]) -> Result<Option<u64>, DbError> {
        let Some(text) = self.text(names) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| wrong(format!("`{}: {text}` in profiles.yml is not a whole number", names[0])))
    }
}

/// Reads the settings of a profile's target. `read_file` gives the text of a key file.
pub fn read(
    settings: &Map<String, Json>,
    (project, dataset): (&str, &str),
    read_file: impl Fn(&str) -> std::io::Result<String>,
) -> Result<Settings, DbError> {
    let reader = Reader(settings);
    let priority = match reader.text(&["priority"]).unwrap_or_default().to_lowercase().as_str() {
        "" | "interactive" => "INTERACTIVE",
        "batch" => "BATCH",
        other => return Err(wrong(format!("`priority: {other}` is neither 'interactive' nor 'batch'"))),
    };
    let scopes = match settings.get("scopes") {
        Some(Json::Array(list)) => list.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => SCOPES.map(str::to_owned).to_vec(),
    };
    let seconds = |names: &[&str]| reader.number(names).map(|n| n.map(Duration::from_secs));
    let endpoint = |name: &str, usual: &str| {
        let given = reader.text(&[name]).unwrap_or_else(|| usual.to_owned());
        let whole = if given.contains("://") { given } else { format!("https://{given}") };
        whole.trim_end_matches('/').to_owned()
    };
    Ok(Settings {
        project: project.to_owned(),
        dataset: dataset.to_owned(),
        execution_project: reader.text(&["execution_project"]).unwrap_or_else(|| project.to_owned()),
        location: reader.text(&["location"]),
        priority,
        maximum_bytes_billed: reader.number(&["maximum_bytes_billed"])?,
        job_timeout: seconds(&["job_execution_timeout_seconds", "timeout_seconds"])?,
        job_retries: reader.number(&["job_retries", "retries"])?.unwrap_or(1) as u32,
        retry_deadline: seconds(&["job_retry_deadline_seconds"])?.unwrap_or(Duration::from_secs(120)),
        quota_project: reader.text(&["quota_project"]),
        reservation: reader.text(&["reservation"]),
        endpoint: endpoint("api_endpoint", ENDPOINT),
        storage_endpoint: endpoint("storage_endpoint", STORAGE_ENDPOINT),
        scopes,
        login: login(&reader, read_file)?,
        impersonate: reader.text(&["impersonate_service_account"]),
    })
}

fn login(reader: &Reader, read_file: impl Fn(&str) -> std::io::Result<String>) -> Result<Login, DbError> {
    let method = reader.text(&["method"]).unwrap_or_else(|| "oauth".to_owned());
    let needed = |name: &str| reader.needed(&method, name);
    Ok(match method.as_str() {
        "oauth" => Login::Default,
        "oauth-secrets" => match reader.text(&["token"]) {
            Some(token) => Login::Token(token),
            None => Login::Refresh {
                token: needed("refresh_token").map_err(|error| error.help("or give a `token`"))?,
                client_id: needed("client_id")?,
                client_secret: needed("client_secret")?,
                token_uri: reader.text(&["token_uri"]),
            },
        },
        "service-account" => {
            let path = needed("keyfile")?;
            let text = read_file(&path).map_err(|why| wrong(format!("cannot read the key file {path}: {why}")))?;
            Login::ServiceAccount(key(&text, &path)?)
        }
        "service-account-json" => match reader.0.get("keyfile_json") {
            Some(Json::Object(map)) => Login::ServiceAccount(mended(Json::Object(map.clone()))),
            Some(Json::String(text)) => Login::ServiceAccount(encoded_key(text)?),
            _ => return Err(needed("keyfile_json").err().unwrap_or_else(|| wrong("`keyfile_json` is not a key"))),
        },
        "external-oauth-wif" => Login::Federated {
            audience: needed("workload_pool_provider_path")?,
            provider: token_endpoint(reader)?,
            token_url: reader.text(&["token_url"]),
            impersonation_url: reader.text(&["service_account_impersonation_url"]),
        },
        other => {
            let known =
                ["oauth", "oauth-secrets", "service-account", "service-account-json", "external-oauth-wif", "local"];
            let error = wrong(format!("`method: {other}` is not a way to log in to BigQuery"));
            return Err(match rsdbt_base::closest(other, known) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("the methods are {}", known.join(", "))),
            });
        }
    })
}

fn token_endpoint(reader: &Reader) -> Result<TokenEndpoint, DbError> {
    let map = reader.0.get("token_endpoint").and_then(Json::as_object);
    let inner = Reader(map.ok_or_else(|| {
        wrong("`method: external-oauth-wif` needs `token_endpoint` in profiles.yml")
            .help("a map with `request_url` and `request_data`, as dbt-bigquery has it")
    })?);
    let field = |name: &str| inner.text(&[name]).ok_or_else(|| wrong(format!("`token_endpoint` has no `{name}`")));
    Ok(TokenEndpoint { request_url: field("request_url")?, request_data: field("request_data")? })
}

fn key(text: &str, shown: &str) -> Result<Json, DbError> {
    let json: Json = serde_json::from_str(text).map_err(|_| wrong(format!("{shown} does not hold a key in JSON")))?;
    Ok(mended(json))
}

/// A key that came through an environment variable: JSON, or JSON in base64.
fn encoded_key(text: &str) -> Result<Json, DbError> {
    use base64::Engine as _;
    if text.trim_start().starts_with('{') {
        return key(text, "`keyfile_json`");
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    key(&text.ok_or_else(|| wrong("`keyfile_json` is neither JSON nor JSON in base64"))?, "`keyfile_json`")
}

/// Environment variables often carry the line ends of the private key as the two characters `\n`.
fn mended(mut key: Json) -> Json {
    if let Some(Json::String(private)) = key.get_mut("private_key") {
        *private = private.replace("\\n", "\n");
    }
    key
}

impl Settings {
    /// Every text that must not be shown to anybody.
    pub fn secrets(&self) -> Vec<String> {
        match &self.login {
            Login::Default => Vec::new(),
            Login::Token(token) => vec![token.clone()],
            Login::Refresh { token, client_secret, .. } => vec![token.clone(), client_secret.clone()],
            Login::ServiceAccount(key) => ["private_key", "private_key_id"]
                .iter()
                .filter_map(|k| key.get(*k)?.as_str().map(str::to_owned))
                .collect(),
            Login::Federated { provider, .. } => vec![provider.request_data.clone()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(json: Json) -> Result<Settings, DbError> {
        let map = json.as_object().cloned().unwrap_or_default();
        read(&map, ("p", "d"), |path| Err(std::io::Error::new(std::io::ErrorKind::NotFound, path.to_owned())))
    }

    #[test]
    fn dbts_names_and_defaults() -> Result<(), DbError> {
        let read = settings(json!({"method": "oauth", "retries": 3, "timeout_seconds": 60, "priority": "Batch"}))?;
        assert_eq!((read.job_retries, read.job_timeout), (3, Some(Duration::from_secs(60))));
        assert_eq!((read.priority, read.execution_project.as_str()), ("BATCH", "p"));
        assert_eq!(read.endpoint, ENDPOINT);
        Ok(())
    }

    #[test]
    fn a_key_in_base64_with_escaped_line_ends() -> Result<(), DbError> {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(r#"{"private_key": "a\\nb"}"#);
        let read = settings(json!({"method": "service-account-json", "keyfile_json": text}))?;
        assert!(matches!(&read.login, Login::ServiceAccount(key) if key["private_key"] == "a\nb"));
        assert_eq!(read.secrets(), ["a\nb"]);
        Ok(())
    }

    #[test]
    fn what_is_missing_is_named() {
        let message = |json| settings(json).err().map(|error| error.message).unwrap_or_default();
        assert!(message(json!({"method": "service-account"})).contains("`keyfile`"));
        assert!(message(json!({"method": "oauth-secrets"})).contains("`refresh_token`"));
        assert!(message(json!({"method": "oauht"})).contains("oauht"));
        assert!(message(json!({"method": "oauth", "maximum_bytes_billed": "1GB"})).contains("whole number"));
    }
}
