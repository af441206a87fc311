//! The built binary in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_rsdbt");

/// A project in a temporary folder, gone when dropped.
pub struct Project {
    folder: TempDir,
    /// Where dbt_project.yml is, relative to the folder.
    inside: &'static str,
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub fn ok(self) -> Ran {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn fails(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Ran {
        assert!(self.out.contains(text) || self.err.contains(text), "no {text:?} in\n{}\n{}", self.out, self.err);
        self
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    for entry in rsdbt_sys::walk(from) {
        let relative = entry.strip_prefix(from).expect("inside");
        let skip = ["target", "logs"].iter().any(|folder| relative.starts_with(folder));
        let is_database = relative.to_string_lossy().contains(".duckdb");
        if !skip && !is_database {
            let bytes = rsdbt_sys::read_bytes(&entry).expect("readable");
            rsdbt_sys::write(&to.join(relative), bytes).expect("writable");
        }
    }
}

impl Project {
    /// A DuckDB project with these files.
    pub fn duckdb(files: &[(&str, &str)]) -> Project {
        Project::with("type: duckdb, path: warehouse.duckdb, threads: 2", files)
    }

    /// A BigQuery project with `method: local` and these files.
    pub fn bigquery(files: &[(&str, &str)]) -> Project {
        Project::with(
            "type: bigquery, method: local, project: lab, dataset: shop, path: warehouse.duckdb, threads: 2",
            files,
        )
    }

    fn with(output: &str, files: &[(&str, &str)]) -> Project {
        let project = Project { folder: TempDir::new().expect("a folder"), inside: "" };
        project.write("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\n");
        project.write("profiles.yml", &format!("shop:\n  target: dev\n  outputs:\n    dev: {{{output}}}\n"));
        files.iter().for_each(|(path, text)| project.write(path, text));
        project
    }

    /// A copy of the bundled project and its seeds.
    pub fn live_shopping() -> Project {
        let project = Project { folder: TempDir::new().expect("a folder"), inside: "project" };
        copy(&repository().join("project"), &project.folder.path().join("project"));
        copy(&repository().join("seeds"), &project.folder.path().join("seeds"));
        project
    }

    /// A copy of `tests/fixtures/<name>`.
    pub fn fixture(name: &str) -> Project {
        let project = Project { folder: TempDir::new().expect("a folder"), inside: "" };
        copy(&repository().join("tests/fixtures").join(name), project.folder.path());
        project
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join(self.inside)
    }

    pub fn write(&self, path: &str, text: &str) {
        rsdbt_sys::write(&self.root().join(path), text).expect("writable");
    }

    pub fn read(&self, path: &str) -> String {
        rsdbt_sys::read(&self.root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
    }

    pub fn exists(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(path)).expect("JSON")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).current_dir(self.root()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(&mut self.command(arguments))
    }

    /// Runs a command that was prepared by hand.
    pub fn finish(&self, command: &mut Command) -> Ran {
        Ran::of(command.output().expect("the binary runs"))
    }

    /// The rows of a BigQuery query on the project's target, as JSON.
    pub fn query(&self, sql: &str) -> Vec<Vec<serde_json::Value>> {
        self.write("query.sql", sql);
        let target = if self.inside.is_empty() { "dev" } else { "local" };
        let ran = self.run(&["sql", "--target", target, "--file", "query.sql", "--output", "json"]).ok();
        let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        serde_json::from_value(json["rows"].clone()).expect("rows")
    }
}

/// `rsdbt` outside of any project.
pub fn rsdbt(arguments: &[&str]) -> Ran {
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder.path()).env("NO_COLOR", "1").stdin(Stdio::null());
    Ran::of(command.output().expect("the binary runs"))
}
