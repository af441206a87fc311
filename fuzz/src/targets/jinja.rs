//! A template, cut, compiled and rendered in a world that knows nothing.

use super::Target;
use indexmap::IndexMap;
use rsdbt_base::{Dialect, Relation};
use rsdbt_jinja::{Arguments, Data, Engine, Fault, File, Host, Registry, prepare};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

struct Nowhere;

impl Host for Nowhere {
    fn executing(&self) -> bool {
        true
    }
    fn reference(&self, _: Option<&str>, name: &str, _: Option<&str>) -> Result<Data, Fault> {
        Ok(Data::Relation(Relation::new("lab", "shop", name, Dialect::GoogleSql)))
    }
    fn source(&self, source: &str, table: &str) -> Result<Data, Fault> {
        Ok(Data::Relation(Relation::new("lab", source, table, Dialect::GoogleSql)))
    }
    fn var(&self, name: &str) -> Option<Json> {
        (name == "three").then(|| 3.into())
    }
    fn env_var(&self, _: &str) -> Option<String> {
        None
    }
    fn configure(&self, _: IndexMap<String, Data>) -> Result<(), Fault> {
        Ok(())
    }
    fn config(&self, _: &str) -> Option<Data> {
        None
    }
    fn variable(&self, _: &str) -> Option<Data> {
        None
    }
    fn adapter(&self, method: &str, _: Arguments) -> Result<Data, Fault> {
        Ok(Data::text(method))
    }
    fn log(&self, _: &str, _: bool) {}
    fn warn(&self, _: &str) {}
    fn doc(&self, _: Option<&str>, name: &str) -> Result<String, Fault> {
        Ok(name.to_owned())
    }
    fn macro_called(&self, _: &str) {}
    fn dialect(&self) -> Dialect {
        Dialect::GoogleSql
    }
}

pub fn target() -> Result<Target, String> {
    Ok(Box::new(|input| {
        let source = String::from_utf8_lossy(input);
        let Ok(prepared) = prepare("models/m.sql", &source) else { return };
        let registry = Registry::new("lab", "bigquery", BTreeMap::new());
        registry.register(&File { package: "lab", path: "models/m.sql", source: &source, prepared });
        let engine = Engine::new(registry);
        let scope = engine.scope(Arc::new(Nowhere), "lab");
        drop(engine.render("models/m.sql", &scope));
    }))
}
