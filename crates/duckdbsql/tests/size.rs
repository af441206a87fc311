//! The DuckDB text of a query grows with its text and no faster, however its operands are nested.

use rsdbt_googlesql::analyze::{Analyzer, Catalog};
use rsdbt_googlesql::query::Table;
use rsdbt_googlesql::{Result, parse};

/// A catalog without tables.
struct Nothing;

impl Catalog for Nothing {
    fn relation(&self, _: &[String]) -> Result<Option<Table>> {
        Ok(None)
    }
}

/// The length of the DuckDB text of an expression over the FLOAT64 `x`.
fn length(value: &str) -> usize {
    let sql = format!("SELECT {value} AS y FROM (SELECT 1.5 AS x)");
    let parsed = parse::query(&sql).unwrap_or_else(|e| panic!("{sql}: {}", e.message));
    let query = Analyzer::new(&Nothing, rsdbt_duckdbsql::library())
        .top_query(&parsed)
        .unwrap_or_else(|e| panic!("{sql}: {}", e.message));
    rsdbt_duckdbsql::print_query(&query, "UTC").len()
}

/// `shape` around itself, as often as said, with `x` inside.
fn nested(shape: &str, times: usize) -> String {
    (0..times).fold("x".to_owned(), |inner, _| shape.replace('?', &inner))
}

#[test]
fn text_grows_with_the_query() {
    const SHAPES: &[&str] = &[
        "(? + 1.5)",
        "(? * x - 2.5)",
        "(? / 3.5)",
        "-(?)",
        "NULLIF(?, 2.5)",
        "GREATEST(?, 2.5)",
        "LEAST(2.5, ?, 1.5)",
        "COALESCE(?, 2.5)",
        "IFERROR(?, 2.5)",
        "SAFE_DIVIDE(?, 2.5)",
        "SAFE.LN(?)",
        "IF(? > 2.5, 1.5, x)",
        "IF(? = x, 1.5, x)",
        "IF(? BETWEEN x AND 2.5, 1.5, x)",
        "IF(? IN (1.5, 2.5, x), 1.5, x)",
        "CASE ? WHEN 1.5 THEN 2.5 WHEN x THEN 3.5 ELSE x END",
        "SAFE_CAST(CAST(? AS STRING) AS FLOAT64)",
        "(SELECT ? + 1.5)",
        "ROUND(?, 2)",
        "ARRAY_REVERSE([?, 2.5])[SAFE_OFFSET(0)]",
        "WITH(a AS ?, a * a + a)",
    ];
    for shape in SHAPES {
        let (small, large) = (length(&nested(shape, 12)), length(&nested(shape, 24)));
        assert!(large < small * 5 / 2, "{shape}: {small} characters become {large} where the query doubles");
    }
}
