//! To a collector over HTTP: NDJSON in the bodies of POST requests.

use super::{Sink, SinkError};
use crate::sim::Emission;
use crate::stream::wire;
use std::time::Duration;

pub struct HttpSink {
    agent: ureq::Agent,
    url: String,
    run_id: String,
}

impl HttpSink {
    /// Encrypted addresses are refused: the sink is for a collector near by, and the build has no TLS.
    pub fn new(url: &str, run_id: &str) -> Result<HttpSink, SinkError> {
        if !url.starts_with("http://") {
            let why = format!("'{url}' is not an address of a collector: write it as http://HOST:PORT/PATH");
            return Err(SinkError::File(why));
        }
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build();
        Ok(HttpSink { agent: config.into(), url: url.to_owned(), run_id: run_id.to_owned() })
    }
}

impl Sink for HttpSink {
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError> {
        let body = wire::encode_all(emissions, &self.run_id, 1).concat();
        let request = self.agent.post(&self.url).content_type("application/x-ndjson");
        // A status that is no success is an error here too.
        let answer = request.send(&body[..]);
        answer.map(drop).map_err(|why| SinkError::File(format!("the collector {}: {why}", self.url)))
    }
}
