//! NET.* and HLL_COUNT.*: what of them is supported.

use super::super::call::{Sig, f};

pub(super) const TABLE: &[Sig] = &[
    f("NET.IP_FROM_STRING", "s", "y", "bq_ip_from_text($1)"),
    f("NET.SAFE_IP_FROM_STRING", "s", "y", "TRY(bq_ip_from_text($1))"),
    f("NET.IP_TO_STRING", "y", "s", "bq_ip_text($1)"),
    f("NET.IP_NET_MASK", "ii", "y", "bq_ip_mask($1, $2)"),
    f("NET.IP_TRUNC", "yi", "y", "bq_ip_trunc($1, $2)"),
    f("NET.IPV4_FROM_INT64", "i", "y", "bq_ipv4_from_int($1)"),
    f("NET.IPV4_TO_INT64", "y", "i", "bq_ipv4_int($1)"),
    f("NET.HOST", "s", "s", "bq_net_host($1)"),
];
