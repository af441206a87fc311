//! What tests and hints demand of a source's columns. A test of a model counts where the model hands the column on unchanged.

use super::schema::{relation_key, source_key};
use crate::infer::Walker;
use crate::infer::shapes::Var;
use rsdbt_project::ir::{Manifest, Node, NodeId, Source, TestInfo};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// A column of a source, nested ones behind dots, in lower case.
pub type Place = (NodeId, String);

/// What the values of a column must be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rule {
    pub not_null: bool,
    pub unique: bool,
    pub values: Vec<String>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// the share of NULLs that a hint asks for
    pub nulls: Option<f64>,
    /// values of other columns are looked up here
    pub is_parent: bool,
}

#[derive(Debug, Default)]
pub struct Rules {
    pub columns: BTreeMap<Place, Rule>,
    /// columns that hold each other's values: child and parent
    pub foreign: Vec<(Place, Place)>,
    /// columns that joins hold equal
    pub joined: Vec<(Place, Place)>,
    /// combinations that are unique in their source
    pub combinations: Vec<(NodeId, Vec<String>)>,
    /// tests of sources that nothing here obeys
    pub unknown: Vec<String>,
}

pub struct Collector<'c, 'w> {
    pub manifest: &'c Manifest,
    pub walker: &'c Walker<'w>,
    /// every value of a source, by its slot
    pub places: BTreeMap<Var, Place>,
}

/// Where each value of the sources is.
pub fn places(walker: &Walker, rows: &BTreeMap<NodeId, Var>) -> BTreeMap<Var, Place> {
    let mut all = BTreeMap::new();
    for (id, row) in rows {
        for (path, var) in walker.shapes.places(*row) {
            all.entry(var).or_insert_with(|| (id.clone(), path));
        }
    }
    all
}

impl Collector<'_, '_> {
    pub fn collect(&self) -> Rules {
        let mut rules = Rules::default();
        for node in self.manifest.nodes.values() {
            if let Some(info) = node.test.as_ref().filter(|info| info.is_generic() && is_strict(node)) {
                self.test(info, &mut rules);
            }
        }
        for (a, b) in &self.walker.shapes.equal {
            if let (Some(a), Some(b)) = (self.places.get(a), self.places.get(b)) {
                rules.joined.push((a.clone(), b.clone()));
            }
        }
        for source in self.manifest.sources.values() {
            hints(source, &mut rules);
        }
        rules
    }

    fn row(&self, id: &str) -> Option<crate::infer::Output> {
        let key = match self.manifest.sources.get(id) {
            Some(source) => source_key(source),
            None => {
                let node = self.manifest.nodes.get(id)?;
                relation_key(&node.database, &node.schema, &node.alias)
            }
        };
        self.walker.tables.get(&key).copied()
    }

    fn place(&self, id: &str, column: &str) -> Option<Place> {
        let row = self.row(id)?.row;
        let mut parts = column.split('.');
        let first = self.walker.shapes.known(row, parts.next()?.trim_matches(['`', '"', ' ']))?;
        let var = parts.try_fold(first, |var, part| self.walker.shapes.known(var, part))?;
        self.places.get(&var).cloned()
    }

    fn test(&self, info: &TestInfo, rules: &mut Rules) {
        let Some(id) = info.attached_node.as_deref() else { return };
        let grouped = self.row(id).is_none_or(|row| row.grouped);
        if info.name == "unique_combination_of_columns" || info.name == "expect_compound_columns_to_be_unique" {
            return self.combination(id, grouped, info, rules);
        }
        let named = info.column_name.as_deref().or_else(|| info.kwargs.get("column_name").and_then(Json::as_str));
        let Some(place) = named.and_then(|column| self.place(id, column)) else { return };
        if info.name == "relationships" || info.name == "relationships_where" {
            if let Some(parent) = self.parent(info) {
                rules.columns.entry(parent.clone()).or_default().is_parent = true;
                rules.foreign.push((place, parent));
            }
            return;
        }
        let own = rules.columns.entry(place.clone()).or_default();
        let number = |key: &str| info.kwargs.get(key).and_then(number_of);
        match info.name.as_str() {
            "unique" | "expect_column_values_to_be_unique" => own.unique |= !grouped,
            "not_null" | "expect_column_values_to_not_be_null" | "not_empty_string" | "not_null_proportion" => {
                own.not_null = true;
            }
            "accepted_values" | "expect_column_values_to_be_in_set" => {
                let key = if info.kwargs.contains_key("values") { "values" } else { "value_set" };
                let values = info.kwargs.get(key).and_then(Json::as_array);
                own.values = values.into_iter().flatten().map(plain).collect();
            }
            "accepted_range" | "expect_column_values_to_be_between" => {
                own.min = number("min_value").or(own.min);
                own.max = number("max_value").or(own.max);
                let strict = info.kwargs.get("inclusive") == Some(&Json::Bool(false))
                    || info.kwargs.get("strictly") == Some(&Json::Bool(true));
                if strict {
                    own.min = own.min.map(|min| min + 1.0);
                    own.max = own.max.map(|max| max - 1.0);
                }
            }
            "at_least_one" | "not_constant" => {}
            other if id.starts_with("source.") => rules.unknown.push(format!("{other} of {}.{}", place.0, place.1)),
            _ => {}
        }
    }

    fn combination(&self, id: &str, grouped: bool, info: &TestInfo, rules: &mut Rules) {
        let key = ["combination_of_columns", "column_list"].into_iter().find_map(|key| info.kwargs.get(key));
        let names = key.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let places: Option<Vec<Place>> = names.map(|name| self.place(id, name)).collect();
        if let Some([(first, _), ..]) = places.as_deref()
            && let Some(places) = &places
            && !grouped
            && places.iter().all(|(source, path)| source == first && !path.contains('.'))
        {
            let columns = places.iter().map(|(_, path)| path.clone()).collect();
            rules.combinations.push((first.clone(), columns));
        }
    }

    /// `to: ref('x')` and `field: id`.
    fn parent(&self, info: &TestInfo) -> Option<Place> {
        let text = |key: &str| info.kwargs.get(key).and_then(Json::as_str);
        let to = text("to")?.replace(['"', ' '], "'");
        let names: Vec<&str> = to.split('\'').skip(1).step_by(2).filter(|name| !name.is_empty()).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.starts_with(',')).collect();
        let id = if to.contains("source(") {
            let found = |s: &&Source| [s.source_name.as_str(), s.name.as_str()] == names.as_slice();
            self.manifest.sources.values().find(found)?.unique_id.clone()
        } else {
            let found = |n: &&Node| Some(&n.name.as_str()) == names.last() && n.resource_type.is_refable();
            self.manifest.nodes.values().find(found)?.unique_id.clone()
        };
        self.place(&id, text("field")?)
    }
}

/// A test that only warns, or of some of the rows, sets no rule.
fn is_strict(node: &Node) -> bool {
    node.setting("where").is_none()
}

fn number_of(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A value as text, without quotes.
pub fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `meta: {mock: {values: [...], min: 1, max: 9, nulls: 0.1, unique: true}}` of a column.
fn hints(source: &Source, rules: &mut Rules) {
    for column in source.columns.values() {
        let Some(hint) = column.meta.get("mock").and_then(Json::as_object) else { continue };
        let own = rules.columns.entry((source.unique_id.clone(), column.name.to_lowercase())).or_default();
        apply(hint, own);
    }
}

fn apply(hint: &Map<String, Json>, rule: &mut Rule) {
    let number = |key: &str| hint.get(key).and_then(number_of);
    rule.min = number("min").or(rule.min);
    rule.max = number("max").or(rule.max);
    rule.nulls = number("nulls").or(rule.nulls);
    rule.unique |= hint.get("unique") == Some(&Json::Bool(true));
    if let Some(values) = hint.get("values").and_then(Json::as_array) {
        rule.values = values.iter().map(plain).collect();
    }
}
