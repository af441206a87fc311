//! BigQuery itself. Asynchronous inside, blocking outside; no type of a client library leaves this folder.

mod api;
mod credentials;
mod failure;
mod job;
mod rows;
mod session;
mod settings;
mod tables;
mod transport;
mod write;

use crate::{DbError, DbErrorKind, Session, Warehouse};
use api::Api;
use credentials::Tokens;
use serde_json::{Map, Value as Json};
use session::CloudSession;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;
use transport::Rest;

/// A project on BigQuery.
pub struct CloudBigQuery {
    api: Arc<Api>,
    runtime: Arc<Runtime>,
    tokens: Arc<Tokens>,
    /// The project's folder.
    root: PathBuf,
}

impl CloudBigQuery {
    /// Takes the settings of a profile's target. Nothing is sent yet. `root` is what a relative key file starts from.
    pub fn open(settings: &Map<String, Json>, names: (&str, &str), root: &Path) -> Result<Self, DbError> {
        let read_file = |path: &str| {
            let path = path
                .strip_prefix("~/")
                .map_or_else(|| root.join(path), |rest| rsdbt_sys::home_folder().unwrap_or_default().join(rest));
            rsdbt_sys::read(&path)
        };
        let settings = settings::read(settings, names, read_file)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|why| {
                DbError::new(DbErrorKind::Other, format!("cannot start threads for the network: {why}"))
            })?;
        // The library that fetches tokens starts tasks when it is set up.
        let rest = {
            let _inside = runtime.enter();
            Rest::new(&settings)?
        };
        let (tokens, runtime, root) = (rest.tokens.clone(), Arc::new(runtime), root.to_owned());
        Ok(CloudBigQuery { api: Arc::new(Api::new(Box::new(rest), settings)), runtime, tokens, root })
    }
}

impl Warehouse for CloudBigQuery {
    fn session(&self) -> Result<Box<dyn Session>, DbError> {
        Ok(Box::new(CloudSession::new(self.api.clone(), self.runtime.clone())))
    }

    fn describe(&self) -> String {
        let settings = &self.api.settings;
        format!("bigquery, project {}, dataset {}", settings.project, settings.dataset)
    }
}
