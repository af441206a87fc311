//! Hashes.

use super::super::call::{Sig, f};

pub(super) const TABLE: &[Sig] = &[
    f("FARM_FINGERPRINT", "s", "i", "bq_farm_fingerprint(encode($1))"),
    f("FARM_FINGERPRINT", "y", "i", "bq_farm_fingerprint($1)"),
    f("MD5", "s", "y", "bq_digest('MD5', encode($1))"),
    f("MD5", "y", "y", "bq_digest('MD5', $1)"),
    f("SHA1", "s", "y", "bq_digest('SHA1', encode($1))"),
    f("SHA1", "y", "y", "bq_digest('SHA1', $1)"),
    f("SHA256", "s", "y", "bq_digest('SHA256', encode($1))"),
    f("SHA256", "y", "y", "bq_digest('SHA256', $1)"),
    f("SHA512", "s", "y", "bq_digest('SHA512', encode($1))"),
    f("SHA512", "y", "y", "bq_digest('SHA512', $1)"),
];
