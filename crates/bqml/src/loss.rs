//! What regression minimises: a loss of each row by its scores, and the loss's slope.

/// The loss of a row; rows are counted in their design.
pub trait Loss: Sync {
    /// Scores a row.
    fn outputs(&self) -> usize;

    fn of(&self, row: usize, scores: &[f64]) -> f64;

    /// The slope by each score, in place of the scores; gives the loss.
    fn slope(&self, row: usize, scores: &mut [f64]) -> f64;
}

/// The square of the difference to a label.
pub struct Squared<'a>(pub &'a [f64]);

impl Loss for Squared<'_> {
    fn outputs(&self) -> usize {
        1
    }

    fn of(&self, row: usize, scores: &[f64]) -> f64 {
        (scores[0] - self.0[row]).powi(2)
    }

    fn slope(&self, row: usize, scores: &mut [f64]) -> f64 {
        let off = scores[0] - self.0[row];
        scores[0] = 2.0 * off;
        off * off
    }
}

/// Minus the logarithm of the probability of the label; class 1 is the positive one.
pub struct Binary<'a> {
    pub labels: &'a [u32],
    pub weights: [f64; 2],
}

impl Loss for Binary<'_> {
    fn outputs(&self) -> usize {
        1
    }

    fn of(&self, row: usize, scores: &[f64]) -> f64 {
        let label = self.labels[row] as usize;
        let against = if label == 1 { -scores[0] } else { scores[0] };
        self.weights[label] * (against.max(0.0) + (1.0 + (-against.abs()).exp()).ln())
    }

    fn slope(&self, row: usize, scores: &mut [f64]) -> f64 {
        let loss = self.of(row, scores);
        let label = self.labels[row] as usize;
        scores[0] = self.weights[label] * (sigmoid(scores[0]) - label as f64);
        loss
    }
}

pub fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// The same for more classes, each with a score.
pub struct Softmax<'a> {
    pub labels: &'a [u32],
    pub weights: &'a [f64],
}

impl Loss for Softmax<'_> {
    fn outputs(&self) -> usize {
        self.weights.len()
    }

    fn of(&self, row: usize, scores: &[f64]) -> f64 {
        let label = self.labels[row] as usize;
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|s| (s - most).exp()).sum();
        self.weights[label] * (most + total.ln() - scores[label])
    }

    fn slope(&self, row: usize, scores: &mut [f64]) -> f64 {
        let label = self.labels[row] as usize;
        let own = scores[label];
        let log_total = softmax(scores);
        let weight = self.weights[label];
        for (class, p) in scores.iter_mut().enumerate() {
            *p = weight * (*p - f64::from(u8::from(class == label)));
        }
        weight * (log_total - own)
    }
}

/// Scores to probabilities in place; gives the logarithm of the sum of the scores' powers.
pub fn softmax(scores: &mut [f64]) -> f64 {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        total += *score;
    }
    scores.iter_mut().for_each(|p| *p /= total);
    most + total.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slope is what the loss does when a score is moved a little.
    fn check(loss: &dyn Loss, scores: &[f64]) {
        for row in 0..2 {
            let mut slope = scores.to_vec();
            let value = loss.slope(row, &mut slope);
            assert!((value - loss.of(row, scores)).abs() < 1e-12);
            for at in 0..scores.len() {
                let moved = |by: f64| {
                    let mut scores = scores.to_vec();
                    scores[at] += by;
                    loss.of(row, &scores)
                };
                assert!(((moved(1e-6) - moved(-1e-6)) / 2e-6 - slope[at]).abs() < 1e-6, "{slope:?}");
            }
        }
    }

    #[test]
    fn slopes_are_slopes() {
        check(&Squared(&[1.0, -2.0]), &[0.5]);
        check(&Binary { labels: &[0, 1], weights: [0.5, 2.0] }, &[0.7]);
        check(&Softmax { labels: &[0, 2], weights: &[1.0, 2.0, 3.0] }, &[0.3, -0.2, 0.9]);
    }

    #[test]
    fn far_scores_have_a_finite_loss() {
        assert_eq!(Binary { labels: &[0], weights: [1.0; 2] }.of(0, &[2_000.0]), 2_000.0);
        assert_eq!(Softmax { labels: &[0], weights: &[1.0; 3] }.of(0, &[0.0, 2_000.0, 0.0]), 2_000.0);
    }
}
