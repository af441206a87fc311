//! Recognises Jinja2's expression grammar by operator precedence and rewrites what minijinja does differently:
//! literals become mutable objects, arithmetic becomes calls that follow Python, slices become copies.

use super::lex::{SyntaxError, Token, TokenKind, fail};
use super::reader::Reader;
use super::rope::Rope;

pub type Read = Result<Rope, SyntaxError>;

/// Binary operators of one precedence level and the calls that replace them (`None`: kept).
const ADDITIVE: &[(&str, Option<&str>)] = &[("+", Some("_add")), ("-", Some("_sub"))];
const CONCAT: &[(&str, Option<&str>)] = &[("~", Some("_concat"))];
const MULTIPLICATIVE: &[(&str, Option<&str>)] =
    &[("*", Some("_mul")), ("//", Some("_floordiv")), ("/", Some("_div")), ("%", Some("_mod"))];
/// Comparisons that Python refuses between values of different kinds.
const ORDERED: [(&str, &str); 4] = [("<", "_lt"), ("<=", "_le"), (">", "_gt"), (">=", "_ge")];
const COMPARISONS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];
/// Words that end an argument of a test written without parentheses.
const NOT_AN_ARGUMENT: [&str; 8] = ["else", "or", "and", "if", "is", "in", "not", "recursive"];

impl Reader<'_> {
    /// `a, b` outside of brackets is a tuple, which minijinja wants in parentheses.
    pub fn tuple(&mut self, conditional: bool) -> Read {
        let one = |r: &mut Self| if conditional { r.ternary() } else { r.or() };
        if self.done() {
            return fail(format!("Expected an expression, got {}", self.here()), self.end);
        }
        let mut whole = one(self)?;
        if self.peek() != "," {
            return Ok(whole);
        }
        while self.peek() == "," {
            self.take(&mut whole);
            if self.done() || ["=", "if", "recursive"].contains(&self.peek()) {
                break;
            }
            whole.append(one(self)?);
        }
        Ok(whole.wrapped(" (", ")"))
    }

    pub fn ternary(&mut self) -> Read {
        let mut whole = self.or()?;
        while self.peek() == "if" {
            self.take(&mut whole);
            whole.append(self.or()?);
            if self.peek() == "else" {
                self.take(&mut whole);
                whole.append(self.ternary()?);
            }
        }
        Ok(whole)
    }

    pub fn or(&mut self) -> Read {
        let mut left = self.and()?;
        while self.peek() == "or" {
            self.take(&mut left);
            left.append(self.and()?);
        }
        Ok(left)
    }

    fn and(&mut self) -> Read {
        let mut left = self.not()?;
        while self.peek() == "and" {
            self.take(&mut left);
            left.append(self.not()?);
        }
        Ok(left)
    }

    fn not(&mut self) -> Read {
        if self.peek() == "not" {
            let mut whole = Rope::new();
            self.take(&mut whole);
            whole.append(self.not()?);
            return Ok(whole);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Read {
        let mut left = self.binary(0)?;
        let mut first = true;
        loop {
            // One comparison is Python's; a chain is minijinja's own.
            if let Some((_, call)) = ORDERED.iter().find(|(text, _)| first && *text == self.peek()) {
                let operator = self.next();
                let right = self.binary(0)?;
                let chained = COMPARISONS.contains(&self.peek()) || ["in", "not"].contains(&self.peek());
                if !chained {
                    left.copy(self.source, operator.map_or(0..0, |token| token.gap..token.range.start));
                    left.push(",");
                    left.append(right);
                    return Ok(left.wrapped(&format!(" {call}("), ")"));
                }
                if let Some(operator) = operator {
                    left.token(self.source, operator);
                }
                left.append(right);
                first = false;
                continue;
            }
            first = false;
            if COMPARISONS.contains(&self.peek()) || self.peek() == "in" {
                self.take(&mut left);
            } else if self.peek() == "not" && self.peek_at(1) == "in" {
                self.take(&mut left);
                self.take(&mut left);
            } else {
                return Ok(left);
            }
            left.append(self.binary(0)?);
        }
    }

    fn binary(&mut self, level: usize) -> Read {
        const LEVELS: [&[(&str, Option<&str>)]; 3] = [ADDITIVE, CONCAT, MULTIPLICATIVE];
        let Some(operators) = LEVELS.get(level) else { return self.power() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, replacement)) = operators.iter().find(|(text, _)| *text == self.peek()) {
            let Some(call) = replacement else {
                self.take(&mut left);
                left.append(self.binary(level + 1)?);
                continue;
            };
            let gap = self.next().map_or(0..0, |token| token.gap..token.range.start);
            left.copy(self.source, gap);
            left.push(",");
            left.append(self.binary(level + 1)?);
            left = left.wrapped(&format!(" {call}("), ")");
        }
        Ok(left)
    }

    fn power(&mut self) -> Read {
        let mut left = self.unary(true)?;
        while self.peek() == "**" {
            self.take(&mut left);
            left.append(self.unary(true)?);
        }
        Ok(left)
    }

    /// A sign binds tighter than a filter or test: `-x | abs` is `(-x) | abs`.
    fn unary(&mut self, with_filters: bool) -> Read {
        let sign = self.peek();
        let mut whole = if sign == "-" || sign == "+" {
            let gap = self.next().map_or(0..0, |token| token.gap..token.range.start);
            let literal = matches!(self.tokens.get(self.at), Some(Token { kind: TokenKind::Number, .. }));
            let mut before = Rope::new();
            before.copy(self.source, gap);
            let operand = self.unary(false)?;
            match (sign, literal) {
                ("-", true) => before.append(operand.wrapped(" -", "")),
                ("-", false) => before.append(operand.wrapped(" _neg(", ")")),
                _ => before.append(operand),
            }
            before
        } else {
            self.primary()?
        };
        whole = self.postfix(whole)?;
        if with_filters { self.filters(whole) } else { Ok(whole) }
    }

    fn postfix(&mut self, base: Rope) -> Read {
        let mut whole = base;
        loop {
            match self.peek() {
                "." => whole = self.member(whole)?,
                "[" => whole = self.subscript(whole)?,
                "(" => self.arguments(&mut whole)?,
                _ => return Ok(whole),
            }
        }
    }

    fn filters(&mut self, base: Rope) -> Read {
        let mut whole = base;
        loop {
            match self.peek() {
                "|" => {
                    self.take(&mut whole);
                    self.name()?;
                    self.at -= 1;
                    self.take(&mut whole);
                    if self.peek() == "(" {
                        self.arguments(&mut whole)?;
                    }
                }
                "is" => self.test(&mut whole)?,
                "(" => self.arguments(&mut whole)?,
                _ => return Ok(whole),
            }
        }
    }

    /// `.name`; the name of a method that is not called makes a value of the method.
    fn member(&mut self, base: Rope) -> Read {
        let mut whole = base;
        let is_loop = self
            .at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .is_some_and(|t| &self.source[t.range.clone()] == "loop");
        let dot = self.next();
        let Some(token) = self.tokens.get(self.at).filter(|t| matches!(t.kind, TokenKind::Name | TokenKind::Number))
        else {
            return fail("expected name or number", self.offset());
        };
        let name = &self.source[token.range.clone()];
        if !is_loop && self.peek_at(1) != "(" && crate::value::method::is_name(name) {
            self.at += 1;
            return Ok(whole.wrapped(" _attr(", &format!(", '{name}')")));
        }
        if let Some(dot) = dot {
            whole.token(self.source, dot);
        }
        self.take(&mut whole);
        Ok(whole)
    }

    fn test(&mut self, whole: &mut Rope) -> Result<(), SyntaxError> {
        self.take(whole);
        if self.peek() == "not" {
            self.take(whole);
        }
        self.name()?;
        self.at -= 1;
        self.take(whole);
        if self.peek() == "(" {
            return self.arguments(whole);
        }
        let has_argument = self.tokens.get(self.at).is_some_and(|token| match token.kind {
            TokenKind::Name => !NOT_AN_ARGUMENT.contains(&&self.source[token.range.clone()]),
            TokenKind::Number | TokenKind::Str(_) => true,
            TokenKind::Op => ["[", "{"].contains(&&self.source[token.range.clone()]),
        });
        if has_argument {
            let argument = self.primary()?;
            whole.append(argument.wrapped("(", ")"));
        }
        Ok(())
    }

    /// `a[i]`, or `a[from:to:step]`, which becomes a call.
    fn subscript(&mut self, base: Rope) -> Read {
        let mut plain = base.clone();
        self.expect("[", &mut plain)?;
        let bracket = &self.tokens[self.at - 1];
        let mut parts: Vec<Rope> = vec![Rope::new()];
        let mut commas = false;
        while self.peek() != "]" {
            match self.peek() {
                ":" => {
                    self.at += 1;
                    parts.push(Rope::new());
                }
                "," => {
                    commas = true;
                    let at = parts.len() - 1;
                    self.take(&mut parts[at]);
                }
                _ => {
                    let part = self.ternary()?;
                    let at = parts.len() - 1;
                    parts[at].append(part);
                }
            }
            if self.done() {
                return self.unexpected("expected token ']'");
            }
        }
        let close = self.next();
        match parts.as_mut_slice() {
            [only] if only.is_empty() => fail("Expected subscript expression", bracket.range.start),
            [only] => {
                let inside = std::mem::take(only);
                plain.append(if commas { inside.wrapped("(", ")") } else { inside });
                if let Some(close) = close {
                    plain.token(self.source, close);
                }
                Ok(plain)
            }
            parts => {
                let mut whole = base;
                for part in parts.iter_mut() {
                    whole.push(", ");
                    whole.append(if part.is_empty() { Rope::made("none") } else { std::mem::take(part) });
                }
                let written: usize = whole.lines();
                let read = self.source[..close.map_or(self.end, |token| token.range.start)].matches('\n').count();
                let before = self.source[..bracket.range.start].matches('\n').count();
                whole.push("\n".repeat((read - before).saturating_sub(written)));
                Ok(whole.wrapped(" _slice(", ")"))
            }
        }
    }

    /// Positions, then `*list`, keywords and `**dict`.
    fn arguments(&mut self, whole: &mut Rope) -> Result<(), SyntaxError> {
        self.expect("(", whole)?;
        let mut named = false;
        while self.peek() != ")" {
            let place = self.offset();
            if self.peek() == "*" || self.peek() == "**" {
                named |= self.peek() == "**";
                self.take(whole);
            } else if self.peek_at(1) == "=" && self.tokens[self.at].kind == TokenKind::Name {
                named = true;
                self.take(whole);
                self.take(whole);
            } else if named {
                return fail("invalid syntax for function call expression", place);
            }
            whole.append(self.ternary()?);
            if self.peek() == "," {
                self.take(whole);
            } else if self.peek() != ")" {
                return self.unexpected("expected token ','");
            }
        }
        self.expect(")", whole)
    }
}
