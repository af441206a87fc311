//! Functions that only stand with OVER.

use rsdbt_googlesql::library::{Function, window};

pub(super) const TABLE: &[Function] = &[
    window("ROW_NUMBER() -> INT64", "row_number()$f"),
    window("RANK() -> INT64", "rank()$f"),
    window("DENSE_RANK() -> INT64", "dense_rank()$f"),
    window("PERCENT_RANK() -> FLOAT64", "percent_rank()$f"),
    window("CUME_DIST() -> FLOAT64", "cume_dist()$f"),
    window("NTILE(INT64) -> INT64", "ntile(rsdbt_sys.main.positive($1))$f"),
    window("LAG(T) -> T", "lag($1$n)$f"),
    window("LAG(T, INT64) -> T", "lag($1, rsdbt_sys.main.not_negative($2)$n)$f"),
    window("LAG(T, INT64, T) -> T", "lag($1, rsdbt_sys.main.not_negative($2), $3$n)$f"),
    window("LEAD(T) -> T", "lead($1$n)$f"),
    window("LEAD(T, INT64) -> T", "lead($1, rsdbt_sys.main.not_negative($2)$n)$f"),
    window("LEAD(T, INT64, T) -> T", "lead($1, rsdbt_sys.main.not_negative($2), $3$n)$f"),
    window("FIRST_VALUE(T) -> T", "first_value($1$n)$f"),
    window("LAST_VALUE(T) -> T", "last_value($1$n)$f"),
    window("NTH_VALUE(T, INT64) -> T", "nth_value($1, rsdbt_sys.main.positive($2)$n)$f"),
];
