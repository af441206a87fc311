//! The layers of a node's configuration, in dbt's order: its own project's file, YAML, the node's file, and for a package the root
//! project's file above all. Kept twice: merged and rendered, and as it was written, which is what states are compared by.

use super::host::World;
use crate::config::{Project, layered, merge_into};
use crate::ir::Node;
use rsdbt_base::Diagnostic;
use serde_json::{Map, Value as Json};

type Layer = Map<String, Json>;

fn own<'w>(world: &World<'w>, package: &str) -> &'w Project {
    world.raw.packages.iter().find(|project| project.name == package).unwrap_or(&world.raw.project)
}

/// The root project, where it speaks about another one's nodes.
fn above<'w>(world: &World<'w>, package: &str) -> Option<&'w Project> {
    (own(world, package).name != world.raw.project.name).then_some(&world.raw.project)
}

/// The settings of the node's own project, along its fqn.
pub fn of_project(world: &World, tree: &str, package: &str, fqn: &[String]) -> Vec<Layer> {
    own(world, package).configs.get(tree).map(|tree| layered(tree, fqn)).unwrap_or_default()
}

/// The settings of the root project for a node of a package: they go before the node's own.
pub fn of_root(world: &World, tree: &str, package: &str, fqn: &[String]) -> Vec<Layer> {
    let tree = above(world, package).and_then(|root| root.configs.get(tree));
    tree.map(|tree| layered(tree, fqn)).unwrap_or_default()
}

/// Puts the layers of the root project on top, and keeps all of them as they were written: `own` are YAML's and the file's.
pub fn finish(world: &World, tree: &str, node: &mut Node, own_layers: &[&Layer]) {
    for layer in of_root(world, tree, &node.package, &node.fqn) {
        merge_into(&mut node.config, &layer);
    }
    node.unrendered_config = unrendered(world, (tree, &node.package, &node.fqn), own_layers);
}

/// `--store-failures` goes for every test that says nothing of it.
pub fn store_failures(world: &World, node: &mut Node) {
    let is_silent = ["store_failures", "store_failures_as"].iter().all(|key| node.setting(key).is_none());
    if is_silent && world.invocation.flag("STORE_FAILURES") {
        node.config.insert("store_failures".to_owned(), Json::Bool(true));
    }
}

/// All layers as written; of two with one key the later one stays.
pub fn unrendered(world: &World, (tree, package, fqn): (&str, &str, &[String]), own_layers: &[&Layer]) -> Layer {
    let written = |project: &Project| project.unrendered.get(tree).map(|tree| layered(tree, fqn)).unwrap_or_default();
    let mut layers = written(own(world, package));
    layers.extend(own_layers.iter().map(|layer| (*layer).clone()));
    layers.extend(above(world, package).map(written).unwrap_or_default());
    let is_bigquery = world.invocation.adapter == "bigquery";
    let name = |key: &str| match key.trim_start_matches('+').trim() {
        "project" if is_bigquery => "database".to_owned(),
        "dataset" if is_bigquery => "schema".to_owned(),
        other => other.to_owned(),
    };
    layers.into_iter().flatten().map(|(key, value)| (name(&key), value)).collect()
}

/// What a file's `config()` calls say together.
pub fn of_calls(calls: &[Layer]) -> Layer {
    let mut all = Layer::new();
    for call in calls {
        let is_first = all.is_empty();
        for (key, value) in call {
            let key = match key.as_str() {
                "pre_hook" => "pre-hook",
                "post_hook" => "post-hook",
                other => other,
            };
            let value = if is_first { value.clone() } else { together(key, all.get(key), value) };
            all.insert(key.to_owned(), value);
        }
    }
    all
}

fn together(key: &str, before: Option<&Json>, value: &Json) -> Json {
    let list = |value: &Json| match value {
        Json::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    match (key, before, value) {
        ("pre-hook" | "post-hook" | "tags" | "packages", before, value) => {
            before.map(list).into_iter().flatten().chain(list(value)).collect()
        }
        (
            "quoting" | "column_types" | "meta" | "docs" | "contract" | "grants",
            Some(Json::Object(before)),
            Json::Object(value),
        ) => {
            let mut both = before.clone();
            both.extend(value.clone());
            Json::Object(both)
        }
        (_, _, value) => value.clone(),
    }
}

/// Templates in the values of a YAML `config`; `where` is SQL and stays as it is.
pub fn rendered(world: &World, package: &str, config: &Layer) -> Result<Layer, Diagnostic> {
    let scope = world.engine.scope(world.host(package, Json::Null, Map::new()), package);
    let render = |text: &str| {
        let rendered = world.engine.render_native(text, &scope);
        rendered.map(|data| data.to_json()).map_err(|error| error.diagnostic)
    };
    let entry = |(key, value): (&String, &Json)| {
        let value = if key == "where" { value.clone() } else { walk(value, &render)? };
        Ok((key.clone(), value))
    };
    config.iter().map(entry).collect()
}

fn walk(value: &Json, render: &dyn Fn(&str) -> Result<Json, Diagnostic>) -> Result<Json, Diagnostic> {
    Ok(match value {
        Json::String(text) if text.contains("{{") || text.contains("{%") => render(text)?,
        Json::Array(items) => items.iter().map(|item| walk(item, render)).collect::<Result<_, _>>()?,
        Json::Object(map) => {
            let pairs = map.iter().map(|(key, value)| Ok((key.clone(), walk(value, render)?)));
            Json::Object(pairs.collect::<Result<_, Diagnostic>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_add_up_as_in_dbt() {
        let layer = |json: Json| json.as_object().cloned().unwrap_or_default();
        let calls = [
            layer(json!({"tags": "a", "materialized": "view", "pre_hook": "x"})),
            layer(json!({"tags": ["b"], "materialized": "table", "meta": {"k": 1}})),
        ];
        let all = of_calls(&calls);
        assert_eq!(
            Json::Object(all),
            json!({"tags": ["a", "b"], "materialized": "table", "pre-hook": "x", "meta": {"k": 1}})
        );
        assert_eq!(of_calls(&calls[..1])["tags"], "a");
    }
}
