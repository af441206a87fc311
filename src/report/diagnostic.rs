//! Diagnostics with the source line they point to.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use rsdbt_base::{Diagnostic, Severity};
use rsdbt_sys as sys;
use std::path::Path;

/// A diagnostic as text; `root` is where relative file names start.
pub fn render(diagnostic: &Diagnostic, root: Option<&Path>, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let (title, rest) = diagnostic.message.split_once('\n').unwrap_or((&diagnostic.message, ""));
    let mut group = Group::with_title(level.primary_title(title).id(diagnostic.code.0));
    let source = source_of(diagnostic, root);
    if let Some(place) = &diagnostic.place {
        group = match (&source, line_range(source.as_deref(), place.line)) {
            (Some(text), Some((start, end))) if end - start > LONGEST => {
                let (shown, at) = excerpt(&text[start..end], place.column.max(1) - 1);
                let annotation = AnnotationKind::Primary.span(at..(at + 1).min(shown.len()));
                let snippet = Snippet::source(shown).line_start(place.line).annotation(annotation);
                group.element(annotate_snippets::Origin::path(place.to_string())).element(snippet)
            }
            (Some(text), Some((start, end))) => {
                let from = start + byte_of(&text[start..end], place.column.max(1) - 1);
                let to = from + byte_of(&text[from..end], place.width.max(1));
                let annotation = AnnotationKind::Primary.span(from..to.max(from + 1).min(text.len().max(from)));
                group.element(
                    Snippet::source(text.as_str()).path(place.file.as_str()).line_start(1).annotation(annotation),
                )
            }
            _ => group.element(annotate_snippets::Origin::path(place.to_string())),
        };
    }
    if !rest.trim().is_empty() {
        group = group.element(Level::NOTE.no_name().message(rest.trim_start_matches('\n')));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group]).to_string()
}

/// One line: for JSON logs and plain lists.
pub fn to_text(diagnostic: &Diagnostic) -> String {
    format!("[{}] {diagnostic}", diagnostic.code.0)
}

fn source_of(diagnostic: &Diagnostic, root: Option<&Path>) -> Option<String> {
    if let Some(source) = &diagnostic.source {
        return Some(source.clone());
    }
    let place = diagnostic.place.as_ref().filter(|place| place.line > 0)?;
    let direct = Path::new(&place.file);
    sys::read(direct).ok().or_else(|| sys::read(&root?.join(direct)).ok())
}

/// Bytes of a line that is shown whole: generated SQL has lines of any length.
const LONGEST: usize = 400;

/// What is around a character of a long line, and the byte where that character is in it.
pub fn excerpt(line: &str, column: usize) -> (String, usize) {
    if line.len() <= LONGEST {
        return (line.to_owned(), line.char_indices().nth(column).map_or(line.len(), |(at, _)| at));
    }
    let first = column.saturating_sub(60);
    let before: String = line.chars().skip(first).take(column - first).collect();
    let after: String = line.chars().skip(column).take(60).collect();
    let (head, tail) =
        (if first > 0 { "..." } else { "" }, if line.chars().nth(column + 60).is_some() { "..." } else { "" });
    (format!("{head}{before}{after}{tail}"), head.len() + before.len())
}

/// Start and end byte of a line.
fn line_range(text: Option<&str>, line: usize) -> Option<(usize, usize)> {
    let text = text?;
    let mut start = 0;
    for (number, content) in text.split('\n').enumerate() {
        if number + 1 == line {
            return Some((start, start + content.len()));
        }
        start += content.len() + 1;
    }
    None
}

/// The byte where the n-th character starts.
fn byte_of(line: &str, characters: usize) -> usize {
    line.char_indices().nth(characters).map_or(line.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsdbt_base::{Code, Place};

    #[test]
    fn of_a_long_line_only_the_place_is_shown() {
        let source = format!("a\n{}xé!{}", "é".repeat(5_000), "z".repeat(5_000));
        let found = Diagnostic::error(Code::SQL_SYNTAX, "no").at(Place::at("m.sql", 2, 5_001)).source(&source);
        let text = render(&found, None, false);
        assert!(text.len() < 600 && text.contains("m.sql:2:5001") && text.contains("xé!z"), "{text}");
    }
}
