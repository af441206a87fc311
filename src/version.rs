//! What `--version` says about this build. Nothing is asked at run time, and nothing needs git: who packages the program
//! gives the commit in `RSDBT_COMMIT` (`make dist` does).

use std::env::consts::{ARCH, OS};
use std::sync::LazyLock;

/// The cargo features that change what the program can do.
const FEATURES: [(&str, bool); 5] = [
    ("browser", cfg!(feature = "browser")),
    ("bundled", cfg!(feature = "bundled")),
    ("cloud", cfg!(feature = "cloud")),
    ("dynamic", cfg!(feature = "dynamic")),
    ("gcp-pubsub", cfg!(feature = "gcp-pubsub")),
];

/// The long text: one fact a line, the version first as clap puts it behind the program's name.
pub fn facts() -> &'static str {
    static FACTS: LazyLock<String> = LazyLock::new(text);
    &FACTS
}

fn text() -> String {
    let features: Vec<&str> = FEATURES.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let commit = option_env!("RSDBT_COMMIT").filter(|commit| !commit.is_empty()).unwrap_or("unknown");
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    [
        env!("CARGO_PKG_VERSION").to_owned(),
        format!("commit:   {commit}"),
        format!("profile:  {profile}"),
        format!("features: {}", features.join(", ")),
        format!("target:   {ARCH}-{OS}"),
        format!("DuckDB:   {}", rsdbt_warehouse::duckdb::VERSION),
        format!("dbt:      {} (the version whose behaviour is followed)", rsdbt_base::DBT_VERSION),
    ]
    .join("\n")
}
