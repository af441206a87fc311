//! OPTIONS(...) of CREATE MODEL.

use super::refuse;
use rsdbt_base::closest;
use rsdbt_googlesql::ast::{Expr, Kind, Options};
use rsdbt_googlesql::{Result, SqlError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelType {
    KMeans,
    Logistic,
    Linear,
}

/// What every type, or only some, may say. `*` accepts and does nothing.
const COMMON: &[&str] = &[
    "MODEL_TYPE",
    "MODEL_REGISTRY",
    "VERTEX_AI_MODEL_ID",
    "VERTEX_AI_MODEL_VERSION_ALIASES",
    "KMS_KEY_NAME",
    "LABELS",
    "DESCRIPTION",
    "FRIENDLY_NAME",
    "EXPIRATION_TIMESTAMP",
    "MAX_ITERATIONS",
    "EARLY_STOP",
    "MIN_REL_PROGRESS",
];
const KMEANS: &[&str] =
    &["NUM_CLUSTERS", "KMEANS_INIT_METHOD", "KMEANS_INIT_COL", "DISTANCE_TYPE", "STANDARDIZE_FEATURES"];
const REGRESSION: &[&str] = &[
    "INPUT_LABEL_COLS",
    "OPTIMIZE_STRATEGY",
    "LEARN_RATE_STRATEGY",
    "LEARN_RATE",
    "LS_INIT_LEARN_RATE",
    "FIT_INTERCEPT",
    "AUTO_CLASS_WEIGHTS",
    "L1_REG",
    "L2_REG",
    "DATA_SPLIT_METHOD",
    "DATA_SPLIT_EVAL_FRACTION",
    "DATA_SPLIT_COL",
    "CATEGORY_ENCODING_METHOD",
    "CALCULATE_P_VALUES",
    "ENABLE_GLOBAL_EXPLAIN",
];
const MISSING: &[&str] = &[
    "WARM_START",
    "CLASS_WEIGHTS",
    "NUM_TRIALS",
    "MAX_PARALLEL_TRIALS",
    "HPARAM_TUNING_ALGORITHM",
    "HPARAM_TUNING_OBJECTIVES",
    "DATA_SPLIT_TEST_FRACTION",
];
const OTHER_TYPES: &[&str] = &[
    "PCA",
    "MATRIX_FACTORIZATION",
    "BOOSTED_TREE_CLASSIFIER",
    "BOOSTED_TREE_REGRESSOR",
    "RANDOM_FOREST_CLASSIFIER",
    "RANDOM_FOREST_REGRESSOR",
    "DNN_CLASSIFIER",
    "DNN_REGRESSOR",
    "DNN_LINEAR_COMBINED_CLASSIFIER",
    "DNN_LINEAR_COMBINED_REGRESSOR",
    "AUTOENCODER",
    "AUTOML_CLASSIFIER",
    "AUTOML_REGRESSOR",
    "ARIMA_PLUS",
    "ARIMA_PLUS_XREG",
    "CONTRIBUTION_ANALYSIS",
    "TRANSFORM_ONLY",
    "ONNX",
    "TENSORFLOW",
    "TENSORFLOW_LITE",
    "XGBOOST",
];

pub struct Settings<'a> {
    options: &'a Options,
    pub kind: ModelType,
}

impl<'a> Settings<'a> {
    pub fn read(options: &'a Options, at: usize) -> Result<Settings<'a>> {
        let found = options.iter().find(|(name, _)| name.text.eq_ignore_ascii_case("MODEL_TYPE"));
        let Some((_, value)) = found else { return Err(refuse("CREATE MODEL needs the option MODEL_TYPE", at)) };
        let Kind::Text(word) = &value.kind else { return Err(refuse("MODEL_TYPE must be a string", value.at)) };
        let upper = word.to_uppercase();
        let kind = match upper.as_str() {
            "KMEANS" => ModelType::KMeans,
            "LOGISTIC_REG" => ModelType::Logistic,
            "LINEAR_REG" => ModelType::Linear,
            other if OTHER_TYPES.contains(&other) => {
                return Err(SqlError::unsupported(format!("the model type {other}"), value.at));
            }
            other => return Err(refuse(format!("{other} is not a model type"), value.at)),
        };
        let own = if kind == ModelType::KMeans { KMEANS } else { REGRESSION };
        for (name, _) in options {
            let upper = name.text.to_uppercase();
            if MISSING.contains(&upper.as_str()) {
                return Err(SqlError::unsupported(format!("the option {upper}"), name.at));
            }
            if !COMMON.contains(&upper.as_str()) && !own.contains(&upper.as_str()) {
                let error = refuse(format!("{upper} is not an option of {word}"), name.at);
                return Err(match closest(&upper, COMMON.iter().chain(own).copied()) {
                    Some(near) => error.help(format!("did you mean {near}?")),
                    None => error,
                });
            }
        }
        Ok(Settings { options, kind })
    }

    fn get(&self, name: &str) -> Option<&'a Expr> {
        self.options.iter().find(|(n, _)| n.text.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn number(&self, name: &str, default: f64) -> Result<f64> {
        match self.get(name).map(|e| (&e.kind, e.at)) {
            None => Ok(default),
            Some((Kind::Int(text) | Kind::Float(text), at)) => {
                text.parse().map_err(|_| refuse(format!("{name} must be a number"), at))
            }
            Some((_, at)) => Err(refuse(format!("{name} must be a number"), at)),
        }
    }

    pub fn within(&self, name: &str, default: f64, low: f64, high: f64) -> Result<f64> {
        let value = self.number(name, default)?;
        let at = self.get(name).map_or(0, |e| e.at);
        if (low..=high).contains(&value) {
            Ok(value)
        } else {
            Err(refuse(format!("{name} must be from {low} to {high}"), at))
        }
    }

    pub fn flag(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name).map(|e| (&e.kind, e.at)) {
            None => Ok(default),
            Some((Kind::Bool(b), _)) => Ok(*b),
            Some((_, at)) => Err(refuse(format!("{name} must be TRUE or FALSE"), at)),
        }
    }

    /// A word out of a list; the first is the default.
    pub fn word(&self, name: &str, allowed: &[&'static str]) -> Result<&'static str> {
        let Some(value) = self.get(name) else { return Ok(allowed[0]) };
        let Kind::Text(word) = &value.kind else { return Err(refuse(format!("{name} must be a string"), value.at)) };
        let found = allowed.iter().find(|a| a.eq_ignore_ascii_case(word));
        found.copied().ok_or_else(|| refuse(format!("{name} must be one of {}", allowed.join(", ")), value.at))
    }

    pub fn name(&self, name: &str) -> Result<Option<(String, usize)>> {
        match self.get(name).map(|e| (&e.kind, e.at)) {
            None => Ok(None),
            Some((Kind::Text(word), at)) => Ok(Some((word.clone(), at))),
            Some((_, at)) => Err(refuse(format!("{name} must be a string"), at)),
        }
    }

    /// The label's column.
    pub fn label(&self) -> Result<(String, usize)> {
        let Some(value) = self.get("INPUT_LABEL_COLS") else { return Ok(("label".into(), 0)) };
        match &value.kind {
            Kind::Array { items, .. } => match items.as_slice() {
                [Expr { kind: Kind::Text(name), at, .. }] => Ok((name.clone(), *at)),
                _ => Err(refuse("INPUT_LABEL_COLS must name one column", value.at)),
            },
            _ => Err(refuse("INPUT_LABEL_COLS must be an array of strings", value.at)),
        }
    }

    /// Options whose other values are not there.
    pub fn refuse_missing(&self) -> Result<()> {
        for (name, only) in [("CATEGORY_ENCODING_METHOD", "ONE_HOT_ENCODING")] {
            if let Some(value) = self.get(name)
                && !matches!(&value.kind, Kind::Text(word) if word.eq_ignore_ascii_case(only))
            {
                return Err(SqlError::unsupported(format!("{name} other than {only}"), value.at));
            }
        }
        for name in ["CALCULATE_P_VALUES", "ENABLE_GLOBAL_EXPLAIN"] {
            if self.flag(name, false)? {
                return Err(SqlError::unsupported(format!("the option {name}"), self.get(name).map_or(0, |e| e.at)));
            }
        }
        Ok(())
    }
}
