//! The Storage Write API over gRPC: streams are made and ended, and rows appended at offsets.

use crate::bigquery::credentials::Tokens;
use crate::bigquery::settings::Settings;
use crate::{DbError, DbErrorKind};
use api::append_rows_response::Response as Answer;
use api::big_query_write_client::BigQueryWriteClient;
use api::storage_error::StorageErrorCode;
use gcp_bigquery_client::google::cloud::bigquery::storage::v1 as api;
use gcp_bigquery_client::google::rpc;
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

/// A request holds at most 10 MB.
const MAX_MESSAGE: usize = 20 << 20;
const CONNECT: Duration = Duration::from_secs(20);
/// A connection that is dead without having said so is noticed.
const PING: Duration = Duration::from_secs(30);

pub struct Client {
    inner: BigQueryWriteClient<Channel>,
    tokens: Arc<Tokens>,
    quota_project: Option<String>,
}

/// Why an append or a stream was not taken.
#[derive(Debug)]
pub enum Refused {
    /// These rows are there already: an earlier answer was lost.
    Already,
    /// The stream is ended, is gone, or is shorter than we believe.
    Stream(String),
    /// It may work later.
    Passing(String),
    /// It will not work before somebody changes something.
    Final(DbError),
}

impl Client {
    /// Prepares a connection; it is made, and made again, when it is needed. Must be called inside a runtime.
    pub fn new(settings: &Settings, tokens: Arc<Tokens>) -> Result<Client, DbError> {
        let address = &settings.storage_endpoint;
        let wrong = |why: tonic::transport::Error| {
            let message = format!("`storage_endpoint: {address}` in profiles.yml cannot be used: {why}");
            DbError::new(DbErrorKind::Unsupported, message)
        };
        let mut endpoint = Endpoint::from_shared(address.clone())
            .map_err(wrong)?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(PING);
        if address.starts_with("https://") {
            endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(wrong)?;
        }
        let inner = BigQueryWriteClient::new(endpoint.connect_lazy())
            .max_encoding_message_size(MAX_MESSAGE)
            .max_decoding_message_size(MAX_MESSAGE);
        Ok(Client { inner, tokens, quota_project: settings.quota_project.clone() })
    }

    /// With who asks, and with what Google's front ends find the right server by.
    async fn request<T>(&self, message: T, name: &str, value: &str) -> Result<Request<T>, Refused> {
        let mut request = Request::new(message);
        let headers = self.tokens.headers().await.map_err(Refused::Final)?;
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        let routing = format!("{name}={}", value.replace('/', "%2F"));
        let extra = [("x-goog-request-params", Some(&routing)), ("x-goog-user-project", self.quota_project.as_ref())];
        for (key, text) in extra {
            if let Some(value) = text.and_then(|text| text.parse().ok()) {
                request.metadata_mut().insert(key, value);
            }
        }
        Ok(request)
    }

    /// A stream of the kind whose rows are in the table as soon as they are confirmed.
    pub async fn create_stream(&self, table: &str) -> Result<String, Refused> {
        let stream = api::WriteStream { r#type: api::write_stream::Type::Committed as i32, ..Default::default() };
        let message = api::CreateWriteStreamRequest { parent: table.to_owned(), write_stream: Some(stream) };
        let request = self.request(message, "parent", table).await?;
        let made = self.inner.clone().create_write_stream(request).await.map_err(|why| refused(&why))?;
        Ok(made.into_inner().name)
    }

    /// Nothing is appended to the stream after this, whatever is still on its way.
    pub async fn end_stream(&self, name: &str) -> Result<(), Refused> {
        let message = api::FinalizeWriteStreamRequest { name: name.to_owned() };
        let request = self.request(message, "name", name).await?;
        self.inner.clone().finalize_write_stream(request).await.map(drop).map_err(|why| refused(&why))
    }

    /// Sends one append and waits for its confirmation. That its offset is taken confirms an earlier try.
    pub async fn append(&self, message: api::AppendRowsRequest) -> Result<(), Refused> {
        match self.send(message).await {
            Err(Refused::Already) => Ok(()),
            done => done,
        }
    }

    async fn send(&self, message: api::AppendRowsRequest) -> Result<(), Refused> {
        let stream = message.write_stream.clone();
        let request = self.request(tokio_stream::once(message), "write_stream", &stream).await?;
        let answers = self.inner.clone().append_rows(request).await.map_err(|why| refused(&why))?;
        let answer = answers.into_inner().message().await.map_err(|why| refused(&why))?;
        let answer = answer.ok_or_else(|| Refused::Passing("the connection ended without an answer".to_owned()))?;
        match answer.response {
            Some(Answer::Error(status)) => Err(sorted(&status, &answer.row_errors)),
            Some(Answer::AppendResult(_)) => Ok(()),
            None => Err(Refused::Passing("an answer that says nothing".to_owned())),
        }
    }
}

fn refused(status: &Status) -> Refused {
    let known = rpc::Status::decode(status.details()).unwrap_or_default();
    let whole =
        rpc::Status { code: status.code() as i32, message: status.message().to_owned(), details: known.details };
    sorted(&whole, &[])
}

/// What Google's codes mean for us: its own code in the details is more exact than gRPC's.
fn sorted(status: &rpc::Status, rows: &[api::RowError]) -> Refused {
    use StorageErrorCode::{
        InvalidStreamState, OffsetAlreadyExists, OffsetOutOfRange, StreamAlreadyCommitted, StreamFinalized,
        StreamNotFound, TableNotFound,
    };
    let detail = status.details.iter().find(|detail| detail.type_url.ends_with(".StorageError"));
    let detail = detail.and_then(|detail| api::StorageError::decode(detail.value.as_slice()).ok());
    let exact = detail.map(|detail| detail.code());
    let message = status.message.clone();
    match (exact, Code::from_i32(status.code)) {
        (Some(OffsetAlreadyExists), _) | (None, Code::AlreadyExists) => Refused::Already,
        (
            Some(OffsetOutOfRange | StreamFinalized | StreamNotFound | StreamAlreadyCommitted | InvalidStreamState),
            _,
        )
        | (None, Code::OutOfRange) => Refused::Stream(message),
        // A table that was just made is not known everywhere at once.
        (Some(TableNotFound), _) => Refused::Passing(message),
        (None, Code::NotFound) if message.contains("stream") => Refused::Stream(message),
        (
            _,
            Code::Unavailable
            | Code::Internal
            | Code::Aborted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::ResourceExhausted
            | Code::NotFound
            | Code::Unknown,
        ) => Refused::Passing(message),
        (_, code) => {
            let row = rows.first().map(|row| format!("; row {}: {}", row.index, row.message)).unwrap_or_default();
            let help = match code {
                Code::PermissionDenied => "the account needs the role roles/bigquery.dataEditor on the dataset",
                Code::Unauthenticated => {
                    "the token was refused: log in again, or check the credentials of this target in profiles.yml"
                }
                _ => "the table must have the columns that `ingest` writes: compare its schema with a new table's",
            };
            let message = format!("BigQuery's Storage Write API: {message}{row}");
            Refused::Final(DbError::new(DbErrorKind::Semantic, message).help(help))
        }
    }
}
