//! Lloyd's k-means with BigQuery's stop rule: the first iteration whose relative loss improvement is below the bound is
//! the last one, and its update is kept.

use crate::Iteration;
use crate::nearest::Centroids;
use crate::options::Iterations;
use crate::rows::{Design, Rows};
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
    pub iterations: Iterations,
    pub seed: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    pub centroids: Vec<Vec<f64>>,
    pub history: Vec<Iteration>,
    /// the root of the mean square of the distances of each cluster's rows
    pub radii: Vec<f64>,
    /// how far the training rows lie from their centroids, as parts of the radii; sorted
    pub normalized: Vec<f64>,
}

/// Errors when there are fewer rows than clusters.
pub fn fit(design: &Design, options: &KMeansOptions) -> Result<Clusters, String> {
    let rows = design.all();
    if rows.count < options.clusters {
        return Err(format!("{} clusters need at least as many rows; there are {}", options.clusters, rows.count));
    }
    let mut centroids: Vec<Vec<f64>> = start(&rows, options).iter().map(|r| rows.expanded(*r)).collect();
    let mut history: Vec<Iteration> = Vec::new();
    for _ in 0..options.iterations.most {
        let gathered = Gathered::of(&rows, &centroids, options.cosine);
        let loss = gathered.squares.iter().sum::<f64>() / rows.count as f64;
        gathered.move_to_means(&mut centroids);
        let last = history.last().map(|i| i.loss);
        history.push(Iteration { loss, eval_loss: None, learning_rate: None, clusters: gathered.clusters() });
        let stop = last.is_some_and(|last| last <= 0.0 || (last - loss) / last < options.iterations.min_rel_progress);
        if options.iterations.early_stop && stop {
            break;
        }
    }
    let (radii, normalized) = distances(&rows, &centroids, options.cosine);
    Ok(Clusters { centroids, history, radii, normalized })
}

/// Sums of the rows by their nearest centroid.
struct Gathered {
    width: usize,
    sums: Vec<f64>,
    counts: Vec<f64>,
    squares: Vec<f64>,
}

impl Gathered {
    fn of(rows: &Rows<'_>, centroids: &[Vec<f64>], cosine: bool) -> Gathered {
        let (width, k) = (rows.width, centroids.len());
        let near = Centroids::new(centroids, rows.dense, cosine);
        let pieces = rows.pieces(k * width, |part| {
            let mut own = Gathered { width, sums: vec![0.0; k * width], counts: vec![0.0; k], squares: vec![0.0; k] };
            for (row, (cluster, square)) in near.nearest(&part).into_iter().enumerate() {
                let cluster = cluster as usize;
                part.add(row, 1.0, &mut own.sums[cluster * width..(cluster + 1) * width]);
                own.counts[cluster] += 1.0;
                own.squares[cluster] += square;
            }
            own
        });
        let empty = Gathered { width, sums: vec![0.0; k * width], counts: vec![0.0; k], squares: vec![0.0; k] };
        let add = |to: &mut [f64], from: &[f64]| to.iter_mut().zip(from).for_each(|(t, f)| *t += f);
        pieces.into_iter().fold(empty, |mut all, piece| {
            add(&mut all.sums, &piece.sums);
            add(&mut all.counts, &piece.counts);
            add(&mut all.squares, &piece.squares);
            all
        })
    }

    /// An empty cluster stays where it is.
    fn move_to_means(&self, centroids: &mut [Vec<f64>]) {
        for ((centroid, sums), count) in centroids.iter_mut().zip(self.sums.chunks(self.width.max(1))).zip(&self.counts)
        {
            if *count > 0.0 {
                centroid.iter_mut().zip(sums).for_each(|(c, s)| *c = s / count);
            }
        }
    }

    fn radii(&self) -> Vec<f64> {
        let radius = |(square, count): (&f64, &f64)| if *count == 0.0 { 0.0 } else { (square / count).sqrt() };
        self.squares.iter().zip(&self.counts).map(radius).collect()
    }

    /// Radius and size of each.
    fn clusters(&self) -> Vec<(f64, i64)> {
        self.radii().into_iter().zip(&self.counts).map(|(radius, count)| (radius, *count as i64)).collect()
    }
}

/// How far a row is from the nearest centroid, as parts of the centroids' radii; and which one that is.
pub fn normalized(near: &Centroids<'_>, radii: &[f64], rows: &Rows<'_>, row: usize) -> (f64, usize) {
    let part = |k: usize| {
        let distance = near.square(rows, row, k).sqrt();
        if radii[k] > 0.0 {
            distance / radii[k]
        } else if distance == 0.0 {
            0.0
        } else {
            f64::INFINITY
        }
    };
    (0..radii.len()).map(|k| (part(k), k)).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, 0))
}

fn distances(rows: &Rows<'_>, centroids: &[Vec<f64>], cosine: bool) -> (Vec<f64>, Vec<f64>) {
    let radii = Gathered::of(rows, centroids, cosine).radii();
    let near = Centroids::new(centroids, rows.dense, cosine);
    let pieces =
        rows.pieces(1, |part| (0..part.count).map(|row| normalized(&near, &radii, &part, row).0).collect::<Vec<f64>>());
    let mut all = pieces.concat();
    all.sort_unstable_by(f64::total_cmp);
    (radii, all)
}

fn start(rows: &Rows<'_>, options: &KMeansOptions) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(options.seed);
    match &options.init {
        Init::Rows(rows) => rows.clone(),
        Init::Random => {
            let mut chosen: Vec<usize> = Vec::new();
            while chosen.len() < options.clusters {
                let row = random.random_range(0..rows.count);
                if !chosen.contains(&row) {
                    chosen.push(row);
                }
            }
            chosen
        }
        Init::PlusPlus => {
            let mut chosen = vec![random.random_range(0..rows.count)];
            let mut nearest = vec![f64::INFINITY; rows.count];
            while chosen.len() < options.clusters {
                let last = [rows.expanded(chosen[chosen.len() - 1])];
                let near = Centroids::new(&last, rows.dense, options.cosine);
                let squares = rows.pieces(1, |part| near.nearest(&part)).concat();
                nearest.iter_mut().zip(squares).for_each(|(best, (_, square))| *best = best.min(square));
                let mut left = random.random::<f64>() * nearest.iter().sum::<f64>();
                let next = nearest.iter().position(|near| {
                    left -= near;
                    left < 0.0
                });
                chosen.push(next.unwrap_or(rows.count - 1));
            }
            chosen
        }
    }
}

/// Davies-Bouldin with the root mean square as scatter: `scatter` of each cluster, `None` for one without rows. The centroids
/// are the model's, their distances of the model's kind.
pub fn davies_bouldin_distances(centroids: &[Vec<f64>], cosine: bool) -> Vec<(usize, usize, f64)> {
    let square = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
    let distance = |a: &[f64], b: &[f64]| match cosine {
        true => {
            let product = (square(a) * square(b)).sqrt();
            let dot: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            if product == 0.0 { 1.0 } else { (1.0 - dot / product).max(0.0).sqrt() }
        }
        false => a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt(),
    };
    let numbers = 0..centroids.len();
    let pairs = numbers.clone().flat_map(|i| numbers.clone().filter(move |j| *j != i).map(move |j| (i, j)));
    pairs.map(|(i, j)| (i, j, distance(&centroids[i], &centroids[j]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(init: Init) -> KMeansOptions {
        let iterations = Iterations { most: 20, early_stop: true, min_rel_progress: 0.01 };
        KMeansOptions { clusters: 2, init, cosine: false, iterations, seed: 1 }
    }

    #[test]
    fn two_clusters_are_found_from_every_start() {
        let design = Design::of_numbers(1, vec![0.0, 1.0, 10.0, 11.0]);
        for init in [Init::Random, Init::PlusPlus, Init::Rows(vec![0, 1])] {
            let found = fit(&design, &options(init)).expect("fits");
            let mut centroids = found.centroids;
            centroids.sort_by(|a, b| a[0].total_cmp(&b[0]));
            assert_eq!(centroids, [[0.5], [10.5]]);
            assert_eq!((found.radii, found.normalized), (vec![0.5; 2], vec![1.0; 4]));
        }
    }

    #[test]
    fn fewer_rows_than_clusters_are_refused() {
        fit(&Design::of_numbers(1, vec![1.0]), &options(Init::Random)).expect_err("one row");
    }

    #[test]
    fn distances_of_centroids_are_of_the_models_kind() {
        let centroids = [vec![1.0, 0.0], vec![0.0, 2.0]];
        assert_eq!(davies_bouldin_distances(&centroids, true), [(0, 1, 1.0), (1, 0, 1.0)]);
        assert_eq!(davies_bouldin_distances(&centroids, false)[0].2, 5f64.sqrt());
    }
}
