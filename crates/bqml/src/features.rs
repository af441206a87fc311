//! Features as BigQuery ML sees them: numbers standardised with the sample deviation, NULL numbers the mean; categories
//! one-hot and unscaled, NULL the category `_null_filler`.

use crate::rows::{Design, NOWHERE};
use serde::{Deserialize, Serialize};

pub const NULL_CATEGORY: &str = "_null_filler";

/// What was read, row after row: NaN and `NULL_CODE` stand for NULL.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub count: usize,
    /// the features in their order: a column of numbers, or of categories with all their values
    pub columns: Vec<(String, Read)>,
    pub numbers: Vec<f64>,
    pub codes: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    Number,
    /// the values by code
    Category(Vec<String>),
}

pub const NULL_CODE: u32 = u32::MAX;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Numeric {
    /// what stands for NULL
    pub mean: f64,
    /// the scale and its centre: 1 and 0 when features are not standardised
    pub center: f64,
    pub scale: f64,
    pub min: f64,
    pub max: f64,
    pub median: f64,
    pub stddev: f64,
    pub nulls: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// sorted
    pub values: Vec<String>,
    pub nulls: i64,
    /// the value that dummy encoding leaves out
    pub dropped: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fitted {
    Numeric(Numeric),
    Category(Category),
}

/// The fitted features in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    pub features: Vec<(String, Fitted)>,
}

/// Where the weights of a feature are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    Number(usize),
    /// first and number
    Categories(usize, usize),
}

/// How features become numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// numbers less their mean
    pub center: bool,
    /// and by their deviation
    pub scale: bool,
    /// categories without the most frequent
    pub dummy: bool,
}

impl Encoder {
    /// Fits to the first `train` rows.
    pub fn fit(table: &Table, train: usize, how: Encoding) -> Encoder {
        let dense = table.columns.iter().filter(|(_, read)| *read == Read::Number).count();
        let hot = table.columns.len() - dense;
        let (mut number, mut category) = (0, 0);
        let features = table.columns.iter().map(|(name, read)| {
            let fitted = match read {
                Read::Number => {
                    let values = table.numbers.iter().skip(number).step_by(dense).take(train);
                    number += 1;
                    Fitted::Numeric(fit_numeric(values.copied(), train, how))
                }
                Read::Category(words) => {
                    let codes = table.codes.iter().skip(category).step_by(hot).take(train);
                    category += 1;
                    Fitted::Category(fit_category(codes.copied(), words, how.dummy))
                }
            };
            (name.clone(), fitted)
        });
        Encoder { features: features.collect() }
    }

    fn dense(&self) -> usize {
        self.features.iter().filter(|(_, f)| matches!(f, Fitted::Numeric(_))).count()
    }

    /// How many numbers a row becomes.
    pub fn width(&self) -> usize {
        self.features.iter().map(|(_, f)| if let Fitted::Category(c) = f { c.values.len() } else { 1 }).sum()
    }

    /// Where each feature's weights are: the numbers come first.
    pub fn slots(&self) -> Vec<Slot> {
        let (mut number, mut next) = (0, self.dense());
        let slot = |(_, fitted): &(String, Fitted)| match fitted {
            Fitted::Numeric(_) => {
                number += 1;
                Slot::Number(number - 1)
            }
            Fitted::Category(c) => {
                next += c.values.len();
                Slot::Categories(next - c.values.len(), c.values.len())
            }
        };
        self.features.iter().map(slot).collect()
    }

    /// The rows as the algorithms read them, in the memory that they were read into.
    pub fn encode(&self, table: Table) -> Design {
        let Table { count, columns, mut numbers, codes } = table;
        let dense = self.dense();
        let scales: Vec<&Numeric> =
            self.features.iter().filter_map(|(_, f)| if let Fitted::Numeric(n) = f { Some(n) } else { None }).collect();
        for row in numbers.chunks_exact_mut(dense.max(1)) {
            for (value, n) in row.iter_mut().zip(&scales) {
                *value = n.scaled(*value);
            }
        }
        let mut maps: Vec<(Vec<u32>, u32)> = Vec::new();
        for (((_, fitted), (_, read)), slot) in self.features.iter().zip(&columns).zip(self.slots()) {
            if let (Fitted::Category(c), Read::Category(words), Slot::Categories(first, _)) = (fitted, read, slot) {
                let place = |word: &str| c.place(word).map_or(NOWHERE, |at| (first + at) as u32);
                maps.push((words.iter().map(|word| place(word)).collect(), place(NULL_CATEGORY)));
            }
        }
        let hot = maps.len();
        let mut places = codes;
        for row in places.chunks_exact_mut(hot.max(1)) {
            for (code, (map, null)) in row.iter_mut().zip(&maps) {
                *code = map.get(*code as usize).copied().unwrap_or(*null);
            }
        }
        Design { count, dense, numbers, hot, places, width: self.width() }
    }
}

impl Numeric {
    /// NaN is NULL.
    pub fn scaled(&self, value: f64) -> f64 {
        (if value.is_nan() { self.mean } else { value } - self.center) / self.scale
    }
}

impl Category {
    /// Where a value's weight is; `None` for one that has none.
    pub fn place(&self, value: &str) -> Option<usize> {
        let at = self.values.binary_search_by(|v| v.as_str().cmp(value)).ok()?;
        (self.dropped != Some(at)).then_some(at)
    }
}

fn fit_numeric(values: impl Iterator<Item = f64>, all: usize, how: Encoding) -> Numeric {
    let mut known: Vec<f64> = values.filter(|v| !v.is_nan()).collect();
    let count = known.len() as f64;
    let mean = if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / count };
    let squares: f64 = known.iter().map(|v| (v - mean) * (v - mean)).sum();
    let stddev = if known.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
    let middle = known.len().saturating_sub(1) / 2;
    let median = if known.is_empty() { 0.0 } else { *known.select_nth_unstable_by(middle, f64::total_cmp).1 };
    let ends = known.iter().copied().map(|v| (v, v)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let (min, max) = ends.unwrap_or((0.0, 0.0));
    Numeric {
        mean,
        center: if how.center { mean } else { 0.0 },
        scale: if how.scale && stddev > 0.0 { stddev } else { 1.0 },
        min,
        max,
        median,
        stddev,
        nulls: (all - known.len()) as i64,
    }
}

fn fit_category(codes: impl Iterator<Item = u32>, words: &[String], dummy: bool) -> Category {
    let mut counts = vec![0u64; words.len()];
    let mut nulls = 0;
    for code in codes {
        match counts.get_mut(code as usize) {
            Some(count) => *count += 1,
            None => nulls += 1,
        }
    }
    let seen = words.iter().zip(counts).filter(|(_, count)| *count > 0);
    let mut seen: Vec<(String, u64)> = seen.map(|(word, count)| (word.clone(), count)).collect();
    if nulls > 0 {
        match seen.iter_mut().find(|(word, _)| word == NULL_CATEGORY) {
            Some((_, count)) => *count += nulls,
            None => seen.push((NULL_CATEGORY.to_owned(), nulls)),
        }
    }
    seen.sort();
    let most = seen.iter().map(|(_, count)| *count).max();
    let dropped = seen.iter().position(|(_, count)| dummy && Some(*count) == most);
    Category { values: seen.into_iter().map(|(word, _)| word).collect(), nulls: nulls as i64, dropped }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            count: 4,
            columns: vec![("x".into(), Read::Number), ("c".into(), Read::Category(vec!["b".into(), "a".into()]))],
            numbers: vec![1.0, 3.0, f64::NAN, 9.0],
            codes: vec![0, NULL_CODE, 0, 1],
        }
    }

    #[test]
    fn numbers_take_the_sample_deviation_and_null_is_the_mean() {
        let encoder = Encoder::fit(&table(), 3, Encoding { center: true, scale: true, dummy: false });
        let design = encoder.encode(table());
        assert_eq!(design.width, 3);
        let unit = 1.0 / 2f64.sqrt();
        assert!((design.numbers[0] + unit).abs() < 1e-12 && design.numbers[2] == 0.0);
        // 'a' is only in the fourth row, which is no row of training
        assert_eq!(design.places, [2, 1, 2, NOWHERE]);
    }

    #[test]
    fn dummy_encoding_leaves_out_the_most_frequent() {
        let encoder = Encoder::fit(&table(), 4, Encoding { center: true, scale: true, dummy: true });
        assert_eq!(encoder.encode(table()).places, [NOWHERE, 1, NOWHERE, 2]);
    }
}
