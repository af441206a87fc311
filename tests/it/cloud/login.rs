//! Every way to log in, against a token endpoint that checks what it is sent.

use super::project;
use super::server::{Asked, Reply, Server, State};
use crate::program::{Project, Ran};
use base64::Engine as _;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const MODEL: &[(&str, &str)] = &[("models/a.sql", "select 1 as x")];

/// A new key: its private half as PEM text.
fn key(folder: &Path, name: &str) -> String {
    let file = folder.join(name);
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"])
        .arg(&file)
        .output();
    assert!(made.expect("these tests need openssl").status.success());
    rsdbt_sys::read(&file).expect("a key")
}

/// Whether `signed.signature` was made with the key in `file`.
fn is_signed(file: &Path, signed: &str, signature: &str) -> bool {
    let folder = file.parent().expect("a folder");
    let (data, sign, public) = (folder.join("data"), folder.join("signature"), folder.join("public.pem"));
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).expect("base64");
    rsdbt_sys::write(&data, signed).expect("writable");
    rsdbt_sys::write(&sign, bytes).expect("writable");
    let openssl = |arguments: &[&std::ffi::OsStr]| {
        Command::new("openssl").args(arguments).output().expect("openssl").status.success()
    };
    let words = |text: &'static str| text.split(' ').map(std::ffi::OsStr::new).collect::<Vec<_>>();
    let public_half =
        [words("pkey -in"), vec![file.as_os_str()], words("-pubout -out"), vec![public.as_os_str()]].concat();
    assert!(openssl(&public_half));
    let verify = [
        words("dgst -sha256 -verify"),
        vec![public.as_os_str()],
        words("-signature"),
        vec![sign.as_os_str()],
        vec![data.as_os_str()],
    ];
    openssl(&verify.concat())
}

fn form(body: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let bytes = text.replace('+', " ");
        let mut out = Vec::new();
        let mut rest = bytes.as_bytes();
        while let Some((first, more)) = rest.split_first() {
            if *first == b'%' {
                out.push(u8::from_str_radix(std::str::from_utf8(&more[..2]).expect("hex"), 16).expect("hex"));
                rest = &more[2..];
            } else {
                out.push(*first);
                rest = more;
            }
        }
        String::from_utf8(out).expect("text")
    };
    body.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decode(k), decode(v))).collect()
}

fn token(name: &str) -> Reply {
    Reply::Json(
        200,
        json!({"access_token": name, "token_type": "Bearer", "expires_in": 3600, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}),
    )
}

fn refused(why: &str) -> Reply {
    Reply::Json(400, json!({"error": "invalid_grant", "error_description": why}))
}

/// BigQuery lets in who has `wanted`; everything about tokens is answered by `login`.
fn guarded(
    wanted: &'static str,
    login: impl Fn(&Asked, &mut State) -> Option<Reply> + Send + Sync + 'static,
) -> Server {
    Server::start(move |asked, state| {
        if !asked.path.contains("/bigquery/v2/") {
            return login(asked, state);
        }
        if asked.headers.get("authorization").map(String::as_str) == Some(&format!("Bearer {wanted}")) {
            return None;
        }
        Some(super::error(401, "authError", "Request had invalid authentication credentials."))
    })
}

fn service_account(server: &Server, private_key: &str) -> Json {
    json!({
        "type": "service_account", "project_id": "lab", "private_key_id": "id-of-the-key", "private_key": private_key,
        "client_email": "robot@lab.example", "client_id": "1", "token_uri": format!("{}/token", server.url()),
    })
}

/// BigQuery lets in whose token is a service account's own JWT: the claims and the signature are checked.
fn jwt_server(file: std::path::PathBuf) -> Server {
    Server::start(move |asked, _| {
        let token = asked.headers.get("authorization").and_then(|header| header.strip_prefix("Bearer "));
        let (signed, signature) = token.and_then(|token| token.rsplit_once('.')).expect("a JWT");
        let claims = signed.split('.').nth(1).expect("claims");
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let claims: Json = serde_json::from_slice(&claims).expect("JSON");
        let scoped = claims["scope"].as_str().is_some_and(|scope| scope.contains("auth/bigquery"));
        let timely = claims["exp"].as_i64() > claims["iat"].as_i64();
        let good = claims["iss"] == "robot@lab.example" && scoped && timely && is_signed(&file, signed, signature);
        (!good).then(|| super::error(401, "authError", "Request had invalid authentication credentials."))
    })
}

#[test]
fn a_service_account_by_file_and_by_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let private = key(folder.path(), "good.pem");
    let server = jwt_server(folder.path().join("good.pem"));
    let account = service_account(&server, &private);
    let by_file = project(&server, "method: service-account, keyfile: key.json", MODEL);
    by_file.write("key.json", &account.to_string());
    by_file.run(&["run"]).ok();
    let text = base64::engine::general_purpose::STANDARD.encode(account.to_string());
    let by_text = project(&server, "method: service-account-json, keyfile_json: \"{{ env_var('KEY') }}\"", MODEL);
    let ran = by_text.command(&["run"]).env("KEY", text).output().expect("runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_wrong_key_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    key(folder.path(), "good.pem");
    let wrong = key(folder.path(), "wrong.pem");
    let server = jwt_server(folder.path().join("good.pem"));
    let project = project(&server, "method: service-account, keyfile: key.json", MODEL);
    project.write("key.json", &service_account(&server, &wrong).to_string());
    let ran = project.run(&["run"]).fails(2).says("the token was refused");
    let line = wrong.lines().nth(1).expect("a line of the key");
    assert!(!ran.out.contains(line) && !ran.err.contains(line));
    project.write("key.json", "{\"type\": \"service_account\"}");
    project.run(&["run"]).fails(2).says("the service account's key cannot be used");
    project.run(&["run", "--target", "nope"]).fails(2);
}

#[test]
fn a_users_refresh_token() {
    let server = guarded("from-refresh", |asked, _| {
        let text = format!("{}{}", asked.body, asked.path);
        let good = text.contains("refresh-secret") && text.contains("client-secret") && text.contains("refresh_token");
        Some(if good { token("from-refresh") } else { refused("Token has been expired or revoked.") })
    });
    let settings = |refresh: &str| {
        format!(
            "method: oauth-secrets, refresh_token: {refresh}, client_id: me, client_secret: client-secret, token_uri: '{}/token'",
            server.url()
        )
    };
    project(&server, &settings("refresh-secret"), MODEL).run(&["run"]).ok();
    let ran = project(&server, &settings("old-refresh"), MODEL).run(&["run"]).fails(2).says("expired or revoked");
    assert!(
        !ran.out.contains("client-secret") && !ran.err.contains("client-secret") && !ran.err.contains("old-refresh")
    );
}

#[test]
fn a_token_that_has_expired() {
    let server = guarded("good", |_, _| None);
    project(&server, "method: oauth-secrets, token: good", MODEL).run(&["run"]).ok();
    let ran = project(&server, "method: oauth-secrets, token: expired-token", MODEL)
        .run(&["debug"])
        .fails(1)
        .says("it may have expired");
    assert!(!ran.out.contains("expired-token") && !ran.err.contains("expired-token"));
}

/// Runs with a file of application default credentials.
fn with_default_credentials(project: &Project, credentials: &Json) -> Ran {
    project.write("adc.json", &credentials.to_string());
    let file = project.root().join("adc.json");
    let mut command = project.command(&["run"]);
    project.finish(command.env("GOOGLE_APPLICATION_CREDENTIALS", file))
}

#[test]
fn application_default_credentials_of_a_user() {
    let server = guarded("from-gcloud", |asked, _| asked.body.contains("gcloud-refresh").then(|| token("from-gcloud")));
    let project = project(&server, "method: oauth", MODEL);
    let credentials = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "gcloud-refresh", "token_uri": format!("{}/token", server.url())});
    with_default_credentials(&project, &credentials).ok();
    let ran = with_default_credentials(&project, &json!({"type": "nonsense"})).fails(2);
    assert!(ran.err.contains("application default credentials"), "{}", ran.err);
}

#[test]
fn workload_identity_from_a_file() {
    let server = guarded("from-sts", |asked, _| {
        let form = form(&asked.body);
        let good =
            asked.path == "/sts" && form.get("subject_token").map(String::as_str) == Some("from-the-other-cloud");
        Some(if good { token("from-sts") } else { refused("the subject token is wrong") })
    });
    let project = project(&server, "method: oauth", MODEL);
    project.write("subject", "from-the-other-cloud");
    let credentials = json!({
        "type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{}/sts", server.url()),
        "credential_source": {"file": project.root().join("subject")},
    });
    with_default_credentials(&project, &credentials).ok();
}

#[test]
fn workload_identity_from_a_token_endpoint() {
    let server = guarded("from-sts", |asked, _| {
        if asked.path == "/tenant/token" {
            let good = asked.body == "client_id=app&client_secret=app-secret&grant_type=client_credentials";
            return Some(if good { token("from-entra") } else { refused("who are you?") });
        }
        let subject = form(&asked.body).get("subject_token").cloned();
        Some(if subject.as_deref() == Some("from-entra") {
            token("from-sts")
        } else {
            refused("the subject token is wrong")
        })
    });
    let settings = |secret: &str| {
        format!(
            "method: external-oauth-wif, workload_pool_provider_path: //iam.googleapis.com/x, token_url: '{0}/sts', token_endpoint: {{type: entra, request_url: '{0}/tenant/token', request_data: 'client_id=app&client_secret={secret}&grant_type=client_credentials'}}",
            server.url()
        )
    };
    let good = project(&server, &settings("app-secret"), &[("models/a.sql", "select '{{ target }}' as x")]);
    let ran = good.run(&["run"]).ok();
    let written = [ran.out, ran.err, good.read("target/manifest.json"), good.read("target/run_results.json")];
    assert!(written.iter().all(|text| !text.contains("app-secret")), "{written:?}");
    let ran = project(&server, &settings("bad-secret"), MODEL).run(&["run"]).fails(2).says("cannot log in to Google");
    assert!(!ran.err.contains("bad-secret") && !ran.out.contains("bad-secret"));
}

#[test]
fn impersonation_of_a_service_account() {
    let server = guarded("from-impersonation", |asked, _| {
        if asked.path.ends_with(":generateAccessToken") {
            let from_user = asked.headers.get("authorization").map(String::as_str) == Some("Bearer from-gcloud");
            let wants_bigquery = asked.body.contains("auth/bigquery");
            return Some(if from_user && wants_bigquery {
                Reply::Json(200, json!({"accessToken": "from-impersonation", "expireTime": "2099-01-01T00:00:00Z"}))
            } else {
                super::error(403, "forbidden", "Permission iam.serviceAccounts.getAccessToken denied")
            });
        }
        Some(token("from-gcloud"))
    });
    let project = project(&server, "method: oauth", MODEL);
    let url = format!("{}/v1/projects/-/serviceAccounts/robot@lab.example:generateAccessToken", server.url());
    let credentials = json!({
        "type": "impersonated_service_account", "service_account_impersonation_url": url,
        "source_credentials": {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": format!("{}/token", server.url())},
    });
    with_default_credentials(&project, &credentials).ok();
}

#[test]
fn the_metadata_server_of_a_machine_in_the_cloud() {
    let server = guarded("from-metadata", |asked, _| {
        let good = asked.headers.get("metadata-flavor").map(String::as_str) == Some("Google");
        Some(if good && asked.path.contains("/token") { token("from-metadata") } else { Reply::Text(200, "x".into()) })
    });
    let project = project(&server, "method: oauth", MODEL);
    let mut command = project.command(&["run"]);
    command
        .env("GCE_METADATA_HOST", format!("127.0.0.1:{}", server.port))
        .env("HOME", project.root())
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS");
    project.finish(&mut command).ok();
}
