//! NET.*: what of it is supported.

use rsdbt_googlesql::library::{Function, scalar};

pub(super) const TABLE: &[Function] = &[
    scalar("NET.IP_FROM_STRING(STRING) -> BYTES", "bq_ip_from_text($1)"),
    scalar("NET.SAFE_IP_FROM_STRING(STRING) -> BYTES", "@try bq_ip_from_text($1)"),
    scalar("NET.IP_TO_STRING(BYTES) -> STRING", "bq_ip_text($1)"),
    scalar("NET.IP_NET_MASK(INT64, INT64) -> BYTES", "bq_ip_mask($1, $2)"),
    scalar("NET.IP_TRUNC(BYTES, INT64) -> BYTES", "bq_ip_trunc($1, $2)"),
    scalar("NET.IPV4_FROM_INT64(INT64) -> BYTES", "bq_ipv4_from_int($1)"),
    scalar("NET.IPV4_TO_INT64(BYTES) -> INT64", "bq_ipv4_int($1)"),
    scalar("NET.HOST(STRING) -> STRING", "bq_net_host($1)"),
];
