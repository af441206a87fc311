//! dbt's `exceptions`: every way a template can stop or warn.

use super::builtin::fault;
use super::call::{arguments, bad};
use super::host::Fault;
use super::scope::Scope;
use super::value::python;
use indexmap::IndexMap;
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};
use rsdbt_base::Code;
use std::sync::Arc;

/// dbt's names.
const EXCEPTIONS: [&str; 21] = [
    "warn",
    "missing_config",
    "missing_materialization",
    "missing_relation",
    "raise_ambiguous_alias",
    "raise_ambiguous_catalog_match",
    "raise_cache_inconsistent",
    "raise_dataclass_not_dict",
    "raise_compiler_error",
    "raise_database_error",
    "raise_dep_not_found",
    "raise_dependency_error",
    "raise_duplicate_patch_name",
    "raise_duplicate_resource_name",
    "raise_invalid_property_yml_version",
    "raise_not_implemented",
    "relation_wrong_type",
    "raise_contract_error",
    "column_type_missing",
    "raise_fail_fast_error",
    "warn_snapshot_timestamp_data_types",
];

#[derive(Debug)]
pub struct Exceptions {
    pub scope: Arc<Scope>,
}

impl Object for Exceptions {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (positional, named) = arguments(args);
        let message = positional.first().or_else(|| named.get("msg")).map(python::text).unwrap_or_default();
        if !EXCEPTIONS.contains(&method) {
            return Err(bad(format!("'dict object' has no attribute '{method}'")));
        }
        if args.is_empty() {
            return Err(bad(format!("{method}() missing 1 required positional argument: 'msg'")));
        }
        let code = Code::JINJA;
        let stop = match method {
            "warn" => {
                self.scope.host().warn(&message);
                return Ok(Value::from(""));
            }
            "warn_snapshot_timestamp_data_types" => return Ok(Value::from("")),
            "raise_database_error" => Fault::new(Code::DATABASE, "Database", message),
            "raise_contract_error" => contract_fault(&positional, &named),
            "raise_not_implemented" => Fault::new(code, "Runtime", format!("ERROR: {message}")),
            "missing_config" => {
                let name = positional.get(1).map(python::text).unwrap_or_default();
                Fault::compilation(format!("Model is missing the required config '{name}'"))
            }
            "missing_relation" => Fault::compilation(format!("Relation {message} not found!")),
            "column_type_missing" => Fault::compilation(format!(
                "Contracted models require data_type to be defined for each column. Please ensure that the column name and data_type are defined within the YAML configuration for the {message} column(s)."
            )),
            "relation_wrong_type" => {
                let wanted = positional.get(1).map(python::text).unwrap_or_default();
                Fault::compilation(format!(
                    "Trying to create {wanted} {message}, but it currently exists as another type. Either drop {message} manually, or run dbt with `--full-refresh` and dbt will drop it for you."
                ))
            }
            _ => Fault::compilation(message),
        };
        Err(fault(stop))
    }
}

fn contract_fault(positional: &[Value], named: &IndexMap<String, Value>) -> Fault {
    let part = |at: usize, name: &str| -> Vec<(String, String)> {
        let Some(list) = positional.get(at).or_else(|| named.get(name)) else { return Vec::new() };
        let columns = list.try_iter().map(Iterator::collect::<Vec<Value>>).unwrap_or_default();
        let field = |column: &Value, keys: [&str; 2]| {
            keys.iter()
                .find_map(|k| column.get_attr(k).ok().filter(|v| !v.is_undefined() && !v.is_none()))
                .map(|v| python::text(&v))
                .unwrap_or_default()
        };
        columns.iter().map(|c| (field(c, ["name", "column_name"]), field(c, ["formatted", "data_type"]))).collect()
    };
    let (wanted, got) = (part(0, "yaml_columns"), part(1, "sql_columns"));
    let mut rows: Vec<(String, String, String, &str)> = Vec::new();
    for (name, kind) in &got {
        match wanted.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            Some((_, other)) if other.eq_ignore_ascii_case(kind) => {}
            Some((_, other)) => rows.push((name.clone(), kind.clone(), other.clone(), "data type mismatch")),
            None => rows.push((name.clone(), kind.clone(), String::new(), "missing in contract")),
        }
    }
    for (name, kind) in &wanted {
        if !got.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            rows.push((name.clone(), String::new(), kind.clone(), "missing in definition"));
        }
    }
    rows.sort();
    let mut table = vec!["| column_name | definition_type | contract_type | mismatch_reason |".to_owned()];
    table.push("| ----------- | --------------- | ------------- | --------------- |".to_owned());
    table.extend(rows.iter().map(|(name, got, want, why)| format!("| {name} | {got} | {want} | {why} |")));
    Fault::new(
        Code::CONTRACT,
        "Compilation",
        format!(
            "This model has an enforced contract that failed.\nPlease ensure the name, data_type, and number of columns in your contract match the columns in your model's definition.\n\n{}",
            table.join("\n")
        ),
    )
}
