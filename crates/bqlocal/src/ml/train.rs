//! CREATE MODEL: reads the training query, splits it, fits, evaluates and stores.

use super::evaluate::{evaluate, names};
use super::options::{ModelType, Settings};
use super::predict::category_sql;
use super::refuse;
use super::store::{Body, Model, save};
use crate::printed::Printed;
use rsdbt_bqml::{
    Column, Encoder, Init, Iteration, KMeansOptions, LogisticOptions, Matrix, fit_kmeans, fit_linear, fit_logistic,
};
use rsdbt_duckdbsql::quote;
use rsdbt_googlesql::SqlError;
use rsdbt_googlesql::ast::Model as Statement;
use rsdbt_googlesql::query::OutCol;
use rsdbt_googlesql::types::Type;
use rsdbt_warehouse::duckdb::Connection;
use rsdbt_warehouse::{DbError, Value};

/// A refusal of the statement, or of the database while it ran.
pub(in super::super) enum Failure {
    Sql(SqlError),
    Database(DbError),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Failure::Sql(error)
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Failure::Database(error)
    }
}

type Done<T> = Result<T, Failure>;

/// The training rows by column; special columns are apart.
struct Training {
    features: Vec<(String, Column)>,
    label: Vec<Option<String>>,
    /// of a BOOL or ordering column (DATA_SPLIT_COL, KMEANS_INIT_COL)
    special: Vec<Option<String>>,
    rows: usize,
}

/// The same start for the same number of rows and clusters: models are reproducible.
const SEED: u64 = 20_261_122;

pub(in super::super) fn create(
    connection: &mut Connection,
    name: &str,
    statement: &Statement,
    query: &Printed,
) -> Done<()> {
    let at = statement.name.at;
    let settings = Settings::read(&statement.options, at)?;
    if statement.transform.is_some() {
        return Err(SqlError::unsupported("TRANSFORM of CREATE MODEL", at).into());
    }
    let model = match settings.kind {
        ModelType::KMeans => kmeans(connection, &settings, query, at)?,
        kind => regression(connection, &settings, query, kind, at)?,
    };
    let own = !connection.in_transaction();
    if own {
        connection.begin()?;
    }
    if let Err(error) = save(connection, name, &model) {
        if own {
            connection.rollback()?;
        }
        return Err(error.into());
    }
    if own {
        connection.commit()?;
    }
    Ok(())
}

fn find<'q>(query: &'q Printed, name: &str) -> Option<&'q OutCol> {
    query.cols.iter().find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name)))
}

fn read(
    connection: &mut Connection,
    query: &Printed,
    label: Option<&str>,
    special: Option<&str>,
    at: usize,
) -> Done<Training> {
    let mut list = Vec::new();
    let mut kinds = Vec::new();
    let is = |name: &Option<String>, wanted: Option<&str>| {
        name.as_deref().zip(wanted).is_some_and(|(n, w)| n.eq_ignore_ascii_case(w))
    };
    for col in &query.cols {
        let Some(name) = &col.name else {
            return Err(refuse("every column of the training query needs a name", at).into());
        };
        let sql = format!("q.{}", quote(&col.phys));
        let apart = is(&col.name, label) || is(&col.name, special);
        let numeric = col.ty.is_number() && !apart;
        match &col.ty {
            _ if apart => list.push(format!("CAST({sql} AS VARCHAR)")),
            _ if numeric => list.push(format!("CAST({sql} AS DOUBLE)")),
            Type::String | Type::Bool | Type::Date | Type::DateTime | Type::Time | Type::Bytes => {
                list.push(format!("CASE WHEN {sql} IS NULL THEN NULL ELSE {} END", category_sql(&sql, &col.ty)));
            }
            other => return Err(SqlError::unsupported(format!("the feature {name} of type {other}"), at).into()),
        }
        kinds.push((name.clone(), numeric));
    }
    // Sums of floats depend on their order: the order of the rows in the table must not change a model.
    let table = connection.query(&format!("SELECT {} FROM ({}) AS q ORDER BY ALL", list.join(", "), query.sql))?;
    let rows = table.rows.len();
    let mut training = Training { features: Vec::new(), label: Vec::new(), special: Vec::new(), rows };
    for (i, (name, numeric)) in kinds.into_iter().enumerate() {
        let texts = || {
            table
                .rows
                .iter()
                .map(|r| if let Value::Text(t) = &r[i] { Some(t.clone()) } else { None })
                .collect::<Vec<_>>()
        };
        let shown = Some(name.clone());
        if is(&shown, label) {
            training.label = texts();
        } else if is(&shown, special) {
            training.special = texts();
        } else if numeric {
            let numbers = table
                .rows
                .iter()
                .map(|r| if let Value::Float(f) = &r[i] { Some(*f).filter(|f| f.is_finite()) } else { None })
                .collect();
            training.features.push((name, Column::Numbers(numbers)));
        } else {
            training.features.push((name, Column::Texts(texts())));
        }
    }
    if rows == 0 {
        return Err(refuse("the training query gives no rows", at).into());
    }
    if training.features.is_empty() {
        return Err(refuse("the training query has no feature column", at).into());
    }
    Ok(training)
}

fn kmeans(connection: &mut Connection, settings: &Settings<'_>, query: &Printed, at: usize) -> Done<Model> {
    let method = settings.word("KMEANS_INIT_METHOD", &["RANDOM", "KMEANS++", "CUSTOM"])?;
    let cosine = settings.word("DISTANCE_TYPE", &["EUCLIDEAN", "COSINE"])? == "COSINE";
    let column = settings.name("KMEANS_INIT_COL")?;
    if let Some((name, place)) = &column
        && find(query, name).is_none_or(|c| c.ty != Type::Bool)
    {
        return Err(refuse(format!("KMEANS_INIT_COL: the query has no BOOL column {name}"), *place).into());
    }
    if (method == "CUSTOM") != column.is_some() {
        return Err(refuse("KMEANS_INIT_METHOD 'CUSTOM' and KMEANS_INIT_COL belong together", at).into());
    }
    let training = read(connection, query, None, column.as_ref().map(|(n, _)| n.as_str()), at)?;
    let chosen: Vec<usize> =
        training.special.iter().enumerate().filter(|(_, v)| v.as_deref() == Some("true")).map(|(i, _)| i).collect();
    let natural = ((training.rows as f64).log10().round()).clamp(2.0, 100.0);
    let clusters =
        settings.within("NUM_CLUSTERS", if chosen.is_empty() { natural } else { chosen.len() as f64 }, 1.0, 100.0)?
            as usize;
    if method == "CUSTOM" && chosen.len() != clusters {
        return Err(refuse(
            format!("KMEANS_INIT_COL is TRUE in {} rows, NUM_CLUSTERS is {clusters}", chosen.len()),
            at,
        )
        .into());
    }
    let init = match method {
        "CUSTOM" => Init::Rows(chosen),
        "KMEANS++" => Init::PlusPlus,
        _ => Init::Random,
    };
    let encoder = Encoder::fit(&training.features, settings.flag("STANDARDIZE_FEATURES", true)?);
    let data = encoder.encode(&training.features, training.rows);
    let options = KMeansOptions {
        clusters,
        init,
        cosine,
        max_iterations: settings.within("MAX_ITERATIONS", 20.0, 1.0, 10_000.0)? as usize,
        early_stop: settings.flag("EARLY_STOP", true)?,
        min_rel_progress: settings.number("MIN_REL_PROGRESS", 0.01)?,
        seed: SEED,
    };
    let found = fit_kmeans(&data, &options).map_err(|why| refuse(why, at))?;
    let body = Body::KMeans { centroids: found.centroids, cosine };
    finish(connection, Model { encoder, label: None, body, history: found.history, metrics: Vec::new() }, query)
}

/// Which rows train and which evaluate.
fn split(settings: &Settings<'_>, training: &Training, used: &[usize]) -> Done<(Vec<usize>, Vec<usize>)> {
    let count = used.len();
    let method = settings.word("DATA_SPLIT_METHOD", &["AUTO_SPLIT", "NO_SPLIT", "RANDOM", "SEQ", "CUSTOM"])?;
    let fraction = settings.within("DATA_SPLIT_EVAL_FRACTION", 0.2, 0.0, 1.0)?;
    let share = |part: f64| {
        let mut random: Vec<(u64, usize)> =
            used.iter().map(|r| (farmhash::fingerprint64(&row_bytes(training, *r)), *r)).collect();
        random.sort_unstable();
        let eval: Vec<usize> = random[..(count as f64 * part).round() as usize].iter().map(|(_, r)| *r).collect();
        (used.iter().copied().filter(|r| !eval.contains(r)).collect(), eval)
    };
    Ok(match method {
        "NO_SPLIT" => (used.to_vec(), Vec::new()),
        "AUTO_SPLIT" if count < 500 => (used.to_vec(), Vec::new()),
        "AUTO_SPLIT" => share(if count > 50_000 { 10_000.0 / count as f64 } else { 0.2 }),
        "RANDOM" => share(fraction),
        "CUSTOM" => used.iter().partition(|r| training.special[**r].as_deref() == Some("false")),
        _ => {
            let mut sorted = used.to_vec();
            let number = |r: &usize| training.special[*r].as_deref().and_then(|t| t.parse::<f64>().ok());
            sorted.sort_by(|a, b| match (number(a), number(b)) {
                (Some(x), Some(y)) => x.total_cmp(&y),
                _ => training.special[*a].cmp(&training.special[*b]),
            });
            let eval = sorted.split_off(count - (count as f64 * fraction).round() as usize);
            (sorted, eval)
        }
    })
}

fn row_bytes(training: &Training, row: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, column) in &training.features {
        bytes.extend(name.as_bytes());
        match column {
            Column::Numbers(v) => bytes.extend(v[row].unwrap_or(f64::NAN).to_bits().to_le_bytes()),
            Column::Texts(v) => bytes.extend(v[row].as_deref().unwrap_or("\0").as_bytes()),
        }
        bytes.push(0);
    }
    bytes
}

fn regression(
    connection: &mut Connection,
    settings: &Settings<'_>,
    query: &Printed,
    kind: ModelType,
    at: usize,
) -> Done<Model> {
    settings.refuse_missing()?;
    let (label, place) = settings.label()?;
    let place = if place == 0 { at } else { place };
    let Some(column) = find(query, &label) else {
        return Err(refuse(format!("the query has no label column {label}"), place).into());
    };
    let ty = column.ty.clone();
    let special = settings.name("DATA_SPLIT_COL")?;
    if let Some((name, place)) = &special
        && find(query, name).is_none()
    {
        return Err(refuse(format!("the query has no column {name}"), *place).into());
    }
    let needs = matches!(
        settings.word("DATA_SPLIT_METHOD", &["AUTO_SPLIT", "NO_SPLIT", "RANDOM", "SEQ", "CUSTOM"])?,
        "SEQ" | "CUSTOM"
    );
    if needs && special.is_none() {
        return Err(refuse("this DATA_SPLIT_METHOD needs DATA_SPLIT_COL", at).into());
    }
    let training = read(connection, query, Some(&label), special.as_ref().map(|(n, _)| n.as_str()), at)?;
    let used: Vec<usize> = (0..training.rows).filter(|r| training.label[*r].is_some()).collect();
    let (train, eval) = split(settings, &training, &used)?;
    if train.is_empty() {
        return Err(refuse("no row with a label is left to train with", at).into());
    }
    let kept: Vec<(String, Column)> = training.features.iter().map(|(n, c)| (n.clone(), pick(c, &train))).collect();
    let encoder = Encoder::fit(&kept, true);
    let all = encoder.encode(&training.features, training.rows);
    let (data, held) = (all.pick(&train), all.pick(&eval));
    let (body, history) = match kind {
        ModelType::Linear => linear(settings, &training, &data, &train, &ty, place)?,
        _ => logistic(settings, &training, (&data, &train), (&held, &eval), place)?,
    };
    let model = Model { encoder, label: Some((label, ty.to_string())), body, history, metrics: Vec::new() };
    let subset = if eval.is_empty() { query.clone() } else { rows_of(query, &eval) };
    finish(connection, model, &subset)
}

fn pick(column: &Column, rows: &[usize]) -> Column {
    match column {
        Column::Numbers(v) => Column::Numbers(rows.iter().map(|r| v[*r]).collect()),
        Column::Texts(v) => Column::Texts(rows.iter().map(|r| v[*r].clone()).collect()),
    }
}

/// The rows of a query by their numbers.
fn rows_of(query: &Printed, rows: &[usize]) -> Printed {
    let list: Vec<String> = rows.iter().map(|r| (r + 1).to_string()).collect();
    let names: Vec<String> = query.cols.iter().map(|c| format!("q.{}", quote(&c.phys))).collect();
    let mut subset = query.clone();
    subset.sql = format!(
        "SELECT {} FROM (SELECT *, row_number() OVER () AS _row FROM ({})) AS q WHERE list_contains([{}], q._row)",
        names.join(", "),
        query.sql,
        list.join(", ")
    );
    subset
}

fn linear(
    settings: &Settings<'_>,
    training: &Training,
    data: &Matrix,
    train: &[usize],
    ty: &Type,
    at: usize,
) -> Done<(Body, Vec<Iteration>)> {
    if !ty.is_number() {
        return Err(refuse(format!("the label of LINEAR_REG must be a number, this is {ty}"), at).into());
    }
    let strategy =
        settings.word("OPTIMIZE_STRATEGY", &["AUTO_STRATEGY", "NORMAL_EQUATION", "BATCH_GRADIENT_DESCENT"])?;
    if strategy == "BATCH_GRADIENT_DESCENT" || settings.number("L1_REG", 0.0)? > 0.0 {
        return Err(SqlError::unsupported("LINEAR_REG by gradient descent (L1_REG, BATCH_GRADIENT_DESCENT)", at).into());
    }
    let labels: Vec<f64> =
        train.iter().filter_map(|r| training.label[*r].as_deref().and_then(|t| t.parse().ok())).collect();
    let weights = fit_linear(data, &labels, settings.number("L2_REG", 0.0)?, settings.flag("FIT_INTERCEPT", true)?);
    let loss = labels.iter().enumerate().map(|(r, y)| {
        let p: f64 = data.row(r).iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() + weights[data.width];
        (p - y) * (p - y)
    });
    let loss = loss.sum::<f64>() / labels.len() as f64;
    Ok((Body::Linear { weights }, vec![Iteration { loss, eval_loss: None, learning_rate: None, clusters: Vec::new() }]))
}

fn logistic(
    settings: &Settings<'_>,
    training: &Training,
    train: (&Matrix, &[usize]),
    eval: (&Matrix, &[usize]),
    at: usize,
) -> Done<(Body, Vec<Iteration>)> {
    let text_of = |r: &usize| training.label[*r].clone().unwrap_or_default();
    let mut classes: Vec<String> = train.1.iter().map(text_of).collect();
    classes.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) => x.total_cmp(&y),
        _ => a.cmp(b),
    });
    classes.dedup();
    if !(2..=50).contains(&classes.len()) {
        return Err(refuse(format!("LOGISTIC_REG needs 2 to 50 label values, there are {}", classes.len()), at).into());
    }
    let number = |r: &usize| classes.iter().position(|c| *c == text_of(r)).unwrap_or(0);
    let labels: Vec<usize> = train.1.iter().map(number).collect();
    let held: Vec<usize> = eval.1.iter().map(number).collect();
    let mut class_weights = vec![1.0; classes.len()];
    if settings.flag("AUTO_CLASS_WEIGHTS", false)? {
        for (c, weight) in class_weights.iter_mut().enumerate() {
            let own = labels.iter().filter(|l| **l == c).count().max(1);
            *weight = labels.len() as f64 / (own as f64 * classes.len() as f64);
        }
    }
    let constant = settings.word("LEARN_RATE_STRATEGY", &["LINE_SEARCH", "CONSTANT"])? == "CONSTANT";
    let rate = settings.number("LEARN_RATE", 0.1)?;
    if !constant && settings.number("LEARN_RATE", -1.0)? >= 0.0 {
        return Err(refuse("LEARN_RATE needs LEARN_RATE_STRATEGY 'CONSTANT'", at).into());
    }
    let options = LogisticOptions {
        classes: classes.len(),
        l1: settings.number("L1_REG", 0.0)?,
        l2: settings.number("L2_REG", 0.0)?,
        max_iterations: settings.within("MAX_ITERATIONS", 20.0, 1.0, 1_000_000.0)? as usize,
        early_stop: settings.flag("EARLY_STOP", true)?,
        min_rel_progress: settings.number("MIN_REL_PROGRESS", 0.01)?,
        learn_rate: constant.then_some(rate),
        first_rate: settings.number("LS_INIT_LEARN_RATE", 0.1)?,
        intercept: settings.flag("FIT_INTERCEPT", true)?,
        class_weights,
    };
    let (weights, history) =
        fit_logistic(train.0, &labels, (!held.is_empty()).then_some((eval.0, held.as_slice())), &options);
    Ok((Body::Logistic { weights, classes }, history))
}

/// The model with its metrics on the evaluation rows.
fn finish(connection: &mut Connection, mut model: Model, rows: &Printed) -> Done<Model> {
    let sql = evaluate(&model, rows, "0.5").map_err(|why| refuse(why, 0))?;
    let table = connection.query(&sql)?;
    let values = table.rows.first().cloned().unwrap_or_default();
    model.metrics = names(&model)
        .iter()
        .zip(values)
        .map(|(name, value)| {
            ((*name).to_owned(), if let Value::Float(f) = value { Some(f).filter(|f| !f.is_nan()) } else { None })
        })
        .collect();
    Ok(model)
}
