//! To a collector over HTTP: NDJSON in the bodies of POST requests, on one connection.

use super::{Sink, SinkError};
use crate::sim::Emission;
use crate::stream::wire;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub struct HttpSink {
    host: String,
    path: String,
    run_id: String,
    connection: Option<BufReader<TcpStream>>,
}

impl HttpSink {
    /// `http://host:port/path`. Encrypted addresses are refused: the sink is for a collector near by.
    pub fn new(url: &str, run_id: &str) -> Result<HttpSink, SinkError> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            SinkError::File(format!("'{url}' is not an address of a collector: write it as http://HOST:PORT/PATH"))
        })?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        Ok(HttpSink { host, path: format!("/{path}"), run_id: run_id.to_owned(), connection: None })
    }

    fn connect(&self) -> std::io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(&self.host)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }

    /// One request and its answer's status.
    fn post(&mut self, body: &[u8]) -> std::io::Result<u16> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
            self.path,
            self.host,
            body.len()
        );
        connection.get_mut().write_all(head.as_bytes())?;
        connection.get_mut().write_all(body)?;
        let (status, length) = answer(&mut connection)?;
        std::io::copy(&mut connection.by_ref().take(length), &mut std::io::sink())?;
        self.connection = Some(connection);
        Ok(status)
    }
}

/// The status and the length of the body that follows.
fn answer(connection: &mut impl BufRead) -> std::io::Result<(u16, u64)> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no HTTP answer but '{}'", line.trim())))?;
    let mut length = 0;
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok((status, length));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
    }
}

impl Sink for HttpSink {
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError> {
        let body = wire::encode_all(emissions, &self.run_id, 1).concat();
        // A kept connection may have been closed by the other side: once more on a new one.
        let was_open = self.connection.is_some();
        let done = match self.post(&body) {
            Err(_) if was_open => self.post(&body),
            done => done,
        };
        match done {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(SinkError::File(format!("the collector http://{} answered {status}", self.host))),
            Err(why) => Err(SinkError::File(format!("the collector http://{}: {why}", self.host))),
        }
    }
}
