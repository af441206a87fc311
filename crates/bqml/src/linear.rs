//! Linear regression by the normal equation. A one-hot design has no single solution; the shortest one is taken, as its
//! predictions are those of every other.

use super::Matrix;

/// Weights with the intercept last.
pub fn fit(data: &Matrix, labels: &[f64], l2: f64, intercept: bool) -> Vec<f64> {
    let size = data.width + usize::from(intercept);
    let mut normal = vec![vec![0.0; size]; size];
    let mut right = vec![0.0; size];
    let mut row = vec![1.0; size];
    for (r, label) in labels.iter().enumerate() {
        row[..data.width].copy_from_slice(data.row(r));
        for i in 0..size {
            right[i] += row[i] * label;
            for j in 0..size {
                normal[i][j] += row[i] * row[j];
            }
        }
    }
    for (i, line) in normal.iter_mut().enumerate().take(data.width) {
        line[i] += l2 * labels.len() as f64;
    }
    let mut weights = solve(normal, &right);
    if !intercept {
        weights.push(0.0);
    }
    weights
}

/// The shortest solution of a symmetric system: eigenvalues that are nearly zero are left out.
fn solve(matrix: Vec<Vec<f64>>, right: &[f64]) -> Vec<f64> {
    let size = right.len();
    let (values, vectors) = eigen(matrix);
    let most = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let mut solution = vec![0.0; size];
    for k in 0..size {
        if values[k].abs() <= most * 1e-11 {
            continue;
        }
        let dot: f64 = (0..size).map(|i| vectors[i][k] * right[i]).sum();
        for (i, s) in solution.iter_mut().enumerate() {
            *s += vectors[i][k] * dot / values[k];
        }
    }
    solution
}

/// Eigenvalues and eigenvectors (in columns) by Jacobi rotations.
fn eigen(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = a.len();
    let mut v: Vec<Vec<f64>> = (0..size).map(|i| (0..size).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..100 {
        let off: f64 = (0..size).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        let all: f64 = (0..size).map(|i| a[i][i] * a[i][i]).sum();
        if off <= all * 1e-30 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut a, &mut v, p, q);
            }
        }
    }
    ((0..size).map(|i| a[i][i]).collect(), v)
}

fn rotate(a: &mut [Vec<f64>], v: &mut [Vec<f64>], p: usize, q: usize) {
    if a[p][q] == 0.0 {
        return;
    }
    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    let sign = if theta < 0.0 { -1.0 } else { 1.0 };
    let t = sign / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for line in a.iter_mut() {
        let (x, y) = (line[p], line[q]);
        line[p] = c * x - s * y;
        line[q] = s * x + c * y;
    }
    // p < q, so the two rows are in different halves
    let (upper, lower) = a.split_at_mut(q);
    for (x, y) in upper[p].iter_mut().zip(lower[0].iter_mut()) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
    for line in v.iter_mut() {
        let (x, y) = (line[p], line[q]);
        line[p] = c * x - s * y;
        line[q] = s * x + c * y;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_even_with_a_doubled_column() {
        let data = Matrix { width: 2, data: vec![0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0] };
        let weights = fit(&data, &[1.0, 3.0, 5.0, 7.0], 0.0, true);
        assert!(
            (weights[0] - 1.0).abs() < 1e-9 && (weights[1] - 1.0).abs() < 1e-9 && (weights[2] - 1.0).abs() < 1e-9,
            "{weights:?}"
        );
    }
}
