//! Comparisons. DuckDB takes NaN for equal to NaN and above everything, and two NULL fields of structs for equal; to
//! BigQuery every comparison with NaN is false (`!=` is true), and a NULL field makes the result unknown.

use super::{LONG, Printer};
use rsdbt_googlesql::query::{Expr, Node};
use rsdbt_googlesql::types::{Field, Type, field_names};

impl Printer<'_> {
    pub(super) fn comparison(&mut self, op: &str, a: &Expr, b: &Expr) -> String {
        match &a.ty {
            Type::Struct(fields) => {
                let written = |side: &Expr| matches!(side.node, Node::Struct(_));
                if written(a) && written(b) {
                    return self.fields_compared(op, (a, b), fields);
                }
                self.bound(
                    &[a, b],
                    |_, text| text.len() > LONG,
                    |p, given| p.fields_compared(op, (&given[0], &given[1]), fields),
                )
            }
            Type::Float64 => self.floats_compared(op, a, b),
            Type::Range(_) if !matches!(op, "=" | "!=") => {
                format!("(rsdbt_sys.main.range_key({}) {op} rsdbt_sys.main.range_key({}))", self.expr(a), self.expr(b))
            }
            _ => self.plainly(op, a, b),
        }
    }

    fn plainly(&mut self, op: &str, a: &Expr, b: &Expr) -> String {
        let op = if op == "!=" { "<>" } else { op };
        format!("({} {op} {})", self.expr(a), self.expr(b))
    }

    fn floats_compared(&mut self, op: &str, a: &Expr, b: &Expr) -> String {
        // to DuckDB NaN is the greatest number and equal to itself: only on one side it does harm
        let guarded = match op {
            "=" | "!=" if number(a) || number(b) => None,
            "<" | "<=" => Some((b, a)).filter(|(side, _)| !number(side)),
            _ => Some((a, b)).filter(|(side, _)| !number(side)),
        };
        let Some((side, other)) = guarded else { return self.plainly(op, a, b) };
        let sure = constant(other);
        self.bound(
            &[a, b],
            |_, text| text.len() > LONG,
            |p, given| {
                let sql = p.plainly(op, &given[0], &given[1]);
                let (side, other) = if std::ptr::eq(side, a) { (&given[0], &given[1]) } else { (&given[1], &given[0]) };
                let nan = match sure {
                    true => format!("isnan({})", p.expr(side)),
                    // beside a NULL the result is unknown
                    false => format!("(isnan({}) AND {} IS NOT NULL)", p.expr(side), p.expr(other)),
                };
                match op {
                    "!=" => format!("({sql} OR {nan})"),
                    _ => format!("({sql} AND NOT {nan})"),
                }
            },
        )
    }

    /// Field by field.
    fn fields_compared(&mut self, op: &str, (a, b): (&Expr, &Expr), fields: &[Field]) -> String {
        let mut tests = Vec::new();
        for (phys, field) in field_names(fields).iter().zip(fields) {
            let side = |whole: &Expr| part(whole, phys, &field.ty);
            tests.push(self.comparison("=", &side(a), &side(b)));
        }
        let all = format!("({})", tests.join(" AND "));
        if op == "!=" { format!("(NOT {all})") } else { all }
    }
}

/// A field of a struct value, and the part itself where the struct is written out.
fn part(whole: &Expr, phys: &str, ty: &Type) -> Expr {
    if let Node::Struct(parts) = &whole.node
        && let Some((_, part)) = parts.iter().find(|(name, _)| name == phys)
    {
        return part.clone();
    }
    whole.clone().field(phys, ty.clone())
}

/// Whether a value is certainly no NaN: a constant, or a number of another type.
fn number(value: &Expr) -> bool {
    match &value.node {
        Node::Cast(inner, _) => matches!(inner.ty, Type::Int64 | Type::Numeric | Type::BigNumeric) || constant(value),
        _ => constant(value),
    }
}

/// Whether a value is a number that is written out, which is neither NaN nor NULL.
fn constant(value: &Expr) -> bool {
    match &value.node {
        Node::Int(_) | Node::Float(_) => true,
        Node::Cast(inner, casting) => casting.implicit && matches!(inner.node, Node::Int(_) | Node::Float(_)),
        _ => false,
    }
}
