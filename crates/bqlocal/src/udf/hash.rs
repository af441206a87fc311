//! Digests and fingerprints.

use super::{Out, Row};
use md5::Digest;

pub(super) const TABLE: &[Row] = &[
    ("bq_farm_fingerprint", "y>i", |a| Ok(Out::Int(farmhash::fingerprint64(a[0].bytes()) as i64))),
    ("bq_digest", "sy>y", |a| {
        let data = a[1].bytes();
        Ok(Out::Bytes(match a[0].text() {
            "MD5" => md5::Md5::digest(data).to_vec(),
            "SHA1" => sha1::Sha1::digest(data).to_vec(),
            "SHA256" => sha2::Sha256::digest(data).to_vec(),
            "SHA512" => sha2::Sha512::digest(data).to_vec(),
            other => return Err(format!("unknown digest {other}")),
        }))
    }),
];
