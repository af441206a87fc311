//! Streaming pull: messages flow as the client's limits allow; its acknowledgements free room for more.

use super::status::status;
use super::subscriber::{MAX_ANSWER, received};
use crate::broker::Service;
use crate::broker::core::{Broker, Fault, Limits};
use api::streaming_pull_response::{AcknowledgeConfirmation, ModifyAckDeadlineConfirmation, SubscriptionProperties};
use rsdbt_proto::pubsub as api;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Response, Status, Streaming};

/// Messages in one response.
const BATCH: usize = 1_000;

type Sender = mpsc::Sender<Result<api::StreamingPullResponse, Status>>;

struct Stream {
    service: Arc<Service>,
    subscription: String,
    deadline_seconds: i32,
    /// 0 stands for no limit, as in the protocol.
    most_messages: usize,
    most_bytes: usize,
    /// What this client holds: sizes by ack id.
    held: HashMap<String, usize>,
    held_bytes: usize,
}

/// Reads the first request, which names the subscription, and starts the flow.
pub async fn open(
    service: Arc<Service>,
    mut requests: Streaming<api::StreamingPullRequest>,
) -> Result<Response<BoxStream<api::StreamingPullResponse>>, Status> {
    let first = requests.message().await?;
    let first = first.ok_or_else(|| status(Fault::invalid("the stream ended before its first request")))?;
    if !(10..=600).contains(&first.stream_ack_deadline_seconds) {
        return Err(status(Fault::invalid("stream_ack_deadline_seconds must be between 10 and 600")));
    }
    let name = first.subscription.clone();
    service.run_async(|broker, _| broker.get_subscription(&name)).await.map_err(status)?;
    let limit = |value: i64| usize::try_from(value).unwrap_or(0);
    let stream = Stream {
        service,
        subscription: first.subscription.clone(),
        deadline_seconds: first.stream_ack_deadline_seconds,
        most_messages: limit(first.max_outstanding_messages),
        most_bytes: limit(first.max_outstanding_bytes),
        held: HashMap::new(),
        held_bytes: 0,
    };
    // A small queue: what is not sent yet has a running deadline.
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(stream.run(first, requests, sender));
    Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
}

impl Stream {
    /// Until the client goes away. Its leases then run out by themselves.
    async fn run(
        mut self,
        first: api::StreamingPullRequest,
        mut requests: Streaming<api::StreamingPullRequest>,
        sender: Sender,
    ) {
        if let Err(why) = self.serve(first, &mut requests, &sender).await {
            _ = sender.send(Err(why)).await;
        }
    }

    async fn serve(
        &mut self,
        first: api::StreamingPullRequest,
        requests: &mut Streaming<api::StreamingPullRequest>,
        sender: &Sender,
    ) -> Result<(), Status> {
        self.obey(first, sender).await?;
        let service = self.service.clone();
        loop {
            let changed = service.changed();
            if self.deliver(sender).await? {
                // More may be there; but the client's requests come first.
                match next_request(requests, std::time::Duration::ZERO).await? {
                    Next::Request(request) => self.obey(*request, sender).await?,
                    Next::Nothing => {}
                    Next::Closed => return Ok(()),
                }
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = sender.closed() => return Ok(()),
                request = requests.message() => match request? {
                    Some(request) => self.obey(request, sender).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Sends what may be sent; false when there is nothing.
    async fn deliver(&mut self, sender: &Sender) -> Result<bool, Status> {
        if self.room().is_none() {
            self.forget_expired().await?;
        }
        let Some((messages, bytes)) = self.room() else { return Ok(false) };
        let limits = Limits { messages: messages.min(BATCH), bytes: bytes.min(MAX_ANSWER) };
        let (name, seconds) = (self.subscription.clone(), self.deadline_seconds);
        let asked = |broker: &mut Broker, now| {
            let config = broker.get_subscription(&name)?;
            broker.pull(&name, limits, Some(seconds), now).map(|taken| (taken, config))
        };
        let (taken, config) = self.service.run_async(asked).await.map_err(status)?;
        if taken.is_empty() {
            return Ok(false);
        }
        for delivery in &taken {
            self.held.insert(delivery.ack_id.to_string(), delivery.message.size);
            self.held_bytes += delivery.message.size;
        }
        let has_dead_letters = config.dead_letter_policy.is_some();
        let response = api::StreamingPullResponse {
            received_messages: taken.iter().map(|delivery| received(delivery, has_dead_letters)).collect(),
            subscription_properties: Some(properties(&config)),
            ..Default::default()
        };
        Ok(sender.send(Ok(response)).await.is_ok())
    }

    /// Messages and bytes that the client's limits leave.
    fn room(&self) -> Option<(usize, usize)> {
        let left = |most: usize, used: usize| if most == 0 { usize::MAX } else { most.saturating_sub(used) };
        let (messages, bytes) = (left(self.most_messages, self.held.len()), left(self.most_bytes, self.held_bytes));
        (messages > 0 && bytes > 0).then_some((messages, bytes))
    }

    /// Does what a request asks for.
    async fn obey(&mut self, request: api::StreamingPullRequest, sender: &Sender) -> Result<(), Status> {
        if request.stream_ack_deadline_seconds > 0 {
            self.deadline_seconds = request.stream_ack_deadline_seconds;
        }
        let name = self.subscription.clone();
        let config = self.service.run_async(|broker, _| broker.get_subscription(&name)).await.map_err(status)?;
        let is_strict = config.enable_exactly_once_delivery;
        let mut response =
            api::StreamingPullResponse { subscription_properties: Some(properties(&config)), ..Default::default() };
        if !request.ack_ids.is_empty() {
            self.release(&request.ack_ids);
            let (name, ids) = (self.subscription.clone(), &request.ack_ids);
            let done = self.service.run_async(|broker, now| broker.acknowledge(&name, ids, now)).await;
            let refused = done.map_err(status)?;
            self.service.announce();
            let good = request.ack_ids.iter().filter(|id| !refused.contains(id)).cloned().collect();
            response.acknowledge_confirmation =
                Some(AcknowledgeConfirmation { ack_ids: good, invalid_ack_ids: refused });
        }
        let (ids, seconds) = (request.modify_deadline_ack_ids, request.modify_deadline_seconds);
        if ids.len() != seconds.len() {
            return Err(status(Fault::invalid("modify_deadline_ack_ids and modify_deadline_seconds differ in length")));
        }
        let mut confirmation = ModifyAckDeadlineConfirmation::default();
        for (id, seconds) in ids.iter().zip(seconds) {
            let (name, one) = (self.subscription.clone(), std::slice::from_ref(id));
            let done = self.service.run_async(|broker, now| broker.modify_ack_deadline(&name, one, seconds, now)).await;
            let refused = done.map_err(status)?;
            if seconds == 0 {
                self.release(one);
            }
            let list = if refused.is_empty() { &mut confirmation.ack_ids } else { &mut confirmation.invalid_ack_ids };
            list.push(id.clone());
        }
        if !ids.is_empty() {
            self.service.announce();
            response.modify_ack_deadline_confirmation = Some(confirmation);
        }
        // Only exactly-once clients wait for confirmations.
        if is_strict && (response.acknowledge_confirmation.is_some() || !ids.is_empty()) {
            _ = sender.send(Ok(response)).await;
        }
        Ok(())
    }

    fn release(&mut self, ack_ids: &[String]) {
        for id in ack_ids {
            self.held_bytes -= self.held.remove(id).unwrap_or(0);
        }
    }

    /// Messages acknowledged elsewhere (clients may use unary calls) or expired do not count against the limits.
    async fn forget_expired(&mut self) -> Result<(), Status> {
        let (name, ids) = (self.subscription.clone(), self.held.keys().cloned().collect::<Vec<_>>());
        let asked = |broker: &mut Broker, now| broker.not_held(&name, &ids, now);
        let gone = self.service.run_async(asked).await.map_err(status)?;
        self.release(&gone);
        Ok(())
    }
}

fn properties(config: &api::Subscription) -> SubscriptionProperties {
    SubscriptionProperties {
        exactly_once_delivery_enabled: config.enable_exactly_once_delivery,
        message_ordering_enabled: config.enable_message_ordering,
    }
}

enum Next {
    Request(Box<api::StreamingPullRequest>),
    Nothing,
    Closed,
}

async fn next_request(
    requests: &mut Streaming<api::StreamingPullRequest>,
    patience: std::time::Duration,
) -> Result<Next, Status> {
    match tokio::time::timeout(patience, requests.message()).await {
        Err(_) => Ok(Next::Nothing),
        Ok(Ok(Some(request))) => Ok(Next::Request(Box::new(request))),
        Ok(Ok(None)) => Ok(Next::Closed),
        Ok(Err(why)) => Err(why),
    }
}
