//! Numbers of bytes, and bytes themselves, as people write them.

const UNITS: [&str; 6] = ["Bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/// `1.5 GiB`, as dbt-bigquery prints it.
pub fn byte_text(count: u64) -> String {
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} Bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Reads `500000`, `500MB` or `1.5 GiB`; `None` when it is no number of bytes.
pub fn byte_count(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let value: f64 = text[..end].replace('_', "").parse().ok()?;
    let unit = text[end..].trim().to_uppercase();
    let power = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" if unit.len() <= 1 => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        _ => return None,
    };
    // As with BigQuery's own prices, K, M and G count in steps of 1,024.
    Some((value * 1024f64.powi(power)) as u64)
}

/// Two digits a byte, as digests are shown.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(byte_text(0), "0 Bytes");
        assert_eq!(byte_text(1_610_612_736), "1.5 GiB");
        assert_eq!(byte_count("1.5 GiB"), Some(1_610_612_736));
        assert_eq!(byte_count("10MB"), Some(10 << 20));
        assert_eq!(byte_count("7"), Some(7));
        assert_eq!(byte_count("ten"), None);
        assert_eq!(byte_count("1XB"), None);
    }

    #[test]
    fn bytes_as_digits() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
