//! Pub/Sub over the network: gRPC and REST on one port, as official clients expect.

mod publisher;
mod rest;
mod status;
mod streaming;
mod subscriber;

use super::bus::{BusError, BusErrorKind, BusResult};
use crate::broker::Service;
use axum::middleware::from_fn;
use rsdbt_proto::pubsub::publisher_server::PublisherServer;
use rsdbt_proto::pubsub::subscriber_server::SubscriberServer;
use rsdbt_web::{Limits, Speaks, connections, only_here};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A publish request holds 10 MB of data, and the attributes and lengths around it.
const MAX_REQUEST: usize = 32 << 20;

/// Serves until `stop` is set. `ready` hears the address that was bound; port 0 stands for a free one.
pub fn serve(
    address: SocketAddr,
    folder: Option<&Path>,
    stop: &AtomicBool,
    ready: impl FnOnce(SocketAddr),
) -> BusResult<()> {
    let unavailable = |what: &str, why: std::io::Error| {
        BusError::new(BusErrorKind::Unavailable, format!("the broker cannot {what} {address}: {why}"))
    };
    let service = Arc::new(Service::open(folder)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|why| unavailable("start its threads for", why))?;
    let done = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|why| unavailable("listen on", why))?;
        let bound = listener.local_addr().map_err(|why| unavailable("listen on", why))?;
        ready(bound);
        let mut router = router(service);
        // Who listens for other machines does not know by which names they call this one.
        if bound.ip().is_loopback() {
            router = router.layer(from_fn(move |request, next| only_here(bound, request, next)));
        }
        connections(listener, router, Speaks::Http1And2, Limits::default().headers, stopped(stop)).await;
        Ok(())
    });
    // Open streams hold the service; they end here, and what is in the journal's queue is written after.
    runtime.shutdown_timeout(Duration::from_millis(200));
    done
}

async fn stopped(stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn router(service: Arc<Service>) -> axum::Router {
    let publisher = PublisherServer::new(publisher::Publisher(service.clone())).max_decoding_message_size(MAX_REQUEST);
    let subscriber = SubscriberServer::new(subscriber::Subscriber(service))
        .max_decoding_message_size(MAX_REQUEST)
        .max_encoding_message_size(MAX_REQUEST);
    let grpc = tonic::service::Routes::new(publisher).add_service(subscriber).prepare().into_axum_router();
    let rest = rest::Transcoder::new(grpc.clone());
    grpc.fallback(move |request| {
        let rest = rest.clone();
        async move { rest.answer(request).await }
    })
}
