//! The bus over the network: any broker that speaks Pub/Sub's gRPC without encryption, such as `rsdbt pubsub serve`.

use super::bus::{Attributes, Bus, BusError, BusErrorKind, BusResult, Incoming, Outgoing};
use super::embedded::to_api;
use api::publisher_client::PublisherClient;
use api::subscriber_client::SubscriberClient;
use rsdbt_proto::pubsub as api;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// What one message may hold on the wire, with everything around 10 MB of data.
const MAX_MESSAGE: usize = 32 << 20;
/// Messages in one answer, as many as Pub/Sub gives.
const MAX_PULL: usize = 1_000;
/// Between two questions for messages.
const ASK_AGAIN: Duration = Duration::from_millis(10);
const TIMEOUT: Duration = Duration::from_secs(30);

pub struct Network {
    runtime: Runtime,
    publisher: PublisherClient<Channel>,
    subscriber: SubscriberClient<Channel>,
    address: String,
}

impl Network {
    /// Prepares a connection to `host:port`; it is made, and made again, when it is needed.
    pub fn connect(address: &str) -> BusResult<Network> {
        let refused = |why: &dyn std::fmt::Display| {
            BusError::new(BusErrorKind::Refused, format!("the broker's address '{address}' is not HOST:PORT: {why}"))
        };
        if address.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            return Err(refused(&"there is no port"));
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|why| refused(&why))?;
        let endpoint = endpoint.connect_timeout(Duration::from_secs(5)).timeout(TIMEOUT).tcp_nodelay(true);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|why| refused(&why))?;
        let channel = {
            let _inside = runtime.enter();
            endpoint.connect_lazy()
        };
        Ok(Network {
            publisher: PublisherClient::new(channel.clone()).max_encoding_message_size(MAX_MESSAGE),
            subscriber: SubscriberClient::new(channel).max_decoding_message_size(MAX_MESSAGE),
            runtime,
            address: address.to_owned(),
        })
    }

    fn wait<T>(&self, call: impl Future<Output = Result<tonic::Response<T>, Status>>) -> BusResult<T> {
        let answer = self.runtime.block_on(call);
        answer.map(tonic::Response::into_inner).map_err(|status| self.error(&status))
    }

    fn error(&self, status: &Status) -> BusError {
        let kind = match status.code() {
            Code::NotFound => BusErrorKind::NotFound,
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
                BusErrorKind::Unavailable
            }
            _ => BusErrorKind::Refused,
        };
        BusError::new(kind, format!("the broker {}: {}", self.address, status.message()))
    }
}

fn incoming(received: api::ReceivedMessage) -> Incoming {
    let message = received.message.unwrap_or_default();
    let published = message.publish_time.unwrap_or_default();
    Incoming {
        ack_id: received.ack_id,
        message_id: message.message_id,
        data: message.data,
        attributes: Attributes::Own(message.attributes),
        publish_micros: published.seconds * 1_000_000 + i64::from(published.nanos) / 1_000,
    }
}

fn unless_there<T>(created: Result<tonic::Response<T>, Status>) -> Result<tonic::Response<()>, Status> {
    match created {
        Err(status) if status.code() != Code::AlreadyExists => Err(status),
        _ => Ok(tonic::Response::new(())),
    }
}

impl Bus for Network {
    fn ensure(&self, topic: &str, subscription: Option<&str>) -> BusResult<()> {
        let config = api::Topic { name: topic.to_owned(), ..Default::default() };
        let mut publisher = self.publisher.clone();
        self.wait(async { unless_there(publisher.create_topic(config).await) })?;
        if let Some(name) = subscription {
            let config = super::subscription_config(name, topic);
            let mut subscriber = self.subscriber.clone();
            self.wait(async { unless_there(subscriber.create_subscription(config).await) })?;
        }
        Ok(())
    }

    fn publish(&self, topic: &str, messages: Vec<Outgoing>) -> BusResult<()> {
        let messages = messages.into_iter().map(to_api).collect();
        let mut publisher = self.publisher.clone();
        self.wait(publisher.publish(api::PublishRequest { topic: topic.to_owned(), messages }))?;
        Ok(())
    }

    fn pull(&self, subscription: &str, most: usize, patience: Duration) -> BusResult<Vec<Incoming>> {
        // Asking again and again instead of letting the broker wait: an answer that crosses a client's time-out is
        // lost, and its messages with it until their lease ends.
        let request = api::PullRequest {
            subscription: subscription.to_owned(),
            max_messages: most.min(MAX_PULL) as i32,
            return_immediately: true,
        };
        let until = Instant::now() + patience;
        loop {
            let mut subscriber = self.subscriber.clone();
            let received = self.wait(subscriber.pull(request.clone()))?.received_messages;
            if !received.is_empty() || Instant::now() >= until {
                return Ok(received.into_iter().map(incoming).collect());
            }
            std::thread::sleep(ASK_AGAIN);
        }
    }

    fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> BusResult<()> {
        let mut subscriber = self.subscriber.clone();
        let request = api::AcknowledgeRequest { subscription: subscription.to_owned(), ack_ids: ack_ids.to_vec() };
        self.wait(subscriber.acknowledge(request))
    }

    fn postpone(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> BusResult<()> {
        let mut subscriber = self.subscriber.clone();
        let request = api::ModifyAckDeadlineRequest {
            subscription: subscription.to_owned(),
            ack_ids: ack_ids.to_vec(),
            ack_deadline_seconds: i32::try_from(deadline.as_secs()).unwrap_or(i32::MAX),
        };
        self.wait(subscriber.modify_ack_deadline(request))
    }

    /// Pub/Sub does not tell: it is a metric of the cloud's monitoring.
    fn backlog(&self, _: &str) -> Option<u64> {
        None
    }

    fn describe(&self) -> String {
        format!("the broker at {}", self.address)
    }
}
