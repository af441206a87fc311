//! dbt's Relation: the name of a table, a view or a CTE. It knows how it is written, and not whether it exists.

use crate::Dialect;

/// A possibly partial name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relation {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub identifier: Option<String>,
    /// "table", "view", "cte", ...; `None` when nobody knows yet.
    pub kind: Option<String>,
    pub dialect: Dialect,
    /// Whether database, schema and identifier are quoted.
    pub quoted: [bool; 3],
    /// What cuts rows away where the relation is printed, not where `.render()` is called: `--empty`, a batch's window.
    pub rows: Option<String>,
}

impl Relation {
    pub fn new(database: &str, schema: &str, identifier: &str, dialect: Dialect) -> Self {
        Relation {
            database: Some(database.to_owned()),
            schema: Some(schema.to_owned()),
            identifier: Some(identifier.to_owned()),
            kind: None,
            dialect,
            quoted: [true; 3],
            rows: None,
        }
    }

    /// The name, or a subquery with those of its rows that count.
    pub fn print(&self) -> String {
        match &self.rows {
            Some(clause) => format!("(select * from {} {clause})", self.render()),
            None => self.render(),
        }
    }

    /// The name alone.
    pub fn render(&self) -> String {
        if self.kind.as_deref() == Some("cte") {
            return self.identifier.clone().unwrap_or_default();
        }
        let parts = [&self.database, &self.schema, &self.identifier];
        let named: Vec<String> = parts
            .iter()
            .zip(self.quoted)
            .filter_map(|(part, quoted)| part.as_ref().map(|name| (name, quoted)))
            .map(|(name, quoted)| if quoted { self.dialect.quote(name) } else { name.clone() })
            .collect();
        named.join(".")
    }
}
