//! Pub/Sub's REST face: each HTTP rule that the protos declare becomes a route to the gRPC method it stands on.
//! So there is one implementation of every method, and the routes are Google's.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions, Value};
use rsdbt_proto::DESCRIPTORS;
use rsdbt_web::Limits;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use tonic::{Code, Status};
use tower::ServiceExt;

const MAX_BODY: usize = 32 << 20;

/// `PUT /v1/{name=projects/*/topics/*}` -> `/google.pubsub.v1.Publisher/CreateTopic`.
struct Route {
    verb: Method,
    segments: Vec<Segment>,
    /// What follows the last colon: `publish`.
    suffix: Option<String>,
    has_body: bool,
    grpc_path: String,
    input: MessageDescriptor,
    output: MessageDescriptor,
}

enum Segment {
    Fixed(String),
    /// Matches these parts and sets the field.
    Field {
        path: String,
        parts: Vec<String>,
    },
}

#[derive(Clone)]
pub struct Transcoder {
    routes: Arc<Vec<Route>>,
    grpc: axum::Router,
}

impl Transcoder {
    pub fn new(grpc: axum::Router) -> Transcoder {
        Transcoder { routes: Arc::new(routes()), grpc }
    }

    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let numbers = request.uri().query().is_some_and(|query| query.contains("enum-encoding=int"));
        match self.call(request, numbers).await {
            Ok(json) => respond(StatusCode::OK, &json),
            Err(status) => refuse(&status),
        }
    }

    async fn call(&self, request: Request<Body>, numbers: bool) -> Result<Json, Status> {
        let (parts, body) = request.into_parts();
        let found = self.routes.iter().find_map(|route| Some((route, route.matches(&parts.method, parts.uri.path())?)));
        let Some((route, fields)) = found else {
            return Err(Status::unimplemented(format!(
                "{} {} is not a method of Pub/Sub that is served here",
                parts.method,
                parts.uri.path()
            )));
        };
        let body = tokio::time::timeout(Limits::default().body, axum::body::to_bytes(body, MAX_BODY))
            .await
            .map_err(|_| Status::deadline_exceeded("the rest of the request did not come"))?
            .map_err(|why| Status::invalid_argument(format!("the body cannot be read: {why}")))?;
        let message = route.request(&body, &parts.uri, fields)?;
        let answer = grpc_call(self.grpc.clone(), &route.grpc_path, &message).await?;
        let answer = DynamicMessage::decode(route.output.clone(), answer)
            .map_err(|why| Status::internal(format!("an answer that cannot be decoded: {why}")))?;
        let options = SerializeOptions::new().use_enum_numbers(numbers);
        answer
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|why| Status::internal(format!("an answer that cannot be written as JSON: {why}")))
    }
}

impl Route {
    /// The fields that the path sets, if it is this route's.
    fn matches(&self, verb: &Method, path: &str) -> Option<Vec<(String, String)>> {
        let path = path.strip_prefix('/')?;
        let (path, suffix) = match path.rsplit_once(':') {
            Some((path, suffix)) if !suffix.contains('/') => (path, Some(suffix)),
            _ => (path, None),
        };
        if *verb != self.verb || suffix != self.suffix.as_deref() {
            return None;
        }
        let mut given = path.split('/');
        let mut fields = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Fixed(text) => (given.next()? == text).then_some(())?,
                Segment::Field { path, parts } => {
                    let mut value = Vec::new();
                    for part in parts {
                        let actual = percent_decode_str(given.next()?).decode_utf8().ok()?;
                        (part == "*" && !actual.is_empty() || *part == actual).then_some(())?;
                        value.push(actual);
                    }
                    fields.push((path.clone(), value.join("/")));
                }
            }
        }
        given.next().is_none().then_some(fields)
    }

    /// The request message, encoded: body, query and path together.
    fn request(&self, body: &Bytes, uri: &Uri, fields: Vec<(String, String)>) -> Result<Vec<u8>, Status> {
        let bad = |why: &dyn std::fmt::Display| Status::invalid_argument(format!("the request cannot be read: {why}"));
        let mut json = match body.is_empty() || !self.has_body {
            true => Map::new(),
            false => serde_json::from_slice(body).map_err(|why| bad(&why))?,
        };
        let query = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        for (key, value) in query.filter(|(key, _)| self.input.get_field_by_json_name(key).is_some()) {
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            json.insert(key.to_owned(), Json::String(value));
        }
        for (path, value) in fields {
            set(&mut json, &path, value);
        }
        let message = DynamicMessage::deserialize(self.input.clone(), Json::Object(json)).map_err(|why| bad(&why))?;
        Ok(message.encode_to_vec())
    }
}

/// Sets `topic.name` inside nested objects.
fn set(json: &mut Map<String, Json>, path: &str, value: String) {
    match path.split_once('.') {
        None => _ = json.insert(path.to_owned(), Json::String(value)),
        Some((first, rest)) => {
            let inner = json.entry(first).or_insert_with(|| json!({}));
            if let Json::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// Every unary method with an HTTP rule.
fn routes() -> Vec<Route> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("a test compares the descriptors with the protos");
    let rule = pool.get_extension_by_name("google.api.http").expect("the protos import annotations.proto");
    let services = pool.services().filter(|service| service.full_name().starts_with("google.pubsub.v1."));
    let mut routes = Vec::new();
    for service in services {
        for method in service.methods() {
            let options = method.options();
            let value = options.get_extension(&rule);
            let Some(declared) = value.as_message() else { continue };
            let Some((verb, template)) = verb_and_template(declared) else { continue };
            let (template, suffix) = match template.rsplit_once("}:") {
                Some((start, suffix)) => (format!("{start}}}"), Some(suffix.to_owned())),
                None => (template, None),
            };
            routes.push(Route {
                verb,
                segments: segments(&template),
                suffix,
                has_body: text(declared, "body") == "*",
                grpc_path: format!("/{}/{}", service.full_name(), method.name()),
                input: method.input(),
                output: method.output(),
            });
        }
    }
    routes
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    value.as_deref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn verb_and_template(rule: &DynamicMessage) -> Option<(Method, String)> {
    let verbs = [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ];
    let found = verbs.into_iter().map(|(field, verb)| (verb, text(rule, field)));
    found.into_iter().find(|(_, template)| !template.is_empty())
}

/// `/v1/{topic=projects/*/topics/*}/subscriptions` in parts.
fn segments(template: &str) -> Vec<Segment> {
    let mut rest = template.trim_start_matches('/');
    let mut segments = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('{') {
            let (field, after) = inner.split_once('}').unwrap_or((inner, ""));
            let (path, pattern) = field.split_once('=').unwrap_or((field, "*"));
            let parts = pattern.split('/').map(str::to_owned).collect();
            segments.push(Segment::Field { path: path.to_owned(), parts });
            rest = after.trim_start_matches('/');
        } else {
            let (fixed, after) = rest.split_once('/').unwrap_or((rest, ""));
            segments.push(Segment::Fixed(fixed.to_owned()));
            rest = after;
        }
    }
    segments
}

/// One unary call, through the same services that the network reaches.
async fn grpc_call(grpc: axum::Router, path: &str, message: &[u8]) -> Result<Bytes, Status> {
    let internal = |why: &dyn std::fmt::Display| Status::internal(why.to_string());
    let mut framed = vec![0];
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Body::from(framed))
        .map_err(|why| internal(&why))?;
    let response = grpc.oneshot(request).await.map_err(|why| internal(&why))?;
    if let Some(status) = Status::from_header_map(response.headers())
        && status.code() != Code::Ok
    {
        return Err(status);
    }
    let body = response.into_body().collect().await.map_err(|why| internal(&why))?;
    if let Some(status) = body.trailers().and_then(Status::from_header_map)
        && status.code() != Code::Ok
    {
        return Err(status);
    }
    Ok(body.to_bytes().slice(5..))
}

/// gRPC codes as HTTP statuses and names.
const CODES: [(Code, StatusCode, &str); 9] = [
    (Code::InvalidArgument, StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
    (Code::FailedPrecondition, StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
    (Code::NotFound, StatusCode::NOT_FOUND, "NOT_FOUND"),
    (Code::AlreadyExists, StatusCode::CONFLICT, "ALREADY_EXISTS"),
    (Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
    (Code::DeadlineExceeded, StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"),
    (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    (Code::Unimplemented, StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED"),
    (Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
];

fn refuse(status: &Status) -> Response<Body> {
    let known = CODES.iter().find(|(code, ..)| *code == status.code());
    let (_, http, name) = known.unwrap_or(&(Code::Unknown, StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"));
    respond(*http, &json!({"error": {"code": http.as_u16(), "message": status.message(), "status": name}}))
}

fn respond(status: StatusCode, json: &Json) -> Response<Body> {
    let mut response = Response::new(Body::from(json.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}
