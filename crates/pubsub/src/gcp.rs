//! The bus in Google Cloud, through Google's own client. It batches what is published and keeps leases alive; here its
//! futures and streams become calls that block, with bounds on what is under way.

#[cfg(test)]
mod tests;

use super::bus::{Attributes, Bus, BusError, BusErrorKind, BusResult, Incoming, Outgoing};
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::client_builder;
use google_cloud_gax::error::CredentialsError;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::retry_policy::RetryPolicyExt;
use google_cloud_pubsub::client::{Publisher, Subscriber, SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::retry_policy::RetryableErrors;
use google_cloud_pubsub::subscriber::handler::Handler;
use google_cloud_pubsub::subscriber::{ShutdownBehavior, ShutdownToken};
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

/// Messages that wait for their confirmation; the client's own queue has no end.
const IN_FLIGHT: usize = 10_000;
/// What one request to publish may hold.
const REQUEST: u32 = 1_000;
/// How long the client tries before the caller hears of it; `stream` tries again by itself.
const PATIENCE: Duration = Duration::from_secs(15);
const CONFIRMATION: Duration = Duration::from_secs(30);
/// After so long a silence the broker is asked whether it is there: the client reconnects for ever and says nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// At the end: for acknowledgements that are still on their way.
const GOODBYE: Duration = Duration::from_secs(5);

pub struct Gcp {
    runtime: Runtime,
    /// The broker to use instead of Google's, which asks for no credentials.
    emulator: Option<String>,
    topics: TopicAdmin,
    subscriptions: SubscriptionAdmin,
    subscriber: Subscriber,
    publishers: Mutex<HashMap<String, Publisher>>,
    room: Semaphore,
    inboxes: Mutex<HashMap<String, Arc<Inbox>>>,
    /// Names for handlers: the client keeps the real ids to itself.
    next: AtomicU64,
}

/// What a subscription has sent and nobody has pulled, and what was pulled and not acknowledged.
struct Inbox {
    arriving: tokio::sync::Mutex<mpsc::Receiver<Result<(Message, Handler), BusError>>>,
    held: Mutex<HashMap<String, Handler>>,
    heard: Mutex<Instant>,
    end: ShutdownToken,
    pump: JoinHandle<()>,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Endpoint, credentials and patience, for every kind of client's builder.
macro_rules! client {
    ($builder:expr, $emulator:expr) => {
        match &$emulator {
            Some(address) => {
                let anonymous = anonymous::Builder::new().build();
                $builder.with_endpoint(format!("http://{address}")).with_credentials(anonymous)
            }
            None => $builder,
        }
    };
}

impl Gcp {
    /// Google's Pub/Sub with the credentials of this machine, or a broker at `host:port` that wants none.
    pub fn connect(emulator: Option<&str>) -> BusResult<Gcp> {
        // The second caller finds it installed already, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        let emulator = emulator.map(str::to_owned);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|why| {
            BusError::new(BusErrorKind::Unavailable, format!("cannot start threads for the network: {why}"))
        })?;
        let patience = || RetryableErrors.with_time_limit(PATIENCE);
        let clients = runtime.block_on(async {
            Ok((
                client!(TopicAdmin::builder().with_retry_policy(patience()), emulator).build().await?,
                client!(SubscriptionAdmin::builder().with_retry_policy(patience()), emulator).build().await?,
                client!(Subscriber::builder(), emulator).build().await?,
            ))
        });
        let (topics, subscriptions, subscriber) = clients.map_err(|why| unbuilt(&why))?;
        Ok(Gcp {
            runtime,
            emulator,
            topics,
            subscriptions,
            subscriber,
            publishers: Mutex::default(),
            room: Semaphore::new(IN_FLIGHT),
            inboxes: Mutex::default(),
            next: AtomicU64::default(),
        })
    }

    fn error(&self, what: &str, why: &google_cloud_pubsub::Error) -> BusError {
        worded(self.emulator.as_deref(), what, why)
    }

    /// Whether somebody is there who knows the subscription. An account that may pull may still not ask for it.
    fn probe(&self, subscription: &str) -> BusResult<()> {
        let asked = self.subscriptions.get_subscription().set_subscription(subscription).send();
        match self.runtime.block_on(asked) {
            Err(why) if code(&why) != Some(Code::PermissionDenied) => Err(self.error("looking for messages", &why)),
            _ => Ok(()),
        }
    }

    fn publisher(&self, topic: &str) -> BusResult<Publisher> {
        if let Some(known) = lock(&self.publishers).get(topic) {
            return Ok(known.clone());
        }
        let builder = Publisher::builder(topic)
            .set_message_count_threshold(REQUEST)
            .set_delay_threshold(Duration::from_millis(5))
            .with_retry_policy(RetryableErrors.with_time_limit(PATIENCE));
        let made = self.runtime.block_on(client!(builder, self.emulator).build()).map_err(|why| unbuilt(&why))?;
        Ok(lock(&self.publishers).entry(topic.to_owned()).or_insert(made).clone())
    }

    /// The subscription's stream, which begins with the first pull; it holds about two batches.
    fn inbox(&self, subscription: &str, batch: usize) -> Arc<Inbox> {
        let mut inboxes = lock(&self.inboxes);
        if let Some(open) = inboxes.get(subscription) {
            return open.clone();
        }
        let most = batch.max(1_000) * 2;
        let _inside = self.runtime.enter();
        let mut stream = self
            .subscriber
            .subscribe(subscription)
            .set_max_outstanding_messages(i64::try_from(most).unwrap_or(i64::MAX))
            .set_shutdown_behavior(ShutdownBehavior::NackImmediately)
            .build();
        let end = stream.shutdown_token();
        let (sender, receiver) = mpsc::channel(most);
        let (place, what) = (self.emulator.clone(), format!("pulling from {subscription}"));
        let pump = self.runtime.spawn(async move {
            while let Some(arrived) = stream.next().await {
                let arrived = arrived.map_err(|why| worded(place.as_deref(), &what, &why));
                if sender.send(arrived).await.is_err() {
                    break;
                }
            }
        });
        let inbox = Inbox {
            arriving: tokio::sync::Mutex::new(receiver),
            held: Mutex::default(),
            heard: Mutex::new(Instant::now()),
            end,
            pump,
        };
        inboxes.entry(subscription.to_owned()).or_insert(Arc::new(inbox)).clone()
    }
}

/// An error and what it is wrapped around, from the outside in.
fn layers<'e>(why: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(why), |error| <dyn Error>::source(*error))
}

/// The error that counts: what ended the tries is wrapped around it.
fn root(why: &google_cloud_pubsub::Error) -> &google_cloud_pubsub::Error {
    layers(why).filter_map(|error| error.downcast_ref()).last().unwrap_or(why)
}

fn code(why: &google_cloud_pubsub::Error) -> Option<Code> {
    root(why).status().map(|status| status.code)
}

const LOGIN: &str =
    "; log in with `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file";
const ROLE: &str = "; the account needs a role that allows it: roles/pubsub.editor, or where topic and subscription \
    exist roles/pubsub.publisher or roles/pubsub.subscriber and roles/pubsub.viewer";

/// What kind of failure it is, and what helps.
fn worded(emulator: Option<&str>, what: &str, why: &google_cloud_pubsub::Error) -> BusError {
    let root = root(why);
    let (kind, help) = match code(why) {
        Some(Code::NotFound) => (BusErrorKind::NotFound, ""),
        Some(Code::PermissionDenied) => (BusErrorKind::Refused, ROLE),
        Some(Code::Unauthenticated) => (BusErrorKind::Refused, LOGIN),
        // Whoever hands out tokens may only be away; but mostly there is nobody.
        _ if layers(why).any(|error| error.is::<CredentialsError>()) => (BusErrorKind::Unavailable, LOGIN),
        Some(
            Code::InvalidArgument
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented,
        ) => (BusErrorKind::Refused, ""),
        _ => (BusErrorKind::Unavailable, ""),
    };
    let place = emulator.map_or_else(String::new, |address| format!(" at {address}"));
    let said = root.status().map_or_else(|| chain(root), |status| status.message.clone());
    BusError::new(kind, format!("Google Cloud Pub/Sub{place}, {what}: {said}{help}"))
}

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for more in layers(error).map(ToString::to_string) {
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
    }
    text
}

fn unbuilt(why: &client_builder::Error) -> BusError {
    let help = if why.is_default_credentials() { LOGIN } else { "" };
    BusError::new(BusErrorKind::Refused, format!("Google Cloud Pub/Sub cannot be set up: {}{help}", chain(why)))
}

fn message(outgoing: Outgoing) -> Message {
    Message::new().set_data(outgoing.data).set_attributes(outgoing.attributes).set_ordering_key(outgoing.ordering_key)
}

impl Bus for Gcp {
    fn ensure(&self, topic: &str, subscription: Option<&str>) -> BusResult<()> {
        let made = self.runtime.block_on(self.topics.create_topic().set_name(topic).send());
        match made.as_ref().err().and_then(code) {
            Some(Code::AlreadyExists) => {}
            // Who may not create may use what is there.
            Some(Code::PermissionDenied)
                if self.runtime.block_on(self.topics.get_topic().set_topic(topic).send()).is_ok() => {}
            _ => _ = made.map_err(|why| self.error(&format!("creating the topic {topic}"), &why))?,
        }
        let Some(name) = subscription else { return Ok(()) };
        let config = super::subscription_config(name, topic);
        let made = self.subscriptions.create_subscription().set_name(name).set_topic(topic);
        let made = self.runtime.block_on(made.set_ack_deadline_seconds(config.ack_deadline_seconds).send());
        match made.as_ref().err().and_then(code) {
            Some(Code::AlreadyExists) => Ok(()),
            Some(Code::PermissionDenied) if self.probe(name).is_ok() => Ok(()),
            _ => made.map(drop).map_err(|why| self.error(&format!("creating the subscription {name}"), &why)),
        }
    }

    fn publish(&self, topic: &str, messages: Vec<Outgoing>) -> BusResult<()> {
        let publisher = self.publisher(topic)?;
        let keys: BTreeSet<String> =
            messages.iter().map(|one| one.ordering_key.clone()).filter(|key| !key.is_empty()).collect();
        let wanted = messages.len().min(IN_FLIGHT) as u32;
        let outcome = self.runtime.block_on(async {
            let _room = self.room.acquire_many(wanted).await;
            let sent: Vec<_> = messages.into_iter().map(|one| publisher.publish(message(one))).collect();
            let mut outcome = Ok(());
            for one in sent {
                // All are waited for: what is tried again must not overtake what is still under way.
                outcome = outcome.and(one.await.map(drop));
            }
            outcome
        });
        outcome.map_err(|why| {
            // After a failure the client holds a key back until it is told to go on.
            keys.into_iter().for_each(|key| publisher.resume_publish(key));
            match why {
                PublishError::Rpc(why) => self.error(&format!("publishing to {topic}"), &why),
                other => BusError::new(BusErrorKind::Unavailable, format!("publishing to {topic}: {other}")),
            }
        })
    }

    fn pull(&self, subscription: &str, most: usize, patience: Duration) -> BusResult<Vec<Incoming>> {
        let inbox = self.inbox(subscription, most);
        let (arrived, is_over) = self.runtime.block_on(async {
            let mut arriving = inbox.arriving.lock().await;
            let mut arrived = Vec::new();
            _ = tokio::time::timeout(patience, arriving.recv_many(&mut arrived, most)).await;
            (arrived, arriving.is_closed())
        });
        let mut failure = None;
        let mut messages = Vec::with_capacity(arrived.len());
        for one in arrived {
            match one {
                Ok((message, handler)) => {
                    let ack_id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
                    lock(&inbox.held).insert(ack_id.clone(), handler);
                    messages.push(incoming(ack_id, message));
                }
                Err(why) => failure = Some(why),
            }
        }
        if messages.is_empty() && failure.is_none() && lock(&inbox.heard).elapsed() > SILENCE {
            failure = self.probe(subscription).err();
            *lock(&inbox.heard) = Instant::now();
        } else if !messages.is_empty() {
            *lock(&inbox.heard) = Instant::now();
        }
        if messages.is_empty() && (is_over || failure.is_some()) {
            // The next pull opens another stream: this one is over, or pauses for up to a minute between its tries.
            lock(&self.inboxes).remove(subscription);
        }
        failure.filter(|_| messages.is_empty()).map_or(Ok(messages), Err)
    }

    /// Confirmed where the subscription is exactly-once; elsewhere the client sends it in the background, and what gets
    /// lost on the way costs a second delivery.
    fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> BusResult<()> {
        let Some(inbox) = lock(&self.inboxes).get(subscription).cloned() else { return Ok(()) };
        let handlers: Vec<Handler> = {
            let mut held = lock(&inbox.held);
            ack_ids.iter().filter_map(|id| held.remove(id)).collect()
        };
        self.runtime.block_on(async {
            let mut confirmed = JoinSet::new();
            for handler in handlers {
                match handler {
                    Handler::ExactlyOnce(handler) => _ = confirmed.spawn(handler.confirmed_ack()),
                    other => other.ack(),
                }
            }
            let all = async {
                while let Some(one) = confirmed.join_next().await {
                    one.expect("acknowledging does not panic")?;
                }
                Ok::<(), google_cloud_pubsub::error::AckError>(())
            };
            let late = || format!("no confirmation for {} s", CONFIRMATION.as_secs());
            let done = tokio::time::timeout(CONFIRMATION, all).await.map_err(|_| late());
            done.and_then(|done| done.map_err(|why| chain(&why))).map_err(|why| {
                BusError::new(BusErrorKind::Unavailable, format!("acknowledging to {subscription}: {why}"))
            })
        })
    }

    /// Only giving back needs doing: the client keeps the leases of all others alive.
    fn postpone(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> BusResult<()> {
        let Some(inbox) = lock(&self.inboxes).get(subscription).cloned() else { return Ok(()) };
        if deadline.is_zero() {
            let mut held = lock(&inbox.held);
            ack_ids.iter().filter_map(|id| held.remove(id)).for_each(Handler::nack);
        }
        Ok(())
    }

    /// Pub/Sub does not tell: it is a metric of the cloud's monitoring.
    fn backlog(&self, _: &str) -> Option<u64> {
        None
    }

    fn describe(&self) -> String {
        match &self.emulator {
            Some(address) => format!("Google's Pub/Sub client at {address}"),
            None => "Google Cloud Pub/Sub".to_owned(),
        }
    }
}

fn incoming(ack_id: String, message: Message) -> Incoming {
    let published = message.publish_time.unwrap_or_default();
    Incoming {
        ack_id,
        message_id: message.message_id,
        data: message.data,
        attributes: Attributes::Own(message.attributes.into_iter().collect()),
        publish_micros: published.seconds() * 1_000_000 + i64::from(published.nanos()) / 1_000,
    }
}

impl Drop for Gcp {
    /// Acknowledgements that are still with the client go out, and what was not pulled goes back.
    fn drop(&mut self) {
        let inboxes: Vec<Arc<Inbox>> = lock(&self.inboxes).drain().map(|(_, inbox)| inbox).collect();
        self.runtime.block_on(async {
            for inbox in inboxes {
                _ = tokio::time::timeout(GOODBYE, inbox.end.shutdown()).await;
            }
        });
    }
}
