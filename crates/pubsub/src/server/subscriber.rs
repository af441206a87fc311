//! The gRPC service `Subscriber`, but for streams.

use super::publisher::page;
use super::status::{refused_acks, status};
use super::streaming;
use crate::broker::Service;
use crate::broker::core::{Delivery, Fault, Limits};
use rsdbt_proto::pubsub as api;
use std::sync::Arc;
use std::time::Duration;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

pub struct Subscriber(pub Arc<Service>);

type Answer<T> = Result<Response<T>, Status>;

/// How long a pull waits for the first message.
const PATIENCE: Duration = Duration::from_secs(5);
/// What one answer holds at most, but for a single larger message: gRPC clients receive 4 MiB unless told otherwise.
pub const MAX_ANSWER: usize = 3_500_000;

pub fn received(delivery: &Delivery, has_dead_letters: bool) -> api::ReceivedMessage {
    api::ReceivedMessage {
        ack_id: delivery.ack_id.to_string(),
        message: Some(delivery.message.message.clone()),
        // Counted for the client only where it decides something.
        delivery_attempt: if has_dead_letters { delivery.attempt as i32 } else { 0 },
    }
}

#[async_trait]
impl api::subscriber_server::Subscriber for Subscriber {
    async fn create_subscription(&self, request: Request<api::Subscription>) -> Answer<api::Subscription> {
        let config = request.into_inner();
        self.0.run_async(|broker, _| broker.create_subscription(config)).await.map(Response::new).map_err(status)
    }

    async fn get_subscription(&self, request: Request<api::GetSubscriptionRequest>) -> Answer<api::Subscription> {
        let name = request.into_inner().subscription;
        self.0.run_async(|broker, _| broker.get_subscription(&name)).await.map(Response::new).map_err(status)
    }

    async fn update_subscription(&self, request: Request<api::UpdateSubscriptionRequest>) -> Answer<api::Subscription> {
        let request = request.into_inner();
        self.0.run_async(|broker, _| broker.update_subscription(request)).await.map(Response::new).map_err(status)
    }

    async fn list_subscriptions(
        &self,
        request: Request<api::ListSubscriptionsRequest>,
    ) -> Answer<api::ListSubscriptionsResponse> {
        let request = request.into_inner();
        let all = self.0.run_async(|broker, _| Ok(broker.list_subscriptions(&request.project))).await;
        let (subscriptions, next_page_token) = page(all.map_err(status)?, request.page_size, &request.page_token)?;
        Ok(Response::new(api::ListSubscriptionsResponse { subscriptions, next_page_token }))
    }

    async fn delete_subscription(&self, request: Request<api::DeleteSubscriptionRequest>) -> Answer<()> {
        let name = request.into_inner().subscription;
        self.0.run_async(|broker, _| broker.delete_subscription(&name)).await.map_err(status)?;
        self.0.announce();
        Ok(Response::new(()))
    }

    async fn modify_ack_deadline(&self, request: Request<api::ModifyAckDeadlineRequest>) -> Answer<()> {
        let api::ModifyAckDeadlineRequest { subscription, ack_ids, ack_deadline_seconds: seconds } =
            request.into_inner();
        let done =
            self.0.run_async(|broker, now| broker.modify_ack_deadline(&subscription, &ack_ids, seconds, now)).await;
        let refused = done.map_err(status)?;
        if seconds == 0 {
            self.0.announce();
        }
        if refused.is_empty() { Ok(Response::new(())) } else { Err(refused_acks(&refused)) }
    }

    async fn acknowledge(&self, request: Request<api::AcknowledgeRequest>) -> Answer<()> {
        let api::AcknowledgeRequest { subscription, ack_ids } = request.into_inner();
        let done = self.0.run_async(|broker, now| broker.acknowledge(&subscription, &ack_ids, now)).await;
        let refused = done.map_err(status)?;
        // The next message of an ordering key may be free now.
        self.0.announce();
        if refused.is_empty() { Ok(Response::new(())) } else { Err(refused_acks(&refused)) }
    }

    async fn pull(&self, request: Request<api::PullRequest>) -> Answer<api::PullResponse> {
        let request = request.into_inner();
        let Some(most) = usize::try_from(request.max_messages).ok().filter(|most| *most > 0) else {
            return Err(status(Fault::invalid("max_messages must be greater than 0")));
        };
        let limits = Limits { messages: most.min(1_000), bytes: MAX_ANSWER };
        let patience = if request.return_immediately { Duration::ZERO } else { PATIENCE };
        let until = tokio::time::Instant::now() + patience;
        loop {
            let changed = self.0.changed();
            let name = &request.subscription;
            let asked = |broker: &mut crate::broker::core::Broker, now| {
                let config = broker.get_subscription(name)?;
                broker.pull(name, limits, None, now).map(|taken| (taken, config.dead_letter_policy.is_some()))
            };
            let (taken, has_dead_letters) = self.0.run_async(asked).await.map_err(status)?;
            let is_over = tokio::time::timeout_at(until, async {
                if taken.is_empty() {
                    changed.await;
                }
            });
            if !taken.is_empty() || is_over.await.is_err() {
                let received_messages = taken.iter().map(|delivery| received(delivery, has_dead_letters)).collect();
                return Ok(Response::new(api::PullResponse { received_messages }));
            }
        }
    }

    async fn streaming_pull(
        &self,
        request: Request<Streaming<api::StreamingPullRequest>>,
    ) -> Result<Response<BoxStream<api::StreamingPullResponse>>, Status> {
        streaming::open(self.0.clone(), request.into_inner()).await
    }

    async fn get_snapshot(&self, request: Request<api::GetSnapshotRequest>) -> Answer<api::Snapshot> {
        let name = request.into_inner().snapshot;
        self.0.run_async(|broker, _| broker.get_snapshot(&name)).await.map(Response::new).map_err(status)
    }

    async fn list_snapshots(&self, request: Request<api::ListSnapshotsRequest>) -> Answer<api::ListSnapshotsResponse> {
        let request = request.into_inner();
        let all = self.0.run_async(|broker, _| Ok(broker.list_snapshots(&request.project))).await.map_err(status)?;
        let (snapshots, next_page_token) = page(all, request.page_size, &request.page_token)?;
        Ok(Response::new(api::ListSnapshotsResponse { snapshots, next_page_token }))
    }

    async fn create_snapshot(&self, request: Request<api::CreateSnapshotRequest>) -> Answer<api::Snapshot> {
        let request = request.into_inner();
        self.0.run_async(|broker, now| broker.create_snapshot(request, now)).await.map(Response::new).map_err(status)
    }

    async fn update_snapshot(&self, request: Request<api::UpdateSnapshotRequest>) -> Answer<api::Snapshot> {
        let request = request.into_inner();
        self.0.run_async(|broker, _| broker.update_snapshot(request)).await.map(Response::new).map_err(status)
    }

    async fn delete_snapshot(&self, request: Request<api::DeleteSnapshotRequest>) -> Answer<()> {
        let name = request.into_inner().snapshot;
        self.0.run_async(|broker, _| broker.delete_snapshot(&name)).await.map(Response::new).map_err(status)
    }

    async fn seek(&self, request: Request<api::SeekRequest>) -> Answer<api::SeekResponse> {
        let request = request.into_inner();
        self.0.run_async(|broker, _| broker.seek(&request)).await.map_err(status)?;
        self.0.announce();
        Ok(Response::new(api::SeekResponse {}))
    }
}
