//! Which bus the options and the environment mean.

use super::Stop;
use super::args::BusArgs;
use crate::base::{Code, Diagnostic};
use crate::pubsub::{Bus, BusError, BusErrorKind, Embedded, Network};
use crate::sys;
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

/// The broker that PUBSUB_EMULATOR_HOST names, or the embedded one of the project. Topic and subscription exist then.
pub fn open(arguments: &BusArgs, project: &Path) -> Result<Open, Stop> {
    let address = sys::env_var("PUBSUB_EMULATOR_HOST").filter(|address| !address.is_empty());
    let connect = || -> Result<Box<dyn Bus>, BusError> {
        Ok(match &address {
            Some(address) => Box::new(Network::connect(address)?),
            None => {
                let folder = arguments.data_dir.clone().unwrap_or_else(|| project.join(".pubsub"));
                Box::new(Embedded::open(Some(&folder))?)
            }
        })
    };
    let full = |kind: &str, name: &str| match name.starts_with("projects/") {
        true => name.to_owned(),
        false => format!("projects/{}/{kind}/{name}", arguments.bus_project),
    };
    let (topic, subscription) = (full("topics", &arguments.topic), full("subscriptions", &arguments.subscription));
    let stop = |error: BusError| Stop(vec![fault(&error)]);
    let bus = connect().map_err(stop)?;
    bus.ensure(&topic, Some(&subscription)).map_err(stop)?;
    Ok(Open { bus, topic, subscription })
}
