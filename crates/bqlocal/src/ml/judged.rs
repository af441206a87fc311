//! ML functions that look at rows one by one or judge predictions: curves, confusions, anomalies, explanations.

use super::evaluate::{hits, label};
use super::functions::{Answer, Asked, Columns, given_columns, is_binary, scored};
use super::macros;
use rsdbt_bqml::Body;
use rsdbt_duckdbsql::quote;
use rsdbt_googlesql::types::{Field, Type};

fn typed(columns: &[(&str, Type)]) -> Columns {
    columns.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect()
}

/// Thresholds where none are given: so many steps between the percentiles of the scores.
const STEPS: u32 = 100;

pub(super) fn roc_curve(asked: &Asked<'_>) -> Answer {
    if !is_binary(asked.model) {
        return Err(asked.not_for_this("a binary logistic model"));
    }
    let cuts = match asked.settings(&[""])?.array()? {
        Some(list) => format!("SELECT DISTINCT unnest({list}) AS t"),
        None => {
            let parts: Vec<String> = (0..=STEPS).map(|i| format!("{}", f64::from(i) / f64::from(STEPS))).collect();
            format!("SELECT DISTINCT unnest(quantile_disc(s, [{}])) AS t FROM hits", parts.join(", "))
        }
    };
    let sql = format!(
        "WITH hits AS ({}), cuts AS ({cuts}), counted AS (\
         SELECT t, count(*) FILTER (WHERE hit AND s > t) AS tp, count(*) FILTER (WHERE NOT hit AND s > t) AS fp, \
         count(*) FILTER (WHERE NOT hit AND s <= t) AS tn, count(*) FILTER (WHERE hit AND s <= t) AS fn \
         FROM cuts CROSS JOIN hits GROUP BY t) \
         SELECT t AS threshold, tp / nullif(tp + fn, 0) AS recall, fp / nullif(fp + tn, 0) AS false_positive_rate, \
         tp AS true_positives, fp AS false_positives, tn AS true_negatives, fn AS false_negatives FROM counted ORDER BY t",
        hits(asked, &asked.input()?).map_err(|why| asked.wrong(why))?
    );
    let columns = typed(&[
        ("threshold", Type::Float64),
        ("recall", Type::Float64),
        ("false_positive_rate", Type::Float64),
        ("true_positives", Type::Int64),
        ("false_positives", Type::Int64),
        ("true_negatives", Type::Int64),
        ("false_negatives", Type::Int64),
    ]);
    Ok((sql, columns))
}

/// A class as the name of a column.
fn column_name(class: &str) -> String {
    let plain: String = class.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_alphabetic() || c == '_') { plain } else { format!("_{plain}") }
}

pub(super) fn confusion_matrix(asked: &Asked<'_>) -> Answer {
    let Body::Logistic { classes, .. } = &asked.model.body else {
        return Err(asked.not_for_this("a logistic model"));
    };
    let binary = is_binary(asked.model);
    let threshold = asked.settings(if binary { &["threshold"] } else { &[] })?.number("threshold", &macros::half())?;
    let input = asked.input()?;
    let y = label(asked, &input).map_err(|why| asked.wrong(why))?;
    let guess = match binary {
        true => format!("CASE WHEN p[2] > {threshold} THEN 2 ELSE 1 END"),
        false => "list_position(p, list_max(p))".to_owned(),
    };
    let mut columns = typed(&[("expected_label", asked.model.label_type())]);
    let mut list = vec!["y AS expected_label".to_owned()];
    for (i, class) in classes.iter().enumerate() {
        let mut name = column_name(class);
        while columns.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            name.push('_');
        }
        list.push(format!("count(*) FILTER (WHERE guess = {}) AS {}", i + 1, quote(&name)));
        columns.push((name, Type::Int64));
    }
    let sql = format!(
        "SELECT {} FROM (SELECT y, {guess} AS guess FROM (SELECT {} AS p, {y} AS y FROM ({}) AS _q) WHERE y IS NOT NULL) GROUP BY y ORDER BY y",
        list.join(", "),
        input.score,
        input.sql
    );
    Ok((sql, columns))
}

pub(super) fn detect_anomalies(asked: &Asked<'_>) -> Answer {
    let settings = asked.settings(&["contamination"])?;
    let (measure, mut columns) = match &asked.model.body {
        Body::KMeans { .. } => {
            let own =
                [("is_anomaly", Type::Bool), ("normalized_distance", Type::Float64), ("CENTROID_ID", Type::Int64)];
            ("_q._rsdbt_scores[1]".to_owned(), typed(&own))
        }
        Body::Pca { components, .. } => {
            let own = [("is_anomaly", Type::Bool), ("mean_squared_error", Type::Float64)];
            (format!("_q._rsdbt_scores[{}]", components.len() + 1), typed(&own))
        }
        Body::Linear { .. } | Body::Logistic { .. } => return Err(asked.not_for_this("a k-means or PCA model")),
    };
    let Some(contamination) = settings.constant("contamination", (0.0, 0.5))? else {
        return Err(asked.wrong("ML.DETECT_ANOMALIES needs STRUCT(... AS contamination), from 0 to 0.5"));
    };
    let input = asked.input()?;
    let edge = asked.named("edge");
    let mut list = vec![format!("{measure} > {edge}({contamination}) AS is_anomaly")];
    list.push(format!("{measure} AS {}", quote(&columns[1].0)));
    if columns.len() > 2 {
        list.push("CAST(_q._rsdbt_scores[2] AS BIGINT) AS \"CENTROID_ID\"".to_owned());
    }
    list.extend(input.cols.iter().map(|c| format!("_q.{}", quote(&c.phys))));
    columns.extend(given_columns(&input));
    let sql = scored(&list, &input);
    Ok((sql, columns))
}

pub(super) fn explain_predict(asked: &Asked<'_>) -> Answer {
    let classes = match &asked.model.body {
        Body::Linear { .. } => 0,
        Body::Logistic { classes, .. } => classes.len(),
        Body::KMeans { .. } | Body::Pca { .. } => return Err(asked.not_for_this("a linear or logistic model")),
    };
    let known: &[&str] = if classes == 2 { &["top_k_features", "threshold"] } else { &["top_k_features"] };
    let settings = asked.settings(known)?;
    let top = settings.constant("top_k_features", (1.0, 1e6))?.unwrap_or(5.0) as i64;
    let threshold = settings.number("threshold", &macros::half())?;
    let input = asked.input()?;
    let predicted = macros::outputs(asked.model).into_iter().next();
    let (name, ty) = predicted.map_or(("predicted_label".to_owned(), Type::Float64), |(name, ty, _)| (name, ty));
    let mut list = vec![format!("{}(_q._rsdbt_scores, {threshold}) AS {}", asked.named("1"), quote(&name))];
    let mut columns = vec![(name, ty)];
    if classes > 0 {
        let own = match classes {
            2 => format!(
                "CASE WHEN _q._rsdbt_scores[2] > {threshold} THEN _q._rsdbt_scores[2] ELSE _q._rsdbt_scores[1] END"
            ),
            _ => "list_max(_q._rsdbt_scores)".to_owned(),
        };
        list.push(format!("{own} AS probability"));
        columns.push(("probability".to_owned(), Type::Float64));
    }
    let (parts, their_columns) = attributions(asked, top);
    list.extend(parts);
    columns.extend(their_columns);
    list.extend(input.cols.iter().map(|c| format!("_q.{}", quote(&c.phys))));
    columns.extend(given_columns(&input));
    let explain = input.score.replacen(&asked.named(""), &asked.named("explain"), 1);
    let sql = format!(
        "SELECT {} FROM (SELECT {} AS _rsdbt_scores, {explain} AS _rsdbt_parts, _q.* FROM ({}) AS _q) AS _q",
        list.join(", "),
        input.score,
        input.sql
    );
    Ok((sql, columns))
}

/// The parts of the features in a prediction, largest first, and what they add up to.
fn attributions(asked: &Asked<'_>, top: i64) -> (Vec<String>, Columns) {
    let count = asked.model.features.len();
    let ranked = format!(
        "list_reverse_sort(list_transform(list_zip({}(), _q._rsdbt_parts[1:{count}]), lambda z: struct_pack(k := abs(z[2]), f := z[1], a := z[2])))",
        asked.named("features")
    );
    let list = vec![
        format!(
            "list_transform(({ranked})[1:{top}], lambda t: struct_pack(feature := t.f, attribution := t.a)) AS top_feature_attributions"
        ),
        format!("_q._rsdbt_parts[{}] AS baseline_prediction_value", count + 1),
        format!("_q._rsdbt_parts[{}] AS prediction_value", count + 2),
        "0::DOUBLE AS approximation_error".to_owned(),
    ];
    let field = |name: &str, ty| Field { name: Some(name.to_owned()), ty };
    let pair = Type::Struct(vec![field("feature", Type::String), field("attribution", Type::Float64)]);
    let columns = typed(&[
        ("top_feature_attributions", Type::Array(Box::new(pair))),
        ("baseline_prediction_value", Type::Float64),
        ("prediction_value", Type::Float64),
        ("approximation_error", Type::Float64),
    ]);
    (list, columns)
}

#[cfg(test)]
mod tests {
    #[test]
    fn classes_become_names_of_columns() {
        let names = ["a b", "0", "ok", "é"].map(super::column_name);
        assert_eq!(names, ["a_b", "_0", "ok", "é"]);
    }
}
