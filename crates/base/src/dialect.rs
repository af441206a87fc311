//! The two dialects of SQL that a project is written in. Whoever needs to know one asks here; nobody guesses it from a
//! name or from how a name is quoted. It must never learn what an engine does with the text.

/// The SQL that a project's models are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    #[default]
    DuckDb,
    GoogleSql,
}

impl Dialect {
    /// The mark around a quoted name.
    pub fn mark(self) -> char {
        match self {
            Dialect::DuckDb => '"',
            Dialect::GoogleSql => '`',
        }
    }

    /// A name as SQL.
    pub fn quote(self, name: &str) -> String {
        let mark = self.mark();
        match self {
            Dialect::DuckDb => format!("{mark}{}{mark}", name.replace('"', "\"\"")),
            Dialect::GoogleSql => format!("{mark}{name}{mark}"),
        }
    }

    /// A text as SQL.
    pub fn literal(self, text: &str) -> String {
        match self {
            Dialect::DuckDb => format!("'{}'", text.replace('\'', "''")),
            Dialect::GoogleSql => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n")),
        }
    }

    /// The incremental strategies that dbt's adapter for the dialect has.
    pub fn strategies(self) -> &'static [&'static str] {
        match self {
            Dialect::DuckDb => &["append", "delete+insert", "merge", "insert_overwrite", "microbatch"],
            Dialect::GoogleSql => &["merge", "insert_overwrite", "microbatch"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_own_escapes() {
        assert_eq!(Dialect::DuckDb.quote("a\"b"), "\"a\"\"b\"");
        assert_eq!(Dialect::GoogleSql.quote("a-b"), "`a-b`");
        assert_eq!(Dialect::DuckDb.literal("it's \\ so"), "'it''s \\ so'");
        assert_eq!(Dialect::GoogleSql.literal("it's \\\nso"), "'it\\'s \\\\\\nso'");
    }
}
