//! What stands where BigQuery is in a build without the feature `cloud`: the same door, and a word why it stays shut.
//! The type has no value, so nothing behind the door can be reached.

use crate::{DbError, DbErrorKind, Dedupe, Destination, Lander, Session, Target, Warehouse};
use serde_json::{Map, Value as Json};
use std::path::Path;

pub enum CloudBigQuery {}

impl CloudBigQuery {
    /// Refuses every target.
    pub fn open(settings: &Map<String, Json>, names: (&str, &str), _root: &Path) -> Result<Self, DbError> {
        let method = settings.get("method").and_then(Json::as_str).unwrap_or("oauth");
        let (project, dataset) = names;
        let message = format!(
            "this build of rsdbt has no cloud: the target is {project}.{dataset} on BigQuery itself (`method: {method}`)"
        );
        let help = "use `method: local`, which needs no account, or a build with the feature `cloud`: \
                    `cargo install --path .` has it";
        Err(DbError::new(DbErrorKind::Unsupported, message).help(help))
    }
}

impl Warehouse for CloudBigQuery {
    fn session(&self) -> Result<Box<dyn Session>, DbError> {
        match *self {}
    }

    fn describe(&self) -> String {
        match *self {}
    }
}

impl Target for CloudBigQuery {
    fn lander(self, _to: &Destination, _dedupe: Dedupe) -> Result<Box<dyn Lander>, DbError> {
        match self {}
    }
}
