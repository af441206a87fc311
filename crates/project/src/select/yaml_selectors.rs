//! selectors.yml: named selections.

use super::{NodeSet, Selection};
use crate::config::{Yaml, yaml::Node};
use rsdbt_base::{Code, Diagnostic};

const FILE: &str = "selectors.yml";

/// The selection that `--selector name` means; with no name the default one, if there is one.
pub fn named_selector(selection: &Selection, yaml: &Yaml, name: Option<&str>) -> Result<Option<NodeSet>, Diagnostic> {
    let all = yaml.get("selectors").list();
    let found = match name {
        Some(name) => all.iter().find(|s| s.get("name").text().as_deref() == Some(name)),
        None => all.iter().find(|s| s.get("default").flag() == Some(true)),
    };
    match (found, name) {
        (Some(selector), _) => definition(selection, all, selector.get("definition")).map(Some),
        (None, None) => Ok(None),
        (None, Some(name)) => {
            let names: Vec<String> = all.iter().filter_map(|s| s.get("name").text()).collect();
            Err(Diagnostic::error(
                Code::USAGE,
                format!("Could not find selector named {name}, expected one of {names:?}"),
            ))
        }
    }
}

fn definition(selection: &Selection, all: &[Yaml], yaml: &Yaml) -> Result<NodeSet, Diagnostic> {
    let bad = |message: &str| Err(Diagnostic::error(Code::CONFIG, message.to_owned()).at(yaml.place(FILE)));
    if let Some(text) = yaml.text() {
        return selection.select(&[text], &[]);
    }
    let mut found = None;
    for (key, value) in yaml.entries() {
        match (key.as_str(), &value.node) {
            ("union" | "intersection", Node::List(items)) => found = Some(combined(selection, all, key, items)?),
            ("method", _) => found = Some(method(selection, all, yaml)?),
            (
                "value" | "children" | "parents" | "children_depth" | "parents_depth" | "childrens_parents" | "exclude"
                | "indirect_selection",
                _,
            ) => {}
            (method, Node::Text(_) | Node::Int(_) | Node::Bool(_)) => {
                found = Some(selection.criterion(&format!("{method}:{}", value.text().unwrap_or_default()))?);
            }
            _ => return bad("a selector's definition is a text, a method, a union or an intersection"),
        }
    }
    let Some(mut found) = found else { return bad("this selector defines nothing") };
    for excluded in yaml.get("exclude").list() {
        for id in definition(selection, all, excluded)? {
            found.remove(&id);
        }
    }
    Ok(found)
}

fn combined(selection: &Selection, all: &[Yaml], how: &str, items: &[Yaml]) -> Result<NodeSet, Diagnostic> {
    let mut result: Option<NodeSet> = None;
    let mut without = NodeSet::new();
    for item in items {
        if !item.get("exclude").is_null() && item.entries().count() == 1 {
            for excluded in item.get("exclude").list() {
                without.extend(definition(selection, all, excluded)?);
            }
            continue;
        }
        let found = definition(selection, all, item)?;
        result = Some(match result {
            None => found,
            Some(before) if how == "union" => before.union(&found).cloned().collect(),
            Some(before) => before.intersection(&found).cloned().collect(),
        });
    }
    Ok(result.unwrap_or_default().difference(&without).cloned().collect())
}

fn method(selection: &Selection, all: &[Yaml], yaml: &Yaml) -> Result<NodeSet, Diagnostic> {
    let name = yaml.get("method").text().unwrap_or_default();
    let value = yaml.get("value").text().unwrap_or_default();
    if name == "selector" {
        return Ok(named_selector(selection, &list_of(all), Some(&value))?.unwrap_or_default());
    }
    let flag = |key: &str| yaml.get(key).flag() == Some(true);
    let depth = |key: &str| yaml.get(key).text().unwrap_or_default();
    let mut text = format!("{name}:{value}");
    if flag("childrens_parents") {
        text.insert(0, '@');
    }
    if flag("parents") {
        text = format!("{}+{text}", depth("parents_depth"));
    }
    if flag("children") {
        text = format!("{text}+{}", depth("children_depth"));
    }
    selection.criterion(&text)
}

/// A selectors file around entries, for inheritance by `method: selector`.
fn list_of(all: &[Yaml]) -> Yaml {
    let list = Yaml { node: Node::List(all.to_vec()), line: 1, column: 1 };
    let map = indexmap::IndexMap::from([("selectors".to_owned(), (list, 1))]);
    Yaml { node: Node::Map(map), line: 1, column: 1 }
}
