//! What is to be written: tables with their columns, keys and numbers of rows.

use super::domains::{Domain, domains};
use super::rules::{Collector, Place, Rule, Rules, places};
use crate::infer::Walker;
use crate::infer::shapes::{Hints, Shape, Var};
use chrono::{Days, NaiveDate};
use rsdbt_googlesql::types::Type;
use rsdbt_project::ir::{Manifest, NodeId, Source};
use std::collections::{BTreeMap, BTreeSet};

/// What the command line says.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub rows: u64,
    pub seed: u64,
    /// the last day of all times
    pub until: NaiveDate,
    pub days: u64,
}

/// A column or field to fill.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// the path from the table, in lower case
    pub path: String,
    pub ty: Type,
    pub rule: Rule,
    pub hints: Hints,
    pub key: Option<Key>,
    /// fields of a struct, or of the structs in an array
    pub fields: Vec<Column>,
}

/// A key out of a pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    pub pool: usize,
    pub size: u64,
    /// every key of the pool is there, in the first rows
    pub is_parent: bool,
    /// no key twice
    pub is_unique: bool,
    /// some column of the pool is a number: texts are its digits
    pub is_number: bool,
}

/// A source to fill.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub id: NodeId,
    /// the name of its only table, or the stem of its shards
    pub identifier: String,
    pub rows: u64,
    pub columns: Vec<Column>,
    pub combinations: Vec<Vec<String>>,
}

struct Planner<'p, 'w> {
    walker: &'p Walker<'w>,
    rules: &'p Rules,
    keys: &'p BTreeMap<Place, Key>,
}

/// The tables of the wanted sources, and the tests that are not obeyed.
pub fn plan(
    manifest: &Manifest,
    walker: &Walker,
    rows: &BTreeMap<NodeId, Var>,
    (wanted, settings): (&BTreeSet<NodeId>, Settings),
) -> (Vec<Wanted>, Vec<String>) {
    let collector = Collector { manifest, walker, places: places(walker, rows) };
    let rules = collector.collect();
    let types: BTreeMap<&Place, Type> = collector
        .places
        .iter()
        .map(|(var, place)| (place, walker.shapes.ty(*var, place.1.rsplit('.').next().unwrap_or_default())))
        .collect();
    let is_key = |place: &Place| matches!(types.get(place), Some(Type::Int64 | Type::String | Type::Numeric));
    let pools = domains(&rules, &is_key);
    let counts = counts(manifest, &pools, settings.rows);
    let count = |place: &Place| counts.get(&place.0).copied().unwrap_or(settings.rows);
    let mut keys = BTreeMap::new();
    for (pool, domain) in pools.iter().enumerate() {
        let size = domain.parents.iter().map(count).min();
        let size = size.unwrap_or_else(|| domain.members.iter().map(count).max().unwrap_or(8) / 8).max(1);
        let is_number =
            domain.members.iter().any(|place| matches!(types.get(place), Some(Type::Int64 | Type::Numeric)));
        for place in &domain.members {
            let is_unique = rules.columns.get(place).is_some_and(|rule| rule.unique);
            let is_parent = domain.parents.contains(place);
            keys.insert(place.clone(), Key { pool, size, is_parent, is_unique, is_number });
        }
    }
    let planner = Planner { walker, rules: &rules, keys: &keys };
    let sources = wanted.iter().filter_map(|id| Some((manifest.sources.get(id)?, *rows.get(id)?)));
    let tables = sources.map(|(source, row)| planner.table(source, row, counts[&source.unique_id])).collect();
    (tables, rules.unknown)
}

/// How many rows each source has: tables that others look up have fewer than those that look up.
fn counts(manifest: &Manifest, pools: &[Domain], rows: u64) -> BTreeMap<NodeId, u64> {
    let mut counts = BTreeMap::new();
    for (id, source) in &manifest.sources {
        let looks_up = pools.iter().any(|pool| pool.members.iter().any(|p| p.0 == *id && !pool.parents.contains(p)));
        let looked_up = pools.iter().any(|pool| pool.members.len() > 1 && pool.parents.iter().any(|p| p.0 == *id));
        let own = source.meta.get("mock").and_then(|hint| hint.get("rows")).and_then(serde_json::Value::as_u64);
        let usual = if looked_up && !looks_up { (rows / 5).max(10).min(rows) } else { rows };
        counts.insert(id.clone(), own.unwrap_or(usual));
    }
    counts
}

impl Planner<'_, '_> {
    fn table(&self, source: &Source, row: Var, rows: u64) -> Wanted {
        let id = &source.unique_id;
        let columns: Vec<Column> = self.columns(id, row, "", 0);
        let unique = |column: &&Column| column.key.is_some_and(|key| key.is_unique);
        let most = columns.iter().filter(unique).filter_map(|column| Some(column.key?.size)).min();
        let combinations = self.rules.combinations.iter().filter(|(source, _)| source == id);
        Wanted {
            id: id.clone(),
            identifier: source.identifier.clone(),
            rows: most.map_or(rows, |most| rows.min(most)),
            columns,
            combinations: combinations.map(|(_, columns)| columns.clone()).collect(),
        }
    }

    fn columns(&self, id: &NodeId, row: Var, path: &str, depth: usize) -> Vec<Column> {
        if depth > 15 {
            return Vec::new();
        }
        let fields = self.walker.shapes.fields(row).into_iter();
        fields.map(|(name, var)| self.column(id, (name, var), path, depth)).collect()
    }

    fn column(&self, id: &NodeId, (name, var): (String, Var), above: &str, depth: usize) -> Column {
        let path = if above.is_empty() { name.to_lowercase() } else { format!("{above}.{}", name.to_lowercase()) };
        let place = (id.clone(), path.clone());
        let inner = match self.walker.shapes.shape(var) {
            Shape::List(element) => *element,
            _ => var,
        };
        let fields = match self.walker.shapes.shape(inner) {
            Shape::Record(_) => self.columns(id, inner, &path, depth + 1),
            _ => Vec::new(),
        };
        Column {
            ty: self.walker.shapes.ty(var, &name),
            rule: self.rules.columns.get(&place).cloned().unwrap_or_default(),
            hints: self.walker.shapes.hints[inner].clone(),
            key: self.keys.get(&place).copied(),
            fields,
            name,
            path,
        }
    }
}

impl Settings {
    /// The days that times lie in, the first one first.
    pub fn calendar(&self) -> Vec<NaiveDate> {
        let back = (0..self.days.max(1)).rev();
        back.filter_map(|days| self.until.checked_sub_days(Days::new(days))).collect()
    }
}
