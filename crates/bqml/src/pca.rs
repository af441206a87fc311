//! Principal components as BigQuery has them: numbers are centred, categories' columns are not; the variance is divided by
//! the number of rows less one.

use crate::options::Components;
use crate::rows::{Design, Rows};
use crate::solve::{Symmetric, eigen};

#[derive(Debug, Clone, PartialEq)]
pub struct Axes {
    /// largest first, each with its axis
    pub components: Vec<(f64, Vec<f64>)>,
    /// the variance of all columns
    pub total: f64,
}

/// Above so many columns the eigenvalues would take minutes.
const MANY_COLUMNS: usize = 1_000;

/// Errors: more components than columns, too many columns, fewer than two rows.
pub fn fit(design: &Design, size: Components) -> Result<Axes, String> {
    let width = design.width;
    if design.count < 2 {
        return Err("PCA needs at least two rows".to_owned());
    }
    if width > MANY_COLUMNS {
        return Err(format!(
            "PCA of {width} columns; at most {MANY_COLUMNS}, each category counted, are possible here"
        ));
    }
    if let Components::Count(count) = size
        && count > width
    {
        return Err(format!("NUM_PRINCIPAL_COMPONENTS is {count}, the features have {width} columns"));
    }
    let mut data = design.all().summed(width * width, |rows, row, sums| {
        let own = rows.expanded(row);
        for (i, x) in own.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            sums[i * width..(i + 1) * width].iter_mut().zip(&own).for_each(|(s, y)| *s += x * y);
        }
    });
    data.iter_mut().for_each(|v| *v /= (design.count - 1) as f64);
    let matrix = Symmetric { size: width, data };
    let total: f64 = (0..width).map(|i| matrix.at(i, i)).sum();
    let mut components = eigen(&matrix);
    let kept = match size {
        Components::Count(count) => count,
        Components::Ratio(ratio) => {
            let mut sum = 0.0;
            let enough = components.iter().position(|(value, _)| {
                sum += value;
                sum >= ratio * total
            });
            enough.map_or(width, |last| last + 1)
        }
    };
    components.truncate(kept);
    Ok(Axes { components, total })
}

/// A row's place on each axis, and the square of what the axes leave of it.
pub fn project(rows: &Rows<'_>, row: usize, axes: &[(f64, Vec<f64>)]) -> (Vec<f64>, f64) {
    let places: Vec<f64> = axes.iter().map(|(_, axis)| rows.dot(row, axis)).collect();
    let mut left = rows.expanded(row);
    for (place, (_, axis)) in places.iter().zip(axes) {
        left.iter_mut().zip(axis).for_each(|(l, a)| *l -= place * a);
    }
    (places, left.iter().map(|l| l * l).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_on_a_line_have_one_axis() {
        let design = Design::of_numbers(2, vec![-1.0, -2.0, 0.0, 0.0, 1.0, 2.0]);
        let axes = fit(&design, Components::Ratio(0.9)).expect("fits");
        assert_eq!(axes.components.len(), 1);
        assert!((axes.components[0].0 - 5.0).abs() < 1e-12 && (axes.total - 5.0).abs() < 1e-12);
        let (places, left) = project(&design.all(), 0, &axes.components);
        assert!((places[0].abs() - 5f64.sqrt()).abs() < 1e-12 && left < 1e-12);
        fit(&design, Components::Count(3)).expect_err("two columns");
    }
}
