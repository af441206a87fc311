//! Rows as the algorithms read them: dense numbers, and beside them the place of the 1 of each category. A category of a
//! thousand values costs a row four bytes, not a thousand numbers.

/// The place of a category that has no weight: one never seen in training, or the one that dummy encoding leaves out.
pub const NOWHERE: u32 = u32::MAX;

/// So many rows are one piece of work. It does not depend on the machine: sums come out the same everywhere.
const PIECE: usize = 8_192;
/// So many numbers may the results of all pieces be.
const HELD: usize = 8 << 20;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Design {
    pub count: usize,
    /// numbers a row
    pub dense: usize,
    /// row after row
    pub numbers: Vec<f64>,
    /// categories a row
    pub hot: usize,
    /// row after row; places are counted behind the dense numbers
    pub places: Vec<u32>,
    /// dense numbers and all categories' values: as many weights has a score
    pub width: usize,
}

/// Some neighbouring rows of a design.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// the number of the first in its design
    pub first: usize,
    pub count: usize,
    pub dense: usize,
    numbers: &'a [f64],
    pub hot: usize,
    places: &'a [u32],
    pub width: usize,
}

impl Design {
    pub fn rows(&self, from: usize, to: usize) -> Rows<'_> {
        Rows {
            first: from,
            count: to - from,
            dense: self.dense,
            numbers: &self.numbers[from * self.dense..to * self.dense],
            hot: self.hot,
            places: &self.places[from * self.hot..to * self.hot],
            width: self.width,
        }
    }

    pub fn all(&self) -> Rows<'_> {
        self.rows(0, self.count)
    }

    #[cfg(test)]
    pub fn of_numbers(dense: usize, numbers: Vec<f64>) -> Design {
        Design { count: numbers.len() / dense, dense, numbers, hot: 0, places: Vec::new(), width: dense }
    }
}

impl<'a> Rows<'a> {
    pub fn numbers(&self, row: usize) -> &'a [f64] {
        &self.numbers[row * self.dense..(row + 1) * self.dense]
    }

    pub fn places(&self, row: usize) -> &'a [u32] {
        &self.places[row * self.hot..(row + 1) * self.hot]
    }

    /// The weighted sum of a row; weights beyond its width are the caller's.
    pub fn dot(&self, row: usize, weights: &[f64]) -> f64 {
        dot(self.numbers(row), weights)
            + self.places(row).iter().filter_map(|place| weights[..self.width].get(*place as usize)).sum::<f64>()
    }

    /// Adds `factor` times the row to `sums`.
    pub fn add(&self, row: usize, factor: f64, sums: &mut [f64]) {
        for (sum, x) in sums.iter_mut().zip(self.numbers(row)) {
            *sum += factor * x;
        }
        for place in self.places(row) {
            if let Some(sum) = sums[..self.width].get_mut(*place as usize) {
                *sum += factor;
            }
        }
    }

    /// The row written out.
    pub fn expanded(&self, row: usize) -> Vec<f64> {
        let mut out = vec![0.0; self.width];
        self.add(row, 1.0, &mut out);
        out
    }

    fn part(&self, from: usize, to: usize) -> Rows<'a> {
        Rows {
            first: self.first + from,
            count: to - from,
            numbers: &self.numbers[from * self.dense..to * self.dense],
            places: &self.places[from * self.hot..to * self.hot],
            ..*self
        }
    }

    /// What `work` makes of each piece of the rows, in their order, on all cores. Where that is of some size, pieces are larger.
    pub fn pieces<R: Send>(&self, size: usize, work: impl Fn(Rows<'a>) -> R + Sync) -> Vec<R> {
        let most = (HELD / size.max(1)).max(1);
        let piece = PIECE.max(self.count.div_ceil(most));
        let parts: Vec<Rows<'a>> =
            (0..self.count).step_by(piece).map(|from| self.part(from, (from + piece).min(self.count))).collect();
        rsdbt_sys::parallel(&parts, |part| work(*part))
    }

    /// The sum of what `work` adds to `size` numbers, row by row.
    pub fn summed(&self, size: usize, work: impl Fn(&Rows<'a>, usize, &mut [f64]) + Sync) -> Vec<f64> {
        let mut pieces = self
            .pieces(size, |part| {
                let mut sums = vec![0.0; size];
                (0..part.count).for_each(|row| work(&part, row, &mut sums));
                sums
            })
            .into_iter();
        let mut total = pieces.next().unwrap_or_else(|| vec![0.0; size]);
        for piece in pieces {
            total.iter_mut().zip(piece).for_each(|(t, p)| *t += p);
        }
        total
    }
}

/// The sum of products. Four sums run side by side, which the processor takes at once; their order is always the same.
fn dot(row: &[f64], weights: &[f64]) -> f64 {
    let weights = &weights[..row.len()];
    let mut sums = [0.0; 4];
    let (fours, rest) = row.as_chunks::<4>();
    let (weights, last) = weights.as_chunks::<4>();
    for (x, w) in fours.iter().zip(weights) {
        for ((sum, x), w) in sums.iter_mut().zip(x).zip(w) {
            *sum += x * w;
        }
    }
    let tail: f64 = rest.iter().zip(last).map(|(x, w)| x * w).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_counts_as_a_one_at_its_place() {
        let design = Design { count: 2, dense: 1, numbers: vec![2.0, 3.0], hot: 1, places: vec![2, NOWHERE], width: 3 };
        let rows = design.all();
        assert_eq!(rows.expanded(0), [2.0, 0.0, 1.0]);
        // the fourth weight is an intercept
        assert_eq!((rows.dot(0, &[10.0, 1.0, 5.0, 7.0]), rows.dot(1, &[10.0, 1.0, 5.0, 7.0])), (25.0, 30.0));
    }

    #[test]
    fn sums_of_many_pieces_are_whole() {
        let count = 3 * PIECE + 5;
        let design = Design::of_numbers(1, vec![1.0; count]);
        assert_eq!(design.all().summed(1, |rows, row, sums| rows.add(row, 2.0, sums)), [2.0 * count as f64]);
    }
}
