//! `diff`: the same models on two targets, compared.

use crate::args::{DiffArgs, DiffFormat};
use crate::commands::diff_rows::{Difference, Rule, columns, compare};
use crate::options::Options;
use crate::pipeline::{self, Ready, counted};
use crate::report::{Report, value_text};
use crate::{FAILED, OK, Stop};
use rsdbt_base::{Code, Diagnostic, Dialect};
use rsdbt_project::ir::{Manifest, Node};
use rsdbt_warehouse::{Column, DbError, Path, Session, Table, Value};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// How many examples of a difference are shown.
const SHOWN: usize = 5;

/// One of the two targets.
struct Side {
    name: String,
    ready: Ready,
    session: Box<dyn Session>,
}

fn fail(error: DbError) -> Stop {
    Stop(vec![pipeline::connection_error(&error)])
}

fn side(options: &Options, target: &str, report: &Arc<dyn Report>) -> Result<Side, Stop> {
    let mut options = options.clone();
    options.load.target = Some(target.to_owned());
    let ready = pipeline::prepare(&options, report)?;
    let warehouse = pipeline::open(&ready.raw.profile, &ready.raw.project.root).map_err(fail)?;
    let session = warehouse.session().map_err(fail)?;
    Ok(Side { name: target.to_owned(), ready, session })
}

/// `diff --target prod`: exits with 1 when anything differs.
pub fn diff(options: &Options, arguments: &DiffArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let Some(target) = options.load.target.clone().filter(|target| *target != arguments.base) else {
        return Err(Diagnostic::error(Code::USAGE, "diff needs a target other than its base")
            .help(format!("name it: rsdbt diff --target prod (the base is '{}', see --base)", arguments.base))
            .into());
    };
    let mut left = side(options, &arguments.base, report)?;
    let mut right = side(options, &target, report)?;
    let selected = left.ready.select(options)?;
    let compared = |node: &&Node| {
        node.resource_type.is_refable()
            && !node.is_ephemeral()
            && node.materialized() != "model"
            && selected.contains(&node.unique_id)
    };
    let nodes: Vec<Node> = left.ready.manifest.nodes.values().filter(compared).cloned().collect();
    if nodes.is_empty() {
        return Err(Diagnostic::error(Code::USAGE, "the selection has no model, seed or snapshot to compare").into());
    }
    let mut verdicts = Vec::new();
    for node in &nodes {
        let verdict = one(&mut left, &mut right, node, arguments).map_err(fail)?;
        if arguments.output == DiffFormat::Text {
            report.line(&verdict.text(&left.name, &right.name));
        }
        verdicts.push(verdict);
    }
    let different = verdicts.iter().filter(|verdict| !verdict.is_equal()).count();
    if arguments.output == DiffFormat::Json {
        println!("{}", Json::Array(verdicts.iter().map(Verdict::json).collect()));
    } else {
        report.line("");
        let total = counted(nodes.len(), "relation");
        match different {
            0 => report.summary(&format!("{total} compared, no difference"), true),
            _ => report.summary(&format!("{total} compared, {different} differ"), false),
        }
    }
    Ok(if different == 0 { OK } else { FAILED })
}

/// What came out for one node.
struct Verdict {
    name: String,
    /// Why there was nothing to compare.
    missing: Option<String>,
    /// Rows of the base and of the target.
    rows: (u64, u64),
    /// One row in so many was compared.
    step: u64,
    found: Difference,
}

impl Verdict {
    fn is_equal(&self) -> bool {
        self.missing.is_none() && self.found.is_empty() && self.rows.0 == self.rows.1
    }

    fn text(&self, left: &str, right: &str) -> String {
        let name = &self.name;
        if let Some(why) = &self.missing {
            return format!("{name}: {why}");
        }
        let sampled = if self.step > 1 { format!(", 1 row in {} compared", self.step) } else { String::new() };
        let (ours, theirs) = (counted(self.rows.0 as usize, "row"), counted(self.rows.1 as usize, "row"));
        if self.is_equal() {
            return format!("{name}: equal, {ours}{sampled}");
        }
        let mut lines = vec![format!("{name}: differs ({ours} on {left}, {theirs} on {right}{sampled})")];
        lines.extend(details(&self.found, left, right));
        lines.join("\n    ")
    }

    fn json(&self) -> Json {
        let found = &self.found;
        let columns: Vec<Json> = found
            .columns
            .iter()
            .map(|(name, ours, theirs)| json!({"name": name, "base_type": ours, "target_type": theirs}))
            .collect();
        let cells: Vec<Json> = found
            .cells
            .iter()
            .map(|cell| json!({"key": cell.key, "column": cell.column, "base": value_text(&cell.left), "target": value_text(&cell.right)}))
            .collect();
        json!({
            "name": self.name, "equal": self.is_equal(), "missing": self.missing, "base_rows": self.rows.0, "target_rows": self.rows.1,
            "one_row_in": self.step, "columns": columns, "only_base": found.only_left, "only_target": found.only_right, "cells": cells,
        })
    }
}

/// Compares one node's relations.
fn one(left: &mut Side, right: &mut Side, node: &Node, arguments: &DiffArgs) -> Result<Verdict, DbError> {
    let mut verdict =
        Verdict { name: node.name.clone(), missing: None, rows: (0, 0), step: 1, found: Difference::default() };
    let Some(other) = right.ready.manifest.nodes.get(&node.unique_id).cloned() else {
        return Ok(Verdict { missing: Some(format!("is not part of the project on {}", right.name)), ..verdict });
    };
    let (ours, theirs) = (columns_of(left, node)?, columns_of(right, &other)?);
    for (side, found) in [(&left.name, &ours), (&right.name, &theirs)] {
        if found.is_empty() {
            return Ok(Verdict { missing: Some(format!("is not built on {side}")), ..verdict });
        }
    }
    let keys = match &arguments.key[..] {
        [] => keys(&left.ready.manifest, node),
        given => given.to_vec(),
    };
    let shared: Vec<Column> =
        ours.iter().filter(|c| theirs.iter().any(|o| o.name.eq_ignore_ascii_case(&c.name))).cloned().collect();
    verdict.rows = (count(left, node)?, count(right, &other)?);
    let names = sampled_by(&keys, &shared);
    if !names.is_empty() {
        verdict.step = verdict.rows.0.max(verdict.rows.1).div_ceil(arguments.sample.max(1)).max(1);
    }
    let a = rows(left, node, &names, &shared, verdict.step)?;
    let b = rows(right, &other, &names, &shared, verdict.step)?;
    let rule = Rule { keys, tolerance: arguments.tolerance };
    Ok(Verdict { found: Difference { columns: columns(&ours, &theirs), ..compare(&a, &b, &rule) }, ..verdict })
}

fn details(found: &Difference, left: &str, right: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (column, ours, theirs) in &found.columns {
        let text = |side: &Option<String>| side.clone().unwrap_or_else(|| "missing".to_owned());
        lines.push(format!("column {column}: {} on {left}, {} on {right}", text(ours), text(theirs)));
    }
    for (side, keys) in [(left, &found.only_left), (right, &found.only_right)] {
        if !keys.is_empty() {
            let shown: Vec<&str> = keys.iter().take(SHOWN).map(String::as_str).collect();
            let more = if keys.len() > SHOWN { ", ..." } else { "" };
            lines.push(format!("{} only on {side}: {}{more}", counted(keys.len(), "row"), shown.join("; ")));
        }
    }
    if !found.cells.is_empty() {
        lines.push(format!("{} differ:", counted(found.cells.len(), "cell")));
        lines.extend(found.cells.iter().take(SHOWN).map(|cell| {
            let text = |value: &Value| if *value == Value::Null { "NULL".to_owned() } else { value_text(value) };
            format!(
                "  {} of {}: {} on {left}, {} on {right}",
                cell.column,
                cell.key,
                text(&cell.left),
                text(&cell.right)
            )
        }));
    }
    if found.repeated_keys > 0 {
        lines.push(format!("{} with more than one row", counted(found.repeated_keys, "key")));
    }
    lines
}

/// What names a row: the model's `unique_key`, or a column with a `unique` test.
fn keys(manifest: &Manifest, node: &Node) -> Vec<String> {
    if !node.settings().unique_key.is_empty() {
        return node.settings().unique_key.clone();
    }
    let tests = manifest.nodes.values().filter_map(|other| other.test.as_ref());
    let unique = tests.filter(|t| t.name == "unique" && t.attached_node.as_deref() == Some(node.unique_id.as_str()));
    unique.filter_map(|test| test.column_name.clone()).take(1).collect()
}

fn columns_of(side: &mut Side, node: &Node) -> Result<Vec<Column>, DbError> {
    side.session.columns(&Path { database: &node.database, schema: &node.schema, name: &node.alias })
}

fn relation(node: &Node) -> String {
    node.relation(Dialect::GoogleSql).render()
}

fn count(side: &mut Side, node: &Node) -> Result<u64, DbError> {
    let table = side.session.run(&format!("select count(*) as n from {}", relation(node)))?;
    match table.rows.first().and_then(|row| row.first()) {
        Some(Value::Int(count)) => Ok(u64::try_from(*count).unwrap_or(0)),
        _ => Ok(0),
    }
}

/// The columns whose hash decides which rows are in the sample: the key, or all that have the same text on both sides.
/// None where nothing can be hashed; then all rows are compared.
fn sampled_by(keys: &[String], shared: &[Column]) -> Vec<String> {
    const HASHABLE: [&str; 6] = ["INT64", "STRING", "DATE", "TIMESTAMP", "DATETIME", "BOOL"];
    let hashable = shared.iter().filter(|column| HASHABLE.contains(&column.data_type.to_uppercase().as_str()));
    let hashable: Vec<String> = hashable.map(|column| column.name.clone()).collect();
    let is_hashable = |key: &String| hashable.iter().any(|name| name.eq_ignore_ascii_case(key));
    if !keys.is_empty() && keys.iter().all(is_hashable) { keys.to_vec() } else { hashable }
}

/// The rows of a side: all, or those whose hash falls on the sample, which is the same on both sides.
fn rows(side: &mut Side, node: &Node, names: &[String], shared: &[Column], step: u64) -> Result<Table, DbError> {
    let list: Vec<String> = shared.iter().map(|column| format!("`{}`", column.name)).collect();
    let mut sql = format!("select {} from {}", list.join(", "), relation(node));
    if step > 1 {
        let parts: Vec<String> = names.iter().map(|name| format!("ifnull(cast(`{name}` as string), '')")).collect();
        sql.push_str(&format!(" where mod(farm_fingerprint(concat({})), {step}) = 0", parts.join(", '|', ")));
    }
    side.session.run(&sql)
}
