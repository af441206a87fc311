//! A small web server for this machine: pages and figures that rsdbt shows, and the events its shop page sends.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use tiny_http::{Header, Method, Server};

/// Nothing that a page sends us is longer.
const MAX_BODY: u64 = 1 << 20;
/// Requests that are answered at the same time.
const THREADS: usize = 4;

pub struct Request<'r> {
    pub is_post: bool,
    /// Without the query.
    pub path: &'r str,
    pub body: Vec<u8>,
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

/// Answers requests to `127.0.0.1:port` until the process ends; port 0 stands for a free one. Gives the address.
pub fn serve(port: u16, answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> io::Result<SocketAddr> {
    let server = Server::http(("127.0.0.1", port)).map_err(|why| {
        let text = why.to_string();
        why.downcast::<io::Error>().map_or_else(|_| io::Error::other(text), |why| *why)
    })?;
    let address = server.server_addr().to_ip().ok_or_else(|| io::Error::other("no address"))?;
    let (server, answer) = (Arc::new(server), Arc::new(answer));
    for _ in 0..THREADS {
        let (server, answer) = (server.clone(), answer.clone());
        std::thread::spawn(move || {
            while let Ok(request) = server.recv() {
                // A client that is gone is its own loss.
                _ = respond(request, answer.as_ref());
            }
        });
    }
    Ok(address)
}

fn respond(mut request: tiny_http::Request, answer: &(impl Fn(Request) -> Response + ?Sized)) -> io::Result<()> {
    let mut body = Vec::new();
    request.as_reader().take(MAX_BODY).read_to_end(&mut body)?;
    let url = request.url().to_owned();
    let path = url.split('?').next().unwrap_or_default();
    let origin = request.headers().iter().find(|header| header.field.equiv("Origin")).map(|h| h.value.to_string());
    let is_post = *request.method() == Method::Post;
    let response = answer(Request { is_post, path, body, origin: origin.as_deref() });
    let mut sent = tiny_http::Response::from_data(response.body).with_status_code(response.status);
    for (name, value) in [("Content-Type", response.kind), ("Cache-Control", "no-store")] {
        if let Ok(header) = Header::from_bytes(name, value) {
            sent.add_header(header);
        }
    }
    request.respond(sent)
}
