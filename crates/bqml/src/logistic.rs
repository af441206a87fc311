//! Logistic regression, binary and multinomial: batch gradient descent with BigQuery's documented line search (rates 2r,
//! r, r/2 and r/4; the best becomes the next r) and its early stop. The path of the real service is not reproduced exactly.

use super::{Iteration, Matrix};

#[derive(Debug, Clone, PartialEq)]
pub struct LogisticOptions {
    pub classes: usize,
    pub l1: f64,
    pub l2: f64,
    pub max_iterations: usize,
    pub early_stop: bool,
    pub min_rel_progress: f64,
    /// the constant rate; `None` for the line search
    pub learn_rate: Option<f64>,
    pub first_rate: f64,
    pub intercept: bool,
    /// a weight a class
    pub class_weights: Vec<f64>,
}

/// One row of weights a class, the intercept last; a binary model has one row, for its positive class.
pub type Weights = Vec<Vec<f64>>;

/// `labels` are class numbers; in a binary model 1 is the positive class.
pub fn fit(
    data: &Matrix,
    labels: &[usize],
    eval: Option<(&Matrix, &[usize])>,
    options: &LogisticOptions,
) -> (Weights, Vec<Iteration>) {
    let rows = if options.classes == 2 { 1 } else { options.classes };
    let mut weights: Weights = vec![vec![0.0; data.width + 1]; rows];
    let mut rate = options.learn_rate.unwrap_or(options.first_rate);
    let mut history: Vec<Iteration> = Vec::new();
    let mut current = loss(data, labels, &weights, options);
    for _ in 0..options.max_iterations.max(1) {
        let gradient = gradient(data, labels, &weights, options);
        let rates = match options.learn_rate {
            Some(rate) => vec![rate],
            None => vec![rate * 2.0, rate, rate / 2.0, rate / 4.0],
        };
        let best = rates
            .into_iter()
            .map(|r| {
                let next = step(&weights, &gradient, r, options);
                (loss(data, labels, &next, options), r, next)
            })
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((next_loss, chosen, next)) = best else { break };
        rate = chosen;
        weights = next;
        let eval_loss =
            eval.map(|(m, l)| loss(m, l, &weights, &LogisticOptions { l1: 0.0, l2: 0.0, ..options.clone() }));
        history.push(Iteration { loss: next_loss, eval_loss, learning_rate: Some(chosen), clusters: Vec::new() });
        let progress = (current - next_loss) / current.abs().max(f64::MIN_POSITIVE);
        current = next_loss;
        if options.early_stop && progress < options.min_rel_progress {
            break;
        }
    }
    (weights, history)
}

fn scores(row: &[f64], weights: &Weights) -> Vec<f64> {
    weights.iter().map(|w| row.iter().zip(w).map(|(x, w)| x * w).sum::<f64>() + w[row.len()]).collect()
}

/// The probabilities of all classes.
pub fn probabilities(row: &[f64], weights: &Weights) -> Vec<f64> {
    let scores = scores(row, weights);
    if let [score] = scores.as_slice() {
        let p = 1.0 / (1.0 + (-score).exp());
        return vec![1.0 - p, p];
    }
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / total).collect()
}

fn loss(data: &Matrix, labels: &[usize], weights: &Weights, options: &LogisticOptions) -> f64 {
    let mut total = 0.0;
    for (r, label) in labels.iter().enumerate() {
        let p = probabilities(data.row(r), weights)[*label];
        total -= p.max(1e-15).ln() * options.class_weights[*label];
    }
    let penalty: f64 =
        weights.iter().flat_map(|w| &w[..data.width]).map(|w| options.l1 * w.abs() + options.l2 * w * w / 2.0).sum();
    total / labels.len().max(1) as f64 + penalty
}

fn gradient(data: &Matrix, labels: &[usize], weights: &Weights, options: &LogisticOptions) -> Weights {
    let mut sums: Weights = vec![vec![0.0; data.width + 1]; weights.len()];
    for (r, label) in labels.iter().enumerate() {
        let row = data.row(r);
        let p = probabilities(row, weights);
        for (class, sum) in sums.iter_mut().enumerate() {
            let class = if weights.len() == 1 { 1 } else { class };
            let error = (p[class] - f64::from(u8::from(*label == class))) * options.class_weights[*label];
            for (s, x) in sum.iter_mut().zip(row) {
                *s += error * x;
            }
            sum[data.width] += error;
        }
    }
    let count = labels.len().max(1) as f64;
    for (sum, weight) in sums.iter_mut().zip(weights) {
        for (i, s) in sum.iter_mut().enumerate() {
            *s /= count;
            if i < data.width {
                *s += options.l2 * weight[i];
            }
        }
        if !options.intercept {
            sum[data.width] = 0.0;
        }
    }
    sums
}

/// A step down the gradient, then the shrinking that l1 asks for.
fn step(weights: &Weights, gradient: &Weights, rate: f64, options: &LogisticOptions) -> Weights {
    weights
        .iter()
        .zip(gradient)
        .map(|(w, g)| {
            let last = w.len() - 1;
            let moved = w.iter().zip(g).map(|(w, g)| w - rate * g).enumerate();
            moved
                .map(
                    |(i, w)| {
                        if i < last && options.l1 > 0.0 {
                            w.signum() * (w.abs() - rate * options.l1).max(0.0)
                        } else {
                            w
                        }
                    },
                )
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(classes: usize) -> LogisticOptions {
        LogisticOptions {
            classes,
            l1: 0.0,
            l2: 0.01,
            max_iterations: 2000,
            early_stop: true,
            min_rel_progress: 1e-12,
            learn_rate: None,
            first_rate: 0.1,
            intercept: true,
            class_weights: vec![1.0; classes],
        }
    }

    #[test]
    fn the_gradient_vanishes_at_the_end() {
        let data = Matrix { width: 1, data: vec![-2.0, -1.0, 0.5, 1.0, 2.0, -0.5] };
        let labels = [0, 0, 1, 1, 1, 1];
        let (weights, history) = fit(&data, &labels, None, &options(2));
        let left = gradient(&data, &labels, &weights, &options(2));
        assert!(left[0].iter().all(|g| g.abs() < 1e-4), "{left:?}");
        assert!(history.windows(2).all(|w| w[1].loss <= w[0].loss));
    }

    #[test]
    fn three_classes_are_told_apart() {
        let data = Matrix { width: 1, data: vec![-3.0, -2.5, 0.0, 0.2, 3.0, 2.7] };
        let labels = [0, 0, 1, 1, 2, 2];
        let (weights, _) = fit(&data, &labels, None, &options(3));
        for (r, label) in labels.iter().enumerate() {
            let p = probabilities(data.row(r), &weights);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(p.iter().all(|q| p[*label] >= *q));
        }
    }
}
