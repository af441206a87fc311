//! dbt_project.yml.

use super::yaml::Yaml;
use rsdbt_base::{Code, Diagnostic};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub struct Project {
    pub name: String,
    pub version: Option<String>,
    /// The folder that holds dbt_project.yml.
    pub root: String,
    /// dbt_project.yml as the user would type it.
    pub file: String,
    pub profile: Option<String>,
    pub model_paths: Vec<String>,
    pub seed_paths: Vec<String>,
    pub test_paths: Vec<String>,
    pub analysis_paths: Vec<String>,
    pub macro_paths: Vec<String>,
    pub snapshot_paths: Vec<String>,
    pub docs_paths: Vec<String>,
    pub packages_path: String,
    pub target_path: String,
    pub clean_targets: Vec<String>,
    pub vars: Map<String, Json>,
    pub on_run_start: Vec<String>,
    pub on_run_end: Vec<String>,
    pub dispatch: BTreeMap<String, Vec<String>>,
    pub quoting: Map<String, Json>,
    /// `models:`, `seeds:`, `snapshots:`, `data_tests:`, `sources:`, `exposures:`, `unit_tests:` trees.
    pub configs: BTreeMap<&'static str, Yaml>,
    /// The same trees before their templates are rendered.
    pub unrendered: BTreeMap<&'static str, Yaml>,
    pub query_comment: Option<Yaml>,
    pub flags: Map<String, Json>,
}

/// The config trees of a project file, by resource type.
fn trees(yaml: &Yaml) -> BTreeMap<&'static str, Yaml> {
    let tests = if yaml.get("data_tests").is_null() { yaml.get("tests") } else { yaml.get("data_tests") };
    let of = |key: &'static str| (key, yaml.get(key).clone());
    let mut trees: BTreeMap<&'static str, Yaml> =
        ["models", "seeds", "snapshots", "sources", "exposures", "unit_tests"].into_iter().map(of).collect();
    trees.insert("tests", tests.clone());
    trees
}

const PATH_KEYS: [(&str, &str); 3] =
    [("source-paths", "model-paths"), ("data-paths", "seed-paths"), ("modules-path", "packages-install-path")];

/// The project's name is one, and no key has a name of former days.
fn check(name: &str, file: &str, yaml: &Yaml) -> Result<(), Diagnostic> {
    if name.is_empty()
        || !name.chars().all(|c| c.is_alphanumeric() || c == '_')
        || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err(Diagnostic::error(Code::CONFIG, format!("'{name}' is not a valid project name"))
            .at(yaml.get("name").place(file))
            .help("use letters, digits and underscores"));
    }
    match PATH_KEYS.iter().find(|(old, _)| !yaml.get(old).is_null()) {
        Some((old, new)) => Err(Diagnostic::error(Code::CONFIG, format!("the key '{old}' was replaced by '{new}'"))
            .at(yaml.get(old).place(file))),
        None => Ok(()),
    }
}

impl Project {
    /// Reads dbt_project.yml: `yaml` is rendered, `raw` is not.
    pub fn read(root: &str, file: &str, yaml: &Yaml, raw: &Yaml) -> Result<Project, Diagnostic> {
        let Some(name) = yaml.get("name").text() else {
            return Err(Diagnostic::error(Code::CONFIG, "dbt_project.yml needs a 'name'").at(yaml.place(file)));
        };
        check(&name, file, yaml)?;
        let paths = |key: &str, default: &[&str]| -> Vec<String> {
            let given = yaml.get(key).texts();
            if given.is_empty() && yaml.get(key).is_null() {
                default.iter().map(|p| (*p).to_owned()).collect()
            } else {
                given
            }
        };
        let object = |key: &str| yaml.get(key).to_json().as_object().cloned().unwrap_or_default();
        let target_path = yaml.get("target-path").text().unwrap_or_else(|| "target".to_owned());
        let clean = yaml.get("clean-targets").texts();
        Ok(Project {
            version: yaml.get("version").text(),
            root: root.to_owned(),
            file: file.to_owned(),
            profile: yaml.get("profile").text(),
            model_paths: paths("model-paths", &["models"]),
            seed_paths: paths("seed-paths", &["seeds"]),
            test_paths: paths("test-paths", &["tests"]),
            analysis_paths: paths("analysis-paths", &["analyses"]),
            macro_paths: paths("macro-paths", &["macros"]),
            snapshot_paths: paths("snapshot-paths", &["snapshots"]),
            docs_paths: paths("docs-paths", &[]),
            packages_path: yaml.get("packages-install-path").text().unwrap_or_else(|| "dbt_packages".to_owned()),
            clean_targets: if clean.is_empty() { vec![target_path.clone()] } else { clean },
            target_path,
            vars: object("vars"),
            on_run_start: yaml.get("on-run-start").texts(),
            on_run_end: yaml.get("on-run-end").texts(),
            dispatch: yaml
                .get("dispatch")
                .list()
                .iter()
                .filter_map(|entry| Some((entry.get("macro_namespace").text()?, entry.get("search_order").texts())))
                .collect(),
            quoting: object("quoting"),
            configs: trees(yaml),
            unrendered: trees(raw),
            query_comment: Some(yaml.get("query-comment").clone()).filter(|comment| !comment.is_null()),
            flags: object("flags"),
            name,
        })
    }

    /// Vars that a package sees: global ones, then its own.
    pub fn vars_for(&self, package: &str) -> Map<String, Json> {
        let mut vars: Map<String, Json> =
            self.vars.iter().filter(|(_, v)| !v.is_object()).map(|(k, v)| (k.clone(), v.clone())).collect();
        // A map may be a package's section or the value of a var: it counts as both unless it names this package.
        for (key, value) in self.vars.iter().filter(|(_, v)| v.is_object()) {
            if key != package {
                vars.insert(key.clone(), value.clone());
            }
        }
        if let Some(own) = self.vars.get(package).and_then(Json::as_object) {
            vars.extend(own.clone());
        }
        vars
    }
}
