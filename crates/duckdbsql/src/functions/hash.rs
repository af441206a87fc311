//! Hashes.

use rsdbt_googlesql::library::{Function, scalar};

pub(super) const TABLE: &[Function] = &[
    scalar("FARM_FINGERPRINT(STRING) -> INT64", "bq_farm_fingerprint(encode($1))"),
    scalar("FARM_FINGERPRINT(BYTES) -> INT64", "bq_farm_fingerprint($1)"),
    scalar("MD5(STRING) -> BYTES", "bq_digest('MD5', encode($1))"),
    scalar("MD5(BYTES) -> BYTES", "bq_digest('MD5', $1)"),
    scalar("SHA1(STRING) -> BYTES", "bq_digest('SHA1', encode($1))"),
    scalar("SHA1(BYTES) -> BYTES", "bq_digest('SHA1', $1)"),
    scalar("SHA256(STRING) -> BYTES", "bq_digest('SHA256', encode($1))"),
    scalar("SHA256(BYTES) -> BYTES", "bq_digest('SHA256', $1)"),
    scalar("SHA512(STRING) -> BYTES", "bq_digest('SHA512', encode($1))"),
    scalar("SHA512(BYTES) -> BYTES", "bq_digest('SHA512', $1)"),
];
