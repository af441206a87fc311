//! CREATE MODEL: materialises the training query, fits, stores and evaluates.

use super::evaluate::{evaluate, names};
use super::functions::Asked;
use super::read::{Training, Wanted, discard, find, materialise};
use super::store::{About, Model, save, save_metrics};
use super::{Failure, macros, refuse};
use crate::printed::Printed;
use rsdbt_bqml::options::{self, Given, InitMethod, KMeansSpec, Kind, LinearSpec, LogisticSpec, PcaSpec, Split};
use rsdbt_bqml::{
    Body, CLASSES, Design, Encoder, Encoding, Init, Iteration, KMeansOptions, Labels, Scorer, fit_kmeans, fit_linear,
    fit_logistic, fit_pca,
};
use rsdbt_googlesql::SqlError;
use rsdbt_googlesql::analyze::ModelCall;
use rsdbt_googlesql::query::OutCol;
use rsdbt_googlesql::types::Type;
use rsdbt_warehouse::Value;
use rsdbt_warehouse::duckdb::Connection;

type Done<T> = Result<T, Failure>;

/// The same start for the same rows and clusters: models are reproducible.
const SEED: u64 = 20_261_122;
/// At so many places, or less, the distances of the training rows are kept.
const PLACES: usize = 4_001;

/// What a kind of model leaves.
struct Learned {
    encoder: Encoder,
    body: Body,
    history: Vec<Iteration>,
    anomalies: Vec<f64>,
    explained: Option<Vec<f64>>,
}

/// Trains a model and stores it under its key. `given` are the statement's options.
pub(in super::super) fn create(
    connection: &mut Connection,
    key: &str,
    given: &[Given],
    query: &Printed,
    at: usize,
) -> Done<()> {
    let kind = options::read(given, at)?;
    let own = !connection.in_transaction();
    if own {
        connection.begin()?;
    }
    let done = train(connection, key, (&kind, given), query, at);
    let tidied = discard(connection);
    match done {
        Ok(()) if own => Ok(tidied.and_then(|()| connection.commit())?),
        Ok(()) => Ok(tidied?),
        Err(why) => {
            if own {
                connection.rollback()?;
            }
            Err(why)
        }
    }
}

fn train(
    connection: &mut Connection,
    key: &str,
    (kind, given): (&Kind, &[Given]),
    query: &Printed,
    at: usize,
) -> Done<()> {
    let none = Split::None;
    let (label, split, marks) = match kind {
        Kind::Linear(LinearSpec { glm, .. }) | Kind::Logistic(LogisticSpec { glm, .. }) => {
            (Some(&glm.label), &glm.split, None)
        }
        Kind::KMeans(KMeansSpec { init: InitMethod::Column(name), .. }) => (None, &none, Some(name)),
        Kind::KMeans(_) | Kind::Pca(_) => (None, &none, None),
    };
    let training = materialise(connection, query, &Wanted { label, split, marks, at })?;
    let column = label.and_then(|label| find(query, &label.text));
    let learned = match kind {
        Kind::KMeans(spec) => kmeans(connection, &training, spec, query, at)?,
        Kind::Pca(spec) => pca(connection, &training, spec, at)?,
        Kind::Linear(spec) => linear(connection, &training, spec, label_of(column, at)?)?,
        Kind::Logistic(spec) => logistic(connection, &training, spec, label_of(column, at)?)?,
    };
    if learned.history.iter().any(|step| !step.loss.is_finite()) {
        let why = "the training diverges: its loss is no number any more";
        return Err(refuse(why, at).help("use a smaller LEARN_RATE, or the line search").into());
    }
    let Learned { encoder, body, history, anomalies, explained } = learned;
    let mut model = Model {
        encoder,
        features: training.features.clone(),
        label: column.map(|c| (c.name.clone().unwrap_or_default(), c.ty.to_string())),
        body,
        history,
        metrics: Vec::new(),
        anomalies,
        explained,
    };
    let shown: Vec<(String, options::Literal)> = given.iter().map(|g| (g.name.clone(), g.value.clone())).collect();
    let about = About { kind: kind.name(), options: &shown };
    save(connection, key, &model, &about)?;
    model.metrics = metrics(connection, key, &model, training.judged(query), at)?;
    Ok(save_metrics(connection, key, &model)?)
}

fn label_of(column: Option<&OutCol>, at: usize) -> Done<(&str, &Type)> {
    match column {
        Some(OutCol { name: Some(name), ty, .. }) => Ok((name, ty)),
        _ => Err(refuse("the training query has no label column", at).into()),
    }
}

/// The stored metrics are what ML.EVALUATE says of the same rows.
fn metrics(
    connection: &mut Connection,
    key: &str,
    model: &Model,
    rows: Printed,
    at: usize,
) -> Done<Vec<(String, Option<f64>)>> {
    let call = ModelCall { at, ..ModelCall::default() };
    let catalog = connection.catalog().to_owned();
    let asked = Asked { name: "ML.EVALUATE", model, key, catalog: &catalog, call: &call, zone: "UTC" };
    let sql = asked.input_of(rows).and_then(|input| evaluate(&asked, &input, &macros::half()));
    let table = connection.query(&sql.map_err(|why| refuse(why, at))?)?;
    let values = table.rows.into_iter().next().unwrap_or_default();
    let value = |value| if let Value::Float(value) = value { Some(value) } else { None };
    Ok(names(model).iter().map(|name| (*name).to_owned()).zip(values.into_iter().map(value)).collect())
}

/// The rows as the algorithms read them.
fn encoded(connection: &mut Connection, training: &Training, how: Encoding, at: usize) -> Done<(Encoder, Design)> {
    let table = training.table(connection, at)?;
    let encoder = Encoder::fit(&table, training.train, how);
    let design = encoder.encode(table);
    Ok((encoder, design))
}

fn kmeans(
    connection: &mut Connection,
    training: &Training,
    spec: &KMeansSpec,
    query: &Printed,
    at: usize,
) -> Done<Learned> {
    let natural = ((training.rows as f64).log10().round() as usize).clamp(2, 100);
    let (init, clusters) = match &spec.init {
        InitMethod::Random => (Init::Random, spec.clusters.unwrap_or(natural)),
        InitMethod::PlusPlus => (Init::PlusPlus, spec.clusters.unwrap_or(natural)),
        InitMethod::Column(name) => {
            if find(query, &name.text).is_none_or(|c| c.ty != Type::Bool) {
                return Err(refuse(format!("KMEANS_INIT_COL must be BOOL: {}", name.text), name.at).into());
            }
            let marked = training.marked(connection, &name.text)?;
            let clusters = spec.clusters.unwrap_or(marked.len());
            if marked.len() != clusters || clusters < 2 {
                let why = format!("KMEANS_INIT_COL is TRUE in {} rows, NUM_CLUSTERS is {clusters}", marked.len());
                return Err(refuse(why, name.at).into());
            }
            (Init::Rows(marked), clusters)
        }
    };
    let (encoder, design) = encoded(
        connection,
        training,
        Encoding { center: spec.standardize, scale: spec.standardize, dummy: false },
        at,
    )?;
    let options =
        KMeansOptions { clusters, init, cosine: spec.cosine, iterations: spec.iterations.clone(), seed: SEED };
    let found = fit_kmeans(&design, &options).map_err(|why| refuse(why, at))?;
    let body = Body::KMeans { centroids: found.centroids, cosine: spec.cosine, radii: found.radii };
    Ok(Learned { encoder, body, history: found.history, anomalies: thinned(found.normalized), explained: None })
}

/// Sorted values at even steps, with both ends.
fn thinned(sorted: Vec<f64>) -> Vec<f64> {
    if sorted.len() <= PLACES {
        return sorted;
    }
    (0..PLACES).map(|i| sorted[i * (sorted.len() - 1) / (PLACES - 1)]).collect()
}

fn pca(connection: &mut Connection, training: &Training, spec: &PcaSpec, at: usize) -> Done<Learned> {
    let (encoder, design) =
        encoded(connection, training, Encoding { center: true, scale: spec.scale, dummy: false }, at)?;
    let axes = fit_pca(&design, spec.size).map_err(|why| refuse(why, at))?;
    let body = Body::Pca { components: axes.components, total: axes.total };
    let scorer = Scorer { encoder, body };
    let each = scorer.outputs();
    let mut left: Vec<f64> =
        scorer.scores(&design.all()).chunks(each).filter_map(|scores| scores.last().copied()).collect();
    left.sort_unstable_by(f64::total_cmp);
    let step = Iteration { loss: 0.0, eval_loss: None, learning_rate: None, clusters: Vec::new() };
    let Scorer { encoder, body } = scorer;
    Ok(Learned { encoder, body, history: vec![step], anomalies: thinned(left), explained: None })
}

fn linear(connection: &mut Connection, training: &Training, spec: &LinearSpec, label: (&str, &Type)) -> Done<Learned> {
    let at = spec.glm.label.at;
    if !label.1.is_number() {
        return Err(refuse(format!("the label of LINEAR_REG must be a number, {} is {}", label.0, label.1), at).into());
    }
    let labels = training.numbers(connection, label, at)?;
    let (encoder, design) =
        encoded(connection, training, Encoding { center: true, scale: true, dummy: spec.glm.dummy }, at)?;
    let line = fit_linear(&design, &labels, training.train, spec).map_err(|why| refuse(why, at))?;
    let scorer = Scorer { encoder, body: Body::Linear { weights: line.weights, spread: line.spread } };
    let explained = spec.glm.global_explain.then(|| explained(&scorer, &design, training.train));
    let Scorer { encoder, body } = scorer;
    Ok(Learned { encoder, body, history: line.history, anomalies: Vec::new(), explained })
}

fn logistic(
    connection: &mut Connection,
    training: &Training,
    spec: &LogisticSpec,
    label: (&str, &Type),
) -> Done<Learned> {
    let at = spec.glm.label.at;
    use Type::*;
    if !matches!(label.1, String | Int64 | Bool | Float64 | Numeric | BigNumeric | Date | DateTime | Time | Timestamp) {
        return Err(SqlError::unsupported(format!("the label {} of type {}", label.0, label.1), at).into());
    }
    let (classes, numbers) = training.classes(connection, label.0)?;
    if !(2..=CLASSES).contains(&classes.len()) {
        let why =
            format!("LOGISTIC_REG needs 2 to {CLASSES} values of the label {}, there are {}", label.0, classes.len());
        return Err(refuse(why, at).into());
    }
    let (encoder, design) =
        encoded(connection, training, Encoding { center: true, scale: true, dummy: spec.glm.dummy }, at)?;
    let labels = Labels { of: &numbers, names: &classes };
    let curve = fit_logistic(&design, &labels, training.train, spec).map_err(|why| refuse(why, at))?;
    let binary = classes.len() == 2;
    let body = Body::Logistic { weights: curve.weights, classes, spread: curve.spread };
    let scorer = Scorer { encoder, body };
    let explained = (spec.glm.global_explain && binary).then(|| explained(&scorer, &design, training.train));
    let Scorer { encoder, body } = scorer;
    Ok(Learned { encoder, body, history: curve.history, anomalies: Vec::new(), explained })
}

/// The mean size of each feature's part in the score of the training rows.
fn explained(scorer: &Scorer, design: &Design, train: usize) -> Vec<f64> {
    let features = scorer.encoder.features.len();
    let pieces = design.rows(0, train).pieces(1, |part| {
        let mut sums = vec![0.0; features];
        for parts in scorer.parts(&part).chunks(features + 2) {
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part.abs());
        }
        sums
    });
    let sum = |feature: usize| pieces.iter().map(|sums| sums[feature]).sum::<f64>();
    (0..features).map(|feature| sum(feature) / train as f64).collect()
}
