//! To a collector over HTTP: NDJSON in the bodies of POST requests.

use super::{Sink, SinkError};
use crate::sim::Emission;
use crate::stream::wire;
use rsdbt_web::Poster;
use std::time::Duration;

/// A collector that has not answered by then is not there.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct HttpSink {
    poster: Poster,
    url: String,
    run_id: String,
}

impl HttpSink {
    /// Encrypted addresses are refused: the sink is for a collector near by, and not every build can encrypt.
    pub fn new(url: &str, run_id: &str) -> Result<HttpSink, SinkError> {
        if !url.starts_with("http://") {
            let why = format!("'{url}' is not an address of a collector: write it as http://HOST:PORT/PATH");
            return Err(SinkError::File(why));
        }
        let poster = Poster::new(url, "application/x-ndjson", PATIENCE)
            .map_err(|why| SinkError::File(format!("the collector {url}: {why}")))?;
        Ok(HttpSink { poster, url: url.to_owned(), run_id: run_id.to_owned() })
    }
}

impl Sink for HttpSink {
    fn write(&mut self, emissions: &[Emission]) -> Result<(), SinkError> {
        let body = wire::encode_all(emissions, &self.run_id, 1).concat();
        self.poster.post(body).map_err(|why| SinkError::File(format!("the collector {}: {why}", self.url)))
    }
}
