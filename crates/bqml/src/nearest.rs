//! The nearest centroid of many rows: eight rows at a time, which the processor's wide registers take at once.

use crate::rows::Rows;

/// Rows of a tile.
const LANES: usize = 8;

/// Centroids with what is the same for all rows.
pub struct Centroids<'a> {
    all: &'a [Vec<f64>],
    dense: usize,
    /// the squares of the categories' part, or of the whole for cosine
    squares: Vec<f64>,
    cosine: bool,
}

impl<'a> Centroids<'a> {
    pub fn new(all: &'a [Vec<f64>], dense: usize, cosine: bool) -> Centroids<'a> {
        let from = if cosine { 0 } else { dense };
        let squares = all.iter().map(|c| c[from..].iter().map(|v| v * v).sum()).collect();
        Centroids { all, dense, squares, cosine }
    }

    /// The nearest centroid of each row and the square of its distance.
    pub fn nearest(&self, rows: &Rows<'_>) -> Vec<(u32, f64)> {
        let mut found = vec![(0, f64::INFINITY); rows.count];
        if self.cosine {
            for (row, best) in found.iter_mut().enumerate() {
                let all = (0..self.all.len()).map(|k| (k as u32, self.angle(rows, row, k)));
                // the first of those that are as near
                *best = all.reduce(|a, b| if b.1 < a.1 { b } else { a }).unwrap_or(*best);
            }
            return found;
        }
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has just said that it knows these instructions.
            unsafe { self.wide(rows, &mut found) };
            return found;
        }
        self.plain(rows, &mut found);
        found
    }

    /// The same code for processors with registers of four numbers.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn wide(&self, rows: &Rows<'_>, found: &mut [(u32, f64)]) {
        self.tiles(rows, found, |x: f64, y: f64, sum: f64| x.mul_add(y, sum));
    }

    fn plain(&self, rows: &Rows<'_>, found: &mut [(u32, f64)]) {
        self.tiles(rows, found, |x, y, sum| x * y + sum);
    }

    #[inline(always)]
    fn tiles(&self, rows: &Rows<'_>, found: &mut [(u32, f64)], fused: impl Fn(f64, f64, f64) -> f64) {
        let mut tile = vec![[0.0; LANES]; self.dense];
        for (number, found) in found.chunks_mut(LANES).enumerate() {
            let first = number * LANES;
            for lane in 0..found.len() {
                for (cell, x) in tile.iter_mut().zip(rows.numbers(first + lane)) {
                    cell[lane] = *x;
                }
            }
            let (mut least, mut which) = ([f64::INFINITY; LANES], [0u64; LANES]);
            for (k, centroid) in self.all.iter().enumerate() {
                let mut sums = [self.squares[k]; LANES];
                for (cell, c) in tile.iter().zip(centroid) {
                    for (sum, x) in sums.iter_mut().zip(cell) {
                        let off = x - c;
                        *sum = fused(off, off, *sum);
                    }
                }
                if rows.hot > 0 {
                    let used = sums.iter_mut().take(found.len()).enumerate();
                    used.for_each(|(lane, sum)| *sum = self.with_places(rows, first + lane, k, *sum));
                }
                // no branches: which is nearer cannot be foreseen
                for ((least, which), sum) in least.iter_mut().zip(&mut which).zip(sums) {
                    let nearer = sum < *least;
                    *least = if nearer { sum } else { *least };
                    *which = if nearer { k as u64 } else { *which };
                }
            }
            found.iter_mut().zip(which.into_iter().zip(least)).for_each(|(to, (k, square))| *to = (k as u32, square));
        }
    }

    fn with_places(&self, rows: &Rows<'_>, row: usize, k: usize, sum: f64) -> f64 {
        let own = rows.places(row).iter().filter_map(|place| self.all[k].get(*place as usize));
        (sum + own.map(|c| 1.0 - 2.0 * c).sum::<f64>()).max(0.0)
    }

    /// The square of the distance to one centroid.
    pub fn square(&self, rows: &Rows<'_>, row: usize, k: usize) -> f64 {
        if self.cosine {
            return self.angle(rows, row, k);
        }
        let dense: f64 = rows.numbers(row).iter().zip(&self.all[k]).map(|(x, c)| (x - c) * (x - c)).sum();
        self.with_places(rows, row, k, dense + self.squares[k])
    }

    /// Cosine distance is the square root of 1 - cos; this is its square.
    fn angle(&self, rows: &Rows<'_>, row: usize, k: usize) -> f64 {
        let numbers: f64 = rows.numbers(row).iter().map(|x| x * x).sum();
        let ones = rows.places(row).iter().filter(|place| (**place as usize) < rows.width).count();
        let product = ((numbers + ones as f64) * self.squares[k]).sqrt();
        if product == 0.0 { 1.0 } else { (1.0 - rows.dot(row, &self.all[k]) / product).max(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Design, NOWHERE};

    /// Rows with a category, the last tile not full.
    fn design() -> Design {
        let count = 21;
        Design {
            count,
            dense: 2,
            numbers: (0..2 * count).map(|i| ((i * 37) % 11) as f64 / 3.0 - 1.5).collect(),
            hot: 1,
            places: (0..count).map(|i| if i % 5 == 4 { NOWHERE } else { 2 + (i % 2) as u32 }).collect(),
            width: 4,
        }
    }

    #[test]
    fn wide_and_plain_code_find_what_the_definition_says() {
        let design = design();
        let rows = design.all();
        let all = vec![vec![0.5, -1.0, 0.2, 0.8], vec![-0.7, 0.9, 1.0, 0.0], vec![1.5, 1.5, 0.0, 0.0]];
        let centroids = Centroids::new(&all, 2, false);
        let mut plain = vec![(0, f64::INFINITY); rows.count];
        centroids.plain(&rows, &mut plain);
        for (row, (found, plain)) in centroids.nearest(&rows).iter().zip(&plain).enumerate() {
            let own = rows.expanded(row);
            let square = |c: &Vec<f64>| own.iter().zip(c).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
            let least = all.iter().map(square).fold(f64::INFINITY, f64::min);
            assert!((found.1 - least).abs() < 1e-12 && (plain.1 - least).abs() < 1e-12, "row {row}");
            assert!((square(&all[found.0 as usize]) - least).abs() < 1e-12);
            assert!((centroids.square(&rows, row, found.0 as usize) - least).abs() < 1e-12);
        }
    }

    #[test]
    fn angles_do_not_see_lengths() {
        let design = Design::of_numbers(2, vec![1.0, 0.0, 0.0, 5.0, 3.0, 3.0, 0.0, 0.0]);
        let all = vec![vec![10.0, 0.0], vec![0.0, 0.1]];
        let found = Centroids::new(&all, 2, true).nearest(&design.all());
        assert_eq!(found[..2], [(0, 0.0), (1, 0.0)]);
        assert!((found[2].1 - (1.0 - 0.5f64.sqrt())).abs() < 1e-12);
        assert_eq!(found[3], (0, 1.0));
    }
}
