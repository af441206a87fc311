//! Arrays.

use rsdbt_googlesql::library::{Function, scalar};

pub(super) const TABLE: &[Function] = &[
    scalar("ARRAY_LENGTH(ARRAY<T>) -> INT64", "len($1)"),
    scalar("ARRAY_REVERSE(ARRAY<T>) -> ARRAY<T>", "list_reverse($1)"),
    scalar(
        "ARRAY_FIRST(ARRAY<T>) -> T",
        "rsdbt_sys.main.array_end($1, 1, 'ARRAY_FIRST cannot get the first element of an empty array')",
    ),
    scalar(
        "ARRAY_LAST(ARRAY<T>) -> T",
        "rsdbt_sys.main.array_end($1, len($1), 'ARRAY_LAST cannot get the last element of an empty array')",
    ),
    scalar("ARRAY_SLICE(ARRAY<T>, INT64, INT64) -> ARRAY<T>", "rsdbt_sys.main.array_slice_of($1, $2, $3)"),
    scalar("ARRAY_TO_STRING(ARRAY<STRING>, STRING) -> STRING", "bq_array_text($1, $2)"),
    scalar("ARRAY_TO_STRING(ARRAY<STRING>, STRING, STRING) -> STRING", "bq_array_text_null($1, $2, $3)"),
    scalar("ARRAY_IS_DISTINCT(ARRAY<T>) -> BOOL", "rsdbt_sys.main.array_distinct($1)"),
    scalar("GENERATE_ARRAY(INT64, INT64) -> ARRAY<INT64>", "bq_generate_ints($1, $2, 1)"),
    scalar("GENERATE_ARRAY(INT64, INT64, INT64) -> ARRAY<INT64>", "bq_generate_ints($1, $2, $3)"),
    scalar(
        "GENERATE_ARRAY(NUMERIC, NUMERIC) -> ARRAY<NUMERIC>",
        "rsdbt_sys.main.generate_numbers($1, $2, CAST(1 AS DECIMAL(38,9)))",
    ),
    scalar(
        "GENERATE_ARRAY(NUMERIC, NUMERIC, NUMERIC) -> ARRAY<NUMERIC>",
        "rsdbt_sys.main.generate_numbers($1, $2, $3)",
    ),
    scalar("GENERATE_ARRAY(FLOAT64, FLOAT64) -> ARRAY<FLOAT64>", "bq_generate_floats($1, $2, 1)"),
    scalar("GENERATE_ARRAY(FLOAT64, FLOAT64, FLOAT64) -> ARRAY<FLOAT64>", "bq_generate_floats($1, $2, $3)"),
    scalar(
        "ARRAY_TO_STRING(ARRAY<BYTES>, BYTES) -> BYTES",
        "CASE WHEN len(list_filter($1, lambda _x: _x IS NOT NULL)) = 0 THEN ''::BLOB ELSE list_reduce(list_filter($1, lambda _x: _x IS NOT NULL), lambda _x, _y: _x || $2 || _y) END",
    ),
    scalar("ARRAY_MAX(ARRAY<T>) -> T", "list_max($1)"),
    scalar("ARRAY_MIN(ARRAY<T>) -> T", "list_min($1)"),
    scalar("$transform", "list_transform($1, $2)"),
    scalar("$filter", "list_filter($1, $2)"),
    scalar("$generate_dates", "bq_generate_dates($1, $2, $3, $4)"),
    scalar("$generate_timestamps", "bq_generate_timestamps($1, $2, $3, $4)"),
];
