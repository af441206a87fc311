//! What was typed for the commands around the event stream: simulate, ingest, live, shop, pubsub.

use super::Building;
use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SinkKind {
    /// The table of the local warehouse
    Warehouse,
    /// The message bus; `rsdbt ingest` takes it from there
    Pubsub,
    /// One JSON object a line
    Ndjson,
    /// The 12 columns of the original data set
    Csv,
    Parquet,
    /// NDJSON on standard output
    Stdout,
    /// NDJSON in POST requests to --output http://...
    Http,
}

#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// How many events; without it 20000, or no end with --live
    #[arg(long, value_name = "N")]
    pub events: Option<u64>,
    /// Same seed, same events
    #[arg(long, default_value_t = 42, value_name = "S")]
    pub seed: u64,
    /// Events a second; without it, as fast as possible. With --live and --backfill: how busy the simulated time is
    #[arg(long, value_name = "R")]
    pub rate: Option<f64>,
    /// Event time runs this many times faster than the clock
    #[arg(long, value_name = "X", conflicts_with_all = ["rate", "live", "backfill"])]
    pub speed: Option<f64>,
    /// Begin this long ago and go on until now, as fast as possible: 30d, 12h, 90m
    #[arg(long, value_name = "TIME", conflicts_with = "start")]
    pub backfill: Option<String>,
    /// Send each event when the clock reaches its time; after a --backfill without a gap
    #[arg(long, conflicts_with = "start")]
    pub live: bool,
    /// The first day
    #[arg(long, value_name = "DATE", help = "The first day [default: 2026-11-01]")]
    pub start: Option<String>,
    /// How many days the events spread over
    #[arg(long, default_value_t = 14, value_name = "N")]
    pub days: u32,
    /// Where events go [default: warehouse, or by the ending of --output]
    #[arg(long, value_name = "SINK")]
    pub sink: Option<SinkKind>,
    /// Where events land
    #[arg(long, default_value = "live_shopping_raw.live_events", value_name = "DATASET.TABLE")]
    pub table: String,
    /// The file of the sinks csv, ndjson and parquet, or the address of http
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The share of events that arrive minutes to hours late
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub late: f64,
    /// The share of events that arrive some seconds out of order
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub out_of_order: f64,
    /// The share of events that are sent twice
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub duplicates: f64,
    /// The share of events that are sent as broken JSON
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub malformed: f64,
    /// The share of events whose schema differs: a field more, or a field with another name
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub drift: f64,
    /// The account of what was sent [default: target/simulations/RUN.json for the sinks warehouse and pubsub]
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Send nothing: compare the manifest of these settings with the warehouse
    #[arg(long)]
    pub verify: bool,
    /// Instead of simulated events, the clicks of N shoppers in headless Chromium, through the bus
    #[arg(long, value_name = "N", value_parser = shoppers, conflicts_with_all = ["events", "rate", "speed", "live", "backfill", "start", "sink", "output", "verify"])]
    pub browser: Option<usize>,
    /// Visits of each shopper of --browser
    #[arg(long, default_value_t = 5, value_name = "N", requires = "browser")]
    pub sessions: usize,
    #[command(flatten)]
    pub bus: BusArgs,
}

fn shoppers(text: &str) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1..=100).contains(&number) { Ok(number) } else { Err("a machine has room for 1 to 100 browsers".to_owned()) }
}

/// Where messages go.
#[derive(Debug, Clone, clap::Args)]
pub struct BusArgs {
    /// embedded, gcp (Google Cloud Pub/Sub), or the HOST:PORT of a broker [default: PUBSUB_EMULATOR_HOST, or embedded]
    #[arg(long, value_name = "BUS")]
    pub bus: Option<String>,
    /// The folder of the embedded broker [default: .pubsub in the project]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The project of topics and subscriptions [default: live-shopping, but none for gcp]
    #[arg(long, value_name = "ID")]
    pub bus_project: Option<String>,
    #[arg(long, default_value = "live-events", value_name = "NAME")]
    pub topic: String,
    #[arg(long, default_value = "live-events-ingest", value_name = "NAME")]
    pub subscription: String,
}

#[derive(Debug, clap::Args)]
pub struct IngestArgs {
    #[command(flatten)]
    pub bus: BusArgs,
    /// End when the subscription is empty
    #[arg(long)]
    pub drain: bool,
    /// Where events land; what is no event lands beside it in TABLE_quarantine
    #[arg(long, default_value = "live_shopping_raw.live_events", value_name = "DATASET.TABLE")]
    pub table: String,
    /// Messages in one transaction
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub batch: usize,
    /// Commit at least this often, in milliseconds
    #[arg(long, default_value_t = 500, value_name = "MS")]
    pub every: u64,
    /// How the progress is printed: text, or json with one object a line
    #[arg(long, default_value = "text")]
    pub output: ProgressFormat,
    /// Serve the figures for Prometheus on this port of 127.0.0.1 (0 for a free one)
    #[arg(long, value_name = "P")]
    pub metrics_port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressFormat {
    Text,
    Json,
}

#[derive(Debug, clap::Args)]
pub struct LiveArgs {
    #[command(flatten)]
    pub building: Building,
    #[command(flatten)]
    pub bus: BusArgs,
    /// Events a second, on average over the day
    #[arg(long, default_value_t = 0.2, value_name = "R")]
    pub rate: f64,
    /// Begin with this much past, so that models have something to learn from: 30d, 12h, 90m
    #[arg(long, default_value = "14d", value_name = "TIME")]
    pub backfill: String,
    /// Same seed, same shoppers
    #[arg(long, default_value_t = 42, value_name = "S")]
    pub seed: u64,
    /// Build at most this often, in seconds
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    pub every: u64,
    /// The port of the dashboard; 0 for a free one
    #[arg(long, default_value_t = 8090, value_name = "P")]
    pub port: u16,
    /// Where events land
    #[arg(long, default_value = "live_shopping_raw.live_events", value_name = "DATASET.TABLE")]
    pub table: String,
    /// End by itself after so many builds
    #[arg(long, value_name = "N")]
    pub builds: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub struct ShopArgs {
    #[command(subcommand)]
    pub command: ShopCommand,
}

#[derive(Debug, Subcommand)]
pub enum ShopCommand {
    /// Serve the shop on this machine until ctrl-C
    Serve {
        #[command(flatten)]
        bus: BusArgs,
        /// 0 for a free port
        #[arg(long, default_value_t = 8080, value_name = "P")]
        port: u16,
        /// Where events land
        #[arg(long, default_value = "live_shopping_raw.live_events", value_name = "DATASET.TABLE")]
        table: String,
        /// Open it in the browser
        #[arg(long)]
        open: bool,
    },
}

#[derive(Debug, clap::Args)]
pub struct PubsubArgs {
    #[command(subcommand)]
    pub command: PubsubCommand,
}

#[derive(Debug, Subcommand)]
pub enum PubsubCommand {
    /// Serve gRPC and REST on one port until ctrl-C; set PUBSUB_EMULATOR_HOST to the address it prints
    Serve {
        /// 0 for a free port
        #[arg(long, default_value_t = 8085, value_name = "P")]
        port: u16,
        /// The address to listen on; by default only programs on this machine reach the broker
        #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
        host: std::net::IpAddr,
        /// Keep messages in this folder; without it they end with the process
        #[arg(long, value_name = "D")]
        data_dir: Option<PathBuf>,
    },
}
