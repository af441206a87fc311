//! What a model shows of itself, as tables of the store: one a function (ML.WEIGHTS, ML.CENTROIDS and so on), with a column
//! that names the model and one that keeps the rows' order.

use super::number;
use super::store::Model;
use rsdbt_bqml::{Body, Fitted, Slot, p_value};
use rsdbt_duckdbsql::{duck, quote, text};
use rsdbt_googlesql::types::{Field, Type};

/// A cell a column, as DuckDB text.
type Rows = Vec<Vec<String>>;

pub(super) struct Table {
    pub name: &'static str,
    /// names, and types in BigQuery's words
    pub columns: &'static [(&'static str, &'static str)],
    fill: fn(&Model) -> Rows,
}

pub(super) const TABLES: &[Table] = &[
    Table {
        name: "centroids",
        columns: &[
            ("centroid_id", "INT64"),
            ("feature", "STRING"),
            ("numerical_value", "FLOAT64"),
            ("categorical_value", "ARRAY<STRUCT<category STRING, value FLOAT64>>"),
            ("standardized_value", "FLOAT64"),
        ],
        fill: centroids,
    },
    Table {
        name: "weights",
        columns: &[
            ("processed_input", "STRING"),
            ("weight", "FLOAT64"),
            ("category_weights", "ARRAY<STRUCT<category STRING, weight FLOAT64>>"),
            ("class_label", "STRING"),
            ("standardized_weight", "FLOAT64"),
        ],
        fill: weights,
    },
    Table {
        name: "advanced_weights",
        columns: &[
            ("processed_input", "STRING"),
            ("category", "STRING"),
            ("weight", "FLOAT64"),
            ("standard_error", "FLOAT64"),
            ("p_value", "FLOAT64"),
            ("standardized_weight", "FLOAT64"),
            ("standardized_error", "FLOAT64"),
            ("standardized_p_value", "FLOAT64"),
        ],
        fill: advanced_weights,
    },
    Table {
        name: "training_info",
        columns: &[
            ("training_run", "INT64"),
            ("iteration", "INT64"),
            ("loss", "FLOAT64"),
            ("eval_loss", "FLOAT64"),
            ("learning_rate", "FLOAT64"),
            ("duration_ms", "INT64"),
            ("cluster_info", "ARRAY<STRUCT<centroid_id INT64, cluster_radius FLOAT64, cluster_size INT64>>"),
        ],
        fill: training_info,
    },
    Table {
        name: "feature_info",
        columns: &[
            ("input", "STRING"),
            ("min", "FLOAT64"),
            ("max", "FLOAT64"),
            ("mean", "FLOAT64"),
            ("median", "FLOAT64"),
            ("stddev", "FLOAT64"),
            ("category_count", "INT64"),
            ("null_count", "INT64"),
            ("dimension", "INT64"),
        ],
        fill: feature_info,
    },
    Table { name: "metrics", columns: &[("metric", "STRING"), ("value", "FLOAT64")], fill: metrics },
    Table {
        name: "principal_components",
        columns: &[
            ("principal_component_id", "INT64"),
            ("feature", "STRING"),
            ("numerical_value", "FLOAT64"),
            ("categorical_value", "ARRAY<STRUCT<category STRING, value FLOAT64>>"),
        ],
        fill: principal_components,
    },
    Table {
        name: "principal_component_info",
        columns: &[
            ("principal_component_id", "INT64"),
            ("eigenvalue", "FLOAT64"),
            ("explained_variance_ratio", "FLOAT64"),
            ("cumulative_explained_variance_ratio", "FLOAT64"),
        ],
        fill: principal_component_info,
    },
    Table {
        name: "global_explain",
        columns: &[("feature", "STRING"), ("attribution", "FLOAT64")],
        fill: global_explain,
    },
];

/// A BigQuery type by its name in `TABLES`.
fn typed(name: &str) -> Type {
    let fields = |list: &[(&str, Type)]| {
        let field = |(name, ty): &(&str, Type)| Field { name: Some((*name).to_owned()), ty: ty.clone() };
        Type::Array(Box::new(Type::Struct(list.iter().map(field).collect())))
    };
    match name {
        "INT64" => Type::Int64,
        "FLOAT64" => Type::Float64,
        "ARRAY<STRUCT<category STRING, value FLOAT64>>" => {
            fields(&[("category", Type::String), ("value", Type::Float64)])
        }
        "ARRAY<STRUCT<category STRING, weight FLOAT64>>" => {
            fields(&[("category", Type::String), ("weight", Type::Float64)])
        }
        "ARRAY<STRUCT<centroid_id INT64, cluster_radius FLOAT64, cluster_size INT64>>" => {
            fields(&[("centroid_id", Type::Int64), ("cluster_radius", Type::Float64), ("cluster_size", Type::Int64)])
        }
        _ => Type::String,
    }
}

impl Table {
    pub fn named(name: &str) -> Option<&'static Table> {
        TABLES.iter().find(|table| table.name == name)
    }

    pub fn column_type(&self, column: &str) -> Type {
        self.columns.iter().find(|(name, _)| *name == column).map_or(Type::String, |(_, ty)| typed(ty))
    }

    pub fn definition(&self) -> String {
        let columns = self.columns.iter().map(|(name, ty)| format!("{} {}", quote(name), duck(&typed(ty))));
        let all: Vec<String> =
            ["model VARCHAR".to_owned(), "position BIGINT".to_owned()].into_iter().chain(columns).collect();
        format!("_rsdbt_ml.{} ({})", self.name, all.join(", "))
    }

    /// The statement that writes a model's rows; `None` where it has none.
    pub fn rows(&self, key: &str, model: &Model) -> Option<String> {
        let rows = (self.fill)(model);
        let line = |(i, row): (usize, &Vec<String>)| format!("({}, {i}, {})", text(key), row.join(", "));
        let lines: Vec<String> = rows.iter().enumerate().map(line).collect();
        (!lines.is_empty()).then(|| format!("INSERT INTO _rsdbt_ml.{} VALUES {}", self.name, lines.join(", ")))
    }
}

fn none() -> String {
    "NULL".to_owned()
}

fn maybe(value: Option<f64>) -> String {
    value.map_or_else(none, number)
}

fn pairs<'a>(name: &str, items: impl Iterator<Item = (&'a String, f64)>) -> String {
    let pair = |(c, w): (&String, f64)| format!("struct_pack(category := {}, {name} := {})", text(c), number(w));
    format!("[{}]", items.map(pair).collect::<Vec<_>>().join(", "))
}

/// The features with the places of their weights.
fn slots(model: &Model) -> impl Iterator<Item = (&String, &Fitted, Slot)> {
    model.encoder.features.iter().zip(model.encoder.slots()).map(|((name, fitted), slot)| (name, fitted, slot))
}

/// The values of a category with what they have in a row of weights.
fn values<'m>(fitted: &'m Fitted, slot: Slot, weights: &'m [f64]) -> impl Iterator<Item = (&'m String, f64)> {
    let (list, part): (&[String], &[f64]) = match (fitted, slot) {
        (Fitted::Category(c), Slot::Categories(first, count)) => (&c.values, &weights[first..first + count]),
        _ => (&[], &[]),
    };
    list.iter().zip(part.iter().copied())
}

fn centroids(model: &Model) -> Rows {
    let Body::KMeans { centroids, .. } = &model.body else { return Vec::new() };
    let numbered = centroids.iter().enumerate();
    numbered
        .flat_map(|(i, centroid)| {
            slots(model).map(move |(name, fitted, slot)| {
                let (value, z) = match (fitted, slot) {
                    (Fitted::Numeric(n), Slot::Number(at)) => {
                        (number(n.center + centroid[at] * n.scale), number(centroid[at]))
                    }
                    _ => (none(), none()),
                };
                let own = values(fitted, slot, centroid).filter(|(_, weight)| *weight > 0.0);
                vec![(i + 1).to_string(), text(name), value, pairs("value", own), z]
            })
        })
        .collect()
}

/// Rows of weights with the class that each is of.
fn lines(model: &Model) -> Vec<(&Vec<f64>, Option<&String>)> {
    match &model.body {
        Body::Linear { weights, .. } => vec![(weights, None)],
        Body::Logistic { weights, classes, .. } if weights.len() > 1 => {
            weights.iter().zip(classes.iter().map(Some)).collect()
        }
        Body::Logistic { weights, .. } => weights.iter().map(|line| (line, None)).collect(),
        Body::KMeans { .. } | Body::Pca { .. } => Vec::new(),
    }
}

/// A row of weights without the scaling: the intercept of the unscaled numbers.
fn plain_intercept(model: &Model, weights: &[f64]) -> f64 {
    let shifts = slots(model).filter_map(|(_, fitted, slot)| match (fitted, slot) {
        (Fitted::Numeric(n), Slot::Number(at)) => Some(weights[at] / n.scale * n.center),
        _ => None,
    });
    weights[weights.len() - 1] - shifts.sum::<f64>()
}

fn weights(model: &Model) -> Rows {
    let mut rows = Vec::new();
    for (weights, class) in lines(model) {
        let class = class.map_or_else(none, |class| text(class));
        for (name, fitted, slot) in slots(model) {
            let (plain, z) = match (fitted, slot) {
                (Fitted::Numeric(n), Slot::Number(at)) => (number(weights[at] / n.scale), number(weights[at])),
                _ => (none(), none()),
            };
            let own = pairs("weight", values(fitted, slot, weights));
            rows.push(vec![text(name), plain, own, class.clone(), z]);
        }
        let last = weights[weights.len() - 1];
        let plain = number(plain_intercept(model, weights));
        rows.push(vec![text("__INTERCEPT__"), plain, "[]".to_owned(), class, number(last)]);
    }
    rows
}

/// A weight with its error, plain and of the standardised features. Of the plain intercept the error is not known.
fn sure(name: &str, category: Option<&str>, plain: (f64, Option<f64>), z: (f64, Option<f64>)) -> Vec<String> {
    let p = |(weight, error): (f64, Option<f64>)| maybe(error.map(|error| p_value(weight, error)));
    let category = category.map_or_else(none, text);
    let cells = [number(plain.0), maybe(plain.1), p(plain), number(z.0), maybe(z.1), p(z)];
    [text(name), category].into_iter().chain(cells).collect()
}

fn advanced_weights(model: &Model) -> Rows {
    let (weights, spread) = match &model.body {
        Body::Linear { weights, spread: Some(spread) } => (weights, spread),
        Body::Logistic { weights, spread: Some(spread), .. } => (&weights[0], spread),
        _ => return Vec::new(),
    };
    let error = |at: usize| spread.errors.get(at).copied().flatten();
    let mut rows = Vec::new();
    for (name, fitted, slot) in slots(model) {
        match (fitted, slot) {
            (Fitted::Numeric(n), Slot::Number(at)) => {
                let plain = (weights[at] / n.scale, error(at).map(|e| e / n.scale));
                rows.push(sure(name, None, plain, (weights[at], error(at))));
            }
            (Fitted::Category(c), Slot::Categories(first, _)) => {
                rows.extend(c.values.iter().enumerate().map(|(i, value)| {
                    let own = (weights[first + i], error(first + i));
                    sure(name, Some(value), own, own)
                }));
            }
            _ => {}
        }
    }
    let last = weights.len() - 1;
    rows.push(sure("__INTERCEPT__", None, (plain_intercept(model, weights), None), (weights[last], error(last))));
    rows
}

fn training_info(model: &Model) -> Rows {
    let steps = model.history.iter().enumerate();
    let row = |(i, step): (usize, &rsdbt_bqml::Iteration)| {
        let cluster = |(c, (radius, size)): (usize, &(f64, i64))| {
            let radius = number(*radius);
            format!("struct_pack(centroid_id := {}, cluster_radius := {radius}, cluster_size := {size})", c + 1)
        };
        let info: Vec<String> = step.clusters.iter().enumerate().map(cluster).collect();
        vec![
            "0".to_owned(),
            i.to_string(),
            number(step.loss),
            maybe(step.eval_loss),
            maybe(step.learning_rate),
            "0".to_owned(),
            format!("[{}]", info.join(", ")),
        ]
    };
    steps.map(row).collect()
}

fn feature_info(model: &Model) -> Rows {
    let features = model.encoder.features.iter();
    let row = |(name, fitted): &(String, Fitted)| match fitted {
        Fitted::Numeric(n) => {
            let numbers = [n.min, n.max, n.mean, n.median, n.stddev].map(number);
            let tail = [none(), n.nulls.to_string(), none()];
            [text(name)].into_iter().chain(numbers).chain(tail).collect()
        }
        Fitted::Category(c) => {
            let head = std::iter::once(text(name)).chain(std::iter::repeat_with(none).take(5));
            head.chain([c.values.len().to_string(), c.nulls.to_string(), none()]).collect()
        }
    };
    features.map(row).collect()
}

fn metrics(model: &Model) -> Rows {
    model.metrics.iter().map(|(name, value)| vec![text(name), maybe(*value)]).collect()
}

fn principal_components(model: &Model) -> Rows {
    let Body::Pca { components, .. } = &model.body else { return Vec::new() };
    let numbered = components.iter().enumerate();
    numbered
        .flat_map(|(i, (_, axis))| {
            slots(model).map(move |(name, fitted, slot)| {
                let value = if let Slot::Number(at) = slot { number(axis[at]) } else { none() };
                vec![i.to_string(), text(name), value, pairs("value", values(fitted, slot, axis))]
            })
        })
        .collect()
}

fn principal_component_info(model: &Model) -> Rows {
    let Body::Pca { components, total } = &model.body else { return Vec::new() };
    let mut sum = 0.0;
    let row = |(i, (value, _)): (usize, &(f64, Vec<f64>))| {
        sum += value;
        vec![i.to_string(), number(*value), number(value / total), number(sum / total)]
    };
    components.iter().enumerate().map(row).collect()
}

/// The features by the size of their part.
fn global_explain(model: &Model) -> Rows {
    let Some(parts) = &model.explained else { return Vec::new() };
    let mut all: Vec<(&String, f64)> =
        model.encoder.features.iter().map(|(name, _)| name).zip(parts.iter().copied()).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.into_iter().map(|(name, part)| vec![text(name), number(part)]).collect()
}
