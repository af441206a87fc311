//! Which bus the options and the environment mean.

use crate::Stop;
use crate::args::BusArgs;
use rsdbt_base::{Code, Diagnostic};
use rsdbt_pubsub::{Bus, BusError, BusErrorKind, Embedded, Network};
use rsdbt_sys as sys;
use std::path::Path;

/// An open bus with the full names of the topic and the subscription.
pub struct Open {
    pub bus: Box<dyn Bus>,
    pub topic: String,
    pub subscription: String,
}

/// A failure of the bus as the user reads it.
pub fn fault(error: &BusError) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::BUS, error.message.clone());
    match error.kind {
        BusErrorKind::NotFound => {
            diagnostic.help("`rsdbt simulate --sink pubsub` creates the topic and the subscription")
        }
        BusErrorKind::Unavailable | BusErrorKind::Refused => diagnostic,
    }
}

/// The project where nothing says which; a cloud's project is never guessed.
const PROJECT: &str = "live-shopping";

/// The broker that `--bus` or PUBSUB_EMULATOR_HOST names, or the embedded one. Topic and subscription exist then.
pub fn open(arguments: &BusArgs, project: &Path) -> Result<Open, Stop> {
    let emulator = sys::env_var("PUBSUB_EMULATOR_HOST").filter(|address| !address.is_empty());
    let chosen = arguments.bus.as_deref().or(emulator.as_deref()).unwrap_or("embedded");
    let owner = match (&arguments.bus_project, chosen) {
        (Some(owner), _) => owner.as_str(),
        (None, "gcp") => {
            let error = Diagnostic::error(Code::BUS, "--bus gcp needs the project of the topic and the subscription");
            return Err(error.help("give it as --bus-project ID; `gcloud projects list` shows yours").into());
        }
        (None, _) => PROJECT,
    };
    let full = |kind: &str, name: &str| match name.starts_with("projects/") {
        true => name.to_owned(),
        false => format!("projects/{owner}/{kind}/{name}"),
    };
    let (topic, subscription) = (full("topics", &arguments.topic), full("subscriptions", &arguments.subscription));
    let connect = || -> Result<Box<dyn Bus>, BusError> {
        Ok(match chosen {
            "gcp" => google(emulator.as_deref())?,
            "embedded" => {
                let folder = arguments.data_dir.clone().unwrap_or_else(|| project.join(".pubsub"));
                Box::new(Embedded::open(Some(&folder))?)
            }
            address => Box::new(Network::connect(address)?),
        })
    };
    let stop = |error: BusError| Stop(vec![fault(&error)]);
    let bus = connect().map_err(stop)?;
    bus.ensure(&topic, Some(&subscription)).map_err(stop)?;
    Ok(Open { bus, topic, subscription })
}

#[cfg(feature = "gcp-pubsub")]
fn google(emulator: Option<&str>) -> Result<Box<dyn Bus>, BusError> {
    Ok(Box::new(rsdbt_pubsub::Gcp::connect(emulator)?))
}

#[cfg(not(feature = "gcp-pubsub"))]
fn google(_: Option<&str>) -> Result<Box<dyn Bus>, BusError> {
    let message = "this rsdbt was built without Google's Pub/Sub client, which --bus gcp uses; build it in with \
        `cargo build --release --features gcp-pubsub`";
    Err(BusError::new(BusErrorKind::Refused, message))
}
