//! What an undefined value is called in the template: read off the rewritten text around the place of an error.

use super::call::Undefined;
use minijinja::{Error, ErrorKind};

/// The expression that is undefined, where the text shows it.
pub fn name(error: &Error, text: &str) -> Option<String> {
    let range = error.range()?;
    let here = text.get(range.clone())?;
    let operand = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Undefined>());
    let found = match (operand, error.kind()) {
        // `_add(a, b)`: what the pre-pass wrote for an operator.
        (Some(Undefined(at)), _) if here.starts_with('_') => arguments(here).get(*at)?.trim().to_owned(),
        // `a | int`: what stands before the bar.
        (Some(_), _) => {
            let before = text[..range.start].trim_end().strip_suffix('|')?.trim_end();
            chain(before)?.to_owned()
        }
        // `a.b.c`: all but the last step.
        (None, ErrorKind::UndefinedError | ErrorKind::UnknownMethod) => {
            without_last_step(chain(&text[..range.end])?)?.to_owned()
        }
        _ => return None,
    };
    let plain = !found.is_empty() && !found.starts_with('_') && found.len() < 80 && !found.contains('\n');
    plain.then(|| found.replace('"', "'"))
}

/// The arguments of a call as written.
fn arguments(call: &str) -> Vec<&str> {
    let inside = call.split_once('(').map_or("", |(_, rest)| rest).trim_end().trim_end_matches(')');
    let (mut parts, mut from, mut depth, mut quote) = (Vec::new(), 0, 0, None);
    for (at, c) in inside.char_indices() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(&inside[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[from..]);
    parts
}

/// The chain of names, members and calls that a text ends with.
fn chain(text: &str) -> Option<&str> {
    let text = text.trim_end();
    let mut start = text.len();
    loop {
        let before = &text[..start];
        let next = match before.chars().next_back() {
            Some(')' | ']') => opening(before)?,
            Some(c) if c == '_' || c.is_alphanumeric() => {
                before.trim_end_matches(|c: char| c == '_' || c.is_alphanumeric()).len()
            }
            Some('.') => start - 1,
            _ => break,
        };
        // A name ends the chain unless a dot stands before it.
        let is_name = !text[next..start].starts_with(['(', '[', '.']);
        start = next;
        if is_name && !text[..start].ends_with('.') {
            break;
        }
    }
    Some(&text[start..]).filter(|chain| !chain.is_empty())
}

/// Where the bracket opens that a text ends with.
fn opening(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (at, c) in text.char_indices().rev() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, ')' | ']' | '}') => depth += 1,
            (None, '(' | '[' | '{') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn without_last_step(chain: &str) -> Option<&str> {
    // A method's arguments belong to its step.
    let called = if chain.ends_with(')') { &chain[..opening(chain)?] } else { chain };
    let at = if called.ends_with(']') { opening(called)? } else { called.rfind('.')? };
    Some(&called[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_read_from_its_end() {
        assert_eq!(chain("x + a.b['c'](1, ')').d"), Some("a.b['c'](1, ')').d"));
        assert_eq!(without_last_step("a.b['c']"), Some("a.b"));
        assert_eq!(without_last_step("a.b.c(1)"), Some("a.b"));
        assert_eq!(arguments("_add( a(1, 2) , 'x,')"), [" a(1, 2) ", " 'x,'"]);
    }
}
