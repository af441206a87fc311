//! Macros that differ from the other invocation's. Those of the program itself never count: dbt's texts are not ours.

use crate::ir::Manifest;
use rsdbt_jinja::INTERNAL;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Macros whose text differs, and all that call one of them.
pub fn changed(old: &BTreeMap<String, String>, manifest: &Manifest) -> HashSet<String> {
    let own = manifest.macros.values().filter(|entry| entry.package != INTERNAL);
    let differs = |text: &str, id: &str| old.get(id).is_none_or(|old| plain(old) != plain(text));
    let mut found: HashSet<String> =
        own.filter(|entry| differs(&entry.text, &entry.unique_id)).map(|entry| entry.unique_id.clone()).collect();
    let mut callers: HashMap<&str, Vec<&str>> = HashMap::new();
    for entry in manifest.macros.values() {
        for called in &entry.depends_on {
            callers.entry(called).or_default().push(&entry.unique_id);
        }
    }
    let mut edge: Vec<String> = found.iter().cloned().collect();
    while let Some(id) = edge.pop() {
        for caller in callers.get(id.as_str()).into_iter().flatten() {
            if found.insert((*caller).to_owned()) {
                edge.push((*caller).to_owned());
            }
        }
    }
    found
}

/// Line ends of Windows are no difference.
fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}
