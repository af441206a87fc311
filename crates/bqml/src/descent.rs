//! Batch gradient descent with BigQuery's documented line search: of the rates 2r, r, r/2 and r/4 the best becomes the next r.
//! No step of the search goes uphill. Where the user asks for the optimum itself (MIN_REL_PROGRESS below 0.001), which gradient
//! steps would take thousands of iterations for, the steps are quasi-Newton ones.

use crate::loss::Loss;
use crate::options::{Iterations, Rate};
use crate::rows::Rows;
use crate::{CLASSES, Iteration, Weights};

#[derive(Debug, Clone, PartialEq)]
pub struct Descent {
    pub iterations: Iterations,
    pub rate: Rate,
    pub intercept: bool,
    pub l1: f64,
    /// the factor of the sum of the weights' squares
    pub squares: f64,
}

/// Below this MIN_REL_PROGRESS the user means the optimum.
const TIGHT: f64 = 1e-3;
/// So many earlier steps tell the curvature.
const MEMORY: usize = 10;
/// So often a rate is halved in the search of a way down.
const HALVINGS: usize = 12;

/// The weights of all outputs one after the other, each with its intercept last.
struct Problem<'a, L> {
    rows: Rows<'a>,
    loss: &'a L,
    how: &'a Descent,
}

impl<L: Loss> Problem<'_, L> {
    fn line(&self) -> usize {
        self.rows.width + 1
    }

    fn scores(&self, rows: &Rows<'_>, row: usize, weights: &[f64], scores: &mut [f64]) {
        for (score, weights) in scores.iter_mut().zip(weights.chunks(self.line())) {
            *score = rows.dot(row, weights) + weights[rows.width];
        }
    }

    fn penalty(&self, weights: &[f64]) -> f64 {
        let Descent { l1, squares, .. } = self.how;
        if *l1 == 0.0 && *squares == 0.0 {
            return 0.0;
        }
        let own = weights.chunks(self.line()).flat_map(|w| &w[..self.rows.width]);
        own.map(|w| l1 * w.abs() + squares * w * w).sum()
    }

    /// The objective and its gradient; of `l1` nothing is in the gradient.
    fn gradient(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let (line, outputs) = (self.line(), self.loss.outputs());
        let mut sums = self.rows.summed(weights.len() + 1, |rows, row, sums| {
            let mut slopes = [0.0; CLASSES];
            let slopes = &mut slopes[..outputs];
            self.scores(rows, row, weights, slopes);
            sums[weights.len()] += self.loss.slope(rows.first + row, slopes);
            for (slope, sums) in slopes.iter().zip(sums.chunks_mut(line)) {
                rows.add(row, *slope, sums);
                sums[rows.width] += slope;
            }
        });
        let count = self.rows.count.max(1) as f64;
        let loss = sums.pop().unwrap_or(0.0) / count;
        for (sums, weights) in sums.chunks_mut(line).zip(weights.chunks(line)) {
            for (sum, weight) in sums.iter_mut().zip(&weights[..self.rows.width]) {
                *sum = *sum / count + 2.0 * self.how.squares * weight;
            }
            let last = &mut sums[line - 1];
            *last = if self.how.intercept { *last / count } else { 0.0 };
        }
        (loss + self.penalty(weights), sums)
    }

    /// The objective after a step down `way` at each of the rates.
    fn along(&self, weights: &[f64], way: &[f64], rates: &[f64]) -> Vec<f64> {
        if self.how.l1 > 0.0 {
            return rates.iter().map(|rate| self.value(&self.moved(weights, way, *rate))).collect();
        }
        let outputs = self.loss.outputs();
        // the scores of a step are the scores here less the rate times the scores of the way
        let sums = self.rows.summed(rates.len(), |rows, row, sums| {
            let (mut here, mut there, mut scores) = ([0.0; CLASSES], [0.0; CLASSES], [0.0; CLASSES]);
            self.scores(rows, row, weights, &mut here[..outputs]);
            self.scores(rows, row, way, &mut there[..outputs]);
            for (sum, rate) in sums.iter_mut().zip(rates) {
                for ((score, here), there) in scores.iter_mut().zip(&here).zip(&there).take(outputs) {
                    *score = here - rate * there;
                }
                *sum += self.loss.of(rows.first + row, &scores[..outputs]);
            }
        });
        let count = self.rows.count.max(1) as f64;
        let penalty = |rate: &f64| self.penalty(&self.moved(weights, way, *rate));
        sums.iter().zip(rates).map(|(sum, rate)| sum / count + penalty(rate)).collect()
    }

    fn value(&self, weights: &[f64]) -> f64 {
        mean_loss(&self.rows, self.loss, weights) + self.penalty(weights)
    }

    /// A step, then the shrinking that l1 asks for.
    fn moved(&self, weights: &[f64], way: &[f64], rate: f64) -> Vec<f64> {
        let line = self.line();
        let shrunk = |(i, (weight, down)): (usize, (&f64, &f64))| {
            let moved = weight - rate * down;
            match self.how.l1 > 0.0 && i % line != line - 1 {
                true => moved.signum() * (moved.abs() - rate * self.how.l1).max(0.0),
                false => moved,
            }
        };
        weights.iter().zip(way).enumerate().map(shrunk).collect()
    }

    /// The best of four rates, or of smaller ones where none of them leads down.
    fn search(&self, from: (&[f64], f64), way: &[f64], first: f64) -> Option<f64> {
        let (weights, here) = from;
        let mut rate = first;
        for _ in 0..HALVINGS {
            let rates = [rate * 2.0, rate, rate / 2.0, rate / 4.0];
            let values = self.along(weights, way, &rates);
            let best = values.iter().copied().zip(rates).min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((value, rate)) = best
                && value < here
            {
                return Some(rate);
            }
            rate /= 16.0;
        }
        None
    }

    fn step(&self, weights: &[f64], way: &[f64], rate: f64) -> Step {
        let weights = self.moved(weights, way, rate);
        let (value, gradient) = self.gradient(&weights);
        Step { weights, value, gradient, rate }
    }

    /// The whole step of a quasi-Newton way, or the best shorter one where it leads up.
    fn whole_step(&self, from: (&[f64], f64), way: &[f64]) -> Option<Step> {
        let step = self.step(from.0, way, 1.0);
        if step.value < from.1 {
            return Some(step);
        }
        self.search(from, way, 0.25).map(|rate| self.step(from.0, way, rate))
    }
}

/// Where a step leads.
struct Step {
    weights: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    rate: f64,
}

/// The mean loss of rows, without penalties.
pub fn mean_loss<L: Loss>(rows: &Rows<'_>, loss: &L, weights: &[f64]) -> f64 {
    let (line, outputs) = (rows.width + 1, loss.outputs());
    let sums = rows.summed(1, |rows, row, sums| {
        let mut scores = [0.0; CLASSES];
        for (score, weights) in scores.iter_mut().zip(weights.chunks(line)) {
            *score = rows.dot(row, weights) + weights[rows.width];
        }
        sums[0] += loss.of(rows.first + row, &scores[..outputs]);
    });
    sums[0] / rows.count.max(1) as f64
}

/// Descends; at most 50 outputs. `judged` are rows that are only looked at.
pub fn descend<L: Loss>(
    rows: Rows<'_>,
    loss: &L,
    judged: Option<Rows<'_>>,
    how: &Descent,
) -> (Weights, Vec<Iteration>) {
    let problem = Problem { rows, loss, how };
    let mut weights = vec![0.0; problem.line() * loss.outputs()];
    let searches = matches!(how.rate, Rate::Search(_));
    let tight = how.iterations.early_stop && how.iterations.min_rel_progress < TIGHT && how.l1 == 0.0 && searches;
    let mut curvature = tight.then(Curvature::default);
    let mut rate = match how.rate {
        Rate::Search(first) => first,
        Rate::Constant(rate) => rate,
    };
    let mut history: Vec<Iteration> = Vec::new();
    let (mut here, mut gradient) = problem.gradient(&weights);
    for _ in 0..how.iterations.most {
        let way = match &mut curvature {
            Some(curvature) => curvature.way(&weights, &gradient),
            None => gradient.clone(),
        };
        let found = match (how.rate, &curvature) {
            (Rate::Constant(rate), _) => Some(problem.step(&weights, &way, rate)),
            (_, Some(curvature)) if !curvature.pairs.is_empty() => problem.whole_step((&weights, here), &way),
            _ => problem.search((&weights, here), &way, rate).map(|rate| problem.step(&weights, &way, rate)),
        };
        let Some(step) = found else { break };
        let progress = (here - step.value) / here.abs().max(f64::MIN_POSITIVE);
        (weights, here, gradient) = (step.weights, step.value, step.gradient);
        let eval_loss = judged.as_ref().map(|judged| mean_loss(judged, loss, &weights));
        history.push(Iteration { loss: here, eval_loss, learning_rate: Some(step.rate), clusters: Vec::new() });
        rate = step.rate;
        if how.iterations.early_stop && progress < how.iterations.min_rel_progress {
            break;
        }
    }
    let lines = weights.chunks(problem.line()).map(<[f64]>::to_vec).collect();
    (lines, history)
}

/// What earlier steps tell of the curvature (L-BFGS).
#[derive(Default)]
struct Curvature {
    last: Option<(Vec<f64>, Vec<f64>)>,
    /// steps, changes of the gradient
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

impl Curvature {
    /// The way from here: the gradient, bent by the curvature.
    fn way(&mut self, weights: &[f64], gradient: &[f64]) -> Vec<f64> {
        let less = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x - y).collect::<Vec<f64>>();
        if let Some((before, slope)) = &self.last {
            let (step, change) = (less(weights, before), less(gradient, slope));
            if dot(&step, &change) > 1e-14 * dot(&change, &change) {
                self.pairs.push((step, change));
                if self.pairs.len() > MEMORY {
                    self.pairs.remove(0);
                }
            }
        }
        self.last = Some((weights.to_vec(), gradient.to_vec()));
        let mut way = gradient.to_vec();
        let mut factors = Vec::new();
        for (step, change) in self.pairs.iter().rev() {
            let factor = dot(step, &way) / dot(step, change);
            way.iter_mut().zip(change).for_each(|(w, c)| *w -= factor * c);
            factors.push(factor);
        }
        if let Some((step, change)) = self.pairs.last() {
            let scale = dot(step, change) / dot(change, change);
            way.iter_mut().for_each(|w| *w *= scale);
        }
        for ((step, change), factor) in self.pairs.iter().zip(factors.iter().rev()) {
            let back = factor - dot(change, &way) / dot(step, change);
            way.iter_mut().zip(step).for_each(|(w, s)| *w += back * s);
        }
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Binary, Softmax, Squared};
    use crate::rows::Design;

    fn how(min_rel_progress: f64) -> Descent {
        Descent {
            iterations: Iterations { most: 1_000, early_stop: true, min_rel_progress },
            rate: Rate::Search(0.1),
            intercept: true,
            l1: 0.0,
            squares: 0.005,
        }
    }

    #[test]
    fn the_gradient_vanishes_at_the_end() {
        let design = Design::of_numbers(1, vec![-2.0, -1.0, 0.5, 1.0, 2.0, -0.5]);
        let loss = Binary { labels: &[0, 0, 1, 1, 1, 1], weights: [1.0; 2] };
        let (weights, history) = descend(design.all(), &loss, None, &how(1e-14));
        let how = how(0.0);
        let problem = Problem { rows: design.all(), loss: &loss, how: &how };
        let left = problem.gradient(&weights.concat()).1;
        assert!(left.iter().all(|g| g.abs() < 1e-6), "{left:?}");
        assert!(history.windows(2).all(|w| w[1].loss <= w[0].loss) && history.len() < 100, "{}", history.len());
    }

    #[test]
    fn a_step_uphill_is_not_taken() {
        let design = Design::of_numbers(1, vec![1_000.0, -1_000.0]);
        let far = Descent { rate: Rate::Search(1e6), squares: 0.0, ..how(0.01) };
        let (_, history) = descend(design.all(), &Squared(&[1.0, -1.0]), None, &far);
        assert!(history.windows(2).all(|w| w[1].loss <= w[0].loss) && history[0].loss < 1.0, "{history:?}");
    }

    #[test]
    fn l1_takes_a_useless_weight_to_nothing() {
        let design = Design::of_numbers(2, vec![1.0, 0.3, -1.0, 0.2, 2.0, -0.1, -2.0, -0.4]);
        let sparse = Descent { l1: 0.5, squares: 0.0, ..how(1e-9) };
        let (weights, _) = descend(design.all(), &Squared(&[1.0, -1.0, 2.0, -2.0]), None, &sparse);
        assert!(weights[0][0] > 0.5 && weights[0][1] == 0.0, "{weights:?}");
    }

    #[test]
    fn three_classes_are_told_apart() {
        let design = Design::of_numbers(1, vec![-3.0, -2.5, 0.0, 0.2, 3.0, 2.7]);
        let labels = [0, 0, 1, 1, 2, 2];
        let loss = Softmax { labels: &labels, weights: &[1.0; 3] };
        let (weights, _) = descend(design.all(), &loss, None, &how(1e-9));
        for (row, label) in labels.iter().enumerate() {
            let scores: Vec<f64> = weights.iter().map(|w| design.all().dot(row, w) + w[1]).collect();
            assert!(scores.iter().all(|s| scores[*label as usize] >= *s), "{scores:?}");
        }
    }
}
