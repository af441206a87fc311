//! Features as BigQuery ML sees them: numbers standardised with the sample deviation, NULL numbers the mean; categories
//! one-hot and unscaled, NULL the category `_null_filler`.

use serde::{Deserialize, Serialize};

pub const NULL_CATEGORY: &str = "_null_filler";

/// One input column.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
}

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

/// Rows of equal width, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    pub width: usize,
    pub data: Vec<f64>,
}

impl Matrix {
    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.width).unwrap_or(0)
    }

    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.width..(i + 1) * self.width]
    }

    pub fn pick(&self, rows: &[usize]) -> Matrix {
        Matrix { width: self.width, data: rows.iter().flat_map(|r| self.row(*r).iter().copied()).collect() }
    }
}

impl Encoder {
    pub fn fit(columns: &[(String, Column)], standardize: bool) -> Encoder {
        let features = columns
            .iter()
            .map(|(name, column)| {
                let fitted = match column {
                    Column::Numbers(values) => Fitted::Numeric(numeric(values, standardize)),
                    Column::Texts(values) => Fitted::Category(category(values)),
                };
                (name.clone(), fitted)
            })
            .collect();
        Encoder { features }
    }

    /// How many numbers a row becomes.
    pub fn width(&self) -> usize {
        self.features.iter().map(|(_, f)| if let Fitted::Category(c) = f { c.values.len() } else { 1 }).sum()
    }

    pub fn encode(&self, columns: &[(String, Column)], rows: usize) -> Matrix {
        let width = self.width();
        let mut data = vec![0.0; rows * width];
        let mut offset = 0;
        for ((_, fitted), (_, column)) in self.features.iter().zip(columns) {
            match (fitted, column) {
                (Fitted::Numeric(n), Column::Numbers(values)) => {
                    for (r, value) in values.iter().enumerate() {
                        data[r * width + offset] = (value.unwrap_or(n.mean) - n.center) / n.scale;
                    }
                    offset += 1;
                }
                (Fitted::Category(c), Column::Texts(values)) => {
                    for (r, value) in values.iter().enumerate() {
                        let wanted = value.as_deref().unwrap_or(NULL_CATEGORY);
                        if let Ok(at) = c.values.binary_search_by(|v| v.as_str().cmp(wanted)) {
                            data[r * width + offset + at] = 1.0;
                        }
                    }
                    offset += c.values.len();
                }
                (Fitted::Category(c), Column::Numbers(_)) => offset += c.values.len(),
                (Fitted::Numeric(_), Column::Texts(_)) => offset += 1,
            }
        }
        Matrix { width, data }
    }
}

fn numeric(values: &[Option<f64>], standardize: bool) -> Numeric {
    let mut known: Vec<f64> = values.iter().flatten().copied().collect();
    known.sort_by(f64::total_cmp);
    let count = known.len() as f64;
    let mean = if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / count };
    let variance =
        if known.len() > 1 { known.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (count - 1.0) } else { 0.0 };
    let stddev = variance.sqrt();
    let scale = if standardize && stddev > 0.0 { stddev } else { 1.0 };
    Numeric {
        mean,
        center: if standardize { mean } else { 0.0 },
        scale,
        min: known.first().copied().unwrap_or(0.0),
        max: known.last().copied().unwrap_or(0.0),
        median: known.get(known.len().saturating_sub(1) / 2).copied().unwrap_or(0.0),
        stddev,
        nulls: (values.len() - known.len()) as i64,
    }
}

fn category(values: &[Option<String>]) -> Category {
    let nulls = values.iter().filter(|v| v.is_none()).count() as i64;
    let mut all: Vec<String> = values.iter().map(|v| v.clone().unwrap_or_else(|| NULL_CATEGORY.to_owned())).collect();
    all.sort();
    all.dedup();
    Category { values: all, nulls }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_the_sample_deviation_and_null_is_the_mean() {
        let columns = vec![
            ("x".to_owned(), Column::Numbers(vec![Some(1.0), Some(3.0), None])),
            ("c".to_owned(), Column::Texts(vec![Some("b".into()), None, Some("b".into())])),
        ];
        let encoder = Encoder::fit(&columns, true);
        let matrix = encoder.encode(&columns, 3);
        assert_eq!(matrix.width, 3);
        let unit = 1.0 / 2f64.sqrt();
        assert!((matrix.row(0)[0] + unit).abs() < 1e-12 && matrix.row(2)[0] == 0.0);
        assert_eq!((&matrix.row(0)[1..], &matrix.row(1)[1..]), (&[0.0, 1.0][..], &[1.0, 0.0][..]));
    }
}
