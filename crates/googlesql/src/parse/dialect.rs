//! GoogleSQL for the crate `sqlparser`: a dialect around its BigQuery dialect, and our tokens as its tokens.
//!
//! The parser is fed from `sql::lex` instead of its own tokenizer: literals arrive unescaped exactly as BigQuery does it
//! (r'', b'', triple quotes, \x \u and octal), and the spans carry byte offsets, so that positions need no conversion.

use super::Parser as Hand;
use crate::lex::{Tok, Token};
use sqlparser::ast::{BinaryOperator, CastKind, Expr, Ident, ObjectName, UnaryOperator};
use sqlparser::dialect::{BigQueryDialect, Dialect, Precedence};
use sqlparser::keywords::{Keyword, RESERVED_FOR_TABLE_ALIAS};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token as Theirs, TokenWithSpan};
use std::any::TypeId;

#[derive(Debug)]
pub struct GoogleSql;

const BASE: BigQueryDialect = BigQueryDialect;
/// Shifts bind tighter than `&` and looser than `+`; sqlparser has no level there.
const SHIFT: u8 = 24;
/// Words that open a special form when a bracket follows; any other word before a bracket names a function.
const FORMS: &[&str] = &[
    "CAST",
    "SAFE_CAST",
    "EXTRACT",
    "EXISTS",
    "ARRAY",
    "STRUCT",
    "INTERVAL",
    "NOT",
    "CASE",
    "WITH",
    "SELECT",
    "UNNEST",
];

/// Reserved words with which an expression may begin.
const STARTERS: &[Keyword] = &[
    Keyword::ARRAY,
    Keyword::CASE,
    Keyword::CAST,
    Keyword::CURRENT,
    Keyword::DEFAULT,
    Keyword::EXISTS,
    Keyword::EXTRACT,
    Keyword::FALSE,
    Keyword::GROUPING,
    Keyword::IF,
    Keyword::INTERVAL,
    Keyword::LEFT,
    Keyword::NOT,
    Keyword::NULL,
    Keyword::RANGE,
    Keyword::RIGHT,
    Keyword::STRUCT,
    Keyword::TRUE,
];

impl Dialect for GoogleSql {
    /// The parser asks `is::<BigQueryDialect>()` for hyphened names and the like.
    fn dialect(&self) -> TypeId {
        TypeId::of::<BigQueryDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        BASE.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        BASE.is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        BASE.is_delimited_identifier_start(ch)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }

    fn supports_projection_trailing_commas(&self) -> bool {
        true
    }

    fn supports_column_definition_trailing_commas(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_select_wildcard_except(&self) -> bool {
        true
    }

    fn supports_select_wildcard_replace(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn supports_struct_literal(&self) -> bool {
        true
    }

    fn supports_select_expr_star(&self) -> bool {
        true
    }

    fn supports_from_first_select(&self) -> bool {
        true
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_pipe_operator(&self) -> bool {
        true
    }

    fn supports_create_table_multi_schema_info_sources(&self) -> bool {
        true
    }

    fn supports_string_literal_concatenation(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    /// Behind a comma the same question tells a trailing comma from a further item; a reserved word that begins an
    /// expression is no end of the list. Where it is an alias after all, the lowering refuses it.
    fn is_column_alias(&self, keyword: &Keyword, _: &mut Parser) -> bool {
        !reserved(keyword) || STARTERS.contains(keyword)
    }

    fn is_table_alias(&self, keyword: &Keyword, _: &mut Parser) -> bool {
        !reserved(keyword) && !RESERVED_FOR_TABLE_ALIAS.contains(keyword)
    }

    /// GoogleSQL has one level for all comparisons: `a LIKE b = c` is `(a LIKE b) = c`.
    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Is | Precedence::Like => BASE.prec_value(Precedence::Eq),
            other => BASE.prec_value(other),
        }
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        let shift = parser.peek_token_ref().token == Theirs::ShiftLeft || shift_right(parser);
        shift.then_some(Ok(SHIFT))
    }

    /// `>>` comes as two tokens, since `ARRAY<STRUCT<..>>` closes with it.
    fn parse_infix(&self, parser: &mut Parser, left: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        if !shift_right(parser) {
            return None;
        }
        parser.advance_token();
        parser.advance_token();
        let op = BinaryOperator::PGBitwiseShiftRight;
        let build = |right| Expr::BinaryOp { left: Box::new(left.clone()), op, right: Box::new(right) };
        Some(parser.parse_subexpr(SHIFT).map(build))
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let first = parser.peek_token_ref().clone();
        let second = &parser.peek_nth_token_ref(1).token;
        match &first.token {
            // `~` binds tighter than `*`
            Theirs::Tilde => {
                parser.advance_token();
                let unary = |value| Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr: Box::new(value) };
                Some(parser.parse_subexpr(BASE.prec_value(Precedence::MulDivModOp)).map(unary))
            }
            Theirs::Word(word)
                if word.quote_style.is_none() && word.keyword == Keyword::ARRAY && *second == Theirs::Lt =>
            {
                Some(typed_array(parser))
            }
            Theirs::Word(word) if *second == Theirs::LParen => {
                let form =
                    word.quote_style.is_none() && FORMS.iter().any(|form| form.eq_ignore_ascii_case(&word.value));
                if form {
                    return None;
                }
                let name = Ident { value: word.value.clone(), quote_style: word.quote_style, span: first.span };
                parser.advance_token();
                Some(parser.parse_function(ObjectName::from(vec![name])))
            }
            _ => None,
        }
    }
}

/// `ARRAY<type>[...]`, for which sqlparser has no node: it travels as a `::` cast, which GoogleSQL has not.
fn typed_array(parser: &mut Parser) -> Result<Expr, ParserError> {
    let data_type = parser.parse_data_type()?;
    parser.expect_token(&Theirs::LBracket)?;
    let expr = Box::new(parser.parse_array_expr(true)?);
    Ok(Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, format: None })
}

fn shift_right(parser: &Parser) -> bool {
    let (one, two) = (parser.peek_token_ref(), parser.peek_nth_token_ref(1));
    one.token == Theirs::Gt && two.token == Theirs::Gt && one.span.end == two.span.start
}

fn reserved(keyword: &Keyword) -> bool {
    Hand::reserved(&format!("{keyword:?}"))
}

/// Our tokens as sqlparser's; `None` when one of them has no counterpart there.
pub fn tokens(tokens: &[Token]) -> Option<Vec<TokenWithSpan>> {
    let place = |at: usize| Location::new(1, at as u64 + 1);
    tokens
        .iter()
        .map(|t| Some(TokenWithSpan { token: token(&t.tok)?, span: Span::new(place(t.at), place(t.end)) }))
        .collect()
}

fn token(tok: &Tok) -> Option<Theirs> {
    Some(match tok {
        Tok::Word(text, quoted) => Theirs::make_word(text, quoted.then_some('`')),
        Tok::Int(text) | Tok::Float(text) => Theirs::Number(text.clone(), false),
        Tok::Text(text) => Theirs::SingleQuotedString(text.clone()),
        // bytes need not be UTF-8, so they travel as hexadecimal digits
        Tok::Bytes(bytes) => Theirs::HexStringLiteral(bytes.iter().map(|b| format!("{b:02x}")).collect()),
        Tok::Param(name) => Theirs::Placeholder(format!("@{name}")),
        Tok::System(name) => Theirs::Placeholder(format!("@@{name}")),
        Tok::Sym(symbol) => symbol_token(symbol)?,
        Tok::End => Theirs::EOF,
    })
}

fn symbol_token(symbol: &str) -> Option<Theirs> {
    Some(match symbol {
        "|>" => Theirs::VerticalBarRightAngleBracket,
        "||" => Theirs::StringConcat,
        "<=" => Theirs::LtEq,
        "<>" | "!=" => Theirs::Neq,
        "<<" => Theirs::ShiftLeft,
        ">=" => Theirs::GtEq,
        "=>" => Theirs::RArrow,
        "(" => Theirs::LParen,
        ")" => Theirs::RParen,
        "[" => Theirs::LBracket,
        "]" => Theirs::RBracket,
        "," => Theirs::Comma,
        "." => Theirs::Period,
        "+" => Theirs::Plus,
        "-" => Theirs::Minus,
        "*" => Theirs::Mul,
        "/" => Theirs::Div,
        "=" => Theirs::Eq,
        "<" => Theirs::Lt,
        ">" => Theirs::Gt,
        "~" => Theirs::Tilde,
        "&" => Theirs::Ampersand,
        "|" => Theirs::Pipe,
        "^" => Theirs::Caret,
        "?" => Theirs::Placeholder("@".to_owned()),
        _ => return None,
    })
}
