//! Bytes: the string functions by byte, encodings, bit operations.

use super::text::{instr, pad_items, substr_range};
use super::{Answer, Out, Row, Val, int, text};
use base64::Engine;

fn bytes(value: impl Into<Vec<u8>>) -> Answer {
    Ok(Out::Bytes(value.into()))
}

pub(super) const TABLE: &[Row] = &[
    ("bq_bytes_translate", "yyy>y", |a| {
        let (from, to) = (a[1].bytes(), a[2].bytes());
        if (1..from.len()).any(|i| from[..i].contains(&from[i])) {
            return Err("Duplicate byte in TRANSLATE source bytes".into());
        }
        let moved = |b: &u8| match from.iter().position(|f| f == b) {
            Some(i) => to.get(i).copied(),
            None => Some(*b),
        };
        Ok(Out::Bytes(a[0].bytes().iter().filter_map(moved).collect()))
    }),
    ("bq_bytes_upper", "y>y", |a| bytes(a[0].bytes().to_ascii_uppercase())),
    ("bq_bytes_lower", "y>y", |a| bytes(a[0].bytes().to_ascii_lowercase())),
    ("bq_bytes_trim", "yys>y", trim),
    ("bq_bytes_substr", "yii>y", |a| bytes(&a[0].bytes()[substr_range(a[0].bytes().len(), a[1].int(), a[2].int())?])),
    ("bq_bytes_left", "yi>y", |a| side(a, true)),
    ("bq_bytes_right", "yi>y", |a| side(a, false)),
    ("bq_bytes_pad", "yiys>y", |a| pad_items(a[0].bytes(), a[1].int(), a[2].bytes(), a[3].text()).map(Out::Bytes)),
    ("bq_bytes_repeat", "yi>y", |a| match a[1].int() {
        n if n < 0 => Err("REPEAT: the number of repetitions must not be negative".into()),
        n if n as u128 * a[0].bytes().len() as u128 > 1 << 20 => Err("REPEAT: the result is longer than 1 MB".into()),
        n => bytes(a[0].bytes().repeat(n as usize)),
    }),
    ("bq_bytes_reverse", "y>y", |a| bytes(a[0].bytes().iter().rev().copied().collect::<Vec<u8>>())),
    ("bq_bytes_replace", "yyy>y", replace),
    ("bq_bytes_starts_with", "yy>b", |a| Ok(Out::Bool(a[0].bytes().starts_with(a[1].bytes())))),
    ("bq_bytes_ends_with", "yy>b", |a| Ok(Out::Bool(a[0].bytes().ends_with(a[1].bytes())))),
    ("bq_bytes_instr", "yyii>i", |a| instr(a[0].bytes(), a[1].bytes(), a[2].int(), a[3].int())),
    ("bq_bytes_split", "yy>[y", split),
    ("bq_bytes_ascii", "y>i", |a| int(a[0].bytes().first().map_or(0, |b| i64::from(*b)))),
    ("bq_bytes_text", "y>s", |a| match std::str::from_utf8(a[0].bytes()) {
        Ok(value) => text(value),
        Err(_) => Err("Invalid cast of bytes to UTF8 string".into()),
    }),
    ("bq_safe_bytes_text", "y>s", |a| text(lossy(a[0].bytes()))),
    ("bq_from_hex", "s>y", |a| from_hex(a[0].text())),
    ("bq_from_base64", "s>y", |a| {
        let clean: String = a[0].text().chars().filter(|c| !c.is_whitespace() && *c != '=').collect();
        base64::engine::general_purpose::STANDARD_NO_PAD
            .decode(clean)
            .map(Out::Bytes)
            .map_err(|_| "Failed to decode invalid base64 string".into())
    }),
    ("bq_to_base32", "y>s", |a| text(to_base32(a[0].bytes()))),
    ("bq_from_base32", "s>y", |a| from_base32(a[0].text())),
    ("bq_code_points", "y>[i", |a| Ok(Out::List(a[0].bytes().iter().map(|b| Some(Out::Int(i64::from(*b)))).collect()))),
    ("bq_code_points_bytes", "[i>y", |a| {
        let mut whole = Vec::new();
        for item in a[0].list() {
            let Some(code) = item else { return Ok(Out::Null) };
            whole.push(u8::try_from(code.int()).map_err(|_| format!("Invalid extended ASCII code {}", code.int()))?);
        }
        bytes(whole)
    }),
    ("bq_bytes_not", "y>y", |a| bytes(a[0].bytes().iter().map(|b| !b).collect::<Vec<u8>>())),
    ("bq_bytes_bits", "yys>y", |a| {
        let (x, y) = (a[0].bytes(), a[1].bytes());
        if x.len() != y.len() {
            return Err("Bitwise binary operator for BYTES requires equal length of the inputs".into());
        }
        let op = a[2].text();
        bytes(
            x.iter()
                .zip(y)
                .map(|(p, q)| match op {
                    "&" => p & q,
                    "|" => p | q,
                    _ => p ^ q,
                })
                .collect::<Vec<u8>>(),
        )
    }),
    ("bq_bytes_shift_left", "yi>y", |a| shift(a, true)),
    ("bq_bytes_shift_right", "yi>y", |a| shift(a, false)),
    ("bq_bytes_bit_count", "y>i", |a| int(a[0].bytes().iter().map(|b| i64::from(b.count_ones())).sum())),
    ("bq_quote_bytes", "y>s", |a| text(format!("b\"{}\"", escape(a[0].bytes(), true)))),
    ("bq_escape_bytes", "y>s", |a| text(escape(a[0].bytes(), false))),
    ("bq_cast_bytes_text", "ys>s", |a| match a[1].text().to_uppercase().as_str() {
        "HEX" => text(hex(a[0].bytes())),
        "BASE64" | "BASE64M" => text(base64::engine::general_purpose::STANDARD.encode(a[0].bytes())),
        "BASE32" => text(to_base32(a[0].bytes())),
        "BASE16" => text(hex(a[0].bytes())),
        "BASE8" | "BASE2" => text(radix(a[0].bytes(), if a[1].text().ends_with('8') { 3 } else { 1 })),
        "ASCII" if a[0].bytes().is_ascii() => text(String::from_utf8_lossy(a[0].bytes())),
        "UTF-8" | "UTF8" => std::str::from_utf8(a[0].bytes()).map_or(Err("Invalid UTF-8".into()), text),
        other => Err(format!("invalid format '{other}' for casting BYTES to STRING")),
    }),
    ("bq_cast_text_bytes", "ss>y", |a| match a[1].text().to_uppercase().as_str() {
        "HEX" | "BASE16" => from_hex(a[0].text()),
        "BASE64" | "BASE64M" => base64::engine::general_purpose::STANDARD
            .decode(a[0].text().replace(['\n', '\r'], ""))
            .map(Out::Bytes)
            .map_err(|_| "Failed to decode invalid base64 string".into()),
        "BASE32" => from_base32(a[0].text()),
        "BASE8" => from_radix(a[0].text(), 3),
        "BASE2" => from_radix(a[0].text(), 1),
        "ASCII" if a[0].text().is_ascii() => bytes(a[0].text()),
        "UTF-8" | "UTF8" => bytes(a[0].text()),
        other => Err(format!("invalid format '{other}' for casting STRING to BYTES")),
    }),
];

fn trim(a: &[Val<'_>]) -> Answer {
    let mut value = a[0].bytes();
    let gone = |b: Option<&u8>| b.is_some_and(|b| a[1].bytes().contains(b));
    while a[2].text() != "right" && gone(value.first()) {
        value = &value[1..];
    }
    while a[2].text() != "left" && gone(value.last()) {
        value = &value[..value.len() - 1];
    }
    bytes(value)
}

fn side(a: &[Val<'_>], left: bool) -> Answer {
    let count = usize::try_from(a[1].int())
        .map_err(|_| "Second argument in LEFT() or RIGHT() cannot be negative".to_owned())?;
    let value = a[0].bytes();
    let count = count.min(value.len());
    bytes(if left { &value[..count] } else { &value[value.len() - count..] })
}

fn find(whole: &[u8], part: &[u8]) -> Option<usize> {
    (0..=whole.len().checked_sub(part.len())?).find(|at| whole[*at..].starts_with(part))
}

fn replace(a: &[Val<'_>]) -> Answer {
    let (mut rest, part) = (a[0].bytes(), a[1].bytes());
    let mut whole = Vec::new();
    while !part.is_empty()
        && let Some(at) = find(rest, part)
    {
        whole.extend_from_slice(&rest[..at]);
        whole.extend_from_slice(a[2].bytes());
        rest = &rest[at + part.len()..];
    }
    whole.extend_from_slice(rest);
    bytes(whole)
}

fn split(a: &[Val<'_>]) -> Answer {
    let (mut rest, separator) = (a[0].bytes(), a[1].bytes());
    let mut parts = Vec::new();
    if separator.is_empty() && !rest.is_empty() {
        return Ok(Out::List(rest.iter().map(|b| Some(Out::Bytes(vec![*b]))).collect()));
    }
    while !separator.is_empty()
        && let Some(at) = find(rest, separator)
    {
        parts.push(Some(Out::Bytes(rest[..at].to_vec())));
        rest = &rest[at + separator.len()..];
    }
    parts.push(Some(Out::Bytes(rest.to_vec())));
    Ok(Out::List(parts))
}

/// Invalid bytes become U+FFFD, one each.
fn lossy(value: &[u8]) -> String {
    let mut whole = String::new();
    let mut rest = value;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                whole.push_str(valid);
                return whole;
            }
            Err(error) => {
                let good = error.valid_up_to();
                whole.push_str(&String::from_utf8_lossy(&rest[..good]));
                whole.push('\u{fffd}');
                rest = &rest[good + 1..];
            }
        }
    }
}

pub(super) fn hex(value: &[u8]) -> String {
    value.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(value: &str) -> Answer {
    let padded = if value.len() % 2 == 1 { format!("0{value}") } else { value.to_owned() };
    let bad = || "Failed to decode invalid hexadecimal string".to_owned();
    if !padded.is_ascii() {
        return Err(bad());
    }
    (0..padded.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&padded[i..i + 2], 16).map_err(|_| bad()))
        .collect::<Result<_, _>>()
        .map(Out::Bytes)
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn to_base32(value: &[u8]) -> String {
    let mut whole = String::new();
    for chunk in value.chunks(5) {
        let mut group = [0u8; 5];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = group.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let used = (chunk.len() * 8).div_ceil(5);
        for i in 0..8 {
            let index = (bits >> (35 - 5 * i) & 31) as usize;
            whole.push(if i < used { BASE32[index] as char } else { '=' });
        }
    }
    whole
}

fn from_base32(value: &str) -> Answer {
    let (mut bits, mut count) = (0u64, 0u32);
    let mut whole = Vec::new();
    for c in value.trim_end_matches('=').bytes() {
        let digit =
            BASE32.iter().position(|b| *b == c.to_ascii_uppercase()).ok_or("Failed to decode invalid base32 string")?;
        bits = bits << 5 | digit as u64;
        count += 5;
        if count >= 8 {
            count -= 8;
            whole.push((bits >> count) as u8);
        }
    }
    bytes(whole)
}

fn radix(bytes: &[u8], bits: usize) -> String {
    let count = (bytes.len() * 8).div_ceil(bits);
    let bit = |place: usize| match bytes.len().checked_sub(1 + place / 8) {
        Some(index) => bytes[index] >> (place % 8) & 1,
        None => 0,
    };
    let digit = |d: usize| (0..bits).fold(0u8, |sum, b| sum | bit(d * bits + b) << b);
    (0..count).rev().map(|d| char::from(b'0' + digit(d))).collect()
}

/// Bytes from the digits of one number; what is left over in front of the first byte must be zero.
fn from_radix(digits: &str, bits: usize) -> Answer {
    let total = digits.len() * bits;
    let mut bytes = vec![0u8; total.div_ceil(8)];
    let last = bytes.len();
    for (d, c) in digits.chars().rev().enumerate() {
        let Some(value) = c.to_digit(1 << bits) else { return Err(format!("Failed to decode invalid digit '{c}'")) };
        for b in (0..bits).filter(|b| value >> b & 1 == 1) {
            let place = d * bits + b;
            bytes[last - 1 - place / 8] |= 1 << (place % 8);
        }
    }
    if !total.is_multiple_of(8) && bytes.first() == Some(&0) {
        bytes.remove(0);
    } else if !total.is_multiple_of(8) {
        return Err("Failed to decode digits that fill no whole byte".into());
    }
    Ok(Out::Bytes(bytes))
}

fn shift(a: &[Val<'_>], left: bool) -> Answer {
    let count = usize::try_from(a[1].int()).map_err(|_| "Bitwise shift by negative offset.".to_owned())?;
    let value = a[0].bytes();
    let total = value.len() * 8;
    let bit = |i: usize| value[i / 8] >> (7 - i % 8) & 1;
    let mut whole = vec![0u8; value.len()];
    for i in 0..total {
        let from = if left { i.checked_add(count).filter(|f| *f < total) } else { i.checked_sub(count) };
        if let Some(from) = from {
            whole[i / 8] |= bit(from) << (7 - i % 8);
        }
    }
    bytes(whole)
}

fn escape(value: &[u8], quoted: bool) -> String {
    let mut whole = String::new();
    for b in value {
        match b {
            b'\n' => whole.push_str("\\n"),
            b'\r' => whole.push_str("\\r"),
            b'\t' => whole.push_str("\\t"),
            b'\\' => whole.push_str("\\\\"),
            b'"' if quoted => whole.push_str("\\\""),
            0x20..=0x7e => whole.push(*b as char),
            _ => whole.push_str(&format!("\\x{b:02x}")),
        }
    }
    whole
}
