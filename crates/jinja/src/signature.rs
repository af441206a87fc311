//! Python's way to bind arguments: by position, by keyword, with defaults; and its words when they do not fit.

use super::call::{arguments, bad};
use super::value::python;
use indexmap::IndexMap;
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Error, Value};

#[derive(Debug)]
struct Parameter {
    name: String,
    required: bool,
}

/// What a filter or function takes.
#[derive(Debug)]
pub struct Signature {
    name: String,
    parameters: Vec<Parameter>,
    takes_rest: bool,
    takes_named: bool,
}

/// The arguments of one call, in the order of the signature.
#[derive(Debug)]
pub struct Given<V> {
    values: Vec<Option<V>>,
    pub rest: Vec<V>,
    pub named: IndexMap<String, V>,
}

/// The arguments of a filter or function.
pub type Bound = Given<Value>;

impl Signature {
    /// `sort(value, reverse=, *, **)`: what ends in `=` may be left out, the stars take what is left over.
    pub fn parse(text: &str) -> Signature {
        let (name, inside) = text.split_once('(').unwrap_or((text, ""));
        let words: Vec<&str> =
            inside.trim_end_matches(')').split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let parameters = words.iter().filter(|word| !word.starts_with('*'));
        Signature {
            name: name.to_owned(),
            parameters: parameters
                .map(|word| Parameter { name: word.trim_end_matches('=').to_owned(), required: !word.ends_with('=') })
                .collect(),
            takes_rest: words.contains(&"*"),
            takes_named: words.contains(&"**"),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the parameter at this place.
    pub fn parameter(&self, at: usize) -> &str {
        self.parameters.get(at).map_or("", |parameter| &parameter.name)
    }

    pub(crate) fn bind(&self, args: &[Value]) -> Result<Bound, Error> {
        let (positional, named) = arguments(args);
        self.fit(positional, named).map_err(bad)
    }

    /// Puts arguments in order.
    ///
    /// # Errors
    /// They do not fit: too many, too few, or of a name that the signature does not have.
    pub fn fit<V>(&self, mut positional: Vec<V>, mut named: IndexMap<String, V>) -> Result<Given<V>, String> {
        let most = self.parameters.len();
        if positional.len() > most && !self.takes_rest {
            return Err(self.too_many(positional.len()));
        }
        let rest = positional.split_off(most.min(positional.len()));
        let given = positional.len();
        let mut values: Vec<Option<V>> = positional.into_iter().map(Some).collect();
        for (at, parameter) in self.parameters.iter().enumerate() {
            let by_name = named.shift_remove(&parameter.name);
            if at >= given {
                values.push(by_name);
            } else if by_name.is_some() {
                return Err(format!("{}() got multiple values for argument '{}'", self.name, parameter.name));
            }
        }
        if let Some((name, _)) = named.first().filter(|_| !self.takes_named) {
            return Err(format!("{}() got an unexpected keyword argument '{name}'", self.name));
        }
        let is_missing = |(parameter, value): &(&Parameter, &Option<V>)| parameter.required && value.is_none();
        let missing = self.parameters.iter().zip(&values).filter(is_missing);
        self.complete(missing.map(|(parameter, _)| format!("'{}'", parameter.name)).collect())?;
        Ok(Given { values, rest, named })
    }

    fn complete(&self, missing: Vec<String>) -> Result<(), String> {
        let listed = match missing.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            [all @ .., last] => format!("{} and {last}", all.join(", ")),
        };
        let plural = if missing.len() == 1 { "" } else { "s" };
        Err(format!("{}() missing {} required positional argument{plural}: {listed}", self.name, missing.len()))
    }

    fn too_many(&self, given: usize) -> String {
        let most = self.parameters.len();
        let least = self.parameters.iter().filter(|parameter| parameter.required).count();
        let takes = if least == most { most.to_string() } else { format!("from {least} to {most}") };
        let plural = if most == 1 { "" } else { "s" };
        let were = if given == 1 { "was" } else { "were" };
        format!("{}() takes {takes} positional argument{plural} but {given} {were} given", self.name)
    }
}

impl<V> Given<V> {
    /// An argument that was given.
    pub fn get(&self, at: usize) -> Option<&V> {
        self.values.get(at).and_then(Option::as_ref)
    }
}

impl Bound {
    /// An argument that was given and is not `none`.
    pub fn some(&self, at: usize) -> Option<&Value> {
        self.get(at).filter(|value| !value.is_none())
    }

    /// The argument, or `none`.
    pub fn value(&self, at: usize) -> Value {
        self.get(at).cloned().unwrap_or_else(|| Value::from(()))
    }

    pub fn text(&self, at: usize) -> String {
        self.get(at).map(python::text).unwrap_or_default()
    }

    pub fn text_or(&self, at: usize, default: &str) -> String {
        self.some(at).map_or_else(|| default.to_owned(), python::text)
    }

    pub fn is_true(&self, at: usize) -> bool {
        self.get(at).is_some_and(Value::is_true)
    }

    /// A whole number.
    pub fn int(&self, at: usize, default: i64) -> Result<i64, Error> {
        match self.get(at) {
            None => Ok(default),
            Some(value) => whole(value),
        }
    }
}

/// The arguments as minijinja hands them on, keywords last.
pub fn plain(args: Rest<ValueOrKwargs>) -> Vec<Value> {
    args.0.into_iter().map(Value::from).collect()
}

/// Python's `__index__`.
pub fn whole(value: &Value) -> Result<i64, Error> {
    match value.as_i64() {
        Some(number) if value.is_integer() => Ok(number),
        _ if value.kind() == minijinja::value::ValueKind::Bool => Ok(i64::from(value.is_true())),
        _ => Err(bad(format!("'{}' object cannot be interpreted as an integer", python::type_name(value)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::value::Kwargs;

    fn told(signature: &str, args: &[Value]) -> String {
        Signature::parse(signature).bind(args).expect_err("does not fit").detail().unwrap_or_default().to_owned()
    }

    #[test]
    fn arguments_that_do_not_fit_are_told_in_pythons_words() {
        assert_eq!(told("f(a)", &[]), "f() missing 1 required positional argument: 'a'");
        assert_eq!(told("f(a, b)", &[]), "f() missing 2 required positional arguments: 'a' and 'b'");
        let three = [Value::from(1), Value::from(2), Value::from(3)];
        assert_eq!(told("f(a)", &three), "f() takes 1 positional argument but 3 were given");
        assert_eq!(told("f(a, b=)", &three), "f() takes from 1 to 2 positional arguments but 3 were given");
        let named: Kwargs = [("z", Value::from(1))].into_iter().collect();
        assert_eq!(told("f(a=)", &[named.into()]), "f() got an unexpected keyword argument 'z'");
    }
}
