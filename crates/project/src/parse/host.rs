//! The world while parsing: nothing is there yet, and everything that is asked for is written down.

use super::naming::Names;
use crate::ir::{DocBlock, Invocation, RefCall};
use crate::load::RawProject;
use crate::variable;
use indexmap::IndexMap;
use rsdbt_base::{Dialect, Relation};
use rsdbt_jinja::{Arguments, Data, Engine, Fault, Host};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// What parsing depended on besides files and settings.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    /// Variables of the environment that templates asked for, with what they held.
    pub environment: BTreeMap<String, Option<String>>,
    /// dbt's flags that templates asked for.
    pub flags: BTreeMap<String, Option<Json>>,
    /// Something differs with every invocation: the clock, the invocation's id, its arguments.
    pub is_volatile: bool,
}

/// What every parsing function needs.
pub struct World<'w> {
    pub engine: &'w Engine,
    pub invocation: &'w Arc<Invocation>,
    pub raw: &'w RawProject,
    pub docs: Arc<IndexMap<String, DocBlock>>,
    pub reads: Arc<Mutex<Reads>>,
    pub names: Names,
}

/// What a template asked for.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// One map per `config()` call, in order.
    pub configs: Vec<Map<String, Json>>,
    pub refs: Vec<RefCall>,
    pub sources: Vec<(String, String)>,
    pub macros: Vec<String>,
}

pub struct ParseHost {
    invocation: Arc<Invocation>,
    docs: Arc<IndexMap<String, DocBlock>>,
    package: String,
    /// dbt's `model` variable.
    model: Data,
    this: Relation,
    base: Map<String, Json>,
    recorded: Mutex<Recorded>,
    reads: Arc<Mutex<Reads>>,
}

impl World<'_> {
    /// A host for one node; `model` is the node as far as it is known.
    pub fn host(&self, package: &str, model: Json, base: Map<String, Json>) -> Arc<ParseHost> {
        let name = model.get("name").and_then(Json::as_str).unwrap_or_default();
        Arc::new(ParseHost {
            invocation: self.invocation.clone(),
            docs: self.docs.clone(),
            package: package.to_owned(),
            this: Relation::new(&self.invocation.database, &self.invocation.schema, name, self.invocation.dialect),
            model: Data::from(model),
            base,
            recorded: Mutex::default(),
            reads: self.reads.clone(),
        })
    }
}

impl ParseHost {
    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn recorded(&self) -> Recorded {
        self.lock().clone()
    }
}

/// Looks a docs block up as a node of `package` sees it.
pub fn find_doc(docs: &IndexMap<String, DocBlock>, packages: &[&str], name: &str) -> Option<String> {
    let own = packages.iter().find_map(|package| docs.get(&format!("doc.{package}.{name}")));
    own.or_else(|| docs.values().find(|doc| doc.name == name)).map(|doc| doc.text.clone())
}

impl Host for ParseHost {
    fn executing(&self) -> bool {
        false
    }

    fn reference(&self, package: Option<&str>, name: &str, version: Option<&str>) -> Result<Data, Fault> {
        let call =
            RefCall { package: package.map(str::to_owned), name: name.to_owned(), version: version.map(str::to_owned) };
        let mut recorded = self.lock();
        if !recorded.refs.contains(&call) {
            recorded.refs.push(call);
        }
        Ok(Data::Relation(Relation { identifier: Some(name.to_owned()), ..self.this.clone() }))
    }

    fn source(&self, source: &str, table: &str) -> Result<Data, Fault> {
        let call = (source.to_owned(), table.to_owned());
        let mut recorded = self.lock();
        if !recorded.sources.contains(&call) {
            recorded.sources.push(call);
        }
        Ok(Data::Relation(Relation { identifier: Some(table.to_owned()), ..self.this.clone() }))
    }

    fn var(&self, name: &str) -> Option<Json> {
        self.invocation.var(&self.package, name)
    }

    fn env_var(&self, name: &str) -> Option<String> {
        let value = self.invocation.environment.get(name).cloned();
        self.reads().environment.insert(name.to_owned(), value.clone());
        value
    }

    fn configure(&self, values: IndexMap<String, Data>) -> Result<(), Fault> {
        let layer = values.iter().map(|(k, v)| (k.clone(), v.to_json())).collect();
        self.lock().configs.push(layer);
        Ok(())
    }

    fn config(&self, key: &str) -> Option<Data> {
        let recorded = self.lock();
        let own = recorded.configs.iter().rev().find_map(|layer| layer.get(key));
        own.or_else(|| self.base.get(key)).cloned().map(Data::from)
    }

    fn variable(&self, name: &str) -> Option<Data> {
        Some(match name {
            "this" => Data::Relation(self.this.clone()),
            "model" => self.model.clone(),
            "database" => Data::text(self.invocation.database.clone()),
            "schema" => Data::text(self.invocation.schema.clone()),
            "graph" => Data::Map(
                ["nodes", "sources", "exposures", "metrics", "groups"]
                    .iter()
                    .map(|k| ((*k).to_owned(), Data::Map(IndexMap::new())))
                    .collect(),
            ),
            "sql" | "compiled_code" | "thread_id" => Data::text(""),
            "pre_hooks" | "post_hooks" | "selected_resources" | "results" | "schemas" => Data::List(Vec::new()),
            "target" | "project_name" | "env" => return variable(&self.invocation, name),
            _ => {
                let value = variable(&self.invocation, name);
                if value.is_some() {
                    self.reads().is_volatile = true;
                }
                return value;
            }
        })
    }

    fn adapter(&self, method: &str, arguments: Arguments) -> Result<Data, Fault> {
        Ok(match method {
            "get_columns_in_relation" | "list_relations" | "list_schemas" | "get_missing_columns" => {
                Data::List(Vec::new())
            }
            "quote_as_configured" => arguments.positional.into_iter().next().unwrap_or_default(),
            "get_incremental_strategy_macro" => Data::None,
            _ => Data::None,
        })
    }

    fn flag(&self, name: &str) -> Option<Data> {
        let value = self.invocation.flags.get(name).cloned();
        self.reads().flags.insert(name.to_owned(), value.clone());
        value.map(Data::from)
    }

    fn clock_read(&self) {
        self.reads().is_volatile = true;
    }

    fn log(&self, _: &str, _: bool) {}

    fn warn(&self, _: &str) {}

    fn doc(&self, package: Option<&str>, name: &str) -> Result<String, Fault> {
        let packages: Vec<&str> =
            package.map_or_else(|| vec![self.package.as_str(), self.invocation.project.as_str()], |p| vec![p]);
        find_doc(&self.docs, &packages, name)
            .ok_or_else(|| Fault::compilation(format!("Documentation for '{name}' not found")))
    }

    fn macro_called(&self, unique_id: &str) {
        let mut recorded = self.lock();
        if !recorded.macros.iter().any(|known| known == unique_id) {
            recorded.macros.push(unique_id.to_owned());
        }
    }

    fn dialect(&self) -> Dialect {
        self.invocation.dialect
    }
}
