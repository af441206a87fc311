//! ML.EVALUATE as SQL aggregates over the predictions.

use super::predict::{distances, number, probabilities, scores};
use super::store::{Body, Model};
use crate::printed::Printed;
use rsdbt_duckdbsql::{quote, text};
use rsdbt_googlesql::types::Type;

pub(super) const CLASSIFICATION: &[&str] = &["precision", "recall", "accuracy", "f1_score", "log_loss", "roc_auc"];
pub(super) const REGRESSION: &[&str] = &[
    "mean_absolute_error",
    "mean_squared_error",
    "mean_squared_log_error",
    "median_absolute_error",
    "r2_score",
    "explained_variance",
];
pub(super) const CLUSTERING: &[&str] = &["davies_bouldin_index", "mean_squared_distance"];

pub(super) fn names(model: &Model) -> &'static [&'static str] {
    match model.body {
        Body::KMeans { .. } => CLUSTERING,
        Body::Logistic { .. } => CLASSIFICATION,
        Body::Linear { .. } => REGRESSION,
    }
}

/// A query that gives the metrics in one row.
pub(super) fn evaluate(model: &Model, input: &Printed, threshold: &str) -> Result<String, String> {
    match &model.body {
        Body::KMeans { centroids, .. } => clustering(model, input, centroids),
        Body::Logistic { classes, .. } if classes.len() == 2 => binary(model, input, &classes[1], threshold),
        Body::Logistic { classes, .. } => multiclass(model, input, classes),
        Body::Linear { .. } => regression(model, input),
    }
}

fn label(model: &Model, input: &Printed) -> Result<(String, Type), String> {
    let (name, _) = model.label.clone().unwrap_or_default();
    let found = input.cols.iter().find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(&name)));
    found
        .map(|c| (format!("q.{}", quote(&c.phys)), c.ty.clone()))
        .ok_or_else(|| format!("Column {name} is missing in the input of ML.EVALUATE"))
}

fn label_text(model: &Model, input: &Printed) -> Result<String, String> {
    let (sql, ty) = label(model, input)?;
    Ok(if ty == Type::String { sql } else { format!("CAST({sql} AS VARCHAR)") })
}

fn regression(model: &Model, input: &Printed) -> Result<String, String> {
    let (y, _) = label(model, input)?;
    let p = &scores(model, input)?[0];
    Ok(format!(
        "SELECT avg(abs(p - y)) AS mean_absolute_error, avg((p - y) * (p - y)) AS mean_squared_error, \
         CASE WHEN min(p) <= -1 OR min(y) <= -1 THEN 'nan'::DOUBLE ELSE avg(pow(ln(1 + greatest(p, -0.999999999999)) - ln(1 + greatest(y, -0.999999999999)), 2)) END AS mean_squared_log_error, \
         quantile_disc(abs(p - y), 0.5) AS median_absolute_error, \
         1 - sum((p - y) * (p - y)) / (var_pop(y) * count(*)) AS r2_score, 1 - var_pop(y - p) / var_pop(y) AS explained_variance \
         FROM (SELECT {p} AS p, CAST({y} AS DOUBLE) AS y FROM ({}) AS q) WHERE y IS NOT NULL",
        input.sql
    ))
}

/// The area under the curve of score `s` for the rows where `hit`, ties counted half.
const AUC: &str = "(sum(CASE WHEN hit THEN rank END) - count(*) FILTER (WHERE hit) * (count(*) FILTER (WHERE hit) + 1) / 2) / nullif(count(*) FILTER (WHERE hit) * count(*) FILTER (WHERE NOT hit), 0)";
const RANK: &str = "rank() OVER (ORDER BY s) + (count(*) OVER (PARTITION BY s) - 1) / 2.0";

fn binary(model: &Model, input: &Printed, positive: &str, threshold: &str) -> Result<String, String> {
    let list = probabilities(model, input)?;
    let y = label_text(model, input)?;
    Ok(format!(
        "SELECT CASE WHEN tp + fp = 0 THEN 'nan'::DOUBLE ELSE tp / (tp + fp) END AS precision, CASE WHEN tp + fn = 0 THEN 'nan'::DOUBLE ELSE tp / (tp + fn) END AS recall, \
         (tp + tn) / n AS accuracy, CASE WHEN 2 * tp + fp + fn = 0 THEN 'nan'::DOUBLE ELSE 2 * tp / (2 * tp + fp + fn) END AS f1_score, log_loss, roc_auc FROM (\
         SELECT CAST(count(*) FILTER (WHERE hit AND said) AS DOUBLE) AS tp, CAST(count(*) FILTER (WHERE NOT hit AND said) AS DOUBLE) AS fp, \
         CAST(count(*) FILTER (WHERE hit AND NOT said) AS DOUBLE) AS fn, CAST(count(*) FILTER (WHERE NOT hit AND NOT said) AS DOUBLE) AS tn, CAST(count(*) AS DOUBLE) AS n, \
         avg(-ln(greatest(CASE WHEN hit THEN s ELSE 1 - s END, 1e-15))) AS log_loss, {AUC} AS roc_auc FROM (\
         SELECT *, {RANK} AS rank, s > {threshold} AS said FROM (SELECT ({list})[2] AS s, {y} = {} AS hit FROM ({}) AS q WHERE {y} IS NOT NULL)))",
        text(positive),
        input.sql
    ))
}

/// Macro averages over the classes; log_loss too; a class that is never predicted counts 0.
fn multiclass(model: &Model, input: &Printed, classes: &[String]) -> Result<String, String> {
    let list = probabilities(model, input)?;
    let y = label_text(model, input)?;
    let names: Vec<String> = classes.iter().map(|c| text(c)).collect();
    Ok(format!(
        "WITH p AS (SELECT row_number() OVER () AS id, {list} AS p, list_position([{0}], {y}) AS y FROM ({1}) AS q WHERE {y} IS NOT NULL), \
         each AS (SELECT id, c, p[c] AS s, y = c AS hit, list_position(p, list_max(p)) = c AS said, y FROM p CROSS JOIN (SELECT unnest(range(1, {2})) AS c)), \
         ranked AS (SELECT *, rank() OVER (PARTITION BY c ORDER BY s) + (count(*) OVER (PARTITION BY c, s) - 1) / 2.0 AS rank FROM each), \
         per AS (SELECT c, CAST(count(*) FILTER (WHERE hit AND said) AS DOUBLE) AS tp, CAST(count(*) FILTER (WHERE said) AS DOUBLE) AS guesses, CAST(count(*) FILTER (WHERE hit) AS DOUBLE) AS hits, \
         avg(-ln(greatest(s, 1e-15))) FILTER (WHERE hit) AS loss, {AUC} AS auc FROM ranked GROUP BY c HAVING count(*) FILTER (WHERE hit OR said) > 0) \
         SELECT avg(CASE WHEN guesses = 0 THEN 0 ELSE tp / guesses END) AS precision, avg(CASE WHEN hits = 0 THEN 0 ELSE tp / hits END) AS recall, \
         (SELECT avg(CASE WHEN list_position(p, list_max(p)) = y THEN 1.0::DOUBLE ELSE 0 END) FROM p) AS accuracy, \
         avg(CASE WHEN guesses + hits = 0 THEN 0 ELSE 2 * tp / (guesses + hits) END) AS f1_score, avg(loss) AS log_loss, avg(auc) AS roc_auc FROM per",
        names.join(", "),
        input.sql,
        classes.len() + 1
    ))
}

/// Davies-Bouldin with the root mean square as scatter, around the model's own centroids.
fn clustering(model: &Model, input: &Printed, centroids: &[Vec<f64>]) -> Result<String, String> {
    let list = distances(model, input)?.join(", ");
    let mut between = Vec::new();
    for (i, a) in centroids.iter().enumerate() {
        for (j, b) in centroids.iter().enumerate().filter(|(j, _)| *j != i) {
            let d = a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt();
            between.push(format!("({}, {}, {})", i + 1, j + 1, number(d)));
        }
    }
    Ok(format!(
        "WITH near AS (SELECT list_min(d) AS d, list_position(d, list_min(d)) AS c FROM (SELECT [{list}] AS d FROM ({}) AS q)), \
         scatter AS (SELECT c, sqrt(avg(d * d)) AS s FROM near GROUP BY c), pairs(i, j, d) AS (VALUES {}), \
         worst AS (SELECT i, max((a.s + b.s) / nullif(pairs.d, 0)) AS r FROM pairs JOIN scatter a ON a.c = i JOIN scatter b ON b.c = j GROUP BY i) \
         SELECT (SELECT avg(r) FROM worst) AS davies_bouldin_index, (SELECT avg(d * d) FROM near) AS mean_squared_distance",
        input.sql,
        between.join(", ")
    ))
}
