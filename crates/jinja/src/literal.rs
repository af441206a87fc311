//! Names, numbers, texts, and what stands in brackets: lists and dicts become mutable objects.

use super::expression::Read;
use super::lex::{TokenKind, fail};
use super::reader::Reader;
use super::rope::Rope;

impl Reader<'_> {
    /// A name, a constant, or something in brackets.
    pub fn primary(&mut self) -> Read {
        let mut whole = Rope::new();
        let Some(token) = self.tokens.get(self.at) else {
            return fail(format!("unexpected {}", self.here()), self.offset());
        };
        match &token.kind {
            TokenKind::Name => {
                let word = &self.source[token.range.clone()];
                if ["if", "else", "and", "or", "in", "is", "not"].contains(&word) {
                    return fail(format!("unexpected {}", self.here()), self.offset());
                }
                if word.starts_with("_") && super::ops::is_reserved(word) {
                    return fail(format!("the name '{word}' is reserved"), token.range.start);
                }
                self.names.insert(word.to_owned());
                self.take(&mut whole);
            }
            TokenKind::Number => {
                self.at += 1;
                whole.copy(self.source, token.gap..token.range.start);
                whole.push(self.source[token.range.clone()].replace('_', ""));
            }
            TokenKind::Str(_) => self.strings(&mut whole),
            TokenKind::Op => match self.peek() {
                "(" => return self.parenthesis(),
                "[" => return self.list(),
                "{" => return self.dict(),
                _ => return fail(format!("unexpected {}", self.here()), self.offset()),
            },
        }
        Ok(whole)
    }

    /// One string literal or several side by side, spelled with the escapes that minijinja knows.
    fn strings(&mut self, whole: &mut Rope) {
        let mut value = String::new();
        let mut lines = 0;
        let mut first = true;
        while let Some(token) = self.tokens.get(self.at) {
            let TokenKind::Str(text) = &token.kind else { break };
            if first {
                whole.copy(self.source, token.gap..token.range.start);
            } else {
                lines += self.source[token.gap..token.range.start].matches('\n').count();
            }
            lines += self.source[token.range.clone()].matches('\n').count();
            value.push_str(text);
            first = false;
            self.at += 1;
        }
        let mut spelled = String::from("\"");
        for c in value.chars() {
            match c {
                '"' => spelled.push_str("\\\""),
                '\\' => spelled.push_str("\\\\"),
                '\n' => spelled.push_str("\\n"),
                other => spelled.push(other),
            }
        }
        spelled.push('"');
        whole.push(spelled);
        whole.push("\n".repeat(lines));
    }

    fn parenthesis(&mut self) -> Read {
        let mut whole = Rope::new();
        self.expect("(", &mut whole)?;
        while self.peek() != ")" {
            whole.append(self.ternary()?);
            if self.peek() == "," {
                self.take(&mut whole);
            } else if self.peek() != ")" {
                return self.unexpected("expected token ')'");
            }
        }
        self.expect(")", &mut whole)?;
        Ok(whole)
    }

    fn list(&mut self) -> Read {
        let mut whole = Rope::new();
        self.expect("[", &mut whole)?;
        while self.peek() != "]" {
            whole.append(self.ternary()?);
            if self.peek() == "," {
                self.take(&mut whole);
            } else if self.peek() != "]" {
                return self.unexpected("expected token ','");
            }
        }
        self.expect("]", &mut whole)?;
        Ok(whole.wrapped(" _list(", ")"))
    }

    fn dict(&mut self) -> Read {
        let mut whole = Rope::new();
        self.expect("{", &mut whole)?;
        while self.peek() != "}" {
            whole.append(self.ternary()?);
            self.expect(":", &mut whole)?;
            whole.append(self.ternary()?);
            if self.peek() == "," {
                self.take(&mut whole);
            } else if self.peek() != "}" {
                return self.unexpected("expected token ','");
            }
        }
        self.expect("}", &mut whole)?;
        Ok(whole.wrapped(" _dict(", ")"))
    }
}
