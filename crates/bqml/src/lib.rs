//! BigQuery ML's arithmetic: options, features, k-means, principal components, logistic and linear regression. Pure: no SQL,
//! no database, no clock; the seed is an argument and the result depends on nothing else, the number of cores included.

mod descent;
mod features;
mod kmeans;
mod linear;
mod logistic;
mod loss;
mod nearest;
pub mod options;
mod pca;
mod rows;
mod scorer;
mod solve;
mod spread;

pub use features::{Category, Encoder, Encoding, Fitted, NULL_CATEGORY, NULL_CODE, Numeric, Read, Slot, Table};
pub use kmeans::{Clusters, Init, KMeansOptions, davies_bouldin_distances, fit as fit_kmeans};
pub use linear::{Line, fit as fit_linear};
pub use logistic::{Curve, Labels, fit as fit_logistic};
pub use pca::{Axes, fit as fit_pca};
pub use rows::{Design, NOWHERE, Rows};
pub use scorer::{Body, NEAREST, Scorer};
pub use spread::{Spread, p_value};

use serde::{Deserialize, Serialize};

/// A row of weights a score, the intercept last.
pub type Weights = Vec<Vec<f64>>;

/// At most so many classes has a label.
pub const CLASSES: usize = 50;

/// One line of ML.TRAINING_INFO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    pub loss: f64,
    pub eval_loss: Option<f64>,
    pub learning_rate: Option<f64>,
    /// radius and size of each cluster
    pub clusters: Vec<(f64, i64)>,
}
