//! Python's `%` formatting: `"%s and %05.1f" % (a, b)`.

use super::call::bad;
use super::value::python;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

/// Formats with a tuple, a dict or a single value.
pub fn percent(format: &str, arguments: &Value) -> Result<String, Error> {
    let positional: Vec<Value> = match arguments.is_tuple() {
        true => arguments.try_iter()?.collect(),
        false => vec![arguments.clone()],
    };
    let mut next = positional.into_iter();
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut key = None;
        if chars.peek() == Some(&'(') {
            chars.next();
            key = Some(chars.by_ref().take_while(|c| *c != ')').collect::<String>());
        }
        let mut spec = String::new();
        while let Some(c) = chars.peek().copied().filter(|c| "-+ #0123456789.*".contains(*c)) {
            chars.next();
            match c {
                // A width or precision that stands among the values.
                '*' => {
                    let size = next.next().ok_or_else(|| bad("not enough arguments for format string"))?;
                    spec.push_str(&crate::signature::whole(&size).map_err(|_| bad("* wants int"))?.to_string());
                }
                c => spec.push(c),
            }
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(kind) => {
                let value = match &key {
                    Some(key) => {
                        let found = arguments.get_attr(key)?;
                        if found.is_undefined() {
                            return Err(bad(python::quoted(key)));
                        }
                        found
                    }
                    None => next.next().ok_or_else(|| bad("not enough arguments for format string"))?,
                };
                out.push_str(&padded(&spec, kind, &value)?);
            }
            None => return Err(bad("incomplete format")),
        }
    }
    // A single dict may stay unused: `'...' % {}` is fine in Python.
    if next.next().is_some() && arguments.kind() != ValueKind::Map {
        return Err(bad("not all arguments converted during string formatting"));
    }
    Ok(out)
}

fn padded(spec: &str, kind: char, value: &Value) -> Result<String, Error> {
    let flags: String = spec.chars().take_while(|c| "-+ #0".contains(*c)).collect();
    let rest = &spec[flags.len()..];
    let (width, precision) = rest.split_once('.').map_or((rest, None), |(w, p)| (w, p.parse::<usize>().ok()));
    let width: usize = width.parse().unwrap_or(0);
    let wanted = || {
        let sort = if "xXoc".contains(kind) { "an integer" } else { "a real number" };
        bad(format!("%{kind} format: {sort} is required, not {}", python::type_name(value)))
    };
    let number = || python::number(value).map_err(|_| wanted());
    let mut text = match kind {
        's' => python::text(value),
        'r' => python::repr(value),
        'd' | 'i' if value.is_integer() => value.to_string(),
        'd' | 'i' => (number()?.trunc() as i128).to_string(),
        'f' | 'F' => format!("{:.*}", precision.unwrap_or(6), number()?),
        'e' | 'E' => exponent(&format!("{:.*e}", precision.unwrap_or(6), number()?), kind),
        'g' | 'G' => general(number()?, precision.unwrap_or(6).max(1)),
        'x' => format!("{:x}", number()? as i64),
        'X' => format!("{:X}", number()? as i64),
        'o' => format!("{:o}", number()? as i64),
        'c' => python::text(value),
        other => return Err(bad(format!("unsupported format character '{other}'"))),
    };
    if kind == 's'
        && let Some(most) = precision
    {
        text = text.chars().take(most).collect();
    }
    if flags.contains('+') && !"srcxXo".contains(kind) && !text.starts_with('-') {
        text.insert(0, '+');
    }
    let missing = width.min(super::strings::WIDEST).saturating_sub(text.chars().count());
    Ok(if flags.contains('-') {
        text + &" ".repeat(missing)
    } else if flags.contains('0') && kind != 's' {
        let sign = usize::from(text.starts_with(['-', '+']));
        text[..sign].to_owned() + &"0".repeat(missing) + &text[sign..]
    } else {
        " ".repeat(missing) + &text
    })
}

/// Rust writes `1e4`, Python `1e+04`.
fn exponent(text: &str, kind: char) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let number: i32 = exponent.parse().unwrap_or(0);
    let sign = if number < 0 { '-' } else { '+' };
    format!("{digits}{}{sign}{:02}", if kind == 'E' { 'E' } else { 'e' }, number.abs())
}

/// `%g`: so many significant digits, without zeros at the end.
fn general(number: f64, digits: usize) -> String {
    let scientific = format!("{:.*e}", digits - 1, number);
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let bare = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if power < -4 || power >= digits as i32 {
        let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        return exponent(&format!("{}e{power}", bare(mantissa)), 'e');
    }
    bare(&format!("{:.*}", (digits as i32 - 1 - power).max(0) as usize, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_like_python() {
        let pair = Value::from((Value::from("a"), Value::from(3)));
        assert_eq!(percent("%s-%03d", &pair).expect("valid"), "a-003");
        assert_eq!(percent("%.2f%%", &Value::from(1.005)).expect("valid"), "1.00%");
    }
}
