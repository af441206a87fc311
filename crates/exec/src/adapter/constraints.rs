//! Constraints of columns and models as SQL.

use super::{Call, texts};
use crate::host::RunHost;
use rsdbt_base::Dialect;
use rsdbt_jinja::{Data, Fault};
use serde_json::Value as Json;
use std::sync::Arc;

/// What a foreign key refers to: `ref(...)` and `source(...)` become names, everything else is SQL.
fn referenced(host: &RunHost, to: &str) -> Result<String, Fault> {
    let call = ["ref", "source"]
        .iter()
        .any(|name| to.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('(')));
    if !call {
        return Ok(to.to_owned());
    }
    let other = Arc::new(RunHost::new(&host.world, &host.node, None));
    let scope = host.world.engine.scope(other, &host.node.package);
    let rendered = host.world.engine.render_text(&format!("{{{{ {to} }}}}"), &scope);
    rendered.map_err(|error| error.fault.unwrap_or_else(|| Fault::compilation(error.diagnostic.message)))
}

/// Words of a constraint, as both dialects write it.
fn constraint_text(host: &RunHost, constraint: &Json) -> Result<Option<String>, Fault> {
    let Some(word) = constraint.get("type").and_then(Json::as_str) else { return Ok(None) };
    let expression = constraint.get("expression").and_then(Json::as_str).unwrap_or_default();
    let to = constraint.get("to").and_then(Json::as_str).unwrap_or_default();
    let to = referenced(host, to)?;
    Ok(Some(match word {
        "check" => format!("check ({expression})"),
        "not_null" => format!("not null {expression}").trim_end().to_owned(),
        "unique" => format!("unique {expression}").trim_end().to_owned(),
        "primary_key" => format!("primary key {expression}").trim_end().to_owned(),
        "foreign_key" if !to.is_empty() => {
            let columns = names(constraint.get("to_columns"));
            if columns.is_empty() {
                format!("references {to}")
            } else {
                format!("references {to} ({})", columns.join(", "))
            }
        }
        "foreign_key" => format!("references {expression}"),
        "custom" => expression.to_owned(),
        _ => return Ok(None),
    }))
}

fn names(list: Option<&Json>) -> Vec<String> {
    list.and_then(Json::as_array).into_iter().flatten().filter_map(|t| t.as_str().map(str::to_owned)).collect()
}

/// BigQuery knows only these, and does not enforce keys.
fn supported(host: &RunHost, constraint: &Json) -> bool {
    let word = constraint.get("type").and_then(Json::as_str).unwrap_or_default();
    host.world.invocation.dialect == Dialect::DuckDb
        || matches!(word, "not_null" | "primary_key" | "foreign_key" | "custom")
}

fn rendered(host: &RunHost, constraint: &Json) -> Result<Option<String>, Fault> {
    if !supported(host, constraint) {
        return Ok(None);
    }
    let Some(text) = constraint_text(host, constraint)? else { return Ok(None) };
    let word = constraint.get("type").and_then(Json::as_str).unwrap_or_default();
    let unenforced =
        host.world.invocation.dialect == Dialect::GoogleSql && matches!(word, "primary_key" | "foreign_key");
    Ok(Some(if unenforced { format!("{text} not enforced") } else { text }))
}

/// `a integer not null` for each column.
pub fn of_columns(call: &Call) -> Result<Data, Fault> {
    let (host, columns) = (call.host, call.json(0));
    let mut lines = Vec::new();
    for column in columns.as_object().into_iter().flat_map(|map| map.values()) {
        let name = column.get("name").and_then(Json::as_str).unwrap_or_default();
        let data_type = column.get("data_type").and_then(Json::as_str).unwrap_or_default();
        let quoted = column.get("quote").and_then(Json::as_bool).unwrap_or(false);
        let name = if quoted { host.quote(name) } else { name.to_owned() };
        let constraints = column.get("constraints").and_then(Json::as_array).cloned().unwrap_or_default();
        let parts: Vec<Option<String>> = constraints.iter().map(|c| rendered(host, c)).collect::<Result<_, _>>()?;
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        lines.push(format!("{name} {data_type} {}", parts.join(" ")).trim_end().to_owned());
    }
    Ok(texts(lines))
}

/// `primary key (a, b)` for each constraint of a model.
pub fn of_model(call: &Call) -> Result<Data, Fault> {
    let constraints = call.json(0);
    let mut lines = Vec::new();
    for constraint in constraints.as_array().into_iter().flatten() {
        let Some(text) = rendered(call.host, constraint)? else { continue };
        let columns = names(constraint.get("columns")).join(", ");
        let word = constraint.get("type").and_then(Json::as_str).unwrap_or_default();
        let prefix =
            constraint.get("name").and_then(Json::as_str).map(|name| format!("constraint {name} ")).unwrap_or_default();
        lines.push(match word {
            "primary_key" | "unique" => {
                let (head, tail) = text.split_at(if word == "unique" { 6 } else { 11 });
                format!("{prefix}{head} ({columns}){tail}")
            }
            "foreign_key" => format!("{prefix}foreign key ({columns}) {text}"),
            _ => format!("{prefix}{text}"),
        });
    }
    Ok(texts(lines))
}
