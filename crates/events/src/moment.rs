//! Times of events as text, and back: microseconds since 1970-01-01 on our side.

/// `2026-11-01T18:00:00.123456Z`, without a detour over a formatter: this runs twice an event.
pub fn write(micros: i64, out: &mut [u8; 27]) -> &str {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    out.copy_from_slice(b"0000-00-00T00:00:00.000000Z");
    let mut put = |at: usize, width: usize, mut value: i64| {
        for place in (at..at + width).rev() {
            out[place] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(0, 4, year);
    put(5, 2, month);
    put(8, 2, day);
    put(11, 2, second / 3_600);
    put(14, 2, second / 60 % 60);
    put(17, 2, second % 60);
    put(20, 6, fraction);
    std::str::from_utf8(out).unwrap_or_default()
}

/// Year, month and day of a number of days since 1970-01-01, in years that begin in March (so leap days come last).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// Reads a time in RFC 3339. Errors say what is wrong with it.
pub fn read(text: &str) -> Result<i64, String> {
    if let Some(micros) = own_micros(text.as_bytes()) {
        return Ok(micros);
    }
    let parsed = chrono::DateTime::parse_from_rfc3339(text);
    parsed.map(|time| time.timestamp_micros()).map_err(|why| format!("'{text}' is not a time: {why}"))
}

/// A time as `write` writes it; `None` for any other form.
fn own_micros(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0, |sum, c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
    if text.len() != 27 || marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days in years that begin in March, as in `civil`.
    let (year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_era = year.rem_euclid(400) * 365 + year.rem_euclid(400) / 4 - year.rem_euclid(400) / 100;
    let days = year.div_euclid(400) * 146_097 + of_era + (153 * shifted + 2) / 5 + day - 1 - 719_468;
    let is_real = civil(days) == (number(0, 4)?, month, day) && hour < 24 && minute < 60 && second < 60;
    is_real
        .then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
        .map(|s| s * 1_000_000)
        .zip(number(20, 26))
        .map(|(s, f)| s + f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_chrono_writes_them() {
        for micros in [0, -1, 951_782_399_999_999, 1_793_491_200_000_000, 4_102_444_800_123_456, -2_208_988_800_000_000]
        {
            let theirs = chrono::DateTime::from_timestamp_micros(micros).expect("in range");
            let text = theirs.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
            assert_eq!(write(micros, &mut [0; 27]), text);
            assert_eq!(own_micros(text.as_bytes()), Some(micros));
        }
    }

    #[test]
    fn days_that_are_none_are_refused() {
        for text in ["2026-02-29T00:00:00.000000Z", "2026-13-01T00:00:00.000000Z", "2026-11-01T24:00:00.000000Z"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("2024-02-29T00:00:00.000000Z").is_ok());
    }
}
