//! ML.EVALUATE as SQL aggregates over the predictions.

use super::functions::{Asked, Input};
use super::number;
use super::store::Model;
use rsdbt_bqml::{Body, davies_bouldin_distances};
use rsdbt_duckdbsql::{duck, quote};

pub(super) const CLASSIFICATION: &[&str] = &["precision", "recall", "accuracy", "f1_score", "log_loss", "roc_auc"];
const REGRESSION: &[&str] = &[
    "mean_absolute_error",
    "mean_squared_error",
    "mean_squared_log_error",
    "median_absolute_error",
    "r2_score",
    "explained_variance",
];
const CLUSTERING: &[&str] = &["davies_bouldin_index", "mean_squared_distance"];
const COMPONENTS: &[&str] = &["total_explained_variance_ratio"];

pub(super) fn names(model: &Model) -> &'static [&'static str] {
    match model.body {
        Body::KMeans { .. } => CLUSTERING,
        Body::Logistic { .. } => CLASSIFICATION,
        Body::Linear { .. } => REGRESSION,
        Body::Pca { .. } => COMPONENTS,
    }
}

/// A query that gives the metrics in one row.
pub(super) fn evaluate(asked: &Asked<'_>, input: &Input, threshold: &str) -> Result<String, String> {
    match &asked.model.body {
        Body::KMeans { centroids, cosine, .. } => Ok(clustering(input, centroids, *cosine)),
        Body::Logistic { classes, .. } if classes.len() == 2 => binary(asked, input, threshold),
        Body::Logistic { classes, .. } => multiclass(asked, input, classes.len()),
        Body::Linear { .. } => regression(asked, input),
        Body::Pca { components, total } => {
            let kept: f64 = components.iter().map(|(value, _)| value).sum();
            Ok(format!("SELECT {} AS total_explained_variance_ratio", number(kept / total)))
        }
    }
}

/// The label's column as a value of the type that the model was trained with.
pub(super) fn label(asked: &Asked<'_>, input: &Input) -> Result<String, String> {
    let (name, _) = asked.model.label.clone().unwrap_or_default();
    let column = input.find(&name).ok_or_else(|| format!("the input has no label column {name}"))?;
    let wanted = asked.model.label_type();
    if column.ty.distance(&wanted).is_none() && !(column.ty.is_number() && wanted.is_number()) {
        return Err(format!("the label {name} is {}, the model was trained with {wanted}", column.ty));
    }
    Ok(format!("CAST(_q.{} AS {})", quote(&column.phys), duck(&wanted)))
}

fn regression(asked: &Asked<'_>, input: &Input) -> Result<String, String> {
    let y = label(asked, input)?;
    Ok(format!(
        "SELECT avg(abs(p - y)) AS mean_absolute_error, avg((p - y) * (p - y)) AS mean_squared_error, \
         CASE WHEN min(p) <= -1 OR min(y) <= -1 THEN 'nan'::DOUBLE ELSE avg(pow(ln(1 + greatest(p, -0.999999999999)) - ln(1 + greatest(y, -0.999999999999)), 2)) END AS mean_squared_log_error, \
         quantile_disc(abs(p - y), 0.5) AS median_absolute_error, \
         1 - sum((p - y) * (p - y)) / (var_pop(y) * count(*)) AS r2_score, 1 - var_pop(y - p) / var_pop(y) AS explained_variance \
         FROM (SELECT {}[1] AS p, CAST({y} AS DOUBLE) AS y FROM ({}) AS _q) WHERE y IS NOT NULL",
        input.score, input.sql
    ))
}

/// The area under the curve of score `s` for the rows where `hit`, ties counted half.
const AUC: &str = "(sum(CASE WHEN hit THEN rank END) - count(*) FILTER (WHERE hit) * (count(*) FILTER (WHERE hit) + 1) / 2) / nullif(count(*) FILTER (WHERE hit) * count(*) FILTER (WHERE NOT hit), 0)";
const RANK: &str = "rank() OVER (ORDER BY s) + (count(*) OVER (PARTITION BY s) - 1) / 2.0";

/// The rows of a binary model with the probability `s` of the positive class, and whether they are of it.
pub(super) fn hits(asked: &Asked<'_>, input: &Input) -> Result<String, String> {
    let y = label(asked, input)?;
    let classes = asked.named("classes");
    Ok(format!(
        "SELECT {}[2] AS s, {y} = {classes}()[2] AS hit FROM ({}) AS _q WHERE {y} IS NOT NULL",
        input.score, input.sql
    ))
}

fn binary(asked: &Asked<'_>, input: &Input, threshold: &str) -> Result<String, String> {
    Ok(format!(
        "SELECT CASE WHEN tp + fp = 0 THEN 'nan'::DOUBLE ELSE tp / (tp + fp) END AS precision, CASE WHEN tp + fn = 0 THEN 'nan'::DOUBLE ELSE tp / (tp + fn) END AS recall, \
         (tp + tn) / n AS accuracy, CASE WHEN 2 * tp + fp + fn = 0 THEN 'nan'::DOUBLE ELSE 2 * tp / (2 * tp + fp + fn) END AS f1_score, log_loss, roc_auc FROM (\
         SELECT CAST(count(*) FILTER (WHERE hit AND said) AS DOUBLE) AS tp, CAST(count(*) FILTER (WHERE NOT hit AND said) AS DOUBLE) AS fp, \
         CAST(count(*) FILTER (WHERE hit AND NOT said) AS DOUBLE) AS fn, CAST(count(*) FILTER (WHERE NOT hit AND NOT said) AS DOUBLE) AS tn, CAST(count(*) AS DOUBLE) AS n, \
         avg(-ln(greatest(CASE WHEN hit THEN s ELSE 1 - s END, 1e-15))) AS log_loss, {AUC} AS roc_auc FROM (\
         SELECT *, {RANK} AS rank, s > {threshold} AS said FROM ({})))",
        hits(asked, input)?
    ))
}

/// Macro averages over the classes; log_loss too; a class that is never predicted counts 0.
fn multiclass(asked: &Asked<'_>, input: &Input, classes: usize) -> Result<String, String> {
    let y = label(asked, input)?;
    Ok(format!(
        "WITH p AS (SELECT row_number() OVER () AS id, {} AS p, list_position({}(), {y}) AS y FROM ({}) AS _q WHERE {y} IS NOT NULL), \
         each AS (SELECT id, c, p[c] AS s, y = c AS hit, list_position(p, list_max(p)) = c AS said, y FROM p CROSS JOIN (SELECT unnest(range(1, {})) AS c)), \
         ranked AS (SELECT *, rank() OVER (PARTITION BY c ORDER BY s) + (count(*) OVER (PARTITION BY c, s) - 1) / 2.0 AS rank FROM each), \
         per AS (SELECT c, CAST(count(*) FILTER (WHERE hit AND said) AS DOUBLE) AS tp, CAST(count(*) FILTER (WHERE said) AS DOUBLE) AS guesses, CAST(count(*) FILTER (WHERE hit) AS DOUBLE) AS hits, \
         avg(-ln(greatest(s, 1e-15))) FILTER (WHERE hit) AS loss, {AUC} AS auc FROM ranked GROUP BY c HAVING count(*) FILTER (WHERE hit OR said) > 0) \
         SELECT avg(CASE WHEN guesses = 0 THEN 0 ELSE tp / guesses END) AS precision, avg(CASE WHEN hits = 0 THEN 0 ELSE tp / hits END) AS recall, \
         (SELECT avg(CASE WHEN list_position(p, list_max(p)) = y THEN 1.0::DOUBLE ELSE 0 END) FROM p) AS accuracy, \
         avg(CASE WHEN guesses + hits = 0 THEN 0 ELSE 2 * tp / (guesses + hits) END) AS f1_score, avg(loss) AS log_loss, avg(auc) AS roc_auc FROM per",
        input.score,
        asked.named("classes"),
        input.sql,
        classes + 1
    ))
}

/// Davies-Bouldin with the root mean square as scatter, around the model's own centroids.
fn clustering(input: &Input, centroids: &[Vec<f64>], cosine: bool) -> String {
    let pairs: Vec<String> = davies_bouldin_distances(centroids, cosine)
        .into_iter()
        .map(|(i, j, d)| format!("({}, {}, {})", i + 1, j + 1, number(d)))
        .collect();
    format!(
        "WITH near AS (SELECT p[3] AS c, p[4] AS d FROM (SELECT {} AS p FROM ({}) AS _q)), \
         scatter AS (SELECT c, sqrt(avg(d * d)) AS s FROM near GROUP BY c), pairs(i, j, d) AS (VALUES {}), \
         worst AS (SELECT i, max((a.s + b.s) / nullif(pairs.d, 0)) AS r FROM pairs JOIN scatter a ON a.c = i JOIN scatter b ON b.c = j GROUP BY i) \
         SELECT (SELECT avg(r) FROM worst) AS davies_bouldin_index, (SELECT avg(d * d) FROM near) AS mean_squared_distance",
        input.score,
        input.sql,
        pairs.join(", ")
    )
}
