//! What templates in dbt_project.yml, profiles.yml and packages.yml may ask for: vars, the environment, `target`.

use crate::config::yaml::{Node, Yaml};
use indexmap::IndexMap;
use rsdbt_base::{Diagnostic, Dialect};
use rsdbt_jinja::{Arguments, Data, Engine, Fault, Host, Registry};
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct SettingsHost {
    pub vars: Map<String, Json>,
    pub target: Option<Map<String, Json>>,
}

impl Host for SettingsHost {
    fn executing(&self) -> bool {
        true
    }

    fn reference(&self, _: Option<&str>, name: &str, _: Option<&str>) -> Result<Data, Fault> {
        Err(Fault::compilation(format!("ref('{name}') cannot be used here")))
    }

    fn source(&self, source: &str, _: &str) -> Result<Data, Fault> {
        Err(Fault::compilation(format!("source('{source}') cannot be used here")))
    }

    fn var(&self, name: &str) -> Option<Json> {
        self.vars.get(name).cloned()
    }

    fn env_var(&self, name: &str) -> Option<String> {
        sys::env_var(name)
    }

    fn may_read_secrets(&self) -> bool {
        true
    }

    fn configure(&self, _: IndexMap<String, Data>) -> Result<(), Fault> {
        Err(Fault::compilation("config() cannot be used here"))
    }

    fn config(&self, _: &str) -> Option<Data> {
        None
    }

    fn variable(&self, name: &str) -> Option<Data> {
        match name {
            "target" => self.target.clone().map(|target| Data::from(Json::Object(target))),
            _ => None,
        }
    }

    fn adapter(&self, method: &str, _: Arguments) -> Result<Data, Fault> {
        Err(Fault::compilation(format!("adapter.{method}() cannot be used here")))
    }

    fn log(&self, _: &str, _: bool) {}

    fn warn(&self, _: &str) {}

    fn doc(&self, _: Option<&str>, name: &str) -> Result<String, Fault> {
        Err(Fault::compilation(format!("doc('{name}') cannot be used here")))
    }

    fn macro_called(&self, _: &str) {}

    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }
}

/// Keys of dbt_project.yml that are rendered later, or never.
const UNRENDERED: [&str; 6] = ["on-run-start", "on-run-end", "query-comment", "pre-hook", "post-hook", "vars"];

/// A copy of a YAML tree with its templates rendered.
pub fn render_tree(yaml: &Yaml, host: SettingsHost, file: &str) -> Result<Yaml, Diagnostic> {
    let engine = Engine::new(Registry::new("", "", BTreeMap::new()));
    let scope = engine.scope(Arc::new(host), "");
    let render = |text: &str| engine.render_native(text, &scope);
    walk(yaml, &render, file)
}

type Render<'a> = dyn Fn(&str) -> Result<Data, rsdbt_jinja::RenderError> + 'a;

fn walk(yaml: &Yaml, render: &Render, file: &str) -> Result<Yaml, Diagnostic> {
    let node = match &yaml.node {
        Node::Text(text) if text.contains('{') => match render(text) {
            Ok(data) => from_data(data.to_json(), yaml).node,
            Err(error) => {
                let diagnostic = Diagnostic { source: None, ..error.diagnostic };
                return Err(diagnostic.at(yaml.place(file)));
            }
        },
        Node::List(items) => Node::List(items.iter().map(|item| walk(item, render, file)).collect::<Result<_, _>>()?),
        Node::Map(map) => {
            let mut rendered = IndexMap::new();
            for (key, (value, line)) in map {
                let plain = key.trim_start_matches('+').replace('_', "-");
                let skip = UNRENDERED.contains(&plain.as_str());
                let value = if skip { value.clone() } else { walk(value, render, file)? };
                rendered.insert(key.clone(), (value, *line));
            }
            Node::Map(rendered)
        }
        other => other.clone(),
    };
    Ok(Yaml { node, ..*yaml })
}

fn from_data(json: Json, at: &Yaml) -> Yaml {
    let here = |node| Yaml { node, line: at.line, column: at.column };
    here(match json {
        Json::Null => Node::Null,
        Json::Bool(value) => Node::Bool(value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Node::Int(int),
            None => Node::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Node::Text(text),
        Json::Array(items) => Node::List(items.into_iter().map(|item| from_data(item, at)).collect()),
        Json::Object(map) => Node::Map(map.into_iter().map(|(k, v)| (k, (from_data(v, at), at.line))).collect()),
    })
}
