//! What was typed.

mod events;
mod shell;

pub use events::*;
pub use shell::*;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rsdbt build                            seeds, models, snapshots and tests, in DAG order
  rsdbt run -s +fct_sessions             one model and everything before it
  rsdbt test --exclude tag:slow          all data tests but some
  rsdbt show -s rfm_analysis --limit 5   the first rows of a model
  echo 'select 1' | rsdbt sql            BigQuery SQL in memory, no project needed

Exit codes: 0 everything worked, 1 a node failed, 2 the command or the configuration is wrong.";

/// dbt for BigQuery on a laptop: BigQuery SQL and BigQuery ML on embedded DuckDB.
#[derive(Debug, Parser)]
#[command(name = "rsdbt", version, long_version = crate::version::facts(), about, after_help = EXAMPLES, disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Default,
    Text,
    Debug,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IndirectSelection {
    Eager,
    Cautious,
    Buildable,
    Empty,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// The folder of dbt_project.yml; by default the nearest one above the current folder
    #[arg(long, global = true, env = "DBT_PROJECT_DIR", value_name = "DIR")]
    pub project_dir: Option<PathBuf>,
    /// The folder of profiles.yml
    #[arg(long, global = true, value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
    /// The profile to use instead of the project's
    #[arg(long, global = true, env = "DBT_PROFILE", value_name = "NAME")]
    pub profile: Option<String>,
    /// The target of the profile
    #[arg(long, short, global = true, env = "DBT_TARGET", value_name = "NAME")]
    pub target: Option<String>,
    /// Where artifacts go, instead of `target/`
    #[arg(long, global = true, env = "DBT_TARGET_PATH", value_name = "DIR")]
    pub target_path: Option<PathBuf>,
    /// Values for `var()`, as YAML: '{start: 2024-01-01}'
    #[arg(long, global = true, value_name = "YAML")]
    pub vars: Option<String>,
    /// How many nodes run at once
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<usize>,
    /// Stop at the first failure
    #[arg(long, short = 'x', global = true, overrides_with = "no_fail_fast")]
    pub fail_fast: bool,
    #[arg(long, global = true, hide = true)]
    pub no_fail_fast: bool,
    /// Treat warnings as errors
    #[arg(long, global = true)]
    pub warn_error: bool,
    /// Plain lines, or one JSON object a line with dbt's event names
    #[arg(long, global = true, env = "DBT_LOG_FORMAT", default_value = "default", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Print errors only
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Do not write artifacts
    #[arg(long, global = true)]
    pub no_write_json: bool,
    /// No colours (also by the variable NO_COLOR)
    #[arg(long, global = true)]
    pub no_use_colors: bool,
    /// Parse every file again, though none has changed since the last time
    #[arg(long, global = true)]
    pub no_partial_parse: bool,
    #[command(flatten)]
    pub accepted: Accepted,
}

/// Flags of dbt that change nothing here; scripts that pass them keep working.
#[derive(Debug, clap::Args)]
pub struct Accepted {
    #[arg(long, global = true, hide = true)]
    pub write_json: bool,
    #[arg(long, global = true, hide = true)]
    pub use_colors: bool,
    #[arg(long, global = true, hide = true)]
    pub partial_parse: bool,
    #[arg(long, global = true, hide = true)]
    pub version_check: bool,
    #[arg(long, global = true, hide = true)]
    pub no_version_check: bool,
    #[arg(long, global = true, hide = true)]
    pub populate_cache: bool,
    #[arg(long, global = true, hide = true)]
    pub no_populate_cache: bool,
    #[arg(long, global = true, hide = true)]
    pub cache_selected_only: bool,
    #[arg(long, global = true, hide = true)]
    pub no_send_anonymous_usage_stats: bool,
    #[arg(long, global = true, hide = true)]
    pub static_parser: bool,
    #[arg(long, global = true, hide = true)]
    pub no_static_parser: bool,
    #[arg(long, short = 'd', global = true, hide = true)]
    pub debug: bool,
    #[arg(long, global = true, hide = true)]
    pub print: bool,
    #[arg(long, global = true, hide = true)]
    pub no_print: bool,
    #[arg(long, global = true, hide = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub log_path: Option<PathBuf>,
    #[arg(long, global = true, hide = true, value_name = "N")]
    pub printer_width: Option<usize>,
}

/// Which nodes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Selecting {
    /// Nodes to take: names, tag:x, path:y, +model+, @model, a,b (both)
    #[arg(long, short, alias = "models", short_alias = 'm', num_args = 1.., action = ArgAction::Append, value_name = "SPEC")]
    pub select: Vec<String>,
    /// Nodes to leave out
    #[arg(long, num_args = 1.., action = ArgAction::Append, value_name = "SPEC")]
    pub exclude: Vec<String>,
    /// A selection of selectors.yml
    #[arg(long, value_name = "NAME")]
    pub selector: Option<String>,
    /// Which tests follow the selected nodes
    #[arg(long, value_name = "MODE")]
    pub indirect_selection: Option<IndirectSelection>,
    /// Only resources of these types
    #[arg(long, alias = "resource-types", num_args = 1.., action = ArgAction::Append, value_name = "TYPE", value_parser = resource_types)]
    pub resource_type: Vec<String>,
    /// No resources of these types
    #[arg(long, alias = "exclude-resource-types", num_args = 1.., action = ArgAction::Append, value_name = "TYPE", value_parser = resource_types)]
    pub exclude_resource_type: Vec<String>,
    #[command(flatten)]
    pub stateful: Stateful,
}

/// Another invocation's artifacts to compare with and to read from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Stateful {
    /// The folder of another invocation's artifacts: for `state:`, `result:`, `source_status:` and --defer
    #[arg(long, env = "DBT_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Read what this target has not built where the other environment has it
    #[arg(long, overrides_with = "no_defer")]
    pub defer: bool,
    #[arg(long, hide = true)]
    pub no_defer: bool,
    /// The folder for --defer, where it is not that of --state
    #[arg(long, env = "DBT_DEFER_STATE", value_name = "DIR")]
    pub defer_state: Option<PathBuf>,
    /// With --defer: read all that is not selected in the other environment, though it is here, too
    #[arg(long, overrides_with = "no_favor_state")]
    pub favor_state: bool,
    #[arg(long, hide = true)]
    pub no_favor_state: bool,
}

/// What dbt lets `--resource-type` be.
const RESOURCE_TYPES: [&str; 14] = [
    "analysis",
    "exposure",
    "function",
    "metric",
    "model",
    "saved_query",
    "seed",
    "semantic_model",
    "snapshot",
    "source",
    "test",
    "unit_test",
    "default",
    "all",
];

/// One type, or several with commas or spaces between them.
fn resource_types(text: &str) -> Result<String, String> {
    let unknown = |word: &&str| !word.is_empty() && !RESOURCE_TYPES.contains(word);
    let Some(word) = text.split([',', ' ']).find(unknown) else { return Ok(text.to_owned()) };
    let near =
        rsdbt_base::closest(word, RESOURCE_TYPES).map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    Err(format!("'{word}' is none of {}{near}", RESOURCE_TYPES.join(", ")))
}

/// How to build.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Building {
    #[command(flatten)]
    pub selecting: Selecting,
    /// Rebuild incremental models and seeds from nothing
    #[arg(long, short)]
    pub full_refresh: bool,
    /// Keep the failing rows of tests in tables
    #[arg(long)]
    pub store_failures: bool,
    /// Run with no input rows: a check of the SQL alone
    #[arg(long)]
    pub empty: bool,
    /// Print the first rows of seeds
    #[arg(long)]
    pub show: bool,
    /// Microbatch models: build from this time on
    #[arg(long, value_name = "TIME", requires = "event_time_end")]
    pub event_time_start: Option<String>,
    /// Microbatch models: build up to this time
    #[arg(long, value_name = "TIME", requires = "event_time_start")]
    pub event_time_end: Option<String>,
    #[command(flatten)]
    pub cost: Cost,
}

/// Cost on BigQuery, before it is paid.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Cost {
    /// Ask BigQuery what each node would read, and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not start when BigQuery estimates more bytes: 500MB, 2GiB
    #[arg(long, value_name = "BYTES")]
    pub max_bytes: Option<String>,
    /// Dollars for a TiB in estimates [default: 6.25]
    #[arg(long, value_name = "DOLLARS")]
    pub price_per_tib: Option<f64>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run seeds, models, snapshots and tests in DAG order
    Build(Building),
    /// Run models
    Run(Building),
    /// Run data tests and unit tests
    Test(Building),
    /// Load CSV seeds
    Seed(Building),
    /// Run snapshots
    Snapshot(Building),
    /// Run again what failed or was skipped in the last run
    Retry(RetryArgs),
    /// Clone what another environment has built: clone --state its/target
    Clone(Building),
    /// Render SQL without running it
    Compile(CompileArgs),
    /// Find every mistake of every query, before anything runs and without a warehouse
    Check(CheckArgs),
    /// Which columns make a column, through all models; with --downstream, which it makes
    Lineage(LineageArgs),
    /// Read the project and write manifest.json
    Parse,
    /// List resources
    #[command(name = "ls", alias = "list")]
    List(ListArgs),
    /// Print the first rows of a model or of inline SQL
    Show(ShowArgs),
    /// Run BigQuery SQL from standard input or a file, in memory or on a local target
    Sql(SqlArgs),
    /// Make live-shopping events: into the warehouse, a message bus, a file
    Simulate(SimulateArgs),
    /// Take events from a message bus into the warehouse, each exactly once
    Ingest(IngestArgs),
    /// Simulate, ingest, build and show, again and again until ctrl-C
    Live(LiveArgs),
    /// A live-shopping page to shop in, its events going through the bus into the warehouse
    Shop(ShopArgs),
    /// A local Pub/Sub broker that any official client can use
    Pubsub(PubsubArgs),
    /// Write the interactive HTML dashboard of the live-shopping models
    Dashboard(DashboardArgs),
    /// Compare models as two targets have them: rsdbt diff --target prod
    Diff(DiffArgs),
    /// Make up rows for sources, as models use them and tests want them: no account needed
    Mock(MockArgs),
    /// Call a macro
    RunOperation(OperationArgs),
    /// Check configuration and connection
    Debug {
        /// Check the connection only
        #[arg(long)]
        connection: bool,
    },
    /// Check that packages are there: local ones need no installing
    Deps,
    /// Delete target folders
    Clean,
    /// Documentation
    Docs(DocsArgs),
    /// Sources: how fresh they are
    Source(SourceArgs),
    /// Explain an error code
    Explain {
        /// Such as RS0102
        code: String,
    },
    /// Print what a shell needs to complete commands and options
    #[command(hide = true)]
    Completions(CompletionsArgs),
    /// Write manual pages
    #[command(hide = true)]
    Man(ManArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    Text,
    Table,
    Json,
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    Text,
    Json,
    /// For code scanning
    Sarif,
    /// Annotations of a workflow run
    Github,
}

#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub selecting: Selecting,
    /// How findings are written
    #[arg(long, default_value = "text")]
    pub output: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LineageFormat {
    Text,
    Json,
    Mermaid,
    Dot,
}

#[derive(Debug, clap::Args)]
pub struct LineageArgs {
    /// A model, seed, snapshot or source.table, and a column: orders, orders.total
    #[arg(value_name = "MODEL[.COLUMN]")]
    pub of: String,
    /// What it comes from (the default)
    #[arg(long)]
    pub upstream: bool,
    /// What comes from it
    #[arg(long)]
    pub downstream: bool,
    /// How the lineage is written
    #[arg(long, default_value = "text")]
    pub output: LineageFormat,
}

#[derive(Debug, clap::Args)]
pub struct CompileArgs {
    #[command(flatten)]
    pub building: Building,
    /// SQL with Jinja from the command line
    #[arg(long, value_name = "SQL")]
    pub inline: Option<String>,
    /// text or json
    #[arg(long, default_value = "text")]
    pub output: RowFormat,
    #[arg(long, hide = true)]
    pub introspect: bool,
    #[arg(long, hide = true)]
    pub no_introspect: bool,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    pub building: Building,
    /// SQL with Jinja from the command line
    #[arg(long, value_name = "SQL")]
    pub inline: Option<String>,
    /// How many rows; -1 for all
    #[arg(long, default_value_t = 5, allow_negative_numbers = true, value_name = "N")]
    pub limit: i64,
    /// table, json or csv
    #[arg(long, default_value = "text")]
    pub output: RowFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Selector,
    Name,
    Path,
    Json,
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub selecting: Selecting,
    /// What to print of each resource
    #[arg(long, default_value = "selector")]
    pub output: ListFormat,
    /// Keys of `--output json`
    #[arg(long, num_args = 1.., action = ArgAction::Append, value_name = "KEY")]
    pub output_keys: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub struct SourceArgs {
    #[command(subcommand)]
    pub command: SourceCommand,
}

#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Ask when sources were loaded last, against their `freshness`; writes sources.json
    #[command(alias = "snapshot-freshness")]
    Freshness {
        #[command(flatten)]
        selecting: Selecting,
        /// Write the result here instead of target/sources.json
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    /// The folder of the run_results.json of that run, instead of the target folder
    #[arg(long, env = "DBT_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Rebuild incremental models and seeds from nothing, though the run did not
    #[arg(long, short)]
    pub full_refresh: bool,
}

#[derive(Debug, clap::Args)]
pub struct MockArgs {
    #[command(flatten)]
    pub selecting: Selecting,
    /// Rows of a source; tables that others look up get a fifth of them
    #[arg(long, default_value_t = 1000, value_name = "N")]
    pub rows: u64,
    /// Another seed gives other rows, the same seed the same bytes
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// The last day of all times: a date, or today [default: the one in sources.lock, else today]
    #[arg(long, value_name = "DAY")]
    pub until: Option<String>,
    /// How many days times lie in; as many shards has a wildcard table
    #[arg(long, default_value_t = 14, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3660))]
    pub days: u64,
}

#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    #[command(flatten)]
    pub selecting: Selecting,
    /// The target to compare with
    #[arg(long, default_value = "local", value_name = "TARGET")]
    pub base: String,
    /// Columns that name a row [default: the model's unique_key, or a column with a unique test]
    #[arg(long, num_args = 1.., value_name = "COLUMN")]
    pub key: Vec<String>,
    /// About how many rows of a relation are compared
    #[arg(long, default_value_t = 100_000, value_name = "ROWS")]
    pub sample: u64,
    /// How far two FLOAT64 may be apart, relative to the larger
    #[arg(long, default_value_t = 1e-9, value_name = "SHARE")]
    pub tolerance: f64,
    /// text or json
    #[arg(long, default_value = "text")]
    pub output: DiffFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Text,
    Json,
}

#[derive(Debug, clap::Args)]
pub struct OperationArgs {
    /// The macro, with its package if it is not the project's own
    #[arg(value_name = "MACRO")]
    pub name: String,
    /// Its arguments, as YAML: '{days: 3}'
    #[arg(long, value_name = "YAML")]
    pub args: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct DocsArgs {
    #[command(subcommand)]
    pub command: DocsCommand,
}

#[derive(Debug, Subcommand)]
pub enum DocsCommand {
    /// Write manifest.json and catalog.json
    Generate {
        #[command(flatten)]
        building: Building,
        /// Do not compile first
        #[arg(long)]
        no_compile: bool,
        #[arg(long, hide = true)]
        compile: bool,
        /// Leave the catalog empty
        #[arg(long)]
        empty_catalog: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SqlFormat {
    Table,
    Json,
    Csv,
}

#[derive(Debug, clap::Args)]
pub struct SqlArgs {
    /// An empty database in memory; this is what happens unless --target is given
    #[arg(long)]
    pub local: bool,
    /// The script; standard input where there is none
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How the last result is printed
    #[arg(long, default_value = "table")]
    pub output: SqlFormat,
    /// Print the DuckDB SQL instead of running it
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "duckdb", value_name = "WHAT")]
    pub explain: Option<Explain>,
}

#[derive(Debug, clap::Args)]
pub struct DashboardArgs {
    /// Where to write it; by default target/dashboard.html
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Open it in the browser
    #[arg(long)]
    pub open: bool,
    /// Serve it on this machine until ctrl-C; the page reloads itself when it is written anew
    #[arg(long)]
    pub serve: bool,
    /// The port of --serve; 0 for a free one
    #[arg(long, default_value_t = 8090, value_name = "P")]
    pub port: u16,
    /// The text for "made at", to make equal data give an equal file
    #[arg(long, hide = true, value_name = "TEXT")]
    pub generated_at: Option<String>,
}

/// What `--explain` prints instead of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Explain {
    /// The DuckDB text
    #[value(name = "duckdb")]
    DuckDb,
    /// The query with its types, coercions and overloads
    Types,
}
