//! What templates see of an invocation: the variables that do not depend on the node, as parsing and running give them.

use crate::ir::Invocation;
use indexmap::IndexMap;
use rsdbt_jinja::Data;
use serde_json::{Map, Value as Json};

/// A variable of every template; `None` when there is none of that name.
pub fn variable(invocation: &Invocation, name: &str) -> Option<Data> {
    let object = |map: &Map<String, Json>| Data::from(Json::Object(map.clone()));
    Some(match name {
        "target" => object(&invocation.target),
        "flags" => object(&invocation.flags),
        "invocation_args_dict" => object(&invocation.args),
        "invocation_id" => Data::text(invocation.id.clone()),
        "run_started_at" => Data::DateTime(invocation.started_at.timestamp_micros(), true),
        "project_name" => Data::text(invocation.project.clone()),
        "dbt_metadata_envs" => {
            let own = |(name, value): (&String, &String)| {
                Some((name.strip_prefix("DBT_ENV_CUSTOM_ENV_")?.to_owned(), Data::text(value.clone())))
            };
            Data::Map(invocation.environment.iter().filter_map(own).collect())
        }
        "env" => Data::Map(IndexMap::new()),
        _ => return None,
    })
}
