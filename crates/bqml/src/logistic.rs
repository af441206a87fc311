//! Logistic regression, binary and multinomial. The path of the real service is not reproduced exactly.

use crate::descent::{Descent, descend};
use crate::loss::{Binary, Loss, Softmax, sigmoid};
use crate::options::{ClassWeights, LogisticSpec};
use crate::rows::{Design, Rows};
use crate::solve::{Factor, Symmetric};
use crate::{Iteration, Spread, Weights};

/// What was learned: one row of weights a class, the intercept last; a binary model has one row, for its positive class.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub weights: Weights,
    pub history: Vec<Iteration>,
    pub spread: Option<Spread>,
}

/// The rows' classes by number.
pub struct Labels<'a> {
    pub of: &'a [u32],
    pub names: &'a [String],
}

/// Fits to the first `train` rows. In a binary model class 1 is the positive one.
/// Errors: a class weight of a label that there is not; p-values of more than two classes or of dependent columns.
pub fn fit(design: &Design, labels: &Labels<'_>, train: usize, spec: &LogisticSpec) -> Result<Curve, String> {
    let weights = class_weights(labels, train, &spec.weights)?;
    if let [low, high] = weights.as_slice() {
        let loss = Binary { labels: labels.of, weights: [*low, *high] };
        let (weights, history) = descended(design, &loss, train, spec);
        let spread = match spec.glm.p_values {
            true => Some(spread(&design.rows(0, train), &weights[0], spec)?),
            false => None,
        };
        return Ok(Curve { weights, history, spread });
    }
    if spec.glm.p_values {
        return Err("CALCULATE_P_VALUES needs a label of two values".to_owned());
    }
    let (weights, history) = descended(design, &Softmax { labels: labels.of, weights: &weights }, train, spec);
    Ok(Curve { weights, history, spread: None })
}

fn descended<L: Loss>(design: &Design, loss: &L, train: usize, spec: &LogisticSpec) -> (Weights, Vec<Iteration>) {
    let glm = &spec.glm;
    let how = Descent {
        iterations: glm.iterations.clone(),
        rate: glm.rate,
        intercept: glm.intercept,
        l1: glm.l1,
        squares: glm.l2 / 2.0,
    };
    let judged = (design.count > train).then(|| design.rows(train, design.count));
    descend(design.rows(0, train), loss, judged, &how)
}

fn class_weights(labels: &Labels<'_>, train: usize, asked: &ClassWeights) -> Result<Vec<f64>, String> {
    let count = labels.names.len();
    match asked {
        ClassWeights::Equal => Ok(vec![1.0; count]),
        ClassWeights::Balanced => {
            let mut rows = vec![0u64; count];
            labels.of[..train].iter().for_each(|class| rows[*class as usize] += 1);
            Ok(rows.into_iter().map(|own| train as f64 / (own.max(1) as f64 * count as f64)).collect())
        }
        ClassWeights::Given(given, _) => {
            let mut weights = vec![1.0; count];
            for (name, weight) in given {
                let Some(class) = labels.names.iter().position(|n| n == name) else {
                    return Err(format!("CLASS_WEIGHTS names the label {name}, which no row has"));
                };
                weights[class] = *weight;
            }
            Ok(weights)
        }
    }
}

/// The standard errors by the information of the rows.
fn spread(rows: &Rows<'_>, weights: &[f64], spec: &LogisticSpec) -> Result<Spread, String> {
    let size = rows.width + usize::from(spec.glm.intercept);
    let mut data = rows.summed(size * size, |rows, row, sums| {
        let p = sigmoid(rows.dot(row, weights) + weights[rows.width]);
        let mut own = rows.expanded(row);
        if spec.glm.intercept {
            own.push(1.0);
        }
        for (i, x) in own.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            let factor = p * (1.0 - p) * x;
            sums[i * size..(i + 1) * size].iter_mut().zip(&own).for_each(|(s, y)| *s += factor * y);
        }
    });
    let empty: Vec<bool> = (0..size).map(|i| data[i * size + i] == 0.0).collect();
    (0..rows.width).for_each(|i| data[i * size + i] += spec.glm.l2 * rows.count as f64);
    Spread::of(&Factor::of(Symmetric { size, data }).inverse_diagonal(), &empty, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_classes() {
        let labels = Labels { of: &[0, 0, 0, 1], names: &["a".to_owned(), "b".to_owned()] };
        let of = |asked| class_weights(&labels, 4, &asked);
        assert_eq!(of(ClassWeights::Balanced), Ok(vec![4.0 / 6.0, 2.0]));
        assert_eq!(of(ClassWeights::Given(vec![("b".into(), 3.0)], 0)), Ok(vec![1.0, 3.0]));
        assert!(of(ClassWeights::Given(vec![("c".into(), 3.0)], 0)).is_err());
    }
}
