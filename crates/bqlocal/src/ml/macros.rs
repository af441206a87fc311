//! A model's macros: what views and queries call, replaced with the model. `"d.m"(_q)` gives the numbers of a row,
//! `"d.m:1"(p, threshold)` and so on the columns of ML.PREDICT made of them, `"d.m:classes"()` the label's values,
//! `"d.m:explain"(_q)` and `"d.m:edge"(contamination)` what their functions need, `"d.m:model"()` the model's key. A dropped model leaves macros that say so.

use super::number;
use super::read::{category_sql, number_sql};
use super::store::Model;
use rsdbt_bqml::{Body, NEAREST, NULL_CATEGORY, Scorer};
use rsdbt_duckdbsql::{duck, quote, text};
use rsdbt_googlesql::types::{Field, Type};

/// The macro of a model, of a column of its predictions or the like, in full.
pub(super) fn named(catalog: &str, key: &str, part: &str) -> String {
    let name = if part.is_empty() { key.to_owned() } else { format!("{key}:{part}") };
    format!("{}._rsdbt_ml.{}", quote(catalog), quote(&name))
}

/// The statements that make a model's macros.
pub(super) fn create(catalog: &str, key: &str, model: &Model) -> Result<Vec<String>, serde_json::Error> {
    let scorer = Scorer { encoder: model.encoder.clone(), body: model.body.clone() };
    let of = |numeric: bool, none: &str, ty: &str| {
        let wanted = model.features.iter().filter(|(_, ty)| ty.is_number() == numeric);
        let items: Vec<String> = wanted
            .map(|(name, ty)| {
                let column = format!("_q.{}", quote(name));
                if numeric { number_sql(&column) } else { category_sql(&column, ty) }
            })
            .collect();
        if items.is_empty() { format!("CAST([{none}] AS {ty}[])") } else { format!("[{}]", items.join(", ")) }
    };
    let (numbers, words) = (of(true, "", "DOUBLE"), of(false, &text(NULL_CATEGORY), "VARCHAR"));
    let arguments = format!("{}, {numbers}, {words}", text(&serde_json::to_string(&scorer)?));
    let score = format!("bq_ml_score({arguments})");
    let mut all = vec![macro_of(catalog, key, "", "_q", &score), macro_of(catalog, key, "model", "", &text(key))];
    if !model.anomalies.is_empty() {
        let sorted: Vec<String> = model.anomalies.iter().map(|value| number(*value)).collect();
        let edge = format!("list_aggregate([{}], 'quantile_cont', 1 - contamination)", sorted.join(", "));
        all.push(macro_of(catalog, key, "edge", "contamination", &edge));
    }
    if scorer.explains() {
        all.push(macro_of(catalog, key, "explain", "_q", &format!("bq_ml_explain({arguments})")));
        let names: Vec<String> = model.features.iter().map(|(name, _)| text(name)).collect();
        all.push(macro_of(catalog, key, "features", "", &format!("[{}]", names.join(", "))));
    }
    if let Body::Logistic { classes, .. } = &model.body {
        let values: Vec<String> = classes.iter().map(|class| class_value(class, &model.label_type())).collect();
        all.push(macro_of(catalog, key, "classes", "", &format!("[{}]", values.join(", "))));
    }
    for (i, (_, _, sql)) in outputs(model).iter().enumerate() {
        all.push(macro_of(catalog, key, &(i + 1).to_string(), "p, threshold", sql));
    }
    Ok(all)
}

fn macro_of(catalog: &str, key: &str, part: &str, parameters: &str, body: &str) -> String {
    format!("CREATE OR REPLACE MACRO {}({parameters}) AS {body}", named(catalog, key, part))
}

/// The statements that make the macros of a dropped model refuse.
pub(super) fn bury(catalog: &str, key: &str) -> [String; 3] {
    let gone = format!("error({})", text(&format!("Not found: Model {key}")));
    [
        macro_of(catalog, key, "", "_q", &format!("CAST({gone} AS DOUBLE[])")),
        macro_of(catalog, key, "explain", "_q", &format!("CAST({gone} AS DOUBLE[])")),
        macro_of(catalog, key, "model", "", &format!("CAST({gone} AS VARCHAR)")),
    ]
}

/// A class as a value of the label's type.
fn class_value(class: &str, ty: &Type) -> String {
    match ty {
        Type::String => text(class),
        Type::Int64 => format!("({class})::BIGINT"),
        Type::Bool => class.to_uppercase(),
        other => format!("CAST({} AS {})", text(class), duck(other)),
    }
}

fn field(name: &str, ty: Type) -> Field {
    Field { name: Some(name.to_owned()), ty }
}

/// The columns of predictions, with their types and the DuckDB text over `p` and `threshold`.
pub(super) fn outputs(model: &Model) -> Vec<(String, Type, String)> {
    let label = model.label.as_ref().map_or("label", |(name, _)| name);
    match &model.body {
        Body::Linear { .. } => vec![(format!("predicted_{label}"), Type::Float64, "p[1]".to_owned())],
        Body::Logistic { classes, .. } => {
            let ty = model.label_type();
            let values: Vec<String> = classes.iter().map(|class| class_value(class, &ty)).collect();
            let best = match values.as_slice() {
                [low, high] => format!("CASE WHEN p[2] > threshold THEN {high} ELSE {low} END"),
                _ => format!("[{}][list_position(p, list_max(p))]", values.join(", ")),
            };
            // the classes descending, as the service lists them
            let pair = |(i, value): (usize, &String)| format!("struct_pack(label := {value}, prob := p[{}])", i + 1);
            let all: Vec<String> = values.iter().enumerate().rev().map(pair).collect();
            let item = Type::Struct(vec![field("label", ty.clone()), field("prob", Type::Float64)]);
            vec![
                (format!("predicted_{label}"), ty, best),
                (format!("predicted_{label}_probs"), Type::Array(Box::new(item)), format!("[{}]", all.join(", "))),
            ]
        }
        Body::KMeans { centroids, .. } => {
            let pair = |i: usize| {
                let (id, distance) = (2 * i + 3, 2 * i + 4);
                format!("struct_pack(\"CENTROID_ID\" := CAST(p[{id}] AS BIGINT), \"DISTANCE\" := p[{distance}])")
            };
            let all: Vec<String> = (0..centroids.len().min(NEAREST)).map(pair).collect();
            let item = Type::Struct(vec![field("CENTROID_ID", Type::Int64), field("DISTANCE", Type::Float64)]);
            let near = ("NEAREST_CENTROIDS_DISTANCE".to_owned(), Type::Array(Box::new(item)));
            vec![
                ("CENTROID_ID".to_owned(), Type::Int64, "CAST(p[3] AS BIGINT)".to_owned()),
                (near.0, near.1, format!("[{}]", all.join(", "))),
            ]
        }
        Body::Pca { components, .. } => (1..=components.len())
            .map(|i| (format!("principal_component_{i}"), Type::Float64, format!("p[{i}]")))
            .collect(),
    }
}

/// The default of `threshold`.
pub(super) fn half() -> String {
    number(0.5)
}
