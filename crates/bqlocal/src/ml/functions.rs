//! The ML.* table functions by name. What a function says of its model it reads from the store or from the model's macros,
//! so that a view over it asks the model of today.

use super::evaluate::{evaluate, names};
use super::report::Table as Report;
use super::settings::Settings;
use super::store::{Model, table};
use super::{judged, macros, refuse};
use crate::printed::Printed;
use rsdbt_bqml::Body;
use rsdbt_duckdbsql::quote;
use rsdbt_googlesql::analyze::ModelCall;
use rsdbt_googlesql::query::{OutCol, Table};
use rsdbt_googlesql::types::Type;
use rsdbt_googlesql::{Result, SqlError};

pub(super) type Columns = Vec<(String, Type)>;
pub(super) type Answer = Result<(String, Columns)>;
type Function = fn(&Asked<'_>) -> Answer;

const TABLE: &[(&str, Function)] = &[
    ("ML.PREDICT", predict),
    ("ML.EVALUATE", evaluated),
    ("ML.CENTROIDS", centroids),
    ("ML.WEIGHTS", weights),
    ("ML.TRAINING_INFO", training_info),
    ("ML.FEATURE_INFO", feature_info),
    ("ML.ADVANCED_WEIGHTS", advanced_weights),
    ("ML.GLOBAL_EXPLAIN", global_explain),
    ("ML.PRINCIPAL_COMPONENTS", principal_components),
    ("ML.PRINCIPAL_COMPONENT_INFO", principal_component_info),
    ("ML.ROC_CURVE", judged::roc_curve),
    ("ML.CONFUSION_MATRIX", judged::confusion_matrix),
    ("ML.DETECT_ANOMALIES", judged::detect_anomalies),
    ("ML.EXPLAIN_PREDICT", judged::explain_predict),
];

/// A call of an ML function.
pub(super) struct Asked<'a> {
    pub name: &'static str,
    pub model: &'a Model,
    /// the model's name in the store
    pub key: &'a str,
    pub catalog: &'a str,
    pub call: &'a ModelCall,
    pub zone: &'a str,
}

/// The rows that a function is given.
pub(super) struct Input {
    pub sql: String,
    pub cols: Vec<OutCol>,
    /// the model's numbers of a row, over the rows as `_q`
    pub score: String,
}

impl Input {
    pub fn find(&self, name: &str) -> Option<&OutCol> {
        self.cols.iter().find(|c| c.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name)))
    }
}

/// The table that an ML function stands for.
pub(in super::super) fn relation(
    name: &str,
    call: &ModelCall,
    (key, model): (&str, &Model),
    (catalog, zone): (&str, &str),
) -> Result<Table> {
    let Some(&(name, function)) = TABLE.iter().find(|(known, _)| *known == name) else {
        return Err(SqlError::unsupported(format!("the function {name}"), call.at));
    };
    let (sql, columns) = function(&Asked { name, model, key, catalog, call, zone })?;
    let (input, engine) = (call.input.clone().map(Box::new), format!("({sql})"));
    Ok(Table { engine, columns, input, ..Table::default() })
}

impl Asked<'_> {
    pub fn wrong(&self, message: impl Into<String>) -> SqlError {
        refuse(message, self.call.at)
    }

    pub fn settings(&self, known: &[&str]) -> Result<Settings<'_>> {
        Settings::read(self.name, known, self.call, self.zone)
    }

    /// A macro of the model, in full.
    pub fn named(&self, part: &str) -> String {
        macros::named(self.catalog, self.key, part)
    }

    pub fn not_for_this(&self, needs: &str) -> SqlError {
        self.wrong(format!("{} needs {needs}", self.name))
    }

    /// The given rows. Errors: there are none, or a feature is missing or of another type.
    pub fn input(&self) -> Result<Input> {
        match &self.call.input {
            Some(query) => self.input_of(Printed::of(query, self.zone)).map_err(|why| self.wrong(why)),
            None => Err(self.wrong(format!("{} needs a table or a query", self.name))),
        }
    }

    pub fn input_of(&self, rows: Printed) -> std::result::Result<Input, String> {
        let Printed { sql, cols } = rows;
        let mut input = Input { sql, cols, score: String::new() };
        for (name, trained) in &self.model.features {
            let Some(column) = input.find(name) else {
                return Err(format!("the input has no column {name}, which is a feature of the model"));
            };
            let fits = *trained == column.ty || trained.is_number() && column.ty.is_number();
            if !fits && column.ty != Type::Null {
                return Err(format!("the feature {name} is {}, the model was trained with {trained}", column.ty));
            }
        }
        // columns of the same name have other names inside; features are asked for by theirs
        let plain = input.cols.iter().all(|c| c.name.as_deref().is_none_or(|name| name == c.phys));
        let row = match plain {
            true => "_q".to_owned(),
            false => {
                let features = self.model.features.iter().filter_map(|(name, _)| Some((name, input.find(name)?)));
                let fields: Vec<String> =
                    features.map(|(name, c)| format!("{} := _q.{}", quote(name), quote(&c.phys))).collect();
                format!("struct_pack({})", fields.join(", "))
            }
        };
        input.score = format!("{}({row})", self.named(""));
        Ok(input)
    }

    /// Columns of a table of the store, each under a name of its own.
    fn stored(&self, report: &str, list: &[(&str, &str)]) -> Answer {
        let Some(known) = Report::named(report) else {
            return Err(self.wrong(format!("{} has no table", self.name)));
        };
        let items: Vec<String> = list.iter().map(|(from, to)| format!("{} AS {}", quote(from), quote(to))).collect();
        let columns = list.iter().map(|(from, to)| ((*to).to_owned(), known.column_type(from))).collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE model = {}() ORDER BY position",
            items.join(", "),
            table(self.catalog, report),
            self.named("model")
        );
        Ok((sql, columns))
    }

    fn no_input(&self) -> Result<()> {
        match self.call.input {
            Some(_) => Err(self.wrong(format!("{} takes a model only", self.name))),
            None => Ok(()),
        }
    }
}

pub(super) fn is_binary(model: &Model) -> bool {
    matches!(&model.body, Body::Logistic { classes, .. } if classes.len() == 2)
}

fn same<'n>(names: &[&'n str]) -> Vec<(&'n str, &'n str)> {
    names.iter().map(|name| (*name, *name)).collect()
}

fn predict(asked: &Asked<'_>) -> Answer {
    let components = matches!(asked.model.body, Body::Pca { .. });
    let settings = match (is_binary(asked.model), components) {
        (true, _) => asked.settings(&["threshold"])?,
        (_, true) => asked.settings(&["keep_original_columns"])?,
        _ => asked.settings(&[])?,
    };
    let threshold = settings.number("threshold", &macros::half())?;
    let keep = !components || settings.flag("keep_original_columns", false)?;
    let input = asked.input()?;
    let outputs = macros::outputs(asked.model).into_iter().enumerate().map(|(i, (name, ty, _))| {
        (
            format!("{}(_q._rsdbt_scores, {threshold}) AS {}", asked.named(&(i + 1).to_string()), quote(&name)),
            (name, ty),
        )
    });
    let (mut list, mut columns): (Vec<String>, Columns) = outputs.unzip();
    if keep {
        list.extend(input.cols.iter().map(|c| format!("_q.{}", quote(&c.phys))));
        columns.extend(given_columns(&input));
    }
    let sql = scored(&list, &input);
    Ok((sql, columns))
}

/// A query over the input's rows, beside which their scores stand as `_rsdbt_scores`.
pub(super) fn scored(list: &[String], input: &Input) -> String {
    format!(
        "SELECT {} FROM (SELECT {} AS _rsdbt_scores, _q.* FROM ({}) AS _q) AS _q",
        list.join(", "),
        input.score,
        input.sql
    )
}

pub(super) fn given_columns(input: &Input) -> Columns {
    input.cols.iter().map(|c| (c.name.clone().unwrap_or_else(|| c.phys.clone()), c.ty.clone())).collect()
}

fn evaluated(asked: &Asked<'_>) -> Answer {
    let settings = asked.settings(if is_binary(asked.model) { &["threshold"] } else { &[] })?;
    let columns: Columns = names(asked.model).iter().map(|n| ((*n).to_owned(), Type::Float64)).collect();
    if asked.call.input.is_some() && !matches!(asked.model.body, Body::Pca { .. }) {
        let threshold = settings.number("threshold", &macros::half())?;
        let sql = evaluate(asked, &asked.input()?, &threshold).map_err(|why| asked.wrong(why))?;
        return Ok((sql, columns));
    }
    if settings.given("threshold") {
        return Err(asked.wrong("ML.EVALUATE with a threshold needs a table or a query"));
    }
    let metric = |name: &&str| format!("max(value) FILTER (WHERE metric = '{name}') AS {name}");
    let list: Vec<String> = names(asked.model).iter().map(metric).collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE model = {}()",
        list.join(", "),
        table(asked.catalog, "metrics"),
        asked.named("model")
    );
    Ok((sql, columns))
}

fn centroids(asked: &Asked<'_>) -> Answer {
    if !matches!(asked.model.body, Body::KMeans { .. }) {
        return Err(asked.not_for_this("a k-means model"));
    }
    asked.no_input()?;
    let standard = asked.settings(&["standardize"])?.flag("standardize", false)?;
    let value = if standard { "standardized_value" } else { "numerical_value" };
    let list = [
        ("centroid_id", "centroid_id"),
        ("feature", "feature"),
        (value, "numerical_value"),
        ("categorical_value", "categorical_value"),
    ];
    asked.stored("centroids", &list)
}

fn weights(asked: &Asked<'_>) -> Answer {
    let several = match &asked.model.body {
        Body::Linear { .. } => false,
        Body::Logistic { classes, .. } => classes.len() > 2,
        Body::KMeans { .. } | Body::Pca { .. } => return Err(asked.not_for_this("a linear or logistic model")),
    };
    asked.no_input()?;
    let standard = asked.settings(&["standardize"])?.flag("standardize", false)?;
    let weight = if standard { "standardized_weight" } else { "weight" };
    let mut list =
        vec![("processed_input", "processed_input"), (weight, "weight"), ("category_weights", "category_weights")];
    if several {
        list.push(("class_label", "class_label"));
    }
    asked.stored("weights", &list)
}

fn training_info(asked: &Asked<'_>) -> Answer {
    asked.no_input()?;
    asked.settings(&[])?;
    let list: &[&str] = match asked.model.body {
        Body::KMeans { .. } => &["training_run", "iteration", "loss", "learning_rate", "duration_ms", "cluster_info"],
        Body::Pca { .. } => &["training_run", "iteration", "duration_ms"],
        _ => &["training_run", "iteration", "loss", "eval_loss", "learning_rate", "duration_ms"],
    };
    asked.stored("training_info", &same(list))
}

fn feature_info(asked: &Asked<'_>) -> Answer {
    asked.no_input()?;
    asked.settings(&[])?;
    let list = ["input", "min", "max", "mean", "median", "stddev", "category_count", "null_count", "dimension"];
    asked.stored("feature_info", &same(&list))
}

fn advanced_weights(asked: &Asked<'_>) -> Answer {
    let known = match &asked.model.body {
        Body::Linear { spread, .. } | Body::Logistic { spread, .. } => spread.is_some(),
        Body::KMeans { .. } | Body::Pca { .. } => false,
    };
    if !known {
        return Err(asked.not_for_this("a regression model trained with CALCULATE_P_VALUES"));
    }
    asked.no_input()?;
    let standard = asked.settings(&["standardize"])?.flag("standardize", false)?;
    let own = match standard {
        true => ["standardized_weight", "standardized_error", "standardized_p_value"],
        false => ["weight", "standard_error", "p_value"],
    };
    let list = [
        ("processed_input", "processed_input"),
        ("category", "category"),
        (own[0], "weight"),
        (own[1], "standard_error"),
        (own[2], "p_value"),
    ];
    asked.stored("advanced_weights", &list)
}

fn global_explain(asked: &Asked<'_>) -> Answer {
    asked.no_input()?;
    if asked.settings(&["class_level_explain"])?.flag("class_level_explain", false)? {
        return Err(SqlError::unsupported("class_level_explain of ML.GLOBAL_EXPLAIN", asked.call.at));
    }
    if asked.model.explained.is_none() {
        return Err(asked.not_for_this("a linear or binary logistic model trained with ENABLE_GLOBAL_EXPLAIN"));
    }
    asked.stored("global_explain", &same(&["feature", "attribution"]))
}

fn principal_components(asked: &Asked<'_>) -> Answer {
    components_only(asked)?;
    let list = ["principal_component_id", "feature", "numerical_value", "categorical_value"];
    asked.stored("principal_components", &same(&list))
}

fn principal_component_info(asked: &Asked<'_>) -> Answer {
    components_only(asked)?;
    let list =
        ["principal_component_id", "eigenvalue", "explained_variance_ratio", "cumulative_explained_variance_ratio"];
    asked.stored("principal_component_info", &same(&list))
}

fn components_only(asked: &Asked<'_>) -> Result<()> {
    asked.no_input()?;
    asked.settings(&[])?;
    match asked.model.body {
        Body::Pca { .. } => Ok(()),
        _ => Err(asked.not_for_this("a PCA model")),
    }
}
