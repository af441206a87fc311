//! The printer: a query of the analysis in, DuckDB text out. Equal expressions print as equal texts, since DuckDB matches
//! what is selected with what is grouped by; so no name in a text may come from a counter.

mod aggregate;
mod bind;
mod cast;
mod code;
mod compare;
mod from;
mod json;
mod plan;
mod query;
mod shown;
mod sort;
mod template;
#[cfg(test)]
mod tests;

use crate::types::{duck, quote, text};
use rsdbt_googlesql::query::{Expr, Node, SubqueryKind};
use rsdbt_googlesql::types::Type;

/// Operands longer than this are computed once where a text would repeat them.
pub(crate) const LONG: usize = 120;

pub(crate) struct Printer<'z> {
    zone: &'z str,
    /// how many lambdas of the printer's own are around what is being printed
    depth: usize,
    /// what the names of the `Let`s around it stand for
    locals: Vec<(String, String)>,
    /// no lambdas: DuckDB refuses them in a DEFAULT
    inline: bool,
}

impl<'z> Printer<'z> {
    pub(crate) fn new(zone: &'z str) -> Printer<'z> {
        Printer { zone, depth: 0, locals: Vec::new(), inline: false }
    }

    pub(crate) fn expr(&mut self, value: &Expr) -> String {
        match &value.node {
            Node::Null if value.ty == Type::Null => "NULL".into(),
            Node::Null => format!("CAST(NULL AS {})", duck(&value.ty)),
            Node::Default => "DEFAULT".into(),
            Node::Bool(true) => "TRUE".into(),
            Node::Bool(false) => "FALSE".into(),
            Node::Int(number) => int(*number, "BIGINT"),
            Node::Float(digits) if digits.starts_with('-') => format!("({digits})::DOUBLE"),
            Node::Float(digits) => format!("{digits}::DOUBLE"),
            Node::Text(content) => text(content),
            Node::Bytes(bytes) => format!("from_hex('{}')", hex(bytes)),
            Node::Column(column) => format!("{}.{}", quote(&column.range), quote(&column.name)),
            Node::RowId(range) => format!("{}.rowid", quote(range)),
            Node::Field(inner, name) => self.field(inner, name),
            Node::Variable(name) => variable(&format!("v_{name}"), &value.ty),
            Node::System(name) => variable(&format!("sys_{name}"), &value.ty),
            Node::Call(function, args) => self.call(function, args, &value.ty),
            Node::Compare(op, a, b) => self.comparison(op, a, b),
            Node::Cast(inner, casting) => self.cast(inner, casting, &value.ty),
            Node::Fit(inner, numbers) => self.fit(inner, numbers),
            Node::Safe(inner) => self.safe(inner),
            Node::Case(whens, otherwise) => self.case(whens, otherwise.as_deref()),
            Node::Array(items) => self.array(items, &value.ty),
            Node::Struct(parts) => self.structure(parts),
            Node::Lambda(params, body) => format!("lambda {}: {}", params.join(", "), self.expr(body)),
            Node::Local(name) => self.local(name),
            Node::Let(values, body) => self.with_values(values, body),
            Node::Subquery(kind, query) => {
                let query = self.query(query);
                match kind {
                    SubqueryKind::Scalar => format!("({query})"),
                    SubqueryKind::Exists => format!("EXISTS ({query})"),
                    SubqueryKind::Array => format!("ARRAY({query})"),
                }
            }
            Node::InQuery(probe, query) => format!("({} IN ({}))", self.expr(probe), self.query(query)),
            Node::Aggregate(call) => self.aggregate(call, &value.ty),
        }
    }

    pub(crate) fn list(&mut self, values: &[Expr]) -> String {
        let texts: Vec<String> = values.iter().map(|value| self.expr(value)).collect();
        texts.join(", ")
    }

    /// A value that DuckDB can store: an untyped NULL is a BIGINT.
    fn settled(&mut self, value: &Expr) -> String {
        let plain = self.expr(value);
        if value.is_null() { format!("CAST({plain} AS BIGINT)") } else { plain }
    }

    /// A field; of a struct that is written out, the part itself.
    fn field(&mut self, inner: &Expr, name: &str) -> String {
        if let Node::Struct(parts) = &inner.node
            && let Some((_, part)) = parts.iter().find(|(phys, _)| phys == name)
        {
            return self.settled(part);
        }
        format!("({}).{}", self.expr(inner), quote(name))
    }

    fn case(&mut self, whens: &[(Expr, Expr)], otherwise: Option<&Expr>) -> String {
        let mut sql = String::from("CASE");
        for (when, then) in whens {
            sql.push_str(&format!(" WHEN {} THEN {}", self.expr(when), self.expr(then)));
        }
        if let Some(value) = otherwise {
            sql.push_str(&format!(" ELSE {}", self.expr(value)));
        }
        sql.push_str(" END");
        sql
    }

    fn array(&mut self, items: &[Expr], ty: &Type) -> String {
        match ty.element() {
            Some(Type::Null) if items.is_empty() => "[]".into(),
            _ if items.is_empty() => format!("CAST([] AS {})", duck(ty)),
            _ => format!("[{}]", self.list(items)),
        }
    }

    fn structure(&mut self, parts: &[(String, Expr)]) -> String {
        let parts: Vec<String> =
            parts.iter().map(|(name, part)| format!("{} := {}", quote(name), self.settled(part))).collect();
        format!("struct_pack({})", parts.join(", "))
    }
}

fn variable(name: &str, ty: &Type) -> String {
    format!("CAST(getvariable({}) AS {})", text(name), duck(ty))
}

/// A whole number as a constant of a type that holds it.
fn int(number: i64, ty: &str) -> String {
    match number {
        // the digits alone would be a HUGEINT
        i64::MIN if ty == "BIGINT" => "(-9223372036854775807::BIGINT - 1)".into(),
        ..0 => format!("({number})::{ty}"),
        _ => format!("{number}::{ty}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
