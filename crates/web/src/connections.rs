//! Connections and their end: who sends half a request is not waited for, and a stop lets what runs finish.

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A stop waits so long for requests that are being answered.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The pause after a connection that could not be accepted: most often there are too many open files.
const BREATH: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Http1,
    /// And HTTP/2 without encryption, as gRPC does.
    Http1And2,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start of a connection, or the end of an answer, to the end of the next request's headers.
    pub headers: Duration,
    /// From there to the end of the body.
    pub body: Duration,
    /// Bytes of a body.
    pub size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { headers: Duration::from_secs(15), body: Duration::from_secs(15), size: 1 << 20 }
    }
}

/// Answers connections until `stop` is done. Bodies are the router's to limit: only it knows which are long on purpose.
pub async fn connections(
    listener: TcpListener,
    router: Router,
    speaks: Speaks,
    headers: Duration,
    stop: impl Future<Output = ()>,
) {
    let running = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let watcher = running.watcher();
        let builder = builder(speaks, headers);
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            // Nobody is waited for who says nothing at all.
            if speaks == Speaks::Http1And2 && !says_something(&stream, headers).await {
                return;
            }
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            // A client that is gone is its own loss.
            _ = watcher.watch(connection).await;
        });
    }
    drop(listener);
    _ = tokio::time::timeout(LAST_WORDS, running.shutdown()).await;
}

async fn says_something(stream: &TcpStream, patience: Duration) -> bool {
    matches!(tokio::time::timeout(patience, stream.readable()).await, Ok(Ok(())))
}

fn builder(speaks: Speaks, headers: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    if speaks == Speaks::Http1 {
        builder = builder.http1_only();
    }
    builder.http1().timer(TokioTimer::new()).header_read_timeout(headers);
    // A stream of messages may be silent for long; a client that does not answer a ping is gone.
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(headers).keep_alive_timeout(headers);
    builder
}
