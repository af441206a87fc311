//! A Storage Write API on loopback: streams with offsets as Google keeps them, and troubles on request.

use gcp_bigquery_client::google::cloud::bigquery::storage::v1 as api;
use gcp_bigquery_client::google::rpc;
use prost::Message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tonic::{Code, Request, Response, Status, Streaming};

/// What happens to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// An answer without effect.
    Refuse,
    /// The rows do not fit the table.
    Reject,
    /// Stored, and answered with a failure.
    Lose,
    /// The server dies before it has stored anything.
    Die,
    /// The server stores, and dies before it answers.
    DieStored,
    /// The stream is ended by somebody.
    End,
    /// The same after the rows were stored, without an answer.
    EndStored,
    /// The stream is gone.
    Forget,
    /// The stream has lost its end: our offset is beyond it.
    Shorten,
}

#[derive(Default)]
struct Stream {
    table: String,
    length: i64,
    is_ended: bool,
}

#[derive(Default)]
pub struct State {
    streams: BTreeMap<String, Stream>,
    made: usize,
    /// Rows by table, as they were sent.
    tables: BTreeMap<String, Vec<Vec<u8>>>,
    /// What happened to each append.
    pub met: Vec<Fault>,
    /// Of the last request.
    pub authorization: String,
    pub routing: String,
}

#[derive(Clone)]
pub struct Storage {
    pub port: u16,
    state: Arc<Mutex<State>>,
    plan: Arc<dyn Fn(usize) -> Fault + Send + Sync>,
    death: Arc<Notify>,
}

/// The first field of a row, which is its key.
fn key(row: &[u8]) -> String {
    let length = usize::from(row[1]);
    assert_eq!((row[0], length < 128), (10, true), "a short text in field 1");
    String::from_utf8(row[2..2 + length].to_vec()).expect("text")
}

fn refusal(code: Code, exact: api::storage_error::StorageErrorCode, message: &str) -> Status {
    let error = api::StorageError { code: exact as i32, error_message: message.to_owned(), ..Default::default() };
    let detail = prost_types::Any {
        type_url: "type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError".to_owned(),
        value: error.encode_to_vec(),
    };
    let whole = rpc::Status { code: code as i32, message: message.to_owned(), details: vec![detail] };
    Status::with_details(code, message, whole.encode_to_vec().into())
}

impl Storage {
    /// Starts; `plan` says what happens to the n-th append.
    pub fn start(plan: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Storage {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let storage = Storage { port, state: Arc::default(), plan: Arc::new(plan), death: Arc::new(Notify::new()) };
        let serving = storage.clone();
        std::thread::spawn(move || {
            loop {
                serving.live();
                std::thread::sleep(Duration::from_millis(150));
            }
        });
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        storage
    }

    /// Serves until it dies; all connections break then.
    fn live(&self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", self.port)).await.expect("the port");
            let storage = self.clone();
            let router =
                axum::Router::new().fallback(move |request: axum::extract::Request| storage.clone().answer(request));
            tokio::select! {
                _ = async { axum::serve(listener, router).await } => {}
                () = self.death.notified() => {}
            }
        });
        runtime.shutdown_background();
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("state")
    }

    /// The keys of a table's rows.
    pub fn keys(&self, table: &str) -> Vec<String> {
        let state = self.state();
        let rows = state.tables.iter().find(|(name, _)| name.ends_with(&format!("/tables/{table}")));
        rows.map(|(_, rows)| rows.iter().map(|row| key(row)).collect()).unwrap_or_default()
    }

    pub fn streams(&self) -> usize {
        self.state().made
    }

    async fn answer(self, request: axum::extract::Request) -> axum::http::Response<tonic::body::Body> {
        let path = request.uri().path().to_owned();
        self.note(request.headers());
        match path.rsplit('/').next().unwrap_or_default() {
            "CreateWriteStream" => {
                let create = tower::service_fn(|request: Request<api::CreateWriteStreamRequest>| {
                    let made = self.create(&request.into_inner().parent);
                    async move { Ok::<_, Status>(Response::new(made)) }
                });
                tonic::server::Grpc::new(tonic_prost::ProstCodec::default()).unary(create, request).await
            }
            "FinalizeWriteStream" => {
                let end = tower::service_fn(|request: Request<api::FinalizeWriteStreamRequest>| {
                    let ended = self.end(&request.into_inner().name);
                    async move { ended.map(Response::new) }
                });
                tonic::server::Grpc::new(tonic_prost::ProstCodec::default()).unary(end, request).await
            }
            _ => {
                let append = tower::service_fn(|request: Request<Streaming<api::AppendRowsRequest>>| {
                    let storage = self.clone();
                    async move {
                        let request = request.into_inner().message().await?.expect("one append a request");
                        let answer = storage.append(&request).await?;
                        Ok::<_, Status>(Response::new(tokio_stream::once(Ok(answer))))
                    }
                });
                tonic::server::Grpc::new(tonic_prost::ProstCodec::default()).streaming(append, request).await
            }
        }
    }

    fn note(&self, headers: &axum::http::HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let mut state = self.state();
        (state.authorization, state.routing) = (text("authorization"), text("x-goog-request-params"));
    }

    fn create(&self, table: &str) -> api::WriteStream {
        let mut state = self.state();
        state.made += 1;
        let name = format!("{table}/streams/s{}", state.made);
        state.streams.insert(name.clone(), Stream { table: table.to_owned(), ..Stream::default() });
        api::WriteStream { name, ..Default::default() }
    }

    fn end(&self, name: &str) -> Result<api::FinalizeWriteStreamResponse, Status> {
        use api::storage_error::StorageErrorCode::StreamNotFound;
        let mut state = self.state();
        let stream = state.streams.get_mut(name);
        let stream = stream.ok_or_else(|| refusal(Code::NotFound, StreamNotFound, "no such stream"))?;
        stream.is_ended = true;
        Ok(api::FinalizeWriteStreamResponse { row_count: stream.length })
    }

    async fn append(&self, request: &api::AppendRowsRequest) -> Result<api::AppendRowsResponse, Status> {
        let fault = {
            let mut state = self.state();
            let fault = (self.plan)(state.met.len() + 1);
            state.met.push(fault);
            fault
        };
        match fault {
            Fault::Refuse => return Err(Status::unavailable("come back later")),
            Fault::Reject => return Err(Status::invalid_argument("field seq has the type STRING in the table")),
            Fault::Die => return self.die().await,
            Fault::End => _ = self.end(&request.write_stream),
            Fault::Forget => _ = self.state().streams.remove(&request.write_stream),
            Fault::Shorten => {
                self.state().streams.get_mut(&request.write_stream).into_iter().for_each(|stream| stream.length = -1);
            }
            _ => {}
        }
        let stored = self.store(request);
        match fault {
            Fault::Lose => Err(Status::internal("the answer was lost")),
            Fault::DieStored => self.die().await,
            Fault::EndStored => {
                _ = self.end(&request.write_stream);
                Err(Status::unavailable("the answer was lost"))
            }
            _ => stored,
        }
    }

    async fn die(&self) -> Result<api::AppendRowsResponse, Status> {
        self.death.notify_one();
        std::future::pending().await
    }

    /// What Google promises: an offset is written once.
    fn store(&self, request: &api::AppendRowsRequest) -> Result<api::AppendRowsResponse, Status> {
        use api::storage_error::StorageErrorCode as Exact;
        let mut state = self.state();
        let offset = request.offset.expect("an offset");
        let Some(api::append_rows_request::Rows::ProtoRows(data)) = &request.rows else { panic!("rows") };
        let fields = data.writer_schema.as_ref().and_then(|schema| schema.proto_descriptor.as_ref()).map(|d| &d.field);
        assert!(fields.is_some_and(|fields| fields.len() >= 8), "a schema comes along");
        let rows = data.rows.as_ref().map(|rows| rows.serialized_rows.clone()).unwrap_or_default();
        let stream = state.streams.get_mut(&request.write_stream);
        let stream = stream.ok_or_else(|| refusal(Code::NotFound, Exact::StreamNotFound, "no such stream"))?;
        if stream.is_ended {
            return Err(refusal(Code::InvalidArgument, Exact::StreamFinalized, "the stream is finalized"));
        }
        if offset < stream.length {
            // Google says it inside of an answer.
            let already = refusal(Code::AlreadyExists, Exact::OffsetAlreadyExists, "the offset is taken");
            let status = rpc::Status::decode(already.details()).expect("details");
            let response = Some(api::append_rows_response::Response::Error(status));
            return Ok(api::AppendRowsResponse { response, ..Default::default() });
        }
        if offset > stream.length {
            return Err(refusal(Code::OutOfRange, Exact::OffsetOutOfRange, "the offset is beyond the end"));
        }
        stream.length += rows.len() as i64;
        let table = stream.table.clone();
        state.tables.entry(table).or_default().extend(rows);
        let result = api::append_rows_response::AppendResult { offset: Some(offset) };
        let response = Some(api::append_rows_response::Response::AppendResult(result));
        Ok(api::AppendRowsResponse { response, ..Default::default() })
    }
}
