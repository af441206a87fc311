//! Functions: one row each, with a signature in GoogleSQL's words and the text by which an engine carries it out. The rows
//! belong to the engine's printer; analysis chooses among them by their signatures and never reads their text.

use crate::ast::{Shape, TypeName};
use crate::types::{Field, Type};
use std::collections::HashMap;
use std::sync::OnceLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    Scalar,
    Aggregate,
    /// only with OVER
    Window,
}

/// One overload. A signature reads `NAME(STRING, [INT64]) -> STRING`; `T` and `U` stand for any type, all `T` for one
/// that they coerce to; `...` repeats the last parameter; brackets hold parameters that may be left out. A name
/// that begins with `$` is a form without a name of its own: an operator, or a function with a grammar of its own.
#[derive(Debug)]
pub struct Function {
    pub kind: FunctionKind,
    pub signature: &'static str,
    pub text: &'static str,
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Function {
    /// The name before the bracket.
    pub fn name(&self) -> &'static str {
        self.signature.split('(').next().unwrap_or_default()
    }
}

pub const fn scalar(signature: &'static str, text: &'static str) -> Function {
    Function { kind: FunctionKind::Scalar, signature, text }
}

pub const fn aggregate(signature: &'static str, text: &'static str) -> Function {
    Function { kind: FunctionKind::Aggregate, signature, text }
}

pub const fn window(signature: &'static str, text: &'static str) -> Function {
    Function { kind: FunctionKind::Window, signature, text }
}

/// A type as a signature writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    Exact(Type),
    /// a variable, by its place in the alphabet from `T`
    Any(u8),
    Array(Box<Pattern>),
    Range(Box<Pattern>),
}

/// A signature, read.
#[derive(Debug, Clone)]
pub struct Signature {
    pub function: &'static Function,
    pub params: Vec<Pattern>,
    /// how many parameters a call must have
    pub required: usize,
    pub repeats: bool,
    pub result: Pattern,
}

/// All functions that an engine offers.
pub struct Library {
    by_name: HashMap<&'static str, Vec<Signature>>,
}

impl Library {
    /// Reads all rows. A signature that cannot be read is a mistake in the table: it panics and names the row.
    pub fn new(tables: &[&'static [Function]]) -> Library {
        let mut by_name: HashMap<&'static str, Vec<Signature>> = HashMap::new();
        for function in tables.iter().flat_map(|table| table.iter()) {
            let signature = read(function).unwrap_or_else(|| panic!("signature of a function: {}", function.signature));
            by_name.entry(function.name()).or_default().push(signature);
        }
        Library { by_name }
    }

    pub fn overloads(&self, name: &str) -> &[Signature] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied().filter(|name| !name.starts_with('$'))
    }

    /// The row of a form, whose arguments analysis has settled itself.
    pub fn form(&self, name: &str) -> &'static Function {
        let found = self.by_name.get(name).and_then(|list| list.first());
        found.unwrap_or_else(|| panic!("the library has no form {name}")).function
    }
}

/// A library that is made once.
pub type Shared = OnceLock<Library>;

fn read(function: &'static Function) -> Option<Signature> {
    let (head, result) = match function.signature.rsplit_once("->") {
        Some((head, result)) => (head.trim(), pattern(result.trim())?),
        None => (function.signature.trim(), Pattern::Exact(Type::Null)),
    };
    let Some((_, inside)) = head.split_once('(') else {
        return Some(Signature { function, params: Vec::new(), required: 0, repeats: true, result });
    };
    let inside = inside.strip_suffix(')')?;
    let (mut params, mut required, mut repeats) = (Vec::new(), 0, false);
    for part in split(inside) {
        let part = part.trim();
        let (part, optional) = match part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(rest) => (rest, true),
            None => (part, false),
        };
        let part = match part.strip_suffix("...") {
            Some(rest) => {
                repeats = true;
                rest.trim()
            }
            None => part,
        };
        params.push(pattern(part)?);
        required += usize::from(!optional);
    }
    Some(Signature { function, params, required, repeats, result })
}

/// Splits at commas outside angle brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

fn pattern(text: &str) -> Option<Pattern> {
    let inside = |word: &str| text.strip_prefix(word).and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inside("ARRAY<") {
        return Some(Pattern::Array(Box::new(pattern(inner)?)));
    }
    if let Some(inner) = inside("RANGE<") {
        return Some(Pattern::Range(Box::new(pattern(inner)?)));
    }
    if let [letter @ b'T'..=b'Z'] = text.as_bytes() {
        return Some(Pattern::Any(letter - b'T'));
    }
    let name = TypeName { at: 0, shape: Shape::Plain(text.to_owned(), Vec::new()) };
    Type::of_name(&name).ok().map(Pattern::Exact)
}

impl Signature {
    /// The parameters of a call with `count` arguments.
    pub fn params_for(&self, count: usize) -> Option<Vec<&Pattern>> {
        if count < self.required || (count > self.params.len() && !self.repeats) {
            return None;
        }
        let last = self.params.last();
        Some((0..count).filter_map(|i| self.params.get(i).or(last)).collect())
    }
}

impl Pattern {
    /// The type that the pattern says, with its variables as given.
    pub fn fill(&self, variables: &[Type]) -> Type {
        match self {
            Pattern::Exact(ty) => ty.clone(),
            Pattern::Any(i) => variables.get(*i as usize).cloned().unwrap_or(Type::Int64),
            Pattern::Array(inner) => Type::Array(Box::new(inner.fill(variables))),
            Pattern::Range(inner) => Type::Range(Box::new(inner.fill(variables))),
        }
    }

    /// Where the pattern has a variable, the part of `ty` that stands there; `None` where the shapes differ.
    pub fn variable<'t>(&self, ty: &'t Type) -> Option<(u8, &'t Type)> {
        match (self, ty) {
            (Pattern::Any(i), ty) => Some((*i, ty)),
            (Pattern::Array(inner), Type::Array(element)) => inner.variable(element),
            (Pattern::Range(inner), Type::Range(element)) => inner.variable(element),
            (Pattern::Array(inner), Type::Null) => inner.variable(&Type::Null),
            _ => None,
        }
    }

    pub fn has_variable(&self) -> bool {
        match self {
            Pattern::Exact(_) => false,
            Pattern::Any(_) => true,
            Pattern::Array(inner) | Pattern::Range(inner) => inner.has_variable(),
        }
    }
}

/// A struct's field with a name.
pub fn named(name: &str, ty: Type) -> Field {
    Field { name: Some(name.to_owned()), ty }
}
