//! How sure weights are: standard errors and p-values.

use serde::{Deserialize, Serialize};

/// One a weight, the intercept's last; a category that dummy encoding leaves out has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub errors: Vec<Option<f64>>,
}

impl Spread {
    /// By the diagonal of the inverse. Errors: a column that depends on others, while it is not `empty`.
    pub(crate) fn of(diagonal: &[Option<f64>], empty: &[bool], variance: f64) -> Result<Spread, String> {
        let depends = diagonal.iter().zip(empty).any(|(value, empty)| value.is_none() && !empty);
        if depends {
            return Err("CALCULATE_P_VALUES needs features that do not depend on each other".to_owned());
        }
        Ok(Spread { errors: diagonal.iter().map(|value| Some((value.as_ref()? * variance).max(0.0).sqrt())).collect() })
    }
}

/// The probability of a weight as far from 0 as this one if there were no effect, by the normal distribution.
pub fn p_value(weight: f64, error: f64) -> f64 {
    complement((weight / error).abs() / std::f64::consts::SQRT_2)
}

/// The complementary error function of a number that is not negative.
fn complement(x: f64) -> f64 {
    if x < 2.5 {
        // the series of the error function
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term.abs() > 1e-18 * sum.abs() {
            n += 1.0;
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        return 1.0 - 2.0 / std::f64::consts::PI.sqrt() * sum;
    }
    // its continued fraction, from the inside
    let tail = (1..=60).rev().fold(x, |inner, k| x + f64::from(k) / 2.0 / inner);
    (-x * x).exp() / std::f64::consts::PI.sqrt() / tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_the_tables() {
        for (z, p) in [(0.0, 1.0), (1.0, 0.317310507862914), (1.959963984540054, 0.05), (4.0, 6.334248366624e-5)] {
            assert!((p_value(z, 1.0) - p).abs() <= 1e-10 * p, "{z}: {}", p_value(z, 1.0));
        }
        assert_eq!(p_value(-1.0, 1.0), p_value(1.0, 1.0));
    }
}
