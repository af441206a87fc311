//! Linear regression: by the normal equation, or by gradient descent where the documentation says so. A one-hot design has
//! no single solution; the predictions of all of them are the same.

use crate::descent::{Descent, descend};
use crate::loss::Squared;
use crate::options::{LinearSpec, Strategy};
use crate::rows::{Design, Rows};
use crate::solve::{Factor, Symmetric};
use crate::{Iteration, Spread};

/// What was learned: the weights with the intercept last, and how sure each is.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub weights: Vec<f64>,
    pub history: Vec<Iteration>,
    pub spread: Option<Spread>,
}

/// Above so many weights the documentation's automatic choice is descent.
const MANY_WEIGHTS: usize = 10_000;

/// Fits to the first `train` rows; the others are only looked at.
/// Errors: p-values where a column depends on others.
pub fn fit(design: &Design, labels: &[f64], train: usize, spec: &LinearSpec) -> Result<Line, String> {
    let glm = &spec.glm;
    let few = train < 10 * design.width || design.width > MANY_WEIGHTS;
    let descends = match spec.strategy {
        Strategy::GradientDescent => true,
        Strategy::NormalEquation => false,
        Strategy::Auto => glm.l1 > 0.0 || (few && !glm.p_values),
    };
    let (rows, judged) = (design.rows(0, train), design.rows(train, design.count));
    if descends {
        let how = Descent {
            iterations: glm.iterations.clone(),
            rate: glm.rate,
            intercept: glm.intercept,
            l1: glm.l1,
            squares: glm.l2,
        };
        let judged = (judged.count > 0).then_some(judged);
        let (mut weights, history) = descend(rows, &Squared(labels), judged, &how);
        return Ok(Line { weights: weights.swap_remove(0), history, spread: None });
    }
    let normal = Normal::of(&rows, labels, glm.intercept, glm.l2);
    let mut weights = normal.factor.solve(&normal.right);
    if !glm.intercept {
        weights.push(0.0);
    }
    let loss = |rows: &Rows<'_>| {
        let squares = rows.summed(1, |rows, row, sums| {
            let off = rows.dot(row, &weights) + weights[rows.width] - labels[rows.first + row];
            sums[0] += off * off;
        });
        squares[0] / rows.count as f64
    };
    let spread = match glm.p_values {
        true => Some(normal.spread(&rows, loss(&rows))?),
        false => None,
    };
    let eval_loss = (judged.count > 0).then(|| loss(&judged));
    let history = vec![Iteration { loss: loss(&rows), eval_loss, learning_rate: None, clusters: Vec::new() }];
    Ok(Line { weights, history, spread })
}

struct Normal {
    factor: Factor,
    right: Vec<f64>,
    /// columns that are 0 everywhere: what dummy encoding leaves out
    empty: Vec<bool>,
}

impl Normal {
    fn of(rows: &Rows<'_>, labels: &[f64], intercept: bool, l2: f64) -> Normal {
        let size = rows.width + usize::from(intercept);
        let line = size + 1;
        let total = rows.summed(size * line, |part, row, sums| {
            add_row(part, row, labels[part.first + row], (size, intercept), sums);
        });
        let right = total.chunks(line).map(|row| row[size]).collect();
        let mut data: Vec<f64> = total.chunks(line).flat_map(|row| &row[..size]).copied().collect();
        let empty = (0..size).map(|i| data[i * size + i] == 0.0).collect();
        (0..rows.width).for_each(|i| data[i * size + i] += l2 * rows.count as f64);
        Normal { factor: Factor::of(Symmetric { size, data }), right, empty }
    }

    /// The standard errors by the residuals' variance.
    fn spread(&self, rows: &Rows<'_>, loss: f64) -> Result<Spread, String> {
        let used = self.empty.iter().filter(|empty| !**empty).count();
        if rows.count <= used {
            return Err(format!("p-values of {used} weights need more than as many rows; there are {}", rows.count));
        }
        let variance = loss * rows.count as f64 / (rows.count - used) as f64;
        Spread::of(&self.factor.inverse_diagonal(), &self.empty, variance)
    }
}

/// Adds a row's products with itself, and with its label in the last column.
fn add_row(rows: &Rows<'_>, row: usize, label: f64, (size, intercept): (usize, bool), sums: &mut [f64]) {
    let line = size + 1;
    let mut add = |i: usize, factor: f64| {
        let target = &mut sums[i * line..(i + 1) * line];
        rows.add(row, factor, &mut target[..size.max(rows.width)]);
        if intercept {
            target[size - 1] += factor;
        }
        target[size] += factor * label;
    };
    rows.numbers(row).iter().enumerate().for_each(|(i, x)| add(i, *x));
    rows.places(row).iter().filter(|place| (**place as usize) < rows.width).for_each(|place| add(*place as usize, 1.0));
    if intercept {
        add(size - 1, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{GlmSpec, Iterations, Named, Rate, Split};

    pub fn glm() -> GlmSpec {
        GlmSpec {
            label: Named { text: "y".into(), at: 0 },
            split: Split::None,
            iterations: Iterations { most: 500, early_stop: true, min_rel_progress: 1e-12 },
            dummy: false,
            intercept: true,
            l1: 0.0,
            l2: 0.0,
            rate: Rate::Search(0.1),
            p_values: false,
            global_explain: false,
        }
    }

    #[test]
    fn a_line_is_found_both_ways_even_with_a_doubled_column() {
        let design = Design::of_numbers(2, vec![0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        for strategy in [Strategy::NormalEquation, Strategy::GradientDescent] {
            let line = fit(&design, &[1.0, 3.0, 5.0, 7.0], 4, &LinearSpec { glm: glm(), strategy }).expect("fits");
            let w = &line.weights;
            assert!((w[0] + w[1] - 2.0).abs() < 1e-5 && (w[2] - 1.0).abs() < 1e-5, "{strategy:?} {w:?}");
        }
    }

    #[test]
    fn categories_and_numbers_make_one_equation() {
        // y = 2 x + (1 in the second category), no intercept
        let design = Design {
            count: 4,
            dense: 1,
            numbers: vec![1.0, 2.0, 3.0, 5.0],
            hot: 1,
            places: vec![1, 1, 2, 2],
            width: 3,
        };
        let spec = LinearSpec { glm: GlmSpec { intercept: false, ..glm() }, strategy: Strategy::NormalEquation };
        let line = fit(&design, &[2.0, 4.0, 7.0, 11.0], 4, &spec).expect("fits");
        assert!(line.weights.iter().zip([2.0, 0.0, 1.0, 0.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{line:?}");
        let p_values = LinearSpec { glm: GlmSpec { p_values: true, ..spec.glm }, ..spec };
        let spread = fit(&design, &[2.0, 4.0, 7.0, 11.5], 4, &p_values).expect("fits").spread.expect("asked for");
        assert!(spread.errors.iter().take(3).all(|e| e.is_some_and(|e| e > 0.0)), "{spread:?}");
    }

    #[test]
    fn rows_behind_the_training_only_judge() {
        let design = Design::of_numbers(1, vec![0.0, 1.0, 2.0, 3.0]);
        let spec = LinearSpec { glm: glm(), strategy: Strategy::NormalEquation };
        let line = fit(&design, &[1.0, 3.0, 5.0, 0.0], 3, &spec).expect("fits");
        assert!((line.weights[0] - 2.0).abs() < 1e-9);
        assert!((line.history[0].eval_loss.expect("a row") - 49.0).abs() < 1e-6);
    }
}
