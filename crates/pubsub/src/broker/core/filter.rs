//! Subscription filters: conditions on attributes, joined by AND, OR, NOT and parentheses.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    Has(String),
    Equals(String, String),
    Differs(String, String),
    HasPrefix(String, String),
    Not(Box<Filter>),
    All(Vec<Filter>),
    Any(Vec<Filter>),
}

impl Filter {
    /// Reads a filter. Errors say what was expected and where.
    pub fn parse(text: &str) -> Result<Filter, String> {
        let mut reader = Reader { tokens: tokens(text)?, at: 0 };
        let filter = reader.expression()?;
        match reader.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("unexpected {token} after the end of the filter")),
        }
    }

    pub fn accepts(&self, attributes: &BTreeMap<String, String>) -> bool {
        match self {
            Filter::Has(key) => attributes.contains_key(key),
            Filter::Equals(key, value) => attributes.get(key) == Some(value),
            Filter::Differs(key, value) => attributes.get(key) != Some(value),
            Filter::HasPrefix(key, prefix) => attributes.get(key).is_some_and(|value| value.starts_with(prefix)),
            Filter::Not(inner) => !inner.accepts(attributes),
            Filter::All(parts) => parts.iter().all(|part| part.accepts(attributes)),
            Filter::Any(parts) => parts.iter().any(|part| part.accepts(attributes)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Word(word) => write!(f, "'{word}'"),
            Token::Text(text) => write!(f, "\"{text}\""),
            Token::Sign(sign) => write!(f, "'{sign}'"),
        }
    }
}

const SIGNS: [&str; 8] = ["!=", "=", ":", ".", "(", ")", ",", "-"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !word.is_empty() {
            rest = &rest[word.len()..];
            found.push(Token::Word(word));
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (value, used) = quoted_text(quoted)?;
            rest = &quoted[used..];
            found.push(Token::Text(value));
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            rest = &rest[sign.len()..];
            found.push(Token::Sign(sign));
        } else {
            return Err(format!("unexpected character '{}'", rest.chars().next().unwrap_or_default()));
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

/// The text up to the closing quote, and how many bytes it took with the quote.
fn quoted_text(text: &str) -> Result<(String, usize), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, at + 1)),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    Err("a quoted text is not closed".to_owned())
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_next = self.peek() == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), String> {
        if self.takes(&Token::Sign(sign)) { Ok(()) } else { Err(self.wanted(&format!("'{sign}'"))) }
    }

    fn wanted(&self, what: &str) -> String {
        match self.peek() {
            Some(token) => format!("expected {what}, found {token}"),
            None => format!("expected {what} at the end of the filter"),
        }
    }

    /// Terms joined by AND alone or by OR alone: both need parentheses.
    fn expression(&mut self) -> Result<Filter, String> {
        let first = self.term()?;
        let joiner = match self.peek() {
            Some(Token::Word(word)) if word == "AND" || word == "OR" => word.clone(),
            _ => return Ok(first),
        };
        let mut parts = vec![first];
        while self.takes_word(&joiner) {
            parts.push(self.term()?);
        }
        match self.peek() {
            Some(Token::Word(word)) if word == "AND" || word == "OR" => {
                Err("AND and OR are mixed: use parentheses".to_owned())
            }
            _ if joiner == "AND" => Ok(Filter::All(parts)),
            _ => Ok(Filter::Any(parts)),
        }
    }

    fn term(&mut self) -> Result<Filter, String> {
        if self.takes_word("NOT") || self.takes(&Token::Sign("-")) {
            return Ok(Filter::Not(Box::new(self.term()?)));
        }
        if self.takes(&Token::Sign("(")) {
            let inner = self.expression()?;
            return self.expect(")").map(|()| inner);
        }
        if self.takes_word("hasPrefix") {
            self.expect("(")?;
            self.attributes()?;
            self.expect(".")?;
            let key = self.name()?;
            self.expect(",")?;
            let prefix = self.name()?;
            return self.expect(")").map(|()| Filter::HasPrefix(key, prefix));
        }
        self.attributes()?;
        if self.takes(&Token::Sign(":")) {
            return self.name().map(Filter::Has);
        }
        self.expect(".")?;
        let key = self.name()?;
        if self.takes(&Token::Sign("!=")) {
            return self.name().map(|value| Filter::Differs(key, value));
        }
        self.expect("=")?;
        self.name().map(|value| Filter::Equals(key, value))
    }

    fn attributes(&mut self) -> Result<(), String> {
        if self.takes_word("attributes") { Ok(()) } else { Err(self.wanted("'attributes'")) }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.peek().cloned() {
            Some(Token::Word(name) | Token::Text(name)) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.wanted("a name")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(filter: &str, attributes: &[(&str, &str)]) -> bool {
        let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Filter::parse(filter).expect("a filter").accepts(&attributes)
    }

    #[test]
    fn conditions_and_joiners() {
        let event = [("domain", "shop"), ("iana.org/language_tag", "en")];
        assert!(accepts("attributes:domain", &event));
        assert!(accepts("attributes.domain = \"shop\"", &event));
        assert!(!accepts("attributes.domain != \"shop\"", &event));
        assert!(accepts("attributes.\"iana.org/language_tag\" = \"en\"", &event));
        assert!(accepts("hasPrefix(attributes.domain, \"sh\") AND NOT attributes:missing", &event));
        assert!(accepts("-attributes:domain OR (attributes:domain AND attributes.domain=\"shop\")", &event));
        assert!(accepts("attributes.missing != \"x\"", &event));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(
            Filter::parse("attributes:a AND attributes:b OR attributes:c"),
            Err("AND and OR are mixed: use parentheses".to_owned())
        );
        assert_eq!(Filter::parse("domain = \"x\""), Err("expected 'attributes', found 'domain'".to_owned()));
        assert_eq!(Filter::parse("attributes.a = "), Err("expected a name at the end of the filter".to_owned()));
    }
}
