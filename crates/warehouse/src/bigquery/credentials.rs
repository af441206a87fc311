//! Access tokens, by Google's own library. It caches and renews them; nothing here is ever printed.

use super::settings::{Login, Settings, TokenEndpoint};
use crate::{DbError, DbErrorKind};
use google_cloud_auth::credentials::subject_token::{self, SubjectToken, SubjectTokenProvider};
use google_cloud_auth::credentials::{
    Builder, CacheableResource, Credentials, external_account, impersonated, service_account, user_account,
};
use google_cloud_auth::errors::SubjectTokenProviderError;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value as Json, json};
use std::fmt;

/// A source of `Authorization` headers.
pub enum Tokens {
    /// A token that somebody else fetched.
    Fixed(String),
    /// Fetched, cached and renewed by the library.
    Google(Credentials),
}

fn refused(what: &str, why: impl fmt::Display) -> DbError {
    DbError::new(DbErrorKind::Other, format!("{what}: {why}"))
}

const LOGIN_HELP: &str =
    "log in with `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file";

/// The token source of a profile. Errors: the key or file does not fit. Nothing is fetched yet.
pub fn tokens(settings: &Settings, client: &reqwest::Client) -> Result<Tokens, DbError> {
    let source = match &settings.login {
        Login::Token(_) if settings.impersonate.is_some() => {
            return Err(refused(
                "`impersonate_service_account` does not go with `token`",
                "a fixed token cannot be renewed",
            ));
        }
        Login::Token(token) => return Ok(Tokens::Fixed(token.clone())),
        _ => source(settings, client)?,
    };
    let Some(principal) = &settings.impersonate else { return Ok(Tokens::Google(source)) };
    impersonated::Builder::from_source_credentials(source)
        .with_target_principal(principal)
        .with_scopes(settings.scopes.clone())
        .build()
        .map(Tokens::Google)
        .map_err(|why| refused(&format!("cannot impersonate {principal}"), why))
}

fn source(settings: &Settings, client: &reqwest::Client) -> Result<Credentials, DbError> {
    let scopes = settings.scopes.clone();
    match &settings.login {
        Login::Default | Login::Token(_) => Builder::default()
            .with_scopes(scopes)
            .build()
            .map_err(|why| refused("cannot find application default credentials", why).help(LOGIN_HELP)),
        Login::ServiceAccount(key) => service_account::Builder::new(key.clone())
            .with_access_specifier(service_account::AccessSpecifier::from_scopes(scopes))
            .build()
            .map_err(|why| refused("the service account's key cannot be used", why)),
        Login::Refresh { token, client_id, client_secret, token_uri } => {
            let builder = user_account::Builder::new(json!({
                "type": "authorized_user", "client_id": client_id, "client_secret": client_secret, "refresh_token": token,
            }))
            .with_scopes(scopes);
            let builder = match token_uri {
                Some(uri) => builder.with_token_uri(uri),
                None => builder,
            };
            builder.build().map_err(|why| refused("the refresh token cannot be used", why))
        }
        Login::Federated { audience, provider, token_url, impersonation_url } => {
            let provider = Provider { endpoint: provider.clone(), client: client.clone() };
            let mut builder = external_account::ProgrammaticBuilder::new(std::sync::Arc::new(provider))
                .with_audience(audience)
                .with_subject_token_type("urn:ietf:params:oauth:token-type:jwt")
                .with_scopes(scopes);
            if let Some(url) = token_url {
                builder = builder.with_token_url(url);
            }
            // The library takes the account's name; the profile has the URL that ends in it.
            if let Some(url) = impersonation_url {
                let name = url.rsplit('/').next().unwrap_or(url).split(':').next().unwrap_or_default();
                builder = builder.with_target_principal(name);
            }
            builder.build().map_err(|why| refused("workload identity federation is not set up", why))
        }
    }
}

impl Tokens {
    /// The headers that show who asks.
    pub async fn headers(&self) -> Result<HeaderMap, DbError> {
        let google = match self {
            Tokens::Fixed(token) => {
                let value = HeaderValue::from_str(&format!("Bearer {token}"));
                let mut value = value
                    .map_err(|_| refused("cannot log in to Google", "the token has characters that no token has"))?;
                value.set_sensitive(true);
                return Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]));
            }
            Tokens::Google(credentials) => {
                credentials.headers(Default::default()).await.map_err(|why| no_token(&why))?
            }
        };
        match google {
            CacheableResource::New { data, .. } => Ok(data),
            // Only for callers that send an entity tag.
            CacheableResource::NotModified => Err(refused("cannot log in to Google", "the credentials gave no token")),
        }
    }
}

fn no_token(why: &google_cloud_auth::errors::CredentialsError) -> DbError {
    refused("cannot log in to Google", brief(why))
        .help("check the credentials of this target in profiles.yml; `rsdbt debug --connection` tries them alone")
}

/// A chain of errors as one line of a few words: outer errors repeat their inner ones, down to what a server sent.
fn brief(why: &dyn std::error::Error) -> String {
    let links = std::iter::successors(Some(why), |link| link.source()).map(|link| link.to_string());
    let mut told: Vec<String> = Vec::new();
    for link in links {
        let words = link.split_whitespace().collect::<Vec<_>>().join(" ");
        if !told.iter().any(|before| before.contains(&words)) {
            told.push(words);
        }
    }
    let text: Vec<char> = told.join(": ").chars().collect();
    if text.len() <= LONGEST {
        return text.iter().collect();
    }
    // What was tried stands first, its cause last.
    let (head, tail) = (&text[..LONGEST / 2], &text[text.len() - LONGEST / 2..]);
    format!("{} ... {}", head.iter().collect::<String>().trim_end(), tail.iter().collect::<String>().trim_start())
}

/// Characters of a reason that somebody reads.
const LONGEST: usize = 400;

/// Fetches the token of another provider, as dbt-bigquery does: one POST of prepared data.
#[derive(Debug)]
struct Provider {
    endpoint: TokenEndpoint,
    client: reqwest::Client,
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.request_url)
    }
}

#[derive(Debug)]
struct ProviderError {
    message: String,
    transient: bool,
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProviderError {}

impl SubjectTokenProviderError for ProviderError {
    fn is_transient(&self) -> bool {
        self.transient
    }
}

impl SubjectTokenProvider for Provider {
    type Error = ProviderError;

    async fn subject_token(&self) -> Result<SubjectToken, ProviderError> {
        let failed = |message: String, transient| ProviderError { message, transient };
        let answer = self
            .client
            .post(&self.endpoint.request_url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(self.endpoint.request_data.clone())
            .send()
            .await
            .map_err(|why| failed(format!("no answer from the token endpoint: {}", why.without_url()), true))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|why| failed(why.without_url().to_string(), true))?;
        if !status.is_success() {
            return Err(failed(format!("the token endpoint answered {status}"), status.is_server_error()));
        }
        let json: Json = serde_json::from_str(&text)
            .map_err(|_| failed("the token endpoint's answer is not JSON".to_owned(), false))?;
        match json.get("access_token").or_else(|| json.get("id_token")).and_then(Json::as_str) {
            Some(token) => Ok(subject_token::Builder::new(token.to_owned()).build()),
            None => Err(failed("the token endpoint's answer has no `access_token`".to_owned(), false)),
        }
    }
}
