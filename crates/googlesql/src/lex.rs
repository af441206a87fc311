//! GoogleSQL text to tokens. It knows literals, comments and quoting, and nothing of grammar.

use super::SqlError;

#[derive(Debug, Clone, PartialEq)]
pub enum Tok {
    /// A word; `true` when it stood in backticks and so is never a keyword.
    Word(String, bool),
    Int(String),
    Float(String),
    Text(String),
    Bytes(Vec<u8>),
    /// `@name`; the empty name is the positional `?`.
    Param(String),
    /// `@@name`
    System(String),
    Sym(&'static str),
    End,
}

/// A token with its byte range in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub tok: Tok,
    pub at: usize,
    pub end: usize,
}

/// Longest first. `>>` is left as two tokens, since `ARRAY<STRUCT<..>>` closes with it.
const SYMBOLS: &[&str] = &[
    "|>", "||", "<=>", "<=", "<>", "<<", ">=", "!=", "=>", "->", "+=", "-=", "(", ")", "[", "]", "{", "}", ",", ";",
    ".", "+", "-", "*", "/", "%", "=", "<", ">", "~", "&", "|", "^", ":", "?", "!", "$",
];

/// Splits a text into tokens; the last one is `End`.
pub fn lex(text: &str) -> Result<Vec<Token>, SqlError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        let at = lexer.at;
        if at >= text.len() {
            tokens.push(Token { tok: Tok::End, at, end: at });
            return Ok(tokens);
        }
        let after_dot = matches!(tokens.last(), Some(Token { tok: Tok::Sym("."), .. }));
        let tok = lexer.token(after_dot)?;
        tokens.push(Token { tok, at, end: lexer.at });
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    /// What is left; nothing behind the end, where an escape or a raw backslash may have led.
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> char {
        self.rest().chars().next().unwrap_or('\0')
    }

    fn skip_blank(&mut self) -> Result<(), SqlError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}');
            self.at += rest.len() - trimmed.len();
            let rest = self.rest();
            if rest.starts_with("--") || rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(SqlError::syntax("the comment is not closed", self.at)),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self, after_dot: bool) -> Result<Tok, SqlError> {
        let c = self.peek();
        if let Some(literal) = self.string_literal()? {
            return Ok(literal);
        }
        if c == '`' {
            return self.quoted_word();
        }
        let next_digit = self.rest().chars().nth(1).is_some_and(|d| d.is_ascii_digit());
        if c.is_ascii_digit() && after_dot {
            let word = self.take(|c| c.is_alphanumeric() || c == '_');
            return Ok(Tok::Word(word, false));
        }
        if c.is_ascii_digit() || (c == '.' && next_digit && !after_dot && !self.after_name()) {
            return self.number();
        }
        if c.is_alphabetic() || c == '_' {
            return Ok(Tok::Word(self.take(|c| c.is_alphanumeric() || c == '_'), false));
        }
        if self.rest().starts_with("@@") {
            self.at += 2;
            return Ok(Tok::System(self.take(|c| c.is_alphanumeric() || c == '_' || c == '.')));
        }
        if c == '@' {
            self.at += 1;
            return Ok(Tok::Param(self.take(|c| c.is_alphanumeric() || c == '_')));
        }
        match SYMBOLS.iter().find(|s| self.rest().starts_with(**s)) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Tok::Sym(symbol))
            }
            None => Err(self.stranger(c)),
        }
    }

    fn stranger(&self, c: char) -> SqlError {
        let error = SqlError::syntax(format!("the character {c:?} does not belong here"), self.at);
        match c {
            '‘' | '’' | '‚' | '‛' | '´' => error.help("strings stand in straight quotes: '...'"),
            '“' | '”' | '„' => error.help("strings stand in straight quotes: \"...\""),
            '–' | '—' | '−' => error.help("minus is the plain hyphen: -"),
            _ => error,
        }
    }

    /// Whether the text just before is a name or a closing bracket, so that a dot means a field.
    fn after_name(&self) -> bool {
        self.text[..self.at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '`'))
    }

    fn take(&mut self, keep: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let word = rest[..end].to_owned();
        self.at += end;
        word
    }

    fn number(&mut self) -> Result<Tok, SqlError> {
        let start = self.at;
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.at += 2;
            let digits = self.take(|c| c.is_ascii_hexdigit());
            let value =
                u64::from_str_radix(&digits, 16).map_err(|_| SqlError::syntax("bad hexadecimal number", start))?;
            return Ok(Tok::Int(value.to_string()));
        }
        let mut float = false;
        self.take(|c| c.is_ascii_digit());
        if self.peek() == '.' {
            float = true;
            self.at += 1;
            self.take(|c| c.is_ascii_digit());
        }
        let exponent = self.rest();
        if exponent.starts_with(['e', 'E']) {
            let tail = exponent[1..].trim_start_matches(['+', '-']);
            if exponent.len() - tail.len() <= 2 && tail.starts_with(|c: char| c.is_ascii_digit()) {
                float = true;
                self.at += exponent.len() - tail.len();
                self.take(|c| c.is_ascii_digit());
            }
        }
        let text = self.text[start..self.at].to_owned();
        Ok(if float { Tok::Float(text) } else { Tok::Int(text) })
    }

    fn quoted_word(&mut self) -> Result<Tok, SqlError> {
        let start = self.at;
        self.at += 1;
        let mut word = String::new();
        loop {
            match self.peek() {
                '\0' => return Err(SqlError::syntax("the backtick is not closed", start)),
                '`' => {
                    self.at += 1;
                    return Ok(Tok::Word(word, true));
                }
                '\\' => {
                    let mut bytes = Vec::new();
                    self.escape(&mut bytes, false)?;
                    word.push_str(&String::from_utf8_lossy(&bytes));
                }
                c => {
                    word.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// A string or bytes literal with its prefix (r, b, rb, br), or nothing.
    fn string_literal(&mut self) -> Result<Option<Tok>, SqlError> {
        let rest = self.rest();
        let letters = rest.find(|c| !matches!(c, 'r' | 'R' | 'b' | 'B')).unwrap_or(rest.len());
        let prefix = rest[..letters].to_ascii_lowercase();
        let quote = match rest[letters..].chars().next() {
            Some(q @ ('\'' | '"')) if matches!(prefix.as_str(), "" | "r" | "b" | "rb" | "br") => q,
            _ => return Ok(None),
        };
        let start = self.at;
        let (raw, bytes) = (prefix.contains('r'), prefix.contains('b'));
        self.at += letters;
        let triple: String = [quote; 3].iter().collect();
        let close = if self.rest().starts_with(&triple) { triple } else { quote.to_string() };
        self.at += close.len();
        let mut content = Vec::new();
        loop {
            if self.rest().starts_with(&close) {
                self.at += close.len();
                break;
            }
            match self.peek() {
                '\0' if self.at >= self.text.len() => return Err(SqlError::syntax("the string is not closed", start)),
                '\n' if close.len() == 1 => {
                    return Err(SqlError::syntax("the string is not closed on its line", start));
                }
                '\\' if raw => {
                    content.push(b'\\');
                    self.at += 1;
                    let next = self.peek();
                    content.extend(next.encode_utf8(&mut [0; 4]).bytes());
                    self.at += next.len_utf8();
                }
                '\\' => self.escape(&mut content, bytes)?,
                c => {
                    content.extend(c.encode_utf8(&mut [0; 4]).bytes());
                    self.at += c.len_utf8();
                }
            }
        }
        if bytes {
            return Ok(Some(Tok::Bytes(content)));
        }
        String::from_utf8(content)
            .map(|text| Some(Tok::Text(text)))
            .map_err(|_| SqlError::syntax("the string's escapes are not UTF-8", start))
    }

    /// One backslash escape, appended to `out`.
    fn escape(&mut self, out: &mut Vec<u8>, bytes: bool) -> Result<(), SqlError> {
        let start = self.at;
        let bad = || SqlError::syntax("illegal escape sequence", start);
        self.at += 1;
        let c = self.peek();
        self.at += c.len_utf8();
        let simple = match c {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '\\' | '?' | '"' | '\'' | '`' => c as u8,
            _ => 0,
        };
        if simple != 0 {
            out.push(simple);
            return Ok(());
        }
        let (digits, radix) = match c {
            'x' | 'X' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='3' => (3, 8),
            _ => return Err(bad()),
        };
        let from = if radix == 8 { self.at - 1 } else { self.at };
        let code =
            self.text.get(from..from + digits).and_then(|d| u32::from_str_radix(d, radix).ok()).ok_or_else(bad)?;
        self.at = from + digits;
        if bytes && digits < 4 {
            out.push(code as u8);
        } else {
            let c = char::from_u32(code).ok_or_else(bad)?;
            out.extend(c.encode_utf8(&mut [0; 4]).bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toks(text: &str) -> Vec<Tok> {
        lex(text).expect("lexes").into_iter().map(|t| t.tok).collect()
    }

    #[test]
    fn literals_comments_and_names() {
        let got = toks("a.`b c` /* x */ 'it''s' r'\\d' 1.5e3 -- end\n@@time_zone @p");
        let word = |w: &str, q| Tok::Word(w.into(), q);
        assert_eq!(got[..3], [word("a", false), Tok::Sym("."), word("b c", true)]);
        assert_eq!(
            got[3..7],
            [Tok::Text("it".into()), Tok::Text("s".into()), Tok::Text("\\d".into()), Tok::Float("1.5e3".into())]
        );
        assert_eq!(got[7..], [Tok::System("time_zone".into()), Tok::Param("p".into()), Tok::End]);
    }

    #[test]
    fn no_character_is_cut_in_its_middle() {
        for text in ["select ‘a’", "select “a”", "select 1 – 2", "select €", "🦆", "select @é, @@ü", ".€", "1.é", "a.é"]
        {
            _ = lex(text);
        }
        assert_eq!(lex("select ‘a’").expect_err("no quote").at, 7);
        assert_eq!(toks("é")[0], Tok::Word("é".into(), false));
    }

    #[test]
    fn a_text_that_ends_early_is_an_error() {
        for text in ["r'\\", "'\\", "b'\\", "`\\", "'\\x", "'\\u12", "r'''\\", "/*", "'''é\\", "'é\\x"] {
            assert!(lex(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_open_string_is_told_where_it_starts() {
        assert_eq!(lex("select 'abc").expect_err("open").at, 7);
    }
}
