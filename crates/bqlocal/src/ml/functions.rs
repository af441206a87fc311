//! The ML.* table functions by name.

use super::evaluate::{evaluate, names};
use super::predict::{number, predict};
use super::refuse;
use super::store::{Body, Model};
use crate::printed::Printed;
use rsdbt_bqml::Fitted;
use rsdbt_duckdbsql::{duck, print_expr, quote, text};
use rsdbt_googlesql::analyze::ModelCall;
use rsdbt_googlesql::query::Table;
use rsdbt_googlesql::types::{Field, Type};
use rsdbt_googlesql::{Result, SqlError};

type Answer = std::result::Result<(String, Vec<(String, Type)>), String>;

/// Name, code, and whether an input table belongs to it.
type Function = fn(&Model, &Request) -> Answer;

const TABLE: &[(&str, Function)] = &[
    ("ML.PREDICT", predicted),
    ("ML.EVALUATE", evaluated),
    ("ML.CENTROIDS", centroids),
    ("ML.WEIGHTS", weights),
    ("ML.TRAINING_INFO", training_info),
    ("ML.FEATURE_INFO", feature_info),
];

/// The arguments of an ML function as DuckDB text.
struct Request {
    input: Option<Printed>,
    settings: Vec<(String, String)>,
}

/// The table that an ML function stands for.
pub(in super::super) fn relation(name: &str, call: &ModelCall, model: &Model, zone: &str) -> Result<Table> {
    let Some((_, function)) = TABLE.iter().find(|(n, _)| *n == name) else {
        return Err(SqlError::unsupported(format!("the function {name}"), call.at));
    };
    let request = Request {
        input: call.input.as_ref().map(|query| Printed::of(query, zone)),
        settings: call.settings.iter().map(|(name, value)| (name.clone(), print_expr(value, zone))).collect(),
    };
    let (sql, columns) = function(model, &request).map_err(|why| refuse(why, call.at))?;
    let (input, engine) = (call.input.clone().map(Box::new), format!("({sql})"));
    Ok(Table { engine, columns, input, ..Table::default() })
}

fn setting(call: &Request, name: &str, default: &str) -> String {
    call.settings.iter().find(|(n, _)| n == name).map_or(default.to_owned(), |(_, v)| v.clone())
}

fn predicted(model: &Model, call: &Request) -> Answer {
    let input = call.input.as_ref().ok_or("ML.PREDICT needs a table or a query")?;
    predict(model, input, &setting(call, "threshold", "0.5"))
}

fn evaluated(model: &Model, call: &Request) -> Answer {
    let columns: Vec<(String, Type)> = names(model).iter().map(|n| ((*n).to_owned(), Type::Float64)).collect();
    if let Some(input) = &call.input {
        return Ok((evaluate(model, input, &setting(call, "threshold", "0.5"))?, columns));
    }
    if call.settings.iter().any(|(n, _)| n == "threshold") {
        return Err("ML.EVALUATE with a threshold needs a table or a query".into());
    }
    let list: Vec<String> = model
        .metrics
        .iter()
        .map(|(n, v)| format!("{} AS {n}", v.map_or("CAST(NULL AS DOUBLE)".into(), value)))
        .collect();
    Ok((format!("SELECT {}", list.join(", ")), columns))
}

fn value(v: f64) -> String {
    if v.is_nan() {
        "'nan'::DOUBLE".into()
    } else if v.is_infinite() {
        if v > 0.0 { "'inf'::DOUBLE".into() } else { "'-inf'::DOUBLE".to_owned() }
    } else {
        number(v)
    }
}

fn float_pairs(name: &str) -> Type {
    let field = |n: &str, ty| Field { name: Some(n.to_owned()), ty };
    Type::Array(Box::new(Type::Struct(vec![field("category", Type::String), field(name, Type::Float64)])))
}

/// Rows as a VALUES list with typed columns.
fn rows(rows: Vec<Vec<String>>, columns: Vec<(String, Type)>) -> Answer {
    let lines: Vec<String> = rows.iter().map(|r| format!("({})", r.join(", "))).collect();
    let names: Vec<String> = columns.iter().map(|(n, _)| quote(n)).collect();
    let casts: Vec<String> =
        columns.iter().map(|(n, ty)| format!("CAST({0} AS {1}) AS {0}", quote(n), duck(ty))).collect();
    if lines.is_empty() {
        let none: Vec<String> =
            columns.iter().map(|(n, ty)| format!("CAST(NULL AS {}) AS {}", duck(ty), quote(n))).collect();
        return Ok((format!("SELECT {} WHERE FALSE", none.join(", ")), columns));
    }
    Ok((format!("SELECT {} FROM (VALUES {}) AS v({})", casts.join(", "), lines.join(", "), names.join(", ")), columns))
}

fn pairs(name: &str, items: &[(&String, f64)]) -> String {
    if items.is_empty() {
        return "[]".into();
    }
    let list: Vec<String> =
        items.iter().map(|(c, w)| format!("struct_pack(category := {}, {name} := {})", text(c), number(*w))).collect();
    format!("[{}]", list.join(", "))
}

fn centroids(model: &Model, call: &Request) -> Answer {
    let Body::KMeans { centroids, .. } = &model.body else { return Err("ML.CENTROIDS needs a k-means model".into()) };
    let standard = setting(call, "standardize", "FALSE").eq_ignore_ascii_case("true");
    let mut lines = Vec::new();
    for (i, centroid) in centroids.iter().enumerate() {
        let mut at = 0;
        for (name, fitted) in &model.encoder.features {
            let (numeric, categories) = match fitted {
                Fitted::Numeric(n) => {
                    let z = centroid[at];
                    at += 1;
                    (number(if standard { z } else { n.center + z * n.scale }), "[]".to_owned())
                }
                Fitted::Category(c) => {
                    let items: Vec<(&String, f64)> =
                        c.values.iter().zip(&centroid[at..]).map(|(v, w)| (v, *w)).filter(|(_, w)| *w > 0.0).collect();
                    at += c.values.len();
                    ("NULL".to_owned(), pairs("value", &items))
                }
            };
            lines.push(vec![(i + 1).to_string(), text(name), numeric, categories]);
        }
    }
    let columns = vec![
        ("centroid_id".to_owned(), Type::Int64),
        ("feature".to_owned(), Type::String),
        ("numerical_value".to_owned(), Type::Float64),
        ("categorical_value".to_owned(), float_pairs("value")),
    ];
    rows(lines, columns)
}

fn weights(model: &Model, call: &Request) -> Answer {
    let standard = setting(call, "standardize", "FALSE").eq_ignore_ascii_case("true");
    let (sets, classes): (Vec<&Vec<f64>>, Vec<Option<&String>>) = match &model.body {
        Body::Linear { weights } => (vec![weights], vec![None]),
        Body::Logistic { weights, classes } if weights.len() > 1 => {
            (weights.iter().collect(), classes.iter().map(Some).collect())
        }
        Body::Logistic { weights, .. } => (weights.iter().collect(), vec![None]),
        Body::KMeans { .. } => return Err("ML.WEIGHTS needs a linear or logistic model".into()),
    };
    let multi = classes.len() > 1;
    let mut lines = Vec::new();
    for (set, class) in sets.iter().zip(&classes) {
        let mut intercept = set[set.len() - 1];
        let mut at = 0;
        let tail =
            |line: Vec<String>| line.into_iter().chain(class.filter(|_| multi).map(|c| text(c))).collect::<Vec<_>>();
        for (name, fitted) in &model.encoder.features {
            match fitted {
                Fitted::Numeric(n) => {
                    let weight = if standard { set[at] } else { set[at] / n.scale };
                    intercept -= if standard { 0.0 } else { weight * n.center };
                    at += 1;
                    lines.push(tail(vec![text(name), number(weight), "[]".into()]));
                }
                Fitted::Category(c) => {
                    let items: Vec<(&String, f64)> = c.values.iter().zip(&set[at..]).map(|(v, w)| (v, *w)).collect();
                    at += c.values.len();
                    lines.push(tail(vec![text(name), "NULL".into(), pairs("weight", &items)]));
                }
            }
        }
        lines.push(tail(vec![text("__INTERCEPT__"), number(intercept), "[]".into()]));
    }
    let mut columns = vec![
        ("processed_input".to_owned(), Type::String),
        ("weight".to_owned(), Type::Float64),
        ("category_weights".to_owned(), float_pairs("weight")),
    ];
    if multi {
        columns.push(("class_label".to_owned(), Type::String));
    }
    rows(lines, columns)
}

fn training_info(model: &Model, _: &Request) -> Answer {
    let kmeans = matches!(model.body, Body::KMeans { .. });
    let float = |v: Option<f64>| v.map_or("NULL".to_owned(), value);
    let lines = model
        .history
        .iter()
        .enumerate()
        .map(|(i, step)| {
            let mut line = vec!["0".to_owned(), i.to_string(), value(step.loss)];
            if kmeans {
                let info: Vec<String> = step
                    .clusters
                    .iter()
                    .enumerate()
                    .map(|(c, (r, n))| {
                        format!(
                            "struct_pack(centroid_id := {}, cluster_radius := {}, cluster_size := {n})",
                            c + 1,
                            number(*r)
                        )
                    })
                    .collect();
                line.extend(["NULL".to_owned(), "0".to_owned(), format!("[{}]", info.join(", "))]);
            } else {
                line.extend([float(step.eval_loss), float(step.learning_rate), "0".to_owned()]);
            }
            line
        })
        .collect();
    let mut columns = vec![
        ("training_run".to_owned(), Type::Int64),
        ("iteration".to_owned(), Type::Int64),
        ("loss".to_owned(), Type::Float64),
    ];
    if kmeans {
        let field = |n: &str, ty| Field { name: Some(n.to_owned()), ty };
        let info = Type::Struct(vec![
            field("centroid_id", Type::Int64),
            field("cluster_radius", Type::Float64),
            field("cluster_size", Type::Int64),
        ]);
        columns.extend([
            ("learning_rate".to_owned(), Type::Float64),
            ("duration_ms".to_owned(), Type::Int64),
            ("cluster_info".to_owned(), Type::Array(Box::new(info))),
        ]);
    } else {
        columns.extend([
            ("eval_loss".to_owned(), Type::Float64),
            ("learning_rate".to_owned(), Type::Float64),
            ("duration_ms".to_owned(), Type::Int64),
        ]);
    }
    rows(lines, columns)
}

fn feature_info(model: &Model, _: &Request) -> Answer {
    let lines = model
        .encoder
        .features
        .iter()
        .map(|(name, fitted)| {
            let none = || "NULL".to_owned();
            match fitted {
                Fitted::Numeric(n) => vec![
                    text(name),
                    number(n.min),
                    number(n.max),
                    number(n.mean),
                    number(n.median),
                    number(n.stddev),
                    none(),
                    n.nulls.to_string(),
                    none(),
                ],
                Fitted::Category(c) => vec![
                    text(name),
                    none(),
                    none(),
                    none(),
                    none(),
                    none(),
                    c.values.len().to_string(),
                    c.nulls.to_string(),
                    none(),
                ],
            }
        })
        .collect();
    let mut columns = vec![("input".to_owned(), Type::String)];
    columns.extend(["min", "max", "mean", "median", "stddev"].map(|n| (n.to_owned(), Type::Float64)));
    columns.extend(["category_count", "null_count", "dimension"].map(|n| (n.to_owned(), Type::Int64)));
    rows(lines, columns)
}
