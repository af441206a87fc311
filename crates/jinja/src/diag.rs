//! minijinja's errors as diagnostics: the deepest place, what went wrong, and the macros on the way there.

use super::culprit;
use super::host::Fault;
use super::lex::SyntaxError;
use super::registry::{Origin, Registry};
use minijinja::{Error, ErrorKind};
use rsdbt_base::{Code, Diagnostic, Place};

/// A failed template: what to tell the user, and the host's own refusal if that was the cause.
#[derive(Debug, Clone)]
pub struct RenderError {
    pub diagnostic: Diagnostic,
    pub fault: Option<Fault>,
}

/// A syntax error of the pre-pass.
pub fn syntax(error: &SyntaxError, file: &str, source: &str) -> Diagnostic {
    let place = Place::of_offset(file, source, error.offset);
    Diagnostic::error(Code::JINJA, error.message.clone()).at(place).source(source)
}

pub fn explain(error: &Error, registry: &Registry) -> RenderError {
    let mut chain: Vec<&Error> = vec![error];
    let mut fault = None;
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<Error>() {
            chain.push(error);
        } else if let Some(found) = inner.downcast_ref::<Fault>() {
            fault = Some(found.clone());
        }
        source = inner.source();
    }
    let places: Vec<(Place, String)> = chain.iter().filter_map(|error| place(error, registry)).collect();
    let deepest = chain.last().copied().unwrap_or(error);
    let message = fault.as_ref().map_or_else(|| message(deepest, registry), |fault| fault.message.clone());
    let code = fault.as_ref().map_or(Code::JINJA, |fault| fault.code);
    let mut diagnostic = Diagnostic::error(code, message);
    if let Some((place, text)) = places.last() {
        diagnostic = diagnostic.at(place.clone());
        if !text.is_empty() {
            diagnostic = diagnostic.source(text.clone());
        }
    }
    for (place, _) in places.iter().rev().skip(1) {
        diagnostic = diagnostic.note(format!("called by {place}"));
    }
    if let Some(place) = fault.as_ref().and_then(|fault| fault.place.clone()) {
        diagnostic = Diagnostic { source: None, notes: Vec::new(), ..diagnostic.at(place) };
    }
    if let Some(help) = fault.as_ref().and_then(|fault| fault.help.clone()) {
        diagnostic = diagnostic.help(help);
    }
    RenderError { diagnostic, fault }
}

/// What went wrong, in dbt's words where minijinja has others.
fn message(error: &Error, registry: &Registry) -> String {
    let detail = error.detail().unwrap_or_default();
    let culprit = || {
        let origin = registry.origin(error.name()?)?;
        culprit::name(error, &origin.template.text)
    };
    let named = |words: &str| detail.split(' ').nth(1).map(|name| format!("{words} '{name}'."));
    match error.kind() {
        ErrorKind::UndefinedError => match culprit() {
            Some(name) => format!("'{name}' is undefined"),
            None => "a value is undefined here".to_owned(),
        },
        ErrorKind::UnknownMethod if detail.starts_with("undefined ") => {
            culprit().map_or_else(|| detail.to_owned(), |name| format!("'{name}' is undefined"))
        }
        ErrorKind::UnknownMethod if detail.is_empty() => "this value has no such method".to_owned(),
        ErrorKind::UnknownFunction => {
            let name = detail.replace(" is unknown", "");
            format!("'{name}' is undefined: there is no macro or function of that name")
        }
        ErrorKind::UnknownFilter => named("No filter named").unwrap_or_else(|| detail.to_owned()),
        ErrorKind::UnknownTest => named("No test named").unwrap_or_else(|| detail.to_owned()),
        ErrorKind::CannotUnpack => unpacking(detail),
        ErrorKind::SyntaxError if detail.starts_with("cannot assign to reserved") => {
            "can't assign to 'const'".to_owned()
        }
        ErrorKind::InvalidOperation if detail.ends_with(" is not callable") => not_callable(detail),
        ErrorKind::InvalidOperation if detail.starts_with("can only assign to namespaces") => {
            "cannot assign attribute on non-namespace object".to_owned()
        }
        ErrorKind::InvalidOperation if detail.starts_with("cannot perform a containment check") => {
            "what stands after 'in' is not iterable".to_owned()
        }
        ErrorKind::InvalidOperation if !detail.is_empty() => detail.to_owned(),
        kind if detail.is_empty() => kind.to_string(),
        kind => format!("{kind}: {detail}"),
    }
}

/// `sequence of wrong length (expected 2, got 3)`.
fn unpacking(detail: &str) -> String {
    let numbers: Vec<usize> =
        detail.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        [wanted, got] if got > wanted => format!("too many values to unpack (expected {wanted})"),
        [wanted, got] => format!("not enough values to unpack (expected {wanted}, got {got})"),
        _ => format!("cannot unpack: {detail}"),
    }
}

/// `value of type number is not callable`.
fn not_callable(detail: &str) -> String {
    let kind = detail.trim_start_matches("value of type ").trim_end_matches(" is not callable");
    let name = match kind {
        "number" => "int",
        "string" => "str",
        "sequence" => "list",
        "map" => "dict",
        "none" => "NoneType",
        other => other,
    };
    format!("'{name}' object is not callable")
}

fn place(error: &Error, registry: &Registry) -> Option<(Place, String)> {
    let origin = registry.origin(error.name()?)?;
    if let Some(offset) = error.range().and_then(|range| source_offset(&origin, range.start)) {
        return Some((Place::of_offset(&origin.file, &origin.source, offset), origin.source.to_string()));
    }
    Some((Place::at(&origin.file, error.line().unwrap_or(0), 0), origin.source.to_string()))
}

/// The place in the file of a byte in the rewritten text.
fn source_offset(origin: &Origin, offset: usize) -> Option<usize> {
    let origins = &origin.template.origins;
    let at = origins.partition_point(|(here, _)| *here <= offset).checked_sub(1)?;
    let (here, there) = origins[at];
    Some((there + (offset - here)).min(origin.source.len()))
}
