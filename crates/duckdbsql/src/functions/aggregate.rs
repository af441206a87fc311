//! Aggregate functions, and what is done with the lists that some of them gather.

use rsdbt_googlesql::library::{Function, aggregate, scalar};

const QUANTILES: &str = "rsdbt_sys.main.quantiles(list($d$1$o)$f, $2)";
// value, weight, how many
const TOP_COUNT: &str =
    "CAST(rsdbt_sys.main.top_count(list(struct_pack(v := $1, w := $2))$f, rsdbt_sys.main.positive($3)) AS $t)";
const TOP_SUM: &str = "CAST(rsdbt_sys.main.top_sum(list(struct_pack(v := $1, w := CASE WHEN $2 < 0 THEN [$2][bq_fail('APPROX_TOP_SUM does not support negative or NaN weights in the second argument')] ELSE $2 END))$f, rsdbt_sys.main.positive($3)) AS $t)";

/// A statistic of one column. DuckDB's own fails at what is not finite, or when squared is not: BigQuery says NaN to the
/// first, and computes the second.
macro_rules! spread {
    ($name:literal, $least:literal, $square:literal) => {
        concat!(
            "CASE WHEN bool_or(NOT isfinite($1))$f THEN CASE WHEN count($d$1)$f ",
            $least,
            " THEN 'nan'::DOUBLE END ",
            "WHEN max(abs($1))$f > 1e140 THEN ",
            $name,
            "($dCASE WHEN isfinite($1) THEN $1 * 1e-200 END)$f * 1e200",
            $square,
            " ELSE ",
            $name,
            "($dCASE WHEN abs($1) <= 1e140 THEN $1 END)$f END"
        )
    };
}

/// A statistic of pairs, with the same rule for what is not finite.
macro_rules! pairs {
    ($name:literal, $least:literal) => {
        concat!(
            "CASE WHEN NOT (regr_count($1, $2)$f ", $least, ") THEN NULL ",
            "WHEN bool_or(NOT isfinite($1) AND $2 IS NOT NULL OR NOT isfinite($2) AND $1 IS NOT NULL)$f THEN 'nan'::DOUBLE ",
            "ELSE ", $name, "(CASE WHEN isfinite($1) AND isfinite($2) THEN $1 END, $2)$f END"
        )
    };
}

/// The names APPROX_* are known by a row each; analysis settles their arguments and calls the forms.
pub(super) const TABLE: &[Function] = &[
    aggregate("$count_star", "count(*)$f"),
    aggregate("COUNT(T) -> INT64", "count($d$1)$f"),
    aggregate("COUNTIF(BOOL) -> INT64", "count(*)$f"),
    aggregate("$countif_distinct", "count(DISTINCT $1)$f"),
    aggregate("SUM(INT64) -> INT64", "CAST(sum($d$1)$f AS BIGINT)"),
    aggregate("SUM(FLOAT64) -> FLOAT64", "sum($d$1)$f"),
    // DuckDB's own sum overflows in silence into what is no DECIMAL; the addition looks
    aggregate("SUM(NUMERIC) -> NUMERIC", "CAST(sum($d$1)$f + 0::DECIMAL(38,9) AS DECIMAL(38,9))"),
    aggregate("SUM(BIGNUMERIC) -> BIGNUMERIC", "CAST(sum($d$1)$f + 0::DECIMAL(38,18) AS DECIMAL(38,18))"),
    // there is no sum of intervals
    aggregate(
        "SUM(INTERVAL) -> INTERVAL",
        "bq_check_interval(list_reduce(nullif(list_filter(list($d$1)$f, lambda _x: _x IS NOT NULL), []::INTERVAL[]), lambda _x, _y: _x + _y))",
    ),
    aggregate("AVG(INT64) -> FLOAT64", "avg($d$1)$f"),
    aggregate("AVG(FLOAT64) -> FLOAT64", "avg($d$1)$f"),
    aggregate(
        "AVG(NUMERIC) -> NUMERIC",
        "bq_numeric_divide(CAST(sum($d$1)$f + 0::DECIMAL(38,9) AS DECIMAL(38,9)), CAST(nullif(count($d$1)$f, 0) AS DECIMAL(38,9)))",
    ),
    aggregate(
        "AVG(BIGNUMERIC) -> BIGNUMERIC",
        "bq_bignumeric_divide(CAST(sum($d$1)$f + 0::DECIMAL(38,18) AS DECIMAL(38,18)), CAST(nullif(count($d$1)$f, 0) AS DECIMAL(38,18)))",
    ),
    aggregate(
        "AVG(INTERVAL) -> INTERVAL",
        "bq_interval_divide(bq_check_interval(list_reduce(nullif(list_filter(list($d$1)$f, lambda _x: _x IS NOT NULL), []::INTERVAL[]), lambda _x, _y: _x + _y)), nullif(count($d$1)$f, 0))",
    ),
    aggregate("MIN(FLOAT64) -> FLOAT64", "CASE WHEN bool_or(isnan($1))$f THEN 'nan'::DOUBLE ELSE min($1)$f END"),
    aggregate("MIN(RANGE<T>) -> RANGE<T>", "arg_min($1, rsdbt_sys.main.range_key($1))$f"),
    aggregate("MAX(RANGE<T>) -> RANGE<T>", "arg_max($1, rsdbt_sys.main.range_key($1))$f"),
    aggregate("MIN(T) -> T", "min($1)$f"),
    aggregate("MAX(T) -> T", "max($1)$f"),
    aggregate("ANY_VALUE(T) -> T", "any_value($1)$f"),
    aggregate("LOGICAL_AND(BOOL) -> BOOL", "bool_and($1)$f"),
    aggregate("LOGICAL_OR(BOOL) -> BOOL", "bool_or($1)$f"),
    aggregate("BIT_AND(INT64) -> INT64", "bit_and($1)$f"),
    aggregate("BIT_OR(INT64) -> INT64", "bit_or($1)$f"),
    aggregate("BIT_XOR(INT64) -> INT64", "bit_xor($d$1)$f"),
    aggregate("STDDEV(FLOAT64) -> FLOAT64", spread!("stddev_samp", "> 1", "")),
    aggregate("STDDEV_SAMP(FLOAT64) -> FLOAT64", spread!("stddev_samp", "> 1", "")),
    aggregate("STDDEV_POP(FLOAT64) -> FLOAT64", spread!("stddev_pop", "> 0", "")),
    aggregate("VARIANCE(FLOAT64) -> FLOAT64", spread!("var_samp", "> 1", " * 1e200")),
    aggregate("VAR_SAMP(FLOAT64) -> FLOAT64", spread!("var_samp", "> 1", " * 1e200")),
    aggregate("VAR_POP(FLOAT64) -> FLOAT64", spread!("var_pop", "> 0", " * 1e200")),
    // digits beyond a FLOAT64's count: the values' distances from the first are exact
    aggregate("STDDEV(NUMERIC) -> FLOAT64", "bq_numeric_spread(list($d$1)$f, 1, 'stddev')"),
    aggregate("STDDEV_SAMP(NUMERIC) -> FLOAT64", "bq_numeric_spread(list($d$1)$f, 1, 'stddev')"),
    aggregate("STDDEV_POP(NUMERIC) -> FLOAT64", "bq_numeric_spread(list($d$1)$f, 0, 'stddev')"),
    aggregate("VARIANCE(NUMERIC) -> FLOAT64", "bq_numeric_spread(list($d$1)$f, 1, 'var')"),
    aggregate("VAR_SAMP(NUMERIC) -> FLOAT64", "bq_numeric_spread(list($d$1)$f, 1, 'var')"),
    aggregate("VAR_POP(NUMERIC) -> FLOAT64", "bq_numeric_spread(list($d$1)$f, 0, 'var')"),
    aggregate("CORR(FLOAT64, FLOAT64) -> FLOAT64", pairs!("corr", "> 1")),
    aggregate("COVAR_POP(FLOAT64, FLOAT64) -> FLOAT64", pairs!("covar_pop", "> 0")),
    aggregate("COVAR_SAMP(FLOAT64, FLOAT64) -> FLOAT64", pairs!("covar_samp", "> 1")),
    aggregate("APPROX_COUNT_DISTINCT(T) -> INT64", "count(DISTINCT $1)$f"),
    aggregate("MAX_BY(T, U) -> T", "arg_max_null($1, $2)$f"),
    aggregate("MIN_BY(T, U) -> T", "arg_min_null($1, $2)$f"),
    aggregate("GROUPING(T) -> INT64", "CAST(grouping($1) AS BIGINT)"),
    aggregate("PERCENTILE_CONT(FLOAT64, FLOAT64) -> FLOAT64", "bq_percentile_cont(list($1)$f, $2)"),
    aggregate("PERCENTILE_CONT(NUMERIC, NUMERIC) -> NUMERIC", "bq_percentile_cont_numeric(list($1)$f, $2)"),
    aggregate("PERCENTILE_DISC(T, FLOAT64) -> T", "quantile_disc($1, $2)$f"),
    aggregate("ARRAY_AGG(T) -> ARRAY<T>", "(list($d$1$o)$f)$l"),
    aggregate("ARRAY_CONCAT_AGG(ARRAY<T>) -> ARRAY<T>", "flatten((list($d$1$o)$f)$l)"),
    aggregate("STRING_AGG(STRING, STRING) -> STRING", "array_to_string((list($d$1$o)$f)$l, $2)"),
    aggregate("STRING_AGG(BYTES, BYTES) -> BYTES", "list_reduce((list($d$1$o)$f)$l, lambda _x, _y: _x || $2 || _y)"),
    aggregate("$list", "list($1)$f"),
    aggregate("APPROX_QUANTILES(T, INT64) -> ARRAY<T>", QUANTILES),
    aggregate("$approx_quantiles", QUANTILES),
    aggregate("APPROX_TOP_COUNT(T, INT64) -> ARRAY<T>", TOP_COUNT),
    aggregate("$approx_top_count", TOP_COUNT),
    aggregate("APPROX_TOP_SUM(T, FLOAT64, INT64) -> ARRAY<T>", TOP_SUM),
    aggregate("$approx_top_sum", TOP_SUM),
    scalar("$keep_max", "rsdbt_sys.main.keep_max($1)"),
    scalar("$keep_min", "rsdbt_sys.main.keep_min($1)"),
    // among NaNs there is no extreme
    scalar("$keep_max_float", "rsdbt_sys.main.keep_none_if_nan($1, rsdbt_sys.main.keep_max($1))"),
    scalar("$keep_min_float", "rsdbt_sys.main.keep_none_if_nan($1, rsdbt_sys.main.keep_min($1))"),
    // not the macro: inside of struct_pack DuckDB forgets the name of a field that a macro makes
    scalar(
        "$range_key",
        "CASE WHEN $1 IS NOT NULL THEN struct_pack(a := ($1)._start IS NOT NULL, b := ($1)._start, c := ($1)._end IS NULL, d := ($1)._end) END",
    ),
    scalar("$percentile_cont_float", "bq_percentile_cont($1, $2)"),
    scalar("$percentile_cont_numeric", "bq_percentile_cont_numeric($1, $2)"),
    scalar("$percentile_cont", "CAST(rsdbt_sys.main.percentile_cont($1, $2) AS $t)"),
    scalar("$percentile_disc", "rsdbt_sys.main.percentile_disc($1, $2)"),
];
