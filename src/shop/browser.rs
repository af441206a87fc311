//! Shoppers in a real browser: each has a browser context of its own, finds buttons on the page and clicks them.
//!
//! The context matters: in a tab that shares a window with others real clicks hang.

use crate::sim::World;
use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::target::{CreateBrowserContextParams, CreateTargetParams};
use chromiumoxide::{Element, Page};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::fmt::Display;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;

/// Who comes, and how often.
pub struct Crowd {
    pub shoppers: usize,
    /// Visits of each shopper.
    pub sessions: usize,
    pub seed: u64,
}

/// What the pages counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trip {
    pub sessions: u64,
    pub events: u64,
}

/// A browser that does not answer for so long is broken.
const PATIENCE: Duration = Duration::from_secs(30);
/// The browser asks nobody but us, and background windows run like the others.
const ARGUMENTS: [&str; 12] = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];

/// Lets the crowd shop at `http://address/`. The folder holds the browser's profile.
pub fn browse(address: &str, crowd: &Crowd, world: &Arc<World>, folder: &Path) -> Result<Trip, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|why| why.to_string())?.block_on(run(address, crowd, world, folder))
}

async fn patient<T, E: Display>(what: &str, call: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(done) => done.map_err(|why| format!("{what}: {why}")),
        Err(_) => Err(format!("{what}: the browser has not answered for {} s", PATIENCE.as_secs())),
    }
}

async fn run(address: &str, crowd: &Crowd, world: &Arc<World>, folder: &Path) -> Result<Trip, String> {
    let config = BrowserConfig::builder().no_sandbox().user_data_dir(folder).args(ARGUMENTS).build()?;
    let (browser, mut handler) = patient("starting Chromium", Browser::launch(config)).await?;
    let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
    let browser = Arc::new(browser);
    let mut shoppers = JoinSet::new();
    for number in 0..crowd.shoppers {
        let shopper = Shopper {
            browser: browser.clone(),
            address: address.to_owned(),
            world: world.clone(),
            rng: ChaCha8Rng::seed_from_u64(crowd.seed.wrapping_add(number as u64)),
        };
        shoppers.spawn(shopper.shop(crowd.sessions));
    }
    let mut trip = Trip::default();
    let mut failure = None;
    while let Some(done) = shoppers.join_next().await {
        match done.map_err(|why| why.to_string()).and_then(|done| done) {
            Ok(one) => trip = Trip { sessions: trip.sessions + one.sessions, events: trip.events + one.events },
            Err(why) => failure = Some(why),
        }
    }
    if let Ok(mut browser) = Arc::try_unwrap(browser) {
        _ = patient("closing Chromium", browser.close()).await;
        _ = browser.wait().await;
    }
    events.abort();
    failure.map_or(Ok(trip), Err)
}

struct Shopper {
    browser: Arc<Browser>,
    address: String,
    world: Arc<World>,
    rng: ChaCha8Rng,
}

impl Shopper {
    async fn shop(mut self, sessions: usize) -> Result<Trip, String> {
        let context = self.browser.create_browser_context(CreateBrowserContextParams::default());
        let context = patient("opening a context", context).await?;
        let target = CreateTargetParams::builder().url("about:blank").browser_context_id(context.clone()).build()?;
        let page = patient("opening a page", self.browser.new_page(target)).await?;
        let mut trip = Trip::default();
        for _ in 0..sessions {
            trip.events += self.visit(&page).await?;
            trip.sessions += 1;
        }
        patient("closing a page", page.close()).await?;
        patient("closing a context", self.browser.dispose_browser_context(context)).await?;
        Ok(trip)
    }

    /// One visit; gives the number of events that the page sent.
    async fn visit(&mut self, page: &Page) -> Result<u64, String> {
        let world = self.world.clone();
        let viewer = &world.viewers.choose(&mut self.rng).ok_or("nobody is there")?.id;
        let stream = world.streams.choose(&mut self.rng).ok_or("there is no stream")?;
        let url = format!("http://{}/?viewer={viewer}&stream={}", self.address, stream.id);
        patient("opening the shop", page.goto(url)).await?;
        let goods: Vec<_> = world.products.iter().filter(|p| p.category == stream.category).collect();
        let mut in_cart = false;
        for _ in 0..self.rng.random_range(1..4) {
            let Some(product) = goods.choose(&mut self.rng) else { break };
            click(page, &format!("button.name[data-product='{}']", product.id)).await?;
            if self.rng.random::<f64>() < 0.5 {
                click(page, &format!("button.add[data-product='{}']", product.id)).await?;
                in_cart = true;
            }
        }
        if self.rng.random::<f64>() < 0.3 {
            let say = find(page, "#say").await?;
            patient("chatting", say.click()).await?;
            patient("chatting", say.type_str("Does it ship today?")).await?;
            patient("chatting", say.press_key("Enter")).await?;
        }
        if in_cart && self.rng.random::<f64>() < 0.7 {
            click(page, "#checkout").await?;
            click(page, if self.rng.random::<f64>() < 0.8 { "#order" } else { "#back" }).await?;
        }
        let count = patient("counting", page.evaluate("document.querySelectorAll('#events li').length")).await?;
        let count: u64 = count.into_value().map_err(|why| why.to_string())?;
        // Leaving tells the shop too.
        patient("leaving", page.goto("about:blank")).await?;
        Ok(count + 1)
    }
}

async fn find(page: &Page, selector: &str) -> Result<Element, String> {
    patient(&format!("looking for {selector}"), page.find_element(selector)).await
}

async fn click(page: &Page, selector: &str) -> Result<(), String> {
    let element = find(page, selector).await?;
    patient(&format!("clicking {selector}"), element.click()).await.map(drop)
}
