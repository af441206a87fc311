//! COALESCE, NULLIF and other functions that choose; errors and UUIDs.

use rsdbt_googlesql::library::{Function, scalar};

pub(super) const TABLE: &[Function] = &[
    scalar("COALESCE(T, T...) -> T", "COALESCE($*)"),
    scalar("COALESCE(T) -> T", "$1"),
    scalar("IFNULL(T, T) -> T", "COALESCE($1, $2)"),
    scalar("NULLIFZERO(T) -> T", "NULLIF($1, 0)"),
    scalar("ZEROIFNULL(T) -> T", "COALESCE($1, 0)"),
    scalar("GENERATE_UUID() -> STRING", "CAST(gen_random_uuid() AS VARCHAR)"),
    scalar("SESSION_USER() -> STRING", "'local'"),
    // DuckDB's NULLIF doubles its first operand, which nested ones multiply; a text that repeats it is bound where it is long
    scalar("$nullif", "CASE WHEN $1 = $2 THEN NULL ELSE $1 END"),
    // a NaN equals nothing, not even another
    scalar("$nullif_float", "CASE WHEN $1 = $2 AND NOT isnan($1) THEN NULL ELSE $1 END"),
    scalar("$error", "bq_fail_text($1)"),
    scalar("$greatest", "@greatest"),
    scalar("$least", "@least"),
    scalar("$iferror", "@iferror"),
    scalar("$is_error", "@is_error"),
    scalar("$null_if_error", "@null_if_error"),
    scalar("$assert", "@assert"),
    scalar("$row_count", "rsdbt_sys.main.row_count($1)"),
    scalar("$separator", "COALESCE($1, bq_fail_text('Illegal NULL separator in STRING_AGG'))"),
    scalar("$separator_bytes", "COALESCE($1, encode(bq_fail_text('Illegal NULL separator in STRING_AGG')))"),
];
