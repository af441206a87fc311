//! What DuckDB's own SQL says exactly, as macros in an attached database in memory: nothing of it enters the user's file.

/// Name with parameters, body.
const MACROS: &[(&str, &str)] = &[
    (
        "array_at(a, i)",
        "CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i < 1 OR i > len(a) THEN a[bq_fail('Array index is out of bounds')] ELSE a[i] END",
    ),
    ("array_safe_at(a, i)", "CASE WHEN i < 1 OR i > len(a) THEN NULL ELSE a[i] END"),
    ("array_end(a, i, m)", "CASE WHEN a IS NULL THEN NULL WHEN len(a) = 0 THEN a[bq_fail(m)] ELSE a[i] END"),
    ("array_concat(a, b)", "CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE list_concat(a, b) END"),
    // places from 0; a negative one counts from the end
    ("slice_place(p, n)", "CASE WHEN p < 0 THEN greatest(p, -n) + n ELSE p END"),
    ("slice_end(p, n)", "CASE WHEN p < -n THEN -1 WHEN p < 0 THEN p + n ELSE least(p, n - 1) END"),
    (
        "array_slice_of(a, s, e)",
        "CASE WHEN a IS NULL OR s IS NULL OR e IS NULL THEN NULL WHEN len(a) = 0 OR rsdbt_sys.main.slice_end(e, len(a)) < greatest(rsdbt_sys.main.slice_place(s, len(a)), 0) THEN [] ELSE a[greatest(rsdbt_sys.main.slice_place(s, len(a)), 0) + 1 : rsdbt_sys.main.slice_end(e, len(a)) + 1] END",
    ),
    (
        "array_distinct(a)",
        "CASE WHEN a IS NULL THEN NULL ELSE len(list_distinct(a)) + (CASE WHEN len(list_filter(a, lambda x: x IS NULL)) > 0 THEN 1 ELSE 0 END) = len(a) END",
    ),
    (
        "in_array(x, a)",
        "CASE WHEN a IS NULL OR len(a) = 0 THEN FALSE WHEN x IS NULL THEN NULL WHEN list_contains(a, x) THEN TRUE WHEN len(list_filter(a, lambda e: e IS NULL)) > 0 THEN NULL ELSE FALSE END",
    ),
    (
        "any_of(a)",
        "CASE WHEN a IS NULL OR len(a) = 0 THEN FALSE ELSE list_aggregate(a, 'bool_or') OR (CASE WHEN len(list_filter(a, lambda e: e IS NULL)) > 0 THEN NULL ELSE FALSE END) END",
    ),
    (
        "all_of(a)",
        "CASE WHEN a IS NULL OR len(a) = 0 THEN TRUE ELSE COALESCE(list_aggregate(a, 'bool_and'), TRUE) AND (CASE WHEN len(list_filter(a, lambda e: e IS NULL)) > 0 THEN NULL ELSE TRUE END) END",
    ),
    (
        "check_length(v, l, n)",
        "CASE WHEN l > n THEN [v][bq_fail('the value is longer than its type allows')] ELSE v END",
    ),
    (
        "row_count(n)",
        "CASE WHEN n IS NULL THEN bq_fail('Limit requires non-null count and offset') WHEN n < 0 THEN bq_fail('Limit requires non-negative count and offset') ELSE n END",
    ),
    ("positive(n)", "CASE WHEN n IS NULL OR n < 1 THEN bq_fail('the argument must be a positive integer') ELSE n END"),
    (
        "not_negative(n)",
        "CASE WHEN n IS NULL OR n < 0 THEN bq_fail('the offset must not be NULL or negative') ELSE n END",
    ),
    (
        "quantiles(l, n)",
        "CASE WHEN l IS NULL OR len(l) = 0 THEN NULL ELSE list_transform(range(n + 1), lambda i: l[greatest(CAST(ceil(i * len(l) / n) AS BIGINT), 1)]) END",
    ),
    (
        "top_groups(l)",
        "list_transform(list_distinct(list_transform(l, lambda e: struct_pack(v := e.v))), lambda d: struct_pack(\"value\" := d.v, w := list_sum(list_transform(list_filter(l, lambda e: e.v IS NOT DISTINCT FROM d.v), lambda e: e.w))))",
    ),
    (
        "top_count(l, n)",
        "list_transform(list_reverse_sort(list_transform(rsdbt_sys.main.top_groups(l), lambda g: struct_pack(w := g.w, \"value\" := g.\"value\")))[1:n], lambda g: struct_pack(\"value\" := g.\"value\", \"count\" := g.w))",
    ),
    (
        "top_sum(l, n)",
        "list_transform(list_reverse_sort(list_transform(rsdbt_sys.main.top_groups(l), lambda g: struct_pack(w := g.w, \"value\" := g.\"value\")))[1:n], lambda g: struct_pack(\"value\" := g.\"value\", \"sum\" := g.w))",
    ),
    ("keep_max(l)", "list_filter(l, lambda e: e.k = list_max(list_transform(l, lambda x: x.k)))"),
    ("keep_none_if_nan(l, k)", "CASE WHEN len(list_filter(l, lambda e: isnan(e.k))) > 0 THEN [] ELSE k END"),
    ("keep_min(l)", "list_filter(l, lambda e: e.k = list_min(list_transform(l, lambda x: x.k)))"),
    (
        "percentile_disc(l, p)",
        "CASE WHEN l IS NULL OR len(l) = 0 THEN NULL WHEN p < 0 OR p > 1 THEN l[bq_fail('Argument 2 to PERCENTILE_DISC must be between 0 and 1')] ELSE list_sort(l, 'ASC', 'NULLS FIRST')[greatest(CAST(ceil(p * len(l)) AS BIGINT), 1)] END",
    ),
    ("percentile_cont(l, p)", "list_aggregate(l, 'quantile_cont', p)"),
    (
        "generate_numbers(a, b, s)",
        "CASE WHEN s = 0 THEN [CAST(bq_fail('Sequence step cannot be 0.') AS DECIMAL(38,9))] ELSE list_transform(range(CAST(greatest(floor((b - a) / s) + 1, 0) AS BIGINT)), lambda i: CAST(a + i * s AS DECIMAL(38,9))) END",
    ),
    (
        "range_bucket(x, a)",
        "CASE WHEN x IS NULL OR a IS NULL THEN NULL WHEN a <> list_sort(a) THEN bq_fail('Elements in input array to RANGE_BUCKET must be in ascending order') ELSE CAST(len(list_filter(a, lambda e: e <= x)) AS BIGINT) END",
    ),
    // an open start is before all others, an open end behind them
    (
        "range_key(r)",
        "CASE WHEN r IS NOT NULL THEN struct_pack(a := r._start IS NOT NULL, b := r._start, c := r._end IS NULL, d := r._end) END",
    ),
    (
        "range_contains(r, v)",
        "CASE WHEN r IS NULL OR v IS NULL THEN NULL ELSE (r._start IS NULL OR r._start <= v) AND (r._end IS NULL OR v < r._end) END",
    ),
    (
        "range_contains_range(r, s)",
        "CASE WHEN r IS NULL OR s IS NULL THEN NULL ELSE (r._start IS NULL OR (s._start IS NOT NULL AND r._start <= s._start)) AND (r._end IS NULL OR (s._end IS NOT NULL AND s._end <= r._end)) END",
    ),
    (
        "range_overlaps(r, s)",
        "CASE WHEN r IS NULL OR s IS NULL THEN NULL ELSE (r._start IS NULL OR s._end IS NULL OR r._start < s._end) AND (s._start IS NULL OR r._end IS NULL OR s._start < r._end) END",
    ),
    (
        "range_intersect(r, s)",
        "CASE WHEN r IS NULL OR s IS NULL THEN NULL WHEN NOT rsdbt_sys.main.range_overlaps(r, s) THEN [r][bq_fail('Provided RANGE inputs do not overlap')] ELSE struct_pack(_start := CASE WHEN r._start IS NULL THEN s._start WHEN s._start IS NULL THEN r._start ELSE greatest(r._start, s._start) END, _end := CASE WHEN r._end IS NULL THEN s._end WHEN s._end IS NULL THEN r._end ELSE least(r._end, s._end) END) END",
    ),
];

/// Attaches the database and makes every macro, in one transaction.
pub(super) fn script() -> String {
    let mut sql = String::from("ATTACH IF NOT EXISTS ':memory:' AS rsdbt_sys; BEGIN;");
    for (head, body) in MACROS {
        sql.push_str(&format!("CREATE OR REPLACE MACRO rsdbt_sys.main.{head} AS {body};"));
    }
    sql.push_str("COMMIT;");
    sql
}
