//! What is the same for all templates of one invocation, and the `args` that artifacts tell of it, in dbt's words.

use crate::args::IndirectSelection;
use crate::options::Options;
use rsdbt_project::ir::Invocation;
use rsdbt_project::load::RawProject;
use rsdbt_sys as sys;
use serde_json::{Map, Value as Json, json};

/// The invocation that the command line, the profile and the environment make.
pub fn read(options: &Options, raw: &RawProject) -> Invocation {
    let profile = &raw.profile;
    let building = &options.building;
    let mut flags = json!({
        "FULL_REFRESH": options.full_refresh(), "STORE_FAILURES": building.store_failures, "WHICH": options.command,
        "EMPTY": building.empty, "FAIL_FAST": options.fail_fast, "WARN_ERROR": options.warn_error, "QUIET": options.quiet,
        "USE_COLORS": options.colour, "WRITE_JSON": options.write_json, "DEBUG": false, "PRINT": true, "NO_PRINT": false,
        "LOG_FORMAT": if options.json_log { "json" } else { "default" }, "INDIRECT_SELECTION": "eager", "INTROSPECT": true,
        "PARTIAL_PARSE": options.partial_parse, "STATIC_PARSER": false, "VERSION_CHECK": true, "SEND_ANONYMOUS_USAGE_STATS": false,
        "PROFILES_DIR": null, "PROJECT_DIR": raw.project.root, "TARGET_PATH": null, "LOG_PATH": null, "CACHE_SELECTED_ONLY": false,
        "INVOCATION_COMMAND": format!("rsdbt {}", options.command), "MAXIMUM_SEED_SIZE_MIB": 1, "PRINTER_WIDTH": 80,
    });
    if let Json::Object(map) = &mut flags {
        map.extend(raw.project.flags.iter().map(|(k, v)| (k.to_uppercase(), v.clone())));
    }
    let args = args(options, raw);
    let packages = std::iter::once(&raw.project).chain(&raw.packages);
    let vars = packages.map(|package| {
        let mut vars = package.vars_for(&package.name);
        vars.extend(raw.project.vars_for(&package.name));
        (package.name.clone(), vars)
    });
    Invocation {
        id: options.invocation_id.clone(),
        started_at: sys::now_utc(),
        command: options.command.to_owned(),
        project: raw.project.name.clone(),
        database: profile.database.clone(),
        schema: profile.schema.clone(),
        adapter: profile.kind.clone(),
        dialect: profile.dialect(),
        target: profile.target_variable(),
        flags: flags.as_object().cloned().unwrap_or_default(),
        args,
        vars: vars.collect(),
        cli_vars: options.load.vars.clone(),
        environment: sys::env_vars().into_iter().collect(),
    }
}

/// dbt's flags that are at their default here, whatever is typed: tools that read `args` expect to find them.
const DEFAULTS: [(&str, bool); 27] = [
    ("cache_selected_only", false),
    ("export_saved_queries", false),
    ("include_saved_query", false),
    ("introspect", true),
    ("macro_debugging", false),
    ("partial_parse_file_diff", true),
    ("populate_cache", true),
    ("print", true),
    ("require_all_warnings_handled_by_warn_error", false),
    ("require_batched_execution_for_custom_microbatch_strategy", false),
    ("require_explicit_package_overrides_for_builtin_materializations", true),
    ("require_generic_test_arguments_property", true),
    ("require_nested_cumulative_type_params", false),
    ("require_resource_names_without_spaces", true),
    ("require_yaml_configuration_for_mf_time_spines", false),
    ("send_anonymous_usage_stats", false),
    ("show_all_deprecations", false),
    ("show_resource_report", false),
    ("skip_nodes_if_on_run_start_fails", false),
    ("source_freshness_run_project_hooks", true),
    ("state_modified_compare_more_unrendered_values", false),
    ("state_modified_compare_vars", false),
    ("static_parser", true),
    ("strict_mode", false),
    ("upload_to_artifacts_ingest_api", false),
    ("validate_macro_args", false),
    ("version_check", true),
];

fn args(options: &Options, raw: &RawProject) -> Map<String, Json> {
    let building = &options.building;
    let selecting = &building.selecting;
    let mut args: Map<String, Json> =
        DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), Json::Bool(*value))).collect();
    args.extend(raw.project.flags.iter().map(|(name, value)| (name.clone(), value.clone())));
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let indirect = match selecting.indirect_selection {
        None | Some(IndirectSelection::Eager) => "eager",
        Some(IndirectSelection::Cautious) => "cautious",
        Some(IndirectSelection::Buildable) => "buildable",
        Some(IndirectSelection::Empty) => "empty",
    };
    let log_format = if options.json_log { "json" } else { "default" };
    let typed = json!({
        "which": options.command, "select": selecting.select, "exclude": selecting.exclude, "vars": options.load.vars,
        "selector": selecting.selector, "indirect_selection": indirect, "resource_types": selecting.resource_type,
        "exclude_resource_types": selecting.exclude_resource_type, "full_refresh": options.full_refresh(),
        "store_failures": building.store_failures, "empty": building.empty, "show": building.show,
        "event_time_start": building.event_time_start, "event_time_end": building.event_time_end,
        "fail_fast": options.fail_fast, "warn_error": options.warn_error,
        "warn_error_options": {"error": [], "warn": [], "silence": []},
        "state": path(&selecting.stateful.state), "defer": options.defer, "favor_state": options.favor_state,
        "defer_state": path(&selecting.stateful.defer_state), "profile": raw.profile.name, "target": raw.profile.target,
        "threads": options.load.threads, "project_dir": raw.project.root, "profiles_dir": path(&options.load.profiles_dir),
        "target_path": path(&options.target_path), "log_format": log_format, "log_format_file": "debug",
        "log_level": "info", "log_level_file": "debug", "log_path": null, "log_file_max_bytes": 10_485_760,
        "quiet": options.quiet, "write_json": options.write_json, "use_colors": options.colour, "use_colors_file": true,
        "partial_parse": options.partial_parse, "printer_width": 80,
        "invocation_command": format!("rsdbt {}", options.command),
    });
    let typed = typed.as_object().cloned().unwrap_or_default();
    // As in dbt, what was not said is not told.
    args.extend(typed.into_iter().filter(|(_, value)| !value.is_null()));
    args
}
