//! RANGE values.

use rsdbt_googlesql::library::{Function, scalar};

pub(super) const TABLE: &[Function] = &[
    scalar("RANGE_START(RANGE<T>) -> T", "($1).\"_start\""),
    scalar("RANGE_END(RANGE<T>) -> T", "($1).\"_end\""),
    scalar("RANGE_CONTAINS(RANGE<T>, T) -> BOOL", "rsdbt_sys.main.range_contains($1, $2)"),
    scalar("RANGE_CONTAINS(RANGE<T>, RANGE<T>) -> BOOL", "rsdbt_sys.main.range_contains_range($1, $2)"),
    scalar("RANGE_OVERLAPS(RANGE<T>, RANGE<T>) -> BOOL", "rsdbt_sys.main.range_overlaps($1, $2)"),
    scalar("RANGE_INTERSECT(RANGE<T>, RANGE<T>) -> RANGE<T>", "rsdbt_sys.main.range_intersect($1, $2)"),
    scalar(
        "$make_range",
        "struct_pack(\"_start\" := CASE WHEN $1 >= $2 THEN [$1][bq_fail('Range start element must be smaller than range end element')] ELSE $1 END, \"_end\" := $2)",
    ),
    // range, count, part, whether a last part that is cut off counts
    scalar(
        "$generate_range_array",
        "list_transform(list_filter(bq_generate_dates(($1).\"_start\", bq_date_add(($1).\"_end\", -1, 'DAY'), $2, $3), lambda _s: $4 OR bq_date_add(_s, $2, $3) <= ($1).\"_end\"), lambda _s: struct_pack(\"_start\" := _s, \"_end\" := least(bq_date_add(_s, $2, $3), ($1).\"_end\")))",
    ),
];
