//! INTERVAL: constructors and their parts.

use rsdbt_googlesql::library::{Function, scalar};

pub(super) const TABLE: &[Function] = &[
    scalar("JUSTIFY_DAYS(INTERVAL) -> INTERVAL", "bq_justify($1, 'DAYS')"),
    scalar("JUSTIFY_HOURS(INTERVAL) -> INTERVAL", "bq_justify($1, 'HOURS')"),
    scalar("JUSTIFY_INTERVAL(INTERVAL) -> INTERVAL", "bq_justify($1, 'INTERVAL')"),
    scalar("$interval", "bq_interval($1, $2)"),
    scalar("$parse_interval", "bq_parse_interval($1, $2)"),
    scalar("$make_interval", "bq_make_interval($*)"),
    scalar("$interval_part", "bq_interval_part($1, $2)"),
];
