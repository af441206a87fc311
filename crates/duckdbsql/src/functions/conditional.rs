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
    scalar("$error", "error($1)"),
    scalar("$greatest", "@greatest"),
    scalar("$least", "@least"),
    // `CASE WHEN TRY(struct_pack(v := $1)) IS NULL THEN $2 ELSE TRY($1) END`: a struct tells a NULL result from an error
    scalar("$iferror", "@iferror"),
    scalar("$is_error", "(TRY(struct_pack(v := $1)) IS NULL)"),
    scalar("$null_if_error", "TRY($1)"),
    scalar("$assert", "@assert"),
];
