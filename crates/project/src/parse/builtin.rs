//! rsdbt's own macros, embedded from the folder `macros/`.

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        /// (path, text) of every built-in macro file.
        pub const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../../macros/", $name)))),*];
    };
}

embedded!(
    "adapters/columns.sql",
    "adapters/relations.sql",
    "adapters/schema.sql",
    "bigquery/incremental.sql",
    "bigquery/options.sql",
    "bigquery/relations.sql",
    "cross_database.sql",
    "freshness.sql",
    "generic_tests.sql",
    "get_custom_name.sql",
    "hooks.sql",
    "materializations/clone.sql",
    "materializations/incremental.sql",
    "materializations/merge.sql",
    "materializations/ml_model.sql",
    "materializations/seed.sql",
    "materializations/snapshot.sql",
    "materializations/table.sql",
    "materializations/test.sql",
    "materializations/view.sql",
    "statement.sql",
    "where_subquery.sql",
);
