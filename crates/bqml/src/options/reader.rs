//! Options as they were written, each of which is taken once, by the one place that knows its type. What nobody takes is
//! refused by name, so that no option can be ignored in silence.

use rsdbt_base::closest;
use serde::{Serialize, Serializer};

/// A constant of OPTIONS.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// a TIMESTAMP, in microseconds
    Time(i64),
    List(Vec<Literal>),
    Struct(Vec<(String, Literal)>),
}

/// As JSON, which is how kept options are shown.
impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Literal::Null => to.serialize_none(),
            Literal::Bool(value) => to.serialize_bool(*value),
            Literal::Int(value) | Literal::Time(value) => to.serialize_i64(*value),
            Literal::Float(value) => to.serialize_f64(*value),
            Literal::Text(value) => to.serialize_str(value),
            Literal::List(items) => to.collect_seq(items),
            // a pair that is written without names
            Literal::Struct(fields) if fields.iter().all(|(name, _)| name.is_empty()) => {
                to.collect_seq(fields.iter().map(|(_, value)| value))
            }
            Literal::Struct(fields) => to.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

/// One option with the places of its name and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    pub name: String,
    pub at: usize,
    pub value: Literal,
    pub value_at: usize,
}

/// Why options are not taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub message: String,
    pub at: usize,
    pub help: Option<String>,
    /// BigQuery has it, this program has not
    pub missing: bool,
}

impl Refusal {
    pub fn new(message: impl Into<String>, at: usize) -> Refusal {
        Refusal { message: message.into(), at, help: None, missing: false }
    }

    pub fn missing(what: impl Into<String>, at: usize) -> Refusal {
        Refusal { missing: true, ..Refusal::new(what, at) }
    }

    fn help(self, help: String) -> Refusal {
        Refusal { help: Some(help), ..self }
    }
}

pub type Read<T> = Result<T, Refusal>;

/// A name of a column, and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub text: String,
    pub at: usize,
}

pub struct Reader {
    left: Vec<Given>,
    asked: Vec<&'static str>,
    /// where the statement names its model
    pub at: usize,
}

impl Reader {
    /// Errors: an option twice.
    pub fn new(given: &[Given], at: usize) -> Read<Reader> {
        for (i, option) in given.iter().enumerate() {
            if given[..i].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&option.name)) {
                let name = option.name.to_uppercase();
                return Err(Refusal::new(format!("the option {name} is given twice"), option.at));
            }
        }
        Ok(Reader { left: given.to_vec(), asked: Vec::new(), at })
    }

    pub fn take(&mut self, name: &'static str) -> Option<Given> {
        self.asked.push(name);
        let found = self.left.iter().position(|option| option.name.eq_ignore_ascii_case(name))?;
        Some(self.left.remove(found))
    }

    /// Where an option stands that is still to be taken.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.left.iter().find(|option| option.name.eq_ignore_ascii_case(name)).map(|option| option.at)
    }

    /// Refuses what nobody took.
    pub fn finish(self, kind: &str) -> Read<()> {
        let Some(option) = self.left.first() else { return Ok(()) };
        let name = option.name.to_uppercase();
        let refusal = Refusal::new(format!("{name} is not an option of {kind}"), option.at);
        Err(match closest(&name, self.asked.iter().copied()) {
            Some(near) => refusal.help(format!("did you mean {near}?")),
            None => refusal,
        })
    }

    /// Options of BigQuery that this program lacks; saying their default is no harm.
    pub fn refuse(&mut self, names: &[(&'static str, Literal)]) -> Read<()> {
        for (name, default) in names {
            if let Some(option) = self.take(name)
                && option.value != *default
            {
                return Err(Refusal::missing(format!("the option {name}"), option.at));
            }
        }
        Ok(())
    }

    pub fn flag(&mut self, name: &'static str, default: bool) -> Read<bool> {
        match self.take(name) {
            None => Ok(default),
            Some(Given { value: Literal::Bool(value), .. }) => Ok(value),
            Some(other) => Err(Refusal::new(format!("{name} must be TRUE or FALSE"), other.value_at)),
        }
    }

    /// A number that `fits`; `rule` says which do.
    pub fn number(&mut self, name: &'static str, fits: impl Fn(f64) -> bool, rule: &str) -> Read<Option<f64>> {
        let Some(option) = self.take(name) else { return Ok(None) };
        let value = match option.value {
            Literal::Int(value) => value as f64,
            Literal::Float(value) => value,
            _ => return Err(Refusal::new(format!("{name} must be a number"), option.value_at)),
        };
        match fits(value) {
            true => Ok(Some(value)),
            false => Err(Refusal::new(format!("{name} must be {rule}"), option.value_at)),
        }
    }

    /// A whole number from `low` to `high`.
    pub fn whole(&mut self, name: &'static str, low: i64, high: i64) -> Read<Option<usize>> {
        let Some(option) = self.take(name) else { return Ok(None) };
        match option.value {
            Literal::Int(value) if (low..=high).contains(&value) => Ok(Some(value as usize)),
            _ if high == i64::MAX => {
                Err(Refusal::new(format!("{name} must be a whole number of at least {low}"), option.value_at))
            }
            _ => Err(Refusal::new(format!("{name} must be a whole number from {low} to {high}"), option.value_at)),
        }
    }

    /// A word out of a list; the first is the default.
    pub fn word(&mut self, name: &'static str, allowed: &[&'static str]) -> Read<&'static str> {
        let Some(option) = self.take(name) else { return Ok(allowed[0]) };
        let Literal::Text(word) = &option.value else {
            return Err(Refusal::new(format!("{name} must be a string"), option.value_at));
        };
        let found = allowed.iter().find(|a| a.eq_ignore_ascii_case(word));
        found
            .copied()
            .ok_or_else(|| Refusal::new(format!("{name} must be one of {}", allowed.join(", ")), option.value_at))
    }

    pub fn name(&mut self, name: &'static str) -> Read<Option<Named>> {
        match self.take(name) {
            None => Ok(None),
            Some(Given { value: Literal::Text(text), value_at: at, .. }) => Ok(Some(Named { text, at })),
            Some(other) => Err(Refusal::new(format!("{name} must be a string"), other.value_at)),
        }
    }
}
