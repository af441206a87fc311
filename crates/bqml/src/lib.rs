//! BigQuery ML's arithmetic: features, k-means, logistic and linear regression. Pure: no SQL, no database, no clock;
//! the seed is an argument and the result depends on nothing else.

mod features;
mod kmeans;
mod linear;
mod logistic;

pub use features::{Category, Column, Encoder, Fitted, Matrix, Numeric};
pub use kmeans::{Clusters, Init, KMeansOptions, fit as fit_kmeans};
pub use linear::fit as fit_linear;
pub use logistic::{LogisticOptions, Weights, fit as fit_logistic};

use serde::{Deserialize, Serialize};

/// One line of ML.TRAINING_INFO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    pub loss: f64,
    pub eval_loss: Option<f64>,
    pub learning_rate: Option<f64>,
    /// radius and size of each cluster
    pub clusters: Vec<(f64, i64)>,
}
