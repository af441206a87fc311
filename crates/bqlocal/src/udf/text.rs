//! Strings by characters.

use super::{Answer, Out, Row, Val, int, text};
use unicode_normalization::UnicodeNormalization;

pub(super) const TABLE: &[Row] = &[
    ("bq_upper", "s>s", |a| text(a[0].text().to_uppercase())),
    ("bq_lower", "s>s", |a| text(a[0].text().to_lowercase())),
    ("bq_initcap", "s>s", |a| initcap(a[0].text(), " \t\r\n\u{b}\u{c}[](){}/|<>!?@\"^#$&~_,.:;*%+-")),
    ("bq_initcap", "ss>s", |a| initcap(a[0].text(), a[1].text())),
    ("bq_trim", "ss>s", |a| trim(a[0].text(), a[1].text(), &|c| c.is_whitespace())),
    ("bq_trim_chars", "sss>s", |a| trim(a[0].text(), a[2].text(), &|c| a[1].text().contains(c))),
    ("bq_substr", "sii>s", substr),
    ("bq_left", "si>s", |a| side(a, true)),
    ("bq_right", "si>s", |a| side(a, false)),
    ("bq_pad", "siss>s", pad),
    ("bq_repeat", "si>s", |a| match a[1].int() {
        n if n < 0 => Err("Second argument (repeat count) for REPEAT cannot be negative".into()),
        n if n as u128 * a[0].text().len() as u128 > 1 << 20 => Err("REPEAT: the result is longer than 1 MB".into()),
        n => text(a[0].text().repeat(n as usize)),
    }),
    ("bq_reverse", "s>s", |a| text(a[0].text().chars().rev().collect::<String>())),
    ("bq_translate", "sss>s", translate),
    ("bq_edit_distance", "ssi>i", edit_distance),
    ("bq_instr", "ssii>i", |a| {
        let (whole, part): (Vec<char>, Vec<char>) = (a[0].text().chars().collect(), a[1].text().chars().collect());
        instr(&whole, &part, a[2].int(), a[3].int())
    }),
    ("bq_split", "ss>[s", |a| {
        let parts: Vec<String> = match (a[0].text(), a[1].text()) {
            ("", "") => vec![String::new()],
            (whole, "") => whole.chars().map(String::from).collect(),
            (whole, separator) => whole.split(separator).map(str::to_owned).collect(),
        };
        Ok(Out::List(parts.into_iter().map(|p| Some(Out::Text(p))).collect()))
    }),
    ("bq_ascii", "s>i", |a| match a[0].text().chars().next() {
        Some(c) if !c.is_ascii() => Err("Argument to ASCII is not a structurally valid ASCII string".into()),
        c => int(c.map_or(0, |c| c as i64)),
    }),
    ("bq_unicode", "s>i", |a| int(a[0].text().chars().next().map_or(0, |c| c as i64))),
    ("bq_chr", "i>s", |a| match u32::try_from(a[0].int()).ok() {
        Some(code) => char::from_u32(code).map_or(Err(format!("Invalid codepoint {code}")), text),
        None => Err(format!("Invalid codepoint {}", a[0].int())),
    }),
    ("bq_soundex", "s>s", |a| text(soundex(a[0].text()))),
    ("bq_normalize", "ss>s", |a| text(normalize(a[0].text(), a[1].text()))),
    ("bq_normalize_casefold", "ss>s", |a| {
        text(normalize(&casefold(&normalize(a[0].text(), a[1].text())), a[1].text()))
    }),
    ("bq_like", "ss>b", |a| {
        let (value, pattern): (Vec<char>, Vec<char>) = (a[0].text().chars().collect(), a[1].text().chars().collect());
        like(&value, &pattern, '%', '_', '\\').map(Out::Bool)
    }),
    ("bq_like", "yy>b", |a| like(a[0].bytes(), a[1].bytes(), b'%', b'_', b'\\').map(Out::Bool)),
    ("bq_quote_text", "s>s", |a| text(quote(a[0].text()))),
    ("bq_code_points", "s>[i", |a| Ok(Out::List(a[0].text().chars().map(|c| Some(Out::Int(c as i64))).collect()))),
    ("bq_code_points_text", "[i>s", |a| {
        let mut whole = String::new();
        for item in a[0].list() {
            let Some(code) = item else { return Ok(Out::Null) };
            whole.push(
                u32::try_from(code.int())
                    .ok()
                    .and_then(char::from_u32)
                    .ok_or_else(|| format!("Invalid codepoint {}", code.int()))?,
            );
        }
        text(whole)
    }),
];

fn initcap(value: &str, delimiters: &str) -> Answer {
    let mut whole = String::with_capacity(value.len());
    let mut start = true;
    for c in value.chars() {
        let delimiter = delimiters.contains(c);
        if delimiter {
            whole.push(c);
        } else if start {
            whole.extend(c.to_uppercase())
        } else {
            whole.extend(c.to_lowercase())
        }
        start = delimiter;
    }
    text(whole)
}

fn trim(value: &str, sides: &str, gone: &dyn Fn(char) -> bool) -> Answer {
    text(match sides {
        "left" => value.trim_start_matches(gone),
        "right" => value.trim_end_matches(gone),
        _ => value.trim_matches(gone),
    })
}

/// The range that SUBSTR takes out of `length` items.
pub(super) fn substr_range(length: usize, position: i64, count: i64) -> Result<std::ops::Range<usize>, String> {
    if count < 0 {
        return Err("Third argument in SUBSTR() cannot be negative".into());
    }
    let length = length as i64;
    let start = match position {
        0 => 0,
        p if p > 0 => (p - 1).min(length),
        p => (length + p).max(0),
    };
    Ok(start as usize..start.saturating_add(count).min(length) as usize)
}

fn substr(a: &[Val<'_>]) -> Answer {
    let value = a[0].text();
    if value.is_ascii() {
        return text(&value[substr_range(value.len(), a[1].int(), a[2].int())?]);
    }
    let chars: Vec<char> = value.chars().collect();
    text(chars[substr_range(chars.len(), a[1].int(), a[2].int())?].iter().collect::<String>())
}

fn side(a: &[Val<'_>], left: bool) -> Answer {
    let Ok(count) = usize::try_from(a[1].int()) else {
        return Err(format!("Second argument in {}() cannot be negative", if left { "LEFT" } else { "RIGHT" }));
    };
    let value = a[0].text();
    if left {
        return text(value.chars().take(count).collect::<String>());
    }
    let length = value.chars().count();
    text(value.chars().skip(length.saturating_sub(count)).collect::<String>())
}

fn pad(a: &[Val<'_>]) -> Answer {
    let (value, filler): (Vec<char>, Vec<char>) = (a[0].text().chars().collect(), a[2].text().chars().collect());
    pad_items(&value, a[1].int(), &filler, a[3].text()).map(|items| Out::Text(items.into_iter().collect()))
}

pub(super) fn pad_items<T: Clone>(value: &[T], length: i64, filler: &[T], sides: &str) -> Result<Vec<T>, String> {
    let length = usize::try_from(length)
        .map_err(|_| "Second argument (output size) for LPAD/RPAD cannot be negative".to_owned())?;
    if filler.is_empty() {
        return Err("Third argument (pad pattern) for LPAD/RPAD cannot be empty".into());
    }
    if length > 1 << 20 {
        return Err("LPAD/RPAD: the result is longer than 1 MB".into());
    }
    if value.len() >= length {
        return Ok(value[..length].to_vec());
    }
    let fill: Vec<T> = filler.iter().cycle().take(length - value.len()).cloned().collect();
    Ok(if sides == "left" { [&fill, value].concat() } else { [value, &fill].concat() })
}

fn translate(a: &[Val<'_>]) -> Answer {
    let (from, to): (Vec<char>, Vec<char>) = (a[1].text().chars().collect(), a[2].text().chars().collect());
    for (i, c) in from.iter().enumerate() {
        if from[..i].contains(c) {
            return Err("Duplicate character in TRANSLATE source characters".into());
        }
    }
    let mut whole = String::new();
    for c in a[0].text().chars() {
        match from.iter().position(|f| *f == c) {
            Some(i) => whole.extend(to.get(i)),
            None => whole.push(c),
        }
    }
    text(whole)
}

/// The changes that turn one text into another; at most as many as are of interest.
fn edit_distance(a: &[Val<'_>]) -> Answer {
    let (x, y): (Vec<char>, Vec<char>) = (a[0].text().chars().collect(), a[1].text().chars().collect());
    let most = a[2].int();
    if most < 0 {
        return Err("max_distance must be non-negative".into());
    }
    let mut row: Vec<i64> = (0..=y.len() as i64).collect();
    for (i, c) in x.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i as i64 + 1;
        for (j, d) in y.iter().enumerate() {
            let change = diagonal + i64::from(c != d);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    int(row[y.len()].min(most))
}

/// The position of the nth occurrence; a negative start searches backwards.
pub(super) fn instr<T: PartialEq>(whole: &[T], part: &[T], position: i64, occurrence: i64) -> Answer {
    if occurrence <= 0 {
        return Err("Occurrence must be positive".into());
    }
    if position == 0 {
        return Err("Position must be non-zero".into());
    }
    if part.len() > whole.len() || (position.unsigned_abs() as usize > whole.len() && !part.is_empty()) {
        return int(0);
    }
    let last = whole.len() - part.len();
    let hit = |at: &usize| whole[*at..].starts_with(part);
    let nth = occurrence as usize - 1;
    let found = if position > 0 {
        (position as usize - 1..=last).filter(hit).nth(nth)
    } else {
        // an empty part is found behind the last character too
        let start = (whole.len() as i64 + position + i64::from(part.is_empty())).max(0) as usize;
        (0..=start.min(last)).rev().filter(hit).nth(nth)
    };
    int(found.map_or(0, |at| at as i64 + 1))
}

fn soundex(value: &str) -> String {
    const CODES: &[u8; 26] = b"01230120022455012623010202";
    let code = |c: char| CODES[(c.to_ascii_uppercase() as u8 - b'A') as usize] as char;
    let letters: Vec<char> = value.chars().filter(char::is_ascii_alphabetic).collect();
    let Some(first) = letters.first() else { return String::new() };
    let mut result = String::from(*first);
    let mut last = code(*first);
    for c in &letters[1..] {
        let this = code(*c);
        let silent = matches!(c.to_ascii_uppercase(), 'H' | 'W');
        if this != '0' && this != last {
            result.push(this);
        }
        if !silent {
            last = this;
        }
        if result.len() == 4 {
            break;
        }
    }
    while result.len() < 4 {
        result.push('0');
    }
    result
}

fn normalize(value: &str, mode: &str) -> String {
    match mode {
        "NFD" => value.nfd().collect(),
        "NFKC" => value.nfkc().collect(),
        "NFKD" => value.nfkd().collect(),
        _ => value.nfc().collect(),
    }
}

fn casefold(value: &str) -> String {
    // the full folding of what lower-casing leaves apart
    value
        .chars()
        .flat_map(|c| if c == 'ß' { vec!['s', 's'] } else { c.to_lowercase().collect() })
        .map(|c| if c == 'ς' { 'σ' } else { c })
        .collect()
}

/// LIKE with a backslash as escape, without recursion.
pub(super) fn like<T: PartialEq + Copy>(
    value: &[T],
    pattern: &[T],
    many: T,
    one: T,
    escape: T,
) -> Result<bool, String> {
    enum Part<T> {
        Many,
        One,
        Item(T),
    }
    let mut parts = Vec::with_capacity(pattern.len());
    let mut items = pattern.iter();
    while let Some(item) = items.next() {
        parts.push(if *item == escape {
            Part::Item(*items.next().ok_or("LIKE pattern ends with a backslash")?)
        } else if *item == many {
            Part::Many
        } else if *item == one {
            Part::One
        } else {
            Part::Item(*item)
        });
    }
    let (mut v, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while v < value.len() {
        match parts.get(p) {
            Some(Part::Many) => {
                back = Some((p, v));
                p += 1;
                continue;
            }
            Some(Part::One) => {
                v += 1;
                p += 1;
                continue;
            }
            Some(Part::Item(item)) if *item == value[v] => {
                v += 1;
                p += 1;
                continue;
            }
            _ => {}
        }
        match &mut back {
            Some((star, from)) => {
                *from += 1;
                v = *from;
                p = *star + 1;
            }
            None => return Ok(false),
        }
    }
    Ok(parts[p..].iter().all(|part| matches!(part, Part::Many)))
}

/// A string as a GoogleSQL literal.
pub(super) fn quote(value: &str) -> String {
    let mark = if value.contains('"') && !value.contains('\'') { '\'' } else { '"' };
    let mut whole = String::from(mark);
    for c in value.chars() {
        match c {
            '\n' => whole.push_str("\\n"),
            '\r' => whole.push_str("\\r"),
            '\t' => whole.push_str("\\t"),
            '\\' => whole.push_str("\\\\"),
            c if c == mark => {
                whole.push('\\');
                whole.push(c);
            }
            c if (c as u32) < 0x20 || c == '\u{7f}' => whole.push_str(&format!("\\x{:02x}", c as u32)),
            c => whole.push(c),
        }
    }
    whole.push(mark);
    whole
}
