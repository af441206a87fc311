//! `adapter.*`: what templates may ask of the warehouse. Each dialect has a table of methods, and each method says in
//! Python's words what it takes; arguments are bound once, here. A method never looks for an argument by its name.

mod bigquery;
mod common;
mod constraints;
mod duckdb;

use super::host::RunHost;
use rsdbt_base::{Dialect, Relation, closest};
use rsdbt_jinja::{Arguments, Data, Fault, Given, Signature};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How a method is called, such as `rename_relation(from_relation, to_relation)`, and what it does.
type Method = (&'static str, fn(&Call) -> Result<Data, Fault>);

type Methods = BTreeMap<String, (Signature, fn(&Call) -> Result<Data, Fault>)>;

static DUCKDB: LazyLock<Methods> = LazyLock::new(|| methods(duckdb::METHODS));
static BIGQUERY: LazyLock<Methods> = LazyLock::new(|| methods(bigquery::METHODS));

/// The methods of every dialect, and this one's own.
fn methods(own: &[Method]) -> Methods {
    let parsed = |(text, run): &Method| {
        let signature = Signature::parse(text);
        (signature.name().to_owned(), (signature, *run))
    };
    common::METHODS.iter().chain(own).map(parsed).collect()
}

/// One call of a method, its arguments in the order of the signature.
struct Call<'c> {
    host: &'c RunHost,
    signature: &'c Signature,
    given: Given<Data>,
}

/// Carries one method out. Errors: there is no such method, the arguments do not fit, or the warehouse refuses.
pub fn call(host: &RunHost, method: &str, arguments: Arguments) -> Result<Data, Fault> {
    let methods = match host.world.invocation.dialect {
        Dialect::DuckDb => &*DUCKDB,
        Dialect::GoogleSql => &*BIGQUERY,
    };
    let Some((signature, run)) = methods.get(method) else {
        let message = format!("adapter.{method}() is not available for {}", host.world.invocation.adapter);
        let fault = Fault::compilation(message);
        return Err(match closest(method, methods.keys().map(String::as_str)) {
            Some(near) => fault.help(format!("did you mean adapter.{near}()?")),
            None => fault,
        });
    };
    let given = signature.fit(arguments.positional, arguments.named);
    let given = given.map_err(|why| Fault::compilation(format!("adapter.{why}")))?;
    run(&Call { host, signature, given })
}

impl Call<'_> {
    /// An argument that was given and is not none.
    fn get(&self, at: usize) -> Option<&Data> {
        self.given.get(at).filter(|data| **data != Data::None)
    }

    /// A text; empty where none was given.
    fn text(&self, at: usize) -> &str {
        self.get(at).and_then(Data::as_text).unwrap_or_default()
    }

    fn flag(&self, at: usize) -> bool {
        self.get(at).is_some_and(Data::is_true)
    }

    fn json(&self, at: usize) -> Json {
        self.get(at).map(Data::to_json).unwrap_or_default()
    }

    fn relation(&self, at: usize) -> Result<&Relation, Fault> {
        match self.get(at) {
            Some(Data::Relation(relation)) => Ok(relation),
            _ => Err(Fault::compilation(format!("the argument '{}' is not a relation", self.signature.parameter(at)))),
        }
    }

    /// The database that was named, or the target's.
    fn database(&self, at: usize) -> &str {
        self.get(at).and_then(Data::as_text).unwrap_or(&self.host.world.invocation.database)
    }
}

fn nothing(_: &Call) -> Result<Data, Fault> {
    Ok(Data::None)
}

fn texts(items: impl IntoIterator<Item = impl Into<String>>) -> Data {
    Data::List(items.into_iter().map(Data::text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_one_place() {
        for own in [duckdb::METHODS, bigquery::METHODS] {
            assert_eq!(methods(own).len(), common::METHODS.len() + own.len());
        }
    }
}
