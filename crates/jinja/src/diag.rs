//! minijinja's errors as diagnostics: the deepest place, what went wrong, and the macros on the way there.

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
    let message = fault.as_ref().map_or_else(|| message(deepest), |fault| fault.message.clone());
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

fn message(error: &Error) -> String {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::UndefinedError if detail.is_empty() => "a value is undefined here".to_owned(),
        ErrorKind::InvalidOperation if !detail.is_empty() => detail.to_owned(),
        ErrorKind::UnknownMethod if detail.is_empty() => "this value has no such method".to_owned(),
        ErrorKind::UnknownFunction => {
            format!("{detail}: there is no macro or function of that name").replace(" is unknown", "")
        }
        kind if detail.is_empty() => kind.to_string(),
        kind => format!("{kind}: {detail}"),
    }
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
