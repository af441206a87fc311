//! Finds and reads dbt_project.yml, profiles.yml, selectors.yml and the installed packages.

use super::host::{SettingsHost, render_tree};
use crate::config::{Profile, Project, Yaml, yaml};
use rsdbt_base::{Code, Diagnostic, Diagnostics, Place};
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

/// What the command line says about where and which.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub project_dir: Option<PathBuf>,
    pub profiles_dir: Option<PathBuf>,
    pub profile: Option<String>,
    pub target: Option<String>,
    pub threads: Option<usize>,
    pub vars: Map<String, Json>,
}

const PROJECT_FILE: &str = "dbt_project.yml";
const PROFILES_FILE: &str = "profiles.yml";

fn read_yaml(path: &Path, shown: &str) -> Result<Yaml, Diagnostic> {
    let text = sys::read(path)
        .map_err(|why| Diagnostic::error(Code::FILE, format!("cannot read this file: {why}")).at(Place::file(shown)))?;
    yaml::parse(shown, &text)
}

/// The folder with dbt_project.yml: the one asked for, or the nearest above the current one.
fn find_root(options: &Options) -> Result<PathBuf, Diagnostic> {
    if let Some(folder) = &options.project_dir {
        if sys::exists(&folder.join(PROJECT_FILE)) {
            return Ok(sys::canonical(folder));
        }
        let message = format!("No dbt_project.yml found at expected path {}", folder.join(PROJECT_FILE).display());
        return Err(Diagnostic::error(Code::CONFIG, message));
    }
    let here = sys::current_folder().map_err(|why| Diagnostic::error(Code::FILE, why.to_string()))?;
    let found = here.ancestors().find(|folder| sys::exists(&folder.join(PROJECT_FILE)));
    found.map(Path::to_path_buf).ok_or_else(|| {
        Diagnostic::error(
            Code::CONFIG,
            format!("No dbt_project.yml found in {} or any folder above it", here.display()),
        )
        .help("go into a dbt project, or name one with --project-dir")
    })
}

/// profiles.yml: --profiles-dir, DBT_PROFILES_DIR, the current folder, the project, ~/.dbt.
fn find_profiles(options: &Options, root: &Path) -> Result<PathBuf, Diagnostic> {
    let asked = options.profiles_dir.clone().or_else(|| sys::env_var("DBT_PROFILES_DIR").map(PathBuf::from));
    let places: Vec<PathBuf> = match asked {
        Some(folder) => vec![folder],
        None => [sys::current_folder().ok(), Some(root.to_path_buf()), sys::home_folder().map(|h| h.join(".dbt"))]
            .into_iter()
            .flatten()
            .collect(),
    };
    let found = places.iter().map(|folder| folder.join(PROFILES_FILE)).find(|file| sys::exists(file));
    found.ok_or_else(|| {
        let looked: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
        Diagnostic::error(Code::CONFIG, format!("Could not find profiles.yml in {}", looked.join(", ")))
            .help("write one, or name its folder with --profiles-dir")
    })
}

/// Reads dbt_project.yml and the target that is chosen.
pub fn load_settings(options: &Options) -> Result<(Project, Profile), Diagnostics> {
    settings(options).map_err(|diagnostic| vec![diagnostic])
}

fn settings(options: &Options) -> Result<(Project, Profile), Diagnostic> {
    let root = find_root(options)?;
    let raw = read_yaml(&root.join(PROJECT_FILE), PROJECT_FILE)?;
    let plain = || SettingsHost { vars: options.vars.clone(), target: None };
    let profile_name = match &options.profile {
        Some(name) => name.clone(),
        None => {
            let rendered = render_tree(raw.get("profile"), plain(), PROJECT_FILE)?;
            rendered.text().ok_or_else(|| {
                Diagnostic::error(Code::CONFIG, "dbt_project.yml names no 'profile'").at(Place::file(PROJECT_FILE))
            })?
        }
    };
    let profiles = find_profiles(options, &root)?;
    let shown = profiles.display().to_string();
    let yaml = read_yaml(&profiles, &shown)?;
    let render = |yaml: &Yaml| render_tree(yaml, plain(), &shown).map(|yaml| yaml.to_json());
    let mut profile = Profile::read(&shown, &yaml, (&profile_name, options.target.as_deref()), &render)?;
    if let Some(threads) = options.threads {
        profile.threads = threads.max(1);
    }
    let host = SettingsHost { vars: options.vars.clone(), target: Some(profile.target_variable()) };
    let rendered = render_tree(&raw, host, PROJECT_FILE)?;
    let project = Project::read(&root.display().to_string(), PROJECT_FILE, &rendered, &raw)?;
    Ok((project, profile))
}

/// Installed packages, and local ones that packages.yml names, each once.
pub fn load_packages(root: &Project, profile: &Profile, options: &Options) -> Result<Vec<Project>, Diagnostics> {
    let mut found: Vec<Project> = Vec::new();
    let mut diagnostics = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    let base = Path::new(&root.root);
    let installed = base.join(&root.packages_path);
    for file in sys::walk(&installed) {
        let direct = file.parent().and_then(Path::parent) == Some(installed.as_path());
        if direct && file.file_name().is_some_and(|name| name == PROJECT_FILE) {
            folders.extend(file.parent().map(Path::to_path_buf));
        }
    }
    folders.extend(local_packages(base).map_err(|diagnostic| vec![diagnostic])?);
    let mut at = 0;
    while at < folders.len() {
        let folder = folders[at].clone();
        at += 1;
        match load_package(&folder, profile, options) {
            Ok(package) if package.name == root.name || found.iter().any(|p| p.name == package.name) => {}
            Ok(package) => {
                folders.extend(local_packages(&folder).map_err(|diagnostic| vec![diagnostic])?);
                found.push(package);
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    if diagnostics.is_empty() { Ok(found) } else { Err(diagnostics) }
}

fn load_package(folder: &Path, profile: &Profile, options: &Options) -> Result<Project, Diagnostic> {
    let shown = folder.join(PROJECT_FILE).display().to_string();
    let raw = read_yaml(&folder.join(PROJECT_FILE), &shown)?;
    let host = SettingsHost { vars: options.vars.clone(), target: Some(profile.target_variable()) };
    Project::read(&folder.display().to_string(), &shown, &render_tree(&raw, host, &shown)?, &raw)
}

fn local_packages(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let file = folder.join("packages.yml");
    if !sys::exists(&file) {
        return Ok(Vec::new());
    }
    let yaml = read_yaml(&file, "packages.yml")?;
    let local = yaml
        .get("packages")
        .list()
        .iter()
        .filter_map(|entry| entry.get("local").text())
        .map(|path| sys::canonical(&folder.join(path)))
        .collect();
    Ok(local)
}

/// A package that packages.yml names, and the folder it was found in.
pub struct Wanted {
    pub name: String,
    pub found: Option<String>,
}

/// The packages of packages.yml (or dependencies.yml). Errors: the file is not YAML.
pub fn packages_wanted(project: &Project) -> Result<Vec<Wanted>, Diagnostic> {
    let base = Path::new(&project.root);
    let Some(file) = ["packages.yml", "dependencies.yml"].into_iter().find(|file| sys::exists(&base.join(file))) else {
        return Ok(Vec::new());
    };
    let yaml = read_yaml(&base.join(file), file)?;
    let one = |entry: &Yaml| {
        let local = entry.get("local").text();
        let name = local
            .clone()
            .or_else(|| entry.get("package").text())
            .or_else(|| entry.get("git").text())
            .unwrap_or_default();
        let folder = match &local {
            Some(path) => base.join(path),
            None => base
                .join(&project.packages_path)
                .join(name.rsplit('/').next().unwrap_or_default().trim_end_matches(".git")),
        };
        let found = sys::exists(&folder.join(PROJECT_FILE)).then(|| folder.display().to_string());
        Wanted { name, found }
    };
    Ok(yaml.get("packages").list().iter().map(one).collect())
}

pub fn load_selectors(project: &Project) -> Result<Option<Yaml>, Diagnostics> {
    let path = Path::new(&project.root).join("selectors.yml");
    if !sys::exists(&path) {
        return Ok(None);
    }
    read_yaml(&path, "selectors.yml").map(Some).map_err(|diagnostic| vec![diagnostic])
}
