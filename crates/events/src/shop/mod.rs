//! A shop to click in: one page, and the collector that its events go to. Every event is on the bus before the page's
//! request is answered.

#[cfg(feature = "browser")]
mod browser;

#[cfg(feature = "browser")]
pub use browser::{Crowd, Trip, browse};

use crate::sim::World;
use rsdbt_pubsub::{Bus, Outgoing};
use rsdbt_web::{Request, Response};
use serde_json::{Map, Value as Json, json};
use std::sync::{Arc, Mutex, PoisonError};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page may tell; anything else is not an event of the shop.
const EVENT_TYPES: [&str; 8] = [
    "stream_view_start",
    "product_view",
    "product_click",
    "add_to_cart",
    "checkout_started",
    "order_completed",
    "chat_message",
    "stream_exit",
];

/// The shop as a web server sees it.
pub struct Shop {
    bus: Arc<dyn Bus>,
    topic: String,
    run_id: String,
    page: String,
    /// The place of the next event in the run. Held while publishing, so that a place is used once.
    next: Mutex<i64>,
    /// How many events are in the warehouse.
    landed: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Shop {
    pub fn new(
        bus: Arc<dyn Bus>,
        topic: &str,
        run_id: &str,
        world: &World,
        landed: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Shop {
        Shop {
            bus,
            topic: topic.to_owned(),
            run_id: run_id.to_owned(),
            page: page(world),
            next: Mutex::new(0),
            landed: Box::new(landed),
        }
    }

    /// How many events were collected.
    pub fn collected(&self) -> i64 {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn answer(&self, request: &Request) -> Response {
        match (request.is_post, request.path) {
            (false, "/") => Response::ok("text/html; charset=utf-8", self.page.as_str()),
            (false, "/landed") => Response::ok("text/plain", (self.landed)().to_string()),
            (true, "/collect") => self.collect(request),
            _ => Response::refusal(404, "there is the shop at /, and /collect for its events"),
        }
    }

    /// Checks an event, gives it its place in the run, and publishes it.
    fn collect(&self, request: &Request) -> Response {
        // Another site's page must not put events here.
        if request.origin.is_some_and(|origin| !is_here(origin)) {
            return Response::refusal(403, "events come from the shop's own page");
        }
        let mut event = match read(&request.body) {
            Ok(event) => event,
            Err(why) => return Response::refusal(400, &why),
        };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let place = [("run_id", json!(self.run_id)), ("shard", json!(0)), ("seq", json!(*next))];
        let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut attributes: Vec<(String, String)> =
            place.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
        attributes.extend(event.get("event_id").map(|id| ("event_id".to_owned(), text(id))));
        event.extend(place.map(|(name, value)| (name.to_owned(), value)));
        let data = Json::Object(event).to_string().into_bytes();
        match self.bus.publish(&self.topic, vec![Outgoing { data, attributes, ordering_key: String::new() }]) {
            Ok(()) => {
                *next += 1;
                Response { status: 204, kind: "text/plain", body: Vec::new() }
            }
            Err(error) => Response::refusal(503, &error.message),
        }
    }
}

fn is_here(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").unwrap_or_default();
    ["127.0.0.1", "localhost"].contains(&host.split(':').next().unwrap_or_default())
}

fn read(body: &[u8]) -> Result<Map<String, Json>, String> {
    let event: Map<String, Json> = serde_json::from_slice(body).map_err(|why| format!("this is no event: {why}"))?;
    let text = |name: &str| event.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    for name in ["event_id", "event_time", "stream_id", "viewer_id"] {
        text(name).ok_or_else(|| format!("the event has no {name}"))?;
    }
    match text("event_type") {
        Some(kind) if EVENT_TYPES.contains(&kind) => Ok(event),
        kind => Err(format!("'{}' is not a type of event", kind.unwrap_or_default())),
    }
}

/// The page with the shop's goods and guests in it. Data never ends a script: `<` is written as an escape.
fn page(world: &World) -> String {
    let streams: Vec<Json> = world
        .streams
        .iter()
        .map(|s| json!({"id": s.id, "title": s.title, "streamer": s.streamer, "category": s.category}))
        .collect();
    let products: Vec<Json> = world
        .products
        .iter()
        .map(|p| json!({"id": p.id, "name": p.name, "category": p.category, "cents": p.cents}))
        .collect();
    let viewers: Vec<Json> =
        world.viewers.iter().map(|v| json!({"id": v.id, "email": v.email, "state": v.state})).collect();
    let data = json!({"streams": streams, "products": products, "viewers": viewers}).to_string();
    PAGE.replace("/*STYLE*/", STYLE).replace("/*WORLD*/", &data.replace('<', "\\u003c")).replace("/*SCRIPT*/", SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsdbt_pubsub::Embedded;
    use std::time::Duration;

    const TOPIC: &str = "projects/p/topics/shop";
    const SUBSCRIPTION: &str = "projects/p/subscriptions/shop";

    fn post(shop: &Shop, body: &Json, origin: Option<&str>) -> u16 {
        let body = body.to_string().into_bytes();
        shop.answer(&Request { is_post: true, path: "/collect", body: body.into(), origin }).status
    }

    #[test]
    fn events_are_on_the_bus_when_the_page_hears_back() {
        let bus: Arc<dyn Bus> = Arc::new(Embedded::open(None).expect("a broker in memory"));
        bus.ensure(TOPIC, Some(SUBSCRIPTION)).expect("made");
        let world = World::bundled().expect("the bundled seeds are valid");
        let shop = Shop::new(bus.clone(), TOPIC, "run", &world, || 0);
        let event = json!({"event_id": "e", "event_time": "2026-11-01T00:00:00Z", "event_type": "add_to_cart", "stream_id": "S01", "viewer_id": "V0001"});
        assert_eq!(post(&shop, &event, Some("http://127.0.0.1:8080")), 204);
        assert_eq!(post(&shop, &event, Some("http://elsewhere.example")), 403);
        assert_eq!(post(&shop, &json!({"event_type": "add_to_cart"}), None), 400);
        let got = bus.pull(SUBSCRIPTION, 10, Duration::ZERO).expect("pulled");
        assert_eq!(got.len(), 1);
        let sent: Json = serde_json::from_slice(&got[0].data).expect("JSON");
        assert_eq!((&sent["run_id"], &sent["seq"]), (&json!("run"), &json!(0)));
        assert_eq!(shop.collected(), 1);
    }
}
