//! Which macros a text calls, read off its tokens: nothing is rendered, so branches that are not taken count, too.

use super::lex::{self, Segment, Tag, Token, TokenKind};

/// A call as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MacroCall {
    /// `name(...)` or `package.name(...)`: a macro, or a function of the language.
    Named { package: Option<String>, name: String },
    /// `adapter.dispatch('name', 'namespace')`.
    Dispatch { name: String, namespace: Option<String> },
}

/// The calls in a text that has been prepared without a fault, in order.
pub fn macro_calls(source: &str) -> Vec<MacroCall> {
    let mut calls = Vec::new();
    for segment in lex::segments(source).unwrap_or_default() {
        if let Segment::Expression(tag) | Segment::Statement(tag) = segment {
            of_tag(source, &tag, &mut calls);
        }
    }
    calls
}

/// Whether a text names a variable, such as `this`, in any branch.
pub fn names_variable(source: &str, name: &str) -> bool {
    let in_tag = |tag: &Tag| {
        let mut before = "";
        tag.tokens.iter().any(|token| {
            let text = &source[token.range.clone()];
            let is_named = token.kind == TokenKind::Name && text == name && before != ".";
            before = text;
            is_named
        })
    };
    lex::segments(source).unwrap_or_default().iter().any(|segment| match segment {
        Segment::Expression(tag) | Segment::Statement(tag) => in_tag(tag),
        _ => false,
    })
}

fn of_tag(source: &str, tag: &Tag, calls: &mut Vec<MacroCall>) {
    let text = |token: &Token| &source[token.range.clone()];
    let word = |at: usize| tag.tokens.get(at).map_or("", text);
    // What a tag defines is no call: `macro name(a)`.
    let defines = ["macro", "test", "data_test", "materialization", "snapshot", "docs"].contains(&word(0));
    for (at, token) in tag.tokens.iter().enumerate() {
        if word(at + 1) != "(" || token.kind != TokenKind::Name || (defines && at == 1) {
            continue;
        }
        let name = text(token).to_owned();
        let before = |back: usize| at.checked_sub(back).map_or("", word);
        let call = match before(1) {
            "|" | "is" => continue,
            "not" if before(2) == "is" => continue,
            "." if ["adapter", "api"].contains(&before(2)) && before(3) != "." => {
                match dispatched(source, tag, at).filter(|_| name == "dispatch") {
                    Some(call) => call,
                    None => continue,
                }
            }
            "." => match at.checked_sub(2).and_then(|at| tag.tokens.get(at)) {
                Some(package) if package.kind == TokenKind::Name && before(3) != "." => {
                    MacroCall::Named { package: Some(text(package).to_owned()), name }
                }
                _ => continue,
            },
            _ => MacroCall::Named { package: None, name },
        };
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
}

/// The arguments of `dispatch`, where they are written out.
fn dispatched(source: &str, tag: &Tag, at: usize) -> Option<MacroCall> {
    let inside = tag.tokens.get(at + 2..)?;
    let mut texts = Vec::new();
    for token in inside {
        match &token.kind {
            TokenKind::Str(text) => texts.push(text.clone()),
            TokenKind::Op if &source[token.range.clone()] == ")" => break,
            _ => {}
        }
    }
    let mut texts = texts.into_iter();
    Some(MacroCall::Dispatch { name: texts.next()?, namespace: texts.next() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_seen_in_branches_that_are_not_taken() {
        let named = |package: Option<&str>, name: &str| MacroCall::Named {
            package: package.map(str::to_owned),
            name: name.to_owned(),
        };
        let text = "{% macro a(x) %}{% if false %}{{ b(x) }}{% endif %}{{ p.c() | d(1) }}{% do x.y.z() %}\
            {{ return(adapter.dispatch('e', 'dbt')(x)) }}{% endmacro %}";
        let dispatch = MacroCall::Dispatch { name: "e".to_owned(), namespace: Some("dbt".to_owned()) };
        assert_eq!(macro_calls(text), [named(None, "b"), named(Some("p"), "c"), named(None, "return"), dispatch]);
    }
}
