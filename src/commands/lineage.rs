//! `lineage`: which columns make a column, and which it makes.

use crate::args::{LineageArgs, LineageFormat};
use crate::options::Options;
use crate::report::Report;
use crate::surveyed::{Surveys, surveys};
use crate::{OK, Stop, pipeline};
use rsdbt_base::{Code, Diagnostic, closest};
use rsdbt_check::{ColumnRef, Direction, Edge};
use rsdbt_googlesql::lineage::Influence;
use rsdbt_project::ir::{Manifest, NodeId};
use rsdbt_project::select::NodeSet;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

pub fn run(options: &Options, arguments: &LineageArgs, report: &Arc<dyn Report>) -> Result<u8, Stop> {
    let ready = pipeline::prepare(options, report)?;
    let (id, column) = resource(&ready.manifest, &arguments.of)?;
    let directions = match (arguments.upstream, arguments.downstream) {
        (true, true) => vec![Direction::Upstream, Direction::Downstream],
        (false, true) => vec![Direction::Downstream],
        _ => vec![Direction::Upstream],
    };
    let mut wanted = NodeSet::from([id.clone()]);
    if arguments.downstream {
        wanted.extend(ready.graph.with_descendants([&id], None));
    }
    let surveys = surveys(ready, options, report, &wanted)?;
    let starts = starts(&surveys, &id, column.as_deref())?;
    let names = names(&surveys);
    match arguments.output {
        LineageFormat::Text => print!("{}", text(&surveys, &starts, &directions, &names)),
        format => {
            let reach = |start, direction: &Direction| surveys.trace.reach(start, *direction);
            let edges = starts.iter().flat_map(|start| directions.iter().flat_map(move |d| reach(start, d)));
            println!("{}", graph(&edges.collect(), format, &names));
        }
    }
    Ok(OK)
}

/// The resource that a name means, and the column behind it.
fn resource(manifest: &Manifest, of: &str) -> Result<(NodeId, Option<String>), Diagnostic> {
    let named: BTreeMap<String, NodeId> = manifest
        .nodes
        .values()
        .filter(|node| node.resource_type.is_refable())
        .map(|node| (node.name.clone(), node.unique_id.clone()))
        .chain(manifest.sources.values().map(|s| (format!("{}.{}", s.source_name, s.name), s.unique_id.clone())))
        .collect();
    let mut ends: Vec<usize> = of.match_indices('.').map(|(at, _)| at).collect();
    ends.push(of.len());
    // the longest name wins: `raw.orders` before the column `orders` of a model `raw`
    for end in ends.into_iter().rev() {
        if let Some(id) = named.get(&of[..end]) {
            return Ok((id.clone(), of.get(end + 1..).map(str::to_lowercase)));
        }
    }
    let wanted = of.split('.').next().unwrap_or(of);
    let missing = Diagnostic::error(Code::REF, format!("there is no model, seed, snapshot or source '{of}'"));
    Err(match closest(wanted, named.keys().map(String::as_str)) {
        Some(near) => missing.help(format!("did you mean '{near}'?")),
        None => missing.help("`rsdbt ls` lists what there is"),
    })
}

/// The columns to follow.
fn starts(surveys: &Surveys, id: &NodeId, column: Option<&str>) -> Result<Vec<ColumnRef>, Diagnostic> {
    let relation = surveys.key(id).unwrap_or_default();
    let of = |column: &str| ColumnRef { relation: relation.clone(), column: column.to_lowercase() };
    let Some(columns) = surveys.columns(id) else {
        if let Some(found) = surveys.queries.get(id).and_then(|query| query.survey.findings.first()) {
            let message = format!("the columns of {id} are not known: {}", found.message);
            return Err(Diagnostic::error(Code::SQL_SEMANTIC, message).help("`rsdbt check` says where"));
        }
        let message = format!("the columns of {id} are not known");
        let help =
            "declare the `data_type` of each column of the sources that it reads, or build them on a local target";
        return Err(Diagnostic::error(Code::PROPERTY, message).help(help));
    };
    match column {
        None => Ok(columns.iter().map(|(name, _)| of(name)).collect()),
        Some(wanted) => {
            let head = wanted.split('.').next().unwrap_or(wanted);
            if columns.iter().any(|(name, _)| name.eq_ignore_ascii_case(head)) {
                return Ok(vec![of(wanted)]);
            }
            let missing = Diagnostic::error(Code::PROPERTY, format!("{id} has no column '{wanted}'"));
            Err(match closest(head, columns.iter().map(|(name, _)| name.as_str())) {
                Some(near) => missing.help(format!("did you mean '{near}'?")),
                None => missing,
            })
        }
    }
}

/// How a person calls a relation.
fn names(surveys: &Surveys) -> BTreeMap<String, String> {
    let manifest = &surveys.world.manifest;
    let nodes = manifest.nodes.values().filter(|node| node.resource_type.is_refable());
    let nodes = nodes.map(|node| (node.unique_id.as_str(), node.display_name()));
    let sources = manifest.sources.values();
    let sources = sources.map(|source| (source.unique_id.as_str(), format!("{}.{}", source.source_name, source.name)));
    nodes.chain(sources).filter_map(|(id, name)| Some((surveys.key(id)?, name))).collect()
}

fn name(column: &ColumnRef, names: &BTreeMap<String, String>) -> String {
    format!("{}.{}", names.get(&column.relation).unwrap_or(&column.relation), column.column)
}

fn word(influence: Influence) -> &'static str {
    match influence {
        Influence::Copied => "copied",
        Influence::Derived => "derived",
        Influence::Aggregated => "aggregated",
        Influence::Filter => "filter",
        Influence::Ordering => "ordering",
    }
}

/// A tree a column. What was shown once is not unfolded again.
fn text(surveys: &Surveys, starts: &[ColumnRef], directions: &[Direction], names: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    for start in starts {
        _ = writeln!(out, "{}", name(start, names));
        for direction in directions {
            let edges = surveys.trace.reach(start, *direction);
            let mut shown = BTreeSet::from([start.clone()]);
            branch(&mut out, &edges, (start, *direction, 1), &mut shown, names);
        }
    }
    out
}

fn branch(
    out: &mut String,
    edges: &BTreeSet<Edge>,
    (here, direction, depth): (&ColumnRef, Direction, usize),
    shown: &mut BTreeSet<ColumnRef>,
    names: &BTreeMap<String, String>,
) {
    let ends = |edge: &Edge| match direction {
        Direction::Upstream => (edge.to.clone(), edge.from.clone()),
        Direction::Downstream => (edge.from.clone(), edge.to.clone()),
    };
    let arrow = if direction == Direction::Upstream { "<-" } else { "->" };
    for edge in edges {
        let (near, far) = ends(edge);
        let is_field = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
        let touches = near.relation == here.relation
            && (near.column == here.column
                || is_field(&near.column, &here.column)
                || is_field(&here.column, &near.column));
        if touches {
            let indent = "  ".repeat(depth);
            _ = writeln!(out, "{indent}{arrow} {} ({})", name(&far, names), word(edge.influence));
            if shown.insert(far.clone()) {
                branch(out, edges, (&far, direction, depth + 1), shown, names);
            }
        }
    }
}

fn graph(edges: &BTreeSet<Edge>, format: LineageFormat, names: &BTreeMap<String, String>) -> String {
    let ends = |edge: &Edge| (name(&edge.from, names), name(&edge.to, names), word(edge.influence));
    let quoted = |text: &str| text.replace('"', "#quot;");
    let lines = |head: &str, line: &dyn Fn(&Edge) -> String, tail: &str| {
        let body: Vec<String> = edges.iter().map(line).collect();
        format!("{head}\n{}{tail}", body.join("\n"))
    };
    match format {
        LineageFormat::Mermaid => {
            let all: BTreeSet<String> = edges.iter().flat_map(|e| [name(&e.from, names), name(&e.to, names)]).collect();
            let number = |name: &String| all.iter().position(|known| known == name).unwrap_or_default();
            let node = |name: &String| format!("  n{}[\"{}\"]", number(name), quoted(name));
            let nodes: Vec<String> = all.iter().map(node).collect();
            let line = |edge: &Edge| {
                let (from, to, word) = ends(edge);
                format!("  n{} -->|{word}| n{}", number(&from), number(&to))
            };
            lines(&format!("graph LR\n{}", nodes.join("\n")), &line, "")
        }
        LineageFormat::Dot => {
            let line = |edge: &Edge| {
                let (from, to, word) = ends(edge);
                format!("  {from:?} -> {to:?} [label={word:?}];")
            };
            lines("digraph lineage {\n  rankdir=LR;", &line, "\n}")
        }
        LineageFormat::Json | LineageFormat::Text => {
            let edge = |edge: &Edge| {
                let (from, to, word) = ends(edge);
                json!({"from": from, "to": to, "kind": word})
            };
            json!({"edges": edges.iter().map(edge).collect::<Vec<_>>()}).to_string()
        }
    }
}
