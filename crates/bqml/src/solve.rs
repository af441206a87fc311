//! Symmetric systems of equations: elimination with the largest pivot first, which finds out what depends on what; and
//! eigenvalues. Nothing here knows of models.

/// A square symmetric matrix, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Symmetric {
    pub size: usize,
    pub data: Vec<f64>,
}

impl Symmetric {
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.data[i * self.size + j]
    }
}

/// A pivoted Cholesky factor: row k holds what the k-th pivot leaves of the matrix.
pub struct Factor {
    size: usize,
    /// the columns in the order of their elimination; those that depend on earlier ones are left out
    order: Vec<usize>,
    rows: Vec<Vec<f64>>,
}

/// What is left of a diagonal when its column depends on others.
const DEPENDENT: f64 = 1e-10;

impl Factor {
    pub fn of(matrix: Symmetric) -> Factor {
        let Symmetric { size, mut data } = matrix;
        let whole: Vec<f64> = (0..size).map(|i| data[i * size + i]).collect();
        let mut left: Vec<usize> = (0..size).collect();
        let (mut order, mut rows) = (Vec::new(), Vec::new());
        loop {
            let share = |i: &usize| data[*i * size + *i] / whole[*i].max(f64::MIN_POSITIVE);
            let best = left.iter().enumerate().max_by(|a, b| share(a.1).total_cmp(&share(b.1)));
            let Some((at, pivot)) = best.map(|(at, pivot)| (at, *pivot)) else { break };
            if share(&pivot) <= DEPENDENT {
                break;
            }
            left.swap_remove(at);
            let root = data[pivot * size + pivot].sqrt();
            let row: Vec<f64> = data[pivot * size..(pivot + 1) * size].iter().map(|v| v / root).collect();
            for &i in &left {
                let factor = row[i];
                if factor != 0.0 {
                    let target = &mut data[i * size..(i + 1) * size];
                    target.iter_mut().zip(&row).for_each(|(t, r)| *t -= factor * r);
                }
            }
            order.push(pivot);
            rows.push(row);
        }
        Factor { size, order, rows }
    }

    /// A solution; unknowns of dependent columns are 0.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let count = self.order.len();
        let mut middle = vec![0.0; count];
        for k in 0..count {
            let column = self.order[k];
            let sum: f64 = (0..k).map(|j| self.rows[j][column] * middle[j]).sum();
            middle[k] = (right[column] - sum) / self.rows[k][column];
        }
        let mut solution = vec![0.0; self.size];
        for k in (0..count).rev() {
            let sum: f64 = (k + 1..count).map(|j| self.rows[k][self.order[j]] * solution[self.order[j]]).sum();
            solution[self.order[k]] = (middle[k] - sum) / self.rows[k][self.order[k]];
        }
        solution
    }

    /// The diagonal of the inverse; `None` for a dependent column.
    pub fn inverse_diagonal(&self) -> Vec<Option<f64>> {
        (0..self.size)
            .map(|i| {
                self.order.contains(&i).then(|| {
                    let mut unit = vec![0.0; self.size];
                    unit[i] = 1.0;
                    self.solve(&unit)[i]
                })
            })
            .collect()
    }
}

/// Eigenvalues, largest first, each with its vector, by Jacobi rotations: slow above some hundred columns, and exact.
pub fn eigen(matrix: &Symmetric) -> Vec<(f64, Vec<f64>)> {
    let size = matrix.size;
    let mut a: Vec<Vec<f64>> = matrix.data.chunks(size.max(1)).map(<[f64]>::to_vec).collect();
    // row k will be the k-th vector
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
    let mut found: Vec<(f64, Vec<f64>)> = v.into_iter().enumerate().map(|(i, vector)| (a[i][i], vector)).collect();
    found.sort_by(|x, y| y.0.total_cmp(&x.0));
    found
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
    let turn = |x: &mut f64, y: &mut f64| (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    for line in a.iter_mut() {
        let (left, right) = line.split_at_mut(q);
        turn(&mut left[p], &mut right[0]);
    }
    // p < q, so the two rows are in different halves
    for rows in [a, v] {
        let (upper, lower) = rows.split_at_mut(q);
        upper[p].iter_mut().zip(lower[0].iter_mut()).for_each(|(x, y)| turn(x, y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_column_is_left_out_of_the_solution() {
        // columns 0 and 1 are the same
        let matrix = Symmetric { size: 3, data: vec![2.0, 2.0, 1.0, 2.0, 2.0, 1.0, 1.0, 1.0, 3.0] };
        let factor = Factor::of(matrix.clone());
        assert_eq!(factor.order.len(), 2);
        let solution = factor.solve(&[4.0, 4.0, 7.0]);
        let back: Vec<f64> = (0..3).map(|i| (0..3).map(|j| matrix.at(i, j) * solution[j]).sum()).collect();
        assert!(back.iter().zip([4.0, 4.0, 7.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{solution:?}");
    }

    #[test]
    fn the_inverse_is_the_inverse() {
        let factor = Factor::of(Symmetric { size: 2, data: vec![2.0, 1.0, 1.0, 3.0] });
        let diagonal: Vec<f64> = factor.inverse_diagonal().into_iter().flatten().collect();
        assert!(diagonal.iter().zip([0.6, 0.4]).all(|(a, b)| (a - b).abs() < 1e-12), "{diagonal:?}");
    }

    #[test]
    fn vectors_are_stretched_by_their_values() {
        let matrix = Symmetric { size: 3, data: vec![4.0, 1.0, 0.0, 1.0, 3.0, 1.0, 0.0, 1.0, 2.0] };
        let found = eigen(&matrix);
        assert!(found[0].0 > found[1].0 && found[1].0 > found[2].0);
        for (value, vector) in found {
            for i in 0..3 {
                let image: f64 = (0..3).map(|j| matrix.at(i, j) * vector[j]).sum();
                assert!((image - value * vector[i]).abs() < 1e-10, "{value} {vector:?}");
            }
        }
    }
}
