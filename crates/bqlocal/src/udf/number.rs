//! Numbers: checked and exact arithmetic, number texts, elementary functions.

use super::{Answer, Out, Row, Val, int, text};

const NUMERIC: i128 = 1_000_000_000;
const BIG: i128 = 1_000_000_000_000_000_000;
/// The largest magnitude of a 38-digit decimal.
const LIMIT: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

fn float(value: f64) -> Answer {
    Ok(Out::Float(value))
}

fn decimal(value: Option<i128>) -> Answer {
    match value.filter(|v| v.abs() <= LIMIT) {
        Some(value) => Ok(Out::Decimal(value)),
        None => Err("numeric overflow".into()),
    }
}

pub(super) const TABLE: &[Row] = &[
    // DuckDB's own error() is volatile, which TRY refuses
    ("bq_fail", "s>i", |a| Err(a[0].text().to_owned())),
    ("bq_fail_text", "s>s", |a| Err(a[0].text().to_owned())),
    ("bq_divide", "ff>f", |a| {
        if a[1].float() == 0.0 {
            Err(format!("division by zero: {} / {}", shortest(a[0].float()), shortest(a[1].float())))
        } else {
            finite(a[0].float() / a[1].float(), a[0].float(), a[1].float())
        }
    }),
    ("bq_safe_divide", "ff>f", |a| {
        let (x, y) = (a[0].float(), a[1].float());
        if y == 0.0 || ((x / y).is_infinite() && x.is_finite()) { Ok(Out::Null) } else { float(x / y) }
    }),
    ("bq_ieee_divide", "ff>f", |a| float(a[0].float() / a[1].float())),
    ("bq_finite", "fff>f", |a| finite(a[0].float(), a[1].float(), a[2].float())),
    ("bq_sign", "f>f", |a| {
        float(if a[0].float().is_nan() {
            f64::NAN
        } else if a[0].float() == 0.0 {
            0.0
        } else {
            a[0].float().signum()
        })
    }),
    ("bq_numeric_multiply", "nn>n", |a| decimal(multiply(a[0].decimal(), a[1].decimal(), NUMERIC))),
    ("bq_bignumeric_multiply", "NN>N", |a| decimal(multiply(a[0].decimal(), a[1].decimal(), BIG))),
    ("bq_numeric_divide", "nn>n", |a| divide(a, NUMERIC)),
    ("bq_bignumeric_divide", "NN>N", |a| divide(a, BIG)),
    ("bq_numeric_div", "nn>n", |a| whole_divide(a, NUMERIC)),
    ("bq_bignumeric_div", "NN>N", |a| whole_divide(a, BIG)),
    ("bq_numeric_mod", "nn>n", modulo),
    ("bq_bignumeric_mod", "NN>N", modulo),
    ("bq_numeric_round", "nis>n", |a| round_decimal(a, 9)),
    ("bq_bignumeric_round", "Nis>N", |a| round_decimal(a, 18)),
    ("bq_div", "ii>i", |a| match (a[0].int(), a[1].int()) {
        (x, 0) => Err(format!("division by zero: {x} / 0")),
        (x, y) => x.checked_div(y).map_or(Err("int64 overflow in DIV".into()), int),
    }),
    ("bq_mod", "ii>i", |a| match (a[0].int(), a[1].int()) {
        (x, 0) => Err(format!("division by zero: MOD({x}, 0)")),
        (x, y) => int(x.wrapping_rem(y)),
    }),
    ("bq_shift_left", "ii>i", |a| shift(a, |x, n| ((x as u64) << n) as i64)),
    ("bq_shift_right", "ii>i", |a| shift(a, |x, n| (x as u64 >> n) as i64)),
    ("bq_float_int", "f>i", |a| {
        let rounded = a[0].float().round();
        if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded) {
            int(rounded as i64)
        } else {
            Err(match a[0].float() {
                f if f.is_finite() => format!("int64 out of range: {}", shortest(f)),
                f => format!("Illegal conversion of non-finite floating point number to an integer: {}", shortest(f)),
            })
        }
    }),
    ("bq_float_numeric", "f>n", |a| from_float(a[0].float(), 9)),
    ("bq_float_bignumeric", "f>N", |a| from_float(a[0].float(), 18)),
    ("bq_float_text", "f>s", |a| text(shortest(a[0].float()))),
    ("bq_float_shown", "f>s", |a| text(shown(a[0].float()))),
    ("bq_float_literal", "f>s", |a| {
        text(if a[0].float().is_finite() {
            shown(a[0].float())
        } else {
            format!("CAST(\"{}\" AS FLOAT64)", shortest(a[0].float()))
        })
    }),
    ("bq_decimal_text", "s>s", |a| text(trimmed(a[0].text()))),
    ("bq_text_int", "s>i", |a| parse_int(a[0].text()).map_or(Err(format!("Bad int64 value: {}", a[0].text())), int)),
    ("bq_text_float", "s>f", |a| {
        parse_float(a[0].text()).map_or(Err(format!("Bad double value: {}", a[0].text())), float)
    }),
    ("bq_text_bool", "s>b", |a| match a[0].text().to_lowercase().as_str() {
        "true" => Ok(Out::Bool(true)),
        "false" => Ok(Out::Bool(false)),
        _ => Err(format!("Bad bool value: {}", a[0].text())),
    }),
    ("bq_text_numeric", "s>n", |a| {
        parse_decimal(a[0].text(), 9).ok_or_else(|| format!("Invalid NUMERIC value: {}", a[0].text())).map(Out::Decimal)
    }),
    ("bq_text_bignumeric", "s>N", |a| {
        exact_big(a[0].text()).ok_or_else(|| format!("Invalid BIGNUMERIC value: {}", a[0].text())).map(Out::Decimal)
    }),
    ("bq_parse_numeric", "s>n", |a| {
        parse_loose(a[0].text(), 9)
            .ok_or_else(|| format!("Invalid input to PARSE_NUMERIC: {}", a[0].text()))
            .map(Out::Decimal)
    }),
    ("bq_parse_bignumeric", "s>N", |a| {
        parse_loose(a[0].text(), 18)
            .ok_or_else(|| format!("Invalid input to PARSE_BIGNUMERIC: {}", a[0].text()))
            .map(Out::Decimal)
    }),
    ("bq_round", "fi>f", |a| float(round_float(a[0].float(), a[1].int(), f64::round))),
    ("bq_trunc", "fi>f", |a| float(round_float(a[0].float(), a[1].int(), f64::trunc))),
    ("bq_math", "sf>f", |a| math(a[0].text(), a[1].float())),
    ("bq_math2", "sff>f", |a| math2(a[0].text(), a[1].float(), a[2].float())),
];

fn finite(value: f64, x: f64, y: f64) -> Answer {
    if value.is_infinite() && x.is_finite() && y.is_finite() { Err("double overflow".into()) } else { float(value) }
}

fn shift(a: &[Val<'_>], by: fn(i64, u32) -> i64) -> Answer {
    match u32::try_from(a[1].int()) {
        Ok(n) if n < 64 => int(by(a[0].int(), n)),
        Ok(_) => int(0),
        Err(_) if a[1].int() < 0 => Err("Bitwise shift by negative offset.".into()),
        Err(_) => int(0),
    }
}

/// The product as high and low 128-bit halves.
fn wide(x: u128, y: u128) -> (u128, u128) {
    let mask = u128::from(u64::MAX);
    let (xh, xl, yh, yl) = (x >> 64, x & mask, y >> 64, y & mask);
    let low = xl * yl;
    let (m1, m2) = (xh * yl, xl * yh);
    let mid = (low >> 64) + (m1 & mask) + (m2 & mask);
    (xh * yh + (m1 >> 64) + (m2 >> 64) + (mid >> 64), (mid << 64) | (low & mask))
}

/// `(high:low) / divisor` rounded half up; `None` when it does not fit 127 bits.
fn narrow(high: u128, low: u128, divisor: u128) -> Option<i128> {
    if high >= divisor {
        return None;
    }
    let (mut remainder, mut quotient) = (high, 0u128);
    for i in (0..128).rev() {
        let carry = remainder >> 127;
        remainder = remainder << 1 | (low >> i & 1);
        quotient <<= 1;
        if carry == 1 || remainder >= divisor {
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    let up = u128::from(remainder >= divisor - remainder);
    i128::try_from(quotient.checked_add(up)?).ok()
}

fn multiply(x: i128, y: i128, scale: i128) -> Option<i128> {
    let (high, low) = wide(x.unsigned_abs(), y.unsigned_abs());
    let value = narrow(high, low, scale as u128)?;
    Some(if (x < 0) != (y < 0) { -value } else { value })
}

fn divide(a: &[Val<'_>], scale: i128) -> Answer {
    let (x, y) = (a[0].decimal(), a[1].decimal());
    if y == 0 {
        return Err("division by zero".into());
    }
    let (high, low) = wide(x.unsigned_abs(), scale as u128);
    decimal(narrow(high, low, y.unsigned_abs()).map(|v| if (x < 0) != (y < 0) { -v } else { v }))
}

fn whole_divide(a: &[Val<'_>], scale: i128) -> Answer {
    match (a[0].decimal(), a[1].decimal()) {
        (_, 0) => Err("division by zero".into()),
        (x, y) => decimal((x / y).checked_mul(scale)),
    }
}

fn modulo(a: &[Val<'_>]) -> Answer {
    match (a[0].decimal(), a[1].decimal()) {
        (_, 0) => Err("division by zero in MOD".into()),
        (x, y) => Ok(Out::Decimal(x % y)),
    }
}

fn round_decimal(a: &[Val<'_>], scale: i64) -> Answer {
    let digits = a[1].int();
    if digits >= scale {
        return Ok(Out::Decimal(a[0].decimal()));
    }
    let Ok(power) = u32::try_from(scale - digits) else { return Ok(Out::Decimal(0)) };
    let Some(unit) = 10i128.checked_pow(power) else { return Ok(Out::Decimal(0)) };
    let value = a[0].decimal();
    let (quotient, rest) = (value / unit, (value % unit).abs());
    let up = match a[2].text() {
        "TRUNC" => false,
        "ROUND_HALF_EVEN" => rest * 2 > unit || (rest * 2 == unit && quotient % 2 != 0),
        "ROUND_HALF_AWAY_FROM_ZERO" => rest * 2 >= unit,
        other => return Err(format!("ROUND has no rounding mode {other}")),
    };
    let rounded = if up { quotient + value.signum() } else { quotient };
    decimal(rounded.checked_mul(unit))
}

fn round_float(value: f64, digits: i64, by: fn(f64) -> f64) -> f64 {
    if !value.is_finite() || digits > 330 || (digits > 0 && value.abs() > 1e15) {
        return value;
    }
    if digits < -330 {
        return 0.0 * value;
    }
    let power = 10f64.powi(digits.abs() as i32);
    if digits <= 0 {
        return by(value / power) * power;
    }
    let scaled = value * power;
    // near a border the product may lie on its other side: there the digits of the exact value decide
    let half = if by(0.5) == 1.0 { 0.5 } else { 0.0 };
    let distance = (scaled.abs().fract() - half).abs();
    if scaled.abs() < 1e15 && distance.min(1.0 - distance) > 1e-6 {
        return by(scaled) / power;
    }
    exact_round(value, digits as usize, half > 0.0)
}

/// Rounding by the decimal digits of the exact binary value, half away from zero, or cut.
fn exact_round(value: f64, digits: usize, round: bool) -> f64 {
    let text = format!("{:.*}", digits + 40, value.abs());
    let cut = text.len() - 40;
    let (kept, rest) = text.split_at(cut);
    let up = round && rest.starts_with(['5', '6', '7', '8', '9']);
    let magnitude = if up {
        format!("{:.*}", digits, kept.parse::<f64>().unwrap_or(0.0) + 10f64.powi(-(digits as i32)))
    } else {
        kept.to_owned()
    };
    let found = magnitude.parse::<f64>().unwrap_or(0.0);
    if value.is_sign_negative() { -found } else { found }
}

fn from_float(value: f64, scale: usize) -> Answer {
    if !value.is_finite() {
        return Err(format!("Illegal conversion of non-finite floating point number to NUMERIC: {}", shortest(value)));
    }
    // the exact binary expansion, rounded half away from zero
    parse_decimal(&format!("{value:.60}"), scale)
        .ok_or_else(|| format!("numeric out of range: {}", shortest(value)))
        .map(Out::Decimal)
}

/// The shortest text that reads back as the same FLOAT64, as CAST prints it.
pub(super) fn shortest(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let size = value.abs();
    if size != 0.0 && !(1e-5..1e15).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let number: i32 = exponent.parse().unwrap_or(0);
        let sign = if number < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", number.abs());
    }
    format!("{value}")
}

/// As `%t` prints it: a whole number keeps its `.0`.
pub(super) fn shown(value: f64) -> String {
    let text = shortest(value);
    if value.is_finite() && !text.contains(['.', 'e']) { format!("{text}.0") } else { text }
}

/// A decimal without its trailing zeros.
pub(super) fn trimmed(value: &str) -> String {
    if !value.contains('.') {
        return value.to_owned();
    }
    let short = value.trim_end_matches('0').trim_end_matches('.');
    if matches!(short, "-0" | "") { "0".into() } else { short.to_owned() }
}

fn parse_int(value: &str) -> Option<i64> {
    let value = value.trim();
    let (negative, digits) = match value.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        let number = i128::from(u64::from_str_radix(hex, 16).ok()?);
        return i64::try_from(if negative { -number } else { number }).ok();
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{}{digits}", if negative { "-" } else { "" }).parse().ok()
}

pub(super) fn parse_float(value: &str) -> Option<f64> {
    let clean = value.trim().to_lowercase();
    match clean.trim_start_matches(['+', '-']) {
        "inf" | "infinity" | "nan" => {}
        digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {}
        _ => return None,
    }
    clean.parse::<f64>().ok().filter(|v| v.is_finite() || clean.contains("inf") || clean.contains("nan"))
}

/// A decimal text as a scaled integer, rounded half away from zero.
pub(super) fn parse_decimal(value: &str, scale: usize) -> Option<i128> {
    let value = value.trim();
    let (negative, rest) = match value.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], rest[at + 1..].parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if (whole.is_empty() && fraction.is_empty()) || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    // how many digits stand before the unit of the scaled integer
    let keep = whole.len() as i64 + exponent + scale as i64;
    let mut number: i128 = 0;
    for i in 0..keep.clamp(0, 200) {
        let digit = digits.get(i as usize).map_or(0, |b| b - b'0');
        number = number.checked_mul(10)?.checked_add(i128::from(digit))?;
    }
    if keep > 200 && digits.iter().any(|d| *d != b'0') {
        return None;
    }
    if keep >= 0 && digits.get(keep as usize).is_some_and(|d| *d >= b'5') {
        number += 1;
    }
    (number <= LIMIT).then_some(if negative { -number } else { number })
}

/// A BIGNUMERIC has 38 decimals, 18 of which are kept here: a text that needs more is refused, never rounded.
fn exact_big(value: &str) -> Option<i128> {
    let mantissa = value.trim().split(['e', 'E']).next()?;
    let decimals = mantissa.split('.').nth(1).map_or(0, |f| f.trim_end_matches('0').len());
    if decimals > 18 && !value.contains(['e', 'E']) { None } else { parse_decimal(value, 18) }
}

/// PARSE_NUMERIC: commas, blanks around the sign and a trailing sign are fine.
fn parse_loose(value: &str, scale: usize) -> Option<i128> {
    let mut clean: String = value.chars().filter(|c| *c != ',').collect::<String>().trim().to_owned();
    let mut negative = false;
    for sign in ['-', '+'] {
        if let Some(rest) = clean.strip_suffix(sign) {
            let rest = rest.trim().to_owned();
            if rest.starts_with(['-', '+']) {
                return None;
            }
            negative = sign == '-';
            clean = rest;
        } else if let Some(rest) = clean.strip_prefix(sign) {
            negative = sign == '-';
            clean = rest.trim_start().to_owned();
            break;
        }
    }
    if clean.contains(char::is_whitespace) || clean.starts_with(['-', '+']) {
        return None;
    }
    parse_decimal(&clean, scale).map(|v| if negative { -v } else { v })
}

fn math(name: &str, x: f64) -> Answer {
    let out_of_domain = || Err(format!("Floating point error in function: {name}({})", shortest(x)));
    let value = match name {
        "SQRT" if x < 0.0 => return Err(format!("Argument to SQRT cannot be negative: {}", shortest(x))),
        "SQRT" => x.sqrt(),
        "LN" => x.ln(),
        "LOG10" => x.log10(),
        "EXP" => x.exp(),
        "CBRT" => x.cbrt(),
        "SIN" => x.sin(),
        "COS" => x.cos(),
        "TAN" => x.tan(),
        "ASIN" => x.asin(),
        "ACOS" => x.acos(),
        "ATAN" => x.atan(),
        "SINH" => x.sinh(),
        "COSH" => x.cosh(),
        "TANH" => x.tanh(),
        "ASINH" => x.asinh(),
        "ACOSH" => x.acosh(),
        "ATANH" => x.atanh(),
        "COT" => 1.0 / x.tan(),
        "COTH" => 1.0 / x.tanh(),
        "CSC" => 1.0 / x.sin(),
        "CSCH" => 1.0 / x.sinh(),
        "SEC" => 1.0 / x.cos(),
        "SECH" => 1.0 / x.cosh(),
        _ => return Err(format!("unknown function {name}")),
    };
    // what is finite gives what is finite; an infinity may give NaN
    if !value.is_finite() && x.is_finite() { out_of_domain() } else { float(value) }
}

fn math2(name: &str, x: f64, y: f64) -> Answer {
    let bad = || Err(format!("Floating point error in function: {name}({}, {})", shortest(x), shortest(y)));
    if name == "LOG" {
        if x.is_nan() || y.is_nan() || y == f64::INFINITY || x == f64::NEG_INFINITY {
            return float(f64::NAN);
        }
        if x <= 0.0 || y <= 0.0 || y == 1.0 {
            return bad();
        }
        return float(x.ln() / y.ln());
    }
    if x < 0.0 && x.is_finite() && y.is_finite() && y.fract() != 0.0 {
        return bad();
    }
    let value = x.powf(y);
    if (value.is_infinite() && x.is_finite() && y.is_finite()) || (x == 0.0 && y < 0.0) { bad() } else { float(value) }
}
