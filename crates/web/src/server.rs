//! A small web server for this machine: pages and figures that rsdbt shows, and the events its shop page sends.

use super::connections::{Limits, Speaks, connections};
use super::host::only_here;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{self, DefaultBodyLimit, FromRequest};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Requests that are answered at the same time; others wait.
const THREADS: usize = 4;
/// A stop does not wait longer for an answer that is being made.
const END: Duration = Duration::from_secs(1);

pub struct Request<'r> {
    pub is_post: bool,
    /// Without the query.
    pub path: &'r str,
    pub body: Bytes,
    /// Whose page sent it, as far as the browser tells.
    pub origin: Option<&'r str>,
}

pub struct Response {
    pub status: u16,
    pub kind: &'static str,
    pub body: Vec<u8>,
}

impl Response {
    pub fn ok(kind: &'static str, body: impl Into<Vec<u8>>) -> Response {
        Response { status: 200, kind, body: body.into() }
    }

    pub fn refusal(status: u16, text: &str) -> Response {
        Response { status, kind: "text/plain; charset=utf-8", body: format!("{text}\n").into_bytes() }
    }
}

/// A server that runs. Dropped, it takes no more connections and lets the requests under way be answered.
#[must_use = "the server stops when this is dropped"]
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    accepting: Option<JoinHandle<()>>,
    runtime: Option<Runtime>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            if let Some(accepting) = self.accepting.take() {
                _ = runtime.block_on(accepting);
            }
            runtime.shutdown_timeout(END);
        }
    }
}

/// Answers requests to `127.0.0.1:port`; port 0 stands for a free one.
pub fn serve(port: u16, answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> io::Result<Server> {
    serve_within(Limits::default(), port, answer)
}

/// The same with other limits.
pub fn serve_within(
    limits: Limits,
    port: u16,
    answer: impl Fn(Request) -> Response + Send + Sync + 'static,
) -> io::Result<Server> {
    let runtime = Builder::new_multi_thread().worker_threads(1).max_blocking_threads(THREADS).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port)))?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let router = router(limits, address, Arc::new(answer));
    let ended = async { _ = stopped.await };
    let accepting = runtime.spawn(connections(listener, router, Speaks::Http1, limits.headers, ended));
    Ok(Server { address, stop: Some(stop), accepting: Some(accepting), runtime: Some(runtime) })
}

type Answer = dyn Fn(Request) -> Response + Send + Sync;

fn router(limits: Limits, address: SocketAddr, answer: Arc<Answer>) -> Router {
    let handler = move |request: extract::Request| {
        let answer = answer.clone();
        async move { respond(limits.body, request, answer).await }
    };
    Router::new()
        .fallback(handler)
        .layer(DefaultBodyLimit::max(limits.size))
        .layer(from_fn(move |request, next| only_here(address, request, next)))
}

/// Reads the whole request, and has it answered on a thread that may block.
async fn respond(patience: Duration, request: extract::Request, answer: Arc<Answer>) -> axum::response::Response {
    let is_post = request.method() == Method::POST;
    let path = request.uri().path().to_owned();
    let origin = request.headers().get(header::ORIGIN).and_then(|text| text.to_str().ok()).map(str::to_owned);
    let body = match tokio::time::timeout(patience, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        // Longer than allowed, or cut off.
        Ok(Err(refused)) => return refused.into_response(),
        Err(_) => return given_up(),
    };
    let made =
        tokio::task::spawn_blocking(move || answer(Request { is_post, path: &path, body, origin: origin.as_deref() }));
    match made.await {
        Ok(made) => {
            let status = StatusCode::from_u16(made.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let headers = [(header::CONTENT_TYPE, made.kind), (header::CACHE_CONTROL, "no-store")];
            (status, headers, made.body).into_response()
        }
        // An answer that panicked has said so on standard error; the next request is another one.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The rest of the body would be read as the next request.
fn given_up() -> axum::response::Response {
    let mut response = (StatusCode::REQUEST_TIMEOUT, "the rest of the request did not come\n").into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Instant;

    /// Short enough for a test, long enough for a slow machine to send a request in one piece.
    const PATIENCE: Duration = Duration::from_millis(400);

    fn server() -> Server {
        let limits = Limits { headers: PATIENCE, body: PATIENCE, size: 1_000 };
        let answer = |request: Request| match (request.is_post, request.path) {
            (true, "/") => Response::ok("text/plain", format!("{} bytes", request.body.len())),
            (false, "/slow") => {
                std::thread::sleep(PATIENCE);
                Response::ok("text/plain", "slow")
            }
            (false, "/panic") => panic!("a test asked for it"),
            (false, "/") => Response::ok("text/plain", request.origin.unwrap_or("nobody")),
            _ => Response::refusal(404, "there is /"),
        };
        serve_within(limits, 0, answer).expect("a free port")
    }

    fn open(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        stream.write_all(text.as_bytes()).expect("sent");
        stream
    }

    /// What comes back until the server closes.
    fn rest(mut stream: TcpStream) -> String {
        let mut bytes = Vec::new();
        // A reset after an answer is an end as well; a time-out is not.
        if let Err(why) = stream.read_to_end(&mut bytes) {
            assert_eq!(why.kind(), io::ErrorKind::ConnectionReset, "{why}");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn ask(address: SocketAddr, head: &str, host: &str, body: &str) -> String {
        let length = body.len();
        let text =
            format!("{head} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        rest(open(address, &text))
    }

    #[test]
    fn requests_are_answered() {
        let server = server();
        let host = server.address.to_string();
        let got = ask(server.address, "GET /?query=left-out", &host, "");
        assert!(got.starts_with("HTTP/1.1 200 OK") && got.ends_with("nobody"), "{got}");
        assert!(got.contains("content-type: text/plain\r\n") && got.contains("cache-control: no-store\r\n"), "{got}");
        let got = ask(server.address, "POST /", &host, "12345");
        assert!(got.ends_with("5 bytes"), "{got}");
        assert!(ask(server.address, "GET /other", &host, "").starts_with("HTTP/1.1 404"));
        let origin = format!("GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: http://here\r\nConnection: close\r\n\r\n");
        assert!(rest(open(server.address, &origin)).ends_with("http://here"));
    }

    #[test]
    fn half_a_request_is_not_waited_for() {
        let server = server();
        let host = server.address;
        let halves = [
            ("nothing", String::new()),
            ("half of the headers", format!("GET / HTTP/1.1\r\nHost: {host}\r\nAcc")),
            ("half of the body", format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\nhalf")),
        ];
        for (name, text) in halves {
            let begun = Instant::now();
            let got = rest(open(server.address, &text));
            let after = begun.elapsed();
            assert!(after >= PATIENCE / 2 && after < Duration::from_secs(10), "{name}: {after:?}");
            assert!(!got.contains("200 OK"), "{name}: {got}");
            assert!(got.is_empty() || got.starts_with("HTTP/1.1 408"), "{name}: {got}");
        }
        // Nobody else waited for them.
        assert!(ask(server.address, "GET /", &host.to_string(), "").ends_with("nobody"));
    }

    #[test]
    fn a_body_over_the_limit_is_refused() {
        let server = server();
        let host = server.address.to_string();
        assert!(ask(server.address, "POST /", &host, &"x".repeat(1_000)).ends_with("1000 bytes"));
        let got = ask(server.address, "POST /", &host, &"x".repeat(1_001));
        assert!(got.starts_with("HTTP/1.1 413"), "{got}");
        // One that does not say how long it is.
        let chunk = "x".repeat(1_001);
        let chunked = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n{chunk}\r\n0\r\n\r\n"
        );
        let got = rest(open(server.address, &chunked));
        assert!(got.starts_with("HTTP/1.1 413"), "{got}");
    }

    #[test]
    fn a_foreign_host_is_refused() {
        let server = server();
        let port = server.address.port();
        for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
            assert!(ask(server.address, "GET /", &host, "").starts_with("HTTP/1.1 200"), "{host}");
        }
        for host in [format!("evil.example:{port}"), "localhost:1".to_owned(), String::new()] {
            let got = ask(server.address, "GET /", &host, "");
            assert!(got.starts_with("HTTP/1.1 421") && !got.contains("nobody"), "{host}: {got}");
        }
    }

    #[test]
    fn a_stop_lets_answers_finish_and_frees_the_port() {
        let server = server();
        let address = server.address;
        let slow = open(address, &format!("GET /slow HTTP/1.1\r\nHost: {address}\r\n\r\n"));
        std::thread::sleep(PATIENCE / 4);
        drop(server);
        assert!(rest(slow).ends_with("slow"));
        assert!(TcpStream::connect(address).is_err(), "somebody still listens");
    }

    #[test]
    fn an_answer_that_panics_is_one_failed_request() {
        let server = server();
        let host = server.address.to_string();
        assert!(ask(server.address, "GET /panic", &host, "").starts_with("HTTP/1.1 500"));
        assert!(ask(server.address, "GET /", &host, "").ends_with("nobody"));
    }
}
