//! profiles.yml: which warehouse, and with what credentials.

use super::yaml::Yaml;
use rsdbt_base::{Code, Diagnostic, Dialect, closest};
use serde_json::{Map, Value as Json};

/// The chosen output of a profile, its values rendered.
#[derive(Debug, Clone)]
pub struct Profile {
    pub name: String,
    pub target: String,
    /// `duckdb` or `bigquery`.
    pub kind: String,
    pub database: String,
    pub schema: String,
    pub threads: usize,
    pub settings: Map<String, Json>,
    /// The target is local and says no `path`: `<profile>.duckdb` was chosen for it.
    pub is_path_chosen: bool,
}

/// Keys that never leave the process.
const SECRETS: [&str; 9] = [
    "password",
    "pass",
    "keyfile_json",
    "client_secret",
    "refresh_token",
    "token",
    "token_endpoint",
    "private_key",
    "secrets",
];

impl Profile {
    /// Chooses the output and reads it. `render` renders one YAML string.
    pub fn read(
        file: &str,
        yaml: &Yaml,
        (name, target): (&str, Option<&str>),
        render: &dyn Fn(&Yaml) -> Result<Json, Diagnostic>,
    ) -> Result<Profile, Diagnostic> {
        let fail = |message: String| Diagnostic::error(Code::CONFIG, message);
        let profile = yaml.get(name);
        if profile.is_null() {
            let names: Vec<&str> = yaml.entries().map(|(k, _)| k.as_str()).filter(|k| *k != "config").collect();
            let error = fail(format!("Could not find profile named '{name}' in {file}"));
            return Err(match closest(name, names.iter().copied()) {
                Some(near) => error.help(format!("did you mean '{near}'?")),
                None => error.help(format!("the file has: {}", names.join(", "))),
            });
        }
        let target = match target {
            Some(target) => target.to_owned(),
            None => match render(profile.get("target"))? {
                Json::String(target) => target,
                _ => "default".to_owned(),
            },
        };
        let outputs = profile.get("outputs");
        let output = outputs.get(&target);
        let usual = render(profile.get("target"))?;
        let cloud = outputs.get(usual.as_str().unwrap_or("default"));
        if output.is_null() && target == "local" && cloud.get("type").text().as_deref() == Some("bigquery") {
            let settings = on_the_laptop(&render(cloud)?);
            return Profile::of(name, target, settings).map_err(|error| error.at(cloud.place(file)));
        }
        if output.is_null() {
            let names: Vec<&str> = profile.get("outputs").entries().map(|(k, _)| k.as_str()).collect();
            return Err(fail(format!(
                "The profile '{name}' does not have a target named '{target}'. The valid target names for this profile are:\n - {}",
                names.join("\n - ")
            ))
            .at(profile.place(file)));
        }
        let Json::Object(settings) = render(output)? else {
            return Err(fail(format!("the target '{target}' is not a map")).at(output.place(file)));
        };
        Profile::of(name, target, settings).map_err(|error| error.at(output.place(file)))
    }

    fn of(name: &str, target: String, mut settings: Map<String, Json>) -> Result<Profile, Diagnostic> {
        let is_path_chosen = is_local(&settings) && settings.get("path").is_none_or(Json::is_null);
        if is_path_chosen {
            // What a run builds must be there for the next command.
            settings.insert("path".to_owned(), Json::from(format!("{}.duckdb", name.replace(['/', '\\', ':'], "_"))));
        }
        let text = |keys: &[&str]| keys.iter().find_map(|k| settings.get(*k).and_then(Json::as_str)).map(str::to_owned);
        let missing = |key: &str| {
            Diagnostic::error(Code::CONFIG, format!("the target '{target}' of profile '{name}' has no '{key}'"))
        };
        let kind = text(&["type"]).ok_or_else(|| missing("type"))?;
        let (database, schema) = match kind.as_str() {
            "duckdb" => {
                let path = text(&["path"]).unwrap_or_else(|| ":memory:".to_owned());
                let database = text(&["database"]).unwrap_or_else(|| database_of(&path));
                (database, text(&["schema"]).unwrap_or_else(|| "main".to_owned()))
            }
            "bigquery" => {
                let project = text(&["project", "database"]);
                let project = project
                    .or_else(|| is_local(&settings).then(|| "local".to_owned()))
                    .ok_or_else(|| missing("project"))?;
                (project, text(&["dataset", "schema"]).ok_or_else(|| missing("dataset"))?)
            }
            other => {
                return Err(Diagnostic::error(Code::CONFIG, format!("rsdbt has no adapter of type '{other}'"))
                    .help("the types are duckdb and bigquery"));
            }
        };
        let threads = settings.get("threads").and_then(Json::as_u64).unwrap_or(1).max(1) as usize;
        Ok(Profile { name: name.to_owned(), target, kind, database, schema, threads, settings, is_path_chosen })
    }

    /// Embedded: BigQuery SQL on a DuckDB file.
    pub fn is_local_bigquery(&self) -> bool {
        is_local(&self.settings)
    }

    /// The SQL that a project with this target is written in.
    pub fn dialect(&self) -> Dialect {
        if self.kind == "bigquery" { Dialect::GoogleSql } else { Dialect::DuckDb }
    }

    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).and_then(Json::as_str)
    }

    /// dbt's `target` variable: the settings without secrets.
    pub fn target_variable(&self) -> Map<String, Json> {
        let mut target: Map<String, Json> = self
            .settings
            .iter()
            .filter(|(k, _)| !SECRETS.contains(&k.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        let own = [
            ("name", &self.target),
            ("target_name", &self.target),
            ("profile_name", &self.name),
            ("type", &self.kind),
            ("schema", &self.schema),
            ("database", &self.database),
        ];
        for (key, value) in own {
            target.insert(key.to_owned(), Json::from(value.as_str()));
        }
        if self.dialect() == Dialect::GoogleSql {
            target.insert("project".into(), Json::from(self.database.as_str()));
            target.insert("dataset".into(), Json::from(self.schema.as_str()));
        }
        target.insert("threads".into(), Json::from(self.threads));
        target
    }
}

/// The target `local` that a BigQuery profile has without saying so: the same project and dataset, in a DuckDB file.
fn on_the_laptop(cloud: &Json) -> Map<String, Json> {
    let kept = ["type", "project", "database", "dataset", "schema", "threads", "external_paths"];
    let kept = kept.iter().filter_map(|key| Some(((*key).to_owned(), cloud.get(*key)?.clone())));
    let mut settings: Map<String, Json> = kept.collect();
    settings.insert("method".to_owned(), Json::from("local"));
    settings
}

fn is_local(settings: &Map<String, Json>) -> bool {
    let is = |key: &str, word: &str| settings.get(key).and_then(Json::as_str) == Some(word);
    is("type", "bigquery") && is("method", "local")
}

/// DuckDB names a database after its file.
fn database_of(path: &str) -> String {
    if path == ":memory:" {
        return "memory".to_owned();
    }
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.split('.').next().unwrap_or(name).to_owned()
}
