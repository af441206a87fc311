//! Lloyd's k-means with BigQuery's stop rule: the first iteration whose relative loss improvement is below the bound is
//! the last one, and its update is kept.

use super::{Iteration, Matrix};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

#[derive(Debug, Clone, PartialEq)]
pub enum Init {
    Random,
    PlusPlus,
    /// the rows that the first centroids are
    Rows(Vec<usize>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct KMeansOptions {
    pub clusters: usize,
    pub init: Init,
    pub cosine: bool,
    pub max_iterations: usize,
    pub early_stop: bool,
    pub min_rel_progress: f64,
    pub seed: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    pub centroids: Vec<Vec<f64>>,
    pub history: Vec<Iteration>,
}

/// Errors when there are fewer rows than clusters.
pub fn fit(data: &Matrix, options: &KMeansOptions) -> Result<Clusters, String> {
    if data.rows() < options.clusters {
        return Err(format!("{} clusters need at least as many rows; there are {}", options.clusters, data.rows()));
    }
    let mut centroids: Vec<Vec<f64>> = start(data, options).iter().map(|r| data.row(*r).to_vec()).collect();
    let mut history: Vec<Iteration> = Vec::new();
    for _ in 0..options.max_iterations.max(1) {
        let (assigned, loss) = assign(data, &centroids, options.cosine);
        let info = clusters(&assigned, options.clusters);
        update(data, &assigned, &mut centroids);
        let last = history.last().map(|i| i.loss);
        history.push(Iteration {
            loss: loss / data.rows() as f64,
            eval_loss: None,
            learning_rate: None,
            clusters: info,
        });
        let now = loss / data.rows() as f64;
        let stop = last.is_some_and(|last| last <= 0.0 || (last - now) / last < options.min_rel_progress);
        if options.early_stop && stop {
            break;
        }
    }
    Ok(Clusters { centroids, history })
}

/// Cosine distance is the square root of 1 - cos.
pub fn distance(a: &[f64], b: &[f64], cosine: bool) -> f64 {
    if cosine {
        let dot: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
        let size = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let product = size(a) * size(b);
        return if product == 0.0 { 1.0 } else { (1.0 - dot / product).max(0.0).sqrt() };
    }
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
}

/// The nearest centroid and squared distance of each row, and the sum of the squares.
fn assign(data: &Matrix, centroids: &[Vec<f64>], cosine: bool) -> (Vec<(usize, f64)>, f64) {
    let mut total = 0.0;
    let assigned = (0..data.rows())
        .map(|r| {
            let row = data.row(r);
            let mut best = (0, f64::INFINITY);
            for (i, centroid) in centroids.iter().enumerate() {
                let d = distance(row, centroid, cosine);
                if d < best.1 {
                    best = (i, d);
                }
            }
            let square = best.1 * best.1;
            total += square;
            (best.0, square)
        })
        .collect();
    (assigned, total)
}

fn clusters(assigned: &[(usize, f64)], count: usize) -> Vec<(f64, i64)> {
    let mut sums = vec![(0.0, 0i64); count];
    for (cluster, square) in assigned {
        sums[*cluster].0 += square;
        sums[*cluster].1 += 1;
    }
    sums.into_iter().map(|(sum, n)| (if n == 0 { 0.0 } else { (sum / n as f64).sqrt() }, n)).collect()
}

/// Means of the assigned rows; an empty cluster stays where it is.
fn update(data: &Matrix, assigned: &[(usize, f64)], centroids: &mut [Vec<f64>]) {
    let mut sums = vec![vec![0.0; data.width]; centroids.len()];
    let mut counts = vec![0usize; centroids.len()];
    for (r, (cluster, _)) in assigned.iter().enumerate() {
        counts[*cluster] += 1;
        for (sum, value) in sums[*cluster].iter_mut().zip(data.row(r)) {
            *sum += value;
        }
    }
    for ((centroid, sum), count) in centroids.iter_mut().zip(sums).zip(counts) {
        if count > 0 {
            *centroid = sum.into_iter().map(|s| s / count as f64).collect();
        }
    }
}

fn start(data: &Matrix, options: &KMeansOptions) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    let rows = data.rows();
    match &options.init {
        Init::Rows(rows) => rows.clone(),
        Init::Random => {
            let mut chosen: Vec<usize> = Vec::new();
            while chosen.len() < options.clusters {
                let row = random.random_range(0..rows);
                if !chosen.contains(&row) {
                    chosen.push(row);
                }
            }
            chosen
        }
        Init::PlusPlus => {
            let mut chosen = vec![random.random_range(0..rows)];
            let mut nearest = vec![f64::INFINITY; rows];
            while chosen.len() < options.clusters {
                let last = data.row(chosen[chosen.len() - 1]);
                for (r, near) in nearest.iter_mut().enumerate() {
                    *near = near.min(distance(data.row(r), last, options.cosine).powi(2));
                }
                let total: f64 = nearest.iter().sum();
                let mut left = random.random::<f64>() * total;
                let next = nearest.iter().position(|near| {
                    left -= near;
                    left < 0.0
                });
                chosen.push(next.unwrap_or(rows - 1));
            }
            chosen
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(init: Init) -> KMeansOptions {
        KMeansOptions {
            clusters: 2,
            init,
            cosine: false,
            max_iterations: 20,
            early_stop: true,
            min_rel_progress: 0.01,
            seed: 1,
        }
    }

    #[test]
    fn two_clusters_are_found_from_every_start() {
        let data = Matrix { width: 1, data: vec![0.0, 1.0, 10.0, 11.0] };
        for init in [Init::Random, Init::PlusPlus, Init::Rows(vec![0, 1])] {
            let mut found = fit(&data, &options(init)).expect("fits").centroids;
            found.sort_by(|a, b| a[0].total_cmp(&b[0]));
            assert_eq!(found, [[0.5], [10.5]]);
        }
    }

    #[test]
    fn fewer_rows_than_clusters_are_refused() {
        fit(&Matrix { width: 1, data: vec![1.0] }, &options(Init::Random)).expect_err("one row");
    }
}
