//! The relations that a project's queries may read, by name.

use rsdbt_googlesql::types::Type;
use std::collections::HashMap;

/// Names and types, in their order.
pub type Columns = Vec<(String, Type)>;

#[derive(Debug, Clone, PartialEq)]
pub enum Schema {
    Known(Columns),
    /// It exists, or may exist, and nobody has said what it holds.
    Unknown,
}

/// Names are compared without case: a query that differs in case only would not be worth a finding.
#[derive(Debug, Default)]
pub struct Relations {
    project: String,
    dataset: String,
    schemas: HashMap<String, Schema>,
}

impl Relations {
    /// `project` and `dataset` complete names that leave them out.
    pub fn new(project: &str, dataset: &str) -> Relations {
        Relations { project: project.to_owned(), dataset: dataset.to_owned(), schemas: HashMap::new() }
    }

    pub fn insert(&mut self, path: &[&str], schema: Schema) {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let key = self.key(&path);
        self.schemas.insert(key, schema);
    }

    pub fn get(&self, path: &[String]) -> Option<&Schema> {
        self.schemas.get(&self.key(path))
    }

    /// `project.dataset.table` in lower case. Parts may hold dots: `` `a.b.c` `` is one name in backticks.
    pub fn key(&self, path: &[String]) -> String {
        let joined = path.join(".").to_lowercase();
        match joined.split('.').count() {
            1 => format!("{}.{}.{joined}", self.project, self.dataset).to_lowercase(),
            2 => format!("{}.{joined}", self.project).to_lowercase(),
            _ => joined,
        }
    }
}
