//! The selector methods, by name.

use super::named_selector;
use super::{NodeSet, Selection};
use crate::ir::{NodeId, ResourceType};
use crate::state::Change;
use globset::GlobBuilder;
use rsdbt_base::{Code, Diagnostic, closest};
use serde_json::{Map, Value as Json};

/// Every method: name, and how it tests a resource against a value and the arguments after the dot.
pub const METHODS: &[(&str, Test)] = &[
    ("fqn", fqn),
    ("tag", tag),
    ("path", path),
    ("file", file),
    ("source", source),
    ("package", package),
    ("resource_type", resource_type),
    ("config", config),
    ("exposure", exposure),
    ("test_name", test_name),
    ("test_type", test_type),
    ("unit_test", unit_test),
    ("group", group),
    ("access", access),
    ("version", version),
    ("result", result),
    ("state", state),
    ("source_status", source_status),
];

type Test = fn(&Selection, &NodeId, &Wanted) -> bool;

/// A value of a criterion: a pattern with `*`, `?` and `[...]`.
pub struct Wanted<'w> {
    text: &'w str,
    matcher: Option<globset::GlobMatcher>,
    arguments: Vec<&'w str>,
}

impl Wanted<'_> {
    fn is(&self, text: &str) -> bool {
        self.matcher.as_ref().map_or(self.text == text, |glob| glob.is_match(text))
    }
}

pub fn find(selection: &Selection, method: Option<&str>, value: &str) -> Result<NodeSet, Diagnostic> {
    let method = method.unwrap_or(match value {
        v if v.ends_with(".sql") || v.ends_with(".csv") || v.ends_with(".py") => {
            if v.contains('/') {
                "path"
            } else {
                "file"
            }
        }
        v if v.contains('/') => "path",
        _ => "fqn",
    });
    let mut parts = method.split('.');
    let name = parts.next().unwrap_or_default();
    if name == "selector" {
        let Some(selectors) = selection.selectors else {
            return Err(Diagnostic::error(Code::USAGE, format!("selector:{value}: there is no selectors.yml")));
        };
        return Ok(named_selector(selection, selectors, Some(value))?.unwrap_or_default());
    }
    let Some((_, test)) = METHODS.iter().find(|(known, _)| *known == name) else {
        let error = Diagnostic::error(Code::USAGE, format!("'{name}' is not a valid method name"));
        return Err(match closest(name, METHODS.iter().map(|(name, _)| *name)) {
            Some(near) => error.help(format!("did you mean '{near}:'?")),
            None => error
                .help(format!("the methods are {}", METHODS.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", "))),
        });
    };
    check(selection, name, value)?;
    let has_pattern = value.contains(['*', '?', '[']);
    let matcher = has_pattern.then(|| GlobBuilder::new(value).literal_separator(false).build().ok()).flatten();
    let wanted =
        Wanted { text: value, matcher: matcher.map(|glob| glob.compile_matcher()), arguments: parts.collect() };
    Ok(selection.manifest.ids().into_iter().filter(|id| test(selection, id, &wanted)).cloned().collect())
}

fn fqn(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    if selection.manifest.sources.contains_key(id) {
        return false;
    }
    let fqn = selection.manifest.fqn(id);
    let Some(last) = fqn.last() else { return false };
    // `name.v2` selects by name and version.
    let versioned = fqn.len() > 1 && selection.manifest.nodes.get(id).is_some_and(|n| n.version.is_some());
    let names = [last.clone(), if versioned { format!("{}.{last}", fqn[fqn.len() - 2]) } else { String::new() }];
    if names.iter().any(|name| wanted.is(name)) || (versioned && wanted.is(&fqn[fqn.len() - 2])) {
        return true;
    }
    let parts: Vec<&str> = wanted.text.split('.').collect();
    let begins = |fqn: &[String]| {
        fqn.len() >= parts.len()
            && fqn.iter().zip(&parts).all(|(have, want)| {
                have == want
                    || (want.contains(['*', '?', '['])
                        && GlobBuilder::new(want).build().is_ok_and(|g| g.compile_matcher().is_match(have)))
            })
    };
    begins(fqn) || begins(&fqn[1..])
}

fn tags_of(selection: &Selection, id: &NodeId) -> Vec<String> {
    if let Some(node) = selection.manifest.nodes.get(id) {
        let mut tags = node.tags();
        if let Some(column) = node.test.as_ref().and_then(|t| t.column_name.as_ref().zip(t.attached_node.as_ref())) {
            let of_node = selection.manifest.nodes.get(column.1).and_then(|n| n.columns.get(column.0));
            tags.extend(of_node.map(|c| c.tags.clone()).unwrap_or_default());
        }
        return tags;
    }
    if let Some(source) = selection.manifest.sources.get(id) {
        return source.tags();
    }
    let entry = selection.manifest.exposures.get(id).map(|e| &e.entry);
    let tags = entry.and_then(|e| e.get("tags")).and_then(Json::as_array);
    tags.into_iter().flatten().filter_map(|t| t.as_str().map(str::to_owned)).collect()
}

fn tag(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    tags_of(selection, id).iter().any(|tag| wanted.is(tag))
}

fn path(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let file = selection.manifest.original_file_path(id);
    let text = wanted.text.trim_start_matches("./").trim_end_matches('/');
    file == text
        || file.starts_with(&format!("{text}/"))
        || wanted
            .matcher
            .as_ref()
            .is_some_and(|glob| std::path::Path::new(file).ancestors().any(|part| glob.is_match(part)))
}

fn file(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let path = selection.manifest.original_file_path(id);
    let name = path.rsplit('/').next().unwrap_or(path);
    wanted.is(name) || wanted.is(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

fn source(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let Some(source) = selection.manifest.sources.get(id) else { return false };
    let full = [source.package.as_str(), &source.source_name, &source.name];
    let is = |text: &str| wanted.is(text);
    is(&source.source_name) || is(&full[1..].join(".")) || is(&full.join(".")) || wanted.text == "*"
}

fn package(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let own = selection.manifest.fqn(id).first().map(String::as_str).unwrap_or_default();
    wanted.is(own) || (wanted.text == "this" && own == selection.manifest.project)
}

fn kind(selection: &Selection, id: &NodeId) -> ResourceType {
    let manifest = selection.manifest;
    match manifest.nodes.get(id) {
        Some(node) => node.resource_type,
        None if manifest.sources.contains_key(id) => ResourceType::Source,
        None if manifest.unit_tests.contains_key(id) => ResourceType::UnitTest,
        None => ResourceType::Exposure,
    }
}

fn resource_type(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    wanted.is(kind(selection, id).word())
}

fn config(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let config = match (selection.manifest.nodes.get(id), selection.manifest.sources.get(id)) {
        (Some(node), _) => Json::Object(Map::clone(&node.config)),
        (_, Some(source)) => Json::Object(Map::clone(&source.config)),
        _ => return false,
    };
    let mut value = &config;
    for key in &wanted.arguments {
        match value.get(key) {
            Some(inner) => value = inner,
            None => return false,
        }
    }
    let is = |value: &Json| match value {
        Json::String(text) => wanted.is(text),
        Json::Bool(flag) => wanted.text.eq_ignore_ascii_case(&flag.to_string()),
        other => wanted.is(&other.to_string()),
    };
    match value {
        Json::Array(items) => items.iter().any(is),
        Json::Object(map) => map.contains_key(wanted.text),
        one => is(one),
    }
}

fn exposure(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    selection
        .manifest
        .exposures
        .get(id)
        .is_some_and(|e| wanted.is(&e.name) || wanted.is(&format!("{}.{}", e.package, e.name)))
}

fn test_name(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let test = selection.manifest.nodes.get(id).and_then(|node| node.test.as_ref());
    test.is_some_and(|test| wanted.is(&test.name))
}

fn test_type(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let data = selection.manifest.nodes.get(id).and_then(|node| node.test.as_ref());
    match wanted.text {
        "generic" | "schema" => data.is_some_and(|t| t.is_generic()),
        "singular" => data.is_some_and(|t| !t.is_generic()),
        "data" => data.is_some(),
        "unit" => selection.manifest.unit_tests.contains_key(id),
        _ => false,
    }
}

fn unit_test(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    selection.manifest.unit_tests.get(id).is_some_and(|test| wanted.is(&test.name))
}

fn setting<'s>(selection: &'s Selection, id: &NodeId, key: &str) -> Option<&'s str> {
    selection.manifest.nodes.get(id).and_then(|node| node.setting(key).and_then(Json::as_str))
}

fn group(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    setting(selection, id, "group").is_some_and(|group| wanted.is(group))
}

fn access(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    kind(selection, id) == ResourceType::Model
        && setting(selection, id, "access").is_some_and(|access| wanted.is(access))
}

fn version(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let Some(node) = selection.manifest.nodes.get(id).filter(|n| n.resource_type == ResourceType::Model) else {
        return false;
    };
    let number = |v: &Option<Json>| v.as_ref().and_then(Json::as_f64);
    match wanted.text {
        "latest" => node.version.is_some() && node.version == node.latest_version,
        "prerelease" => number(&node.version) > number(&node.latest_version),
        "old" => node.version.is_some() && number(&node.version) < number(&node.latest_version),
        "none" => node.version.is_none(),
        _ => false,
    }
}

fn result(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    selection.previous.results.get(id).is_some_and(|status| wanted.is(status))
}

/// Refuses what a method cannot answer.
fn check(selection: &Selection, method: &str, value: &str) -> Result<(), Diagnostic> {
    let missing = |message: &str| Err(Diagnostic::error(Code::USAGE, message).help("name its folder with --state"));
    match method {
        "state" => {
            Change::read(value)?;
            match selection.previous.state {
                None => missing("Got a state selector method, but no comparison manifest"),
                Some(_) => Ok(()),
            }
        }
        "source_status" if value != "fresher" => Err(Diagnostic::error(
            Code::USAGE,
            format!("'source_status:{value}' is no valid selection: there is 'source_status:fresher' only"),
        )),
        "source_status" if selection.previous.fresher.is_none() => {
            missing("No previous state comparison freshness results in sources.json")
        }
        _ => Ok(()),
    }
}

fn state(selection: &Selection, id: &NodeId, wanted: &Wanted) -> bool {
    let (Some(state), Ok(change)) = (&selection.previous.state, Change::read(wanted.text)) else { return false };
    state.fits(selection.manifest, selection.dialect, id, change)
}

fn source_status(selection: &Selection, id: &NodeId, _: &Wanted) -> bool {
    selection.previous.fresher.as_ref().is_some_and(|fresher| fresher.contains(id))
}
