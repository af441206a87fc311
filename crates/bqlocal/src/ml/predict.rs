//! ML.PREDICT as SQL: the model's numbers as literals, so that it runs wherever a query can stand.

use super::store::{Body, Model};
use crate::printed::Printed;
use rsdbt_bqml::Fitted;
use rsdbt_duckdbsql::{quote, text};
use rsdbt_googlesql::query::OutCol;
use rsdbt_googlesql::types::{Field, Type};

pub(super) fn number(value: f64) -> String {
    format!("({value:?})::DOUBLE")
}

/// An input column as the text that categories are compared by.
pub(super) fn category_sql(sql: &str, ty: &Type) -> String {
    let shown = match ty {
        Type::String => sql.to_owned(),
        Type::Bytes => format!("base64({sql})"),
        _ => format!("CAST({sql} AS VARCHAR)"),
    };
    format!("COALESCE({shown}, '_null_filler')")
}

/// The input columns of a model's features, by name; or the feature that is missing.
fn columns<'o>(model: &Model, input: &'o Printed) -> Result<Vec<&'o OutCol>, String> {
    let find = |name: &str| input.cols.iter().find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name)));
    model
        .encoder
        .features
        .iter()
        .map(|(name, _)| find(name).ok_or_else(|| format!("Column {name} is missing in the input of the model")))
        .collect()
}

/// `z` of a numeric feature.
fn scaled(column: &str, mean: f64, center: f64, scale: f64) -> String {
    format!("((COALESCE(CAST({column} AS DOUBLE), {}) - {}) / {})", number(mean), number(center), number(scale))
}

/// intercept + sum of weighted features
fn score(model: &Model, cols: &[&OutCol], weights: &[f64]) -> String {
    let mut parts = vec![number(weights[weights.len() - 1])];
    let mut at = 0;
    for ((_, fitted), col) in model.encoder.features.iter().zip(cols) {
        let column = format!("q.{}", quote(&col.phys));
        match fitted {
            Fitted::Numeric(n) => {
                parts.push(format!("{} * {}", scaled(&column, n.mean, n.center, n.scale), number(weights[at])));
                at += 1;
            }
            Fitted::Category(c) => {
                let whens: Vec<String> = c
                    .values
                    .iter()
                    .enumerate()
                    .map(|(i, v)| format!("WHEN {} THEN {}", text(v), number(weights[at + i])))
                    .collect();
                parts.push(format!("CASE {} {} ELSE 0::DOUBLE END", category_sql(&column, &col.ty), whens.join(" ")));
                at += c.values.len();
            }
        }
    }
    parts.join(" + ")
}

/// The squared distance to a centroid, feature by feature.
fn square(model: &Model, cols: &[&OutCol], centroid: &[f64]) -> String {
    let mut parts = Vec::new();
    let mut at = 0;
    for ((_, fitted), col) in model.encoder.features.iter().zip(cols) {
        let column = format!("q.{}", quote(&col.phys));
        match fitted {
            Fitted::Numeric(n) => {
                parts.push(format!(
                    "pow({} - {}, 2)",
                    scaled(&column, n.mean, n.center, n.scale),
                    number(centroid[at])
                ));
                at += 1;
            }
            Fitted::Category(c) => {
                let part = &centroid[at..at + c.values.len()];
                let all: f64 = part.iter().map(|v| v * v).sum();
                let whens: Vec<String> = c
                    .values
                    .iter()
                    .zip(part)
                    .map(|(v, w)| format!("WHEN {} THEN {}", text(v), number(all - 2.0 * w + 1.0)))
                    .collect();
                parts.push(format!(
                    "CASE {} {} ELSE {} END",
                    category_sql(&column, &col.ty),
                    whens.join(" "),
                    number(all)
                ));
                at += c.values.len();
            }
        }
    }
    parts.join(" + ")
}

/// The cosine distance to a centroid.
fn cosine(model: &Model, cols: &[&OutCol], centroid: &[f64]) -> String {
    let zero = vec![0.0; centroid.len()];
    let mut weights = centroid.to_vec();
    weights.push(0.0);
    let size = centroid.iter().map(|v| v * v).sum::<f64>().sqrt();
    let product = format!("(sqrt({}) * {})", square(model, cols, &zero), number(size));
    format!(
        "CASE WHEN {product} = 0 THEN 1 ELSE sqrt(greatest(1 - ({}) / {product}, 0)) END",
        score(model, cols, &weights)
    )
}

/// The distances as SQL expressions over `q`, one a centroid.
pub(super) fn distances(model: &Model, input: &Printed) -> Result<Vec<String>, String> {
    let cols = columns(model, input)?;
    let Body::KMeans { centroids, cosine: by_angle } = &model.body else {
        return Err("the model is no k-means".into());
    };
    Ok(centroids
        .iter()
        .map(|c| if *by_angle { cosine(model, &cols, c) } else { format!("sqrt({})", square(model, &cols, c)) })
        .collect())
}

/// The scores over `q`: one for a linear or binary model, one a class otherwise.
pub(super) fn scores(model: &Model, input: &Printed) -> Result<Vec<String>, String> {
    let cols = columns(model, input)?;
    match &model.body {
        Body::Logistic { weights, .. } => Ok(weights.iter().map(|w| score(model, &cols, w)).collect()),
        Body::Linear { weights } => Ok(vec![score(model, &cols, weights)]),
        Body::KMeans { .. } => Err("a k-means model has no scores".into()),
    }
}

/// The probabilities of all classes, in the order of the classes, as a DuckDB list over `q`.
pub(super) fn probabilities(model: &Model, input: &Printed) -> Result<String, String> {
    let scores = scores(model, input)?;
    if let [score] = scores.as_slice() {
        let p = format!("(1 / (1 + exp(-({score}))))");
        return Ok(format!("[1 - {p}, {p}]"));
    }
    let list = format!("[{}]", scores.join(", "));
    let powers = format!("list_transform({list}, lambda s: exp(s - list_max({list})))");
    Ok(format!("list_transform({powers}, lambda p: p / list_sum({powers}))"))
}

fn inputs(input: &Printed) -> (String, Vec<(String, Type)>) {
    let list: Vec<String> = input.cols.iter().map(|c| format!("q.{}", quote(&c.phys))).collect();
    let cols = input.cols.iter().map(|c| (c.name.clone().unwrap_or_else(|| c.phys.clone()), c.ty.clone())).collect();
    (list.join(", "), cols)
}

/// A class as a value of the label's type.
fn class_value(class: &str, ty: &Type) -> String {
    match ty {
        Type::Int64 => format!("{class}::BIGINT"),
        Type::Bool => class.to_uppercase(),
        _ => text(class),
    }
}

/// The query and its columns: predictions first, then every input column.
pub(super) fn predict(
    model: &Model,
    input: &Printed,
    threshold: &str,
) -> Result<(String, Vec<(String, Type)>), String> {
    let (rest, mut tail) = inputs(input);
    let field = |name: &str, ty: Type| Field { name: Some(name.to_owned()), ty };
    match &model.body {
        Body::KMeans { .. } => {
            let items: Vec<String> = distances(model, input)?
                .iter()
                .enumerate()
                .map(|(i, d)| format!("struct_pack(d := {d}, c := {}::BIGINT)", i + 1))
                .collect();
            let near = format!("list_sort([{}])", items.join(", "));
            let sql = format!(
                "SELECT q._near[1].c AS \"CENTROID_ID\", list_transform(q._near[1:5], lambda n: struct_pack(\"CENTROID_ID\" := n.c, \"DISTANCE\" := n.d)) AS \"NEAREST_CENTROIDS_DISTANCE\", {rest} FROM (SELECT {near} AS _near, q.* FROM ({}) AS q) AS q",
                input.sql
            );
            let item = Type::Struct(vec![field("CENTROID_ID", Type::Int64), field("DISTANCE", Type::Float64)]);
            let mut cols = vec![
                ("CENTROID_ID".to_owned(), Type::Int64),
                ("NEAREST_CENTROIDS_DISTANCE".to_owned(), Type::Array(Box::new(item))),
            ];
            cols.append(&mut tail);
            Ok((sql, cols))
        }
        Body::Linear { .. } => {
            let label = model.label.as_ref().map_or("label", |(n, _)| n);
            let name = format!("predicted_{label}");
            let sql =
                format!("SELECT {} AS {}, {rest} FROM ({}) AS q", scores(model, input)?[0], quote(&name), input.sql);
            let mut cols = vec![(name, Type::Float64)];
            cols.append(&mut tail);
            Ok((sql, cols))
        }
        Body::Logistic { classes, .. } => {
            let (label, ty) = model.label.clone().unwrap_or_default();
            let ty = super::super::result::field_types(&ty).unwrap_or(Type::String);
            let values: Vec<String> = classes.iter().map(|c| class_value(c, &ty)).collect();
            let best = match values.as_slice() {
                [low, high] => format!("CASE WHEN q._p[2] > {threshold} THEN {high} ELSE {low} END"),
                _ => format!("[{}][list_position(q._p, list_max(q._p))]", values.join(", ")),
            };
            // the classes descending, as the service lists them
            let probs: Vec<String> = values
                .iter()
                .enumerate()
                .rev()
                .map(|(i, v)| format!("struct_pack(label := {v}, prob := q._p[{}])", i + 1))
                .collect();
            let (first, second) = (format!("predicted_{label}"), format!("predicted_{label}_probs"));
            let sql = format!(
                "SELECT {best} AS {}, [{}] AS {}, {rest} FROM (SELECT {} AS _p, q.* FROM ({}) AS q) AS q",
                quote(&first),
                probs.join(", "),
                quote(&second),
                probabilities(model, input)?,
                input.sql
            );
            let item = Type::Struct(vec![field("label", ty.clone()), field("prob", Type::Float64)]);
            let mut cols = vec![(first, ty), (second, Type::Array(Box::new(item)))];
            cols.append(&mut tail);
            Ok((sql, cols))
        }
    }
}
