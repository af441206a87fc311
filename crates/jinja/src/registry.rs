//! All macros of all packages, and where each name is looked for.

use super::prepass::{Block, BlockKind, Parameter, Prepared, Template};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

/// The package that holds rsdbt's own macros, called `dbt` by templates.
pub const INTERNAL: &str = "dbt";

/// Materializations of ours that dbt has not: a package's own one of that name is what its users mean.
const BEYOND_DBT: [&str; 1] = ["model"];

/// A macro, test, materialization or call body.
#[derive(Debug)]
pub struct MacroDef {
    pub unique_id: String,
    pub package: String,
    pub name: String,
    pub kind: BlockKind,
    pub parameters: Vec<Parameter>,
    /// The name of its template.
    pub template: String,
    /// Path of the file, as shown to the user and relative to the package.
    pub file: String,
    /// The block as written.
    pub text: String,
    pub uses_varargs: bool,
    pub uses_kwargs: bool,
    pub uses_caller: bool,
    pub languages: Vec<String>,
}

/// What a template was made from: for places in error messages.
#[derive(Debug)]
pub struct Origin {
    pub template: Template,
    pub file: String,
    /// The file as written; empty for text that is in no file.
    pub source: Arc<str>,
}

#[derive(Debug, Default)]
pub struct Registry {
    root: String,
    /// package -> macro name -> definition
    packages: BTreeMap<String, HashMap<String, Arc<MacroDef>>>,
    calls: RwLock<HashMap<String, Arc<MacroDef>>>,
    origins: RwLock<HashMap<String, Arc<Origin>>>,
    /// `dispatch:` of dbt_project.yml: namespace -> packages to search.
    dispatch: BTreeMap<String, Vec<String>>,
    adapter: String,
}

/// One prepared file to be registered.
pub struct File<'a> {
    pub package: &'a str,
    /// Unique among all templates; the path as shown to the user.
    pub path: &'a str,
    pub source: &'a str,
    pub prepared: Prepared,
}

impl Registry {
    pub fn new(root: &str, adapter: &str, dispatch: BTreeMap<String, Vec<String>>) -> Self {
        Registry { root: root.to_owned(), adapter: adapter.to_owned(), dispatch, ..Registry::default() }
    }

    pub fn root(&self) -> &str {
        &self.root
    }

    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// Makes a macro file's definitions known. Returns the names that were defined in the package before.
    pub fn add_macros(&mut self, file: File) -> Vec<String> {
        let definitions = self.register(&file);
        let package = self.packages.entry(file.package.to_owned()).or_default();
        let mut twice = Vec::new();
        for definition in definitions {
            if package.insert(definition.name.clone(), definition.clone()).is_some() {
                twice.push(definition.name.clone());
            }
        }
        twice
    }

    /// Makes a file's templates known by name. Returns its blocks' definitions (snapshots and docs are not macros).
    pub fn register(&self, file: &File) -> Vec<Arc<MacroDef>> {
        let source: Arc<str> = file.source.into();
        let origin = |template: &Template| {
            Arc::new(Origin { template: template.clone(), file: file.path.to_owned(), source: source.clone() })
        };
        let mut origins = self.origins.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        origins.insert(file.path.to_owned(), origin(&file.prepared.main));
        let mut definitions = Vec::new();
        for block in &file.prepared.blocks {
            let definition = Arc::new(define(file, block));
            origins.insert(definition.template.clone(), origin(&block.template));
            match block.kind {
                BlockKind::Call => {
                    let mut calls = self.calls.write().unwrap_or_else(std::sync::PoisonError::into_inner);
                    calls.insert(definition.template.clone(), definition);
                }
                BlockKind::Docs | BlockKind::Snapshot => {}
                _ => definitions.push(definition),
            }
        }
        definitions
    }

    pub fn knows(&self, template: &str) -> bool {
        self.origin(template).is_some()
    }

    pub fn origin(&self, template: &str) -> Option<Arc<Origin>> {
        self.origins.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(template).cloned()
    }

    /// The body of call block `id` of the file that `template` belongs to.
    pub fn call_body(&self, template: &str, id: &str) -> Option<Arc<MacroDef>> {
        let file = template.split(['#', '\u{1}']).next().unwrap_or(template);
        let calls = self.calls.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        calls.get(&format!("{file}#{id}")).cloned()
    }

    pub fn in_package(&self, package: &str, name: &str) -> Option<Arc<MacroDef>> {
        self.packages.get(package)?.get(name).cloned()
    }

    /// A bare name as a node or macro of `package` sees it: own package, root project, rsdbt's macros.
    pub fn find(&self, package: &str, name: &str) -> Option<Arc<MacroDef>> {
        [package, self.root.as_str(), INTERNAL].iter().find_map(|package| self.in_package(package, name))
    }

    /// A name in any package: the root project's, then that of any other package, then rsdbt's.
    pub fn find_anywhere(&self, name: &str) -> Option<Arc<MacroDef>> {
        let others = || {
            let packages = self.packages.iter().filter(|(package, _)| *package != INTERNAL);
            packages.filter_map(|(_, macros)| macros.get(name)).next().cloned()
        };
        self.in_package(&self.root, name).or_else(others).or_else(|| self.in_package(INTERNAL, name))
    }

    /// The package that a template means by a namespace; adapters' packages are part of rsdbt's.
    pub fn namespace(&self, name: &str) -> Option<&str> {
        if name == INTERNAL || name.strip_prefix("dbt_").is_some_and(|adapter| adapter == self.adapter) {
            return Some(INTERNAL);
        }
        self.packages.get_key_value(name).map(|(name, _)| name.as_str())
    }

    /// `adapter.dispatch(name, namespace)`.
    pub fn dispatch(&self, name: &str, namespace: Option<&str>, package: &str) -> Result<Arc<MacroDef>, Vec<String>> {
        let mut packages: Vec<String> = match namespace.and_then(|n| self.dispatch.get(n)) {
            Some(order) => order.clone(),
            None => [Some(self.root.clone()), namespace.map(str::to_owned)].into_iter().flatten().collect(),
        };
        if namespace.is_none() {
            packages.insert(0, package.to_owned());
        }
        if namespace.is_none() || namespace == Some(INTERNAL) || packages.iter().any(|p| p == INTERNAL) {
            packages.push(INTERNAL.to_owned());
        }
        let mut tried = Vec::new();
        for candidate in &packages {
            for prefix in [self.adapter.as_str(), "default"] {
                let full = format!("{prefix}__{name}");
                if let Some(found) = self.in_package(candidate, &full) {
                    return Ok(found);
                }
                tried.push(format!("{candidate}.{full}"));
            }
        }
        tried.dedup();
        Err(tried)
    }

    /// The materialization for this adapter: the root project's own first, the adapter's before the default. One that dbt does
    /// not have itself is taken from any package before ours.
    pub fn materialization(&self, name: &str, package: &str) -> Option<Arc<MacroDef>> {
        let names = [format!("materialization_{name}_{}", self.adapter), format!("materialization_{name}_default")];
        let of = |package: &str| names.iter().find_map(|name| self.in_package(package, name));
        let of_any = || {
            let others = self.packages.keys().filter(|package| *package != INTERNAL);
            others.into_iter().find_map(|package| of(package))
        };
        let own = of(&self.root).or_else(|| of(package).filter(|_| package != INTERNAL));
        if BEYOND_DBT.contains(&name) {
            return own.or_else(of_any).or_else(|| of(INTERNAL));
        }
        own.or_else(|| of(INTERNAL)).or_else(of_any)
    }

    /// Every macro, ordered by unique id.
    pub fn all(&self) -> Vec<Arc<MacroDef>> {
        let mut all: Vec<_> = self.packages.values().flat_map(|macros| macros.values().cloned()).collect();
        all.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
        all
    }

    pub fn names(&self, package: &str) -> Vec<String> {
        let mut names: Vec<String> =
            self.packages.get(package).map(|m| m.keys().cloned().collect()).unwrap_or_default();
        names.sort();
        names
    }
}

fn define(file: &File, block: &Block) -> MacroDef {
    let text = &block.template.text;
    let template = match block.kind {
        BlockKind::Call => format!("{}#{}", file.path, block.name),
        _ => format!("{}\u{1}{}", file.path, block.name),
    };
    MacroDef {
        unique_id: format!("macro.{}.{}", file.package, block.name),
        package: file.package.to_owned(),
        name: block.name.clone(),
        kind: block.kind,
        parameters: block.parameters.clone(),
        template,
        file: file.path.to_owned(),
        text: file.source[block.range.clone()].to_owned(),
        uses_varargs: text.contains("varargs"),
        uses_kwargs: text.contains("kwargs"),
        uses_caller: text.contains("caller"),
        languages: block.languages.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prepass::prepare;

    #[test]
    fn a_package_wins_over_us_only_where_dbt_has_nothing() {
        let mut registry = Registry::new("shop", "bigquery", BTreeMap::new());
        for (package, path) in [(INTERNAL, "a.sql"), ("ml", "b.sql")] {
            let block = |name: &str| {
                format!("{{% materialization {name}, adapter='bigquery' %}}{package}{{% endmaterialization %}}")
            };
            let source = block("model") + &block("table");
            let prepared = prepare(&source).expect("valid");
            registry.add_macros(File { package, path, source: &source, prepared });
        }
        let package = |name: &str| registry.materialization(name, "shop").map(|found| found.package.clone());
        assert_eq!((package("model").as_deref(), package("table").as_deref()), (Some("ml"), Some(INTERNAL)));
        assert!(package("nothing").is_none());
    }
}
