//! The gRPC service `Publisher`.

use super::status::status;
use crate::broker::Service;
use crate::broker::core::Fault;
use rsdbt_proto::pubsub as api;
use std::sync::Arc;
use tonic::{Request, Response, Status, async_trait};

pub struct Publisher(pub Arc<Service>);

type Answer<T> = Result<Response<T>, Status>;

/// One page of names or resources in order, and the token of the next page.
pub fn page<T>(all: Vec<T>, size: i32, token: &str) -> Result<(Vec<T>, String), Status> {
    let start: usize = match token {
        "" => 0,
        token => token.parse().map_err(|_| status(Fault::invalid(format!("'{token}' is not a page token"))))?,
    };
    let size = usize::try_from(size).ok().filter(|size| *size > 0).unwrap_or(1_000);
    let next = if all.len() > start + size { (start + size).to_string() } else { String::new() };
    Ok((all.into_iter().skip(start).take(size).collect(), next))
}

#[async_trait]
impl api::publisher_server::Publisher for Publisher {
    async fn create_topic(&self, request: Request<api::Topic>) -> Answer<api::Topic> {
        let topic = request.into_inner();
        self.0.run_async(|broker, _| broker.create_topic(topic)).await.map(Response::new).map_err(status)
    }

    async fn update_topic(&self, request: Request<api::UpdateTopicRequest>) -> Answer<api::Topic> {
        let request = request.into_inner();
        self.0.run_async(|broker, _| broker.update_topic(request)).await.map(Response::new).map_err(status)
    }

    async fn publish(&self, request: Request<api::PublishRequest>) -> Answer<api::PublishResponse> {
        let api::PublishRequest { topic, messages } = request.into_inner();
        let ids = self.0.run_async(|broker, now| broker.publish(&topic, messages, now)).await.map_err(status)?;
        Ok(Response::new(api::PublishResponse { message_ids: ids.iter().map(u64::to_string).collect() }))
    }

    async fn get_topic(&self, request: Request<api::GetTopicRequest>) -> Answer<api::Topic> {
        let name = request.into_inner().topic;
        self.0.run_async(|broker, _| broker.get_topic(&name)).await.map(Response::new).map_err(status)
    }

    async fn list_topics(&self, request: Request<api::ListTopicsRequest>) -> Answer<api::ListTopicsResponse> {
        let request = request.into_inner();
        let all = self.0.run_async(|broker, _| Ok(broker.list_topics(&request.project))).await.map_err(status)?;
        let (topics, next_page_token) = page(all, request.page_size, &request.page_token)?;
        Ok(Response::new(api::ListTopicsResponse { topics, next_page_token }))
    }

    async fn list_topic_subscriptions(
        &self,
        request: Request<api::ListTopicSubscriptionsRequest>,
    ) -> Answer<api::ListTopicSubscriptionsResponse> {
        let request = request.into_inner();
        let all = self.0.run_async(|broker, _| broker.topic_subscriptions(&request.topic)).await.map_err(status)?;
        let (subscriptions, next_page_token) = page(all, request.page_size, &request.page_token)?;
        Ok(Response::new(api::ListTopicSubscriptionsResponse { subscriptions, next_page_token }))
    }

    async fn list_topic_snapshots(
        &self,
        request: Request<api::ListTopicSnapshotsRequest>,
    ) -> Answer<api::ListTopicSnapshotsResponse> {
        let request = request.into_inner();
        let all = self.0.run_async(|broker, _| broker.topic_snapshots(&request.topic)).await.map_err(status)?;
        let (snapshots, next_page_token) = page(all, request.page_size, &request.page_token)?;
        Ok(Response::new(api::ListTopicSnapshotsResponse { snapshots, next_page_token }))
    }

    async fn delete_topic(&self, request: Request<api::DeleteTopicRequest>) -> Answer<()> {
        let name = request.into_inner().topic;
        self.0.run_async(|broker, _| broker.delete_topic(&name)).await.map(Response::new).map_err(status)
    }

    async fn detach_subscription(
        &self,
        request: Request<api::DetachSubscriptionRequest>,
    ) -> Answer<api::DetachSubscriptionResponse> {
        let name = request.into_inner().subscription;
        self.0.run_async(|broker, _| broker.detach_subscription(&name)).await.map_err(status)?;
        self.0.announce();
        Ok(Response::new(api::DetachSubscriptionResponse {}))
    }
}
