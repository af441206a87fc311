//! What the command line means: typed values, the environment applied.

use crate::args::{Args, Building, Command, DocsCommand, IndirectSelection, LogFormat, Selecting, SourceCommand};
use rsdbt_base::{Code, Diagnostic};
use rsdbt_project::ir::{Batches, NodeId};
use rsdbt_project::load;
use rsdbt_project::select::{Indirect, NodeSet};
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(Clone)]
pub struct Options {
    pub load: load::Options,
    pub command: &'static str,
    pub invocation_id: String,
    pub target_path: Option<PathBuf>,
    pub fail_fast: bool,
    pub warn_error: bool,
    pub json_log: bool,
    pub quiet: bool,
    pub colour: bool,
    pub write_json: bool,
    /// Whether what an unchanged project was parsed into may be taken from the last time.
    pub partial_parse: bool,
    /// `--partial-parse`: against a flag of dbt_project.yml.
    pub insists_on_partial_parse: bool,
    pub building: Building,
    pub indirect: Indirect,
    pub defer: bool,
    pub favor_state: bool,
    /// What an earlier run left to be done.
    pub retry: Option<Retry>,
}

/// The nodes of an earlier run that are to run again.
#[derive(Clone, Default)]
pub struct Retry {
    pub nodes: NodeSet,
    pub batches: BTreeMap<NodeId, Batches>,
}

/// YAML from the command line as a map.
pub fn yaml_map(text: &str, option: &str) -> Result<Map<String, Json>, Diagnostic> {
    let bad = |why: String| {
        Diagnostic::error(Code::USAGE, format!("{option} is not a YAML map: {why}"))
            .help(format!("write it as {option} '{{name: value}}'"))
    };
    match serde_yaml::from_str::<Json>(text) {
        Ok(Json::Object(map)) => Ok(map),
        Ok(Json::Null) => Ok(Map::new()),
        Ok(other) => Err(bad(format!("it reads as {other}"))),
        Err(why) => Err(bad(why.to_string())),
    }
}

fn truthy(name: &str) -> bool {
    sys::env_var(name).is_some_and(|value| matches!(value.to_lowercase().as_str(), "1" | "true" | "yes" | "on"))
}

fn untrue(name: &str) -> bool {
    sys::env_var(name).is_some_and(|value| matches!(value.to_lowercase().as_str(), "0" | "false" | "no" | "off"))
}

impl Options {
    pub fn read(args: &Args) -> Result<Options, Diagnostic> {
        let common = &args.common;
        let vars = match &common.vars {
            Some(text) => yaml_map(text, "--vars")?,
            None => Map::new(),
        };
        let (command, building) = building_of(&args.command);
        let selecting = &building.selecting;
        let stateful = selecting.stateful.clone();
        let indirect = match selecting.indirect_selection {
            None | Some(IndirectSelection::Eager) => Indirect::Eager,
            Some(IndirectSelection::Cautious) => Indirect::Cautious,
            Some(IndirectSelection::Buildable) => Indirect::Buildable,
            Some(IndirectSelection::Empty) => Indirect::Empty,
        };
        let no_colour = common.no_use_colors || sys::env_var("NO_COLOR").is_some_and(|v| !v.is_empty());
        Ok(Options {
            load: load::Options {
                project_dir: common.project_dir.clone(),
                profiles_dir: common.profiles_dir.clone(),
                profile: common.profile.clone(),
                target: common.target.clone(),
                threads: common.threads,
                vars,
            },
            command,
            invocation_id: uuid::Uuid::new_v4().to_string(),
            target_path: common.target_path.clone(),
            fail_fast: (common.fail_fast || truthy("DBT_FAIL_FAST")) && !common.no_fail_fast,
            warn_error: common.warn_error || truthy("DBT_WARN_ERROR"),
            json_log: common.log_format == LogFormat::Json,
            quiet: common.quiet,
            colour: !no_colour && std::io::stdout().is_terminal(),
            write_json: !common.no_write_json,
            insists_on_partial_parse: common.accepted.partial_parse,
            partial_parse: !common.no_partial_parse && !untrue("DBT_PARTIAL_PARSE"),
            indirect,
            defer: (stateful.defer || truthy("DBT_DEFER")) && !stateful.no_defer,
            favor_state: (stateful.favor_state || truthy("DBT_FAVOR_STATE")) && !stateful.no_favor_state,
            retry: None,
            building,
        })
    }

    pub fn full_refresh(&self) -> bool {
        self.building.full_refresh || truthy("DBT_FULL_REFRESH")
    }
}

/// The command's name and its building options, if it has any.
fn building_of(command: &Command) -> (&'static str, Building) {
    let only = |selecting: &Selecting| Building { selecting: selecting.clone(), ..Building::default() };
    match command {
        Command::Build(building) => ("build", building.clone()),
        Command::Run(building) => ("run", building.clone()),
        Command::Test(building) => ("test", building.clone()),
        Command::Seed(building) => ("seed", building.clone()),
        Command::Snapshot(building) => ("snapshot", building.clone()),
        Command::Compile(compile) => ("compile", compile.building.clone()),
        Command::Check(check) => ("check", Building { full_refresh: true, ..only(&check.selecting) }),
        Command::Lineage(_) => ("lineage", Building { full_refresh: true, ..Building::default() }),
        Command::Show(show) => ("show", show.building.clone()),
        Command::List(list) => ("list", only(&list.selecting)),
        Command::Docs(docs) => match &docs.command {
            DocsCommand::Generate { building, .. } => ("generate", building.clone()),
        },
        Command::Source(source) => match &source.command {
            SourceCommand::Freshness { selecting, .. } => ("freshness", only(selecting)),
        },
        Command::Parse => ("parse", Building::default()),
        Command::Retry(_) => ("retry", Building::default()),
        Command::Clone(building) => ("clone", building.clone()),
        Command::Diff(diff) => ("diff", only(&diff.selecting)),
        Command::Mock(mock) => ("mock", only(&mock.selecting)),
        Command::Sql(_) => ("sql", Building::default()),
        Command::Simulate(_) => ("simulate", Building::default()),
        Command::Ingest(_) => ("ingest", Building::default()),
        // Its models are built as `build` builds them, and templates see it so.
        Command::Live(live) => ("build", live.building.clone()),
        Command::Shop(_) => ("shop", Building::default()),
        Command::Pubsub(_) => ("pubsub", Building::default()),
        Command::Dashboard(_) => ("dashboard", Building::default()),
        Command::RunOperation(_) => ("run-operation", Building::default()),
        Command::Debug { .. } => ("debug", Building::default()),
        Command::Deps => ("deps", Building::default()),
        Command::Clean => ("clean", Building::default()),
        Command::Explain { .. } => ("explain", Building::default()),
        Command::Completions(_) => ("completions", Building::default()),
        Command::Man(_) => ("man", Building::default()),
    }
}
