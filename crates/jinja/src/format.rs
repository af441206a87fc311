//! Python's `%` formatting: `"%s and %05.1f" % (a, b)`.

use super::call::bad;
use super::value::python;
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
        while let Some(c) = chars.peek().filter(|c| "-+ #0123456789.".contains(**c)) {
            spec.push(*c);
            chars.next();
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(kind) => {
                let value = match &key {
                    Some(key) => arguments.get_attr(key)?,
                    None => next.next().ok_or_else(|| bad("not enough arguments for format string"))?,
                };
                out.push_str(&padded(&spec, kind, &value)?);
            }
            None => return Err(bad("incomplete format")),
        }
    }
    Ok(out)
}

fn padded(spec: &str, kind: char, value: &Value) -> Result<String, Error> {
    let flags: String = spec.chars().take_while(|c| "-+ #0".contains(*c)).collect();
    let rest = &spec[flags.len()..];
    let (width, precision) = rest.split_once('.').map_or((rest, None), |(w, p)| (w, p.parse::<usize>().ok()));
    let width: usize = width.parse().unwrap_or(0);
    let number = || f64::try_from(value.clone()).map_err(|_| bad(format!("%{kind} format: a number is required")));
    let mut text = match kind {
        's' => python::text(value),
        'r' => python::repr(value),
        'd' | 'i' => (number()?.trunc() as i128).to_string(),
        'f' | 'F' => format!("{:.*}", precision.unwrap_or(6), number()?),
        'e' => format!("{:.*e}", precision.unwrap_or(6), number()?),
        'g' => python::float(number()?).trim_end_matches(".0").to_owned(),
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
    let missing = width.saturating_sub(text.chars().count());
    Ok(if flags.contains('-') {
        text + &" ".repeat(missing)
    } else if flags.contains('0') && kind != 's' {
        let sign = usize::from(text.starts_with(['-', '+']));
        text[..sign].to_owned() + &"0".repeat(missing) + &text[sign..]
    } else {
        " ".repeat(missing) + &text
    })
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
