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
    scalar("$nullif", "NULLIF($1, $2)"),
    // a NaN equals nothing, not even another
    scalar("$nullif_float", "NULLIF($1, NULLIF($2, 'nan'::DOUBLE))"),
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
