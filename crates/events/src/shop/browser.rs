//! Shoppers in a real browser: each has a browser context of its own, finds buttons on the page and clicks them.
//!
//! The context matters: in a tab that shares a window with others real clicks hang.

use crate::sim::World;
use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::target::{CreateBrowserContextParams, CreateTargetParams};
use chromiumoxide::error::CdpError;
use chromiumoxide::{Element, Page};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rsdbt_sys as sys;
use std::fmt::Display;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
/// For the browser to go by itself.
const CLOSING: Duration = Duration::from_secs(5);
/// The browser asks nobody but us, background windows run like the others, and nothing moves that nobody sees.
const ARGUMENTS: [&str; 13] = [
    "--force-prefers-reduced-motion",
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

/// Names of the browser, as systems have them.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const ON_A_MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// The browser: what CHROME names, or the first one that is installed.
fn executable() -> Result<PathBuf, String> {
    if let Some(given) = sys::env_var("CHROME").filter(|given| !given.is_empty()) {
        let path = PathBuf::from(&given);
        return if sys::exists(&path) { Ok(path) } else { Err(format!("CHROME={given} is not there")) };
    }
    let folders = sys::env_var("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = folders.split(':').map(PathBuf::from).collect();
    let all = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = all.chain([PathBuf::from(ON_A_MAC)]).find(|path| sys::exists(path));
    found.ok_or_else(|| format!("no browser: none of {} is in PATH", NAMES.join(", ")))
}

/// Lets the crowd shop at `http://address/` until everybody has gone, or until stopped. The folder holds the browser's
/// profile. When this returns, the browser has ended.
pub fn browse(
    address: &str,
    crowd: &Crowd,
    world: &Arc<World>,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<Trip, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|why| why.to_string())?.block_on(run(address, crowd, world, folder, stop))
}

async fn patient<T, E: Display>(what: &str, call: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(done) => done.map_err(|why| format!("{what}: {why}")),
        Err(_) => Err(format!("{what}: the browser has not answered for {} s", PATIENCE.as_secs())),
    }
}

async fn run(
    address: &str,
    crowd: &Crowd,
    world: &Arc<World>,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<Trip, String> {
    let config = BrowserConfig::builder()
        .chrome_executable(executable()?)
        .no_sandbox()
        .window_size(1280, 900)
        .viewport(None)
        .user_data_dir(folder)
        .launch_timeout(PATIENCE)
        .request_timeout(PATIENCE)
        .args(ARGUMENTS)
        .build()?;
    let (mut browser, mut handler) = patient("starting Chromium", Browser::launch(config)).await?;
    let gone = Arc::new(AtomicBool::new(false));
    let flag = gone.clone();
    // Messages that it cannot read are no reason to stop; a connection that breaks is.
    let events = tokio::spawn(async move {
        while let Some(heard) = handler.next().await {
            if matches!(heard, Err(CdpError::Ws(_) | CdpError::Io(_))) {
                break;
            }
        }
        flag.store(true, Ordering::SeqCst);
    });
    let trip = tokio::select! {
        trip = crowd_in(&browser, address, crowd, world) => trip,
        () = raised(stop) => Err("stopped".to_owned()),
        () = raised(&gone) => Err(String::new()),
    };
    // Calls that were under way fail then too, with words that say less.
    let ended = || "the browser has ended in the middle of it".to_owned();
    let trip = trip.map_err(|why| if gone.load(Ordering::SeqCst) { ended() } else { why });
    // Asked nicely first; nothing of it stays in any case.
    let closed = tokio::time::timeout(CLOSING, async { browser.close().await.is_ok() && browser.wait().await.is_ok() });
    if !closed.await.unwrap_or(false) {
        _ = browser.kill().await;
    }
    events.abort();
    trip
}

async fn raised(flag: &AtomicBool) {
    while !flag.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everybody at once. The first failure ends all: what is dropped stops where it is.
async fn crowd_in(browser: &Browser, address: &str, crowd: &Crowd, world: &Arc<World>) -> Result<Trip, String> {
    let mut shoppers = JoinSet::new();
    for number in 0..crowd.shoppers {
        let context = browser.create_browser_context(CreateBrowserContextParams::default());
        let context = patient("opening a context", context).await?;
        let target = CreateTargetParams::builder().url("about:blank").browser_context_id(context).build()?;
        let shopper = Shopper {
            page: patient("opening a page", browser.new_page(target)).await?,
            address: address.to_owned(),
            world: world.clone(),
            rng: ChaCha8Rng::seed_from_u64(crowd.seed.wrapping_add(number as u64)),
        };
        shoppers.spawn(shopper.shop(crowd.sessions));
    }
    let mut trip = Trip::default();
    while let Some(done) = shoppers.join_next().await {
        let one = done.map_err(|why| why.to_string())??;
        trip = Trip { sessions: trip.sessions + one.sessions, events: trip.events + one.events };
    }
    Ok(trip)
}

struct Shopper {
    page: Page,
    address: String,
    world: Arc<World>,
    rng: ChaCha8Rng,
}

impl Shopper {
    async fn shop(mut self, sessions: usize) -> Result<Trip, String> {
        let page = self.page.clone();
        let mut trip = Trip::default();
        for _ in 0..sessions {
            trip.events += self.visit(&page).await?;
            trip.sessions += 1;
        }
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
