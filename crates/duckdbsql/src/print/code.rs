//! Rows of the library whose text depends on how many operands there are, or on their types: `@name` in the table.

use super::json::Numbers;
use super::{LONG, Printer};
use rsdbt_googlesql::query::{Expr, Node};
use rsdbt_googlesql::types::Type;

type Code = fn(&mut Printer<'_>, &[Expr], &Type) -> String;

const TABLE: &[(&str, Code)] = &[
    ("@and", |p, args, _| p.terms(args, "@and", " AND ")),
    ("@or", |p, args, _| p.terms(args, "@or", " OR ")),
    ("@concat", concat),
    ("@in", is_in),
    ("@greatest", |p, args, ty| extreme(p, "greatest", args, ty)),
    ("@least", |p, args, ty| extreme(p, "least", args, ty)),
    ("@iferror", iferror),
    ("@is_error", is_error),
    ("@null_if_error", null_if_error),
    ("@assert", assert),
    ("@json_text", |p, args, _| p.json(args, Numbers::Json)),
    ("@json_text_wide", |p, args, _| p.json(args, Numbers::Wide)),
    ("@json_string", |p, args, _| p.json(args, Numbers::Text)),
    ("@shown", |p, args, _| p.shown_of(args, false)),
    ("@shown_literal", |p, args, _| p.shown_of(args, true)),
    ("@format", |p, args, _| p.format(args)),
];

pub(super) fn find(text: &str) -> Option<Code> {
    TABLE.iter().find(|(name, _)| *name == text).map(|(_, code)| *code)
}

impl Printer<'_> {
    /// A chain of one operator, flat however it was nested, so that a long one does not nest in DuckDB either.
    fn terms(&mut self, args: &[Expr], row: &str, word: &str) -> String {
        let (mut open, mut terms): (Vec<&Expr>, Vec<String>) = (args.iter().rev().collect(), Vec::new());
        while let Some(term) = open.pop() {
            match &term.node {
                Node::Call(function, inner) if function.text == row => open.extend(inner.iter().rev()),
                _ => terms.push(self.expr(term)),
            }
        }
        format!("({})", terms.join(word))
    }
}

fn concat(p: &mut Printer<'_>, args: &[Expr], _: &Type) -> String {
    match args {
        [only] => p.expr(only),
        _ => p.terms(args, "@concat", " || "),
    }
}

fn is_in(p: &mut Printer<'_>, args: &[Expr], _: &Type) -> String {
    match args.split_first() {
        Some((value, items)) => format!("({} IN ({}))", p.expr(value), p.list(items)),
        None => "FALSE".into(),
    }
}

/// GREATEST and LEAST: NULL where one is NULL, NaN where one is NaN.
fn extreme(p: &mut Printer<'_>, name: &str, args: &[Expr], ty: &Type) -> String {
    let operands: Vec<&Expr> = args.iter().collect();
    p.bound(
        &operands,
        |_, text| text.len() > LONG,
        |p, given| {
            let list: Vec<String> = given.iter().map(|value| p.expr(value)).collect();
            let any =
                |test: &dyn Fn(&str) -> String| list.iter().map(|value| test(value)).collect::<Vec<_>>().join(" OR ");
            let null = any(&|value| format!("{value} IS NULL"));
            let nan = match ty {
                Type::Float64 => format!(" WHEN {} THEN 'nan'::DOUBLE", any(&|value| format!("isnan({value})"))),
                _ => String::new(),
            };
            format!("CASE WHEN {null} THEN NULL{nan} ELSE {name}({}) END", list.join(", "))
        },
    )
}

/// A struct around the value tells a NULL from a failure; the second value is computed where there was one.
fn iferror(p: &mut Printer<'_>, args: &[Expr], _: &Type) -> String {
    let [value, other] = args else { return "NULL".into() };
    let other = p.settled(other);
    p.hoisted(value, |p, value| {
        format!("(COALESCE(TRY(struct_pack(v := {})), struct_pack(v := {other}))).v", p.settled(value))
    })
}

fn is_error(p: &mut Printer<'_>, args: &[Expr], _: &Type) -> String {
    let [value] = args else { return "NULL".into() };
    p.hoisted(value, |p, value| format!("(TRY(struct_pack(v := {})) IS NULL)", p.settled(value)))
}

fn null_if_error(p: &mut Printer<'_>, args: &[Expr], _: &Type) -> String {
    let [value] = args else { return "NULL".into() };
    p.hoisted(value, |p, value| format!("TRY({})", p.expr(value)))
}

fn assert(p: &mut Printer<'_>, args: &[Expr], _: &Type) -> String {
    let Some((condition, message)) = args.split_first() else { return "TRUE".into() };
    let condition = p.expr(condition);
    let parts: Vec<String> = message.iter().map(|part| p.shown_of(std::slice::from_ref(part), false)).collect();
    let shown = match parts.as_slice() {
        [] => "'Assert failed'".to_owned(),
        _ => format!("'Assert failed: ' || {}", parts.join(" || ")),
    };
    format!("CASE WHEN {condition} THEN TRUE ELSE CAST(bq_fail_text({shown}) AS BOOLEAN) END")
}
