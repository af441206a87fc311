//! NET.*: addresses and hosts.

use super::{Answer, Out, Row, Val, int, text};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const TABLE: &[Row] = &[
    ("bq_ip_from_text", "s>y", |a| match a[0].text().parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => Ok(Out::Bytes(ip.octets().to_vec())),
        Ok(IpAddr::V6(ip)) => Ok(Out::Bytes(ip.octets().to_vec())),
        Err(_) => Err(format!("IP address \"{}\" is not valid", a[0].text())),
    }),
    ("bq_ip_text", "y>s", |a| {
        let bytes = a[0].bytes();
        if let Ok(four) = <[u8; 4]>::try_from(bytes) {
            return text(Ipv4Addr::from(four).to_string());
        }
        <[u8; 16]>::try_from(bytes)
            .map_or(Err("an IP address has 4 or 16 bytes".into()), |b| text(Ipv6Addr::from(b).to_string()))
    }),
    ("bq_ip_mask", "ii>y", |a| mask(a[0].int(), a[1].int()).map(Out::Bytes)),
    ("bq_ip_trunc", "yi>y", |a| {
        let mask = mask(a[0].bytes().len() as i64, a[1].int())?;
        Ok(Out::Bytes(a[0].bytes().iter().zip(mask).map(|(b, m)| b & m).collect()))
    }),
    ("bq_ipv4_from_int", "i>y", |a| match a[0].int() {
        n if (-0x8000_0000..=0xffff_ffff).contains(&n) => Ok(Out::Bytes((n as u32).to_be_bytes().to_vec())),
        n => Err(format!("{n} is not an IPv4 address")),
    }),
    ("bq_ipv4_int", "y>i", |a| {
        <[u8; 4]>::try_from(a[0].bytes())
            .map_or(Err("an IPv4 address has 4 bytes".into()), |b| int(i64::from(u32::from_be_bytes(b))))
    }),
    ("bq_net_host", "s>s", host),
];

fn mask(size: i64, prefix: i64) -> Result<Vec<u8>, String> {
    if size != 4 && size != 16 {
        return Err("the first argument of NET.IP_NET_MASK must be 4 or 16".into());
    }
    if !(0..=size * 8).contains(&prefix) {
        return Err("the prefix length is out of range".into());
    }
    Ok((0..size).map(|i| (0xff00u16 >> (prefix - i * 8).clamp(0, 8)) as u8).collect())
}

fn host(a: &[Val<'_>]) -> Answer {
    let url = a[0].text().trim();
    let rest = match url.find("//") {
        Some(at) => &url[at + 2..],
        None if url.contains(':') && !url.split(':').next().unwrap_or("").contains('.') => return Ok(Out::Null),
        None => url,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    let host = if host.starts_with('[') {
        host.split_inclusive(']').next().unwrap_or("")
    } else {
        host.split(':').next().unwrap_or("")
    };
    if host.is_empty() { Ok(Out::Null) } else { text(host) }
}
