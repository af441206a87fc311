//! The client: made here alone, so that all of rsdbt's requests have the same name and limits.

use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const CONNECT: Duration = Duration::from_secs(20);

/// A client whose requests take at most `patience`. It encrypts with the feature `tls`.
pub fn client(patience: Duration) -> Result<reqwest::Client, reqwest::Error> {
    // The second caller finds it installed already, which is as good.
    #[cfg(feature = "tls")]
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("rsdbt/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(patience)
        .build()
}

/// Posts to one address, one request at a time, and waits for the answer.
pub struct Poster {
    runtime: Runtime,
    client: reqwest::Client,
    url: String,
    kind: &'static str,
}

impl Poster {
    pub fn new(url: &str, kind: &'static str, patience: Duration) -> Result<Poster, String> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|why| why.to_string())?;
        let client = client(patience).map_err(|why| reasons(&why))?;
        Ok(Poster { runtime, client, url: url.to_owned(), kind })
    }

    /// A status that is no success is an error.
    pub fn post(&self, body: Vec<u8>) -> Result<(), String> {
        let request = self.client.post(&self.url).header("content-type", self.kind).body(body);
        // Inside: making the request sets its timer.
        let answer =
            self.runtime.block_on(async { request.send().await }).map_err(|why| reasons(&why.without_url()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("it answered {status}")),
        }
    }
}

/// An error with its causes; the outermost alone says next to nothing.
pub fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    /// Answers one request with this status, and gives the request's body.
    fn collector(status: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/collect", listener.local_addr().expect("an address"));
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a request");
            let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
            let (mut length, mut line) = (0, String::new());
            while line != "\r\n" {
                line.clear();
                reader.read_line(&mut line).expect("a line");
                let line = line.to_lowercase();
                length = line.strip_prefix("content-length: ").map_or(length, |n| n.trim().parse().expect("a number"));
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the body");
            stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).expect("sent");
            String::from_utf8(body).expect("text")
        });
        (url, answering)
    }

    fn post(url: &str) -> Result<(), String> {
        Poster::new(url, "text/plain", Duration::from_secs(20))?.post(b"hello".to_vec())
    }

    #[test]
    fn a_post_succeeds_when_the_server_says_so() {
        let (url, answering) = collector("204 No Content");
        assert_eq!(post(&url), Ok(()));
        assert_eq!(answering.join().expect("no panic"), "hello");
        let (url, answering) = collector("500 Internal Server Error");
        assert_eq!(post(&url), Err("it answered 500 Internal Server Error".to_owned()));
        answering.join().expect("no panic");
        let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
        assert!(post(&format!("http://{gone}/")).is_err_and(|why| why.to_lowercase().contains("refused")));
    }

    /// What the version of `idna_adapter` decides.
    #[test]
    fn names_of_hosts_are_ascii() {
        assert!(post("http://b\u{fc}cher.example/").is_err());
        let coded = reqwest::Url::parse("https://xn--bcher-kva.example:8080/path").expect("a name like others");
        assert_eq!(coded.host_str(), Some("xn--bcher-kva.example"));
    }
}
