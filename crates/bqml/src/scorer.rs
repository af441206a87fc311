//! What a trained model says of rows: plain numbers, as many for each row. Training, evaluation and prediction all use it, so
//! that they cannot differ.

use crate::features::{Encoder, Slot};
use crate::loss::{sigmoid, softmax};
use crate::nearest::Centroids;
use crate::rows::Rows;
use crate::{Spread, Weights, pca};
use serde::{Deserialize, Serialize};

/// So many of the nearest centroids are told.
pub const NEAREST: usize = 5;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    KMeans { centroids: Vec<Vec<f64>>, cosine: bool, radii: Vec<f64> },
    Logistic { weights: Weights, classes: Vec<String>, spread: Option<Spread> },
    Linear { weights: Vec<f64>, spread: Option<Spread> },
    Pca { components: Vec<(f64, Vec<f64>)>, total: f64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scorer {
    pub encoder: Encoder,
    pub body: Body,
}

impl Scorer {
    /// Numbers a row. Linear: the prediction. Logistic: the probability of each class. K-means: how far the row is from a
    /// centroid as parts of its radius, that centroid, and then the nearest ones with their distances; centroids are counted
    /// from 1. PCA: the place on each axis, and the mean square of what they leave, by the features.
    pub fn outputs(&self) -> usize {
        match &self.body {
            Body::KMeans { centroids, .. } => 2 + 2 * centroids.len().min(NEAREST),
            Body::Logistic { classes, .. } => classes.len(),
            Body::Linear { .. } => 1,
            Body::Pca { components, .. } => components.len() + 1,
        }
    }

    /// The numbers of all rows, one row after the other.
    pub fn scores(&self, rows: &Rows<'_>) -> Vec<f64> {
        let mut out = Vec::with_capacity(rows.count * self.outputs());
        let line = |row: usize, weights: &[f64]| rows.dot(row, weights) + weights[rows.width];
        match &self.body {
            Body::Linear { weights, .. } => out.extend((0..rows.count).map(|row| line(row, weights))),
            Body::Logistic { weights, .. } if weights.len() == 1 => {
                for row in 0..rows.count {
                    let p = sigmoid(line(row, &weights[0]));
                    out.extend([1.0 - p, p]);
                }
            }
            Body::Logistic { weights, .. } => {
                for row in 0..rows.count {
                    let first = out.len();
                    out.extend(weights.iter().map(|weights| line(row, weights)));
                    softmax(&mut out[first..]);
                }
            }
            Body::KMeans { centroids, cosine, radii } => {
                let near = Centroids::new(centroids, rows.dense, *cosine);
                (0..rows.count).for_each(|row| nearest(&near, radii, (rows, row), &mut out));
            }
            Body::Pca { components, .. } => {
                let features = self.encoder.features.len() as f64;
                for row in 0..rows.count {
                    let (places, left) = pca::project(rows, row, components);
                    out.extend(places);
                    out.push(left / features);
                }
            }
        }
        out
    }
}

/// What each feature adds to a score.
impl Scorer {
    pub fn explains(&self) -> bool {
        matches!(self.body, Body::Linear { .. } | Body::Logistic { .. })
    }

    /// For each row each feature's part, then what stays without them, then the sum of all. Of several classes the likeliest
    /// one's score is taken. Nothing for models that have no weights.
    pub fn parts(&self, rows: &Rows<'_>) -> Vec<f64> {
        let lines: &[Vec<f64>] = match &self.body {
            Body::Linear { weights, .. } => std::slice::from_ref(weights),
            Body::Logistic { weights, .. } => weights,
            Body::KMeans { .. } | Body::Pca { .. } => return Vec::new(),
        };
        let slots = self.encoder.slots();
        let mut out = Vec::with_capacity(rows.count * (slots.len() + 2));
        for row in 0..rows.count {
            let score = |line: &Vec<f64>| rows.dot(row, line) + line[rows.width];
            let scored = lines.iter().map(|line| (score(line), line));
            let Some((sum, line)) = scored.max_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
            let mut places = rows.places(row).iter();
            out.extend(slots.iter().map(|slot| match slot {
                Slot::Number(at) => rows.numbers(row)[*at] * line[*at],
                Slot::Categories(..) => {
                    places.next().and_then(|place| line[..rows.width].get(*place as usize)).copied().unwrap_or(0.0)
                }
            }));
            out.extend([line[rows.width], sum]);
        }
        out
    }
}

fn nearest(near: &Centroids<'_>, radii: &[f64], (rows, row): (&Rows<'_>, usize), out: &mut Vec<f64>) {
    let mut all: Vec<(f64, usize)> = (0..radii.len()).map(|k| (near.square(rows, row, k).sqrt(), k)).collect();
    let part = |(distance, k): &(f64, usize)| match radii[*k] {
        0.0 if *distance == 0.0 => 0.0,
        radius => distance / radius,
    };
    let closest = all.iter().map(|pair| (part(pair), pair.1)).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
    out.extend([closest.0, (closest.1 + 1) as f64]);
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (distance, k) in all.iter().take(NEAREST) {
        out.extend([(k + 1) as f64, *distance]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Design;

    fn scorer(body: Body) -> Scorer {
        Scorer { encoder: Encoder { features: Vec::new() }, body }
    }

    #[test]
    fn every_kind_says_as_many_numbers_as_it_promises() {
        let design = Design::of_numbers(1, vec![0.0, 3.0]);
        let bodies = [
            Body::Linear { weights: vec![2.0, 1.0], spread: None },
            Body::Logistic { weights: vec![vec![0.0, 0.0]], classes: vec!["a".into(), "b".into()], spread: None },
            Body::Logistic { weights: vec![vec![0.0, 0.0]; 3], classes: vec!["a".into(); 3], spread: None },
            Body::KMeans { centroids: vec![vec![4.0], vec![1.0]], cosine: false, radii: vec![2.0, 1.0] },
            Body::Pca { components: vec![(1.0, vec![1.0])], total: 1.0 },
        ];
        for body in bodies {
            let scorer = scorer(body);
            assert_eq!(scorer.scores(&design.all()).len(), 2 * scorer.outputs(), "{scorer:?}");
        }
    }

    #[test]
    fn the_nearest_centroids_come_first() {
        let design = Design::of_numbers(1, vec![3.0]);
        let body = Body::KMeans { centroids: vec![vec![4.5], vec![2.0]], cosine: false, radii: vec![3.0, 1.0] };
        assert_eq!(scorer(body).scores(&design.all()), [0.5, 1.0, 2.0, 1.0, 1.0, 1.5]);
    }
}
